#!/usr/bin/env python3
"""Time training and sampling with several numbers of threads beside other processes that are busy.

usage: threads_benchmark.py --programs FOLDER [--programs FOLDER] --tokens FOLDER --work FOLDER

Each round runs every combination once, with the builds in turn. A neighbor is a process that never
sleeps. Prints medians as Markdown: training in steps per second (the Trainer's train_steps_per_second),
one text in tokens per second, with the start of the program.
"""
import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

LENGTH = 200


def train(program, arguments, threads, steps, run):
    shutil.rmtree(run, ignore_errors=True)
    subprocess.run(
        [program / "gpt-finetune", arguments.tokens, "-o", run, "--max-steps", str(steps), "--threads",
         str(threads), "--save-steps", "1000", "--eval-steps", "1000", "--report-to", "none"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log = json.loads((run / "final/trainer_state.json").read_text())["log_history"]
    return next(entry["train_steps_per_second"] for entry in log if "train_steps_per_second" in entry)


def sample(program, threads, run):
    start = time.monotonic()
    subprocess.run(
        [program / "gpt-sample", run / "final", "--threads", str(threads), "--min-length", str(LENGTH),
         "--max-length", str(LENGTH), "--prompt", ""],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return LENGTH / (time.monotonic() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, action="append", required=True)
    parser.add_argument("--tokens", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2, 8])
    parser.add_argument("--neighbors", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    run = arguments.work / "run"
    figures = {}
    for _ in range(arguments.rounds):
        for neighbors in arguments.neighbors:
            others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(neighbors)]
            try:
                for threads in arguments.threads:
                    for index, program in enumerate(arguments.programs):
                        key = neighbors, threads, index
                        figures.setdefault(("train", *key), []).append(
                            train(program, arguments, threads, arguments.steps, run))
                        figures.setdefault(("sample", *key), []).append(sample(program, threads, run))
            finally:
                for other in others:
                    other.kill()
                    other.wait()
    names = [program.name for program in arguments.programs] if len(arguments.programs) > 1 else [""]
    print("| busy neighbors | threads |" + "".join(
        f" {what} {name} |" for what in ("steps/s", "tokens/s") for name in names))
    print("| ---: | ---: |" + " ---: |" * 2 * len(names))
    for neighbors in arguments.neighbors:
        for threads in arguments.threads:
            cells = [statistics.median(figures[what, neighbors, threads, index])
                     for what in ("train", "sample") for index in range(len(names))]
            print(f"| {neighbors} | {threads} |" + "".join(f" {cell:.2f} |" for cell in cells))


if __name__ == "__main__":
    main()
