#!/usr/bin/env python3
"""Time tg-dump against Python's json and jq on the same export of Telegram Desktop.

The export is made here: messages in the form that Telegram Desktop writes, with text_entities,
reactions, edits, forwards, replies, photos, polls and service messages, repeated with new ids until
there are enough megabytes (10^6 bytes). In alternating rounds it is read by tg-dump (the whole program:
the posts are written as JSON lines and brought to the disk), by Python's json.load, and by
jq -c '.messages[]' into /dev/null. Of the first messages it is checked that tg-dump finds their ids,
texts and dates. Prints medians as Markdown.
"""
import argparse
import datetime
import json
import os
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import time

from fortunes import FORTUNES, fortunes

CHANNEL = "Бугурты для замеров"
FIRST_DATE = 1_456_819_200
EMOJI = ["👍", "❤", "🔥", "😁", "🤯", "😢", "🎉", "🤣", "💔", "👏"]
OTHER_CHANNELS = ["Соседи сверху", "Кот и его люди", None]
# An id that stands in a message's JSON for that of the message, and one for that of the one it
# answers; both are replaced for each copy.
OWN_ID, ANSWERED_ID = 987_654_321_000_001, 987_654_321_000_002


# ---- The export


def texts(fixture):
    """Texts to post: Debian's fortunes-ru as bugurts, or else the posts of the fixture."""
    if FORTUNES.is_dir():
        yield from fortunes("\n@\n")
    else:
        # Telegram Desktop writes control characters as \x0B, which is not JSON.
        export = re.sub(r"\\x(..)", r"\\u00\1", fixture.read_text(encoding="utf-8"))
        for message in json.loads(export)["messages"]:
            text = "".join(part["text"] for part in message.get("text_entities", []))
            if text:
                yield text


def parts(text, chance):
    """The parts of a text: plain ones, and now and then one with a meaning."""
    if chance.random() < 0.7:
        return [("plain", text, {})]
    lines = text.split("\n")
    found = []
    if chance.random() < 0.3 and len(lines) > 2:
        found += [("bold", lines[0], {}), ("plain", "\n" + "\n".join(lines[1:]), {})]
    else:
        found.append(("plain", text, {}))
    found.append(("plain", "\n\n", {}))
    found.append(chance.choice([
        ("link", "https://example.org/бугурты?n=17", {}),
        ("text_link", "ПРЕДЛОЖИТЬ СВОЙ", {"href": "https://t.me/example?start=1"}),
        ("hashtag", "#бугурт", {}),
        ("mention", "@example", {}),
        ("custom_emoji", "🔥", {"document_id": "5404870433939922908"}),
    ]))
    # Telegram Desktop leaves an empty part behind one that ends a text.
    return found + [("plain", "", {})]


def text_members(found):
    """The values of text and text_entities."""
    entities = [{"type": type, "text": text, **more} for type, text, more in found]
    if all(type == "plain" for type, _, _ in found):
        return {"text": "".join(text for _, text, _ in found), "text_entities": entities}
    text = [
        entity["text"] if entity["type"] == "plain" else entity for entity in entities]
    return {"text": text, "text_entities": entities}


def message(text, date, chance):
    """A message, and its text; None for a service message."""
    local = datetime.datetime.fromtimestamp(date + 10_800, datetime.UTC)
    members = {
        "id": OWN_ID,
        "type": "message",
        "date": local.strftime("%Y-%m-%dT%H:%M:%S"),
        "date_unixtime": str(date),
    }
    if chance.random() < 0.02:
        members |= {
            "type": "service", "actor": CHANNEL, "actor_id": "channel1000000001",
            "action": "pin_message", "message_id": ANSWERED_ID, "text": "", "text_entities": []}
        return members, None
    if chance.random() < 0.3:
        edited = local + datetime.timedelta(seconds=93)
        members |= {
            "edited": edited.strftime("%Y-%m-%dT%H:%M:%S"), "edited_unixtime": str(date + 93)}
    members |= {"from": CHANNEL, "from_id": "channel1000000001"}
    if chance.random() < 0.05:
        members["forwarded_from"] = chance.choice(OTHER_CHANNELS)
    if chance.random() < 0.1:
        members["reply_to_message_id"] = ANSWERED_ID
    if chance.random() < 0.15:
        members |= {
            "photo": "(File not included. Change data exporting settings to download.)",
            "photo_file_size": 81_234, "width": 1280, "height": 960}
    found = parts(text, chance)
    if chance.random() < 0.02:
        found = []
        members["poll"] = {
            "question": text[:100], "closed": False, "total_voters": 31,
            "answers": [
                {"text": "ДА", "voters": 17, "chosen": False},
                {"text": "НЕТ", "voters": 14, "chosen": False}]}
    members |= text_members(found)
    if chance.random() < 0.7:
        members["reactions"] = [
            {"type": "emoji", "count": chance.randrange(1, 900), "emoji": emoji}
            for emoji in chance.sample(EMOJI, chance.randrange(1, 4))]
    return members, "".join(part for _, part, _ in found)


