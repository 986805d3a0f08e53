"""Reads what Kindling's data sets write, with Hugging Face's `datasets` and pyarrow; says "ok" for each.

    python scripts/goldens/check_saved_datasets.py
"""

import datetime
import os
import pathlib
import subprocess
import sys
import tempfile

import datasets
import numpy as np
import pyarrow.parquet as pq
from datasets import ClassLabel, Features, LargeList, List, Value

datasets.disable_progress_bars()
root = pathlib.Path(__file__).resolve().parents[2]
node = root / "node_modules" / ".bin" / "node"

features = Features(
    {
        "label": ClassLabel(names=["no", "yes"]),
        "text": Value("string"),
        "big": Value("int64"),
        "small": Value("uint8"),
        "half": Value("float16"),
        "single": Value("float32"),
        "double": Value("float64"),
        "ids": List(Value("int32")),
        "far": LargeList(Value("int64")),
        "pair": List(Value("int32"), length=2),
        "deep": List(List({"word": Value("string"), "at": Value("float64")})),
        "inner": {"a": Value("int32"), "b": {"c": Value("string")}},
        "raw": Value("binary"),
        "day": Value("date32"),
        "time": Value("timestamp[us]"),
        "flag": Value("bool"),
        "nothing": Value("null"),
    }
)


def row(k):
    return {
        "label": k % 2,
        "text": None if k % 5 == 3 else ["", "ä", "ß😀", 'x\n"y",z'][k % 4] * (k % 6),
        "big": None if k % 7 == 6 else 2 ** (k % 63) * (1 if k % 2 == 0 else -1),
        "small": k % 256,
        "half": float(np.float16(k / 4)),
        "single": k * 0.5 - 1,
        "double": k / 3,
        "ids": [i - k for i in range(k % 10)],
        "far": [k, None, 2**40],
        "pair": None if k % 8 == 7 else [k, -k],
        "deep": None if k % 3 == 0 else [[{"word": "w" * (k % 4), "at": k / 2}], []],
        "inner": {"a": None, "b": None} if k % 4 == 1 else {"a": k, "b": {"c": f"c{k}"}},
        "raw": bytes(range(250, 250 + k % 5)),
        "day": datetime.date(2020, 1, 1) + datetime.timedelta(days=k),
        "time": datetime.datetime(2024, 2, 29, 12, 30) + datetime.timedelta(milliseconds=k),
        "flag": None if k % 6 == 5 else k % 6 > 2,
        "nothing": None,
    }


rows = [row(k) for k in range(1200)]


def ok(name, got, wanted):
    if got != wanted:
        first = next(((a, b) for a, b in zip(got, wanted) if a != b), (got, wanted)) if isinstance(got, list) else (got, wanted)
        sys.exit(f"{name}: not as it was saved: {first[0]} for {first[1]}")
    print("ok", name)


def main(folder):
    program = [str(node), "--conditions=kindling-source", str(root / "scripts" / "goldens" / "saved_datasets.ts"), str(folder)]
    subprocess.run(program, check=True, cwd=root, env={**os.environ, "PATH": f"{node.parent}:{os.environ['PATH']}"})

    def load(name):
        return datasets.load_from_disk(str(folder / name))

    for name, wanted in {"plain": rows, "shards": rows, "again": rows, "empty": []}.items():
        ok(f"{name}: features", load(name).features, features)
        ok(f"{name}: rows", load(name).to_list(), wanted)
    ok("plain: backwards", load("plain")[::-1]["double"], [r["double"] for r in rows[::-1]])
    order = datasets.Dataset.from_dict({"i": list(range(1200))}).shuffle(seed=3)["i"][:50]
    ok("shuffled: Python's order", load("shuffled").to_list(), [rows[i] for i in order])
    both = load("dict")
    ok("dict", {k: v.to_list() for k, v in both.items()}, {"train": rows[:40], "test": rows[40:49]})
    mapped = load("shards").map(lambda r: {"more": len(r["text"] or "")}).filter(lambda r: r["more"] > 3)
    ok("shards: mapped by Python", len(mapped), sum(len(r["text"] or "") > 3 for r in rows))

    def read(kind, name):
        return datasets.load_dataset(kind, data_files=str(folder / name), split="train", cache_dir=str(folder / "cache"))

    kept = [{k: v for k, v in r.items() if k not in ("nothing", "half")} for r in rows]
    parquet = read("parquet", "rows.parquet")
    wanted = Features({k: v for k, v in features.items() if k not in ("nothing", "half")})
    wanted["pair"] = List(Value("int32"))  # pyarrow reads no null in a fixed list, so the file's are of any length
    ok("rows.parquet: features", parquet.features, wanted)
    ok("rows.parquet: rows", parquet.to_list(), kept)
    ok("rows.parquet: pyarrow", pq.read_table(folder / "rows.parquet").num_rows, 1200)
    some = ("label", "text", "double", "ids", "inner")
    ok("rows.jsonl", read("json", "rows.jsonl").to_list(), [{k: r[k] for k in some} for r in rows])
    csv = [{"label": r["label"], "single": r["single"], "words": f'a, "b"\n{r["label"]}'} for r in rows]
    ok("rows.csv", read("csv", "rows.csv").to_list(), csv)


with tempfile.TemporaryDirectory() as temporary:
    main(pathlib.Path(temporary))
