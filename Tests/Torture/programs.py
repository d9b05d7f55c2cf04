"""Starting programs under limits and faults."""
import errno
import os
import shutil
import signal
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
SHORT, KILL, TERM = "SHORT", "KILL", "TERM"
CODES = {SHORT: -1, KILL: -2, TERM: -3}
TIMEOUT = 120
# What the environment of all programs has besides.
VARIABLES = {}


class Ended:
    """A process that has ended: its status, -9 after SIGKILL, and its standard error."""

    def __init__(self, status, log):
        self.status, self.log = status, log


def run(arguments, folder, variables={}, after=None):
    """Runs a program in the folder in a process group of its own, which is killed `after` some seconds."""
    os.makedirs(folder + "/tmp", exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "HOME": folder, "TMPDIR": folder + "/tmp", "LANG": "C.UTF-8"}
    process = subprocess.Popen(
        arguments, cwd=folder, env=environment | VARIABLES | variables, stdin=subprocess.DEVNULL, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _, log = process.communicate(timeout=TIMEOUT if after is None else after)
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        _, log = process.communicate()
        status = "hangs" if after is None else -signal.SIGKILL
    return Ended(status, log.decode(errors="replace"))


def compile_library(sources, path, flags=[]):
    """Makes a library of files in C."""
    compiler = shutil.which("cc") or shutil.which("clang")
    subprocess.run(
        [compiler, "-std=gnu17", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", path, *sources, *flags,
         "-ldl"], check=True)


class Faults:
    """The library of faults.c, compiled into the folder."""

    def __init__(self, folder):
        self.library = folder + "/faults.so"
        compile_library([HERE + "/faults.c"], self.library)

    def run(self, arguments, folder, program=None, at=0, code=KILL, sticky=False):
        """Runs a program; call number `at` on the files of the folder fails with the code.

        Returns how it ended, and the calls as (number, name, path, program): those that failed, or without
        a number all.
        """
        counter, log = folder + ".counter", folder + ".calls"
        with open(counter, "wb") as file:
            file.write(bytes(8))
        variables = {
            "LD_PRELOAD": self.library, "FAULT_ROOT": folder, "FAULT_COUNTER": counter, "FAULT_LOG": log,
            "FAULT_AT": str(at), "FAULT_CODE": str(CODES.get(code) or getattr(errno, code))}
        if program:
            variables["FAULT_PROGRAM"] = program
        if sticky:
            variables["FAULT_STICKY"] = "1"
        ended = run(arguments, folder, variables)
        calls = []
        if os.path.exists(log):
            with open(log, errors="replace") as file:
                lines = (line.rstrip("\n").split(" ", 3) for line in file)
                calls = [(int(number), name, path, program) for number, program, name, path in lines]
            os.remove(log)
        os.remove(counter)
        return ended, calls
