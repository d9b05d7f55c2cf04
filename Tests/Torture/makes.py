"""A whole `make train sample` that is killed, or of which a call fails, and which is then run again."""
import os
import random
import shutil
import time
from collections import Counter

import programs
from calls import FAILURES, SURVIVED
from jobs import require
from programs import KILL
from trees import difference, mask, read_tree

SETTINGS = {
    "LAYERS": "1", "WIDTH": "32", "HEADS": "2", "CONTEXT": "32", "BLOCK_SIZE": "16", "BATCH_SIZE": "4",
    "MAX_STEPS": "6", "WARMUP_STEPS": "1", "SAVE_STEPS": "2", "EVAL_STEPS": "2", "LOGGING_STEPS": "1",
    "VOCAB_SIZE": "300", "THREADS": "1", "COUNT": "2"}
PROGRAMS = ["tg-dump", "bugurt-clean", "bpe-encode", "gpt-finetune", "gpt-sample"]


def kinds(inputs, server):
    """What is made, and what was made before in the same run, each as the variables of make.

    From an export and from the web, all weights and an adapter, with and without an earlier run.
    """
    small = SETTINGS | {"EXPORT": inputs + "/small.json"}
    adapter = {"MODEL": inputs + "/base", "TOKENIZER": inputs + "/base", "ADAPTER": "lora", "LORA_R": "2"}
    web = {"EXPORT": "@BugurtTest", "DUMP_FLAGS": f"--delay 0 --base-url {server.address}"}
    slower = {"LEARNING_RATE": "1e-4"}
    return {
        "make": (None, small), "make-adapter": (None, small | adapter), "make-web": (None, SETTINGS | web),
        "make-again": (small, small | slower), "make-channel": (SETTINGS | web, small | {"DUMP_FLAGS": ""}),
        "make-export": (small, SETTINGS | web | adapter)}


def make_project(project, folder):
    """A copy of the project in which `make train sample` is run; the programs are those of the original."""
    os.makedirs(folder + "/.build/release")
    for name in ("Makefile", "pipeline.mk", "Package.swift"):
        shutil.copy2(f"{project}/{name}", folder)
    shutil.copytree(project + "/.package", folder + "/.package")
    os.makedirs(folder + "/Tests")
    shutil.copy2(project + "/Tests/checks.mk", folder + "/Tests")
    # make must find the programs built.
    os.makedirs(folder + "/Sources/Programs")
    shutil.copy2(project + "/Sources/Programs/pipeline.bash", folder + "/Sources/Programs")
    with open(folder + "/.build/installed", "w"):
        pass
    for name in PROGRAMS:
        path = f"{folder}/.build/release/{name}"
        with open(path, "w") as file:
            file.write(f'#!/bin/sh\nexec "{project}/.build/release/{name}" "$@"\n')
        os.chmod(path, 0o755)


def make_command(variables):
    return ["make", "train", "sample"] + [f"{key}={value}" for key, value in variables.items()]


def outputs(folder):
    """What make has made."""
    tree = read_tree(folder)
    return {name: content for name, content in tree.items() if name.startswith(("data/", "checkpoints/"))}


def has_output(path):
    return "data/" in path or "checkpoints/" in path


class Make:
    """A make as it runs without a fault, twice, so that what contains times is known."""

    def __init__(self, name, before, settings, empty, faults, scratch):
        self.command, self.faults, self.name = make_command(settings), faults, name
        self.folder = f"{scratch}/{name}"
        shutil.copytree(empty, self.folder)
        if before:
            require(make_command(before), self.folder)
        trees = []
        for number in range(2):
            copy = f"{self.folder}-{number}"
            shutil.copytree(self.folder, copy)
            begin = time.time()
            ended, self.calls = faults.run(self.command, copy)
            if ended.status != 0:
                raise SystemExit(f"{name} does not even work undisturbed: {ended.log}")
            self.duration = time.time() - begin
            trees.append(outputs(copy))
            shutil.rmtree(copy)
        self.volatile = {file for file in trees[0] if trees[0][file] != trees[1].get(file)}
        self.expected = mask(trees[0], self.volatile)

    def plan(self, count, rng):
        """Faults as (kind, moment or number of a call): kills at `count` moments, calls, and calls of the
        recipes, and as many failing calls.
        """
        calls = [(number, call, program) for number, call, path, program in self.calls if has_output(path)]
        # A lock that could not be removed may stay.
        failures = [(failure, number) for number, call, _ in calls if call not in ("unlink", "rmdir")
                    for failure in FAILURES.get(call, []) if failure not in SURVIVED]
        moments = [("moment", round(rng.uniform(0, self.duration), 3)) for _ in range(count)]
        kills = [(KILL, number) for number, _, _ in calls]
        recipes = [(KILL, number) for number, _, program in calls if program not in PROGRAMS]
        return moments + [fault for faults in (kills, recipes, failures)
                          for fault in rng.sample(faults, min(count, len(faults)))]

    def disturb(self, index, fault):
        """Runs make with the fault, and then without; returns a name, the status and what was wrong."""
        kind, when = fault
        copy = f"{self.folder}-{index}"
        shutil.copytree(self.folder, copy)
        if kind == "moment":
            ended = programs.run(self.command, copy, after=when)
        else:
            ended, _ = self.faults.run(self.command, copy, at=when, code=kind)
        again = programs.run(self.command, copy)
        # What is complete and could not be renamed is kept; the message says so.
        tree = {name: content for name, content in outputs(copy).items() if ".new" not in name}
        shutil.rmtree(copy)
        wrong = difference(mask(tree, self.volatile), self.expected)
        found = [f"then {wrong}"] if wrong else []
        if again.status != 0:
            found.insert(0, f"then status {again.status}: {again.log.strip()[-300:]}")
        return f"{self.name}: {kind} at {when}", ended.status, found


def run(project, inputs, scratch, server, faults, count, seed, pool, report):
    """Disturbs each kind of make, `count` times in each of four ways."""
    with open(inputs + "/result.json") as whole, open(inputs + "/small.json", "w") as small:
        head, *messages = whole.read().split('\n  {\n   "id": ')
        small.write('\n  {\n   "id": '.join([head] + messages[:70]).rstrip().rstrip(",") + "\n ]\n}")
    empty = scratch + "/project"
    make_project(project, empty)
    for name, (before, settings) in kinds(inputs, server).items():
        make = Make(name, before, settings, empty, faults, scratch)
        plan = make.plan(count, random.Random(f"{seed} {name}"))
        statuses = Counter()
        for fault, status, found in pool.map(make.disturb, range(2, len(plan) + 2), plan):
            statuses[status] += 1
            report(fault, found)
        yield name, statuses
