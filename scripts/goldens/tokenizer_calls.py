"""Calls of PreTrainedTokenizer over a matrix of options, as transformers answers them. Writes test/fixtures/older-tokenizers/calls.json.gz:

[{ folder, calls: [{ text, options, result }], ids, decodes: [{ options, texts }], one, strings, added, vocab, vocabSize }]
folder: by name, the fixture's name or the JSON content; results in camelCase, null where Python raises; offsets are UTF-16 units;
decodes, one and strings are texts of the ids; vocab is a part of the vocabulary

From tokenizers 0.23.1 on what overflows is lost, so that the columns with `return_overflowing_tokens` come from the last
version that kept it: `pip install --target OLD tokenizers==0.22.2`, then `PYTHONPATH=OLD python tokenizer_calls.py`.
"""

import gzip
import importlib.metadata
import itertools
import json
import pathlib
import shutil
import tempfile

import tokenizers

assert tokenizers.__version__.startswith("0.22."), "see above"
installed = importlib.metadata.version
importlib.metadata.version = lambda name: "0.23.1" if name == "tokenizers" else installed(name)  # what transformers asks for

from transformers import AutoTokenizer, logging  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "test" / "fixtures" / "older-tokenizers"
logging.set_verbosity_error()
LONG, SHORT, OTHER = "The quick 🙂 brown fox jumps over the lazy dog, again and again.", "A word", "It 's other ."
CASES = {
    "bert": ({"vocab.txt": "word-piece.txt", "tokenizer_config.json": {"tokenizer_class": "BertTokenizer", "clean_up_tokenization_spaces": True}}, 16),
    "roberta": ({"vocab.json": "vocab-roberta.json", "merges.txt": "merges-roberta.txt", "tokenizer_config.json": {"tokenizer_class": "RobertaTokenizer", "clean_up_tokenization_spaces": True}}, 24),
    "t5": ({"spiece.model": "unigram-t5.model", "tokenizer_config.json": {"tokenizer_class": "T5Tokenizer", "extra_ids": 0}}, 16),
}
SPELLED = {"max_length": "maxLength", "longest_first": "longestFirst", "only_first": "onlyFirst", "only_second": "onlySecond"}


def camel(name):
    return "".join(part if i == 0 else part.capitalize() for i, part in enumerate(name.split("_")))


def unit(text, at):
    return at + sum(ord(char) > 0xFFFF for char in text[:at])


def call(tokenizer, text, pair, calls, side="right", **options):
    tokenizer.truncation_side = side
    shown = {camel(k): SPELLED.get(v, v) if isinstance(v, str) else v for k, v in options.items()}
    shown.update({"truncationSide": side} if side == "left" else {}, **({"textPair": pair} if pair is not None else {}))
    try:
        encoded = tokenizer(text, pair, **options)
    except BaseException:  # Rust's panics are no exceptions
        calls.append({"text": text, "options": shown, "result": None})
        return
    result = {camel(k): v for k, v in encoded.items()}
    if "offsetMapping" in result:
        one = isinstance(result["inputIds"][0], int)
        rows = [result["offsetMapping"]] if one else result["offsetMapping"]
        samples = result.get("overflowToSampleMapping", range(len(rows)))
        for row, sample, encoding in zip(rows, samples, encoded.encodings):
            of = lambda texts: texts if isinstance(texts, str) or isinstance(texts[0], str) and options.get("is_split_into_words") and one else texts[sample]
            sources = [of(text), of(pair) if pair is not None else ""]
            for i, (start, end) in enumerate(row):
                if encoding.sequence_ids[i] is not None:
                    source = sources[encoding.sequence_ids[i]]
                    source = source if isinstance(source, str) else source[encoding.word_ids[i]]
                    row[i] = [unit(source, start), unit(source, end)]
    calls.append({"text": text, "options": shown, "result": result})


