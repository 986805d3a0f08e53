"""Rust's tokenizers for tokenizers.ts. `load FILE` and `encode FILE` time one round of each, on one thread; texts are those
of --texts, a JSON list."""

import json
import os
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

from protocol import serve
from tokenizers import Tokenizer

texts = json.load(open(sys.argv[sys.argv.index("--texts") + 1], encoding="utf-8"))
BATCH = 64
batches = [texts[i : i + BATCH] for i in range(0, len(texts), BATCH)]
known = {}


def timed(run):
    start = time.perf_counter()
    tokens = run()
    return {"ms": (time.perf_counter() - start) * 1000, "tokens": tokens}


def load(file):
    tokenizer = Tokenizer.from_file(file)
    tokenizer.encode("Hello world")
    return tokenizer


def encode(file):
    if file not in known:
        known[file] = load(file)
        known[file].no_truncation()
        known[file].no_padding()
    tokenizer = known[file]
    return timed(lambda: sum(len(encoding) for batch in batches for encoding in tokenizer.encode_batch(batch)))


serve({"load": lambda file: timed(lambda: load(file).get_vocab_size()), "encode": encode})
