"""Compare how config.json is read with transformers: the same model, or a refusal by name.

usage: config_interop.py --gpt-sample PROGRAM

One set of small random weights is read under a few dozen configurations, crafted one key at a time.
Where both read one, the logits must agree; what must not be read must be refused with status 65 and
a message that names the key. Every verdict, theirs and ours, is given here: one that changes fails.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import torch
from transformers import AutoConfig, GPT2LMHeadModel
from transformers.activations import ACT2CLS, ACT2FN
from transformers.utils import logging

from weights_interop import make_model, make_tokenizer

TOLERANCE = 1e-4
PROMPT = "КОТ the end"
DATA_ERROR = 65

# What both do.
SAME = "read by both"
REFUSED = "refused by both"
# What we do not have.
OURS_REFUSES = "refused by us alone"
# Keys that mean nothing here, but whose types or words transformers checks.
OURS_READS = "read by us alone"

ABSENT = object()
SHAPE = {"n_embd": 24, "n_head": 3, "n_layer": 2, "n_positions": 64}


def weights():
    """A folder of weights each, by name: changes to the configuration of make_model."""
    return {
        "plain": {},
        "separate": {"tie_word_embeddings": False},
        "inner": {"n_inner": 96},
    }


# Weights, changes to the configuration (or to its text), verdict, the key in our refusal.
def cases():
    def case(changes, verdict, key=None, folder="plain"):
        return folder, changes, verdict, key or ("" if callable(changes) else next(iter(changes), ""))

    # Absent keys, unknown keys, other literals.
    for changes in (
        {},
        {"activation_function": ABSENT, "layer_norm_epsilon": ABSENT, "attn_pdrop": ABSENT,
         "scale_attn_weights": ABSENT, "tie_word_embeddings": ABSENT, "n_inner": ABSENT},
        {"n_ctx": 7}, {"n_special": 0, "predict_special_tokens": True, "output_past": True},
        {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}},
        {"task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}}},
        {"model_max_length": 1000000000000000019884624838656},
        {"unknown": float("nan"), "other": [float("inf"), -float("inf")]},
        {"gradient_checkpointing": True}, {"use_cache": False}, {"chunk_size_feed_forward": 8},
        {"n_inner": None}, {"is_decoder": True}, {"tie_encoder_decoder": True},
        {"cross_attention_hidden_size": 5}, {"architectures": ["GPT2Model"]},
        {"reorder_and_upcast_attn": True}, {"temperature": 0.5, "top_k": 3},
        {"dtype": "float16"}, {"torch_dtype": "bfloat16"}, {"torch_dtype": None, "dtype": None},
        {"dtype": "float32", "torch_dtype": "int8"}, {"dtype": "float64"},
        {"quantization_config": None}, {"attn_implementation": "eager"},
        {"output_attentions": True}, {"output_hidden_states": True}, {"return_dict": True},
    ):
        yield case(changes, SAME)
    # What changes the result.
    for changes in (
        {"layer_norm_epsilon": 0.01}, {"scale_attn_weights": False},
        {"scale_attn_by_inverse_layer_idx": True}, {"n_head": 4},
        {"scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True},
        {"attn_pdrop": 0, "embd_pdrop": 0.0, "resid_pdrop": 0.9},
    ):
        yield case(changes, SAME)
    yield case({"tie_word_embeddings": False}, SAME, folder="separate")
    yield case({"n_inner": 96}, SAME, folder="inner")
    yield case({"n_inner": 0}, REFUSED)
    # Other names: the other name counts.
    yield case({"num_attention_heads": 4}, SAME)
    yield case({"hidden_size": 24, "n_embd": 48, "num_hidden_layers": 2, "n_layer": 5,
                "max_position_embeddings": 64, "n_positions": 32, "num_attention_heads": 3,
                "n_head": 4}, SAME)
    yield case({"num_hidden_layers": 2.0}, REFUSED)
    yield case({"hidden_size": "24"}, REFUSED)
    yield case({"num_hidden_layers": None}, REFUSED)
    yield case({"num_hidden_layers": 2, "n_layer": "two"}, REFUSED, "n_layer")
    # Types.
    for key, values in {
        "n_layer": (2.0, "2", None, True), "n_positions": (64.0, None), "vocab_size": (None,),
        "n_embd": (None, [24]), "n_head": (3.0, False), "n_inner": (96.0,),
        "layer_norm_epsilon": (0, None, "1e-5", True), "initializer_range": (1, None),
        "attn_pdrop": (None, "0.1", True, -0.1, 1.5), "embd_pdrop": ([],), "resid_pdrop": (2,),
        "scale_attn_weights": (1, None), "scale_attn_by_inverse_layer_idx": ("yes",),
        "tie_word_embeddings": (0, None), "reorder_and_upcast_attn": (None,),
        "add_cross_attention": (None, 0),
        "activation_function": (None, "no such function", 3), "dtype": ("bogus",),
        "bos_token_id": (1.0, [1], True), "eos_token_id": ("1", [1, None], 2.5, True),
        "pad_token_id": ([0], "0"),
    }.items():
        for value in values:
            yield case({key: value}, REFUSED)
    yield case({"n_head": 5}, REFUSED)
    yield case({"attn_pdrop": 1}, OURS_REFUSES)
    yield case({"layer_norm_epsilon": float("nan")}, OURS_REFUSES)
    # Ids.
    for changes in (
        {"eos_token_id": 5}, {"eos_token_id": [5, 4]}, {"eos_token_id": [5]},
        {"bos_token_id": None, "pad_token_id": None}, {"bos_token_id": 10**9, "pad_token_id": -1},
        {"eos_token_id": None}, {"eos_token_id": ABSENT, "bos_token_id": ABSENT},
        {"eos_token_id": 10**9}, {"eos_token_id": [10**9, 5]},
    ):
        yield case(changes, SAME)
    # Other models.
    yield case({"model_type": "llama"}, OURS_REFUSES)
    yield case({"model_type": "no such model"}, REFUSED)
    yield case({"model_type": None}, REFUSED)
    yield case({"add_cross_attention": True}, OURS_REFUSES)
    yield case({"is_encoder_decoder": None}, SAME)
    yield case({"is_encoder_decoder": True}, REFUSED)
    yield case({"is_causal": False}, OURS_REFUSES)
    yield case({"sliding_window": 2}, OURS_REFUSES)
    yield case({"attention_chunk_size": 2}, OURS_REFUSES)
    yield case({"layer_types": ["full_attention"] * 2}, OURS_REFUSES)
    yield case({"per_layer_config": {"0": {"layer_norm_epsilon": 0.1}}}, REFUSED)
    yield case({"pruned_heads": {"1": [0]}}, OURS_REFUSES)
    yield case({"pruned_heads": {}}, SAME)
    yield case({"quantization_config": {"quant_method": "no such method"}}, OURS_REFUSES)
    yield case({"transformers_weights": "other.safetensors"}, REFUSED)
    yield case({"text_config": {"n_layer": 1}}, REFUSED)
    yield case({"dtype": "int8"}, OURS_REFUSES)
    yield case({"dtype": 32}, OURS_REFUSES)
    yield case({"output_attentions": "yes", "attn_implementation": "sdpa"}, OURS_READS)
    yield case({"use_cache": None}, OURS_READS)
    yield case({"summary_type": 3}, OURS_READS)
    yield case({"id2label": {"a": "b"}}, OURS_READS)
    # The text itself.
    yield case(lambda text: "\ufeff" + text, OURS_READS)
    yield case(lambda text: text + "// the end", REFUSED)
    yield case(lambda text: text[:-3], REFUSED)
    yield case(lambda text: "[" + text + "]", REFUSED)
    yield case(lambda text: text.replace("\n", "\r\n"), SAME)
    yield case(lambda text: text.replace("{", '{"n_layer": "two", "n_head": 1,', 1), SAME)
    yield case(lambda text: text.replace("{", '{"x": 1e999, "y": -0.0, "z": 1E+5,', 1), SAME)
    # Functions: those that are one of ours are read.
    for name in ACT2CLS:
        yield case({"activation_function": name}, SAME if is_ours(name) else OURS_REFUSES)


def is_ours(name):
    """Whether transformers' function of this name equals one of ours, to 1e-6."""
    x = torch.linspace(-20, 20, 40001, dtype=torch.float64)
    gelu = torch.nn.functional.gelu
    try:
        with torch.no_grad():
            y = ACT2FN[name](x)
    except Exception:  # one that needs weights of another type, or the like
        return False
    ours = gelu(x, approximate="tanh"), gelu(x), torch.relu(x)
    return min((y - z).abs().max().item() for z in ours) < 1e-6


