#!/usr/bin/env python3
"""Check that the imports which Package.swift declares keep to the floors, and draw them.

usage: floors.py [--check] PICTURE    in the folder of the project

The rule: a target imports from lower floors. Within a floor only the libraries of Model and Support
import each other. Each stage is imported by one program. Folders are where the manifest has targets,
and sources import what it declares.

The picture is an SVG: a band for each floor, a box for each target, and in the box the names of what
it imports, each in the color of its floor. With --check nothing is written; the status is 1 if the
picture is out of date.
"""

import argparse
import collections
import html
import json
import pathlib
import re
import subprocess
import sys

# From the top down: the folder, and what a visitor should know of it.
FLOORS = {
    "Programs": "options, wiring and printing",
    "Stages": "one for each program; they never import each other",
    "Model": "what is trained, and how it computes",
    "Formats": "the files between the stages",
    "Support": "knows nothing of posts or models",
    "System": "C libraries and shims",
}
# The floors whose targets may import each other.
CONNECTED = {"Model", "Support"}
# Text on light and on dark ground, a tone for each floor.
COLORS = {
    "Programs": ("#b3261e", "#ff9d94"),
    "Stages": ("#9a4c00", "#ffb26b"),
    "Model": ("#7b5ea7", "#cdb4f5"),
    "Formats": ("#19703a", "#7fdc9f"),
    "Support": ("#0b62a8", "#86c5ff"),
    "System": ("#5c6670", "#b3bec8"),
}

Library = collections.namedtuple("Library", "name floor imports")


def targets():
    """The targets under Sources, and the paths of all targets."""
    described = subprocess.run(
        ["swift", "package", "dump-package"], check=True, stdout=subprocess.PIPE)
    manifest = json.loads(described.stdout)["targets"]
    libraries = {}
    for target in manifest:
        folders = pathlib.PurePath(target["path"]).parts
        if folders[0] == "Sources":
            imports = [next(iter(d.values()))[0] for d in target["dependencies"]]
            libraries[target["name"]] = Library(target["name"], folders[1], imports)
    return libraries, {target["path"] for target in manifest}


