"""Time gpt-finetune and transformers side by side on models of real sizes with random weights.

usage: training_benchmark.py --gpt-finetune PROGRAM --work FOLDER [--models rugpt3small,4x256]
                             [--precisions fp32,bf16] [--rounds N] [--steps N] [--threads N]

Each round runs ours and theirs in each precision, each in a process of its own: one step to warm
up, then --steps steps that are timed; then the matrix products of a step, with OpenBLAS alone, and
the peak of arithmetic in registers. *bound* is the time of the products at that peak, and the share
is how much of a step that is. Theirs is the Trainer as it is, with bf16=True for bf16, and after it
in the same process a bare loop over the same model, without the Trainer, under torch's autocast for
bf16. The table has the
medians over the steps of all rounds; memory is the largest resident set of the process. Both train
on batches of 8 × 128 tokens with dropout 0.1, clip the gradient and step with AdamW.
"""

import argparse
import json
import os
import pathlib
import random
import re
import shutil
import statistics
import struct
import subprocess
import sys
import time
import zlib

import random_model

BATCH, BLOCK = 8, 128
# name: layers, width, heads, vocabulary, positions
MODELS = {
    "rugpt3medium": (24, 1024, 16, 50257, 2048),
    "rugpt3small": (12, 768, 12, 50264, 2048),
    "4x256": (4, 256, 4, 8192, 512),
}


# ---- Ours


def write_shards(folder, vocabulary, blocks, block):
    """A folder as bpe-encode writes it, with random ids."""
    tokenizer = folder / "tokenizer"
    tokenizer.mkdir(parents=True)
    tokens, merges = random_model.vocabulary(vocabulary)
    random_model.write_tokenizer(tokenizer, tokens, merges)
    lines = [*tokens, *(f"{left} {right}" for left, right in merges)]
    digest = zlib.crc32("".join(line + "\n" for line in lines).encode())
    generator = random.Random(1)
    count = blocks * block
    ids = struct.pack(f"<{count}H", *(generator.randrange(vocabulary) for _ in range(count)))
    header = struct.pack("<256i", 20240520, 1, count, *([0] * 253))
    (folder / "train-00000.bin").write_bytes(header + ids)
    checksum = f"{zlib.crc32(ids):08x}"
    (folder / "manifest.json").write_text(json.dumps({
        "format": "token shards", "version": 1,
        "tokenizer": {"folder": "tokenizer", "digest": f"{digest:08x}",
                      "vocabulary_size": vocabulary,
                      "end_of_text": {"token": tokens[2], "id": 2}},
        "train": {"posts": None, "text_bytes": None, "tokens": count,
                  "shards": [{"file": "train-00000.bin", "tokens": count,
                              "bytes": len(header) + len(ids), "crc32": checksum}]},
        "settings": {"program": "training_benchmark.py"}}))


def run_ours(arguments, name, steps, options=(), batch=BATCH, block=BLOCK, model=None):
    """Seconds of each timed step, the peak of memory in GiB, and the kernels of OpenBLAS."""
    layers, width, heads, vocabulary, positions = MODELS[name]
    shards = arguments.work / f"tokens-{vocabulary}-{block}"
    if not shards.exists():
        write_shards(shards, vocabulary, 512, block)
    output = arguments.work / "run"
    shutil.rmtree(output, ignore_errors=True)
    start = ["--model", model] if model else [
        "--layers", layers, "--width", width, "--heads", heads, "--context", positions]
    command = [
        arguments.gpt_finetune, shards, "--recipe", "original", "--output", output, *start,
        "--max-steps", steps + 1, "--logging-steps", 1, "--block-size", block,
        "--per-device-train-batch-size", batch,
        "--threads", arguments.threads, "--save-steps", 1000000, *options]
    process = subprocess.Popen(
        [str(word) for word in command], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        text=True)
    times = []
    lines = []
    for line in process.stderr:
        lines.append(line)
        if re.match(r"(?:gpt-finetune: )?step \d+, .*learning rate", line):
            times.append(time.monotonic())
            if len(times) > steps:
                # The finished model need not be written.
                process.terminate()
                break
    process.stderr.read()
    usage = os.wait4(process.pid, 0)[2]
    shutil.rmtree(output, ignore_errors=True)
    if len(times) <= steps:
        sys.exit("".join(lines))
    kernels = re.search(r"OpenBLAS [^,]*, (\w+)", "".join(lines))
    if not kernels:
        sys.exit("gpt-finetune names no kernels of OpenBLAS:\n" + "".join(lines))
    seconds = [b - a for a, b in zip(times, times[1:])]
    return seconds, usage.ru_maxrss / 2**20, kernels[1]


