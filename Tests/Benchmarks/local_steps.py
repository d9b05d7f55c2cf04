"""Train a small model in several processes that exchange gradients at each step, and in such that
average their weights every few steps, and compare the losses.

usage: local_steps.py --gpt-finetune PROGRAM --tokens FOLDER --work FOLDER [--processes N]
                      [--local-steps 4,16,64] [--steps N] [--learning-rates 5e-4,1e-3]

All see the same number of batches. Prints the lowest validation loss of each as Markdown; with --local-steps
that of the averaged weights. Needs Open MPI.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys


def lowest_loss(arguments, rate, local_steps):
    run = arguments.work / "run"
    shutil.rmtree(run, ignore_errors=True)
    every = max(1, arguments.steps // 10)
    # Validations are due after whole rounds.
    every = -(-every // local_steps) * local_steps
    command = [
        "mpirun", "--oversubscribe", "--bind-to", "none", "-n", arguments.processes,
        arguments.gpt_finetune, arguments.tokens, "-o", run, "--max-steps", arguments.steps,
        "--learning-rate", rate, "--precision", "auto", "--threads", 1, "--report-to", "none",
        "--eval-steps", every, "--save-steps", arguments.steps,
        *(["--local-steps", local_steps] if local_steps > 1 else [])]
    print("+ " + " ".join(map(str, command)), file=sys.stderr, flush=True)
    subprocess.run(
        list(map(str, command)), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"})
    log = json.loads((run / "final" / "trainer_state.json").read_text())["log_history"]
    return min(entry["eval_loss"] for entry in log if "eval_loss" in entry)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("gpt-finetune", "tokens", "work"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--local-steps", default="4,16,64")
    parser.add_argument("--learning-rates", default="5e-4,1e-3")
    parser.add_argument("--steps", type=int, default=320)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    print(f"| learning rate | {arguments.processes} processes | lowest validation loss | difference |")
    print("| --- | --- | --- | --- |")
    for rate in arguments.learning_rates.split(","):
        together = None
        for local_steps in [1, *map(int, arguments.local_steps.split(","))]:
            loss = lowest_loss(arguments, rate, local_steps)
            together = together or loss
            name = "steps together" if local_steps == 1 else f"`--local-steps {local_steps}`"
            print(f"| {rate} | {name} | {loss:.4f} | {loss / together - 1:+.2%} |", flush=True)
    shutil.rmtree(arguments.work)


if __name__ == "__main__":
    main()