def write_export(arguments):
    """Write the export, and what is expected of its first messages."""
    chance = random.Random(17)
    all_texts = list(texts(arguments.fixture))
    messages, expected = [], []
    for number in range(max(2_000, len(all_texts))):
        date = FIRST_DATE + number * 3_600
        members, text = message(all_texts[number % len(all_texts)], date, chance)
        lines = json.dumps(members, ensure_ascii=False, indent=1).split("\n")
        source = "\n".join("  " + line for line in lines)
        # Pieces of text between the ids: even ones are text, odd ones tell which id follows.
        pieces = source.replace(str(OWN_ID), "\0own\0").replace(str(ANSWERED_ID), "\0answered\0")
        messages.append(pieces.split("\0"))
        if text is not None:
            expected.append([number + 1, date, text])
    size = arguments.megabytes * 1_000_000
    with open(arguments.work / "result.json", "w", encoding="utf-8", newline="") as file:
        head = {"name": CHANNEL, "type": "public_channel", "id": 1_000_000_001}
        file.write(json.dumps(head, ensure_ascii=False, indent=1)[:-2] + ',\n "messages": [\n')
        written, id = 0, 0
        while written < size:
            copies = []
            for pieces in messages:
                id += 1
                ids = {"own": str(id), "answered": str(max(1, id - 7))}
                copies.append("".join(
                    ids[piece] if place % 2 else piece for place, piece in enumerate(pieces)))
            block = (",\n" if written else "") + ",\n".join(copies)
            written += len(block.encode())
            file.write(block)
        file.write("\n ]\n}")
    (arguments.work / "expected.json").write_text(
        json.dumps({"messages": id, "first": expected}), encoding="utf-8")


def check(arguments, output):
    """Check the posts that tg-dump wrote."""
    expected = json.loads((arguments.work / "expected.json").read_text(encoding="utf-8"))
    count = 0
    with open(output, encoding="utf-8") as lines:
        for line, first in zip(lines, expected["first"]):
            post = json.loads(line)
            date = datetime.datetime.fromisoformat(post["date"]).timestamp()
            if [post["id"], date, post["text"]] != first:
                sys.exit(f"tg-dump: post {first[0]} is not what was exported: {line}")
            count += 1
    if count != len(expected["first"]):
        sys.exit(f"tg-dump: {count} posts, expected {len(expected['first'])} and more")


# ---- The programs


def run(command):
    """Run a program; return seconds of the clock and of the processor, and peak memory in MB."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    log = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if status != 0:
        sys.exit(f"{command}: status {status}: {log}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6


# What Python does with what it read at its end is not counted.
JSON_LOAD = """
import json, os, sys
with open(sys.argv[1], encoding="utf-8") as file:
    json.load(file)
os._exit(0)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tg-dump", required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument(
        "--fixture", type=pathlib.Path, required=True,
        help="an export with the texts, where Debian's fortunes-ru is not installed")
    parser.add_argument("--megabytes", type=int, default=1000, help="the size of the export")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--export", type=pathlib.Path, help="an export to read in place of one that is made")
    parser.add_argument("--only-write", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only_write:
        return write_export(arguments)
    shutil.rmtree(arguments.work, ignore_errors=True)
    arguments.work.mkdir(parents=True)
    export = arguments.export or arguments.work / "result.json"
    if not arguments.export:
        # In a process of its own: a process begins with the peak memory of the one that starts it.
        subprocess.run([sys.executable, *sys.argv, "--only-write"], check=True)
    size = export.stat().st_size
    output = arguments.work / "posts.jsonl"
    contenders = {
        "tg-dump": [arguments.tg_dump, str(export), "--output", str(output), "--replace"],
        "Python, json.load": [sys.executable, "-c", JSON_LOAD, str(export)],
        "jq -c '.messages[]'": ["jq", "-c", ".messages[]", str(export)],
    }
    if not shutil.which("jq"):
        print("jq is not installed and is left out", file=sys.stderr)
        del contenders["jq -c '.messages[]'"]
    run(contenders["tg-dump"])
    if not arguments.export:
        check(arguments, output)
    results = {name: [] for name in contenders}
    for _ in range(arguments.rounds):
        for name, command in contenders.items():
            results[name].append(run(command))
    medians = {
        name: [statistics.median(values) for values in zip(*runs)]
        for name, runs in results.items()
    }
    base = medians["tg-dump"]
    print(f"{size / 1e6:,.0f} MB; medians of {arguments.rounds} alternating rounds\n")
    print("| program | time | MB/s | MB/s of processor time | time, ours = 1 "
          "| processor time, ours = 1 | memory |")
    print("| --- " * 7 + "|")
    for name, (seconds, processor, memory) in medians.items():
        print(
            f"| {name} | {seconds:.1f} s | {size / seconds / 1e6:.0f} | {size / processor / 1e6:.0f} "
            f"| {seconds / base[0]:.1f} × | {processor / base[1]:.1f} × | {memory:,.0f} MB |")
    shutil.rmtree(arguments.work)


if __name__ == "__main__":
    main()
