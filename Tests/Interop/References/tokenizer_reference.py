#!/usr/bin/env python3
"""Write folders of byte-level BPE tokenizers of all shapes, and what transformers, tokenizers and
tiktoken make of nasty texts with them.

Each folder has the files of a tokenizer and expected.json: texts, their ids with the names of
special tokens as text (transformers' split_special_tokens), and with them recognised. The tests of
BytePairEncoding read the folders. Where a folder can be read both by AutoTokenizer and by
tokenizers, both must agree here; so must tiktoken, where the vocabulary was learnt.

With --bpe-encode each folder is given to that program, and the tokenizer it writes must give the same
ids in AutoTokenizer and tokenizers.

With --small the folders are those that the tests keep in Tests/Model/BytePairEncodingTests/Reference.
RUGPT3_TOKENIZER may name a folder with the files of rugpt3, to be compared too.

Texts on which tokenizers panics are left out: those in which one added token takes white space that
another one, which takes white space before it, is made of.

usage: tokenizer_reference.py OUTPUT_FOLDER [--small] [--chance N] [--bpe-encode PROGRAM]
"""
import argparse
import json
import os
import random
import shutil
import subprocess

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["RUST_BACKTRACE"] = "0"
import tiktoken
import tokenizers
import transformers
from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers, trainers

transformers.logging.set_verbosity_error()
parser = argparse.ArgumentParser()
parser.add_argument("output")
parser.add_argument("--small", action="store_true", help="the folders that the tests keep")
parser.add_argument("--chance", type=int, help="how many folders of added tokens by chance")
parser.add_argument("--bpe-encode", help="the program whose tokenizers are to be loaded")
arguments = parser.parse_args()
if arguments.chance is None:
    arguments.chance = 2 if arguments.small else 12

SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SHORT_SPLIT = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "<mask>"]
END = "<|endoftext|>"
ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())

# Everything a split, a merge or a search for added tokens could get wrong.
TEXTS = [
    "", " ", "  ", "a", " a", "  a", "a ", "a  ", "a  b", "a \n b", "a\n\nb", "\n a", "\n\n a", "\n", "\n\n\n",
    "a\r\nb", "a\r\n\r\nb", "\r", "\ta", "a\tb", "a \u00a0b", " \u00a0 x", "\u00a0", "x\u0085y", "x\u3000 y", "\u3000",
    "don't", "DON'T", "it's we're I've I'll he'd I'm", "''s", " 's", "5's", "'l", "об'ект", "rock'n'roll",
    "Привет, мир! Как дела?", "ёЁйЙ", "е\u0308и\u0306", "замо\u0301к", "1\ufe0f\u20e3", "²½Ⅷ①٣", "ªº\u02b0\u3164",
    "x\u001cy\u001f", "x\u2028y\u2029", "x\u200by", "x\u200d\u200cy", "\ufeffy", "x\u00ady", "x\u180ey", "x\u2800y",
    "😀 😀!", "👨\u200d👩\u200d👧\u200d👦 🇷🇺", "日本語 한국어 ไทย", "\u1c89\ua7cb\U0002ebf0", "\ua7ce\U000323b0\ue000\U0010ffff",
    "\x00\x01\x7f\x80\x9f", "... - — «»", "<s", "<s>", "a<s>b", "a  <s>  b", "<s><s></s>", "<pad>a</s>", "</ s>", "<S>",
    END, "a" + END + " b", "<|endoftext", "<nl>", "a<nl>b", "a <nl> b", "<nl><nl>\n<nl>", "x<mask>y <mask> z<mask>",
    "zw azw zwa zw\u0301 zw_ zw² zw٣ zw-zw zw\u200d", "zwq zwqq zwzwq", "lst \t lst\u00a0lst", "rst \n rst\u3000 rst",
    "<s>zw</s>", "x lstrst zw", "Å Å é e\u0301", "abab ab aab", " ab\nab", "[PAD] [ PAD ]", "<sep>abc<cls>",
]


