"""Single calls that fail, or before which the program is killed; and limits of memory."""
import errno
import os
import shutil
from collections import Counter

import programs
from programs import KILL, SHORT, TERM
from trees import difference, litter, mask, part, read_tree

SPACE = ["ENOSPC", "EDQUOT", "EIO"]
# How each call can fail. What is not listed is only counted.
FAILURES = {
    "open": ["EMFILE", "EINTR", "EIO"], "create": ["EMFILE", "EINTR", "EROFS"] + SPACE, "opendir": ["EMFILE", "EIO"],
    "read": ["EIO", "EINTR", SHORT], "pread": ["EIO", "EINTR", SHORT],
    "write": ["EINTR", SHORT] + SPACE, "pwrite": ["EINTR", SHORT] + SPACE, "close": ["EINTR"] + SPACE,
    "fsync": ["EINTR"] + SPACE, "fdatasync": ["EINTR"] + SPACE, "ftruncate": ["EINTR"] + SPACE,
    "fallocate": ["EINTR"] + SPACE, "sync_file_range": SPACE, "flock": ["EINTR", "ENOLCK"], "fchmod": ["EIO"],
    "mkdir": ["EROFS"] + SPACE, "rename": ["EROFS"] + SPACE, "renameat2": ["EROFS"] + SPACE, "link": ["EROFS"] + SPACE,
    "unlink": ["EROFS", "EIO"], "rmdir": ["EROFS", "EIO"], "mmap": ["ENOMEM"], "pthread_create": ["EAGAIN", "ENOMEM"],
}
# These fail again and again if a disk is full or broken.
NEED_SPACE = {"create", "write", "pwrite", "fsync", "fdatasync", "ftruncate", "fallocate", "mkdir", "rename",
              "renameat2", "link"}
# A program must work in spite of these.
SURVIVED = {"EINTR", SHORT, "EAGAIN"}
# sysexits: unavailable, no input, an error of the system, no output, of input and output.
STATUSES = {66, 69, 71, 73, 74}
CRASH = ("Fatal error", "Crash", "Illegal instruction", "Thread 0", "terminate called", "Stack dump")


def loose_files(calls, folder):
    """Which outputs got their names, alone or with their folder, before what was written was on the disk.

    After a power failure such a file may have its name, and be empty.
    """
    loose, found = set(), []
    for _, call, path, _ in calls:
        path = os.path.normpath(os.path.join(folder, path))
        if call in ("write", "pwrite", "ftruncate"):
            loose.add(path)
        elif call in ("create", "mkdir"):
            # The name is in the folder.
            loose.add(os.path.dirname(path))
        elif call in ("fsync", "fdatasync", "unlink"):
            loose.discard(path)
        elif call in ("rename", "renameat2") and path.endswith(".partial"):
            found += [f"{name} was renamed before it was on the disk" for name in sorted(loose)
                      if name == path or name.startswith(path + "/")]
    return found


