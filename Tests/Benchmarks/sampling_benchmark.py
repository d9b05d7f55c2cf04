"""Time gpt-sample, transformers and llama.cpp side by side on models of random weights.

usage: sampling_benchmark.py --gpt-sample PROGRAM --work FOLDER [--models rugpt3medium,4x256]
                             [--rounds N] [--tokens N] [--count N] [--count-tokens N] [--threads N]
                             [--only ours,llama.cpp] [--split GB/S]

The models and their GGUF files are made once, in --work; that all programs compute the same is
checked by the logits. Each round runs everything once, one after the other, each in a process of
its own; the tables have the medians of the rounds.

Tokens a second are measured with two texts, one --tokens longer than the other, from the difference of
their times, so that start, loading and prompt do not count: by the clock on the wall for ours, and
for the others in the process, between the same tokens. One text is greedy. Of --count texts ours
and those of transformers are drawn from the 50 most likely tokens, llama.cpp's are greedy (so that
its numbers are not those of sampling in Python).

A shared machine may have memory of two speeds, by the place of its processors on the host. With
--split there is a table of the measurements before and after which a loop that only reads was
slower, and one of those where it was faster.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import time

import random_model

HERE = pathlib.Path(__file__).parent
# name: layers, width, heads, vocabulary, positions
MODELS = {
    "rugpt3medium": (24, 1024, 16, 50257, 2048),
    "rugpt3small": (12, 768, 12, 50264, 2048),
    "4x256": (4, 256, 4, 50257, 512),
}
# Tokens of the prompt, of the prompt whose first token is timed, and of the shorter text.
PROMPT, LONG_PROMPT, SHORT = 4, 100, 20
# Bytes of a weight, and of a number in the cache.
WEIGHTS = {
    "ours fp32": (4, 4), "ours bf16": (2, 4), "ours int8": (1 + 4 / 128, 4),
    "ours int4": (18 / 32, 4),
    # bf16 in the products too: another speed only of many texts and of prompts.
    "ours products-bf16": (2, 4),
    "transformers fp32": (4, 4), "llama.cpp f32": (4, 2), "llama.cpp f16": (2, 2),
    "llama.cpp bf16": (2, 2), "llama.cpp q8_0": (34 / 32, 2),
    "llama.cpp q4_0": (18 / 32, 2),
}


def weights_read(shape):
    """How many weights a token needs: the matrices, the embedding as the head."""
    layers, width, _, rows, _ = shape
    return rows * width + layers * 12 * width**2


def expected_memory(shape, kind, tokens):
    """GiB of the weights and of the keys and values of `tokens` tokens."""
    layers, width, _, _, positions = shape
    weight, number = WEIGHTS[kind]
    rest = 4 * (positions * width + layers * 13 * width)
    return (weights_read(shape) * weight + rest + 2 * layers * width * tokens * number) / 2**30


OURS = [kind for kind in WEIGHTS if kind.startswith("ours")]


# ---- Ours


def reported(log):
    """What gpt-sample says of its speed: seconds of the prompt and of loading, tokens a second."""
    line = re.search(r"([\d,.]+) tokens/s\)?(?:, prompt ([\d.]+) s)?(?:, model ([\d.]+) s)?", log)
    if not line:
        return {}
    values = zip(("tokens/s", "prompt", "model"), line.groups())
    return {name: float(value.replace(",", "")) for name, value in values if value}


def sample(arguments, name, kind, prompt, new_tokens, *options):
    """Seconds, GiB of memory at the peak, standard output, and what the program reports."""
    text = random_model.prompt(random_model.vocabulary(MODELS[name][3])[0], 1, prompt)[0]
    command = [
        arguments.gpt_sample, arguments.work / name / "model", "--prompt", text,
        "--max-length", prompt + new_tokens, "--threads", arguments.threads, *options]
    weights = kind.split()[1]
    command += ["--precision", "bf16"] if weights == "products-bf16" else ["--weights", weights]
    output = arguments.work / "output.txt"
    start = time.monotonic()
    with output.open("w") as file:
        process = subprocess.Popen(
            [str(word) for word in command], stdout=file, stderr=subprocess.PIPE, text=True)
    log = process.stderr.read()
    status, usage = os.wait4(process.pid, 0)[1:]
    seconds = time.monotonic() - start
    if status:
        sys.exit(f"{log}sampling_benchmark.py: gpt-sample ended with {status}")
    return seconds, usage.ru_maxrss / 2**20, output.read_text(), reported(log)


def multiplies_bfloat16(arguments):
    """Whether gpt-sample has products of bfloat16: it says so before it looks for a model."""
    status = subprocess.run(
        [arguments.gpt_sample, arguments.work, "--precision", "bf16"], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL).returncode
    return status != os.EX_USAGE


def time_ours(arguments, name, kind):
    greedy = ["--temperature", 0]
    short = sample(arguments, name, kind, PROMPT, SHORT, *greedy)
    long = sample(arguments, name, kind, PROMPT, SHORT + arguments.tokens, *greedy)
    rate = arguments.tokens / (long[0] - short[0])
    first, _, _, of_prompt = sample(arguments, name, kind, LONG_PROMPT, 1, *greedy)
    one, *_ = sample(arguments, name, kind, 1, 1, *greedy)
    # The difference lacks the one token that the other prompt has.
    prompt = of_prompt.get("prompt", first - one + 1 / rate)
    return {"rate": rate, "memory": long[1], "first": first, "prompt": prompt}


def time_many_ours(arguments, name, kind):
    count = ["--count", arguments.count]
    short = sample(arguments, name, kind, PROMPT, SHORT, *count)
    long = sample(arguments, name, kind, PROMPT, SHORT + arguments.count_tokens, *count)
    return {"rate": arguments.count * arguments.count_tokens / (long[0] - short[0]),
            "memory": long[1]}


# ---- Theirs


def run_peer(arguments, name, kind, task, **settings):
    program, weights = kind.split()
    folder = arguments.work / name
    model = folder / ("model" if program == "transformers" else f"{weights}.gguf")
    settings = {"model": str(model), "threads": arguments.threads, **settings}
    process = subprocess.run(
        [sys.executable, HERE / "sampling_peers.py", program, task, json.dumps(settings)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if process.returncode:
        sys.exit(f"{process.stderr}sampling_benchmark.py: {kind} ended with {process.returncode}")
    return json.loads(process.stdout.splitlines()[-1])


def prompt_ids(name, count):
    return random_model.prompt(random_model.vocabulary(MODELS[name][3])[0], 1, count)[1]


def time_peer(arguments, name, kind):
    start = time.monotonic()
    long = SHORT + arguments.tokens
    result = run_peer(
        arguments, name, kind, "stream", prompt=prompt_ids(name, PROMPT), short=SHORT, long=long,
        long_prompt=prompt_ids(name, LONG_PROMPT), length=LONG_PROMPT + long)
    return {"rate": arguments.tokens / result["seconds"], "memory": result["memory"],
            "first": result["first_token_at"] - start, "prompt": result["prompt"]}


def time_many_peer(arguments, name, kind):
    long = SHORT + arguments.count_tokens
    result = run_peer(
        arguments, name, kind, "many", prompt=prompt_ids(name, PROMPT), short=SHORT, long=long,
        count=arguments.count, length=PROMPT + long)
    return {"rate": arguments.count * arguments.count_tokens / result["seconds"],
            "memory": result["memory"]}


# ---- The same model


def check_logits(arguments, name, kinds):
    """Prints how far all are from transformers, and ends if a program has another model."""
    ids = prompt_ids(name, LONG_PROMPT)
    reference = run_peer(arguments, name, "transformers fp32", "logits", prompt=ids)
    deviation = statistics.pstdev(reference)
    differences = []
    for kind in kinds:
        if kind == "transformers fp32":
            continue
        if kind.startswith("ours"):
            shown = json.loads(sample(arguments, name, kind, LONG_PROMPT, 1, "--logits")[2])
            if shown["prompt_ids"] != ids:
                sys.exit(f"gpt-sample reads the prompt as {shown['prompt_ids']}, not as {ids}")
            logits = shown["logits"]
        else:
            logits = run_peer(arguments, name, kind, "logits", prompt=ids, length=LONG_PROMPT)
        difference = max(abs(a - b) for a, b in zip(logits, reference, strict=True)) / deviation
        # llama.cpp looks up gelu in a table in half precision. 4 bits differ by up to 1.2, both ours
        # and llama.cpp's; unrelated logits by about 6.
        limit = {"ours fp32": 1e-4, "llama.cpp f32": 0.05, "ours int4": 2,
                 "llama.cpp q4_0": 2}.get(kind, 1)
        if difference > limit:
            sys.exit(f"{kind} computes another model: logits differ by {difference:.2g} deviations")
        differences.append(f"{kind} {difference:.1g}")
    print(f"\nLargest difference of a logit from transformers', in standard deviations of logits "
          f"({deviation:.2f}): {', '.join(differences)}.", flush=True)


# ---- The rounds


def bandwidth(arguments):
    """Bytes a second of a loop that reads memory."""
    program = arguments.work / "read_bandwidth"
    if not program.exists():
        subprocess.run(
            [os.environ.get("CC", "cc"), "-O3", "-march=native", "-pthread",
             HERE / "read_bandwidth.c", "-o", program], check=True)
    output = subprocess.run(
        [program, str(arguments.threads), "1024", "10"], check=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True).stdout
    return float(output)


def time_one(arguments, name, kind):
    # Before and after, for the bandwidth of a shared machine changes.
    before = bandwidth(arguments)
    result = (time_ours if kind.startswith("ours") else time_peer)(arguments, name, kind)
    after = bandwidth(arguments)
    rate = (before + after) / 2
    needed = weights_read(MODELS[name]) * WEIGHTS[kind][0] * result["rate"]
    print(f"{kind}: {result['rate']:.1f} tokens/s, a read loop {before / 1e9:.1f} GB/s before and "
          f"{after / 1e9:.1f} after", file=sys.stderr, flush=True)
    return {**result, "bandwidth": rate, "fraction": needed / rate, "bandwidths": (before, after)}


def time_many(arguments, name, kind):
    return (time_many_ours if kind.startswith("ours") else time_many_peer)(arguments, name, kind)


def medians(rounds, include=lambda result: True):
    """Of each number the median of its rounds; kinds of which none is included are left out."""
    results = {}
    for kind in rounds[0]:
        included = [result[kind] for result in rounds if include(result[kind])]
        if included:
            results[kind] = {
                key: statistics.median(result[key] for result in included)
                for key in included[0] if key != "bandwidths"}
            results[kind]["rounds"] = len(included)
    return results


def measure(arguments, name):
    # A process begins with the peak memory of the one that started it, so this one stays small.
    subprocess.run(
        [sys.executable, HERE / "random_model.py", arguments.work / name,
         *map(str, MODELS[name])], check=True)
    only = tuple(arguments.only.split(","))
    missing = () if multiplies_bfloat16(arguments) else ("ours products-bf16",)
    kinds = [kind for kind in WEIGHTS if kind.startswith(only) and kind not in missing]
    check_logits(arguments, name, kinds)
    streams, many = [], []
    for index in range(arguments.rounds):
        print(f"round {index + 1} of {arguments.rounds}, {name}", file=sys.stderr, flush=True)
        streams.append({kind: time_one(arguments, name, kind) for kind in kinds})
        if arguments.count > 0:
            many.append({kind: time_many(arguments, name, kind) for kind in kinds})
    if arguments.split:
        limit = arguments.split * 1e9
        for include in (lambda result: max(result["bandwidths"]) < limit,
                        lambda result: min(result["bandwidths"]) >= limit):
            print_streams(arguments, name, medians(streams, include))
    print_streams(arguments, name, medians(streams))
    print_rest(arguments, name, medians(streams), medians(many) if many else {})


# ---- The tables


def table(*titles):
    print("\n| " + " | ".join(titles) + " |\n" + "| --- " * len(titles) + "|")


def ratios(results, kind):
    """Of the tokens/s of each of ours to those of `kind`."""
    for ours in OURS:
        if ours not in results or kind == ours:
            yield ""
        else:
            yield f"{results[ours]['rate'] / results[kind]['rate']:.2f} ×"


def print_streams(arguments, name, streams):
    if not streams:
        return
    shape = MODELS[name]
    length = PROMPT + SHORT + arguments.tokens
    bandwidths = statistics.median(result["bandwidth"] for result in streams.values())
    print(f"\n{name}, one text. A read loop: {bandwidths / 1e9:.1f} GB/s (*fraction*: the weights "
          "that the tokens need, of that).")
    table("", "rounds", "tokens/s", "fraction", *(f"{ours} to it" for ours in OURS), "memory",
          "weights and cache")
    for kind, result in streams.items():
        print(f"| {kind} | {result['rounds']} | {result['rate']:.1f} | {result['fraction']:.0%} | "
              + " | ".join(ratios(streams, kind))
              + f" | {result['memory']:.2f} GiB | {expected_memory(shape, kind, length):.2f} GiB |")
    sys.stdout.flush()


def print_rest(arguments, name, streams, many):
    print(f"\n{name}, first token after a prompt of {LONG_PROMPT}.")
    table("", "from the start of the process", "the prompt alone")
    for kind, result in streams.items():
        print(f"| {kind} | {result['first']:.2f} s | {result['prompt']:.3f} s |")
    if many:
        print(f"\n{name}, {arguments.count} texts together.")
        table("", "tokens/s of all", "to its one text", *(f"{ours} to it" for ours in OURS),
              "memory")
        for kind, result in many.items():
            print(f"| {kind} | {result['rate']:.1f} "
                  f"| {result['rate'] / streams[kind]['rate']:.1f} × | "
                  + " | ".join(ratios(many, kind)) + f" | {result['memory']:.2f} GiB |")
    sys.stdout.flush()


def print_machine(arguments):
    information = pathlib.Path("/proc/cpuinfo").read_text()
    processor = re.search(r"^model name\s*:\s*(.*)", information, re.MULTILINE)
    versions = ", ".join(
        f"{package} {importlib.metadata.version(package)}"
        for package in ("transformers", "torch", "llama-cpp-python"))
    print(f"{datetime.date.today()}, {processor[1] if processor else platform.processor()}, "
          f"{arguments.threads} threads of {os.cpu_count()} processors, {platform.platform()}; "
          f"{versions}. Medians of {arguments.rounds} rounds.", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpt-sample", required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--models", default="rugpt3medium")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--count", type=int, default=64, help="texts at once; 0: not timed")
    parser.add_argument("--count-tokens", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--only", default="ours,transformers,llama.cpp",
        help="what is timed, by the first letters, such as ours,'llama.cpp f32'")
    parser.add_argument(
        "--split", type=float,
        help="GB/s of a read loop: tables of the measurements while it was slower, and faster")
    arguments = parser.parse_args()
    for name in arguments.models.split(","):
        if name not in MODELS:
            parser.error(f"--models: there is no {name}, but {', '.join(MODELS)}")
    arguments.work.mkdir(parents=True, exist_ok=True)
    print_machine(arguments)
    for name in arguments.models.split(","):
        measure(arguments, name)


if __name__ == "__main__":
    main()
