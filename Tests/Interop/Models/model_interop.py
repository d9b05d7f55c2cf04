"""Compare a checkpoint of ours with transformers: it must load as it is and give our logits.

usage: model_interop.py --gpt-sample PROGRAM --model FOLDER
"""

import argparse
import json
import os
import subprocess
import sys

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

TOLERANCE = 1e-4
PROMPTS = [
    "КОТ",
    "ПРИШЁЛ ДОМОЙ @ СЕЛ НА ДИВАН",
    "БАБУШКА ИСПЕКЛА ПИРОГИ @ ПОЗВАЛА ВНУКА @ ВНУК ПРИНЁС ДРУЗЕЙ @",
    "Ёлка, ёжик & 100 % — «цитата» 😀 the end",
]


def configuration_failures(path):
    """Every key of our config.json is, under its name, what transformers has."""
    with open(os.path.join(path, "config.json"), encoding="utf-8") as file:
        ours = json.load(file)
    theirs = AutoConfig.from_pretrained(path).to_dict()
    # One of them has the older name, which every version of transformers reads.
    ours["dtype"] = ours.pop("torch_dtype")
    for key, value in ours.items():
        if key not in theirs or theirs[key] != value:
            yield f"{key} is {value!r} in config.json, {theirs.get(key)!r} in transformers"


def failures(arguments):
    yield from configuration_failures(arguments.model)
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=torch.float32).eval()
    if model.config.eos_token_id != tokenizer.eos_token_id:
        yield f"eos is {model.config.eos_token_id} in config.json, {tokenizer.eos_token_id} in the tokenizer"
    if len(tokenizer) != model.config.vocab_size:
        yield f"the tokenizer has {len(tokenizer)} tokens, the model {model.config.vocab_size}"
    for prompt in PROMPTS:
        output = subprocess.run(
            [arguments.gpt_sample, arguments.model, "--keep-case", "--logits", "--prompt", prompt],
            check=True, capture_output=True, text=True).stdout
        ours = json.loads(output)
        ids = tokenizer(prompt)["input_ids"]
        if ids != ours["prompt_ids"]:
            yield f"{prompt!r}: ids {ours['prompt_ids']}, transformers {ids}"
            continue
        with torch.no_grad():
            theirs = model(torch.tensor([ids])).logits[0, -1]
        difference = (theirs - torch.tensor(ours["logits"])).abs().max().item()
        print(f"{len(ids):3} tokens, largest difference of the logits {difference:.2e}: {prompt}")
        if difference > TOLERANCE:
            yield f"{prompt!r}: logits differ by {difference}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpt-sample", required=True)
    parser.add_argument("--model", required=True)
    found = list(failures(parser.parse_args()))
    for failure in found:
        print(f"model_interop: {failure}", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
