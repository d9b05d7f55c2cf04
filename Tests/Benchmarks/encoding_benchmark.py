#!/usr/bin/env python3
"""Time bpe-encode against tiktoken and tokenizers on the same text with the same vocabulary.

The text is cut into posts, one a line. For each size of vocabulary bpe-encode learns one from it;
then, in alternating rounds, it is encoded by bpe-encode (the whole program: reading the tokenizer and
the text, writing the shards, fsync) with 1 and 2 threads, by tiktoken's encode_ordinary post by post,
and by the encode_batch of tokenizers with one thread and with all (for both the posts are in memory
already, and the ids stay there). The ids must be the same. Prints medians as Markdown.

Throughput is megabytes (10^6 bytes) of text a second of the clock and, because a machine may have
other work to do, a second of processor time.
"""
import argparse
import array
import hashlib
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import time

from fortunes import FORTUNES, fortunes

SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "<mask>"]
END = 2


# ---- The text


def write_corpus(arguments):
    """Write the text to time with, one post a line, to --work."""
    if arguments.corpus:
        text = arguments.corpus.read_text(encoding="utf-8")
    elif FORTUNES.is_dir():
        text = "".join(post + "\n" for post in fortunes(" @ ")) * 10
    else:
        text = arguments.fixture.read_text(encoding="utf-8")
        text *= max(1, 30_000_000 // len(text.encode()))
    posts = [line for line in text.split("\n") if line]
    path = arguments.work / "corpus.txt"
    path.write_text("".join(post + "\n" for post in posts), encoding="utf-8", newline="")


# ---- bpe-encode


def run_ours(arguments, corpus, folder, *options):
    """Run bpe-encode; return seconds of the clock and of the processor, and peak memory in MB."""
    command = [arguments.bpe_encode, corpus, "-o", folder, "--validation-fraction", "0", *options]
    start = time.monotonic()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    log = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if status != 0:
        sys.exit(f"{command}: {log}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def digest_of_shards(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    digest = hashlib.sha256()
    for shard in manifest["train"]["shards"]:
        digest.update((folder / shard["file"]).read_bytes()[1024:])
    return digest.hexdigest()


# ---- The peers, each in a process of its own


def bytes_of_symbols():
    """The bytes that the characters of a byte-level vocabulary stand for."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(b): b for b in printable} | {chr(256 + n): b for n, b in enumerate(others)}


def tiktoken_encoder(folder):
    import tiktoken
    from tiktoken_ext import openai_public

    symbols = bytes_of_symbols()
    vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    special = {token: vocabulary.pop(token) for token in SPECIAL}
    ranks = {bytes(symbols[c] for c in token): id for token, id in vocabulary.items()}
    encoding = tiktoken.Encoding(
        "trained", pat_str=openai_public.r50k_pat_str, mergeable_ranks=ranks,
        special_tokens=special)
    return lambda posts: [encoding.encode_ordinary(post) for post in posts]


def tokenizers_encoder(folder):
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))

    def encode(posts):
        for start in range(0, len(posts), 10_000):
            for encoding in tokenizer.encode_batch(posts[start:start + 10_000]):
                yield encoding.ids

    return lambda posts: list(encode(posts))


def train_tokenizers(arguments):
    import tokenizers

    tokenizer = tokenizers.ByteLevelBPETokenizer(add_prefix_space=False)
    tokenizer.train(
        str(arguments.corpus), vocab_size=arguments.vocabulary, min_frequency=2,
        special_tokens=SPECIAL, show_progress=False)


def peer(arguments):
    """Do the work of one peer and print what it took as JSON."""
    if arguments.peer == "corpus":
        return write_corpus(arguments)
    if arguments.peer == "train":
        start, processor = time.monotonic(), time.process_time()
        train_tokenizers(arguments)
        digest = ""
        seconds, processor = time.monotonic() - start, time.process_time() - processor
    else:
        make = {"tiktoken": tiktoken_encoder, "tokenizers": tokenizers_encoder}[arguments.peer]
        encode = make(arguments.tokenizer)
        posts = arguments.corpus.read_text(encoding="utf-8").split("\n")[:-1]
        start, processor = time.monotonic(), time.process_time()
        ids = encode(posts)
        seconds, processor = time.monotonic() - start, time.process_time() - processor
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        flat = array.array("H" if arguments.vocabulary <= 65536 else "I")
        for post in ids:
            flat.extend(post)
            flat.append(END)
        digest = hashlib.sha256(flat.tobytes()).hexdigest()
    if arguments.peer == "train":
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    json.dump([seconds, processor, memory / 1000, digest], sys.stdout)


def run_peer(arguments, name, corpus, vocabulary, threads=None):
    environment = dict(os.environ)
    if threads:
        environment["RAYON_NUM_THREADS"] = str(threads)
    folder = arguments.work / f"learnt-{vocabulary}" / "tokenizer"
    result = subprocess.run(
        [sys.executable, __file__, "--peer", name, "--corpus", corpus, "--tokenizer", folder,
         "--vocabulary", str(vocabulary)],
        env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(result.stdout)


# ---- The tables


def measure_encoding(arguments, corpus, size, vocabulary):
    learnt = arguments.work / f"learnt-{vocabulary}"
    ours = ["--tokenizer", learnt / "tokenizer"]

    def run(threads):
        folder = arguments.work / "encoded"
        times = run_ours(arguments, corpus, folder, *ours, "--threads", str(threads))
        return *times, digest_of_shards(folder)

    nothing = arguments.work / "nothing.txt"
    nothing.write_text("@\n")
    contenders = {
        "bpe-encode, 1 thread": lambda: run(1),
        "bpe-encode, 2 threads": lambda: run(2),
        "tiktoken, encode_ordinary": lambda: run_peer(arguments, "tiktoken", corpus, vocabulary),
        "tokenizers, encode_batch, 1 thread":
            lambda: run_peer(arguments, "tokenizers", corpus, vocabulary, 1),
        "tokenizers, encode_batch, all threads":
            lambda: run_peer(arguments, "tokenizers", corpus, vocabulary),
    }
    results = {name: [] for name in contenders}
    starts = []
    for _ in range(arguments.rounds):
        for name, contender in contenders.items():
            results[name].append(contender())
        starts.append(run_ours(arguments, nothing, arguments.work / "encoded", *ours))
    digests = {name: {result[3] for result in runs} for name, runs in results.items()}
    expected = digests["bpe-encode, 1 thread"]
    for name, found in digests.items():
        if found != expected:
            sys.exit(f"{name}: other ids than bpe-encode with 1 thread, vocabulary {vocabulary}")
    medians = {
        name: [statistics.median(run[i] for run in runs) for i in range(3)]
        for name, runs in results.items()
    }
    base = medians["bpe-encode, 1 thread"]
    for name, (seconds, processor, memory) in medians.items():
        print(
            f"| {vocabulary:,} | {name} | {size / seconds / 1e6:.1f} | {size / processor / 1e6:.1f} "
            f"| {seconds / base[0]:.1f} × | {processor / base[1]:.1f} × | {memory:,.0f} MB |",
            flush=True)
    seconds, processor, memory = (statistics.median(run[i] for run in starts) for i in range(3))
    print(
        f"| {vocabulary:,} | bpe-encode, a text of two bytes | {seconds:.2f} s | {processor:.2f} s "
        f"| {seconds / base[0]:.2f} × | {processor / base[1]:.2f} × | {memory:,.0f} MB |",
        flush=True)


def measure_training(arguments, corpus, vocabulary):
    def run(threads):
        return run_ours(
            arguments, corpus, arguments.work / "trained", "--vocab-size", str(vocabulary),
            "--threads", str(threads))

    contenders = {
        "bpe-encode, 1 thread, and encoding": lambda: run(1),
        "bpe-encode, 2 threads, and encoding": lambda: run(2),
        "tokenizers, 1 thread": lambda: run_peer(arguments, "train", corpus, vocabulary, 1),
        "tokenizers, 2 threads": lambda: run_peer(arguments, "train", corpus, vocabulary, 2),
    }
    results = {name: [] for name in contenders}
    for _ in range(arguments.rounds):
        for name, contender in contenders.items():
            results[name].append(contender())
    for name, runs in results.items():
        seconds, processor, memory = (statistics.median(run[i] for run in runs) for i in range(3))
        print(
            f"| {vocabulary:,} | {name} | {seconds:.2f} s | {processor:.2f} s | {memory:,.0f} MB |",
            flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bpe-encode")
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--fixture", type=pathlib.Path, help="text where no other is there")
    parser.add_argument(
        "--corpus", type=pathlib.Path,
        help="text in UTF-8, one post a line (default: Debian's fortunes-ru ten times, or else the "
        "fixture, repeated)")
    parser.add_argument("--vocabularies", default="16384,50257")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    parser.add_argument("--tokenizer", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--vocabulary", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        return peer(arguments)
    shutil.rmtree(arguments.work, ignore_errors=True)
    arguments.work.mkdir(parents=True)
    # In a process of its own: a process begins with the peak memory of the one that starts it.
    subprocess.run([sys.executable, *sys.argv, "--peer", "corpus"], check=True)
    corpus = arguments.work / "corpus.txt"
    size = corpus.stat().st_size
    vocabularies = [int(text) for text in arguments.vocabularies.split(",")]
    print(f"{size / 1e6:.1f} MB of text\n")
    print("| vocabulary | program | MB/s | MB/s of processor time | time, ours = 1 "
          "| processor time, ours = 1 | memory |")
    print("| --- " * 7 + "|", flush=True)
    for vocabulary in vocabularies:
        run_ours(
            arguments, corpus, arguments.work / f"learnt-{vocabulary}", "--vocab-size",
            str(vocabulary))
        measure_encoding(arguments, corpus, size, vocabulary)
    print("\n| learning a vocabulary of | program | time | processor time | memory |")
    print("| --- " * 5 + "|", flush=True)
    for vocabulary in vocabularies:
        measure_training(arguments, corpus, vocabulary)
    shutil.rmtree(arguments.work)


if __name__ == "__main__":
    main()
