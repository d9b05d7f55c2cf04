"""Write the small files of torch.save that the tests of CheckpointFormat and GPT2 read.

usage: generate_torch_files.py FOLDER

The numbers follow from a rule that the tests know too, and are exact in every type of floating
point. The legacy format names storages by their addresses in memory, so those files have other bytes
each time. The committed files are of the versions in requirements.txt.
"""

import collections
import os
import sys

import torch


def numbers(*shape, seed=0, dtype=torch.float32):
    """Element i is ((37 seed + i) mod 101 - 50) / 64."""
    count = torch.Size(shape).numel()
    values = ((torch.arange(count) + 37 * seed) % 101 - 50) / 64
    return values.reshape(shape).to(dtype)


def state_dict():
    """What a model's state_dict can hold, and more."""
    # A module's own has `_metadata`.
    state = torch.nn.Module().state_dict()
    state.update(tensors())
    return state


def tensors():
    shared = numbers(30, seed=1)
    square = numbers(4, 3, seed=2)
    tensors = {
        "plain": numbers(3, 4),
        "half": numbers(5, dtype=torch.float16),
        "bfloat16": numbers(2, 3, dtype=torch.bfloat16),
        "double": numbers(3, dtype=torch.float64),
        "boolean": torch.tril(torch.ones(3, 3, dtype=torch.bool)).view(1, 1, 3, 3),
        "byte": torch.tensor([1, 255], dtype=torch.uint8),
        "char": torch.tensor([1, -1], dtype=torch.int8),
        "short": torch.tensor([1, -1], dtype=torch.int16),
        "int": torch.tensor([1, -1], dtype=torch.int32),
        "long": torch.tensor([1, -1], dtype=torch.int64),
        "scalar": torch.tensor(-1.5),
        "empty": torch.zeros(0, 3),
        "transposed": square.t(),
        "steps": square[1:, ::2],
        "permuted": numbers(2, 3, 4, seed=3).permute(2, 0, 1),
        "overlapping": shared.as_strided((4, 3), (2, 1), 5),
        "expanded": shared[7:9].view(2, 1).expand(2, 5),
    }
    # Enough of them that the pickle numbers its memo with four bytes.
    for index in range(40):
        tensors[f"view{index}"] = shared[index // 2 : index // 2 + 2]
    return tensors


def gpt2(vocabulary=7, positions=5, width=4, layers=2):
    """A model like rugpt3medium's file: masks of bytes, and a second copy of the head."""
    shapes = [("wte.weight", (vocabulary, width)), ("wpe.weight", (positions, width))]
    for layer in range(layers):
        shapes += [
            (f"h.{layer}.{name}", shape)
            for name, shape in [
                ("ln_1.weight", (width,)), ("ln_1.bias", (width,)),
                ("attn.c_attn.weight", (width, 3 * width)), ("attn.c_attn.bias", (3 * width,)),
                ("attn.c_proj.weight", (width, width)), ("attn.c_proj.bias", (width,)),
                ("ln_2.weight", (width,)), ("ln_2.bias", (width,)),
                ("mlp.c_fc.weight", (width, 4 * width)), ("mlp.c_fc.bias", (4 * width,)),
                ("mlp.c_proj.weight", (4 * width, width)), ("mlp.c_proj.bias", (width,)),
            ]
        ]
    shapes += [("ln_f.weight", (width,)), ("ln_f.bias", (width,))]
    tensors = collections.OrderedDict(
        ("transformer." + name, numbers(*shape, seed=seed)) for seed, (name, shape) in enumerate(shapes))
    for layer in range(layers):
        mask = torch.tril(torch.ones(positions, positions, dtype=torch.uint8))
        tensors[f"transformer.h.{layer}.attn.bias"] = mask.view(1, 1, positions, positions)
        tensors[f"transformer.h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    tensors["lm_head.weight"] = tensors["transformer.wte.weight"].clone()
    return tensors


def main(folder):
    os.makedirs(folder, exist_ok=True)

    def save(value, name, **options):
        torch.save(value, os.path.join(folder, name), **options)

    legacy = {"_use_new_zipfile_serialization": False}
    state = state_dict()
    save(state, "tensors_zip.bin")
    save(state, "tensors_legacy.bin", **legacy)
    save(gpt2(), "gpt2_legacy.bin", **legacy)
    save({"weight": torch.nn.Parameter(numbers(2, 3))}, "parameter_zip.bin")
    save(torch.nn.Identity(), "module_zip.bin")
    save({"model": {"weight": numbers(2)}, "epoch": 3}, "training_zip.bin")


if __name__ == "__main__":
    main(*sys.argv[1:])
