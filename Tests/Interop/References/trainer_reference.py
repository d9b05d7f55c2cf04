"""Train a tiny model with the transformers Trainer and with gpt-finetune: they must agree at every
step.

The order is sequential and there is no dropout, for neither depends on torch's generator then.

transformers 5.23 knows by a class's name whether its loss shifts the labels, and GPT2LMHeadModel's
is not among the names. So it counts the first token of each block as a target, which nothing
predicts, and divides the loss of a block of n tokens by n instead of n - 1. Labels whose first is
-100 give the mean that is meant; the last run shows that this is the only difference.

usage: trainer_reference.py --bpe-encode PROGRAM --gpt-finetune PROGRAM --scratch FOLDER
                            [--write FOLDER]

--write puts what the Trainer was given and what it did into FOLDER, from which the tests of the
Training library make the same comparison without Python.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys

import numpy
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    EarlyStoppingCallback, GPT2Config, GPT2LMHeadModel, Trainer, TrainerState, TrainingArguments)

BLOCK = 16
BATCH = 4
VOCABULARY = 300
LOSS_TOLERANCE = 1e-5
NORM_TOLERANCE = 1e-4
RATE_TOLERANCE = 1e-12
WEIGHT_TOLERANCE = 1e-4

COMMON = {
    "per_device_train_batch_size": BATCH,
    "gradient_accumulation_steps": 2,
    "weight_decay": 0.1,
    "max_grad_norm": 0.5,
    "train_sampling_strategy": "sequential",
    "logging_steps": 1,
}
RUNS = {
    "linear": {
        "max_steps": 100, "learning_rate": 5e-3, "lr_scheduler_type": "linear",
        "warmup_steps": 10, "eval_steps": 20, "save_steps": 40},
    "cosine": {
        "num_train_epochs": 2.5, "learning_rate": 2e-3, "lr_scheduler_type": "cosine",
        "warmup_ratio": 0.13, "eval_steps": 7, "save_steps": 14, "adam_beta1": 0.8,
        "adam_beta2": 0.99, "adam_epsilon": 1e-6, "max_grad_norm": 0},
    "constant_with_warmup": {
        "max_steps": 20, "learning_rate": 1e-3, "lr_scheduler_type": "constant_with_warmup",
        "warmup_steps": 5, "gradient_accumulation_steps": 3, "eval_steps": 20, "save_steps": 10},
    "early_stopping": {
        "max_steps": 200, "learning_rate": 2e-2, "lr_scheduler_type": "constant",
        "warmup_steps": 0, "eval_steps": 4, "save_steps": 4, "load_best_model_at_end": True,
        "early_stopping_patience": 3, "early_stopping_threshold": 0.01, "save_total_limit": 2},
}
# Times differ from run to run; the perplexity and the bits per byte are ours.
TIMES = ("_runtime", "_per_second")
OURS = {"eval_perplexity", "eval_bits_per_byte"}


def make_text(lines):
    """Lines of a small language, the same each time."""
    choice = random.Random(1)
    words = "КОТ ПЁС СЕЛ УШЁЛ ПРИШЁЛ ДОМОЙ НА КУХНЮ СМОТРЕЛ В УГОЛ И МОЛЧАЛ @ БАБУШКА".split()
    return "".join(
        " ".join(choice.choices(words, k=choice.randint(4, 12))) + "\n" for _ in range(lines))


def make_tokens(bpe_encode, scratch):
    """Shards whose last batch is smaller, and whose last step has fewer batches."""
    for lines in range(60, 200):
        (scratch / "text.txt").write_text(make_text(lines), encoding="utf-8")
        shutil.rmtree(scratch / "tokens", ignore_errors=True)
        encode = [os.path.abspath(bpe_encode), "text.txt", "--output"]
        # A vocabulary of all lines, for a text as short as this.
        for arguments in (
                ["vocabulary", "--vocab-size", str(VOCABULARY), "--validation-fraction", "0"],
                ["tokens", "--tokenizer", "vocabulary", "--validation-fraction", "0.1"]):
            subprocess.run(encode + arguments, cwd=scratch, check=True, capture_output=True)
        blocks = len(read_blocks(scratch / "tokens", "train"))
        batches = -(-blocks // BATCH)
        if blocks % BATCH == 2 and batches % 2 == 1 and batches % 3 != 0:
            return scratch / "tokens"
    raise SystemExit("trainer_reference: no number of lines gives the blocks that are wanted")


def read_blocks(tokens, split):
    manifest = json.loads((tokens / "manifest.json").read_text())
    ids = numpy.concatenate([
        numpy.fromfile(tokens / shard["file"], "<u2", offset=1024)
        for shard in manifest[split]["shards"]])
    count = len(ids) // BLOCK
    return torch.tensor(ids[: count * BLOCK].astype("int64")).reshape(count, BLOCK)


def make_model(tokens, folder):
    """A model whose weights have 16 bits each, to be small."""
    end = json.loads((tokens / "manifest.json").read_text())["tokenizer"]["end_of_text"]["id"]
    torch.manual_seed(1)
    model = GPT2LMHeadModel(GPT2Config(
        vocab_size=VOCABULARY, n_positions=BLOCK, n_embd=24, n_layer=2, n_head=4, resid_pdrop=0,
        embd_pdrop=0, attn_pdrop=0, bos_token_id=end, eos_token_id=end))
    # Larger than GPT-2's 0.02, for gradients that are worth clipping.
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter *= 5
    model.to(torch.bfloat16).save_pretrained(folder)


def settings_of(name):
    return {**COMMON, **RUNS[name]}


def run_trainer(name, model_folder, tokens, folder, counts_first=False):
    """Trains with the Trainer, and returns its state and the weights."""
    settings = settings_of(name)
    # Since 5.0 a share is given as a number of steps below 1.
    settings["warmup_steps"] = settings.get("warmup_steps") or settings.pop("warmup_ratio", 0)
    callbacks = []
    if "early_stopping_patience" in settings:
        callbacks = [EarlyStoppingCallback(
            settings.pop("early_stopping_patience"), settings.pop("early_stopping_threshold"))]
    def examples(split):
        examples = []
        for block in read_blocks(tokens, split):
            labels = block.clone()
            if not counts_first:
                labels[0] = -100
            examples.append({"input_ids": block, "labels": labels})
        return examples
    model = GPT2LMHeadModel.from_pretrained(model_folder, dtype=torch.float32)
    trainer = Trainer(
        model=model, train_dataset=examples("train"), eval_dataset=examples("validation"),
        callbacks=callbacks,
        args=TrainingArguments(
            output_dir=folder, use_cpu=True, report_to=[], disable_tqdm=True, log_level="error",
            eval_strategy="steps", per_device_eval_batch_size=BATCH,
            metric_for_best_model="eval_loss", greater_is_better=False, **settings))
    trainer.train()
    folder = pathlib.Path(folder)
    weights = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    last = max(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    # Each process of several has a file of its own.
    final = folder / f"final_state-{trainer.args.process_index}.json"
    trainer.state.save_to_json(final)
    return {
        "final": json.loads(final.read_text()),
        "checkpoint": json.loads((last / "trainer_state.json").read_text()),
        "weights": weights,
    }


def run_ours(name, program, model_folder, tokens, folder):
    command = [program, tokens, "--recipe", "original", "--model", model_folder, "--output", folder,
               "--threads", "1", "--block-size", BLOCK]
    for key, value in settings_of(name).items():
        option = "--" + key.replace("_", "-")
        command += [option] if value is True else [option, value]
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if ended.returncode != 0:
        raise SystemExit(ended.stderr)
    final = folder / "final"
    # Unknown keys would be refused.
    TrainerState.load_from_json(final / "trainer_state.json")
    checkpoints = [path for path in folder.glob("checkpoint-*")]
    for path in checkpoints:
        TrainerState.load_from_json(path / "trainer_state.json")
    return {
        "final": json.loads((final / "trainer_state.json").read_text()),
        "checkpoint": json.loads((checkpoints[0] / "trainer_state.json").read_text()),
        "weights": load_file(final / "model.safetensors"),
    }


def without_times(entry):
    return {key: value for key, value in entry.items()
            if not key.endswith(TIMES) and key not in OURS}


def compare(name, theirs, ours):
    """Yields what differs, and prints by how much the rest does."""
    log, our_log = theirs["final"]["log_history"], ours["final"]["log_history"]
    worst = {}
    def differs(kind, a, b, tolerance, relative=False):
        difference = abs(a - b) / (max(abs(a), 1e-30) if relative else 1)
        worst[kind] = max(worst.get(kind, 0), difference)
        return difference > tolerance
    if len(log) != len(our_log):
        yield f"{len(our_log)} lines of the log, the Trainer {len(log)}"
    for entry, our_entry in zip(log, our_log):
        step = entry["step"]
        if set(entry) != set(our_entry) - OURS:
            yield f"step {step}: keys {sorted(our_entry)}, the Trainer {sorted(entry)}"
            continue
        for key, value in without_times(entry).items():
            if key in ("loss", "eval_loss", "train_loss"):
                bad = differs(key, value, our_entry[key], LOSS_TOLERANCE)
            elif key == "learning_rate":
                bad = differs(key, value, our_entry[key], RATE_TOLERANCE, relative=True)
            elif key == "grad_norm":
                bad = differs(key, value, our_entry[key], NORM_TOLERANCE, relative=True)
            elif key == "epoch":
                bad = differs(key, value, our_entry[key], 1e-12)
            else:
                bad = value != our_entry[key]
            if bad:
                yield f"step {step}: {key} {our_entry[key]}, the Trainer {value}"
    for kind in ("final", "checkpoint"):
        if set(theirs[kind]) != set(ours[kind]):
            yield f"{kind}: keys {sorted(set(theirs[kind]) ^ set(ours[kind]))}"
    for key in ("global_step", "max_steps", "num_train_epochs", "best_global_step", "epoch",
                "logging_steps", "eval_steps", "save_steps", "train_batch_size", "total_flos"):
        if theirs["final"][key] != ours["final"][key]:
            yield f"{key} {ours['final'][key]}, the Trainer {theirs['final'][key]}"
    if differs("best_metric", theirs["final"]["best_metric"], ours["final"]["best_metric"],
               LOSS_TOLERANCE):
        yield f"best_metric {ours['final']['best_metric']}, {theirs['final']['best_metric']}"
    for key, state in theirs["checkpoint"]["stateful_callbacks"].items():
        ours_state = ours["checkpoint"]["stateful_callbacks"].get(key)
        if ours_state is None or set(ours_state) != set(state) \
                or set(ours_state["args"]) != set(state["args"]) \
                or set(ours_state["attributes"]) != set(state["attributes"]):
            yield f"stateful_callbacks: {key} is {ours_state}, the Trainer's {state}"
    for key, weight in theirs["weights"].items():
        difference = (weight - ours["weights"][key]).abs()
        if key.endswith("attn.c_attn.bias"):
            # A bias of the keys changes no softmax: its gradient is 0 but for rounding, which AdamW
            # makes as large as any other.
            width = len(difference) // 3
            difference[width : 2 * width] = 0
        if differs("weights", 0, difference.max().item(), WEIGHT_TOLERANCE):
            yield f"{key} differs by {difference.max().item()}"
    clipped = sum(
        entry.get("grad_norm", 0) > settings_of(name)["max_grad_norm"] > 0 for entry in log)
    print(
        f"{name}: {theirs['final']['global_step']} steps, {clipped} clipped; largest differences: "
          + ", ".join(f"{kind} {value:.1e}" for kind, value in worst.items()))


def write_reference(folder, scratch, results):
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tokens" / "tokenizer").mkdir(parents=True)
    for path in (scratch / "tokens").glob("*.*"):
        shutil.copy(path, folder / "tokens")
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(scratch / "tokens" / "tokenizer" / name, folder / "tokens" / "tokenizer")
    (folder / "model").mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(scratch / "model" / name, folder / "model")
    save_file(results["linear"]["weights"], folder / "linear.safetensors")
    runs = {
        name: {
            "settings": settings_of(name),
            "best_global_step": result["final"]["best_global_step"],
            "best_metric": result["final"]["best_metric"],
            "total_flos": result["final"]["total_flos"],
            "log": [without_times(entry) for entry in result["final"]["log_history"]],
        } for name, result in results.items()}
    text = ",\n".join(
        f'{json.dumps(name)}: {{' + ",\n ".join(
            f'"log": [\n  ' + ",\n  ".join(json.dumps(entry) for entry in value) + "]"
            if key == "log" else f"{json.dumps(key)}: {json.dumps(value)}"
            for key, value in run.items()) + "}" for name, run in runs.items())
    (folder / "trainer.json").write_text("{" + text + "}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bpe-encode", required=True)
    parser.add_argument("--gpt-finetune", required=True)
    parser.add_argument("--scratch", required=True, type=pathlib.Path)
    parser.add_argument("--write", type=pathlib.Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    scratch = arguments.scratch
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    tokens = make_tokens(arguments.bpe_encode, scratch)
    model = scratch / "model"
    make_model(tokens, model)
    results = {}
    failures = []
    for name in RUNS:
        results[name] = run_trainer(name, model, tokens, str(scratch / f"{name}-theirs"))
        ours = run_ours(name, arguments.gpt_finetune, model, tokens, scratch / f"{name}-ours")
        failures += [f"{name}: {failure}" for failure in compare(name, results[name], ours)]
    # All gradients of this run are clipped, so that their scale does not matter.
    plain = run_trainer("linear", model, tokens, str(scratch / "plain-theirs"), counts_first=True)
    for entry, plain_entry in zip(*(
            result["final"]["log_history"] for result in (results["linear"], plain))):
        for key in {"loss", "eval_loss"} & set(entry):
            expected = entry[key] * (BLOCK - 1) / BLOCK
            if abs(expected - plain_entry[key]) > LOSS_TOLERANCE:
                failures.append(
                    f"with the first tokens counted, step {entry['step']}: {key} "
                    f"{plain_entry[key]}, expected {expected}")
    for failure in failures:
        print(f"trainer_reference: {failure}", file=sys.stderr)
    if arguments.write:
        write_reference(arguments.write, scratch, results)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