# ---- Theirs


def run_theirs(arguments, name, steps, precision, batch=BATCH, block=BLOCK):
    """Seconds of each timed step of the Trainer and of the bare loop, and the peak of memory."""
    process = subprocess.run(
        [sys.executable, __file__, "--peer", json.dumps([MODELS[name], steps, precision, batch, block]),
         "--threads", str(arguments.threads)],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    result = json.loads(process.stdout.splitlines()[-1])
    return result["trainer"], result["loop"], result["memory"]


def peer(arguments):
    """The Trainer, and the least a loop of one's own must do: loss, backward, clipping, AdamW."""
    import resource
    import tempfile

    import torch
    from transformers import (
        GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments)

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    shape, steps, precision, batch, block = json.loads(arguments.peer)
    layers, width, heads, vocabulary, positions = shape
    model = GPT2LMHeadModel(GPT2Config(
        n_layer=layers, n_embd=width, n_head=heads, vocab_size=vocabulary, n_positions=positions,
        bos_token_id=2, eos_token_id=2)).train()
    rows = torch.randint(0, vocabulary, (batch * (steps + 1), block))
    times = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_, **__):
            times.append(time.monotonic())

    with tempfile.TemporaryDirectory() as folder:
        Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=folder, per_device_train_batch_size=batch, max_steps=steps + 1,
                save_strategy="no", report_to=[], use_cpu=True, disable_tqdm=True,
                bf16=precision == "bf16"),
            train_dataset=[{"input_ids": row, "labels": row} for row in rows],
            callbacks=[Clock()]).train()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    trainer = [after - before for before, after in zip(times, times[1:])]

    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=0, fused=True)
    loop = []
    for ids in rows.split(batch):
        start = time.monotonic()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loop.append(time.monotonic() - start)
    print(json.dumps({"trainer": trainer, "loop": loop[1:], "memory": memory}))


# ---- The products


def products(shape, batch, block):
    """Rows, columns, inner dimension, transpositions and count of the large products of a step."""
    layers, width, _, vocabulary, _ = shape
    rows = batch * (block - 1)
    for inner, outer in [(width, 3 * width), (width, width), (width, 4 * width), (4 * width, width)]:
        yield rows, outer, inner, False, False, layers
        yield rows, inner, outer, False, True, layers
        yield inner, outer, rows, True, False, layers
    yield rows, vocabulary, width, False, True, 1
    yield rows, width, vocabulary, False, False, 1
    yield vocabulary, width, rows, True, False, 1


def run_products(arguments, name, kernels):
    """Seconds that OpenBLAS with threads of its own takes for the products of a step."""
    process = subprocess.run(
        [sys.executable, __file__, "--products", json.dumps([MODELS[name], BATCH, BLOCK])],
        check=True, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "OPENBLAS_CORETYPE": kernels,
             "OPENBLAS_NUM_THREADS": str(arguments.threads)})
    return json.loads(process.stdout)


def time_products(arguments):
    import ctypes

    import torch

    sgemm = ctypes.CDLL("libopenblas.so.0").cblas_sgemm
    seconds = operations = 0
    for m, n, k, a_transposed, b_transposed, count in products(*json.loads(arguments.products)):
        a, b, c = torch.rand(m * k), torch.rand(k * n), torch.zeros(m * n)
        times = []
        for _ in range(4):
            start = time.monotonic()
            sgemm(101, 112 if a_transposed else 111, 112 if b_transposed else 111, m, n, k,
                  ctypes.c_float(1), ctypes.c_void_p(a.data_ptr()), m if a_transposed else k,
                  ctypes.c_void_p(b.data_ptr()), k if b_transposed else n, ctypes.c_float(0),
                  ctypes.c_void_p(c.data_ptr()), n)
            times.append(time.monotonic() - start)
        seconds += count * statistics.median(times[1:])
        operations += count * 2 * m * n * k
    json.dump([seconds, operations], sys.stdout)


