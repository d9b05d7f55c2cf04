"""Lets every call of the programs fail, kills them, and takes their memory away: make torture.

After each fault a program must have ended with a message and a status, the outputs must be as they
were or as they should become, and the same command must then give the result of a run without a
fault, and nothing else. The seed is printed; what was wrong can be repeated with --only.
"""
import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import calls
import jobs
import makes
import programs
from web import Server


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", default=".", help="the folder of the project, with the programs built")
    parser.add_argument("--runs", default="100", help="faults for each job, and ten times as many as makes are "
                        "killed; all: every call with every failure")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--parts", default="calls,limits,makes")
    parser.add_argument("--jobs", default="", help="only these jobs, such as train,sample")
    parser.add_argument("--only", default="", help="only faults that are named so, such as 'train: write 77-EIO'")
    return parser.parse_args()


def scratch_folder():
    """A folder in memory if there is room, because much is written to the disk and waited for."""
    memory = "/dev/shm"
    room = os.path.isdir(memory) and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 30
    return tempfile.TemporaryDirectory(prefix="torture-", dir=memory if room else None)


class Findings:
    """Counts the faults, and prints those after which something was wrong."""

    def __init__(self):
        self.count, self.wrong = 0, 0

    def report(self, name, found):
        self.count += 1
        if found:
            self.wrong += 1
            print(f"WRONG {name}", *found, sep="\n    ", flush=True)


def main():
    options = arguments()
    every = options.runs == "all"
    runs = 2000 if every else int(options.runs)
    project = os.path.abspath(options.project)
    bin = project + "/.build/release"
    findings, begin = Findings(), time.time()
    print(f"seed {options.seed}, {options.runs} faults for each job", flush=True)

    def summarize(name, statuses):
        texts = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items(), key=str))
        print(f"{name:14} {statuses.total():6} faults, ended with {texts}", flush=True)

    with scratch_folder() as scratch, ThreadPoolExecutor(options.workers) as pool:
        faults = programs.Faults(scratch)
        inputs = scratch + "/inputs"
        stand_in = project + "/Tests/Stages/TelegramSourcesTests/StandIn"
        jobs.make_inputs(bin, project + "/data/fixture/result.json", stand_in, inputs)
        with open(inputs + "/text.txt") as text:
            server = Server([line.rstrip("\n") for line in text], inputs + "/base")
        programs.VARIABLES["HF_ENDPOINT"] = server.address
        for job in jobs.all_jobs(inputs, server.address):
            parts = [part for part in ("calls", "limits") if part in options.parts]
            wanted = options.jobs.split(",") if options.jobs else options.only.split(":")[:1]
            if not parts or wanted != [""] and job.name not in wanted:
                continue
            rng = random.Random(f"{options.seed} {job.name}")
            job.prepare(bin, inputs, scratch)
            undisturbed = calls.Undisturbed(job, faults, bin, scratch)
            findings.report(f"{job.name}: order of calls", undisturbed.loose)
            if "calls" in parts:
                plans = calls.plan_calls(undisturbed, None if every or options.only else runs, rng)
                plans = [plan for plan in plans if options.only in f"{job.name}: {plan[1]} {plan[0]}-{plan[2]}-sticky"]
                summarize(job.name, calls.run_calls(undisturbed, plans, faults, pool, findings.report))
            if "limits" in parts and not options.only:
                summarize(f"{job.name} -v", calls.run_limits(undisturbed, -(-runs // 5), rng, pool, findings.report))
        if "makes" in options.parts and not options.only and not options.jobs:
            for name, statuses in makes.run(project, inputs, scratch, server, faults, -(-runs // 10), options.seed, pool,
                                            findings.report):
                summarize(name, statuses)
    minutes = (time.time() - begin) / 60
    print(f"{findings.count} checks in {minutes:.1f} minutes, {findings.wrong} of them found something wrong")
    sys.exit(1 if findings.wrong else 0)


if __name__ == "__main__":
    main()
