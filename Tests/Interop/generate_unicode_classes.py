#!/usr/bin/env python3
"""Write UnicodeRanges.swift: the letters, numbers and white space of the split expression of GPT-2,
as the reference has them.

Every code point is put through the ByteLevel pre-tokenizer of the package `tokenizers`, and how it
is split from its neighbours tells its class. So the table is measured, not derived from another
library's version of Unicode.

usage, in the folder of the project:
  classes=Sources/Model/BytePairEncoding/PreTokenization/UnicodeRanges.swift
  generate_unicode_classes.py $classes && swift format -i $classes
"""
import sys

import tokenizers
from tokenizers import pre_tokenizers

byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)


def pieces(text):
    return len(byte_level.pre_tokenize_str(text))


def kind(character):
    if pieces("a" + character + "a") == 1:
        return "letter"
    if pieces("1" + character + "1") == 1:
        return "number"
    return "other" if pieces("!" + character + "!") == 1 else "whiteSpace"


ranges = {"letter": [], "number": [], "whiteSpace": []}
count = dict.fromkeys(ranges, 0)
for code in range(0x110000):
    if 0xD800 <= code < 0xE000:
        continue
    name = kind(chr(code))
    if name == "other":
        continue
    count[name] += 1
    if ranges[name] and ranges[name][-1][1] == code - 1:
        ranges[name][-1][1] = code
    else:
        ranges[name].append([code, code])

out = [
    f"// Written by Tests/Interop/generate_unicode_classes.py from tokenizers {tokenizers.__version__}.",
    "",
    "/// The code points of each class, as pairs of the first and the last of a range.",
    "enum UnicodeRanges {",
]
for name, doc in (
    ("letter", "\\p{L}"), ("number", "\\p{N}"), ("whiteSpace", "\\s")
):
    out.append(f"  /// `{doc}`: {count[name]:,} code points.")
    out.append(f"  static let {name}: [UInt32] = [")
    line = "   "
    for first, last in ranges[name]:
        item = f" 0x{first:X}, 0x{last:X},"
        if len(line) + len(item) > 100:
            out.append(line)
            line = "   "
        line += item
    out += [line, "  ]", ""]
out[-1] = "}"
open(sys.argv[1], "w").write("\n".join(out) + "\n")
print(", ".join(f"{name}: {n:,}" for name, n in count.items()))
