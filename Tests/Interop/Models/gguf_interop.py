#!/usr/bin/env python3
"""Compare our GGUF files with llama.cpp and the gguf package, in both directions.

1. The gguf package reads what gpt-sample --export writes; its own quantizers give the same bytes.
2. llama_model_quantize turns our f32 file into the same tensors as --weights q4_0, q4_k_m and so on.
3. llama.cpp loads all files: nasty texts have the same ids as in our shards, the logits of the f32 file
   are ours, and so is the best token of the others.
4. gpt-sample reads what the gguf package and llama.cpp write, in all types: the logits are exactly
   those of the decoded numbers in a Hugging Face folder.
5. The Modelfile has the lines that Ollama needs.

The weights are random numbers, large enough for every matrix to matter; sizes and tokenizer are those of
--model. Prints what differs and exits with 1 if something does.

usage: gguf_interop.py --gpt-sample PROGRAM --bpe-encode PROGRAM --model FOLDER --work FOLDER
"""
import argparse
import ctypes
import json
import pathlib
import shutil
import subprocess
import sys

import gguf
import llama_cpp
import numpy

from common import NASTY, check, finish, random_texts

parser = argparse.ArgumentParser()
parser.add_argument("--gpt-sample", required=True)
parser.add_argument("--bpe-encode", required=True)
parser.add_argument("--model", required=True, type=pathlib.Path)
parser.add_argument("--work", required=True, type=pathlib.Path)
arguments = parser.parse_args()

PRECISIONS = ["f32", "f16", "bf16", "q8_0", "q6_k", "q4_k_m", "q4_0"]
# Names of llama-quantize and the numbers of its file types.
QUANTIZED = {
    "q8_0": 7, "q6_k": 18, "q4_k_m": 15, "q4_0": 2, "q4_1": 3, "q5_0": 8, "q5_1": 9, "q4_k_s": 14,
    "q5_k_s": 16, "q5_k_m": 17, "f16": 1, "bf16": 32,
}
PROMPTS = ["КОТ", "ПРИШЁЛ ДОМОЙ @ СЕЛ НА ДИВАН", "БАБУШКА ИСПЕКЛА ПИРОГИ @", "Ёлка & 100 % 😀 the end"]
# llama.cpp looks GELU up in a table in half precision: a fraction of the logits' standard deviation.
TOLERANCE = 0.01


