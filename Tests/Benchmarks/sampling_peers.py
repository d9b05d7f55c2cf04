"""What sampling_benchmark.py runs of transformers and llama.cpp, each in a process of its own.

usage: sampling_peers.py {transformers|llama.cpp} {logits|stream|many} JSON

Prints one line of JSON. All times begin when the model is loaded, but `first_token_at`, which is
the reading of the clock that the starting process has too.
"""

import json
import resource
import statistics
import sys
import time


class Transformers:
    def __init__(self, folder, threads):
        import torch
        from transformers import GPT2LMHeadModel
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        self.torch = torch
        torch.set_num_threads(threads)
        torch.manual_seed(1)
        self.model = GPT2LMHeadModel.from_pretrained(
            folder, dtype=torch.float32).eval()

    def logits(self, prompt):
        with self.torch.inference_mode():
            return self.model(self.torch.tensor([prompt])).logits[0, -1].tolist()

    def seconds(self, prompt, new_tokens, count=1):
        """How long generate takes for one greedy text, or for texts drawn from 50 tokens."""
        rows = self.torch.tensor([prompt] * count)
        draw = {"do_sample": True, "top_k": 50} if count > 1 else {"do_sample": False}
        start = time.monotonic()
        self.model.generate(
            rows, attention_mask=self.torch.ones_like(rows), max_new_tokens=new_tokens,
            eos_token_id=None, pad_token_id=0, **draw)
        return time.monotonic() - start

    def stream(self, prompt, short, long):
        """Seconds from token `short` to token `long`."""
        return self.seconds(prompt, long) - self.seconds(prompt, short)

    def many(self, prompt, count, short, long):
        return self.seconds(prompt, long, count) - self.seconds(prompt, short, count)

    def read(self, prompt):
        self.seconds(prompt, 1)


class LlamaCpp:
    def __init__(self, path, threads, count, length):
        import ctypes

        import llama_cpp
        import numpy

        self.library, self.numpy = llama_cpp, numpy
        # The log is for people; kept, for else it is freed.
        self.silence = llama_cpp.llama_log_callback(lambda *_: None)
        llama_cpp.llama_log_set(self.silence, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        parameters = llama_cpp.llama_model_default_params()
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), parameters)
        if not self.model:
            sys.exit(f"llama.cpp does not load {path}")
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(
            llama_cpp.llama_model_get_vocab(self.model))
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.n_seq_max = count
        parameters.n_ctx = count * length
        self.context = llama_cpp.llama_init_from_model(self.model, parameters)
        if not self.context:
            sys.exit("llama.cpp makes no context")
        self.batch = llama_cpp.llama_batch_init(max(count, length), 0, 1)

    def clear(self):
        self.library.llama_memory_clear(self.library.llama_get_memory(self.context), True)

    def decode(self, rows):
        """The most likely tokens after rows of (token, position, sequence, whether it is asked)."""
        batch = self.batch
        batch.n_tokens = len(rows)
        for index, (token, position, sequence, is_asked) in enumerate(rows):
            batch.token[index] = token
            batch.pos[index] = position
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = sequence
            batch.logits[index] = is_asked
        if self.library.llama_decode(self.context, batch):
            sys.exit("llama.cpp does not decode")
        return [self.row(index).argmax() for index, row in enumerate(rows) if row[3]]

    def row(self, index):
        return self.numpy.ctypeslib.as_array(
            self.library.llama_get_logits_ith(self.context, index), (self.vocabulary,))

    def logits(self, prompt):
        self.read(prompt)
        return self.row(len(prompt) - 1).tolist()

    def read(self, prompt):
        """The most likely token after `prompt`."""
        self.clear()
        last = len(prompt) - 1
        return self.decode([(token, at, 0, at == last) for at, token in enumerate(prompt)])

    def stream(self, prompt, short, long):
        return self.many(prompt, 1, short, long)

    def many(self, prompt, count, short, long):
        self.clear()
        last = len(prompt) - 1
        for sequence in range(count):
            tokens = self.decode(
                [(token, at, sequence, at == last) for at, token in enumerate(prompt)])
        tokens *= count
        # The first new token is that of the prompt.
        for length in range(1, long):
            if length == short:
                start = time.monotonic()
            tokens = self.decode([
                (token, last + length, sequence, True) for sequence, token in enumerate(tokens)])
        return time.monotonic() - start


def main():
    kind, task, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    if kind == "transformers":
        peer = Transformers(settings["model"], settings["threads"])
    else:
        peer = LlamaCpp(
            settings["model"], settings["threads"], settings.get("count", 1), settings["length"])
    if task == "logits":
        return print(json.dumps(peer.logits(settings["prompt"])))
    result = {}
    if task == "many":
        result["seconds"] = peer.many(
            settings["prompt"], settings["count"], settings["short"], settings["long"])
    else:
        peer.read(settings["long_prompt"])
        result["first_token_at"] = time.monotonic()
        times = []
        for _ in range(3):
            start = time.monotonic()
            peer.read(settings["long_prompt"])
            times.append(time.monotonic() - start)
        result["prompt"] = statistics.median(times)
        result["seconds"] = peer.stream(settings["prompt"], settings["short"], settings["long"])
    result["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps(result))


if __name__ == "__main__":
    main()
