"""Run gpt-sample in int4 on a model of 13 billion random weights, of the size of ruGPT-3.5-13B.

usage: large_model.py --gpt-sample PROGRAM --work FOLDER [--format safetensors|torch|gguf]
                      [--shape LAYERS,WIDTH,HEADS,VOCABULARY,POSITIONS] [--weights int4]
                      [--tokens N] [--threads N] [--keep]

The folder, 26 GB in shards of half precision, is written to --work first and removed at the end; gguf is
a file in Q4_0 that gpt-sample exports from it. The table has the time from the start to the first text without what its tokens take; the peak memory of
the process (VmHWM) and the largest parts of it that are its own and of mapped files; and the speed
of single greedy texts, with the bytes that the weights of a token take per second as a fraction of
what a loop that only reads memory has.
"""

import argparse
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import random_model
import sampling_benchmark

# ruGPT-3.5-13B: layers, width, heads, vocabulary, positions.
SHAPE = "40,5120,40,50272,2048"
SHARD = 2 << 30


def tensors(shape):
    """Names and sizes of the weights, in the order of the layers."""
    layers, width, _, rows, positions = shape
    yield "transformer.wte.weight", (rows, width)
    yield "transformer.wpe.weight", (positions, width)
    for layer in range(layers):
        for name, size in (("ln_1", (width,)), ("attn.c_attn", (width, 3 * width)),
                           ("attn.c_proj", (width, width)), ("ln_2", (width,)),
                           ("mlp.c_fc", (width, 4 * width)), ("mlp.c_proj", (4 * width, width))):
            yield f"transformer.h.{layer}.{name}.weight", size
            yield f"transformer.h.{layer}.{name}.bias", size[-1:]
    yield "transformer.ln_f.weight", (width,)
    yield "transformer.ln_f.bias", (width,)


def shards(shape):
    """The tensors of each shard."""
    shard, size = [], 0
    for name, dimensions in tensors(shape):
        count = dimensions[0] * (dimensions[1] if len(dimensions) > 1 else 1)
        if shard and size + 2 * count > SHARD:
            yield shard
            shard, size = [], 0
        shard.append((name, dimensions, count))
        size += 2 * count
    yield shard


def write_folder(folder, shape, kind):
    import torch
    from safetensors.torch import save_file

    layers, width, heads, rows, positions = shape
    torch.manual_seed(1)
    # Every tensor is a part of these, because drawing them all would take longer than the rest.
    pool = (torch.randn(1 << 28) * 0.02).half()
    draw = random.Random(1)
    base, suffix = {
        "safetensors": ("model", "safetensors"), "torch": ("pytorch_model", "bin")}[kind]
    parts, index, total = list(shards(shape)), {}, 0
    for number, shard in enumerate(parts, 1):
        name = f"{base}-{number:05}-of-{len(parts):05}.{suffix}"
        content = {}
        for tensor, dimensions, count in shard:
            start = draw.randrange(len(pool) - count + 1)
            numbers = pool[start:start + count].clone().reshape(dimensions)
            content[tensor] = numbers + 1 if ".ln_" in tensor and "weight" in tensor else numbers
            index[tensor] = name
            total += 2 * count
        if kind == "torch":
            torch.save(content, folder / name)
        else:
            save_file(content, folder / name, metadata={"format": "pt"})
        random_model.forget(folder / name)
    (folder / f"{base}.{suffix}.index.json").write_text(
        json.dumps({"metadata": {"total_size": total}, "weight_map": index}))
    (folder / "config.json").write_text(json.dumps({
        "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_layer": layers,
        "n_embd": width, "n_head": heads, "vocab_size": rows, "n_positions": positions,
        "torch_dtype": "float16", "bos_token_id": None,
        # An exported file must name one.
        "eos_token_id": 0}))
    random_model.write_tokenizer(folder, *random_model.vocabulary(rows))


class Memory(threading.Thread):
    """The largest numbers of a process's /proc/…/status, in bytes."""

    def __init__(self, process):
        super().__init__()
        self.path, self.largest = f"/proc/{process}/status", {}

    def run(self):
        while True:
            try:
                lines = pathlib.Path(self.path).read_text().splitlines()
            except OSError:
                return
            numbers = {line.split(":")[0]: line.split()[1] for line in lines if "kB" in line}
            if "VmHWM" not in numbers:
                return
            for name, number in numbers.items():
                self.largest[name] = max(self.largest.get(name, 0), 1024 * int(number))
            time.sleep(0.02)


def run(arguments, folder, shape):
    """What the table says of a run."""
    texts, length = 4, arguments.tokens + 4
    prompt = random_model.prompt(random_model.vocabulary(shape[3])[0], 1, 4)[0]
    command = [
        arguments.gpt_sample, folder, "--weights", arguments.weights, "--prompt", prompt,
        "--count", texts, "--batch", 1, "--max-length", length, "--threads", arguments.threads,
        "--temperature", 0, "--json"]
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.PIPE, stderr=log, text=True)
        memory = Memory(process.pid)
        memory.start()
        times = [time.monotonic() - start for _ in process.stdout]
        if process.wait():
            log.seek(0)
            sys.exit(f"{log.read()}large_model.py: gpt-sample ended with {process.returncode}")
    memory.join()
    rate = arguments.tokens * (texts - 1) / (times[-1] - times[0])
    return times[0] - arguments.tokens / rate, rate, memory.largest


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpt-sample", required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--format", choices=("safetensors", "torch", "gguf"), default="safetensors")
    parser.add_argument("--shape", default=SHAPE)
    parser.add_argument("--weights", default="int4")
    parser.add_argument("--tokens", type=int, default=16, help="of each of four texts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="do not remove the model")
    arguments = parser.parse_args()
    shape = tuple(map(int, arguments.shape.split(",")))
    is_gguf = arguments.format == "gguf"
    kind = "safetensors" if is_gguf else arguments.format
    folder = arguments.work / f"large-{kind}"
    model = arguments.work / "large.gguf" if is_gguf else folder
    if not model.exists():
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            write_folder(partial, shape, kind)
            partial.rename(folder)
        if is_gguf:
            subprocess.run(
                [arguments.gpt_sample, folder, "--export", model, "--weights", "q4_0"], check=True)
    before = sampling_benchmark.bandwidth(arguments)
    loading, rate, memory = run(arguments, model, shape)
    after = sampling_benchmark.bandwidth(arguments)
    weights = sampling_benchmark.weights_read(shape)
    needed = weights * sampling_benchmark.WEIGHTS[f"ours {arguments.weights}"][0]
    loop = (before + after) / 2
    sampling_benchmark.table(
        "format", "weights", "packed", "loading", "peak", "own", "mapped", "tokens/s",
        "a read loop", "fraction")
    print(f"| {arguments.format} | {weights / 1e9:.2f} billion | {needed / 2**30:.2f} GiB "
          f"| {loading:.1f} s | {memory['VmHWM'] / 2**30:.2f} GiB "
          f"| {memory['RssAnon'] / 2**30:.2f} GiB | {memory['RssFile'] / 2**30:.2f} GiB "
          f"| {rate:.2f} | {loop / 1e9:.1f} GB/s | {needed * rate / loop:.0%} |")
    if not arguments.keep:
        shutil.rmtree(folder, ignore_errors=True)
        (arguments.work / "large.gguf").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
