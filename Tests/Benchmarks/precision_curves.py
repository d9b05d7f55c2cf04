"""Train in fp32 and in bf16 and draw the losses side by side.

usage: precision_curves.py --bpe-encode PROGRAM --gpt-finetune PROGRAM --fixture TEXT --work FOLDER
                           --picture FILE [--steps N] [--fine-tuning-steps N]

A model from random weights learns the jokes of Debian's package fortunes-ru, in each precision; then
the one of fp32 is fine-tuned, in each, on the fixture. Prints the validation losses as Markdown.
"""

import argparse
import csv
import pathlib
import subprocess
import sys

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

from fortunes import FORTUNES, fortunes

PRECISIONS = ("fp32", "bf16")


def run(*command):
    words = [str(word) for word in command]
    print("+ " + " ".join(words), file=sys.stderr, flush=True)
    if subprocess.run(words, stdout=sys.stderr).returncode:
        sys.exit(f"precision_curves.py: {words[0]} failed")


def curves(folder, name):
    """The steps and the values of a column of the run in `folder`."""
    with (folder / "curves.csv").open(encoding="utf-8") as file:
        rows = [(int(row["step"]), float(row[name])) for row in csv.DictReader(file) if row[name]]
    return [step for step, _ in rows], [value for _, value in rows]


def train(arguments, tokens, name, steps, *options):
    """Trains in both precisions; returns the folders of the runs."""
    runs = {}
    # That which this machine may lack comes first.
    for precision in reversed(PRECISIONS):
        runs[precision] = arguments.work / f"{name}-{precision}"
        run(arguments.gpt_finetune, tokens, "-o", runs[precision], "--recipe", "original", "--restart", "--max-steps", steps,
            "--warmup-steps", steps // 10, "--logging-steps", max(1, steps // 100),
            "--eval-steps", max(1, steps // 10), "--save-steps", steps,
            "--precision", precision, *options)
    return runs


def draw(axes, title, runs):
    for precision, color in zip(PRECISIONS, ("tab:blue", "tab:orange")):
        # The second lies on the first, so it is dashed.
        style = "-" if precision == "fp32" else "--"
        axes.plot(*curves(runs[precision], "loss"), style, color=color, linewidth=1,
                  label=f"{precision}, training")
        axes.plot(*curves(runs[precision], "eval_loss"), style, color=color, linewidth=2,
                  marker="o", markersize=4, label=f"{precision}, validation")
    axes.set(title=title, xlabel="step", ylabel="loss")
    axes.grid(alpha=0.3)
    axes.legend()


def print_row(title, runs):
    values = [curves(runs[precision], "eval_loss")[1] for precision in PRECISIONS]
    differences = [(bf16 / fp32 - 1) * 100 for fp32, bf16 in zip(*values, strict=True)]
    print(f"| {title} | {values[0][-1]:.4f} | {values[1][-1]:.4f} | {differences[-1]:+.3f} % "
          f"| {max(differences, key=abs):+.3f} % |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("bpe-encode", "gpt-finetune", "fixture", "work", "picture"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--fine-tuning-steps", type=int, default=200)
    arguments = parser.parse_args()
    if not FORTUNES.is_dir():
        sys.exit(f"precision_curves.py: {FORTUNES} is not there: apt-get install fortunes-ru")
    arguments.work.mkdir(parents=True, exist_ok=True)
    corpus = arguments.work / "fortunes.txt"
    corpus.write_text("".join(post + "\n" for post in fortunes(" @ ")), encoding="utf-8")
    tokens, fixture_tokens = arguments.work / "fortunes", arguments.work / "fixture"
    run(arguments.bpe_encode, corpus, "-o", tokens, "--vocab-size", 8192)
    run(arguments.bpe_encode, arguments.fixture, "-o", fixture_tokens, "--tokenizer", tokens)
    scratch = train(arguments, tokens, "scratch", arguments.steps)
    fine = train(arguments, fixture_tokens, "fine-tuning", arguments.fine_tuning_steps,
                 "--model", scratch["fp32"] / "final")

    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    draw(axes[0], "From random weights, fortunes-ru", scratch)
    draw(axes[1], "Fine-tuning on the fixture", fine)
    # Without a date and random names the same losses are the same file.
    matplotlib.rcParams["svg.hashsalt"] = "precision"
    figure.savefig(arguments.picture, metadata={"Date": None})
    print("| validation loss | fp32 | bf16 | difference at the end | largest difference |")
    print("| --- | --- | --- | --- | --- |")
    print_row(f"from random weights, {arguments.steps} steps", scratch)
    print_row(f"fine-tuning, {arguments.fine_tuning_steps} steps", fine)


if __name__ == "__main__":
    main()
