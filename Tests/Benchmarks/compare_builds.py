#!/usr/bin/env python3
"""Time the programs of two builds against each other.

Every stage runs with either build in turn, on the same input: an export as JSON and as HTML, its
posts cleaned and encoded, a model of 12 × 768 trained and sampled, and the start of each program.
Says whether the outputs are the same bytes. Prints medians and their ratios as Markdown.

usage: compare_builds.py --before FOLDER --after FOLDER --work FOLDER [STAGE ...]

The folders hold the five programs. See --help for the stages; the default is all of them.
"""
import argparse
import datetime
import filecmp
import html
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

import dump_benchmark
from fortunes import fortunes

SHAPE = ["--layers", 12, "--width", 768, "--heads", 12, "--context", 256]
PAGE = """<!DOCTYPE html>
<html>
 <head><meta charset="utf-8"/><title>Exported Data</title></head>
 <body onload="CheckLocation();">
  <div class="page_wrap">
   <div class="page_header"><div class="content"><div class="text bold">
Бугурты
   </div></div></div>
   <div class="page_body chat_page"><div class="history">
{messages}
   </div></div>
  </div>
 </body>
</html>
"""
MESSAGE = """     <div class="message default clearfix" id="message{id}">
      <div class="body">
       <div class="pull_right date details" title="{date} UTC+00:00">
{time}
       </div>
       <div class="from_name">
Бугурты
       </div>
       <div class="text">
{text}
       </div>
      </div>
     </div>
"""


# ---- Inputs, made once


def html_export(work, arguments):
    folder = work / "html"
    folder.mkdir(exist_ok=True)
    texts = list(fortunes("\n@\n"))
    total = arguments.megabytes * 200_000 // 300
    for page in range(0, total, 1000):
        messages = []
        for id in range(page + 1, page + 1001):
            date = datetime.datetime.fromtimestamp(1_456_819_200 + id * 3600, datetime.timezone.utc)
            text = html.escape(texts[id % len(texts)], quote=True).replace("\n", "<br>")
            messages.append(MESSAGE.format(
                id=id, date=date.strftime("%d.%m.%Y %H:%M:%S"), time=date.strftime("%H:%M"),
                text=f"<strong>{text}</strong>" if id % 5 == 0 else text))
        name = f"messages{page // 1000 + 1 if page else ''}.html"
        (folder / name).write_text(PAGE.format(messages="".join(messages)), encoding="utf-8")
    return folder


