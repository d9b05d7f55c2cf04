#!/usr/bin/env python3
"""Compare the vocabularies that bpe-encode learns with those of tokenizers' ByteLevelBPETokenizer.

Merges are compared in order, vocabularies id for id: for the corpus with several sizes and minimum
frequencies, with the special tokens of rugpt3 and with none, and for random corpora of few different
characters, in which most pairs are equally frequent: of one file or several, with empty lines, and with
or without a newline at the end. The files that bpe-encode wrote are loaded by tokenizers and by
AutoTokenizer and encode as the reference does.

A byte order mark at the beginning of a file, and a carriage return at the end of a line, do not belong
to a post for bpe-encode; the reference gets the files without them.

Prints what differs and exits with 1 if something does.

usage: bpe_training_interop.py BPE_ENCODE CORPUS WORK_FOLDER [--random N] [--seed S]
"""
import argparse
import json
import os
import random
import shutil
import subprocess
import sys

import tokenizers
import transformers
from tokenizers.implementations import ByteLevelBPETokenizer

parser = argparse.ArgumentParser()
parser.add_argument("program")
parser.add_argument("corpus")
parser.add_argument("work")
parser.add_argument("--random", type=int, default=120, help="how many random corpora")
parser.add_argument("--seed", type=int, default=1)
arguments = parser.parse_args()

SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "<mask>"]
failures = 0


def check(holds, what, detail=""):
    global failures
    if not holds:
        failures += 1
        print(f"DIFFERENT  {what}\n    {detail}")
    return holds


def first_difference(ours, theirs):
    for index, (a, b) in enumerate(zip(ours, theirs)):
        if a != b:
            return f"at {index}: ours {ours[index:index + 5]}, theirs {theirs[index:index + 5]}"
    return f"ours has {len(ours)}, theirs {len(theirs)}"


def learnt_by_reference(corpus, size, frequency, special):
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train(
        corpus, vocab_size=size, min_frequency=frequency, special_tokens=special,
        show_progress=False,
    )
    model = json.loads(tokenizer.to_str())["model"]
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    return tokenizer, merges, model["vocab"]


