"""Models of random weights as a Hugging Face folder and as GGUF files, for sampling_benchmark.py.

usage: random_model.py FOLDER LAYERS WIDTH HEADS VOCABULARY POSITIONS

The vocabulary is made up: bytes, capital Cyrillic letters, pairs and triples of them, and those
with a space before them, each with the merge that makes it, so that every id can be written and a
prompt of as many tokens as one likes can be read. The configuration names no token that ends a
text, so no program ends one early.
"""

import itertools
import json
import os
import pathlib
import random
import sys

ALPHABET = "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ"
GGUF_TYPES = ("f32", "f16", "bf16", "q8_0", "q4_0")


# ---- The tokenizer


def byte_symbols():
    """The characters by which GPT-2 writes the 256 bytes."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {**{byte: chr(byte) for byte in plain},
            **{byte: chr(256 + index) for index, byte in enumerate(others)}}


def vocabulary(size):
    """Tokens in the order of their ids, and merges, in the alphabet of byte_symbols."""
    symbols = byte_symbols()
    letters = [[symbols[byte] for byte in letter.encode()] for letter in ALPHABET]
    space = symbols[ord(" ")]
    merges = [tuple(letter) for letter in letters]
    letters = ["".join(letter) for letter in letters]
    pairs = ["".join(pair) for pair in itertools.product(letters, repeat=2)]
    merges += itertools.product(letters, repeat=2)
    merges += itertools.product(pairs, letters)
    triples = (pair + letter for pair in pairs for letter in letters)
    merges += ((space, word) for word in itertools.chain(triples, pairs, letters))
    merges = merges[:size - len(symbols)]
    tokens = [symbols[byte] for byte in range(256)] + ["".join(merge) for merge in merges]
    assert len(tokens) == size and len(set(tokens)) == size
    return tokens, merges


def prompt(tokens, seed, count):
    """A text of `count` tokens, and their ids."""
    symbols = byte_symbols()
    ids = {token: index for index, token in enumerate(tokens)}
    # The first two letters are joined before the last two if their merge ranks before.
    words = random.Random(seed).sample(
        ["".join(word) for word in itertools.product(ALPHABET[:8], ALPHABET[8:], ALPHABET)], count)

    def token(text):
        return ids["".join(symbols[byte] for byte in text.encode())]

    return " ".join(words), [token(words[0]), *(token(f" {word}") for word in words[1:])]


# ---- The files


def write_folder(folder, shape, tokens, merges):
    """config.json, model.safetensors and a tokenizer."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    layers, width, heads, rows, positions = shape
    torch.manual_seed(1)
    model = GPT2LMHeadModel(GPT2Config(
        n_layer=layers, n_embd=width, n_head=heads, vocab_size=rows, n_positions=positions,
        initializer_range=0.04, bos_token_id=None, eos_token_id=None))
    # Logits as far apart as those of a trained model.
    torch.nn.init.constant_(model.transformer.ln_f.weight, 2.5 / (0.04 * width ** 0.5))
    model.save_pretrained(folder)
    write_tokenizer(folder, tokens, merges)


def write_tokenizer(folder, tokens, merges):
    """vocab.json, merges.txt and tokenizer_config.json."""
    (folder / "vocab.json").write_text(
        json.dumps({token: index for index, token in enumerate(tokens)}, ensure_ascii=False))
    (folder / "merges.txt").write_text(
        "#version: 0.2\n" + "".join(f"{left} {right}\n" for left, right in merges))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "GPT2Tokenizer"}\n')


GGUF_NAMES = {
    "wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm", "ln_1": "attn_norm",
    "ln_2": "ffn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output",
    "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}


def write_gguf(folder, path, kind, shape, tokens, merges):
    """A file as llama.cpp's own converter writes it: matrices of type `kind`, the rest in fp32."""
    import gguf
    from safetensors.numpy import load_file

    layers, width, heads, _, positions = shape
    dtype = gguf.GGMLQuantizationType[kind.upper()]
    writer = gguf.GGUFWriter(path, "gpt2")
    writer.add_name("random weights")
    writer.add_block_count(layers)
    writer.add_context_length(positions)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(4 * width)
    writer.add_head_count(heads)
    writer.add_layer_norm_eps(1e-5)
    writer.add_file_type(gguf.LlamaFileType[
        {"f32": "ALL_F32"}.get(kind, f"MOSTLY_{kind.upper()}")])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * len(tokens))
    writer.add_token_merges([" ".join(merge) for merge in merges])
    writer.add_add_bos_token(False)
    for name, tensor in load_file(folder / "model.safetensors").items():
        parts = name.removeprefix("transformer.").split(".")
        block, parts = (parts[1], parts[2:]) if parts[0] == "h" else (None, parts)
        layer, role = ".".join(parts[:-1]), parts[-1]
        if block and layer.split(".")[0] in ("attn", "mlp") and role == "weight":
            tensor = tensor.T.copy()
        is_matrix = tensor.ndim == 2 and layer != "wpe"
        name = f"{f'blk.{block}.' if block else ''}{GGUF_NAMES[layer]}.{role}"
        if is_matrix and kind != "f32":
            writer.add_tensor(name, gguf.quants.quantize(tensor, dtype), raw_dtype=dtype)
        else:
            writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def forget(path):
    """Brings the file to the disk and out of memory: what is read again is there in larger pages."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def make(folder, shape):
    """Writes what is missing; a name without .partial is that of a whole file or folder."""
    model = folder / "model"
    tokens, merges = vocabulary(shape[3])
    if not model.exists():
        partial = folder / "model.partial"
        partial.mkdir(parents=True, exist_ok=True)
        write_folder(partial, shape, tokens, merges)
        forget(partial / "model.safetensors")
        partial.rename(model)
    for kind in GGUF_TYPES:
        path = folder / f"{kind}.gguf"
        if not path.exists():
            partial = folder / f"{kind}.gguf.partial"
            write_gguf(model, partial, kind, shape, tokens, merges)
            forget(partial)
            partial.rename(path)


if __name__ == "__main__":
    make(pathlib.Path(sys.argv[1]), tuple(map(int, sys.argv[2:])))
