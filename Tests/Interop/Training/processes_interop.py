"""Train a tiny model in two processes with the transformers Trainer (torch's DDP over gloo) and with
gpt-finetune under mpirun: they must agree at every step. Then look at what a user of several processes
sees of a fault: another program in one, a full disk, a mpirun that is killed.

The order is sequential, there is no dropout, and all batches are full: what the Trainer does with the
rest of an epoch depends on the number of processes.

usage: processes_interop.py --bpe-encode PROGRAM --gpt-finetune PROGRAM --scratch FOLDER
"""

import argparse
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

import trainer_reference as reference

PROCESSES = 2
STEPS = 20
LOSS_TOLERANCE = 1e-4
SETTINGS = {
    "per_device_train_batch_size": reference.BATCH, "gradient_accumulation_steps": 2,
    "weight_decay": 0.1, "max_grad_norm": 0.5, "train_sampling_strategy": "sequential",
    "logging_steps": 1, "max_steps": STEPS, "learning_rate": 5e-3, "lr_scheduler_type": "linear",
    "warmup_steps": 4, "eval_steps": 10, "save_steps": STEPS,
}


def make_tokens(bpe_encode, scratch):
    """Shards whose first epoch has all steps, and whose validation batches are full in both processes."""
    needed = STEPS * PROCESSES * 2 * reference.BATCH
    for lines in range(700, 900):
        (scratch / "text.txt").write_text(reference.make_text(lines), encoding="utf-8")
        shutil.rmtree(scratch / "tokens", ignore_errors=True)
        for arguments in (
                ["vocabulary", "--vocab-size", str(reference.VOCABULARY), "--validation-fraction", "0"],
                ["tokens", "--tokenizer", "vocabulary", "--validation-fraction", "0.1"]):
            subprocess.run(
                [os.path.abspath(bpe_encode), "text.txt", "--output", *arguments], cwd=scratch,
                check=True, capture_output=True)
        tokens = scratch / "tokens"
        if len(reference.read_blocks(tokens, "train")) >= needed \
                and len(reference.read_blocks(tokens, "validation")) % (PROCESSES * reference.BATCH) == 0:
            return tokens
    raise SystemExit("processes_interop: no number of lines gives the blocks that are wanted")


def run_trainer(scratch):
    """One process of the Trainer; the first writes its state."""
    reference.RUNS["mpi"] = {}
    reference.COMMON.clear()
    reference.COMMON.update(SETTINGS)
    result = reference.run_trainer(
        "mpi", scratch / "model", scratch / "tokens", str(scratch / "theirs"))
    if os.environ["RANK"] == "0":
        (scratch / "theirs.json").write_text(json.dumps(result["final"]))


