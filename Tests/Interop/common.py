"""What the checks have in common: a report of differences, nasty texts, and a run that is killed."""
import random
import subprocess
import sys

# What a split or a merge could get wrong, without line breaks.
NASTY = [
    "a  b", "a  ", " a", "  a", "\ta", "a\tb", "a \u00a0b", " \u00a0 x", "\u00a0", " ", "   ", "don't", "DON'T",
    "it's we're I've I'll he'd I'm", "''s", " 's", "5's", "'", "'l", "'ll", "об'ект", "rock'n'roll", "don\u2019t",
    "Привет, мир! Как дела?", "ёЁйЙ", "е\u0308и\u0306", "замо\u0301к", "1\ufe0f\u20e3", "²½Ⅷ①٣", "ªº\u02b0\u3164",
    "x\u0085y", "x\u001cy", "x\u2028y", "x\u200by", "x\ufeffy", "x\u00ady", "x\u180ey", "x\u2800y", "😀", " 😀!",
    "👨‍👩‍👧‍👦 🇷🇺", "<s>", "</s>", "<pad>a</s>", "<|endoftext|>", "a  <s>  b", "日本語 한국어 ไทย", "a\rb\r\rc", "ааааа",
    "\x01\x7f", "...", " - — «»", "a\u3000b", "а" * 4000, "ab" * 3000, " " * 5000, "!?" * 3000, "1" * 3001,
    "😀" * 1500,
]
failures = 0


def check(holds, what, detail=""):
    global failures
    print(("same       " if holds else "DIFFERENT  ") + what)
    if not holds:
        failures += 1
        print("    " + detail)


def finish():
    print("all the same" if failures == 0 else f"{failures} differences")
    sys.exit(1 if failures else 0)


def random_texts(seed, mixed, scattered):
    """`mixed` texts of what is hard to split, and `scattered` ones of characters from many scripts."""
    rng = random.Random(seed)
    alphabet = list("abАБё 1²'stre!.@\t\u00a0\u0301\u200b😀\u2028") + ["  ", "'s", "'re", " '"]
    return ["".join(rng.choices(alphabet, k=rng.randint(1, 60))) for _ in range(mixed)] + [
        "".join(chr(c) for c in (rng.randrange(0x20, 0x3000) for _ in range(30)) if not 0x7F < c < 0xA0)
        for _ in range(scattered)]


def run_to(mark, command):
    """Runs a program and kills it at the first line of its log that contains `mark`; to its end without a mark."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if mark and mark in line:
            process.kill()
    status = process.wait()
    assert mark or status == 0, f"{command} ended with status {status}"
