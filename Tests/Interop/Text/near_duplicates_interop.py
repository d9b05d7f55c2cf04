#!/usr/bin/env python3
"""Compare bugurt-clean --near-duplicates with a comparison of all pairs of posts.

Cleans the posts with the rule and without it. The shingles of the texts without it are made again and
counted, pair by pair, by a product of sparse matrices. For every dropped post one within the similarity must
be kept (precision 1), and of the posts that go when all pairs are compared, in the same order of
preference, at least 98 in 100 must have gone.
"""
import argparse
import pathlib
import subprocess
import sys
import unicodedata

import numpy
import scipy.sparse

SHINGLE = 5
RECALL = 0.98


def folded(text):
    """Letters, digits and pictographs in lower case; everything else separates words, as one space."""
    words = []
    for character in text:
        value, category = ord(character), unicodedata.category(character)
        if value >= 0x10000:
            words.append(character)
        elif (category[0] in "LNM" or category == "So") and not 0xFE00 <= value <= 0xFE0F:
            lower = character.lower()
            words.append(lower if len(lower) == 1 else character)
        else:
            words.append(" ")
    return " ".join(part for part in "".join(words).split(" ") if part)


def shingles(text):
    text = folded(text)
    if not text:
        return set()
    return {text[i:i + SHINGLE] for i in range(max(1, len(text) - SHINGLE + 1))}


def similar_pairs(texts, similarity):
    """For each text the indices of those that are similar enough."""
    numbers, rows, columns = {}, [], []
    for row, text in enumerate(texts):
        for shingle in shingles(text):
            rows.append(row)
            columns.append(numbers.setdefault(shingle, len(numbers)))
    ones = numpy.ones(len(rows), numpy.int32)
    matrix = scipy.sparse.csr_matrix((ones, (rows, columns)), (len(texts), len(numbers)))
    transposed = matrix.T.tocsc()
    sizes = numpy.diff(matrix.indptr)
    neighbours = [set() for _ in texts]
    for start in range(0, len(texts), 500):
        shared = (matrix[start:start + 500] @ transposed).tocoo()
        first, second = shared.row + start, shared.col
        unions = sizes[first] + sizes[second] - shared.data
        chosen = (first != second) & (shared.data / unions >= similarity)
        for i, j in zip(first[chosen].tolist(), second[chosen].tolist()):
            neighbours[i].add(j)
    return neighbours


def clean(arguments, output, *options):
    subprocess.run(
        [arguments.bugurt_clean, arguments.posts, "--output", output, *options], check=True,
        stderr=subprocess.DEVNULL)
    return output.read_text(encoding="utf-8").split("\n")[:-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bugurt_clean")
    parser.add_argument("posts", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--similarity", type=float, default=0.8)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    texts = clean(arguments, arguments.work / "all.txt")
    kept_texts = clean(
        arguments, arguments.work / "kept.txt", "--near-duplicates", str(arguments.similarity))
    number = {text: index for index, text in enumerate(texts)}
    if len(number) != len(texts):
        sys.exit("near_duplicates_interop: a text stands twice in the cleaned posts")
    kept = {number[text] for text in kept_texts}
    dropped = set(range(len(texts))) - kept
    neighbours = similar_pairs(texts, arguments.similarity)
    pairs = sum(map(len, neighbours)) // 2
    left = sum(len(neighbours[post] & kept) for post in kept) // 2
    right = sum(1 for post in dropped if neighbours[post] & kept)
    with open(arguments.posts, encoding="utf-8") as lines:
        if any('"views"' in line for line in lines):
            sys.exit("near_duplicates_interop: posts with views are kept in another order")
    expected_kept = set()
    for post in range(len(texts)):
        if not neighbours[post] & expected_kept:
            expected_kept.add(post)
    expected = set(range(len(texts))) - expected_kept
    recall = len(dropped & expected) / len(expected) if expected else 1
    print(
        f"{len(texts):,} posts, {pairs:,} pairs of {arguments.similarity} and more, {left} of them "
        f"left; dropped {len(dropped):,}, rightly {right:,}; all pairs drop {len(expected):,}, of "
        f"which dropped {len(dropped & expected):,}: recall {recall:.4f}")
    if right != len(dropped) or recall < RECALL:
        sys.exit("near_duplicates_interop: precision or recall is too low")


if __name__ == "__main__":
    main()