def learnt_by_us(corpus, size, frequency):
    """The folder of the tokenizer, its merges and its vocabulary."""
    folder = f"{arguments.work}/tokens"
    result = subprocess.run(
        [arguments.program, *corpus, "-o", folder, "--vocab-size", str(size), "--min-frequency",
         str(frequency), "--validation-fraction", "0"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )
    if result.returncode != 0:
        sys.exit(f"bpe-encode {corpus}: {result.returncode}\n{result.stderr}")
    merges = open(f"{folder}/tokenizer/merges.txt", encoding="utf-8").read().split("\n")[1:-1]
    vocabulary = json.load(open(f"{folder}/tokenizer/vocab.json", encoding="utf-8"))
    return f"{folder}/tokenizer", merges, vocabulary


def compare(what, corpus, size, frequency, special=True, marked=None):
    """Returns the reference's tokenizer and the folder of ours, which learns from the files `marked`."""
    folder, our_merges, our_vocabulary = learnt_by_us(marked or corpus, size, frequency)
    # Without special tokens all ids are smaller by their number.
    shift = 0 if special else len(SPECIAL)
    reference, their_merges, their_vocabulary = learnt_by_reference(
        corpus, size - shift, frequency, SPECIAL if special else [])
    their_vocabulary = {token: id + shift for token, id in their_vocabulary.items()}
    if not special:
        their_vocabulary |= {token: id for id, token in enumerate(SPECIAL)}
    check(
        our_merges == their_merges, f"{what}: merges", first_difference(our_merges, their_merges))
    check(
        our_vocabulary == their_vocabulary, f"{what}: vocabulary",
        str(sorted(our_vocabulary.items() ^ their_vocabulary.items())[:8]))
    return reference, folder, len(their_merges)


def random_lines(rng):
    """Lines of few different characters, so that many pairs are equally frequent."""
    alphabet = rng.choice([
        "ab", "abc", "aab ", "абв ", "аА б", "abcdef  ", "a1! ", "!?.", "0123", "a'srevld ",
        "Ёё\u0301 ", "😀😁 ", "日本語", "ab\u00a0\t", " а@ б ", "-—–", "abcdefghijklmnopqrstuvwxyz ",
    ])
    words = ["".join(rng.choices(alphabet, k=rng.randint(1, 8))) for _ in range(rng.randint(1, 40))]
    lines = []
    for _ in range(rng.randint(1, 60)):
        kind = rng.random()
        if kind < 0.45:
            line = "".join(rng.choices(alphabet, k=rng.randint(1, 50)))
        elif kind < 0.9:
            line = " ".join(rng.choices(words, k=rng.randint(1, 12)))
        else:
            line = rng.choice(alphabet) * rng.randint(1, 300)
        lines.append(line)
    return lines


def write_random_files(rng):
    """Paths of files of a random corpus, and of the same with what editors of other systems add."""
    plain, marked = [], []
    for number in range(rng.choice([1, 1, 1, 2, 3])):
        lines = random_lines(rng)
        for _ in range(rng.choice([0, 0, 1, 3])):
            lines.insert(rng.randint(0, len(lines)), rng.choice(["", "", " ", "  "]))
        if rng.random() < 0.3:
            lines[-1] += rng.choice([" ", "  ", "\t", "\u00a0", " \t "])
        end = rng.choice(["", "\n", "\n", "\n\n", "\n \n"])
        text = "\n".join(lines) + end
        mark, newline = rng.choice(["", "\ufeff"]), rng.choice(["\n", "\n", "\r\n"])
        for paths, name, content in [
            (plain, "random", text), (marked, "marked", mark + text.replace("\n", newline))
        ]:
            paths.append(f"{arguments.work}/{name}-{number}.txt")
            with open(paths[-1], "w", encoding="utf-8", newline="") as file:
                file.write(content)
    return plain, marked


shutil.rmtree(arguments.work, ignore_errors=True)
os.makedirs(arguments.work)

count = 0
for size, frequency, special in [
    (261, 2, True), (262, 2, True), (300, 2, True), (1000, 1, True), (1000, 2, False),
    (4096, 5, True), (16384, 2, True), (16384, 5, False), (16384, 1, False), (50257, 1, True),
    (50257, 2, True),
]:
    name = f"corpus, {size} tokens, frequency {frequency}{'' if special else ', no special tokens'}"
    reference, folder, merges = compare(name, [arguments.corpus], size, frequency, special)
    print(f"compared   {name}: {merges} merges")
    count += merges
    if not special or size < 1000:
        continue
    posts = [p for p in open(arguments.corpus, encoding="utf-8").read().split("\n") if p][:300]
    theirs = [encoding.ids for encoding in reference.encode_batch(posts)]
    loaded = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
    ours = [encoding.ids for encoding in loaded.encode_batch(posts)]
    check(ours == theirs, f"{name}: ids by tokenizer.json", first_difference(ours, theirs))
    loaded = ByteLevelBPETokenizer(f"{folder}/vocab.json", f"{folder}/merges.txt")
    ours = [encoding.ids for encoding in loaded.encode_batch(posts)]
    check(ours == theirs, f"{name}: ids by merges.txt", first_difference(ours, theirs))
    ours = list(transformers.AutoTokenizer.from_pretrained(folder)(posts)["input_ids"])
    check(ours == theirs, f"{name}: ids by AutoTokenizer", first_difference(ours, theirs))

for index in range(arguments.random):
    rng = random.Random(arguments.seed * 1_000_003 + index)
    plain, marked = write_random_files(rng)
    size = rng.choice([270, 300, 400, 1000, 5000])
    frequency = rng.choice([1, 1, 2, 2, 5])
    name = f"random corpus {index}, {size} tokens, frequency {frequency}"
    _, _, merges = compare(
        name, plain, size, frequency, special=rng.random() < 0.8,
        marked=rng.choice([plain, marked]))
    count += merges
    if failures > 0:
        sys.exit(f"the corpus is {' '.join(plain)}, or {' '.join(marked)}")

print(f"compared   {arguments.random} random corpora")
print(f"all {count} merges the same" if failures == 0 else f"{failures} differences")
sys.exit(1 if failures else 0)
