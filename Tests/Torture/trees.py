"""Folders as they are before and after a run: which files there are, and what is in them."""
import hashlib
import os
import re

# What only a program at work may leave beside its output.
LITTER = re.compile(r"^tmp/.|/\.[^/]+\.\d+$|\.partial|\.replaced|\.lock$|\.new(/|$)")
CHECKPOINT = re.compile(r"(checkpoints/[^/]+|run)/checkpoint-\d+/")


def read_tree(folder):
    """The files under the folder, with a digest of each, and the folders, with an empty one."""
    tree = {}
    for path, folders, files in os.walk(folder):
        inside = os.path.relpath(path, folder)
        for name in folders:
            tree[os.path.normpath(f"{inside}/{name}") + "/"] = ""
        for name in files:
            with open(f"{path}/{name}", "rb") as file:
                tree[os.path.normpath(f"{inside}/{name}")] = hashlib.sha256(file.read()).hexdigest()
    # Events of TensorBoard have the time in their names, and each start of a run begins a file. The locks of the
    # Hub's cache stay, as those of huggingface_hub do.
    return {name: content for name, content in tree.items()
            if "/.locks/" not in name and ("/runs/" not in name or LITTER.search(name))}


def litter(tree):
    return sorted(name for name in tree if LITTER.search(name))


def mask(tree, volatile):
    """The tree without what is in the files of the set, which contain times."""
    return {name: "" if name in volatile else content for name, content in tree.items()}


def part(tree, unit):
    """What is at the path `unit`, a file or a folder, with names relative to it; None if there is nothing."""
    if unit in tree:
        return {"": tree[unit]}
    if unit + "/" not in tree:
        return None
    return {name[len(unit):]: content for name, content in tree.items() if name.startswith(unit + "/")}


def difference(tree, expected):
    """How a tree differs from the expected one; empty if it does not.

    After a fault there may be other checkpoints, because a training that fails saves one.
    """
    either = {match.group() for name in tree.keys() ^ expected.keys() if (match := CHECKPOINT.fullmatch(name))}
    tree, expected = (
        {name: content for name, content in each.items() if not name.startswith(tuple(either))}
        for each in (tree, expected))
    found = [f"{name} is missing" for name in sorted(expected.keys() - tree.keys())]
    found += [f"{name} is left over" for name in sorted(tree.keys() - expected.keys())]
    found += [f"{name} differs" for name in sorted(tree.keys() & expected.keys()) if tree[name] != expected[name]]
    return "; ".join(found[:4])