def prepare(work, arguments):
    """Make the inputs, with the programs of the build of before."""
    names = ("result.json", "html", "posts.jsonl", "corpus.txt", "tokens", "run")
    inputs = {name: work / name for name in names}
    if (work / "ready").exists():
        return inputs
    before = arguments.before
    dump_benchmark.write_export(arguments)
    html_export(work, arguments)
    call = lambda *command: subprocess.run([str(word) for word in command], check=True)
    call(before / "tg-dump", inputs["result.json"], "-o", inputs["posts.jsonl"])
    call(before / "bugurt-clean", inputs["posts.jsonl"], "-o", work / "clean.txt")
    clean = (work / "clean.txt").read_bytes()
    with open(inputs["corpus.txt"], "wb") as file:
        for _ in range(arguments.corpus_megabytes * 1_000_000 // len(clean) + 1):
            file.write(clean)
    call(before / "bpe-encode", work / "clean.txt", "-o", inputs["tokens"], "--vocab-size", 16384)
    call(before / "gpt-finetune", inputs["tokens"], "-o", inputs["run"], *SHAPE, "--max-steps", 2,
         "--warmup-steps", 1)
    (work / "ready").touch()
    return inputs


# ---- Stages: what is run, and the output that must be the same


def stages(inputs, arguments):
    tokenizer = inputs["tokens"] / "tokenizer"
    model = inputs["run"] / "final"

    def encode(threads):
        words = [inputs["corpus.txt"], "--tokenizer", tokenizer, "--threads", threads]
        return ("bpe-encode", words, "folder")

    def train(precision):
        return ("gpt-finetune", [
            inputs["tokens"], *SHAPE, "--max-steps", arguments.steps, "--warmup-steps", 2,
            "--precision", precision, "--save-steps", 1000, "--eval-steps", 1000], "run")

    def sample(weights):
        return ("gpt-sample", [
            model, "--prompt", "КОГДА", "--min-length", 160, "--max-length", 160,
            "--weights", weights], "file")

    table = {
        "dump-json": ("tg-dump", [inputs["result.json"]], "file"),
        "dump-html": ("tg-dump", [inputs["html"]], "file"),
        "clean": ("bugurt-clean", [inputs["posts.jsonl"], "--threads", 1], "file"),
        "clean-2": ("bugurt-clean", [inputs["posts.jsonl"], "--threads", 2], "file"),
        "encode-1": encode(1),
        "encode-2": encode(2),
        "train-fp32": train("fp32"),
        "train-bf16": train("bf16"),
    }
    for weights in ("fp32", "bf16", "int8", "int4"):
        table[f"sample-{weights}"] = sample(weights)
    for program in ("tg-dump", "bugurt-clean", "bpe-encode", "gpt-finetune", "gpt-sample"):
        table[f"start-{program}"] = (program, ["--help"], None)
    return table


def output_of(kind, path):
    """The files in which the result of a stage is."""
    if kind == "run":
        return path / "final" / "model.safetensors"
    return path / "train-00000.bin" if kind == "folder" else path


def run(program, words, output, repeats):
    command = [str(program), *map(str, words)] + (["--output", str(output)] if output else [])
    if output:
        shutil.rmtree(output, ignore_errors=True)
        pathlib.Path(output).unlink(missing_ok=True)
    before = time.monotonic()
    processor = memory = 0
    for _ in range(repeats):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        log = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            sys.exit(f"{command}: status {status}: {log.decode()}")
        processor += usage.ru_utime + usage.ru_stime
        memory = max(memory, usage.ru_maxrss * 1024 / 1e6)
    return (time.monotonic() - before) / repeats, processor / repeats, memory


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="stages: dump-json dump-html clean clean-2 encode-1 encode-2 train-fp32 train-bf16 "
        "sample-fp32 sample-bf16 sample-int8 sample-int4 and start-PROGRAM")
    for name in ("before", "after", "work"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=200, help="the size of the export")
    parser.add_argument(
        "--corpus-megabytes", type=int, default=352, help="the size of what is encoded")
    parser.add_argument("--steps", type=int, default=6, help="the steps of a training")
    parser.add_argument("--fixture", type=pathlib.Path, default="data/fixture/result.json")
    parser.add_argument("--only-write", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("stages", nargs="*")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    if arguments.only_write:
        return prepare(arguments.work, arguments)
    # In a process of its own: a process begins with the peak memory of the one that starts it.
    subprocess.run([sys.executable, *sys.argv, "--only-write"], check=True)
    inputs = prepare(arguments.work, arguments)
    print("| stage | before s | after s | ratio | processor | MB before | MB after | output |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    for name, (program, words, kind) in stages(inputs, arguments).items():
        if arguments.stages and name not in arguments.stages:
            continue
        results, outputs = {}, {}
        for round in range(arguments.rounds + 1):
            for side in ("before", "after") if round % 2 else ("after", "before"):
                output = arguments.work / f"{side}.out" if kind else None
                # The start of a program is too short to be timed once.
                found = run(getattr(arguments, side) / program, words, output, 1 if kind else 20)
                outputs[side] = output
                # The first round brings the files into memory.
                if round:
                    results.setdefault(side, []).append(found)
        same = not kind or filecmp.cmp(
            *(output_of(kind, outputs[side]) for side in ("before", "after")), shallow=False)
        (before, before_processor, before_memory), (after, after_processor, after_memory) = (
            [statistics.median(column) for column in zip(*results[side])]
            for side in ("before", "after"))
        print(
            f"| {name} | {before:.3f} | {after:.3f} | {after / before:.3f} | "
            f"{after_processor / before_processor:.3f} | {before_memory:.0f} | {after_memory:.0f} | "
            f"{'the same' if same else 'DIFFERS'} |", flush=True)


if __name__ == "__main__":
    main()
