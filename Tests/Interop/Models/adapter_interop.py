"""Compare adapters with peft: how they are read, merged and written.

usage: adapter_interop.py --gpt-sample PROGRAM --write FOLDER
       adapter_interop.py --check FOLDER

--write makes a small model and adapters of all kinds with peft in FOLDER, and compares what gpt-sample
makes of them: logits, greedy texts, and a GGUF file with the adapter merged. GPT2Tests.AdapterInteropTests
then reads each adapter and writes it again, and a merged model; --check loads both with peft and
transformers. Prints a line for each adapter.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import warnings

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel
from transformers.utils import logging

from weights_interop import PROMPTS, make_tokenizer

warnings.filterwarnings("ignore")
logging.disable_progress_bar()
TOLERANCE = 1e-4
ALL = ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"]

# What LoraConfig is given, and whether the adapter is saved in another way.
ADAPTERS = {
    "c_attn": {},
    "all matrices": {"target_modules": ALL, "lora_alpha": 3.5},
    "all-linear": {"target_modules": "all-linear"},
    "c_proj twice": {"target_modules": ["c_proj"], "exclude_modules": ["h.0.attn.c_proj"]},
    "expression": {"target_modules": r".*\.h\.[12]\.(attn\.c_attn|mlp\.c_proj)"},
    "layers": {"target_modules": ALL, "layers_to_transform": [0, 2], "layers_pattern": "h"},
    "patterns": {
        "target_modules": ALL, "rank_pattern": {"attn.c_attn": 2, r"h\.1\..*": 5},
        "alpha_pattern": {"c_proj": 9}},
    "rsLoRA": {"target_modules": ALL, "use_rslora": True},
    "rsLoRA patterns": {"use_rslora": True, "rank_pattern": {"h.1.attn.c_attn": 6}},
    "DoRA": {"target_modules": ALL, "use_dora": True},
    "bias all": {"bias": "all", "target_modules": ["c_attn", "c_fc"]},
    "bias lora_only": {"bias": "lora_only", "target_modules": ["c_proj"]},
    "ln_f": {"modules_to_save": ["ln_f"]},
    "everything": {
        "target_modules": ALL, "use_dora": True, "bias": "all", "modules_to_save": ["ln_f"],
        "use_rslora": True},
    "gaussian": {"init_lora_weights": "gaussian"},
    "PiSSA": {"target_modules": ALL, "init_lora_weights": "pissa", "lora_alpha": 7},
    "PiSSA converted": {"target_modules": ALL, "init_lora_weights": "pissa", "lora_alpha": 7},
    "bin": {"target_modules": ALL},
    "bfloat16": {"target_modules": ALL},
}
# What must be refused, and the word that the message must have.
REFUSED = {
    "olora": ({"init_lora_weights": "olora", "target_modules": ["attn.c_proj"]}, "olora"),
    "pissa_niter": ({"init_lora_weights": "pissa_niter_4"}, "pissa_niter_4"),
    "wte": ({"target_modules": ["wte"]}, "wte"),
    "lora_bias": ({"lora_bias": True}, "lora_bias"),
    "token indices": ({"trainable_token_indices": [1, 2]}, "trainable_token_indices"),
}


def make_base(vocabulary):
    """A model whose every parameter matters, with singular values that differ."""
    torch.manual_seed(0)
    config = GPT2Config(
        n_embd=32, n_head=4, n_layer=3, n_positions=64, vocab_size=vocabulary, resid_pdrop=0,
        embd_pdrop=0, attn_pdrop=0, bos_token_id=0, eos_token_id=1)
    model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
            if ".h." in name and parameter.dim() == 2:
                u, s, v = torch.linalg.svd(parameter, full_matrices=False)
                parameter.copy_(u @ torch.diag(2 * 0.85 ** torch.arange(len(s))) @ v)
    return model


def train(model):
    """Moves every trainable parameter, as steps of training would."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.05)


def make_adapter(base, options, path, kind=""):
    torch.manual_seed(1)
    config = LoraConfig(
        **{"r": 4, "lora_alpha": 8, "task_type": "CAUSAL_LM", "fan_in_fan_out": True, **options})
    model = get_peft_model(GPT2LMHeadModel.from_pretrained(base), config).eval()
    convert = {}
    if kind == "PiSSA converted":
        initial = path + " initial"
        model.peft_config["default"].init_lora_weights = True
        model.save_pretrained(initial)
        model.peft_config["default"].init_lora_weights = "pissa"
        convert["path_initial_model_for_weight_conversion"] = initial
    train(model)
    if kind == "bfloat16":
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.data = parameter.data.bfloat16()
    model.save_pretrained(path, safe_serialization=kind != "bin", **convert)