def matrix(tokenizer):
    calls = []
    full = {"return_offsets_mapping": True, "return_special_tokens_mask": True, "return_token_type_ids": True, "return_length": True}
    many, pairs = [LONG, SHORT, ""], [OTHER, LONG, ""]
    for truncation, padding, side, pad_side, pair in itertools.product([False, True, "only_first", "only_second"], [False, True, "max_length"], ["right", "left"], ["right", "left"], [False, True]):
        if (truncation == False and side == "left") or (padding == False and pad_side == "left") or (truncation == "only_second" and not pair):
            continue
        limits = {} if truncation == False and padding != "max_length" else {"max_length": 14}
        call(tokenizer, many, pairs if pair else None, calls, side, truncation=truncation, padding=padding, padding_side=pad_side, return_length=True, **limits)
    for stride, side, padding, length in itertools.product([0, 1, 3], ["right", "left"], [False, True, "max_length"], [8, 13]):
        overflow = {"truncation": True, "padding": padding, "max_length": length, "stride": stride, "return_overflowing_tokens": True, **full}
        call(tokenizer, many, None, calls, side, **overflow)
        if padding == False:
            call(tokenizer, LONG, None, calls, side, **overflow)
            call(tokenizer, SHORT, LONG, calls, side, **{**overflow, "truncation": "only_second", "max_length": 20})
            call(tokenizer, [LONG, SHORT], [SHORT, SHORT], calls, side, **{**overflow, "truncation": "only_first", "max_length": 20})
    for pair in [None, "", OTHER]:
        call(tokenizer, SHORT, pair, calls, return_token_type_ids=True)
        call(tokenizer, [SHORT], None if pair is None else [pair], calls, return_token_type_ids=True, add_special_tokens=False)
    words = [["The", "quick", "🙂x", "", "fox"], ["dogs"], LONG.split()]
    call(tokenizer, words[0], None, calls, is_split_into_words=True, **full)
    call(tokenizer, words, [words[1], words[2], words[0]], calls, is_split_into_words=True, padding=True, truncation=True, max_length=16, **full)
    call(tokenizer, words, None, calls, is_split_into_words=True, truncation=True, max_length=8, stride=2, return_overflowing_tokens=True, **full)
    call(tokenizer, many, None, calls, padding=True, pad_to_multiple_of=8, return_length=True)
    call(tokenizer, many, None, calls, padding=True, truncation=True, max_length=16, pad_to_multiple_of=8, return_length=True)
    call(tokenizer, many, None, calls, padding=True, truncation=True, max_length=14, pad_to_multiple_of=8)
    return calls


def main():
    out = []
    for files, limit in CASES.values():
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                if isinstance(content, str):
                    shutil.copy(OUT / content, pathlib.Path(folder) / name)
                else:
                    (pathlib.Path(folder) / name).write_text(json.dumps({**content, "model_max_length": limit}))
            tokenizer = AutoTokenizer.from_pretrained(folder)
        ids = [tokenizer(text)["input_ids"] for text in [LONG, OTHER, "don 't do n't , I 'm ."]] + [[tokenizer.pad_token_id, 5, 6, tokenizer.eos_token_id or 7]]
        flags = [dict(zip(["skip_special_tokens", "clean_up_tokenization_spaces"], values)) for values in itertools.product([False, True], [None, False, True])]
        out.append({
            "folder": {name: content if isinstance(content, str) else {**content, "model_max_length": limit} for name, content in files.items()},
            "calls": matrix(tokenizer),
            "ids": ids,
            "decodes": [{"options": {camel(k): v for k, v in options.items() if v is not None}, "texts": tokenizer.batch_decode(ids, **options)} for options in flags],
            "one": tokenizer.decode(ids[0][1]),
            "strings": [tokenizer.convert_tokens_to_string(tokenizer.convert_ids_to_tokens(row)) for row in ids],
            "added": [tokenizer.num_special_tokens_to_add(False), tokenizer.num_special_tokens_to_add(True)],
            "vocab": {token: id for token, id in tokenizer.get_vocab().items() if id % 7 == 0 or id > len(tokenizer) - 5},
            "vocabSize": len(tokenizer.get_vocab()),
        })
    text = json.dumps(out, ensure_ascii=False, separators=(",", ":"))
    with gzip.GzipFile(OUT / "calls.json.gz", "wb", mtime=0) as file:
        file.write(text.encode())


main()
