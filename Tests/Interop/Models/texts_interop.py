"""Compare whole texts and scores with transformers: greedy ids, and the loss of lines.

usage: texts_interop.py --gpt-sample PROGRAM --model FOLDER --corpus FILE

Greedy ids of `--json` must be those of `generate`, token for token, whatever the threads and the
batch; the numbers of `--score` must be transformers' loss of each line after an end of text and
with one at its end, and the log-probabilities of `--json` those of the texts.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

# Of a mean of logarithms.
TOLERANCE = 1e-4
PROMPTS, LINES, DRAWN = 24, 60, 12
MAX_LENGTH = 90


class Comparison:
    def __init__(self, gpt_sample, path):
        self.gpt_sample, self.path = gpt_sample, path
        self.tokenizer = AutoTokenizer.from_pretrained(path)
        self.model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
        self.end = self.model.config.eos_token_id

    def run(self, *options):
        """The objects that ours prints."""
        command = [self.gpt_sample, self.path, "--keep-case", "--quiet", "--json", *options]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return [json.loads(line) for line in output.splitlines()]

    def ids(self, text):
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def greedy(self, prompt):
        """The ids after the prompt, the end of the text among them."""
        ids = self.ids(prompt)
        with torch.inference_mode():
            text = self.model.generate(
                torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                do_sample=False, max_length=MAX_LENGTH, eos_token_id=self.end,
                pad_token_id=self.end)
        return text[0, len(ids):].tolist()

    def logarithms(self, ids):
        """The logarithm of the probability of each but the first."""
        with torch.inference_mode():
            logits = self.model(torch.tensor([ids])).logits[0, :-1].double()
        return logits.log_softmax(-1)[range(len(ids) - 1), ids[1:]].tolist()


def greedy_failures(ours, prompts, file):
    expected = [ours.greedy(prompt) for prompt in prompts]
    for threads, batch in ((1, 1), (1, 64), (2, 7), (3, 1)):
        objects = ours.run(
            "--prompts", file, "--temperature", "0", "--max-length", str(MAX_LENGTH),
            "--threads", str(threads), "--batch", str(batch))
        if [text["prompt"] for text in objects] != prompts:
            yield f"other prompts: {objects}"
        for text, ids in zip(objects, expected, strict=True):
            if text["tokens"] != ids:
                yield (f"{text['prompt']!r}, {threads} threads, batch {batch}: greedy ids "
                       f"{text['tokens']}, transformers {ids}")
    ended = sum(ids[-1] == ours.end for ids in expected)
    print(f"{len(prompts)} greedy texts of {sum(map(len, expected))} tokens, {ended} of them ended "
          "by the model")


def score_failures(ours, lines, file):
    scores = ours.run("--score", file)
    largest, total = 0.0, 0.0
    for line, score in zip(lines, scores[:-1], strict=True):
        ids = torch.tensor([[ours.end, *ours.ids(line), ours.end]])
        with torch.inference_mode():
            loss = ours.model(ids, labels=ids).loss.item()
        total += loss * (ids.shape[1] - 1)
        difference = abs(loss + score["mean_log_probability"])
        largest = max(largest, difference)
        if score["tokens"] != ids.shape[1] - 1 or difference > TOLERANCE:
            yield f"{line!r}: {score}, transformers' loss {loss} of {ids.shape[1] - 1} tokens"
    whole = scores[-1]
    if abs(whole["mean_log_probability"] + total / whole["tokens"]) > TOLERANCE:
        yield f"the whole file: {whole}, transformers' loss {total / whole['tokens']}"
    print(f"{len(lines)} lines scored, largest difference of a loss {largest:.2e}")


def drawn_failures(ours):
    """Failures of the log-probabilities that come with drawn texts."""
    largest = 0.0
    for text in ours.run("--prompt", "КОТ", "--count", str(DRAWN), "--top-p", "0.9",
                         "--max-length", str(MAX_LENGTH)):
        logarithms = ours.logarithms(ours.ids("КОТ") + text["tokens"])[-len(text["tokens"]):]
        mean = sum(logarithms) / len(logarithms)
        largest = max(largest, abs(mean - text["mean_log_probability"]))
        if largest > TOLERANCE:
            yield f"{text}: the mean log-probability is {mean} in transformers"
            return
    print(f"{DRAWN} drawn texts, largest difference of a mean log-probability {largest:.2e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpt-sample", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--corpus", required=True)
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    ours = Comparison(arguments.gpt_sample, arguments.model)
    with open(arguments.corpus, encoding="utf-8") as file:
        lines = file.read().splitlines()
    words = dict.fromkeys(" ".join(line.split()[:count]) for line, count in
                          zip(lines, itertools.cycle((1, 2, 3, 5))))
    prompts, lines = list(words)[:PROMPTS], lines[:LINES]
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as prompt_file, \
            tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as line_file:
        for file, texts in ((prompt_file, prompts), (line_file, lines)):
            file.write("".join(text + "\n" for text in texts))
            file.flush()
        found = [*greedy_failures(ours, prompts, prompt_file.name),
                 *score_failures(ours, lines, line_file.name), *drawn_failures(ours)]
    for failure in found:
        print(f"texts_interop: {failure}", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
