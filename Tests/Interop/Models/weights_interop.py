"""Compare how weights are read with transformers: folders of every kind must give its logits.

usage: weights_interop.py --gpt-sample PROGRAM

Makes small random models with torch and transformers, stores each in another way, and compares the
logits after some prompts. Prints a line for each variant.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

TOLERANCE = 1e-4
PROMPTS = ["КОТ", "ПРИШЁЛ ДОМОЙ @ СЕЛ", "the end 😀"]
TEXT = ["ПРИШЁЛ ДОМОЙ @ СЕЛ НА ДИВАН @ КОТ УШЁЛ", "the cat sat on the mat, the end"]
LEGACY = {"_use_new_zipfile_serialization": False}


def make_model(vocabulary, **changes):
    """A model whose every parameter matters: no bias is 0, no norm is 1."""
    torch.manual_seed(0)
    shape = {"n_embd": 24, "n_head": 3, "n_layer": 2, "n_positions": 64, "vocab_size": vocabulary}
    config = GPT2Config(**{**shape, **changes}, bos_token_id=0, eos_token_id=1)
    model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.15)
    return model


def state(model, prefix=True, head=False):
    """The tensors as older files have them."""
    tensors = {name: tensor.clone() for name, tensor in model.transformer.state_dict().items()}
    tensors = {("transformer." if prefix else "") + name: tensor for name, tensor in tensors.items()}
    if head:
        tensors["lm_head.weight"] = model.lm_head.weight.detach().clone()
    return tensors


def masks(model, dtype):
    positions = model.config.n_positions
    mask = torch.tril(torch.ones(positions, positions)).to(dtype).view(1, 1, positions, positions)
    for layer in range(model.config.n_layer):
        yield f"transformer.h.{layer}.attn.bias", mask.clone()
        yield f"transformer.h.{layer}.attn.masked_bias", torch.tensor(-1e4)


class Variant:
    """A folder being written, and the model whose logits it must give."""

    def __init__(self, path, tokenizer, vocabulary):
        self.path, self.tokenizer, self.vocabulary = path, tokenizer, vocabulary

    def model(self, **changes):
        self.reference = make_model(self.vocabulary, **changes)
        return self.reference

    def write(self, tensors=None, name="pytorch_model.bin", **options):
        """Write the configuration and, in a file of torch.save, the tensors."""
        self.reference.config.save_pretrained(self.path)
        if tensors is not None:
            torch.save(tensors, os.path.join(self.path, name), **options)

    def logits(self, prompt):
        with torch.no_grad():
            return self.reference(torch.tensor([self.tokenizer(prompt)["input_ids"]])).logits[0, -1]


def safetensors(variant):
    variant.model().save_pretrained(variant.path)


def zip_file(variant):
    variant.write(state(variant.model()))


def legacy(variant):
    variant.write(state(variant.model()), **LEGACY)


def whole_state_dict(variant):
    """As older versions of the Trainer wrote: head and embedding share a storage, _metadata is there."""
    variant.write(variant.model().state_dict())


def half(variant, dtype=torch.float16):
    model = variant.model().to(dtype)
    model.save_pretrained(variant.path)
    model.float()


def bfloat16(variant):
    half(variant, torch.bfloat16)


def half_zip(variant, dtype=torch.float16):
    tensors = {name: tensor.to(dtype) for name, tensor in state(variant.model()).items()}
    variant.reference.to(dtype).float()
    variant.write(tensors)


def double_legacy(variant):
    tensors = {name: tensor.double() for name, tensor in state(variant.model()).items()}
    variant.write(tensors, **LEGACY)


def sharded_safetensors(variant):
    variant.model().save_pretrained(variant.path, max_shard_size="20kB")
    assert os.path.exists(os.path.join(variant.path, "model.safetensors.index.json"))


def sharded_bin(variant):
    tensors = list(state(variant.model()).items())
    weight_map = {}
    for number in range(3):
        name = f"pytorch_model-{number + 1:05}-of-00003.bin"
        shard = dict(tensors[number::3])
        weight_map.update({key: name for key in shard})
        variant.write(shard, name, **(LEGACY if number == 1 else {}))
    size = sum(tensor.numel() * 4 for _, tensor in tensors)
    with open(os.path.join(variant.path, "pytorch_model.bin.index.json"), "w") as file:
        json.dump({"metadata": {"total_size": size}, "weight_map": weight_map}, file)


def no_prefix(variant):
    variant.write(state(variant.model(), prefix=False))


def no_prefix_safetensors(variant):
    """As OpenAI's repositories: GPT2Model, with masks."""
    model = variant.model()
    tensors = state(model, prefix=False)
    tensors.update((name.removeprefix("transformer."), mask) for name, mask in masks(model, torch.float32))
    variant.write()
    save_file(tensors, os.path.join(variant.path, "model.safetensors"), metadata={"format": "pt"})


def separate_head(variant):
    variant.model(tie_word_embeddings=False).save_pretrained(variant.path)


