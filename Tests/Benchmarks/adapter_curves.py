"""Fine-tune all weights, LoRA, DoRA and PiSSA side by side and draw the losses.

usage: adapter_curves.py --bpe-encode PROGRAM --gpt-finetune PROGRAM --fixture TEXT --work FOLDER
                         --picture FILE [--steps N] [--fine-tuning-steps N]

A model from random weights learns the jokes of Debian's package fortunes-ru, except those about
computers. Then it is fine-tuned on those, and on the fixture, in each way. The learning rate is
doubled or halved as long as that lowers the lowest validation loss; the best ones are kept in
rates.json in the work folder, where a second run finds them. Draws the losses over steps and minutes,
and prints a table.
"""

import argparse
import csv
import json
import pathlib
import re
import subprocess
import sys
import time

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

from fortunes import FORTUNES, fortunes

LORA = ["--adapter", "lora"]
# name: the first learning rate to try, options
WAYS = {
    "all weights": (5e-4, []),
    "LoRA": (2e-3, LORA),
    "rsLoRA": (1e-3, [*LORA, "--use-rslora"]),
    "DoRA": (2e-3, [*LORA, "--use-dora"]),
    "PiSSA": (1e-3, [*LORA, "--init-lora-weights", "pissa"]),
    "LoRA, rank 64": (2e-3, [*LORA, "--lora-r", "64"]),
}
# With LoRA's best learning rate.
VARIANTS = {
    f"LoRA, base in {kind}": [*LORA, "--base-weights", kind] for kind in ("fp32", "int8", "int4")}
VARIANTS["LoRA, dropout 0.05"] = [*LORA, "--lora-dropout", "0.05"]
ABOUT_COMPUTERS = ("computer", "programming", "M$")
EVALUATIONS = 15


def run(*command):
    """Runs a program; returns the seconds after its start of each line of validation, and its log."""
    words = [str(word) for word in command]
    print("+ " + " ".join(words), file=sys.stderr, flush=True)
    start = time.monotonic()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    seconds = []
    for line in process.stderr:
        if re.search(r"step [\d,]+, epoch [\d.,]+, validation loss", line):
            seconds.append(time.monotonic() - start)
    if process.wait():
        sys.exit(f"adapter_curves.py: {words[0]} failed")
    return seconds


class Result:
    def __init__(self, folder, rate, seconds):
        with (folder / "curves.csv").open(encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["eval_loss"]]
        self.rate, self.seconds = rate, seconds
        self.steps = [int(row["step"]) for row in rows]
        self.losses = [float(row["eval_loss"]) for row in rows]
        self.best = min(self.losses)
        adapter = folder / "final" / "adapter" / "adapter_model.safetensors"
        path = adapter if adapter.exists() else folder / "final" / "model.safetensors"
        self.bytes = path.stat().st_size


def fine_tune(arguments, target, base, name, rate, options):
    folder = arguments.work / re.sub(r"\W+", "-", f"{target} {name} {rate:g}")
    every = max(1, arguments.fine_tuning_steps // EVALUATIONS)
    seconds = run(
        arguments.gpt_finetune, arguments.work / target, "-o", folder, "--restart",
        "--model", base, "--max-steps", arguments.fine_tuning_steps, "--learning-rate", rate,
        "--warmup-steps", arguments.fine_tuning_steps // 15, "--logging-steps", every,
        "--eval-steps", every, "--precision", "auto", "--report-to", "none", *options)
    return Result(folder, rate, seconds)


def best_rate(arguments, target, base, name):
    """The learning rate with the lowest validation loss, of which half and double are higher."""
    start, options = WAYS[name]
    losses = {}

    def loss(power):
        if power not in losses:
            losses[power] = fine_tune(
                arguments, target, base, name, start * 2.0**power, options).best
        return losses[power]

    power = 0
    while (step := min((-1, 0, 1), key=lambda step: loss(power + step))) != 0:
        power += step
    return start * 2.0**power


def write_corpus(path, **files):
    path.write_text("".join(post + "\n" for post in fortunes(" @ ", **files)), encoding="utf-8")


def learn_jokes(arguments):
    """The model that has learnt them."""
    if not FORTUNES.is_dir():
        sys.exit(f"adapter_curves.py: {FORTUNES} is not there: apt-get install fortunes-ru")
    corpus = arguments.work / "jokes.txt"
    write_corpus(corpus, without=ABOUT_COMPUTERS)
    tokens, output = arguments.work / "jokes", arguments.work / "base"
    run(arguments.bpe_encode, corpus, "-o", tokens, "--vocab-size", 8192)
    run(arguments.gpt_finetune, tokens, "-o", output, "--resume", "--layers", 6, "--width", 384,
        "--heads", 6, "--max-steps", arguments.steps, "--precision", "auto", "--report-to", "none")
    return output / "final"


def draw(arguments, results):
    """The losses of each way on each target."""
    figure, axes = pyplot.subplots(
        len(results), 2, figsize=(11, 4.2 * len(results)), sharey="row", layout="constrained")
    for row, (target, ways) in zip(axes, results.items()):
        for name, result in ways.items():
            if name in WAYS:
                minutes = [second / 60 for second in result.seconds]
                for part, places in zip(row, (result.steps, minutes)):
                    part.plot(
                        places, result.losses, marker="o", markersize=3,
                        label=f"{name}, {result.rate:g}")
        row[0].set(title=target, xlabel="step", ylabel="validation loss")
        row[1].set(title="over time", xlabel="minutes from the start of the program")
        row[0].legend(title="learning rate")
        for part in row:
            part.grid(alpha=0.3)
    matplotlib.rcParams["svg.hashsalt"] = "adapters"
    figure.savefig(arguments.picture, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("bpe-encode", "gpt-finetune", "fixture", "work", "picture"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--fine-tuning-steps", type=int, default=300)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    base = learn_jokes(arguments)
    computers = arguments.work / "computers.txt"
    write_corpus(computers, only=ABOUT_COMPUTERS)
    targets = {"fixture": arguments.fixture, "jokes about computers": computers}
    for target, corpus in targets.items():
        run(arguments.bpe_encode, corpus, "-o", arguments.work / target, "--tokenizer", base)

    saved = arguments.work / "rates.json"
    if not saved.exists():
        rates = {
            target: {name: best_rate(arguments, target, base, name) for name in WAYS}
            for target in targets}
        saved.write_text(json.dumps(rates, indent=2), encoding="utf-8")
    rates = json.loads(saved.read_text(encoding="utf-8"))
    results = {}
    for target in targets:
        of_way = rates[target]
        results[target] = {
            name: fine_tune(arguments, target, base, name, of_way[name], options)
            for name, (_, options) in WAYS.items()}
        for name, options in VARIANTS.items():
            results[target][name] = fine_tune(
                arguments, target, base, name, of_way["LoRA"], options)
    draw(arguments, results)

    for target, ways in results.items():
        print(f"\n| {target} | learning rate | lowest validation loss | to LoRA | seconds | on disk |")
        print("| --- " * 6 + "|")
        for name, result in ways.items():
            print(f"| {name} | {result.rate:g} | {result.best:.4f} "
                  f"| {(result.best / ways['LoRA'].best - 1) * 100:+.2f} % "
                  f"| {result.seconds[-1]:.0f} | {result.bytes / 1e6:.1f} MB |")


if __name__ == "__main__":
    main()
