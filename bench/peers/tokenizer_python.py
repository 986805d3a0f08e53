"""Python's byte-level BPE on the `text` of a JSON lines file: `train VOCAB`, `one` (a text at a time), `batch` (its threads), each
{"ms": …, "tokens": …}. See protocol.py."""

import argparse
import json

from tokenizers import ByteLevelBPETokenizer

from protocol import clock, serve

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", required=True)
with open(parser.parse_args().data, encoding="utf-8") as file:
    texts = [json.loads(line)["text"] for line in file]
tokenizer = ByteLevelBPETokenizer()


def train(vocab):
    global tokenizer
    tokenizer = ByteLevelBPETokenizer()
    special = ["<pad>", "<s>", "</s>", "<unk>"]
    ms = clock(lambda: tokenizer.train_from_iterator(texts, vocab_size=int(vocab), special_tokens=special, show_progress=False))
    return {"ms": ms, "tokens": tokenizer.get_vocab_size()}


def encode(run):
    tokens = 0

    def all_texts():
        nonlocal tokens
        tokens = run()

    return {"ms": clock(all_texts), "tokens": tokens}


serve({
    "train": train,
    "one": lambda: encode(lambda: sum(len(tokenizer.encode(text).ids) for text in texts)),
    "batch": lambda: encode(lambda: sum(len(encoding.ids) for encoding in tokenizer.encode_batch(texts))),
})
