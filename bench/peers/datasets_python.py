"""Hugging Face's `datasets` for bench/datasets.ts. `step NAME` does one step of it: {"ms", "rows", "characters"}. Nothing comes from
a cache of results but what "load again" is to find there. See protocol.py."""

import argparse
import os
import shutil
import time

import datasets

from protocol import serve

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--file", required=True)
parser.add_argument("--folder", required=True)
flags = parser.parse_args()
datasets.disable_progress_bars()
datasets.disable_caching()  # of results of functions
cache = os.path.join(flags.folder, "python-cache")


def load(kind, file, name):
    return datasets.load_dataset(kind, data_files=file, cache_dir=os.path.join(cache, name), split="train")


def load_anew(kind, file, name):
    shutil.rmtree(os.path.join(cache, name), ignore_errors=True)
    return load(kind, file, name)


def words(row):
    return {"words": len(row["text"].split(" "))}


def words_of_batch(batch):
    return {"words": [len(text.split(" ")) for text in batch["text"]]}


def each_row(source):
    for row in source:
        yield 1, len(row["text"])


def each_batch(source, size):
    for batch in source.iter(size):
        yield len(batch["text"]), sum(map(len, batch["text"]))


def counted(parts):
    rows = characters = 0
    for n, length in parts:
        rows += n
        characters += length
    return rows, characters


def saved(write):
    write()
    return len(rows), 0


def path(name):
    return os.path.join(flags.folder, f"python-{name}")


rows = load_anew("json", flags.file, "json")
shuffled = rows.shuffle(seed=42)
rows.to_csv(path("source.csv"))
rows.to_parquet(path("source.parquet"))
steps = {
    "load json": lambda: load_anew("json", flags.file, "again"),
    "load csv": lambda: load_anew("csv", path("source.csv"), "csv"),
    "load parquet": lambda: load_anew("parquet", path("source.parquet"), "parquet"),
    "load again": lambda: load("json", flags.file, "json"),
    "map": lambda: rows.map(words),
    "map batched": lambda: rows.map(words_of_batch, batched=True),
    "map one column": lambda: rows.map(lambda text: {"words": len(text.split(" "))}, input_columns="text"),
    "filter": lambda: rows.filter(lambda row: len(row["text"]) > 900),
    "filter batched": lambda: rows.filter(lambda batch: [len(text) > 900 for text in batch["text"]], batched=True),
    "sort": lambda: rows.sort("label"),
    "shuffle": lambda: rows.shuffle(seed=42),
    "flatten indices": lambda: shuffled.flatten_indices(),
    "iterate": lambda: counted(each_row(rows)),
    "iterate batches": lambda: counted(each_batch(rows, 32)),
    "iterate shuffled": lambda: counted(each_row(shuffled)),
    "shuffled batches": lambda: counted(each_batch(shuffled, 32)),
    "rows by number": lambda: counted((1, len(shuffled[i]["text"])) for i in range(10_000)),
    "column": lambda: (len(rows), sum(map(len, rows["text"][:]))),
    "saveToDisk": lambda: saved(lambda: rows.save_to_disk(path("saved"))),
    "toJson": lambda: saved(lambda: rows.to_json(path("rows.jsonl"))),
    "toParquet": lambda: saved(lambda: rows.to_parquet(path("rows.parquet"))),
}


def step(*name):
    began = time.perf_counter()
    made = steps[" ".join(name)]()
    ms = (time.perf_counter() - began) * 1000
    n, characters = made if isinstance(made, tuple) else (len(made), 0)
    return {"ms": ms, "rows": n, "characters": characters}


serve({"step": step})