def start_trainers(scratch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes = [
        subprocess.Popen(
            [sys.executable, __file__, "--scratch", scratch, "--trainer"],
            env={
                **os.environ, "RANK": str(rank), "LOCAL_RANK": str(rank),
                "WORLD_SIZE": str(PROCESSES), "LOCAL_WORLD_SIZE": str(PROCESSES),
                "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo"})
        for rank in range(PROCESSES)]
    if any([process.wait() for process in processes]):
        raise SystemExit("processes_interop: the Trainer failed")


def mpirun(*options):
    """The command that starts processes, as far as the program, and its environment."""
    command = ["mpirun"]
    version = subprocess.run(["mpirun", "--version"], capture_output=True, text=True).stdout
    if "Open MPI" in version:
        command += ["--oversubscribe", "--bind-to", "none", "--mca", "btl", "tcp,self",
                    "--mca", "btl_tcp_if_include", "lo"]
    return list(map(str, [*command, *options])), {
        **os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def arguments_of(scratch, run, **settings):
    arguments = [
        scratch / "tokens", "--recipe", "original", "--model", scratch / "model",
        "--output", scratch / run, "--threads", 1, "--block-size", reference.BLOCK,
        "--report-to", "none"]
    for key, value in {**SETTINGS, **settings}.items():
        arguments += ["--" + key.replace("_", "-"), value]
    return list(map(str, arguments))


def run_ours(program, scratch):
    command, environment = mpirun("-n", PROCESSES, program)
    ended = subprocess.run(
        command + arguments_of(scratch, "ours"), capture_output=True, text=True, env=environment)
    if ended.returncode != 0:
        raise SystemExit(ended.stderr)
    return json.loads((scratch / "ours" / "final" / "trainer_state.json").read_text())


def wait_for(what, condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    raise SystemExit(f"processes_interop: there is no {what} after a minute")


def processes_of(folder):
    """The ids of the processes, apart from mpirun, that have the folder of a run among their arguments."""
    found = []
    for process in pathlib.Path("/proc").iterdir():
        try:
            if process.name.isdigit() and (process / "comm").read_text() == "gpt-finetune\n" \
                    and str(folder).encode() in (process / "cmdline").read_bytes().split(b"\0"):
                found.append(int(process.name))
        except OSError:
            pass
    return found


def faults(program, scratch):
    """Yields what a user would see that is not as docs/machines.md says."""
    def problem(name, ended, status, text):
        shown = ended.stderr.count(text)
        if ended.returncode != status or shown != 1:
            return f"{name}: status {ended.returncode}, expected {status}; {shown} times {text!r}:\n" \
                + ended.stderr
        return None

    # The same program but for a byte that does not matter.
    other = scratch / "gpt-finetune"
    shutil.copy(program, other)
    with open(other, "ab") as file:
        file.write(b"\0")
    own = arguments_of(scratch, "other")
    command, environment = mpirun("-n", 1, program, *own, ":", "-n", 1, other, *own)
    yield problem("another program", subprocess.run(
        command, capture_output=True, text=True, env=environment), 65, "has another program than")

    # No file may get as large as the weights.
    limit = (scratch / "model" / "model.safetensors").stat().st_size // 2
    command, environment = mpirun("-n", PROCESSES)
    yield problem("a full disk", subprocess.run(
        command + ["prlimit", f"--fsize={limit}", program]
        + arguments_of(scratch, "full", save_steps=5),
        capture_output=True, text=True, env=environment), 74, "error: ")
    if list((scratch / "full").glob("checkpoint-*")):
        yield "a full disk: there is a checkpoint"

    run = scratch / "killed"
    endless = arguments_of(scratch, "killed", max_steps=10**6, save_steps=5, save_total_limit=2)
    command.append(program)
    process = subprocess.Popen(
        command + endless, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    wait_for("checkpoint", lambda: list(run.glob("checkpoint-*/trainer_state.json")))
    process.kill()
    process.wait()
    wait_for("end of the processes of a killed mpirun", lambda: not processes_of(run))
    resumed = subprocess.Popen(
        command + endless + ["--resume"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=environment)
    if not any("resuming after step" in line for line in resumed.stderr):
        yield "a killed mpirun: the run is not resumed"
    resumed.kill()
    resumed.wait()
    wait_for("end of the resumed processes", lambda: not processes_of(run))


def compare(theirs, ours):
    """Yields what differs, and prints by how much the rest does."""
    worst = {}
    tolerances = {"loss": LOSS_TOLERANCE, "eval_loss": LOSS_TOLERANCE, "learning_rate": 1e-12,
                  "grad_norm": 1e-3}
    for key, tolerance in tolerances.items():
        logs = [
            [(entry["step"], entry[key]) for entry in state["log_history"] if key in entry]
            for state in (theirs, ours)]
        if [step for step, _ in logs[0]] != [step for step, _ in logs[1]]:
            yield f"{key}: {len(logs[1])} values, the Trainer {len(logs[0])}"
            continue
        for (step, value), (_, our_value) in zip(*logs):
            worst[key] = max(worst.get(key, 0), abs(value - our_value))
            if abs(value - our_value) > tolerance:
                yield f"step {step}: {key} {our_value}, the Trainer {value}"
    print(f"{STEPS} steps in {PROCESSES} processes; largest differences: "
          + ", ".join(f"{key} {value:.1e}" for key, value in worst.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bpe-encode")
    parser.add_argument("--gpt-finetune")
    parser.add_argument("--scratch", required=True, type=pathlib.Path)
    parser.add_argument("--trainer", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    scratch = arguments.scratch
    if arguments.trainer:
        return run_trainer(scratch)
    if shutil.which("mpirun") is None:
        print("processes_interop: skipped, because there is no mpirun")
        return
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    reference.make_model(make_tokens(arguments.bpe_encode, scratch), scratch / "model")
    start_trainers(scratch)
    failures = list(compare(
        json.loads((scratch / "theirs.json").read_text()),
        run_ours(os.path.abspath(arguments.gpt_finetune), scratch)))
    failures += filter(None, faults(os.path.abspath(arguments.gpt_finetune), scratch))
    for failure in failures:
        print(f"processes_interop: {failure}", file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
