#!/usr/bin/env python3
"""Compare bpe-encode's --invalid-utf8 with Python's errors="replace" and errors="ignore".

Writes bytes with everything in them that UTF-8 forbids, encodes them with bpe-encode, plain and packed
with gzip, decodes the shards again with --decode, and compares with what Python makes of the bytes.
Prints what differs and exits with 1 if something does.

usage: invalid_utf8_interop.py BPE_ENCODE CORPUS WORK_FOLDER
"""
import gzip
import itertools
import os
import random
import shutil
import subprocess
import sys

program, corpus, work = sys.argv[1:]
shutil.rmtree(work, ignore_errors=True)
os.makedirs(work)
failures = 0


def run(*options):
    result = subprocess.run([program, *options], stdin=subprocess.DEVNULL, capture_output=True)
    if result.returncode != 0:
        sys.exit(f"{options}: status {result.returncode}\n{result.stderr.decode()}")
    return result.stdout


def broken_bytes():
    """All pairs of bytes, edges of all lengths, and random bytes; carriage returns left out."""
    pieces = [bytes(pair) for pair in itertools.product(range(256), repeat=2)]
    edges = [0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xED, 0xF0, 0xF4, 0xFF]
    leads = [0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF8]
    pieces += [bytes(four) for four in itertools.product(leads, edges, edges, edges)]
    rng = random.Random(11)
    pieces += [rng.randbytes(rng.randint(1, 9)) for _ in range(100_000)]
    letters = [letter.encode() for letter in "aж€😀\n"]
    pieces += [rng.choice(letters)[: rng.randint(1, 4)] for _ in range(200_000)]
    rng.shuffle(pieces)
    return b"".join(pieces).replace(b"\r", b"")


data = broken_bytes()
plain, packed = os.path.join(work, "broken.txt"), os.path.join(work, "broken.txt.gz")
with open(plain, "wb") as file:
    file.write(data)
with gzip.open(packed, "wb") as file:
    file.write(data)
tokenizer = os.path.join(work, "tokenizer")
run(corpus, "-o", tokenizer, "--vocab-size", "1000")
for policy, errors in [("replace", "replace"), ("drop", "ignore")]:
    # A byte order mark at the beginning of the file is no part of the text.
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors=errors)
    # Lines without a character hold no post.
    posts = "".join(line + "\n" for line in text.split("\n") if line)
    for packing, expected in [("continuous", text), ("posts", posts)]:
        for path in [plain, packed]:
            shards = os.path.join(work, "shards")
            run(path, "-o", shards, "--tokenizer", tokenizer, "--pack", packing,
                "--validation-fraction", "0", "--invalid-utf8", policy)
            run("--verify", shards)
            found = run("--decode", os.path.join(shards, "train-00000.bin"))
            same = found == expected.encode()
            print(("same       " if same else "DIFFERENT  ")
                  + f"{policy}, {packing}, {os.path.basename(path)}: {len(data)} bytes")
            failures += not same
sys.exit(1 if failures else 0)