def imports_of_sources(folder, names):
    """The targets that the Swift files in the folder import."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.swift"))
    return set(re.findall(r"^import (\w+)", text, re.MULTILINE)) & names


def faults(libraries, paths):
    """What breaks the rule, a line each."""
    height = {floor: -index for index, floor in enumerate(FLOORS)}
    importers = collections.defaultdict(list)
    for library in libraries.values():
        # The build only refuses what no dependency leads to.
        folder = pathlib.Path("Sources", library.floor, library.name)
        used, declared = imports_of_sources(folder, set(libraries)), set(library.imports)
        for name in sorted(used - declared):
            yield f"{library.name} imports {name}, which Package.swift does not declare"
        if used:
            for name in sorted(declared - used):
                yield f"{library.name} declares {name} in Package.swift, and does not import it"
        if library.floor not in FLOORS:
            yield f"{library.name}: there is no floor '{library.floor}'"
            continue
        for name in library.imports:
            imported = libraries[name]
            importers[name].append(library.name)
            if height[imported.floor] > height[library.floor]:
                yield f"{library.name} ({library.floor}) imports {name}, which is above it " \
                    f"({imported.floor})"
            elif imported.floor == library.floor and library.floor not in CONNECTED:
                yield f"{library.name} imports {name}: targets of {library.floor} never import " \
                    "each other"
    for library in libraries.values():
        if library.floor == "Stages" and len(importers[library.name]) != 1:
            yield f"{library.name} is a stage and belongs to one program; it is imported by " \
                + (", ".join(importers[library.name]) or "none")
    for folder in sorted(pathlib.Path("Sources").glob("*/*")):
        if folder.is_dir() and str(folder) not in paths:
            yield f"{folder} is not the folder of a target"


def stories(libraries, floor):
    """The targets of a floor in rows, such that imports within it go down, too."""
    residents = [library for library in libraries.values() if library.floor == floor]
    depths = {}

    def depth(library):
        if library.name not in depths:
            below = [libraries[name] for name in library.imports if libraries[name].floor == floor]
            depths[library.name] = 1 + max(map(depth, below), default=-1)
        return depths[library.name]

    rows = collections.defaultdict(list)
    for library in residents:
        rows[depth(library)].append(library)
    return [rows[depth] for depth in sorted(rows, reverse=True)]


# ---- The picture

WIDTH, MARGIN, GUTTER, GAP, PADDING = 1000, 14, 150, 12, 9
NAME_SIZE, IMPORT_SIZE, IMPORT_GAP, LEADING = 12, 10.5, 7, 14


def width(text, size):
    """How wide a text is at most, in any usual font without serifs."""
    return 0.61 * size * len(text)


def folded(words, size, limit, gap):
    """Words in lines that fit."""
    lines, x = [], 0
    for word in words:
        if not lines or x + width(word, size) > limit:
            lines.append([])
            x = 0
        lines[-1].append(word)
        x += width(word, size) + gap
    return lines


def text(x, y, content, kind):
    return f'<text x="{x:g}" y="{y:g}" class="{kind}">{html.escape(content)}</text>'


def import_lines(library, libraries, wide):
    """The imports of a box, from the top floor down: one line, or lines for each floor."""
    limit = wide - 2 * PADDING
    floors = [
        [name for name in libraries if name in library.imports and libraries[name].floor == floor]
        for floor in FLOORS]
    one = folded(sum(floors, []), IMPORT_SIZE, limit, IMPORT_GAP)
    if len(one) <= 1:
        return one
    return [line for names in floors for line in folded(names, IMPORT_SIZE, limit, IMPORT_GAP)]


def row(residents, libraries, columns, top):
    """The drawing of a row of boxes, and its height. `columns` are the places of the boxes."""
    drawing = []
    contents = [
        import_lines(library, libraries, wide) for library, (_, wide) in zip(residents, columns)]
    height = 27 + LEADING * max(map(len, contents)) + (4 if any(contents) else 0)
    for library, (left, wide), lines in zip(residents, columns, contents):
        floor = library.floor.lower()
        drawing.append(
            f'<rect x="{left:g}" y="{top:g}" width="{wide:g}" height="{height:g}" rx="5" '
            f'class="box {floor}-line"/>')
        drawing.append(text(left + PADDING, top + 18, library.name, f"name {floor}"))
        for index, line in enumerate(lines):
            words = "".join(
                f'<tspan class="{libraries[name].floor.lower()}"'
                f'{f" dx={chr(34)}{IMPORT_GAP}{chr(34)}" if place else ""}>{name}</tspan>'
                for place, name in enumerate(line))
            drawing.append(
                f'<text x="{left + PADDING:g}" y="{top + 35 + LEADING * index:g}" '
                f'class="import">{words}</text>')
    return drawing, height


def picture(libraries):
    inside = WIDTH - 2 * MARGIN - GUTTER - GAP

    def shared(count):
        wide = (inside - GAP * (count - 1)) / count
        return [(MARGIN + GUTTER + index * (wide + GAP), wide) for index in range(count)]

    programs = stories(libraries, "Programs")[0]
    bands, drawing = [], []
    y = MARGIN
    for floor, caption in FLOORS.items():
        top, y = y, y + GAP
        for residents in stories(libraries, floor):
            columns = shared(len(residents))
            if floor == "Stages":
                # Each stands under its program.
                places = {
                    name: column for program, column in zip(programs, shared(len(programs)))
                    for name in program.imports}
                columns = [places[library.name] for library in residents]
            boxes, height = row(residents, libraries, columns, y)
            drawing += boxes
            if floor == "Programs":
                for left, _ in columns[1:]:
                    middle = y + height / 2
                    drawing.append(
                        f'<path d="M{left - GAP + 3:g} {middle - 5:g} l6 5 l-6 5" class="arrow"/>')
            y += height + GAP
        y = max(y, top + 74)
        bands.append(
            f'<rect x="{MARGIN}" y="{top:g}" width="{WIDTH - 2 * MARGIN}" height="{y - top:g}" '
            f'rx="8" class="band"/>')
        drawing.append(text(MARGIN + 14, top + 30, floor, f"floor {floor.lower()}"))
        for index, line in enumerate(folded(caption.split(), 11, GUTTER - 24, 3)):
            drawing.append(text(MARGIN + 14, top + 47 + 14 * index, " ".join(line), "caption"))
        y += 6
    legend = "A box names what its target imports, in the colour of the floor it is on. " \
        "Imports only go down; data goes from left to right, through files."
    drawing.append(text(MARGIN + 14, y + 14, legend, "caption"))
    height = y + 14 + MARGIN

    light, dark = [], []
    for floor, (on_light, on_dark) in COLORS.items():
        name = floor.lower()
        light.append(f".{name} {{ fill: {on_light} }} .{name}-line {{ stroke: {on_light} }}")
        dark.append(f".{name} {{ fill: {on_dark} }} .{name}-line {{ stroke: {on_dark} }}")
    style = f"""
text {{ font-family: "Segoe UI", Helvetica, Arial, sans-serif }}
.floor {{ font-size: 17px; font-weight: 600 }}
.name {{ font-size: {NAME_SIZE}px; font-weight: 600 }}
.import {{ font-size: {IMPORT_SIZE}px }}
.caption {{ font-size: 11px; fill: #57606a }}
.ground {{ fill: #ffffff }} .band {{ fill: #f3f5f7 }} .box {{ fill: #ffffff; stroke-opacity: 0.45 }}
.arrow {{ fill: none; stroke: #57606a; stroke-width: 1.6 }}
{chr(10).join(light)}
@media (prefers-color-scheme: dark) {{
.caption {{ fill: #9aa4ae }} .arrow {{ stroke: #9aa4ae }}
.ground {{ fill: #0d1117 }} .band {{ fill: #161b22 }} .box {{ fill: #0d1117 }}
{chr(10).join(dark)}
}}
"""
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" '
        f'width="{WIDTH}" height="{height:g}" role="img" aria-label="The targets by floor">',
        "<!-- Generated by Tests/Lint/floors.py from Package.swift: make floors -->",
        f"<style>{style}</style>",
        f'<rect width="{WIDTH}" height="{height:g}" rx="10" class="ground"/>',
        *bands, *drawing, "</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("picture", type=pathlib.Path)
    arguments = parser.parse_args()
    libraries, paths = targets()
    broken = list(faults(libraries, paths))
    for fault in broken:
        print(f"floors.py: Package.swift: {fault}", file=sys.stderr)
    if broken:
        return 1
    drawn = picture(libraries)
    if not arguments.check:
        arguments.picture.write_text(drawn, encoding="utf-8")
    elif not arguments.picture.exists() or arguments.picture.read_text(encoding="utf-8") != drawn:
        print(f"floors.py: {arguments.picture} is out of date; type: make floors", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
