#!/usr/bin/env python3
"""Check what README.md and docs say of files and names: nothing they refer to may be gone.

usage: documents.py    in the folder of the project

- Links lead to files, and to headings of pages.
- Paths in backticks that begin with Sources, Tests or docs exist, and so do names such as `Post.swift`.
- Of `Type.member` in backticks, the type is declared, and the member in a file that names the type;
  if the text says in which file, as in `Post.write` in `Post.swift`, in that.
- The newest section of docs/CHANGELOG.md is about the version of `Version.swift`.
- In the pages about the code, names with a capital within them, such as `PostMerge`, are declared.
"""

import pathlib
import re
import sys

PAGES = [pathlib.Path("README.md"), *sorted(pathlib.Path("docs").rglob("*.md"))]
SOURCES = {
    path: path.read_text(encoding="utf-8")
    for folder in ("Sources", "Tests") for path in pathlib.Path(folder).rglob("*.swift")}
NAMES = {path.name for path in SOURCES}
DECLARED = set(re.findall(
    r"\b(?:struct|class|enum|protocol|actor|typealias) (\w+)", "\n".join(SOURCES.values())))
DECLARED |= {path.name for path in pathlib.Path().glob("[ST]*s/*/*")}
# Names of other libraries.
FOREIGN = {"AutoModelForCausalLM", "AutoTokenizer", "ByteLevelBPETokenizer", "RawSpan"}
ABOUT_CODE = {"contributing.md", "architecture.md"}


def anchor(heading):
    """What GitHub makes of a heading."""
    text = re.sub(r"[`*]|\[([^]]*)]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


def anchors(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    return {anchor(heading) for heading in re.findall(r"^#+ (.*)$", text, flags=re.M)}


def declares(text, member):
    return re.search(rf"\b(?:func|var|let|case|init)\b[^\n{{]*\b{member}\b", text) is not None


def faults(page, line):
    for target in re.findall(r"]\(([^)\s]+)\)", line):
        if "://" in target:
            continue
        file, _, fragment = target.partition("#")
        path = (page.parent / file) if file else page
        if not path.exists():
            yield f"there is no {target}"
        elif fragment and fragment not in anchors(path):
            yield f"{path} has no heading #{fragment}"
    code = re.findall(r"`([^`]+)`", line)
    files = [name for name in code if re.fullmatch(r"[\w+]+\.swift", name)]
    for name in files:
        if name not in NAMES and name != "Package.swift":
            yield f"there is no {name}"
    for path in code:
        if re.fullmatch(r"(Sources|Tests|docs)/[\w./+-]+", path) and not pathlib.Path(path).exists():
            yield f"there is no {path}"
    places = dict(re.findall(r"`([^`]+)` in `(\w+\.swift)`", line))
    for name in code:
        match = re.fullmatch(r"([A-Z]\w+)\.([a-z]\w+)(?:\([\w:]*\))?", name)
        kind = match[1] if match else name
        if name.endswith((".swift", ".md")):
            continue
        if match or page.name in ABOUT_CODE and re.fullmatch(r"[A-Z]\w*[a-z0-9][A-Z]\w*", name):
            if kind not in DECLARED | FOREIGN:
                yield f"there is no type {kind}"
        if not match or kind not in DECLARED:
            continue
        texts = [
            text for path, text in SOURCES.items()
            if (path.name == places[name] if name in places else re.search(rf"\b{kind}\b", text))]
        if not any(declares(text, match[2]) for text in texts):
            yield f"{name} is not declared" + (f" in {places[name]}" if name in places else "")


def is_newest_version():
    version = re.search(
        r'packageVersion = "(.*)"', "".join(SOURCES[path] for path in SOURCES if path.name == "Version.swift"))
    page = pathlib.Path("docs/CHANGELOG.md").read_text(encoding="utf-8")
    return re.findall(r"^## (.*)$", page, flags=re.M)[0] == version[1]


def main():
    found = 0
    if not is_newest_version():
        found += 1
        print("docs/CHANGELOG.md: the first section is not about the version of Version.swift", file=sys.stderr)
    for page in PAGES:
        is_code = False
        for number, line in enumerate(page.read_text(encoding="utf-8").split("\n"), 1):
            if line.startswith("```"):
                is_code = not is_code
            if is_code:
                continue
            for fault in faults(page, line):
                found += 1
                print(f"{page}:{number}: {fault}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