def run(*command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {result.returncode}\n{result.stderr}")
    return result.stdout


def tensors(path):
    return {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}


def decoded(tensor):
    """The numbers of a tensor, [rows, columns]."""
    return gguf.quants.dequantize(tensor.data, tensor.tensor_type)


def our_logits(model, prompt):
    output = json.loads(run(arguments.gpt_sample, model, "--keep-case", "--logits", "--prompt", prompt))
    return output["prompt_ids"], numpy.array(output["logits"], dtype=numpy.float32)


class Llama:
    """A model in llama.cpp, with keys and values in single precision."""

    def __init__(self, path):
        self.llama = llama_cpp.Llama(
            str(path), n_ctx=128, n_threads=2, logits_all=True, verbose=False, type_k=0, type_v=0)

    def ids(self, text):
        return self.llama.tokenize(text.encode(), add_bos=False, special=False)

    def logits(self, ids):
        self.llama.reset()
        self.llama.eval(ids)
        return numpy.array(self.llama.scores[len(ids) - 1])


# ---- The model

def safetensors(path, arrays):
    header, offset = {}, 0
    for name, array in arrays.items():
        end = offset + 4 * array.size
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            file.write(numpy.ascontiguousarray(array, dtype="<f4").tobytes())


def random_weights(config):
    rng = numpy.random.default_rng(11)
    width, inner = config["n_embd"], config["n_inner"] or 4 * config["n_embd"]
    shapes = {"wte.weight": (config["vocab_size"], width), "wpe.weight": (config["n_positions"], width)}
    norms = ["ln_f"]
    for layer in range(config["n_layer"]):
        norms += [f"h.{layer}.ln_1", f"h.{layer}.ln_2"]
        for name, inputs, outputs in (("attn.c_attn", width, 3 * width), ("attn.c_proj", width, width),
                                      ("mlp.c_fc", width, inner), ("mlp.c_proj", inner, width)):
            shapes[f"h.{layer}.{name}.weight"] = (inputs, outputs)
            shapes[f"h.{layer}.{name}.bias"] = (outputs,)
    shapes |= {f"{name}.{kind}": (width,) for name in norms for kind in ("weight", "bias")}
    return {
        "transformer." + name: rng.normal(
            1 if name.split(".")[-2].startswith("ln_") and name.endswith("weight") else 0,
            0.1 if len(shape) == 1 or name.startswith("w") else inner ** -0.5, shape).astype("f4")
        for name, shape in shapes.items()}


def write_model(name, change=lambda weights: None):
    """Writes a folder with random weights, which `change` may change."""
    folder = arguments.work / name
    shutil.copytree(arguments.model, folder)
    weights = random_weights(json.load(open(folder / "config.json")))
    change(weights)
    safetensors(folder / "model.safetensors", weights)
    return folder


# ---- 1 and 2: the bytes

def exported(model, precision):
    path = arguments.work / f"model-{precision}.gguf"
    run(arguments.gpt_sample, model, "--export", path, "--weights", precision,
        "--modelfile", arguments.work / "Modelfile")
    return path


def check_package(files):
    exact = tensors(files["f32"])
    for precision, path in files.items():
        wrong, compared = [], 0
        for name, tensor in tensors(path).items():
            kind = tensor.tensor_type
            if kind.name in ("Q4_K", "Q6_K"):
                continue  # The package cannot write them; llama.cpp does below.
            compared += 1
            theirs = gguf.quants.quantize(decoded(exact[name]), kind)
            if theirs.tobytes() != tensor.data.tobytes():
                wrong.append(name)
        check(not wrong, f"{precision}: {compared} tensors as the gguf package writes them", str(wrong))


def quantize(source, name):
    """The file that llama.cpp makes of `source`."""
    path = arguments.work / f"llama-{name}.gguf"
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = QUANTIZED[name]
    parameters.nthread = 2
    status = llama_cpp.llama_model_quantize(
        str(source).encode(), str(path).encode(), ctypes.byref(parameters))
    check(status == 0, f"llama.cpp quantizes our f32 file to {name}", f"status {status}")
    return path


def check_quantized(files, theirs):
    for precision in set(files) & set(theirs):
        ours, others = tensors(files[precision]), tensors(theirs[precision])
        wrong = [
            f"{name}: {tensor.tensor_type.name}, {others[name].tensor_type.name}"
            for name, tensor in ours.items()
            if name not in others or tensor.tensor_type != others[name].tensor_type
            or tensor.data.tobytes() != others[name].data.tobytes()
        ]
        check(ours.keys() == others.keys() and not wrong,
              f"{precision}: {len(ours)} tensors as llama.cpp writes them", str(wrong))


def check_metadata(path):
    reader = gguf.GGUFReader(path)
    config = json.load(open(arguments.model / "config.json"))
    for key, expected in {
        "general.architecture": "gpt2", "gpt2.context_length": config["n_positions"],
        "gpt2.embedding_length": config["n_embd"], "gpt2.block_count": config["n_layer"],
        "gpt2.attention.head_count": config["n_head"], "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.eos_token_id": config["eos_token_id"], "general.sampling.top_k": 50,
        "general.sampling.temp": 1.0, "general.sampling.penalty_last_n": -1,
    }.items():
        found = reader.get_field(key).contents()
        check(found == expected, f"{key} is {expected}", f"found {found}")


# ---- 3: llama.cpp

def shard_ids(folder):
    """The ids of all texts in the shards of `folder`, without the tokens that end them."""
    manifest = json.load(open(folder / "manifest.json"))
    end = manifest["tokenizer"]["end_of_text"]["id"]
    texts = [[]]
    for shard in manifest["train"]["shards"]:
        data = (folder / shard["file"]).read_bytes()
        width = {20240520: "<u2", 20240801: "<u4"}[int.from_bytes(data[:4], "little")]
        for token in numpy.frombuffer(data[1024:], dtype=width).tolist():
            texts[-1].append(token)
            if token == end:
                texts.append([])
    return [text[:-1] for text in texts[:-1]]


def check_ids(llama):
    texts = NASTY + random_texts(7, 1000, 500)
    corpus, folder = arguments.work / "nasty.txt", arguments.work / "nasty"
    corpus.write_text("".join(text + "\n" for text in texts), encoding="utf-8", newline="\n")
    encode = [arguments.bpe_encode, corpus, "--validation-fraction", "0", "--tokenizer", arguments.model]
    run(*encode, "-o", folder)
    ours = shard_ids(folder)
    wrong = [text for text, ids in zip(texts, ours, strict=True) if llama.ids(text) != ids]
    check(not wrong, f"ids of {len(texts)} nasty texts", f"{len(wrong)}, such as {wrong[:3]!r}")
    whole = arguments.work / "nasty-whole"
    run(*encode, "-o", whole, "--pack", "continuous")
    manifest = json.load(open(whole / "manifest.json"))
    data = b"".join((whole / shard["file"]).read_bytes()[1024:] for shard in manifest["train"]["shards"])
    ids = numpy.frombuffer(data, dtype="<u2").tolist()
    check(llama.ids(corpus.read_text(encoding="utf-8")) == ids, f"{len(ids)} ids of a text of many lines")


def check_logits(precision, llama, path, model):
    largest, wrong = 0.0, []
    for prompt in PROMPTS:
        # Those of the unrounded model and of the file must be the same.
        ids, ours = our_logits(model if precision == "f32" else path, prompt)
        if llama.ids(prompt) != ids:
            wrong.append(f"ids of {prompt!r}: {ids} and {llama.ids(prompt)}")
            continue
        theirs = llama.logits(ids)
        largest = max(largest, float(numpy.abs(ours - theirs).max() / ours.std()))
        # Of tokens that are nearly as likely, either may be the best.
        if ours.max() - ours[theirs.argmax()] > 0.2 * ours.std():
            wrong.append(f"{prompt!r}: best token {ours.argmax()} and {theirs.argmax()}")
    if precision == "f32" and largest > TOLERANCE:
        wrong.append(f"the logits differ by {largest}")
    check(not wrong, f"{precision}: logits in llama.cpp, largest difference {largest:.4f} of their spread",
          str(wrong))


def check_sensitivity(model):
    """Every matrix matters: the logits of a model with any of them transposed are others."""
    for part in ("attn.c_proj", "attn.c_attn", "mlp.c_fc", "mlp.c_proj"):
        def transpose(weights):
            name = f"transformer.h.0.{part}.weight"
            weights[name] = weights[name].T.reshape(weights[name].shape)
        _, ours = our_logits(model, PROMPTS[1])
        _, others = our_logits(write_model(part, transpose), PROMPTS[1])
        difference = numpy.abs(ours - others).max() / ours.std()
        check(difference > 10 * TOLERANCE, f"logits depend on {part}: {difference:.2f} of their spread")


# ---- 4: files of others

def write_folder(path, folder):
    """Writes the numbers of the GGUF file `path` as a Hugging Face folder, in single precision."""
    shutil.copytree(arguments.model, folder, dirs_exist_ok=True)
    names = {"token_embd": "wte", "position_embd": "wpe", "output_norm": "ln_f", "attn_norm": "ln_1",
             "attn_qkv": "attn.c_attn", "attn_output": "attn.c_proj", "ffn_norm": "ln_2",
             "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj"}
    weights = {}
    for name, tensor in tensors(path).items():
        *block, part, kind = name.split(".")
        numbers = decoded(tensor)
        if block and numbers.ndim == 2:
            numbers = numbers.T
        weights[".".join(["transformer", *(["h", block[1]] if block else []), names[part], kind])] = numbers
    safetensors(folder / "model.safetensors", weights)


def check_reading(name, path):
    folder = arguments.work / "decoded"
    write_folder(path, folder)
    wrong = []
    for prompt in PROMPTS[:2]:
        ids, ours = our_logits(path, prompt)
        expected_ids, expected = our_logits(folder, prompt)
        if ids != expected_ids or not numpy.array_equal(ours, expected):
            wrong.append(f"{prompt!r}: by {numpy.abs(ours - expected).max()}")
    check(not wrong, f"{name}: our logits are those of the decoded numbers", str(wrong))


def package_file(source, name, kind):
    """The file of `source` as the writer of the gguf package makes it, all matrices in `kind`."""
    path = arguments.work / f"package-{name}.gguf"
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(path, "gpt2")
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        kinds = field.types
        writer.add_key_value(
            field.name, field.contents(), kinds[0], kinds[-1] if kinds[0] == gguf.GGUFValueType.ARRAY else None)
    for tensor in reader.tensors:
        numbers = decoded(tensor)
        if numbers.ndim == 2 and tensor.name != "position_embd.weight":
            writer.add_tensor(tensor.name, gguf.quants.quantize(numbers, kind), raw_dtype=kind)
        else:
            writer.add_tensor(tensor.name, numbers)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def check_modelfile():
    lines = (arguments.work / "Modelfile").read_text(encoding="utf-8").splitlines()
    for expected in ["FROM ./model-", 'TEMPLATE "{{ .Prompt }}"', "PARAMETER num_ctx ", "PARAMETER top_k 50"]:
        check(any(line.startswith(expected) for line in lines), f"Modelfile: {expected}…", str(lines))


def main():
    shutil.rmtree(arguments.work, ignore_errors=True)
    arguments.work.mkdir(parents=True)
    model = write_model("model")
    files = {precision: exported(model, precision) for precision in PRECISIONS}
    check_sensitivity(model)
    check_metadata(files["f32"])
    check_package(files)
    theirs = {name: quantize(files["f32"], name) for name in QUANTIZED}
    check_quantized(files, theirs)
    for precision, path in files.items():
        llama = Llama(path)
        if precision == "f32":
            check_ids(llama)
        check_logits(precision, llama, path, model)
        check_reading(precision, path)
    for name, path in theirs.items():
        check_reading(f"llama.cpp's {name}", path)
    for name in ("Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "F16", "BF16"):
        kind = gguf.GGMLQuantizationType[name]
        check_reading(f"the gguf package's {name}", package_file(files["f32"], name, kind))
    check_modelfile()
    finish()


if __name__ == "__main__":
    main()
