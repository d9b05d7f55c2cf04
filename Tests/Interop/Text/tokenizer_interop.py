#!/usr/bin/env python3
"""Compare bpe-encode with the packages tokenizers and transformers.

1. Both learn a vocabulary from the corpus: the same merges in the same order, the same ids.
2. bpe-encode encodes the corpus and a file of nasty strings with that vocabulary, and with those of
   --tokenizer, post by post and as a whole: the ids in the shards are the reference's, id for id.
3. AutoTokenizer loads the folders that bpe-encode wrote: the same ids, the end-of-text token as its
   eos, and no token added.

Prints what differs and exits with 1 if something does.

usage: tokenizer_interop.py BPE_ENCODE CORPUS WORK_FOLDER [--tokenizer FOLDER]...
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import zlib

import tokenizers
import transformers
from tokenizers.implementations import ByteLevelBPETokenizer

from common import NASTY, check, finish, random_texts

parser = argparse.ArgumentParser()
parser.add_argument("program")
parser.add_argument("corpus")
parser.add_argument("work")
parser.add_argument("--tokenizer", action="append", default=[], help="another tokenizer to try")
arguments = parser.parse_args()

SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "<mask>"]
# Not for llama.cpp: zero bytes, and characters of the latest Unicode.
NASTY_POSTS = NASTY + ["\u1c89\ua7cb\U0002ebf0", "\ua7ce\U000323b0\ue000\U0010ffff", "\x00\x01\x7f"] \
    + random_texts(5, 3000, 1000)


def first_difference(ours, theirs):
    for index, (a, b) in enumerate(zip(ours, theirs)):
        if a != b:
            return f"at {index}: ours {ours[index:index + 8]}, theirs {theirs[index:index + 8]}"
    return f"ours has {len(ours)}, theirs {len(theirs)}"


def run(*options, stdin=subprocess.DEVNULL):
    result = subprocess.run(
        [arguments.program, *options], stdin=stdin, capture_output=True, text=True
    )
    if result.returncode != 0:
        sys.exit(f"bpe-encode {' '.join(options)}: {result.returncode}\n{result.stderr}")


def read_shards(folder, split):
    manifest = json.load(open(f"{folder}/manifest.json"))
    ids = []
    for shard in manifest.get(split, {"shards": []})["shards"]:
        data = open(f"{folder}/{shard['file']}", "rb").read()
        words = [int.from_bytes(data[i : i + 4], "little") for i in range(0, 1024, 4)]
        width = {20240520: 2, 20240801: 4}[words[0]]
        body = data[1024:]
        assert words[1] == (1 if width == 2 else 7) and words[2] == shard["tokens"]
        assert len(body) == words[2] * width and words[4] == width and words[3] == 1
        assert words[5] == manifest["tokenizer"]["vocabulary_size"]
        assert words[6] == manifest["tokenizer"]["end_of_text"]["id"]
        assert f"{words[7]:08x}" == manifest["tokenizer"]["digest"]
        assert zlib.crc32(body) == words[8] == int(shard["crc32"], 16)
        ids += [int.from_bytes(body[i : i + width], "little") for i in range(0, len(body), width)]
    return ids


def digest_of(folder):
    """The digest as docs/formats.md defines it, for a folder whose added tokens are in vocab.json."""
    vocabulary = json.load(open(f"{folder}/vocab.json", encoding="utf-8"))
    tokens = "".join(token + "\n" for token in sorted(vocabulary, key=vocabulary.get))
    merges = open(f"{folder}/merges.txt", encoding="utf-8", newline="").read().split("\n", 1)[1]
    return f"{zlib.crc32((tokens + merges).encode()):08x}"


def compare(name, reference, corpus, posts, *options):
    """Encode `corpus`, whose lines are `posts`, in both ways and compare with `reference`."""
    folder = f"{arguments.work}/{name}"
    run(corpus, "-o", folder, *options)
    manifest = json.load(open(f"{folder}/manifest.json"))
    end = manifest["tokenizer"]["end_of_text"]["id"]
    fraction = manifest["settings"]["validation_fraction"]
    expected = {"train": [], "validation": []}
    for post, ids in zip(posts, reference.encode_batch(posts)):
        is_held_back = zlib.crc32(post.encode()) / 2**32 < fraction
        expected["validation" if is_held_back else "train"] += ids.ids + [end]
    for split, theirs in expected.items():
        ours = read_shards(folder, split)
        check(ours == theirs, f"{name}: {len(theirs)} ids, {split}", first_difference(ours, theirs))
    check(
        digest_of(f"{folder}/tokenizer") == manifest["tokenizer"]["digest"], f"{name}: digest",
        f"{digest_of(f'{folder}/tokenizer')} and {manifest['tokenizer']['digest']}",
    )

    piped = f"{arguments.work}/{name}-piped"
    with open(corpus, "rb") as file:
        run("-", "-o", piped, *options, stdin=file)
    for split in expected:
        same = read_shards(piped, split) == read_shards(folder, split)
        check(same, f"{name}: {split} from standard input")

    whole = f"{arguments.work}/{name}-continuous"
    run(corpus, "-o", whole, "--pack", "continuous", "--tokenizer", f"{folder}/tokenizer")
    theirs = reference.encode(open(corpus, encoding="utf-8").read()).ids
    ours = read_shards(whole, "train")
    check(
        ours == theirs, f"{name}: {len(theirs)} ids, continuous", first_difference(ours, theirs)
    )

    for written in (folder, whole):
        auto = transformers.AutoTokenizer.from_pretrained(f"{written}/tokenizer")
        label = f"{os.path.basename(written)}: AutoTokenizer"
        check(
            len(auto) == reference.get_vocab_size(), f"{label} adds nothing", f"{len(auto)} tokens"
        )
        check(
            auto.eos_token_id == end, f"{label} has the end of text", f"{auto.eos_token_id}, {end}"
        )
        plain = [p for p in posts if not any(s in p for s in SPECIAL + ["<|endoftext|>"])][:3000]
        theirs = [encoding.ids for encoding in reference.encode_batch(plain)]
        ours = auto(plain)["input_ids"]
        check(list(ours) == theirs, f"{label} gives the same ids", first_difference(ours, theirs))
    return folder


shutil.rmtree(arguments.work, ignore_errors=True)
os.makedirs(arguments.work)
corpus_posts = [l for l in open(arguments.corpus, encoding="utf-8", newline="\n").read().split("\n") if l]
nasty = f"{arguments.work}/nasty.txt"
with open(nasty, "w", encoding="utf-8", newline="\n") as file:
    file.write("".join(post + "\n" for post in NASTY_POSTS))

for name, corpus, size, frequency in (
    ("learnt", arguments.corpus, 16384, 2),
    ("learnt-all", arguments.corpus, 100_000, 1),
    ("learnt-nasty", nasty, 5000, 2),
):
    # A vocabulary is learned from the posts that are not held back.
    posts = f"{arguments.work}/{name}.txt"
    with open(corpus, "rb") as source, open(posts, "wb") as file:
        for line in source:
            if zlib.crc32(line.rstrip(b"\n")) >= 0.05 * 2**32:
                file.write(line)
    theirs = ByteLevelBPETokenizer()
    theirs.train(
        [posts], vocab_size=size, min_frequency=frequency, special_tokens=SPECIAL,
        show_progress=False,
    )
    model = json.loads(theirs.to_str())["model"]
    folder = f"{arguments.work}/{name}"
    run(corpus, "-o", folder, "--vocab-size", str(size), "--min-frequency", str(frequency))
    lines = open(f"{folder}/tokenizer/merges.txt", encoding="utf-8").read().split("\n")[1:-1]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    check(lines == merges, f"{name}: {len(merges)} merges", first_difference(lines, merges))
    vocabulary = json.load(open(f"{folder}/tokenizer/vocab.json", encoding="utf-8"))
    check(
        vocabulary == model["vocab"], f"{name}: vocabulary of {len(vocabulary)}",
        str(sorted(vocabulary.items() ^ model["vocab"].items())[:8]),
    )

folders = [f"{arguments.work}/learnt/tokenizer"] + arguments.tokenizer
for index, folder in enumerate(folders):
    if os.path.exists(f"{folder}/vocab.json"):
        reference = ByteLevelBPETokenizer(f"{folder}/vocab.json", f"{folder}/merges.txt")
    else:
        reference = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
    compare(f"corpus-{index}", reference, arguments.corpus, corpus_posts, "--tokenizer", folder)
    compare(f"nasty-{index}", reference, nasty, NASTY_POSTS, "--tokenizer", folder)

finish()