def peak_rates(arguments):
    """Operations a second in fp32 and bf16 that the processor can do at most."""
    program = arguments.work / "peak_arithmetic"
    if not program.exists():
        source = pathlib.Path(__file__).with_name("peak_arithmetic.c")
        subprocess.run(["clang", "-O2", "-pthread", source, "-o", program], check=True)
    output = subprocess.run(
        [program, str(arguments.threads), "3"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(zip(("fp32", "bf16"), map(float, output.split())))


# ---- The table


def measure(arguments, name):
    precisions = arguments.precisions.split(",")
    ours, trainer, loop = ({precision: [] for precision in precisions} for _ in range(3))
    our_memory, their_memory, alone, peaks = {}, {}, [], []
    for _ in range(arguments.rounds):
        for precision in precisions:
            seconds, our_memory[precision], kernels = run_ours(
                arguments, name, arguments.steps, ["--precision", precision])
            ours[precision] += seconds
            seconds, loop_seconds, their_memory[precision] = run_theirs(
                arguments, name, arguments.steps, precision)
            trainer[precision] += seconds
            loop[precision] += loop_seconds
        seconds, operations = run_products(arguments, name, kernels)
        alone.append(seconds)
        peaks.append(peak_rates(arguments))
    product_time = statistics.median(alone)
    tokens = BATCH * BLOCK
    for precision in precisions:
        our_step = statistics.median(ours[precision])
        their_step = statistics.median(trainer[precision])
        loop_step = statistics.median(loop[precision])
        fraction = f"{product_time:.2f} s ({operations / product_time / 1e9:.0f} GFLOP/s) | " \
            f"{product_time / our_step:.0%}" if precision == "fp32" else " | "
        first = f"{statistics.median(trainer['fp32']) / our_step:.2f} ×" \
            if "fp32" in precisions else ""
        peak = max(rates[precision] for rates in peaks)
        bound = f"{operations / peak:.2f} s ({peak / 1e9:.0f} GFLOP/s) " \
            f"| **{operations / peak / our_step:.0%}**" if peak else " | "
        print(
            f"| {name} | {precision} | {our_step:.2f} s | {bound} | {their_step:.2f} s "
            f"| {tokens / our_step:.0f} | {tokens / their_step:.0f} "
            f"| **{their_step / our_step:.2f} ×** | {first} "
            f"| {loop_step:.2f} s ({loop_step / our_step:.2f} ×) "
            f"| {our_memory[precision]:.2f} GiB | {their_memory[precision]:.2f} GiB | {fraction} |",
            flush=True)


def measure_memory(arguments):
    name = "rugpt3medium"
    for title, options, batch, block in [
            ("8 × 128", [], 8, 128),
            ("8 × 128, --gradient-checkpointing", ["--gradient-checkpointing"], 8, 128),
            ("1 × 1024", [], 1, 1024),
            ("8 × 128, --precision bf16", ["--precision", "bf16"], 8, 128)]:
        seconds, memory, _ = run_ours(arguments, name, 1, options, batch, block)
        print(f"| {title} | {seconds[0]:.2f} s | {memory:.2f} GiB |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpt-finetune")
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--precisions", default="fp32,bf16")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    parser.add_argument("--products", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        return peer(arguments)
    if arguments.products:
        return time_products(arguments)
    shutil.rmtree(arguments.work, ignore_errors=True)
    arguments.work.mkdir(parents=True)
    print("| model | precision | ours, a step | bound | share | Trainer | ours, tokens/s | Trainer | ratio "
          "| to the Trainer in fp32 | bare loop | our memory | Trainer | products alone | fraction |")
    print("| --- " * 15 + "|", flush=True)
    for name in arguments.models.split(","):
        measure(arguments, name)
    if "rugpt3medium" in arguments.models:
        print("\n| rugpt3medium | a step | memory |\n| --- | --- | --- |", flush=True)
        measure_memory(arguments)
    shutil.rmtree(arguments.work)


if __name__ == "__main__":
    main()
