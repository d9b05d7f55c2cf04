"""Time the training of adapters: gpt-finetune against its own training of all weights and against
peft with the transformers Trainer, on models of random weights.

usage: adapter_benchmark.py --gpt-finetune PROGRAM --work FOLDER [--models rugpt3medium,rugpt3large]
                            [--only ours,peft] [--rounds N] [--steps N] [--threads N]

Adapters have rank 16 on all four matrices of each block, batches are 8 × 128 tokens, dropout is 0.1,
but in the adapters 0. Each round runs every kind once, each in a process of its own: one step to
warm up, then --steps that are timed. peft runs as it is and with torch.compile; the faster of the two
is compared. The table has the medians over all rounds; memory is the largest resident set.
"""

import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

import training_benchmark
from training_benchmark import BATCH, BLOCK, run_ours

MODELS = {
    "rugpt3medium": (24, 1024, 16, 50257, 2048),
    "rugpt3large": (36, 1280, 20, 50257, 2048),
    "4x256": (4, 256, 4, 8192, 512),
}
RANK = 16
# The larger model in all weights takes more memory than a small machine has.
LARGE = ("ours adapter bf16, base bf16",)
OURS = {
    "ours all weights fp32": ["--precision", "fp32"],
    "ours adapter fp32, base fp32": ["--adapter", "lora", "--precision", "fp32"],
    "ours all weights bf16": ["--precision", "bf16"],
    "ours adapter bf16, base bf16": ["--adapter", "lora", "--precision", "bf16"],
    "ours adapter bf16, base int8": [
        "--adapter", "lora", "--precision", "bf16", "--base-weights", "int8"],
    "ours adapter bf16, base int4": [
        "--adapter", "lora", "--precision", "bf16", "--base-weights", "int4"],
}
PEFT = {
    f"peft {precision}{', compiled' if compiled else ''}": (precision, compiled)
    for precision in ("fp32", "bf16") for compiled in (False, True)
}


def make_model(folder, shape):
    """A model of random weights, in a process of its own, so that this one stays small."""
    program = (
        "import json, sys; from transformers import GPT2Config, GPT2LMHeadModel\n"
        "layers, width, heads, vocabulary, positions = json.loads(sys.argv[2])\n"
        "GPT2LMHeadModel(GPT2Config(n_layer=layers, n_embd=width, n_head=heads,"
        " vocab_size=vocabulary, n_positions=positions, bos_token_id=2,"
        " eos_token_id=2)).save_pretrained(sys.argv[1])")
    subprocess.run(
        [sys.executable, "-c", program, folder, json.dumps(shape)], check=True,
        stderr=subprocess.DEVNULL)


def run_peft(arguments, folder, precision, compiled):
    """Seconds of each timed step, and the peak of memory in GiB."""
    process = subprocess.run(
        [sys.executable, __file__, "--peer",
         json.dumps([str(folder), arguments.steps, precision, compiled]),
         "--threads", str(arguments.threads)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if process.returncode:
        sys.exit(f"{process.stderr}adapter_benchmark.py: peft ended with {process.returncode}")
    result = json.loads(process.stdout.splitlines()[-1])
    return result["seconds"], result["memory"]


def peer(arguments):
    import resource
    import tempfile

    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments

    torch.set_num_threads(arguments.threads)
    folder, steps, precision, compiled = json.loads(arguments.peer)
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    model = get_peft_model(
        GPT2LMHeadModel.from_pretrained(folder, dtype=kind),
        LoraConfig(
            r=RANK, lora_alpha=2 * RANK, lora_dropout=0, fan_in_fan_out=True,
            target_modules=["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"])).train()
    rows = torch.randint(0, model.config.vocab_size, (BATCH * (steps + 2), BLOCK))
    times = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_, **__):
            times.append(time.monotonic())

    with tempfile.TemporaryDirectory() as output:
        Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=output, per_device_train_batch_size=BATCH, max_steps=steps + 2,
                save_strategy="no", report_to=[], use_cpu=True, disable_tqdm=True,
                bf16=precision == "bf16", torch_compile=compiled, label_names=["labels"]),
            train_dataset=[{"input_ids": row, "labels": row} for row in rows],
            callbacks=[Clock()]).train()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    # The first step compiles, the second may still.
    seconds = [after - before for before, after in zip(times[1:], times[2:])]
    print(json.dumps({"seconds": seconds, "memory": memory}))


def measure(arguments, name):
    folder = arguments.work / name
    if not folder.exists():
        make_model(folder, MODELS[name])
    training_benchmark.MODELS[name] = MODELS[name]
    only = tuple(arguments.only.split(","))
    kinds = [kind for kind in [*OURS, *PEFT] if kind.startswith(only)]
    if name == "rugpt3large":
        kinds = [kind for kind in kinds if kind in LARGE]
    seconds, memory = {kind: [] for kind in kinds}, {}
    for index in range(arguments.rounds):
        for kind in kinds:
            print(f"{name}, round {index + 1}: {kind}", file=sys.stderr, flush=True)
            if kind in OURS:
                # A learning rate of its own would not change the time.
                times, memory[kind], _ = run_ours(
                    arguments, name, arguments.steps, OURS[kind], model=folder)
            else:
                times, memory[kind] = run_peft(arguments, folder, *PEFT[kind])
            seconds[kind] += times
    steps = {kind: statistics.median(times) for kind, times in seconds.items()}
    print(f"\n| {name} | a step | tokens/s | to all weights | to peft | memory |")
    print("| --- " * 6 + "|")
    for kind, step in steps.items():
        precision = "bf16" if "bf16" in kind.split(",")[0] else "fp32"
        whole = steps.get(f"ours all weights {precision}")
        peft = min(
            (steps[peft] for peft in PEFT if peft in steps and PEFT[peft][0] == precision),
            default=None)
        is_ours = kind in OURS
        print(f"| {kind} | {step:.2f} s | {BATCH * BLOCK / step:.0f} "
              f"| {f'{whole / step:.2f} ×' if whole and is_ours else ''} "
              f"| {f'{peft / step:.2f} ×' if peft and is_ours else ''} "
              f"| {memory[kind]:.2f} GiB |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpt-finetune")
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--models", default="rugpt3medium,rugpt3large")
    parser.add_argument("--only", default="ours,peft")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        return peer(arguments)
    arguments.work.mkdir(parents=True, exist_ok=True)
    for name in arguments.models.split(","):
        measure(arguments, name)
    shutil.rmtree(arguments.work)


if __name__ == "__main__":
    main()
