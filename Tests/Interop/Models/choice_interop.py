"""Compare the choice of tokens with transformers: its processors in its order, and its greedy texts.

usage: choice_interop.py --gpt-sample PROGRAM --model FOLDER

The logits after each step that `--logits` prints are compared with those that transformers' own list
of processors makes of the same logits, for the model in FOLDER and for one of random weights with as
many tokens as rugpt3. Greedy texts under each of the rules are compared with those of `generate`.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers.utils import logging

from weights_interop import make_model, make_tokenizer

TOLERANCE = 1e-4
VOCABULARY = 50257
MAX_LENGTH = 60
PROMPTS = [
    "КОТ",
    "КОТ СЕЛ @ КОТ ВСТАЛ @ КОТ СЕЛ @ КОТ",
    "ПРИШЁЛ ДОМОЙ @ СЕЛ НА ДИВАН @ СЕЛ НА",
    "the cat the cat the",
]
NAMES = {
    "RepetitionPenaltyLogitsProcessor": "repetition_penalty",
    "NoRepeatNGramLogitsProcessor": "no_repeat_ngram_size",
    "NoBadWordsLogitsProcessor": "bad_words_ids",
    "MinLengthLogitsProcessor": "min_length",
    "MinNewTokensLengthLogitsProcessor": "min_new_tokens",
    "SuppressTokensLogitsProcessor": "suppress_tokens",
    "TemperatureLogitsWarper": "temperature",
    "TopKLogitsWarper": "top_k",
    "TopPLogitsWarper": "top_p",
    "MinPLogitsWarper": "min_p",
    "TypicalLogitsWarper": "typical_p",
}
# What gpt-sample calls them, where it is another name.
OPTIONS = {"no_repeat_ngram_size": "--no-repeat-ngram"}
# What is set one by one; words and ids come with the prompt.
ALONE = {
    "repetition_penalty": (0.7, 1.05, 1.3, 5.0),
    "no_repeat_ngram_size": (1, 2, 3, 9),
    "bad_words": (1,),
    "min_length": (1, 5, 40),
    "min_new_tokens": (1, 4),
    "suppress": (1,),
    "no_end": (True,),
    "temperature": (0.3, 0.9, 2.5),
    "top_k": (1, 2, 50, 300, 1000, 10**6),
    "top_p": (0.0, 0.05, 0.5, 0.9, 0.99, 0.9999),
    "min_p": (0.001, 0.02, 0.3, 1.0),
    "typical_p": (0.01, 0.2, 0.5, 0.9, 0.99),
}
COMBINATIONS = 40


class Folder:
    """A model in a folder, ours and theirs."""

    def __init__(self, path, gpt_sample):
        logging.disable_progress_bar()
        self.path, self.gpt_sample = path, gpt_sample
        self.tokenizer = AutoTokenizer.from_pretrained(path)
        self.model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
        self.ends = self.model.config.eos_token_id

    def run(self, *options):
        command = [self.gpt_sample, self.path, "--keep-case", *options]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def ids(self, text):
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def words_to_ban(self, prompt):
        """Words whose ban shows: the likeliest next ones, and those of the prompt."""
        with torch.no_grad():
            best = self.model(torch.tensor([self.ids(prompt)])).logits[0, -1].topk(6).indices
        words = [self.tokenizer.decode([token]).strip() for token in best.tolist()]
        greedy = self.theirs(prompt, {}).replace("\n@\n", " ").split()
        words += greedy[len(prompt.split()):][:6:2] + ["КОТ СЕЛ", "НА ДИВАНЕ"]
        return [word for word in words if word and "\ufffd" not in word and word.isprintable()]

    def settings(self, prompt, chosen):
        """The options of ours and the settings of theirs."""
        options, theirs = [], {}
        for name, value in chosen.items():
            if name == "bad_words":
                words = self.words_to_ban(prompt)
                theirs["bad_words_ids"] = [
                    self.ids(text) for word in words for text in (word, " " + word)]
                options += [part for word in words for part in ("--bad-word", word)]
            elif name in ("suppress", "no_end"):
                ends = [self.ends] if name == "no_end" else [5, 300, 41]
                theirs.setdefault("suppress_tokens", []).extend(ends)
                options += ["--no-end-of-text"] if name == "no_end" else [
                    part for token in ends for part in ("--suppress-token", str(token))]
            else:
                theirs[name] = value
                options += [OPTIONS.get(name, "--" + name.replace("_", "-")), str(value)]
        return options, theirs

    def processors(self, prompt_ids, theirs):
        config = GenerationConfig(do_sample=True, eos_token_id=self.ends, **theirs)
        self.model._prepare_special_tokens(config, device="cpu")
        return self.model._get_logits_processor(
            config, input_ids_seq_length=len(prompt_ids), device="cpu")

    def theirs(self, prompt, settings):
        """The greedy text as gpt-sample shows it."""
        ids = self.model.generate(
            torch.tensor([self.ids(prompt)]), do_sample=False, max_length=MAX_LENGTH,
            eos_token_id=self.ends, pad_token_id=self.ends, **settings)[0]
        text = self.tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        parts = [[]]
        for word in filter(None, text.split(" ")):
            if word == "@":
                parts.append([])
            else:
                parts[-1].append(word)
        return "\n@\n".join(" ".join(part) for part in parts if part)


def difference(ours, theirs):
    """The largest difference; infinite if others are ruled out."""
    ours = torch.tensor([float("-inf") if logit is None else logit for logit in ours])
    if not torch.equal(ours.isinf(), theirs.isinf()):
        return float("inf")
    kept = ~theirs.isinf()
    return (ours - theirs)[kept].abs().max().item() if kept.any() else 0.0


def step_failures(folder, prompt, chosen):
    """Differences after each step, and the largest that is allowed."""
    options, theirs = folder.settings(prompt, chosen)
    if "top_k" not in chosen:
        options += ["--top-k", "0"]
    result = json.loads(folder.run("--logits", "--prompt", prompt, *options))
    ids, scores = result["prompt_ids"], torch.tensor([result["logits"]])
    processors = folder.processors(ids, theirs)
    names = [NAMES[type(processor).__name__] for processor in processors]
    if names != [step["processor"] for step in result["processed"]]:
        yield f"steps {[step['processor'] for step in result['processed']]}, transformers {names}"
        return
    for processor, step in zip(processors, result["processed"]):
        before, scores = scores, processor(torch.tensor([ids]), scores)
        seen = difference(step["logits"], scores[0])
        if seen == float("inf"):
            # Where a sum passes its bound within what single precision can tell, the same processor
            # in double precision is the judge.
            scores = processor(torch.tensor([ids]), before.double()).float()
            seen = difference(step["logits"], scores[0])
            print(f"{prompt!r}, {chosen}: {step['processor']} in double precision differs by {seen}")
        if not seen <= TOLERANCE:
            kept = sum(logit is not None for logit in step["logits"])
            yield (f"after {step['processor']} the logits differ by {seen}; {kept} tokens are left, "
                   f"{(~scores.isinf()).sum().item()} in transformers")
            return


def combinations():
    """Settings one by one, and some together, the same each time."""
    for name, values in ALONE.items():
        for value in values:
            yield {name: value}
    draw = random.Random(7)
    for _ in range(COMBINATIONS):
        names = draw.sample(list(ALONE), draw.randint(2, len(ALONE)))
        yield {name: draw.choice(ALONE[name]) for name in ALONE if name in names}


def greedy_failures(folder):
    """Every rule alone and some together, on texts where each is seen to matter."""
    rules = [{name: value} for name in list(ALONE)[:7] for value in ALONE[name]]
    rules += [{"repetition_penalty": 1.2, "no_repeat_ngram_size": 3, "min_length": 40},
              {"no_repeat_ngram_size": 2, "bad_words": 1, "suppress": 1, "no_end": True}]
    mattered = set()
    for prompt in PROMPTS:
        plain = folder.theirs(prompt, {})
        for chosen in [{}] + rules:
            options, theirs = folder.settings(prompt, chosen)
            text = folder.theirs(prompt, theirs)
            ours = folder.run(
                "--temperature", "0", "--max-length", str(MAX_LENGTH), "--prompt", prompt, *options)
            if text != plain:
                mattered.update(chosen)
            if ours != text + "\n":
                yield f"{prompt!r}, {chosen}: greedy text {ours!r}, transformers {text!r}"
    print(f"{len(PROMPTS) * (len(rules) + 1)} greedy texts; rules that changed some: "
          + ", ".join(sorted(mattered)))
    for needed in ("repetition_penalty", "no_repeat_ngram_size", "bad_words"):
        if needed not in mattered:
            yield f"{needed} changed no greedy text"


def failures(folder, prompts):
    count = 0
    for prompt in prompts:
        for chosen in combinations():
            count += 1
            for failure in step_failures(folder, prompt, chosen):
                yield f"{prompt!r}, {chosen}: {failure}"
    print(f"{folder.model.config.vocab_size} tokens: the logits of {count} settings compared")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpt-sample", required=True)
    parser.add_argument("--model", required=True)
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    trained = Folder(arguments.model, arguments.gpt_sample)
    found = list(failures(trained, PROMPTS)) + list(greedy_failures(trained))
    with tempfile.TemporaryDirectory() as scratch:
        make_model(VOCABULARY).save_pretrained(scratch)
        make_tokenizer().save_pretrained(scratch)
        found += failures(Folder(scratch, arguments.gpt_sample), PROMPTS[1:3])
    for failure in found:
        print(f"choice_interop: {failure}", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
