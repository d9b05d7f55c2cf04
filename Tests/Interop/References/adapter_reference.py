#!/usr/bin/env python3
"""Write what peft computes with adapters of a tiny GPT-2: a folder for each.

FOLDER/base holds the model as transformers saves it. The folder of a case holds the adapter as peft
saves it before it is trained (adapter_config.json, adapter_model.safetensors), and
expected.safetensors:

  tokens, targets     I32 [batch, time]; target -100: none
  logits              F32 [batch, time, vocabulary]
  gradient.<name>     F32, of the mean loss over the targets, by the name in the adapter's file
  losses              F64 [20], the mean loss before each step of AdamW on that batch
  final.<name>        F32, the adapter after the last step

Weights are in single precision, everything is computed from them in double precision. The test suite
AdapterReferenceTests compares the engine with these folders.

usage: adapter_reference.py FOLDER [--seed N]
"""

import argparse
import os

import numpy
import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from safetensors.numpy import save_file
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.utils import logging

from engine_reference import BASE, IGNORED, make_model

ALL = ["c_attn", "attn.c_proj", "c_fc", "mlp.c_proj"]
# Name: what its configuration says besides.
CASES = {
    "c_attn": dict(target_modules=["c_attn"], r=2, lora_alpha=3),
    "all_four": dict(target_modules=ALL, r=4, lora_alpha=4),
    "rslora": dict(target_modules=ALL, r=3, lora_alpha=2, use_rslora=True),
    "dora": dict(target_modules=ALL, r=2, lora_alpha=2, use_dora=True),
    "all_biases": dict(target_modules=["c_attn", "c_fc"], r=2, lora_alpha=4, bias="all"),
    "own_biases": dict(
        target_modules=["mlp.c_proj"], r=2, lora_alpha=4, bias="lora_only",
        modules_to_save=["ln_f"]),
}
STEPS = 20
# Those of AdamW in AdapterReferenceTests.
OPTIMIZER = dict(lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)


def values(tensor, kind=numpy.float32):
    return numpy.ascontiguousarray(tensor.detach().numpy().astype(kind))


def saved_name(name):
    """The name in the adapter's file of a parameter of the model."""
    return name.replace(".default", "").replace(".modules_to_save", "").replace(
        "lora_magnitude_vector.weight", "lora_magnitude_vector")


def write(folder, name, base, generator):
    torch.manual_seed(generator.initial_seed())
    model = GPT2LMHeadModel.from_pretrained(base)
    config = LoraConfig(
        task_type="CAUSAL_LM", fan_in_fan_out=True, init_lora_weights=False, **CASES[name])
    model = get_peft_model(model, config).train()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            # The update as large as a part of the weights, and no magnitude that of its column.
            if "lora_B" in parameter_name:
                parameter.mul_(0.5)
            elif "lora_magnitude" in parameter_name:
                parameter.mul_(1 + 0.2 * torch.rand(parameter.shape, generator=generator))
    model.peft_config["default"].base_model_name_or_path = "../base"
    model.save_pretrained(folder)
    os.remove(f"{folder}/README.md")
    model = model.double()

    vocabulary = BASE["vocab_size"]
    tokens = torch.randint(vocabulary, (2, 8), generator=generator)
    targets = torch.randint(vocabulary, (2, 8), generator=generator)
    targets[0, 3] = IGNORED

    def compute():
        logits = model(tokens).logits
        return logits, torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)

    logits, loss = compute()
    loss.backward()
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    expected = {
        "tokens": values(tokens, numpy.int32),
        "targets": values(targets, numpy.int32),
        "logits": values(logits),
    }
    for parameter_name, parameter in trained.items():
        expected["gradient." + saved_name(parameter_name)] = values(parameter.grad)
    optimizer = torch.optim.AdamW(trained.values(), **OPTIMIZER)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        _, loss = compute()
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    expected["losses"] = numpy.array(losses)
    final = get_peft_model_state_dict(model)
    assert {"gradient." + n for n in final} == {n for n in expected if n.startswith("gradient.")}
    expected |= {"final." + n: values(tensor) for n, tensor in final.items()}
    save_file(expected, f"{folder}/expected.safetensors")
    print(f"{name:12} loss {losses[0]:.6f} to {losses[-1]:.6f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(arguments.seed)
    base = f"{arguments.folder}/base"
    settings = BASE | dict(n_layer=3, embd_pdrop=0.0, attn_pdrop=0.0, resid_pdrop=0.0)
    model = make_model(settings, generator)
    model.save_pretrained(base)
    os.remove(f"{base}/generation_config.json")
    for name in CASES:
        folder = f"{arguments.folder}/{name}"
        os.makedirs(folder, exist_ok=True)
        write(folder, name, base, generator)


if __name__ == "__main__":
    main()
