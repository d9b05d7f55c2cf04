"""Fine-tune all weights, LoRA, DoRA and PiSSA side by side and draw the losses.

usage: adapter_curves.py --bpe-encode PROGRAM --gpt-finetune PROGRAM --fixture TEXT --work FOLDER
                         --picture FILE [--steps N] [--fine-tuning-steps N] [--base FOLDER]

A model from random weights learns the jokes of Debian's package fortunes-ru, unless --base is the
model of an earlier run; then it is fine-tuned on the fixture in each way, with three learning rates, of which the best counts: the one with the lowest
validation loss. Draws that loss over the steps and over the minutes, and prints a table.
"""

import argparse
import csv
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
# name: learning rates, options
WAYS = {
    "all weights": ((5e-5, 2e-4, 5e-4), []),
    "LoRA": ((5e-4, 1e-3, 2e-3), LORA),
    "rsLoRA": ((2e-4, 5e-4, 1e-3), [*LORA, "--use-rslora"]),
    "DoRA": ((5e-4, 1e-3, 2e-3), [*LORA, "--use-dora"]),
    "PiSSA": ((2e-4, 5e-4, 1e-3), [*LORA, "--init-lora-weights", "pissa"]),
}
# With LoRA's best learning rate.
VARIANTS = {f"LoRA, base in {kind}": ["--base-weights", kind] for kind in ("fp32", "int8", "int4")}
VARIANTS["LoRA, dropout 0.05"] = ["--lora-dropout", "0.05"]
VARIANTS["LoRA, rank 64"] = ["--lora-r", "64"]
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


def fine_tune(arguments, tokens, base, name, rate, options):
    folder = arguments.work / re.sub(r"\W+", "-", f"{name} {rate}")
    every = max(1, arguments.fine_tuning_steps // EVALUATIONS)
    seconds = run(
        arguments.gpt_finetune, tokens, "-o", folder, "--restart", "--model", base,
        "--max-steps", arguments.fine_tuning_steps, "--learning-rate", rate, "--warmup-steps",
        arguments.fine_tuning_steps // 15, "--logging-steps", every, "--eval-steps", every,
        "--precision", "auto", "--report-to", "none", *options)
    return Result(folder, rate, seconds)


def learn_jokes(arguments):
    """The model that has learnt them."""
    if not FORTUNES.is_dir():
        sys.exit(f"adapter_curves.py: {FORTUNES} is not there: apt-get install fortunes-ru")
    corpus = arguments.work / "fortunes.txt"
    corpus.write_text("".join(post + "\n" for post in fortunes(" @ ")), encoding="utf-8")
    tokens, output = arguments.work / "fortunes", arguments.work / "base"
    run(arguments.bpe_encode, corpus, "-o", tokens, "--vocab-size", 8192)
    run(arguments.gpt_finetune, tokens, "-o", output, "--resume", "--max-steps", arguments.steps,
        "--precision", "auto", "--report-to", "none")
    return output / "final"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("bpe-encode", "gpt-finetune", "fixture", "work", "picture"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--fine-tuning-steps", type=int, default=300)
    parser.add_argument("--base", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    base = arguments.base or learn_jokes(arguments)
    fixture = arguments.work / "fixture"
    run(arguments.bpe_encode, arguments.fixture, "-o", fixture, "--tokenizer", base)

    results = {}
    for name, (rates, options) in WAYS.items():
        tried = [fine_tune(arguments, fixture, base, name, rate, options) for rate in rates]
        results[name] = min(tried, key=lambda result: result.best)
    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.5), sharey=True, layout="constrained")
    for name, result in results.items():
        label = f"{name}, {result.rate:g}"
        axes[0].plot(result.steps, result.losses, marker="o", markersize=3, label=label)
        axes[1].plot(
            [second / 60 for second in result.seconds], result.losses, marker="o", markersize=3,
            label=label)
    axes[0].set(title="Fine-tuning on the fixture", xlabel="step", ylabel="validation loss")
    axes[1].set(title="The same over time", xlabel="minutes from the start of the program")
    for part in axes:
        part.grid(alpha=0.3)
    axes[0].legend(title="learning rate")
    matplotlib.rcParams["svg.hashsalt"] = "adapters"
    figure.savefig(arguments.picture, metadata={"Date": None})

    for name, options in VARIANTS.items():
        results[name] = fine_tune(
            arguments, fixture, base, name, results["LoRA"].rate, [*LORA, *options])
    print("| way | learning rate | lowest validation loss | to LoRA | seconds | on disk |")
    print("| --- " * 6 + "|")
    for name, result in results.items():
        print(f"| {name} | {result.rate:g} | {result.best:.4f} "
              f"| {(result.best / results['LoRA'].best - 1) * 100:+.2f} % "
              f"| {result.seconds[-1]:.0f} | {result.bytes / 1e6:.1f} MB |")


if __name__ == "__main__":
    main()