def load(base, adapter):
    return PeftModel.from_pretrained(GPT2LMHeadModel.from_pretrained(base), adapter).eval()


def logits(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0, -1]


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr.strip()


def reading_problem(gpt_sample, base, adapter, tokenizer):
    """What is wrong, or None, and the largest difference of the logits."""
    model, largest = load(base, adapter), 0
    gguf = adapter + ".gguf"
    status, _, error = run(
        gpt_sample, base, "--adapter", adapter, "--export", gguf, "--weights", "f32")
    if status:
        return error, largest
    for prompt in PROMPTS:
        ids = tokenizer(prompt)["input_ids"]
        expected = logits(model, ids)
        for command in [[base, "--adapter", adapter], [adapter], [gguf]]:
            status, output, error = run(
                gpt_sample, *command, "--keep-case", "--logits", "--prompt", prompt)
            if status:
                return error, largest
            ours = torch.tensor(json.loads(output)["logits"])
            largest = max(largest, (expected - ours).abs().max().item())
        status, output, error = run(
            gpt_sample, base, "--adapter", adapter, "--keep-case", "--json", "--temperature", "0",
            "--max-length", "40", "--quiet", "--prompt", prompt)
        if status:
            return error, largest
        written = json.loads(output)["tokens"]
        greedy = model.generate(
            input_ids=torch.tensor([ids]), do_sample=False, max_length=40, pad_token_id=0)
        if written != greedy[0, len(ids):].tolist():
            return f"another greedy text after {prompt!r}", largest
    return (None if largest <= TOLERANCE else "the logits differ"), largest


def write(folder, gpt_sample):
    shutil.rmtree(folder, ignore_errors=True)
    base = os.path.join(folder, "base")
    tokenizer = make_tokenizer()
    make_base(len(tokenizer)).save_pretrained(base)
    tokenizer.save_pretrained(base)
    failed = False
    for name, options in ADAPTERS.items():
        path = os.path.join(folder, "adapters", name)
        make_adapter(base, options, path, name)
        shutil.rmtree(path + " initial", ignore_errors=True)
        found, largest = reading_problem(gpt_sample, base, path, tokenizer)
        if os.path.exists(path + ".gguf"):
            os.remove(path + ".gguf")
        print(f"{name:18} read: logits differ by {largest:.2e}{': ' + found if found else ''}")
        failed = failed or found is not None
    for name, (options, word) in REFUSED.items():
        path = os.path.join(folder, "refused", name)
        make_adapter(base, options, path)
        status, _, error = run(gpt_sample, base, "--adapter", path, "--logits", "--prompt", "a")
        is_right = status == 65 and word in error
        print(f"{name:18} refused{'' if is_right else f': status {status}, {error}'}")
        failed = failed or not is_right
    return failed


def check(folder):
    base, failed = os.path.join(folder, "base"), False
    ids = [5, 9, 200, 31]
    for name in ADAPTERS:
        original = load(base, os.path.join(folder, "adapters", name))
        expected = logits(original, ids)
        rewritten = load(base, os.path.join(folder, "rewritten", name))
        merged = AutoModelForCausalLM.from_pretrained(os.path.join(folder, "merged", name)).eval()
        of_adapter = (logits(rewritten, ids) - expected).abs().max().item()
        of_merged = (logits(merged, ids) - expected).abs().max().item()
        theirs = original.merge_and_unload().state_dict()
        ours = merged.state_dict()
        assert theirs.keys() == ours.keys(), theirs.keys() ^ ours.keys()
        of_weights = max((theirs[key] - ours[key]).abs().max().item() for key in theirs)
        is_right = max(of_adapter, of_merged, of_weights) <= TOLERANCE
        print(
            f"{name:18} written: logits differ by {of_adapter:.2e}, merged {of_merged:.2e}, weights "
            f"{of_weights:.2e}{'' if is_right else ': too much'}")
        failed = failed or not is_right
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpt-sample")
    parser.add_argument("--write", metavar="FOLDER")
    parser.add_argument("--check", metavar="FOLDER")
    arguments = parser.parse_args()
    if arguments.write:
        sys.exit(1 if write(arguments.write, arguments.gpt_sample) else 0)
    sys.exit(1 if check(arguments.check) else 0)


if __name__ == "__main__":
    main()