def separate_head_legacy(variant):
    variant.write(state(variant.model(tie_word_embeddings=False), head=True), **LEGACY)


def unexpected_head(variant):
    """The configuration says tied, the file has another head: transformers 5 keeps it."""
    model = variant.model(tie_word_embeddings=False)
    tensors = state(model, head=True)
    model.config.tie_word_embeddings = True
    variant.write()
    save_file(tensors, os.path.join(variant.path, "model.safetensors"), metadata={"format": "pt"})
    variant.reference = GPT2LMHeadModel.from_pretrained(variant.path).eval()
    assert not torch.equal(variant.reference.lm_head.weight, variant.reference.transformer.wte.weight)


def tied_copy(variant):
    """As rugpt3medium: the legacy format, the head a second time, masks of bytes."""
    tensors = state(variant.model(), head=True)
    tensors.update(masks(variant.reference, torch.uint8))
    variant.write(tensors, **LEGACY)


def boolean_masks(variant):
    tensors = state(variant.model())
    tensors.update(masks(variant.reference, torch.bool))
    variant.write(tensors)


def float_masks(variant):
    tensors = state(variant.model())
    tensors.update(masks(variant.reference, torch.float32))
    variant.write(tensors)


def odd_shapes(variant):
    variant.model(n_embd=37, n_head=1, n_positions=77, n_inner=53, n_layer=3, vocab_size=503)
    variant.write(state(variant.reference))


def resized(variant):
    """A token added after the vocabulary, as the fine-tunes of rugpt3 with 50258 rows."""
    variant.tokenizer.add_special_tokens({"additional_special_tokens": ["<nl>"]})
    model = variant.model()
    model.resize_token_embeddings(len(variant.tokenizer))
    assert model.config.vocab_size == variant.vocabulary + 1
    variant.write(state(model), **LEGACY)


def padded(variant):
    """More rows than tokens, as rugpt3small."""
    variant.write(state(variant.model(vocab_size=variant.vocabulary + 7)))


def transposed(variant):
    """Views that torch.save keeps as views."""
    tensors = state(variant.model())
    for name, tensor in tensors.items():
        if tensor.dim() == 2:
            tensors[name] = tensor.t().contiguous().t()
    variant.write(tensors)


def shared_storage(variant):
    """All tensors are views of one storage."""
    tensors = state(variant.model())
    everything = torch.cat([tensor.flatten() for tensor in tensors.values()])
    offset = 0
    for name, tensor in tensors.items():
        tensors[name] = everything[offset : offset + tensor.numel()].view(tensor.shape)
        offset += tensor.numel()
    variant.write(tensors)


def parameters(variant):
    """nn.Parameter instead of tensors."""
    variant.write({name: torch.nn.Parameter(t) for name, t in state(variant.model()).items()})


def both_kinds(variant):
    """model.safetensors takes precedence over a pytorch_model.bin next to it."""
    safetensors(variant)
    other = {name: torch.zeros_like(tensor) for name, tensor in state(variant.reference).items()}
    torch.save(other, os.path.join(variant.path, "pytorch_model.bin"))


VARIANTS = [
    safetensors, zip_file, legacy, whole_state_dict, half, bfloat16, half_zip, double_legacy,
    sharded_safetensors, sharded_bin, no_prefix, no_prefix_safetensors, separate_head,
    separate_head_legacy, unexpected_head, tied_copy, boolean_masks, float_masks, odd_shapes,
    resized, padded, transposed, shared_storage, parameters, both_kinds,
]


def make_tokenizer():
    """A tokenizer of fewer than 503 tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        TEXT,
        trainers.BpeTrainer(
            vocab_size=500, special_tokens=["<s>", "</s>"], show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")


def problem(variant, gpt_sample):
    """What is wrong, or None, and the largest difference."""
    largest = 0
    for prompt in PROMPTS:
        command = [gpt_sample, variant.path, "--keep-case", "--logits", "--prompt", prompt]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode != 0:
            return run.stderr.strip(), largest
        ours = json.loads(run.stdout)
        ids = variant.tokenizer(prompt)["input_ids"]
        if ids != ours["prompt_ids"]:
            return f"{prompt!r}: ids {ours['prompt_ids']}, transformers {ids}", largest
        difference = (variant.logits(prompt) - torch.tensor(ours["logits"])).abs().max().item()
        largest = max(largest, difference)
    return (None if largest <= TOLERANCE else "the logits differ"), largest


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpt-sample", required=True)
    arguments = parser.parse_args()
    failed = False
    for write in VARIANTS:
        with tempfile.TemporaryDirectory() as path:
            tokenizer = make_tokenizer()
            variant = Variant(path, tokenizer, len(tokenizer))
            write(variant)
            variant.tokenizer.save_pretrained(path)
            found, largest = problem(variant, arguments.gpt_sample)
        name = write.__name__.replace("_", " ")
        print(f"{name:24} largest difference of the logits {largest:.2e}{': ' + found if found else ''}")
        failed = failed or found is not None
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
