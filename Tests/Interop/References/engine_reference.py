#!/usr/bin/env python3
"""Write what transformers computes with tiny models of the GPT-2 family: a folder for each variant.

A folder holds the model as transformers saves it (config.json, model.safetensors) and
expected.safetensors:

  tokens, targets      I32 [batch, time]; target -100: none
  logits               F32 [batch, time, columns], of the columns in logit_columns (I32)
  loss                 F64 [1], the mean over the targets
  gradient.<name>      F32, the gradient of that mean

Weights are in single precision, everything is computed from them in double precision. The test
suite ReferenceTests compares the engine with these folders.

usage: engine_reference.py FOLDER [--seed N]
"""

import argparse
import os

import numpy
import torch
from safetensors.numpy import save_file
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.utils import logging

# Every model is this one but for what its variant says.
BASE = dict(
    vocab_size=23, n_positions=10, n_embd=6, n_layer=2, n_head=3, n_inner=None,
    activation_function="gelu_new", bos_token_id=1, eos_token_id=2, pad_token_id=0,
)
# Name: configuration, batch, time.
VARIANTS = {
    "gelu_new": (dict(n_embd=9), 3, 8),
    "gelu": (dict(activation_function="gelu", n_layer=1), 3, 8),
    "relu": (dict(activation_function="relu", n_layer=1), 3, 8),
    "gelu_fast": (dict(activation_function="gelu_fast", n_layer=1), 2, 8),
    "unscaled_attention": (dict(scale_attn_weights=False), 3, 8),
    "scaled_by_layer": (dict(scale_attn_by_inverse_layer_idx=True, n_layer=3), 2, 8),
    "scaled_by_layer_only": (
        dict(scale_attn_weights=False, scale_attn_by_inverse_layer_idx=True), 2, 8),
    "reordered_attention": (
        dict(reorder_and_upcast_attn=True, scale_attn_by_inverse_layer_idx=True), 2, 8),
    "inner_width": (dict(n_inner=19, n_layer=1), 3, 8),
    "narrow_inner": (dict(n_embd=9, n_inner=1), 2, 8),
    "norm_epsilon": (dict(layer_norm_epsilon=1e-3, n_layer=1), 3, 8),
    "separate_head": (dict(tie_word_embeddings=False), 3, 8),
    "single_head": (dict(n_head=1), 3, 8),
    "head_of_one_channel": (dict(n_head=6, n_layer=1), 2, 8),
    "one_layer": (dict(n_layer=1), 3, 10),
    "one_position": (dict(n_layer=1), 4, 1),
    "two_positions": (dict(n_layer=1), 1, 2),
    "long": (dict(n_positions=131, n_layer=1, vocab_size=17), 2, 130),
    "odd": (
        dict(n_embd=27, vocab_size=115, n_positions=39, n_layer=1, n_inner=41), 2, 39),
}
IGNORED = -100


def make_model(settings, generator):
    """A model none of whose parameters is special: biases are not 0, norms not 1."""
    model = GPT2LMHeadModel(GPT2Config(**settings))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "ln_" in name and name.endswith(".weight"):
                parameter.copy_(1 + 0.2 * noise)
            elif name.endswith(".bias"):
                parameter.copy_(0.2 * noise)
            elif "wte" in name or "wpe" in name or "lm_head" in name:
                parameter.copy_(0.4 * noise)
            else:
                # Large enough that attention is far from even.
                parameter.copy_(1.2 * noise / parameter.shape[0] ** 0.5)
    return model.eval()


def check_loss(model, tokens, targets):
    """The loss of the given targets is the one that the model computes from labels."""
    labels = torch.full_like(tokens, IGNORED)
    labels[:, 1:] = targets[:, :-1]
    ours = torch.nn.functional.cross_entropy(
        model(tokens).logits[:, :-1].flatten(0, 1), targets[:, :-1].flatten(), ignore_index=IGNORED)
    theirs = model(tokens, labels=labels).loss
    # transformers computes its loss in single precision, whatever the model's is.
    assert abs(ours - theirs) < 1e-6 * ours, (ours, theirs)


def check_reordered(model, tokens):
    """The reordered attention, which exists in single precision only, computes the same."""
    eager = GPT2LMHeadModel(GPT2Config(**model.config.to_dict()))
    eager.set_attn_implementation("eager")
    eager.load_state_dict(model.state_dict())
    assert eager.config.reorder_and_upcast_attn
    with torch.no_grad():
        difference = (eager.eval()(tokens).logits - model(tokens).logits).abs().max().item()
    assert difference < 1e-4, difference


def write(folder, name, seed):
    changes, batch, time = VARIANTS[name]
    settings = BASE | changes
    generator = torch.Generator().manual_seed(1000 * seed + list(VARIANTS).index(name))
    model = make_model(settings, generator)
    model.save_pretrained(folder)
    os.remove(f"{folder}/generation_config.json")

    vocabulary = settings["vocab_size"]
    tokens = torch.randint(vocabulary, (batch, time), generator=generator)
    targets = torch.randint(vocabulary, (batch, time), generator=generator)
    # No target here and there, and none in a row.
    targets[torch.rand(targets.shape, generator=generator) < 0.15] = IGNORED
    targets[0, time // 2 : time // 2 + 2] = IGNORED
    if time == 1:
        targets[0, 0] = IGNORED
    targets[-1, -1] = vocabulary - 1
    if settings.get("reorder_and_upcast_attn"):
        check_reordered(model, tokens)

    model = model.double()
    if time > 2:
        check_loss(model, tokens, targets)
    logits = model(tokens).logits
    loss = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
    loss.backward()
    columns = torch.arange(0, vocabulary, 1 if vocabulary < 100 else 16)

    def values(tensor, kind=numpy.float32):
        return numpy.ascontiguousarray(tensor.detach().numpy().astype(kind))

    expected = {
        "tokens": values(tokens, numpy.int32),
        "targets": values(targets, numpy.int32),
        "logit_columns": values(columns, numpy.int32),
        "logits": values(logits[..., columns]),
        "loss": values(loss.reshape(1), numpy.float64),
    }
    for parameter, tensor in model.named_parameters():
        expected["gradient." + parameter] = values(tensor.grad)
    save_file(expected, f"{folder}/expected.safetensors")
    print(f"{name:22} loss {loss.item():.6f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    for name in VARIANTS:
        folder = f"{arguments.folder}/{name}"
        os.makedirs(folder, exist_ok=True)
        write(folder, name, arguments.seed)


if __name__ == "__main__":
    main()
