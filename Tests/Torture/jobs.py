"""The small jobs that are disturbed: a command, what it finds, and what it writes."""
import glob
import os
import shutil
from dataclasses import dataclass, field

import programs

MODEL = ["--layers=1", "--width=32", "--heads=2", "--context=32"]
TRAINING = ["--block-size=16", "--max-steps=3", "--save-steps=1", "--eval-steps=2", "--logging-steps=1",
            "--threads=1", "--resume", "--restart"]
RUN_UNITS = ["run/final", "run/checkpoint-1", "run/checkpoint-2"]


@dataclass
class Job:
    name: str
    program: str
    arguments: list
    # Files and folders, each of which is there as a whole.
    units: list
    # What is copied to the folder of the job from the inputs.
    inputs: list
    # How the outputs came to be that are replaced: the arguments of an earlier run; empty: some text.
    earlier: list = None
    # What is missing of it, as after an interruption.
    missing: str = None
    threads: int = 1
    # Whether the program can do with fewer threads than it asks for.
    is_frugal: bool = True
    folder: str = field(default="", init=False)

    def command(self, bin):
        return [f"{bin}/{self.program}"] + self.arguments

    def prepare(self, bin, inputs, scratch):
        """Makes the folder as the job finds it."""
        self.folder = f"{scratch}/{self.name}"
        os.makedirs(self.folder)
        for name in self.inputs:
            copy = shutil.copytree if os.path.isdir(f"{inputs}/{name}") else shutil.copy
            copy(f"{inputs}/{name}", f"{self.folder}/{name}")
        if self.earlier:
            require([f"{bin}/{self.program}"] + self.earlier, self.folder)
            if self.missing:
                shutil.rmtree(f"{self.folder}/{self.missing}")
        elif self.earlier is not None:
            for unit in self.units:
                with open(f"{self.folder}/{unit}", "w") as file:
                    file.write("what was there before\n")


def require(command, folder):
    ended = programs.run(command, folder)
    if ended.status != 0:
        raise SystemExit(f"{' '.join(command)} ended with {ended.status}: {ended.log}")


def make_inputs(bin, fixture, stand_in, folder):
    """Everything that the jobs read: posts, a text, tokens and a model, all small, and a stand-in for TDLib."""
    os.makedirs(folder + "/tdlib")
    shutil.copyfile(fixture, folder + "/result.json")
    require([bin + "/tg-dump", "result.json", "-o", "all.jsonl"], folder)
    with open(folder + "/all.jsonl") as all, open(folder + "/posts.jsonl", "w") as posts:
        posts.writelines(all.readlines()[:60])
    require([bin + "/bugurt-clean", "posts.jsonl", "-o", "text.txt"], folder)
    require([bin + "/bpe-encode", "text.txt", "-o", "tokens", "--vocab-size=300", "--threads=1"], folder)
    require([bin + "/gpt-finetune", "tokens", "-o", "base-run"] + MODEL + TRAINING, folder)
    os.rename(folder + "/base-run/final", folder + "/base")
    with open(folder + "/prompts.txt", "w") as prompts:
        prompts.write("кот\nдом\n")


    programs.compile_library(
        sorted(glob.glob(f"{stand_in}/*.c")), f"{folder}/tdlib/libtdjson.so", ["-fvisibility=hidden"])
    with open(folder + "/tdlib/scenario", "w") as scenario:
        scenario.write("posts 40\nsteps \n")
    with open(folder + "/config.ini", "w") as config:
        config.write("[Telegram]\napi_id = 12345\napi_hash = 0123456789abcdef0123456789abcdef\nphone = +79991234567\n")
    os.chmod(folder + "/config.ini", 0o600)


def all_jobs(inputs, address):
    """The jobs; at the address there is a channel on the web, and a model."""
    clean = ["posts.jsonl", "-o", "text.txt", "--rejects", "rejects.jsonl"]
    encode = ["text.txt", "-o", "tokens", "--shard-tokens=3000"]
    train = ["tokens", "-o", "run"] + MODEL + TRAINING
    adapt = ["tokens", "-o", "run", "--model=base", "--adapter=lora", "--lora-r=2"] + TRAINING
    live = ["@bugurtthread", "--live", "--config", "config.ini", "--session", "session", "--tdlib", f"{inputs}/tdlib"]
    web = ["@BugurtTest", "-o", "web.jsonl", "--delay=0", "--base-url", address]
    return [
        Job("dump", "tg-dump", ["result.json", "-o", "posts.jsonl", "--replace"], ["posts.jsonl"], ["result.json"], []),
        Job("dump-update", "tg-dump", ["result.json", "-o", "posts.jsonl.gz"], ["posts.jsonl.gz"], ["result.json"],
            ["result.json", "-o", "posts.jsonl.gz", "--limit=9"]),
        Job("dump-web", "tg-dump", web, ["web.jsonl"], []),
        Job("dump-live", "tg-dump", live + ["-o", "live.jsonl"], ["live.jsonl"], ["config.ini"],
            live + ["-o", "live.jsonl", "--limit=9"], is_frugal=False),
        Job("clean", "bugurt-clean", clean + ["--threads=1"], ["text.txt", "text.funnel.json", "rejects.jsonl"],
            ["posts.jsonl"], []),
        Job("clean-threads", "bugurt-clean", clean + ["--threads=3"], ["text.txt", "text.funnel.json", "rejects.jsonl"],
            ["posts.jsonl"], [], threads=3),
        Job("join", "bugurt-clean",
            ["--recipe=join", "text.txt", "prompts.txt", "-o", "all.txt", "--threads=1"],
            ["all.txt", "all.funnel.json"], ["text.txt", "text.funnel.json", "prompts.txt"], []),
        Job("learn", "bpe-encode", encode + ["--vocab-size=300", "--threads=1"], ["tokens"], ["text.txt"],
            encode + ["--vocab-size=290"]),
        Job("encode", "bpe-encode", ["text.txt", "-o", "ids", "--tokenizer=tokens", "--threads=3"], ["ids"],
            ["text.txt", "tokens"], threads=3),
        Job("train", "gpt-finetune", train, RUN_UNITS, ["tokens"], train + ["--learning-rate=0.01"]),
        Job("train-new", "gpt-finetune", train + ["--save-total-limit=1", "--threads=2"], RUN_UNITS[:1],
            ["tokens"], threads=2),
        Job("adapt", "gpt-finetune", adapt, RUN_UNITS, ["tokens", "base"], adapt + ["--learning-rate=0.01"]),
        Job("resume", "gpt-finetune", train, RUN_UNITS, ["tokens"], train, "run/final"),
        Job("resume-adapter", "gpt-finetune", adapt, RUN_UNITS, ["tokens", "base"], adapt, "run/final"),
        Job("sample", "gpt-sample", ["base", "-n", "3", "-o", "texts.txt", "--threads=2"], ["texts.txt"], ["base"], [],
            threads=2),
        Job("fetch", "gpt-sample", ["test/base", "-n", "3", "-o", "texts.txt", "--threads=1"], ["texts.txt"], [], []),
        Job("filter", "gpt-sample",
            ["base", "--prompts=prompts.txt", "--json", "--best-of=2", "--max-length=20", "-o", "texts.txt",
             "--threads=1", "--corpus=tokens", "--quiet"], ["texts.txt"], ["base", "prompts.txt", "tokens"], []),
        Job("export", "gpt-sample",
            ["base", "--export", "m.gguf", "--weights=q8_0", "--modelfile", "Modelfile", "--threads=1"],
            ["m.gguf", "Modelfile"], ["base"], []),
    ]
