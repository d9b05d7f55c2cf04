"""Compare what gpt-finetune --estimate says of a run with how long the run takes.

usage: estimate_benchmark.py --gpt-finetune PROGRAM --tokens FOLDER --work FOLDER [--rounds N] [--hours H]
                             [--only '12 × 768,LoRA']

Each round estimates each run and then does it: a small model from random weights, one of 12 layers of
768 channels, an adapter over that one, and a run with a budget of --hours. Prints the time of each as
Markdown; that of a run is the time of its process, from its start to its end.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import time

SMALL = ["--max-steps", 300]
LARGE = ["--layers", 12, "--width", 768, "--heads", 12, "--max-steps", 40, "--save-steps", 20]
ADAPTER = ["--adapter", "lora", "--max-steps", 80, "--eval-steps", 20]
UNIT = {"h": 3600, "min": 60, "s": 1}


def run(command, **options):
    words = [str(word) for word in command]
    print("+ " + " ".join(words), file=sys.stderr, flush=True)
    return subprocess.run(words, check=True, stderr=subprocess.DEVNULL, text=True, **options)


def estimated(command):
    """The seconds that the row of the given settings shows for the whole run."""
    heading, row = run([*command, "--estimate"], stdout=subprocess.PIPE).stdout.splitlines()[:2]
    cell = dict(zip(re.split(r"\s{2,}", heading.strip()), re.split(r"\s{2,}", row.strip())[1:]))["run"]
    return sum(int(count) * UNIT[unit] for count, unit in re.findall(r"(\d+) (h|min|s)\b", cell))


def taken(command, output):
    shutil.rmtree(output, ignore_errors=True)
    start = time.monotonic()
    run(command, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("gpt-finetune", "tokens", "work"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--hours", type=float, default=0.05)
    parser.add_argument("--only", default="", help="parts of the names of runs")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    base = arguments.work / "12-768-bf16" / "final"
    runs = {
        "4 × 256, fp32": [*SMALL, "--precision", "fp32"],
        "4 × 256, bf16": [*SMALL, "--precision", "bf16"],
        "12 × 768, bf16": [*LARGE, "--precision", "bf16"],
        "LoRA on it, bf16": ["--model", base, *ADAPTER, "--precision", "bf16"],
        f"4 × 256, {arguments.hours * 3600:.0f} s": ["--max-hours", arguments.hours],
    }
    print("| run | estimated | taken | difference |\n| --- | --- | --- | --- |")
    for _ in range(arguments.rounds):
        for name, options in runs.items():
            if not any(part in name for part in arguments.only.split(",")):
                continue
            output = arguments.work / re.sub(r"\W+", "-", name)
            command = [arguments.gpt_finetune, arguments.tokens, "-o", output, *options]
            before = estimated(command)
            after = taken(command, output)
            print(f"| {name} | {before:.0f} s | {after:.1f} s | {before / after - 1:+.1%} |", flush=True)
    shutil.rmtree(arguments.work)


if __name__ == "__main__":
    main()
