"""Measure what the network costs a training that several machines share, simulated on this one.

usage: machines_benchmark.py --gpt-finetune PROGRAM --work FOLDER [--trainings adapter,full]
                             [--machines 2,4] [--links 1,10] [--rounds N] [--steps N] [--table]

Needs root, iproute2 and Open MPI. Each simulated machine is a network namespace with a link of its own to
a common switch, shaped in both directions, and one process of one thread, which runs on processor i of n for
machine i modulo n. What they are compared with are as many trainings of their own, at the same time on the
same processors, so that only the exchange differs.

The links of --links, in Gbit/s, are those of machines with two cores. A simulated machine has half of a core
to one core, so its link is slowed down in proportion. Full training is that of a small model: computation
and traffic both grow with the number of weights, so their ratio is that of a large one. Each round runs all
that is asked for; results of several calls are kept in FOLDER/results.json, and --table shows them all,
without measuring anything. A step together waits for the slowest process, so where the speed of a processor
varies, it is longer than the mean of steps alone even without a network; *slowest* is the slowest of them.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

from training_benchmark import BATCH, BLOCK, write_shards

VOCABULARY = 2048
PROCESSORS = sorted(os.sched_getaffinity(0))
# layers, width, heads
SHAPES = {"adapter": (6, 1024, 16), "full": (8, 256, 4)}
# The batches that each process adds up for a step, as docs/machines.md recommends for full training.
BATCHES = {("full", 2, 1): 12, ("full", 4, 1): 18, ("full", 8, 1): 20,
           ("full", 2, 10): 2, ("full", 4, 10): 2, ("full", 8, 10): 2}
# The part of a link's rate that is left for the bytes of messages.
USEFUL = 0.94


def run(*words, **options):
    return subprocess.run(list(map(str, words)), check=True, **options)


class Network:
    """Namespaces with shaped links, which are removed at the end."""

    def __init__(self, machines, megabits, folder):
        self.machines, self.folder = machines, folder.resolve()
        self.prefix = f"bugurt{os.getpid()}"
        self.switch = f"{self.prefix}-switch"
        try:
            run("ip", "netns", "add", self.switch)
            run("ip", "-n", self.switch, "link", "add", "bridge", "type", "bridge")
            run("ip", "-n", self.switch, "link", "set", "bridge", "up")
            for index in range(machines):
                self.add(index, megabits)
        except BaseException:
            self.remove()
            raise

    def name(self, index):
        return f"{self.prefix}-{index}"

    def address(self, index):
        return f"10.77.0.{index + 1}"

    def add(self, index, megabits):
        name, port = self.name(index), f"port{index}"
        run("ip", "netns", "add", name)
        run("ip", "link", "add", "wire", "netns", name, "type", "veth",
            "peer", "name", port, "netns", self.switch)
        run("ip", "-n", name, "address", "add", f"{self.address(index)}/24", "dev", "wire")
        for device in ("lo", "wire"):
            run("ip", "-n", name, "link", "set", device, "up")
        run("ip", "-n", self.switch, "link", "set", port, "master", "bridge", "up")
        for space, device in ((name, "wire"), (self.switch, port)):
            # The burst holds packets as they are before the card would cut them, of up to 64 KB.
            run("tc", "-n", space, "qdisc", "add", "dev", device, "root", "tbf",
                "rate", f"{megabits}mbit", "burst", "256kb", "latency", "10ms")
        # Machines have names and temporary folders of their own; Open MPI tells them apart by these.
        script = self.folder / f"enter-{index}"
        script.write_text(
            f"#!/bin/sh\nexport TMPDIR={self.folder}/tmp-{index}\nmkdir -p $TMPDIR\n"
            f"exec taskset -c {PROCESSORS[index % len(PROCESSORS)]} ip netns exec {name} "
            f"unshare --uts sh -c 'hostname machine{index}; exec \"$@\"' - \"$@\"\n")
        script.chmod(0o755)

    def start(self, command):
        """Starts `command` under mpirun, one process on each machine."""
        remote = self.folder / "remote"
        remote.write_text(
            "#!/bin/sh\nmachine=$((${1##*.} - 1)); shift\n"
            f"exec {self.folder}/enter-$machine sh -c \"$*\"\n")
        remote.chmod(0o755)
        hosts = ",".join(f"{self.address(index)}:1" for index in range(self.machines))
        settings = {
            "plm": "rsh", "plm_rsh_agent": remote, "plm_rsh_no_tree_spawn": 1, "routed": "direct",
            "pml": "ob1", "btl": "tcp,self", "btl_tcp_if_include": "wire", "oob_tcp_if_include": "wire"}
        words = [self.folder / "enter-0", "mpirun", "--allow-run-as-root", "--bind-to", "none",
                 "--host", hosts, "-n", self.machines]
        for key, value in settings.items():
            words += ["--mca", key, value]
        return start([*words, *command])

    def sent(self):
        """The bytes that a machine has sent, in the mean."""
        total = 0
        for index in range(self.machines):
            shown = run("ip", "-n", self.name(index), "-s", "-j", "link", "show", "wire",
                        stdout=subprocess.PIPE).stdout
            total += json.loads(shown)[0]["stats64"]["tx"]["bytes"]
        return total / self.machines

    def remove(self):
        for name in [self.switch, *(self.name(index) for index in range(self.machines))]:
            found = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True)
            for process in found.stdout.split():
                os.kill(int(process), signal.SIGKILL)
            subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL)


def start(command):
    return subprocess.Popen(
        list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, start_new_session=True)


def helper_seconds(output):
    """The processor time of all threads but the first in the processes that write to `output`, by thread."""
    seconds = {}
    for process in pathlib.Path("/proc").iterdir():
        try:
            if not process.name.isdigit() or str(output).encode() not in (
                    process / "cmdline").read_bytes().split(b"\0"):
                continue
            if (process / "comm").read_text().strip() != "gpt-finetune":
                continue
            for task in (process / "task").iterdir():
                if task.name != process.name:
                    seconds[task.name] = int((task / "schedstat").read_text().split()[0]) / 1e9
        except OSError:
            pass
    return seconds


def follow(processes, steps, network=None, output=None):
    """Seconds of each timed step of each process, bytes that a machine sends for a step, and processor time
    of helpers for a step."""
    texts = [b"" for _ in processes]
    times = [[] for _ in processes]
    sent, helpers, first = [], {}, {}
    for process in processes:
        os.set_blocking(process.stderr.fileno(), False)
    while min(map(len, times)) <= steps:
        for index, process in enumerate(processes):
            texts[index] += process.stderr.read() or b""
            count = len(re.findall(rb"step \d+, .*learning rate.*\n", texts[index]))
            if process.poll() is not None and count <= steps:
                sys.exit(texts[index].decode() + "\nmachines_benchmark: a training ended")
            while len(times[index]) < count:
                times[index].append(time.monotonic())
                if network:
                    sent.append(network.sent())
                    first = first or helper_seconds(output)
        if network and sent:
            helpers.update(helper_seconds(output))
        # Often enough to see how much a thread has computed shortly before it ends.
        time.sleep(0.05 if network else 0.01)
    seconds = [[after - before for before, after in zip(own, own[1:])][:steps] for own in times]
    used = sum(value - first.get(thread, 0) for thread, value in helpers.items())
    return seconds, (sent[steps] - sent[0]) / steps if sent else 0, used / steps


def end(processes):
    for process in processes:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def command(arguments, training, steps, batches, output):
    layers, width, heads = SHAPES[training]
    shards = arguments.work / f"tokens-{VOCABULARY}"
    if not shards.exists():
        write_shards(shards, VOCABULARY, 8192, BLOCK)
    shape = ["--layers", layers, "--width", width, "--heads", heads]
    base = [arguments.gpt_finetune, shards, "--recipe", "original", "--report-to", "none",
            "--precision", arguments.precision, "--block-size", BLOCK, "--per-device-train-batch-size",
            BATCH, "--threads", 1, "--logging-steps", 1, "--save-steps", 10**6]
    if training == "adapter":
        model = arguments.work / "model"
        if not (model / "final").exists():
            run(*base, *shape, "--max-steps", 1, "--output", model, stderr=subprocess.DEVNULL)
        shape = ["--model", model / "final", "--adapter", "lora", "--lora-r", 16]
    return [*base, *shape, "--max-steps", steps + 1000, "--gradient-accumulation-steps", batches,
            "--output", output]


def measure(arguments, training, machines, link):
    """Seconds of steps alone and together, and what was exchanged."""
    batches = BATCHES.get((training, machines, link), 1)
    outputs = [arguments.work / f"run-{index}" for index in range(machines)]

    def clear():
        for output in outputs:
            shutil.rmtree(output, ignore_errors=True)

    # The link that a machine with this fraction of two cores needs for the same ratio.
    fraction = min(1, len(PROCESSORS) / machines) / 2
    clear()
    processes = [
        start(["taskset", "-c", PROCESSORS[index % len(PROCESSORS)],
               *command(arguments, training, arguments.steps, batches, output)])
        for index, output in enumerate(outputs)]
    try:
        alone = follow(processes, arguments.steps)[0]
    finally:
        end(processes)
    clear()
    network = Network(machines, round(1000 * link * fraction), arguments.work)
    try:
        process = network.start(command(arguments, training, arguments.steps, batches, outputs[0]))
        try:
            (together,), sent, used = follow([process], arguments.steps, network, outputs[0])
        finally:
            end([process])
    finally:
        network.remove()
        clear()
    return {
        "training": training, "machines": machines, "link": link, "fraction": fraction,
        "batches": batches, "alone": [statistics.mean(step) for step in zip(*alone)],
        "slowest": [max(step) for step in zip(*alone)],
        "together": together, "sent": sent, "used": used / machines}


def table(results):
    groups = {}
    for result in results:
        key = (result["training"], result["machines"], result["link"])
        groups.setdefault(key, []).append(result)
    print("| training | machines | link | batches | a step alone | slowest | together | efficiency "
          "| of the slowest | sent | exchange | hidden | processor |")
    print("| --- " * 13 + "|")
    rows = {}
    for (training, machines, link), group in sorted(groups.items()):
        alone, slowest, together = (
            statistics.median(step for result in group for step in result[key])
            for key in ("alone", "slowest", "together"))
        sent, used = (statistics.median(result[key] for result in group) for key in ("sent", "used"))
        fraction, batches = group[0]["fraction"], group[0]["batches"]
        exchange = sent * 8 / (link * fraction * 1e9)
        hidden = max(0, min(1, 1 - (together - slowest) / exchange))
        rows[training, machines, link] = (alone / batches * fraction, sent, hidden * exchange * fraction)
        print(f"| {training} | {machines} | {link} Gbit/s | {batches} | {alone:.2f} s | {slowest:.2f} s "
              f"| {together:.2f} s | **{alone / together:.0%}** | {slowest / together:.0%} "
              f"| {sent / 1e6:.1f} MB | {exchange:.2f} s | {hidden:.0%} | {used / together:.1%} |")
    print("\ncalculated from these, hiding as much as was hidden at most:\n")
    print("| training | machines | link | batches: efficiency |\n| --- | --- | --- | --- |")
    for (training, machines, link), (batch, sent, _) in rows.items():
        if machines != max(key[1] for key in rows if key[0] == training):
            continue
        # Fast links do not show how much could be hidden.
        overlap = max(row[2] for key, row in rows.items() if key[0] == training)
        for count in (8, 64):
            traffic = sent * (1 - 1 / count) / (1 - 1 / machines)
            seconds = max(0, traffic * 8 / (link * USEFUL * 1e9) - overlap)
            cells = ", ".join(
                f"{batches}: {batches * batch / (batches * batch + seconds):.0%}"
                for batches in (1, 2, 4, 8, 16, 32))
            print(f"| {training} | {count} | {link} Gbit/s | {cells} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpt-finetune", required=True, type=pathlib.Path)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--trainings", default="adapter,full")
    parser.add_argument("--machines", default="2,4")
    parser.add_argument("--links", default="1,10", help="Gbit/s of a machine with two cores")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    arguments.gpt_finetune = arguments.gpt_finetune.resolve()
    arguments.work.mkdir(parents=True, exist_ok=True)
    arguments.work = arguments.work.resolve()
    # Namespaces and processes must not remain.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    path = arguments.work / "results.json"
    results = json.loads(path.read_text()) if path.exists() else []
    if not arguments.table:
        for tool in ("ip", "tc", "mpirun"):
            if shutil.which(tool) is None:
                sys.exit(f"machines_benchmark: {tool} is missing: apt-get install iproute2 openmpi-bin")
        if os.geteuid() != 0:
            sys.exit("machines_benchmark: network namespaces need root")
        for index in range(arguments.rounds):
            for training in arguments.trainings.split(","):
                for machines in map(int, arguments.machines.split(",")):
                    for link in map(int, arguments.links.split(",")):
                        print(f"round {index + 1}: {training}, {machines} machines, {link} Gbit/s",
                              file=sys.stderr, flush=True)
                        results.append(measure(arguments, training, machines, link))
                        path.write_text(json.dumps(results, indent=1))
    table(results)


if __name__ == "__main__":
    main()