def text_of(base, changes):
    if callable(changes):
        return changes(json.dumps(base, indent=2) + "\n")
    changed = {**base, **changes}
    return json.dumps({k: v for k, v in changed.items() if v is not ABSENT}, indent=2) + "\n"


def theirs(path, ids):
    """The logits and the ids that end a text, or None and the reason."""
    try:
        # What AutoModelForCausalLM does; GPT2LMHeadModel alone would take any model_type.
        AutoConfig.from_pretrained(path)
        model = GPT2LMHeadModel.from_pretrained(path, dtype=torch.float32).eval()
        with torch.no_grad():
            logits = model(torch.tensor([ids]), return_dict=True).logits[0, -1]
            # Cached keys and values must not tell another story.
            model.generate(torch.tensor([ids]), max_new_tokens=2, do_sample=False, pad_token_id=0)
        return logits, model.generation_config.eos_token_id
    except Exception as error:  # whatever it is, transformers does not read this
        return None, f"{type(error).__name__}: {error}".splitlines()[0]


def run(gpt_sample, path, *options):
    return subprocess.run([gpt_sample, path, "--logits", *options], capture_output=True, text=True)


def problem(gpt_sample, path, ids, verdict, key):
    """What is wrong, or None, and what was seen."""
    logits, ends = theirs(path, ids)
    if (logits is not None) != (verdict in (SAME, OURS_REFUSES)):
        return f"transformers: {'reads it' if logits is not None else ends}", ""
    ours = run(gpt_sample, path, "--keep-case", "--prompt", PROMPT)
    message = ours.stderr.strip()
    if verdict in (REFUSED, OURS_REFUSES):
        named = ours.returncode == DATA_ERROR and "config.json" in message and key in message
        return (None if named else f"status {ours.returncode}, {message or 'no message'}"), message
    if ours.returncode != 0:
        return message, ""
    if verdict == OURS_READS:
        return None, ends
    result = json.loads(ours.stdout)
    if result["prompt_ids"] != ids:
        return f"ids {result['prompt_ids']}, transformers {ids}", ""
    difference = (logits - torch.tensor(result["logits"])).abs().max().item()
    seen = f"largest difference of the logits {difference:.2e}"
    if not difference <= TOLERANCE:
        return "the logits differ", seen
    # Without a prompt a text begins after the end of another, where there is one.
    ends = [end for end in (ends if isinstance(ends, list) else [ends])
            if end is not None and end < len(logits)]
    ours = run(gpt_sample, path)
    begin = json.loads(ours.stdout)["prompt_ids"] if ours.returncode == 0 else []
    return (None if begin == ends[:1] else f"begins with {begin}, ends are {ends}"), seen


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpt-sample", required=True)
    arguments = parser.parse_args()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    tokenizer = make_tokenizer()
    ids = tokenizer(PROMPT)["input_ids"]
    counts, failed = {}, 0
    with tempfile.TemporaryDirectory() as scratch:
        bases = {}
        for name, changes in weights().items():
            path = os.path.join(scratch, name)
            make_model(len(tokenizer), **SHAPE, **changes).save_pretrained(path)
            tokenizer.save_pretrained(path)
            os.remove(os.path.join(path, "generation_config.json"))
            with open(os.path.join(path, "config.json"), encoding="utf-8") as file:
                bases[name] = json.load(file)
        for folder, changes, verdict, key in cases():
            path = os.path.join(scratch, folder)
            text = text_of(bases[folder], changes)
            with open(os.path.join(path, "config.json"), "w", encoding="utf-8", newline="") as file:
                file.write(text)
            found, seen = problem(arguments.gpt_sample, path, ids, verdict, key)
            counts[verdict] = counts.get(verdict, 0) + 1
            failed += found is not None
            shown = "another text" if callable(changes) else ", ".join(
                f"{k} {'absent' if v is ABSENT else json.dumps(v)}" for k, v in changes.items())
            print(f"{verdict:19} {shown or 'as it was'}: {seen.replace(path, '')}"
                  + (f"  WRONG: {found}" if found else ""))
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
