"""Read the card of a final model as the Hugging Face Hub does, and load the folder from nothing else.

usage: card_interop.py --gpt-finetune PROGRAM --model FOLDER --tokens FOLDER

The card of the run must be valid front matter with the losses of its trainer_state.json. A few steps
of fine-tuning that model, placed as in the cache of huggingface_hub, must name it as the base.
"""

import argparse
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from huggingface_hub import ModelCard
from huggingface_hub.utils import validate_repo_id
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

BASE = "owner-1/some_model.v2"


def losses(final):
    """The loss and perplexity on the validation data of the weights in the folder."""
    state = json.loads((final / "trainer_state.json").read_text())
    # The final model is the best, not the last.
    best = min(
        (entry for entry in state["log_history"] if "eval_loss" in entry),
        key=lambda entry: entry["eval_loss"])
    assert best["eval_loss"] == state["best_metric"], (best, state["best_metric"])
    return best["eval_loss"], best["eval_perplexity"]


def check_card(final, base, language):
    """Compares the card with what is known about the model; returns the text of the card."""
    path = final / "README.md"
    data = ModelCard.load(path, ignore_metadata_errors=False).data
    assert data.base_model == base, data.base_model
    assert data.library_name == "transformers" and data.pipeline_tag == "text-generation"
    assert data.language == language and data.tags == ["gpt2", "bugurt-gpt"]
    assert data.metrics == ["perplexity"]
    results = {result.metric_type: result for result in data.eval_results}
    assert set(results) == {"loss", "perplexity", "bits_per_byte"}, results
    values = results["loss"].metric_value, results["perplexity"].metric_value
    assert values == losses(final), (values, losses(final))
    assert {result.task_type for result in data.eval_results} == {"text-generation"}
    if base:
        validate_repo_id(data.base_model)
    # The library writes the same data as it read.
    again = ModelCard(f"---\n{data.to_yaml()}\n---\n", ignore_metadata_errors=False).data
    assert again.to_dict() == data.to_dict()
    return path.read_text()


def check_folder(final, work):
    """Loads a copy of the folder, far from the shards and the run, and writes a few tokens."""
    copy = work / "uploaded"
    shutil.copytree(final, copy)
    tokenizer = AutoTokenizer.from_pretrained(copy)
    model = AutoModelForCausalLM.from_pretrained(copy)
    generation = GenerationConfig.from_pretrained(copy)
    assert generation.eos_token_id == model.config.eos_token_id == tokenizer.eos_token_id
    prompt = tokenizer(tokenizer.eos_token, return_tensors="pt")
    written = model.generate(**prompt, max_new_tokens=20, do_sample=False, pad_token_id=0)
    assert tokenizer.decode(written[0], skip_special_tokens=True).strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for option in ("--gpt-finetune", "--model", "--tokens"):
        parser.add_argument(option, required=True)
    arguments = parser.parse_args()
    final = Path(arguments.model)
    with tempfile.TemporaryDirectory() as work:
        work = Path(work).resolve()
        card = check_card(final, None, "ru")
        assert card.count("\n```text\n") == 3, "there are no three samples"
        check_folder(final, work)

        snapshot = work / f"hub/models--{BASE.replace('/', '--')}/snapshots/0123abcd"
        shutil.copytree(final, snapshot)
        subprocess.run(
            [arguments.gpt_finetune, arguments.tokens, "--model", snapshot, "--max-steps", "2",
             "--block-size", "32", "-o", work / "run"], check=True, capture_output=True)
        tuned = check_card(work / "run/final", BASE, "ru")
        assert f"(https://huggingface.co/{BASE}), fine-tuned on " in tuned
        assert str(work) not in tuned
        check_folder(work / "run/final", work / "tuned")
    print("the cards are valid, and the folders load")


main()
