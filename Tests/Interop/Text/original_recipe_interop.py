#!/usr/bin/env python3
"""Compare `bugurt-clean --recipe original` with the recipe as it was first written, in Python.

The posts are those of the given file and, if Debian's package fortunes-ru is installed, its 20,000 texts
with headers, links and news inserted. The two results must be the same to the byte.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys

FORTUNES = pathlib.Path("/usr/share/games/fortunes/ru")


def original(text):
    lines = text.split("\n")
    lines[0] = lines[0].replace("БУГУРТ-ТРЕД", "")
    lines = ["" if "https" in line or line == "#БТnews" else line for line in lines]
    return " ".join(lines)


def fortunes():
    dice = random.Random(1)
    additions = ["БУГУРТ-ТРЕД\n", "#БТnews\n", "https://example.org\n", "@\n", "", "", "", ""]
    for path in sorted(FORTUNES.iterdir()):
        if path.is_file() and path.suffix not in (".dat", ".u8"):
            for text in path.read_text(encoding="utf-8", errors="replace").split("\n%\n"):
                yield dice.choice(additions) + text.upper() + dice.choice(["", "\nhttps://a.ru"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bugurt_clean")
    parser.add_argument("posts", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    # Not splitlines: it would also cut at U+2028, which stands in texts.
    lines = arguments.posts.read_text(encoding="utf-8").split("\n")
    corpora = {"posts": [json.loads(line)["text"] for line in lines if line]}
    if FORTUNES.is_dir():
        corpora["fortunes"] = list(fortunes())
    for name, texts in corpora.items():
        path = arguments.folder / f"{name}.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for number, text in enumerate(texts, 1):
                post = {"id": number, "date": "2016-03-01T09:00:00Z", "text": text}
                file.write(json.dumps(post, ensure_ascii=False) + "\n")
        output = arguments.folder / f"{name}.txt"
        subprocess.run([arguments.bugurt_clean, path, "--recipe", "original", "-o", output],
                       check=True, stderr=subprocess.DEVNULL)
        expected = "".join(map(original, texts)).encode()
        found = output.read_bytes()
        if found != expected:
            place = next((i for i, (a, b) in enumerate(zip(found, expected)) if a != b),
                         min(len(found), len(expected)))
            sys.exit(f"{name}: byte {place} differs: {found[place:place + 40]!r}, "
                     f"expected {expected[place:place + 40]!r}")
        print(f"original recipe, {name}: {len(texts):,} posts, {len(found):,} bytes: the same")


main()