class Undisturbed:
    """A job as it runs without a fault, twice, so that what contains times is known."""

    def __init__(self, job, faults, bin, scratch):
        self.job, self.bin, self.scratch = job, bin, scratch
        trees = []
        for number in range(2):
            folder = f"{scratch}/{job.name}-undisturbed-{number}"
            shutil.copytree(job.folder, folder)
            ended, calls = faults.run(job.command(bin), folder, job.program)
            if ended.status != 0:
                raise SystemExit(f"{job.name} does not even work undisturbed: {ended.log}")
            trees.append(read_tree(folder))
            shutil.rmtree(folder)
        first, second = trees
        if first.keys() != second.keys():
            raise SystemExit(f"{job.name} leaves different files: {difference(second, first)}")
        volatile = {name for name in first if first[name] != second[name] or name.endswith("_state.json")}
        self.volatile = volatile | {name.replace("run/", "run.previous/", 1) for name in volatile}
        self.before, self.after = self.masked(read_tree(job.folder)), self.masked(first)
        self.calls, self.loose = calls, loose_files(calls, folder)

    def masked(self, tree):
        """The tree without the contents of files that contain times."""
        return mask(tree, self.volatile)

    # MARK: - What must hold after a fault

    def damage(self, tree):
        """Which outputs are neither as they were nor as they should become."""
        found = []
        for unit in self.job.units:
            whole = [part(self.before, unit), part(self.after, unit)]
            places = [part(tree, place) for place in (unit, unit.replace("run/", "run.previous/", 1))]
            found += [f"{unit} is neither old nor new" for place in places if place and place not in whole]
            if whole[0] and not any(places) and "checkpoint" not in unit:
                found.append(f"{unit} was lost")
        return found

    def problems(self, ended, tree, failure=None, call=""):
        """What is wrong with how the program ended, and what it left."""
        if call in ("unlink", "rmdir"):
            # An empty lock that could not be removed may stay, even in a folder that is complete.
            tree = {name: content for name, content in tree.items() if not name.endswith(".lock")}
        if failure == TERM and ended.status == 0:
            # It was at the end already; the next run writes what it has left out, the samples on a model's card.
            return []
        found = self.damage(tree)
        if ended.status == 0:
            wrong = difference({name: tree[name] for name in set(tree) - set(litter(tree))}, self.after)
            return found + ([f"status 0, but {wrong}"] if wrong else [])
        if failure == KILL:
            return found + ([] if ended.status == -9 else [f"status {ended.status} when killed"])
        if failure == TERM and ended.status == -15:
            # It had not begun to write.
            return found + [f"{name} is left over" for name in sorted(tree.keys() - self.before.keys() - {"tmp/"})]
        if failure == TERM:
            return found + ([] if ended.status == 143 and "error: stopped by SIGTERM" in ended.log else [
                f"status {ended.status} after SIGTERM"])
        if failure in SURVIVED and (self.job.is_frugal or call != "pthread_create"):
            return found + [f"status {ended.status}: {ended.log.strip()[-300:]}"]
        if ended.status not in STATUSES:
            found.append(f"status {ended.status}")
        if f"{self.job.program}: error: " not in ended.log or any(word in ended.log for word in CRASH):
            found.append("no clear message")
        if failure in SPACE + ["EROFS", "EMFILE"] and os.strerror(getattr(errno, failure)) not in ended.log:
            found.append("the message does not say why")
        left = [name for name in litter(tree) if ".new" not in name]
        if left and call not in ("unlink", "rmdir", "opendir") and failure:
            found.append(f"{left} left behind")
        return found + ([ended.log.strip()[-300:]] if found else [])

    def disturb(self, number, start, failure=None, call=""):
        """Runs the job with `start`, and then without a fault; returns the status and what was wrong."""
        folder = f"{self.scratch}/{self.job.name}-{number}"
        shutil.copytree(self.job.folder, folder)
        try:
            ended = start(folder)
            found = self.problems(ended, self.masked(read_tree(folder)), failure, call)
            for name in litter(read_tree(folder)):
                # A complete output that could not be renamed is kept, and the message says where.
                is_small = failure == KILL and name.startswith(".cache/")
                is_kept = is_small or f"is complete, at {name.rstrip('/')}" in ended.log.replace("./", "")
                if is_kept or (name.endswith(".lock") or name.startswith("tmp/")) and call in ("unlink", "rmdir"):
                    path = f"{folder}/{name}"
                    shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
            again = programs.run(self.job.command(self.bin), folder)
            tree = self.masked(read_tree(folder))
            wrong = difference(tree, self.after)
            found += ["then " + damage for damage in self.damage(tree)]
            if again.status != 0:
                found.append(f"then status {again.status}: {again.log.strip()[-300:]}")
            elif wrong:
                found.append(f"then {wrong}")
            return ended.status, found
        finally:
            shutil.rmtree(folder)


def plan_calls(undisturbed, limit, rng):
    """Faults of a job as (call number, call, failure, whether it persists), at most `limit`."""
    plans = [
        (number, call, failure, sticky)
        # What TDLib itself does is not ours.
        for number, call, path, _ in undisturbed.calls if "/session/database" not in path
        # gpt-sample keeps the texts that are finished.
        for failure in FAILURES.get(call, []) + ([KILL] if undisturbed.job.program == "gpt-sample" else [KILL, TERM])
        for sticky in ([False, True] if failure in SPACE + ["EROFS"] and call in NEED_SPACE else [False])]
    return plans if limit is None or len(plans) <= limit else sorted(rng.sample(plans, limit))


def run_calls(undisturbed, plans, faults, pool, report):
    job = undisturbed.job

    def start(plan):
        number, call, failure, sticky = plan
        missed = []

        def disturbed(folder):
            ended, calls = faults.run(job.command(undisturbed.bin), folder, job.program, number, failure, sticky)
            missed.extend([] if calls else ["the call was not made"])
            return ended

        name = f"{number}-{failure}{'-sticky' if sticky else ''}"
        status, found = undisturbed.disturb(name, disturbed, failure, call)
        # With threads, the calls of a run are not always the same.
        return (f"{job.name}: {call} {name}", "missed" if missed and job.threads > 1 else status, found)

    statuses = Counter()
    for name, status, found in pool.map(start, plans):
        statuses[status] += 1
        report(name, found)
    return statuses


def run_limits(undisturbed, count, rng, pool, report):
    """Runs the job under limits of its address space, from too little for the loader to enough."""
    job = undisturbed.job
    limits = [int(10_000 * 90 ** rng.random()) for _ in range(count)]

    def start(kilobytes):
        def limited(folder):
            command = ["bash", "-c", f'ulimit -v {kilobytes}; exec "$@"', "bash"] + job.command(undisturbed.bin)
            ended = programs.run(command, folder)
            # Swift names what it could not allocate before our message.
            ended.log = ended.log.replace("Fatal error: failed to allocate", "failed to allocate")
            if ended.status not in (0, 69):
                # Where not even --version works, the loader or Swift's runtime ended the program before it began.
                begins = programs.run(command[:5] + ["--version"], folder).status == 0
                ended.status, ended.log = (ended.status, ended.log) if begins else (69, f"{job.program}: error: loader")
            return ended

        status, found = undisturbed.disturb(f"limit-{kilobytes}", limited)
        return f"{job.name}: ulimit -v {kilobytes}", status, found

    statuses = Counter()
    for name, status, found in pool.map(start, limits):
        statuses[status] += 1
        report(name, found)
    return statuses
