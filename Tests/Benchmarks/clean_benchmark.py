#!/usr/bin/env python3
"""Time bugurt-clean, and its near duplicates against datasketch on the same posts.

Near duplicates, in alternating rounds: bugurt-clean --near-duplicates 0.8 (the whole program: reading
and cleaning the posts, writing the text, fsync), and datasketch's MinHash and MinHashLSH with as many
rows and bands, whose clock runs only while signatures are made, looked up and inserted, and candidates
compared: reading, cleaning, cutting into shingles is done before. Both drop a post if one that is kept
before it shares enough shingles. Then the throughput of bugurt-clean without near duplicates, on more
posts. Prints medians as Markdown.

Every second post is one before with some of its words changed.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import time
import unicodedata

from fortunes import FORTUNES, fortunes

SIMILARITY, SHINGLE, BANDS, ROWS = 0.8, 5, 18, 6


# ---- The posts


def write_posts(arguments):
    """Write the posts to time with to --work: few.jsonl and, without changed words, many.jsonl."""
    if FORTUNES.is_dir():
        texts = list(fortunes("\n@\n"))
    else:
        text = arguments.fixture.read_text(encoding="utf-8")
        texts = [line.replace(" @ ", "\n@\n") for line in text.split("\n") if line]
    chance = random.Random(1)
    words = [word for text in texts for word in text.split(" ")]
    few = []
    for index in range(arguments.posts):
        text = texts[index // 2 % len(texts)]
        if index % 2 or index // 2 >= len(texts):
            changed = text.split(" ")
            for _ in range(chance.randint(1, max(1, len(changed) // 8))):
                changed[chance.randrange(len(changed))] = chance.choice(words)
            text = " ".join(changed)
        few.append(text)
    size = sum(len(text.encode()) for text in texts)
    for name, posts in [("few", few), ("many", texts * (1 + 100_000_000 // size))]:
        with open(arguments.work / f"{name}.jsonl", "w", encoding="utf-8") as file:
            for index, text in enumerate(posts):
                post = {"id": index + 1, "date": "2016-03-01T09:00:00Z", "text": text}
                file.write(json.dumps(post, ensure_ascii=False, separators=(",", ":")) + "\n")


# ---- bugurt-clean


def run_ours(arguments, posts, *options):
    """Run bugurt-clean; return seconds of the clock and of the processor, and peak memory in MB."""
    command = [
        arguments.bugurt_clean, posts, "-o", arguments.work / "text.txt",
        "--funnel", arguments.work / "funnel.json", *options]
    start = time.monotonic()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    log = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if status != 0:
        sys.exit(f"{command}: {log}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def dropped_by_ours(arguments):
    funnel = json.loads((arguments.work / "funnel.json").read_text())
    return next(s["dropped"] for s in funnel["rules"] if s["name"] == "near-duplicates")


# ---- datasketch, in a process of its own


def shingles(text):
    kept = "".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in text).lower()
    folded = " ".join(kept.split())
    count = max(1, len(folded) - SHINGLE + 1)
    return {folded[i:i + SHINGLE].encode() for i in range(count)} if folded else set()


def run_datasketch(arguments):
    """Drop near duplicates by datasketch and print what it took as JSON."""
    import datasketch

    texts = (arguments.work / "clean.txt").read_text(encoding="utf-8").split("\n")[:-1]
    posts = [shingles(text) for text in texts]
    start, processor = time.monotonic(), time.process_time()
    index = datasketch.MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    dropped = 0
    for number, post in enumerate(posts):
        signature = datasketch.MinHash(num_perm=BANDS * ROWS)
        signature.update_batch(post)
        candidates = (posts[key] for key in index.query(signature))
        if any(len(post & other) / len(post | other) >= SIMILARITY for other in candidates):
            dropped += 1
        else:
            index.insert(number, signature, check_duplication=False)
    json.dump([time.monotonic() - start, time.process_time() - processor, dropped], sys.stdout)


# ---- The tables


def measure_near_duplicates(arguments):
    few = arguments.work / "few.jsonl"
    run_ours(arguments, few)
    shutil.move(arguments.work / "text.txt", arguments.work / "clean.txt")

    def ours(threads):
        times = run_ours(
            arguments, few, "--near-duplicates", str(SIMILARITY), "--threads", str(threads))
        return *times[:2], dropped_by_ours(arguments)

    def datasketch():
        result = subprocess.run(
            [sys.executable, __file__, "--datasketch", "--work", arguments.work],
            stdout=subprocess.PIPE, check=True)
        return json.loads(result.stdout)

    contenders = {
        "bugurt-clean, 1 thread": lambda: ours(1), "bugurt-clean, 2 threads": lambda: ours(2),
        "datasketch": datasketch,
    }
    results = {name: [] for name in contenders}
    for _ in range(arguments.rounds):
        for name, contender in contenders.items():
            results[name].append(contender())
    print(f"{arguments.posts:,} posts; similarity {SIMILARITY}, shingles of {SHINGLE}, {BANDS} bands "
          f"of {ROWS} rows\n")
    print("| program | time | processor time | time, ours = 1 | dropped |")
    print("| --- " * 5 + "|", flush=True)
    base = statistics.median(run[0] for run in results["bugurt-clean, 1 thread"])
    for name, runs in results.items():
        seconds, processor, dropped = (statistics.median(run[i] for run in runs) for i in range(3))
        print(f"| {name} | {seconds:.2f} s | {processor:.2f} s | {seconds / base:.1f} × "
              f"| {dropped:,} |", flush=True)


def measure_throughput(arguments):
    many = arguments.work / "many.jsonl"
    size = many.stat().st_size
    results = {1: [], 2: []}
    for _ in range(arguments.rounds):
        for threads, runs in results.items():
            runs.append(run_ours(arguments, many, "--threads", str(threads)))
    print(f"\n{size / 1e6:.1f} MB of posts, without near duplicates\n")
    print("| threads | MB/s | MB/s of processor time | memory |")
    print("| --- " * 4 + "|")
    for threads, runs in results.items():
        seconds, processor, memory = (statistics.median(run[i] for run in runs) for i in range(3))
        print(f"| {threads} | {size / seconds / 1e6:.0f} | {size / processor / 1e6:.0f} "
              f"| {memory:.0f} MB |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bugurt-clean")
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--fixture", type=pathlib.Path, help="text where no other is there")
    parser.add_argument("--posts", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--datasketch", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.datasketch:
        return run_datasketch(arguments)
    if arguments.write:
        return write_posts(arguments)
    shutil.rmtree(arguments.work, ignore_errors=True)
    arguments.work.mkdir(parents=True)
    # In a process of its own: a process begins with the peak memory of the one that starts it.
    subprocess.run([sys.executable, *sys.argv, "--write"], check=True)
    measure_near_duplicates(arguments)
    measure_throughput(arguments)
    shutil.rmtree(arguments.work)


if __name__ == "__main__":
    main()