def random_texts(count, seed):
    rng = random.Random(seed)
    parts = list("abzwqАБё 1²'stre!.@\t\n\r\u00a0\u0085\u3000\u0301\u0306\u200b\u200d😀\u2028_") + [
        "  ", "'s", "'re", " '", "\r\n", "zw", "lst", "rst", "<nl>", "<s>", "</s>", "<mask>", " ab",
    ]
    texts = ["".join(rng.choices(parts, k=rng.randint(1, 40))) for _ in range(count)]
    for _ in range(count // 4):
        codes = (rng.randrange(0x110000) if rng.random() < 0.3 else rng.randrange(0x3100) for _ in range(25))
        texts.append("".join(chr(c) for c in codes if not 0xD800 <= c < 0xE000))
    return texts


def long_texts():
    rng = random.Random(11)
    words = ["".join(rng.choices("абвгдеabc", k=rng.randint(1, 9))) for _ in range(500)]
    return [
        " " * 100_000, "a" * 100_000, "ж" * 100_000, "\n" * 100_000, "\u00a0" * 50_000 + "x", "ab" * 50_000,
        "1" * 100_000, "!" * 100_000, "😀" * 25_000, " ".join(rng.choices(words, k=80_000)),
        "".join(rng.choices("ab ", k=200_000)), "\r\n" * 50_000, " a" * 50_000,
    ]


def learn(size, special, texts):
    """A vocabulary as ByteLevelBPETokenizer.train makes it: tokens by id, and merges."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=ALPHABET, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    return tokens, [" ".join(m) if isinstance(m, list) else m for m in model["merges"]]


def small_vocabulary(special):
    merges = ["a b", "Ġ a", "Ġ Ġ", "Ġa b", "z w", "ĠĠ ĠĠ", "Ð ¾", "Ñ Ģ", "' s", "< s", "ab ab", "r e", "Ċ Ċ",
              "Ð ¶", "Ð¶ Ð¶", "1 1", "ð Ł", "ðŁ ĺ", "ðŁĺ Ģ", "Â ł", "a a", "aa a", "a aa", "# v", "! !"]
    tokens = list(special) + ALPHABET
    tokens += [t for t in dict.fromkeys(m.replace(" ", "") for m in merges) if t not in tokens]
    return tokens, merges


def vocabulary_files(tokens, merges, ascii=False, header="#version: 0.2\n", newline="\n"):
    vocabulary = {token: id for id, token in enumerate(tokens)}
    return {
        "vocab.json": json.dumps(vocabulary, ensure_ascii=ascii),
        "merges.txt": header + "".join(m + newline for m in merges),
    }


def tokenizer_json(tokens, merges, added=(), pairs=True, drop=(), **changes):
    """A tokenizer.json; `added` are tokens with their ids, after or in the vocabulary."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    value = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": list(added), "normalizer": None,
        "pre_tokenizer": byte_level, "post_processor": None, "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "",
            "end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": {token: id for id, token in enumerate(tokens)},
            "merges": [m.split(" ") if pairs else m for m in merges],
        },
    }
    value.update(changes)
    for key in drop:
        value.pop(key, None)
        value["model"].pop(key, None)
    return {"tokenizer.json": json.dumps(value, ensure_ascii=False)}


