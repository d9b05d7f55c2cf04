"""Train adapters with peft and the transformers Trainer, and with gpt-finetune: they must agree at
every step, and each must load what the other has written.

Both begin with the same factors: gpt-finetune trains the adapter further that peft has drawn. With
PiSSA each decomposes the matrices itself, and the signs of the factors may differ.

usage: adapter_training_interop.py --bpe-encode PROGRAM --gpt-finetune PROGRAM --scratch FOLDER
"""

import argparse
import copy
import json
import pathlib
import shutil
import subprocess

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import GPT2LMHeadModel, PrinterCallback, Trainer, TrainingArguments

import trainer_reference

LOSS_TOLERANCE = 1e-4
NORM_TOLERANCE = 1e-3
WEIGHT_TOLERANCE = 1e-4
LOGIT_TOLERANCE = 1e-4

SETTINGS = {
    "max_steps": 20, "learning_rate": 5e-3, "lr_scheduler_type": "linear", "warmup_steps": 4,
    "per_device_train_batch_size": trainer_reference.BATCH, "gradient_accumulation_steps": 2,
    "max_grad_norm": 0.5, "train_sampling_strategy": "sequential", "logging_steps": 1,
    "eval_steps": 10, "save_steps": 20,
}
ALL = ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"]
# name: of peft's LoraConfig, beside r 4 and alpha 8.
ADAPTERS = {
    "lora of c_attn": {"target_modules": ["c_attn"]},
    "lora of all": {"target_modules": ALL},
    "rslora": {"target_modules": ALL, "use_rslora": True},
    "dora": {"target_modules": ALL, "use_dora": True},
    "patterns": {"target_modules": ALL, "rank_pattern": {"attn.c_attn": 2},
                 "alpha_pattern": {"h.1.mlp.c_fc": 3}},
    "all biases": {"target_modules": ["c_attn"], "bias": "all"},
    "ln_f": {"target_modules": ["c_attn"], "modules_to_save": ["ln_f"]},
    "biases of c_attn": {"target_modules": ["c_attn"], "bias": "lora_only"},
    "upper block": {"target_modules": ALL, "layers_to_transform": [1]},
    "pissa": {"target_modules": ALL, "init_lora_weights": "pissa"},
}


def run_peft(model_folder, tokens, folder, changes):
    """Trains with peft; returns the log, the model, and the folder of the adapter at the start."""
    torch.manual_seed(2)
    # Factors that are not zero, so that every gradient counts from the first step.
    config = LoraConfig(**{
        "r": 4, "lora_alpha": 8, "init_lora_weights": False, "task_type": "CAUSAL_LM",
        "fan_in_fan_out": True, **changes})
    model = get_peft_model(
        GPT2LMHeadModel.from_pretrained(model_folder, dtype=torch.float32), config)
    if config.init_lora_weights is False:
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "lora_B" in name:
                    parameter *= 0.3
    start = folder / "start"
    model.save_pretrained(start)
    # What it is not: peft would draw the factors again.
    path = start / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "init_lora_weights": True}))

    def examples(split):
        return [
            {"input_ids": block, "labels": torch.cat([torch.tensor([-100]), block[1:]])}
            for block in trainer_reference.read_blocks(tokens, split)]

    trainer = Trainer(
        model=model, train_dataset=examples("train"), eval_dataset=examples("validation"),
        args=TrainingArguments(
            output_dir=folder / "trainer", use_cpu=True, report_to=[], disable_tqdm=True,
            log_level="error", eval_strategy="steps", label_names=["labels"],
            per_device_eval_batch_size=trainer_reference.BATCH, **SETTINGS))
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return trainer.state.log_history, model.eval(), start


def run_ours(program, model_folder, tokens, folder, start, pissa):
    command = [program, tokens, "--model", model_folder, "--output", folder, "--block-size",
               trainer_reference.BLOCK]
    command += ["--adapter", "lora", "--lora-r", 4, "--lora-alpha", 8, "--lora-dropout", 0,
                "--init-lora-weights", "pissa"] if pissa else ["--adapter-from", start]
    for key, value in SETTINGS.items():
        command += ["--" + key.replace("_", "-"), value]
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if ended.returncode != 0:
        raise SystemExit(ended.stderr)
    return json.loads((folder / "final" / "trainer_state.json").read_text())["log_history"]


class Differences:
    """The largest difference of each kind, and whether one is too large."""

    def __init__(self, name):
        self.name, self.worst, self.problems = name, {}, []

    def add(self, kind, difference, tolerance, place):
        self.worst[kind] = max(self.worst.get(kind, 0), difference)
        if not difference <= tolerance:
            self.problems.append(f"{self.name}: {place}: {kind} differs by {difference:.2g}")

    def report(self):
        print(f"{self.name}: largest differences: "
              + ", ".join(f"{kind} {value:.1e}" for kind, value in self.worst.items()), flush=True)
        return self.problems


def compare(name, log, our_log, model, model_folder, folder, tokens):
    differences = Differences(name)
    for entry, ours in zip(log, our_log, strict=True):
        for key in ("loss", "eval_loss"):
            if key in entry:
                differences.add(key, abs(entry[key] - ours[key]), LOSS_TOLERANCE,
                                f"step {entry['step']}")
        if "grad_norm" in entry:
            differences.add("grad_norm", abs(entry["grad_norm"] / ours["grad_norm"] - 1),
                            NORM_TOLERANCE, f"step {entry['step']}")
    blocks = trainer_reference.read_blocks(tokens, "validation")
    with torch.no_grad():
        expected = model(blocks).logits
        # The adapter that ours wrote, in peft, and the merged model, in transformers.
        base = GPT2LMHeadModel.from_pretrained(model_folder, dtype=torch.float32)
        adapted = PeftModel.from_pretrained(base, folder / "final" / "adapter").eval()
        differences.add("logits", (adapted(blocks).logits - expected).abs().max().item(),
                        LOGIT_TOLERANCE, "final/adapter")
        merged = GPT2LMHeadModel.from_pretrained(folder / "final").eval()
        differences.add("merged logits", (merged(blocks).logits - expected).abs().max().item(),
                        LOGIT_TOLERANCE, "final")
    theirs = copy.deepcopy(model).merge_and_unload().state_dict()
    for key, weight in load_file(folder / "final" / "model.safetensors").items():
        difference = (weight - theirs[key]).abs()
        if key.endswith("attn.c_attn.bias"):
            # The gradient of the keys' biases is 0 but for rounding.
            width = len(difference) // 3
            difference[width : 2 * width] = 0
        differences.add("merged weights", difference.max().item(), WEIGHT_TOLERANCE, key)
    return differences.report()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for program in ("bpe-encode", "gpt-finetune"):
        parser.add_argument("--" + program, required=True)
    parser.add_argument("--scratch", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    scratch = arguments.scratch.resolve()
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    tokens = trainer_reference.make_tokens(arguments.bpe_encode, scratch)
    model_folder = scratch / "model"
    trainer_reference.make_model(tokens, model_folder)
    problems = []
    for index, (name, changes) in enumerate(ADAPTERS.items()):
        folder = scratch / str(index)
        log, model, start = run_peft(model_folder, tokens, folder, changes)
        pissa = changes.get("init_lora_weights") == "pissa"
        our_log = run_ours(
            arguments.gpt_finetune, model_folder, tokens, folder / "ours", start, pissa)
        problems += compare(
            name, log, our_log, model, model_folder, folder / "ours", tokens)
    for problem in problems:
        print(problem)
    raise SystemExit(1 if problems else 0)


if __name__ == "__main__":
    main()