def added_token(id, content, special=True, **flags):
    value = {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": not special, "special": special}
    return value | flags


def decoder_entry(content, special=True, **flags):
    value = added_token(0, content, special, **flags)
    del value["id"]
    return value


def settings(**members):
    return {"tokenizer_config.json": json.dumps({"tokenizer_class": "GPT2Tokenizer"} | members, ensure_ascii=False)}


def chance_tokens(vocabulary, seed):
    """Added tokens of few characters with all flags by chance, many of them the beginning of others."""
    rng = random.Random(seed)
    contents = set()
    characters = ["z", "w", "q", " ", "\n", "s", "<", "!", "é", "ж", "\u0301"]
    # White space of its own kinds, which tokens take, and which tokens are.
    characters += ["\u00a0", "\u3000", "\u2028", " "] if seed % 3 == 2 else []
    while len(contents) < 24:
        contents.add("".join(rng.choices(characters, k=rng.randint(1, 4 if seed % 6 < 3 else 2))))
    contents -= set(vocabulary)
    coin = lambda: rng.random() < 0.3
    return {
        str(len(vocabulary) + index): decoder_entry(
            content, coin(), rstrip=coin(), single_word=coin(), normalized=rng.random() < 0.5, lstrip=coin())
        for index, content in enumerate(sorted(contents))
    }


CONFIG = {"config.json": '{"model_type": "gpt2"}'}
ROLES = dict(bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>", mask_token="<mask>")
ENDS = dict(bos_token="</s>", eos_token="</s>", unk_token="</s>")
OBJECT = dict(lstrip=False, normalized=True, rstrip=False, single_word=False)


def variants():
    tokens, merges = small_vocabulary(SPECIAL)
    plain, plain_merges = small_vocabulary([])
    files, count = vocabulary_files(tokens, merges), len(tokens)
    yield "rugpt3-2020", files | CONFIG
    yield "rugpt3-2023", files | settings(add_prefix_space=False, errors="replace", **ROLES) | {
        "special_tokens_map.json": json.dumps(
            {role: {"content": content} | OBJECT for role, content in ROLES.items() if role != "mask_token"}
            | {"mask_token": "<mask>"})}
    yield "map-only", files | CONFIG | {"special_tokens_map.json": json.dumps(ROLES)}
    yield "map-with-flags", files | CONFIG | {"special_tokens_map.json": json.dumps(
        ROLES | {"bos_token": {"content": "<s>"} | OBJECT | {"lstrip": True},
                 "mask_token": {"content": "<mask>"} | OBJECT | {"rstrip": True, "normalized": False}})}
    yield "config-objects", files | settings(
        **ROLES | {"bos_token": {"__type": "AddedToken", "content": "<s>"} | OBJECT | {"lstrip": True}})
    yield "config-null", files | settings(bos_token=None, eos_token=None, unk_token=None)
    yield "roles-twice", files | settings(
        **ROLES | {"bos_token": "</s>", "unk_token": {"__type": "AddedToken", "content": "</s>"} | OBJECT | {
            "lstrip": True}})
    yield "prefix-space", files | settings(add_prefix_space=True, **ROLES)
    yield "bos-is-asked-for", files | settings(add_bos_token=True, add_eos_token=True, **ROLES)
    yield "openai", vocabulary_files(plain + [END], plain_merges, ascii=True) | CONFIG
    yield "crlf-no-header", vocabulary_files(tokens, merges, header="", newline="\r\n") | settings(**ENDS)
    yield "duplicate-merges", vocabulary_files(tokens, merges + merges[:3]) | settings(**ENDS)
    yield "added-tokens", files | CONFIG | {
        "added_tokens.json": json.dumps({END: count, "<nl>": count + 1, "[PAD]": count + 2, "😀": count + 3}),
        "special_tokens_map.json": json.dumps({"pad_token": "[PAD]"})}
    yield "added-ordinary-token", files | settings(
        **ENDS, added_tokens_decoder={
            "2": decoder_entry("</s>"), str(tokens.index("ab")): decoder_entry("ab"),
            str(tokens.index("zw")): decoder_entry("zw", False, single_word=True)})
    yield "all-flags", files | settings(
        **ENDS, added_tokens_decoder={
            "0": decoder_entry("<pad>", normalized=True), "1": decoder_entry("<s>", lstrip=True, rstrip=True),
            "2": decoder_entry("</s>"), "4": decoder_entry("<mask>", lstrip=True),
            str(tokens.index("zw")): decoder_entry("zw", False, single_word=True),
            str(count): decoder_entry("zwq", False, single_word=True, normalized=False),
            str(count + 1): decoder_entry("lst", False, lstrip=True),
            str(count + 2): decoder_entry("rst", False, rstrip=True, normalized=False),
            str(count + 3): decoder_entry(" a", False), str(tokens.index("\u00c5")): decoder_entry("\u00c5", False),
            str(count + 4): decoder_entry("\u212b", False), str(count + 5): decoder_entry("e\u0301", False),
            str(count + 6): decoder_entry("s>", False), str(count + 7): decoder_entry("\n\n", False)})
    # White space that one token takes, and that others are made of.
    yield "white-space-tokens", files | settings(**ENDS, added_tokens_decoder={
        "2": decoder_entry("</s>"), str(count): decoder_entry("<sep>", rstrip=True),
        str(count + 1): decoder_entry("\u00a0", False, lstrip=True),
        str(count + 2): decoder_entry("\u3000", False, rstrip=True),
        str(count + 3): decoder_entry("\t", False, lstrip=True, rstrip=True, normalized=False),
        str(count + 4): decoder_entry("\u2028", False), str(count + 5): decoder_entry("<cls>", lstrip=True)})
    for seed in range(arguments.chance):
        yield f"added-by-chance-{seed}", files | settings(
            add_prefix_space=seed % 4 == 1, **ENDS,
            added_tokens_decoder={"2": decoder_entry("</s>")} | chance_tokens(tokens, seed))
    yield "extra-special", files | settings(**ENDS, additional_special_tokens=["<mask>", "<pad>"], image_token="<s>")
    yield "json-new", tokenizer_json(tokens, merges, [added_token(i, t) for i, t in enumerate(SPECIAL)])
    yield "json-old", tokenizer_json(
        tokens, merges, [added_token(2, "</s>", lstrip=True), added_token(count, "<nl>", False)], pairs=False,
        drop=["type", "byte_fallback", "ignore_merges", "post_processor", "truncation", "padding"])
    byte_level = {"type": "ByteLevel", "trim_offsets": True}
    yield "json-prefix-space", tokenizer_json(
        tokens, merges, [added_token(2, "</s>")], pre_tokenizer=byte_level | {"add_prefix_space": True})
    yield "json-prefix-space-gpt2-class", tokenizer_json(
        tokens, merges, [added_token(2, "</s>")], pre_tokenizer=byte_level | {"add_prefix_space": True}
    ) | settings(**ENDS, add_prefix_space=True)
    for name, expression in (("json-split", SPLIT), ("json-short-split", SHORT_SPLIT)):
        yield name, tokenizer_json(tokens, merges, pre_tokenizer={"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False},
            byte_level | {"add_prefix_space": False, "use_regex": False}]})
    yield "json-single-sequence", tokenizer_json(tokens, merges, pre_tokenizer={
        "type": "Sequence", "pretokenizers": [byte_level | {"add_prefix_space": False, "use_regex": True}]})
    yield "json-template", tokenizer_json(tokens, merges, [added_token(1, "<s>")], post_processor={
        "type": "TemplateProcessing", "single": [
            {"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}})
    yield "json-and-config", tokenizer_json(
        tokens, merges, [added_token(i, t) for i, t in enumerate(SPECIAL)] + [added_token(count, "<nl>", False)]
    ) | settings(**ROLES) | files
    yield "json-and-decoder", tokenizer_json(
        tokens, merges, [added_token(2, "</s>"), added_token(count, "<nl>", False)]
    ) | settings(**ENDS, added_tokens_decoder={
        "2": decoder_entry("</s>"), str(count): decoder_entry("<nl>", False, lstrip=True)})
    yield "json-fast-class", tokenizer_json(
        tokens, merges, [added_token(i, t) for i, t in enumerate(SPECIAL)]
    ) | CONFIG | {"tokenizer_config.json": json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **ROLES})}
    if arguments.small:
        return
    corpus = [line + "\n" for line in random_texts(4000, 3)] + long_texts()[9].split(" ")[:20000]
    yield "learnt", vocabulary_files(*learn(3000, SPECIAL, corpus)) | settings(**ROLES)
    rng = random.Random(2)
    letters = "абвгдежзийклмнопрстуфхцчшщъыьэюяёeaotinshr"
    words = ["".join(rng.choices(letters, weights=range(len(letters), 0, -1), k=rng.randint(2, 14)))
             for _ in range(60_000)]
    tokens, merges = learn(50_256, [], [" ".join(rng.choices(words, k=20)) for _ in range(20_000)] + corpus)
    assert len(tokens) == 50_256, len(tokens)
    yield "learnt-50257", vocabulary_files(tokens + [END], merges, ascii=True) | CONFIG
    # As rugpt3: five special tokens, the bytes, 49,996 merges in the order of their ids.
    tokens, merges = SPECIAL + tokens[:50_252], merges[:49_996]
    yield "learnt-rugpt3-shape", vocabulary_files(tokens, merges) | settings(**ROLES)
    folder = os.environ.get("RUGPT3_TOKENIZER")
    if folder:
        files = {name: open(f"{folder}/{name}", encoding="utf-8").read() for name in ("vocab.json", "merges.txt")}
        yield "learnt-rugpt3", files | CONFIG
        yield "learnt-rugpt3-with-roles", files | settings(**ROLES)
        yield "learnt-rugpt3-prefix-space", files | settings(add_prefix_space=True, **ROLES)


def file_vocabulary(folder):
    """The tokens by id as the files list them, with the added ones."""
    vocabulary = {}
    if os.path.exists(f"{folder}/tokenizer.json"):
        value = json.load(open(f"{folder}/tokenizer.json", encoding="utf-8"))
        vocabulary |= value["model"]["vocab"] | {t["content"]: t["id"] for t in value["added_tokens"]}
    else:
        vocabulary |= json.load(open(f"{folder}/vocab.json", encoding="utf-8"))
    for name in ("added_tokens.json", "tokenizer_config.json"):
        if os.path.exists(f"{folder}/{name}"):
            value = json.load(open(f"{folder}/{name}", encoding="utf-8"))
            if name == "tokenizer_config.json":
                value = {t["content"]: int(i) for i, t in value.get("added_tokens_decoder", {}).items()}
            vocabulary |= value
    return vocabulary


def tiktoken_ids(folder, texts):
    symbols = {}
    code = 256
    for byte in range(256):
        if 33 <= byte <= 126 or 161 <= byte <= 172 or 174 <= byte <= 255:
            symbols[chr(byte)] = byte
        else:
            symbols[chr(code)] = byte
            code += 1
    vocabulary = json.load(open(f"{folder}/vocab.json", encoding="utf-8"))
    ranks = {bytes(symbols[c] for c in t): i for t, i in vocabulary.items() if t not in SPECIAL + [END]}
    encoding = tiktoken.Encoding("learnt", pat_str=SHORT_SPLIT, mergeable_ranks=ranks, special_tokens={})
    return [encoding.encode_ordinary(text) for text in texts]


def check_written(folder, expected):
    """Let bpe-encode write the tokenizer of `folder`, load it and compare the ids of the texts."""
    written = f"{folder}.written"
    subprocess.run(
        [arguments.bpe_encode, "-", "-o", written, "--tokenizer", folder, "--validation-fraction", "0"],
        input="text", text=True, check=True, capture_output=True)
    auto = transformers.AutoTokenizer.from_pretrained(f"{written}/tokenizer")
    plain = tokenizers.Tokenizer.from_file(f"{written}/tokenizer/tokenizer.json")
    assert len(auto) == plain.get_vocab_size() == len(file_vocabulary(folder)), f"{folder}: {len(auto)} tokens"
    # The program makes special what the files of old models leave unsaid.
    short = [i for i, text in enumerate(expected["texts"]) if len(text) < 10_000]
    unnamed = [i for i in short if not any(name in expected["texts"][i] for name in SPECIAL + [END])]
    for as_text, key, chosen in ((True, "as_text", short), (False, "recognized", unnamed)):
        texts = [expected["texts"][i] for i in chosen]
        theirs = [expected[key][i] for i in chosen]
        found = auto(texts, add_special_tokens=False, split_special_tokens=as_text)["input_ids"]
        assert found == theirs, f"{written}: AutoTokenizer gives other ids, {key}"
        plain.encode_special_tokens = as_text
        found = [e.ids for e in plain.encode_batch(texts, add_special_tokens=False)]
        assert found == theirs, f"{written}: tokenizers gives other ids, {key}"
    shutil.rmtree(written)


def ids_unless_panic(auto, text):
    """The ids with special tokens as text, and with them recognised; None where tokenizers panics."""
    try:
        return [auto(text, add_special_tokens=False, split_special_tokens=as_text)["input_ids"]
                for as_text in (True, False)]
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        return None


def main():
    shutil.rmtree(arguments.output, ignore_errors=True)
    compared = folders = left_out = panics = with_tiktoken = 0
    for name, files in variants():
        folder = f"{arguments.output}/{name}"
        os.makedirs(folder)
        for file, text in files.items():
            open(f"{folder}/{file}", "w", encoding="utf-8", newline="").write(text)
        texts = TEXTS + random_texts(20 if arguments.small else 600, 1)
        if name.startswith(("added-by-chance", "white-space-tokens")):
            rng = random.Random(name)
            parts = list("zwqs<! \n\té ж\u0301a1\u00a0\u3000\u2028_") + ["zw", "</s>"]
            if name == "white-space-tokens":
                parts = list("aж \t\u00a0\u3000\u2028\n") + ["<sep>", "<cls>", "</s>"]
            texts += ["".join(rng.choices(parts, k=rng.randint(1, 30))) for _ in range(20 if arguments.small else 600)]
        if name.startswith("learnt"):
            texts = texts + long_texts()
        elif name == "prefix-space" and not arguments.small:
            texts = texts + long_texts()[:3]
        auto = transformers.AutoTokenizer.from_pretrained(folder)
        encoded = [(text, *both) for text in texts if (both := ids_unless_panic(auto, text))]
        panics += len(texts) - len(encoded)
        texts = [text for text, _, _ in encoded]
        ids = {"as_text": [e[1] for e in encoded], "recognized": [e[2] for e in encoded]}
        if "tokenizer.json" in files and "config.json" not in files and "tokenizer_config.json" not in files:
            plain = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
            for key, as_text in (("as_text", True), ("recognized", False)):
                plain.encode_special_tokens = as_text
                found = [e.ids for e in plain.encode_batch(texts, add_special_tokens=False)]
                assert found == ids[key], f"{name}: tokenizers and AutoTokenizer differ"
        if name.startswith("learnt") and "prefix-space" not in name:
            assert tiktoken_ids(folder, texts) == ids["as_text"], f"{name}: tiktoken and AutoTokenizer differ"
            with_tiktoken += 1
        # Tokens that AutoTokenizer makes up have ids for which a model has no row.
        count = len(file_vocabulary(folder))
        kept = [i for i in range(len(texts)) if max(ids["recognized"][i], default=0) < count]
        left_out += len(texts) - len(kept)
        expected = {"texts": [texts[i] for i in kept]} | {k: [v[i] for i in kept] for k, v in ids.items()}
        with open(f"{folder}/expected.json", "w", encoding="utf-8") as file:
            json.dump(expected, file, ensure_ascii=False, separators=(",", ":"))
            file.write("\n")
        if arguments.bpe_encode:
            check_written(folder, expected)
        compared += len(kept)
        folders += 1
    print(f"{compared} texts in {folders} folders, each with special tokens as text and recognised; "
          + ("all loaded as bpe-encode writes them; " if arguments.bpe_encode else "")
          + f"{with_tiktoken} folders with tiktoken too; {left_out} texts have tokens that only AutoTokenizer knows, on {panics} tokenizers panics")


main()
