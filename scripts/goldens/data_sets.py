"""Orders, splits, features, files and streams of Hugging Face's `datasets`, for src/data/sets.

    python scripts/goldens/data_sets.py

writes test/fixtures/datasets/: golden.json, and files that Python wrote for us to read.
"""

import json
import os
import shutil

import datasets
import numpy as np
from datasets import ClassLabel, Dataset, Features, List, Value, concatenate_datasets, interleave_datasets

datasets.disable_progress_bars()
here = os.path.join(os.path.dirname(__file__), "..", "..", "test", "fixtures", "datasets")
shutil.rmtree(here, ignore_errors=True)
os.makedirs(here)
golden = {}

# NumPy's draws.
rng = np.random.default_rng(42)
golden["draws"] = {
    "permutation": rng.permutation(20).tolist(),
    "random": rng.random(),
    "choice": rng.choice(20, 5, replace=False).tolist(),
    "weighted": rng.choice(3, 8, p=[0.3, 0.5, 0.2]).tolist(),
    "seed63": str(rng.integers(0, 1 << 63)),
    "wide": int(rng.integers(0, 2**33 + 1)),
    "integers": rng.integers(0, 10, size=12).tolist(),
    "big": np.random.default_rng(2**200 + 5).permutation(6).tolist(),
}

numbers = Dataset.from_dict({"i": list(range(23))})
golden["shuffle"] = {seed: numbers.shuffle(seed=seed)["i"][:] for seed in (0, 1, 42, 123456789)}
golden["shuffle_twice"] = numbers.shuffle(seed=3).shuffle(seed=4)["i"][:]


def both(parts):
    return {name: part["i"][:] for name, part in parts.items()}


golden["split"] = {
    "default": both(numbers.train_test_split(seed=7)),
    "share": both(numbers.train_test_split(test_size=0.1, seed=7)),
    "count": both(numbers.train_test_split(test_size=5, train_size=6, seed=7)),
    "train": both(numbers.train_test_split(train_size=0.5, seed=7)),
    "in_order": both(numbers.train_test_split(test_size=0.3, shuffle=False)),
}
labels = [i * i % 7 % 3 for i in range(60)]
classes = Dataset.from_dict(
    {"i": list(range(60)), "label": labels},
    features=Features({"i": Value("int64"), "label": ClassLabel(names=["a", "b", "c"])}),
)
golden["stratified"] = {
    "labels": labels,
    **{str(size): both(classes.train_test_split(test_size=size, stratify_by_column="label", seed=5)) for size in (0.2, 0.33, 17)},
}
golden["shard"] = {
    "contiguous": [numbers.shard(4, k)["i"][:] for k in range(4)],
    "strided": [numbers.shard(4, k, contiguous=False)["i"][:] for k in range(4)],
}
golden["sort"] = {}
mixed = Dataset.from_dict({"t": ["b", None, "a", "B", "é", "😀", "\ue000", "a"], "n": [3, 1, None, 2, 3, 1, 2, 0], "i": list(range(8))})
for name, args in {
    "t": ("t",),
    "t_down": ("t", True),
    "n_start": ("n", False, None, "at_start"),
    "n_t": (["n", "t"], [True, False]),
}.items():
    keys = dict(zip(["column_names", "reverse", "kind", "null_placement"], args))
    keys.pop("kind", None)
    golden["sort"][name] = mixed.sort(**keys)["i"][:]

parts = [Dataset.from_dict({"i": list(range(k * 100, k * 100 + n))}) for k, n in enumerate((5, 3, 8))]
golden["interleave"] = {}
for strategy in ("first_exhausted", "all_exhausted", "all_exhausted_without_replacement"):
    for name, p in {"turns": None, "drawn": [0.5, 0.2, 0.3]}.items():
        golden["interleave"][f"{strategy} {name}"] = interleave_datasets(
            parts, probabilities=p, seed=11, stopping_strategy=strategy
        )["i"][:]
lacking = concatenate_datasets([Dataset.from_dict({"a": [1], "b": ["x"]}), Dataset.from_dict({"a": [2], "b": [None]})])
golden["concatenate"] = {"features": lacking.features.to_dict(), "rows": lacking.to_list()}

# Classes and features.
words = Dataset.from_dict({"w": ["10", "9", "b", None, "a", "b"], "n": [10, 9, 2, None, 2, 9], "f": [True, False, None, True, True, False]})
golden["classes"] = {}
for column in ("w", "n", "f"):
    encoded = words.class_encode_column(column)
    golden["classes"][column] = {"names": encoded.features[column].names, "values": encoded[column][:]}
golden["unique"] = {column: words.unique(column) for column in ("w", "n", "f")}
nested = [
    {"id": 1, "tags": ["x", "y"], "at": {"line": 3, "of": [1.5, None]}, "ok": True},
    {"id": 2, "tags": [], "at": None, "ok": None},
    {"id": None, "tags": None, "at": {"line": None, "of": []}, "ok": False},
]
deep = Dataset.from_list(nested)
golden["nested"] = {
    "rows": nested,
    "features": deep.features.to_dict(),
    "flat_features": deep.flatten().features.to_dict(),
    "flat": deep.flatten().to_list(),
}

# Streams: what comes in which order, and from where it goes on.
def stream(shards=1):
    return numbers.to_iterable_dataset(num_shards=shards)


def values(d):
    return [row["i"] for row in d]


def resumed(d, after):
    seen = []
    for k, row in enumerate(d):
        seen.append(row["i"])
        if k + 1 == after:
            break
    state = d.state_dict()
    d.load_state_dict(state)
    return {"seen": seen, "rest": values(d)}


shuffled = stream().shuffle(seed=9, buffer_size=6)
epochs = {}
for epoch in (0, 1, 2):
    shuffled.set_epoch(epoch)
    epochs[epoch] = values(shuffled)
sharded = stream(4).shuffle(seed=9, buffer_size=6)
shard_epochs = {}
for epoch in (0, 1):
    sharded.set_epoch(epoch)
    shard_epochs[epoch] = values(sharded)
other = Dataset.from_dict({"i": list(range(100, 108))})
golden["stream"] = {
    "shuffle": epochs,
    "shuffle_shards": shard_epochs,
    "shuffle_small": values(stream().shuffle(seed=1, buffer_size=100)),
    "take_skip": values(stream().skip(3).take(7)),
    "shuffle_take": values(stream(3).take(9).shuffle(seed=2, buffer_size=4)),
    "filter_map": values(stream().filter(lambda r: r["i"] % 3 == 0).map(lambda r: {"i": r["i"] * 10})),
    "batched": values(stream().map(lambda b: {"i": [x for x in b["i"] for _ in range(2)]}, batched=True, batch_size=4)),
    "batch": [row["i"] for row in stream().batch(5)],
    "repeat": values(stream().take(3).repeat(2)),
    "shard": [values(stream(4).shard(num_shards=2, index=k)) for k in range(2)],
    "resume": {
        "plain": resumed(stream(3), 10),
        "filtered": resumed(stream(3).filter(lambda r: r["i"] % 2 == 1), 4),
        "mapped": resumed(stream(2).map(lambda r: {"i": r["i"] + 1000}), 7),
        "batched": resumed(stream().map(lambda b: {"i": [x for x in b["i"] for _ in range(2)]}, batched=True, batch_size=4), 11),
        "skip_take": resumed(stream().skip(3).take(9), 4),
        # From a generator: streams of tables count blocks here, and go on two rows early.
        "shuffled": resumed(
            datasets.IterableDataset.from_generator(lambda: ({"i": i} for i in range(23))).shuffle(
                seed=9, buffer_size=6, max_buffer_input_shards=1
            ),
            8,
        ),
    },
}
golden["stream"]["interleave"] = {}
golden["stream"]["interleave_resume"] = {}
for strategy in ("first_exhausted", "all_exhausted", "all_exhausted_without_replacement"):
    for name, p in {"turns": None, "drawn": [0.6, 0.4]}.items():
        mix = lambda: interleave_datasets(
            [stream(), other.to_iterable_dataset()], probabilities=p, seed=11, stopping_strategy=strategy
        )
        golden["stream"]["interleave"][f"{strategy} {name}"] = values(mix())
        golden["stream"]["interleave_resume"][f"{strategy} {name}"] = resumed(mix(), 9)
golden["stream"]["concatenate"] = values(concatenate_datasets([stream(), other.to_iterable_dataset()]))

# Files.
kinds = Features(
    {
        "label": ClassLabel(names=["no", "yes"]),
        "text": Value("string"),
        "big": Value("int64"),
        "small": Value("uint8"),
        "half": Value("float16"),
        "single": Value("float32"),
        "pair": List(Value("int32"), length=2),
        "ids": List(Value("int64")),
        "deep": List(List({"word": Value("string"), "at": Value("float64")})),
        "raw": Value("binary"),
        "day": Value("date32"),
        "time": Value("timestamp[us]"),
        "flag": Value("bool"),
        "nothing": Value("null"),
    }
)
import datetime

rows = []
for k in range(10):
    rows.append(
        {
            "label": k % 2,
            "text": None if k == 3 else "äß😀\n"[: k % 5] * k,
            "big": [0, -1, 2**53 - 1, -(2**40), 7, 12, -(2**31), 2**31, 5, None][k],
            "small": 25 * k,
            "half": k / 4,
            "single": k * 0.5 - 1,
            "pair": None if k == 5 else [k, -k],
            "ids": list(range(k)),
            "deep": [[{"word": "w" * k, "at": k / 2}], []] if k % 3 else None,
            "raw": bytes(range(k)),
            "day": datetime.date(2020, 1, 1) + datetime.timedelta(days=k),
            "time": datetime.datetime(2024, 2, 29, 12, 30, k, 5000),
            "flag": None if k == 7 else k > 4,
            "nothing": None,
        }
    )
saved = Dataset.from_list(rows, features=kinds)
saved.save_to_disk(os.path.join(here, "saved"))
saved.remove_columns(["half", "nothing"]).to_parquet(os.path.join(here, "rows.parquet"))


def plain(value):
    if isinstance(value, bytes):
        return {"bytes": list(value)}
    if isinstance(value, (datetime.date, datetime.datetime)):
        return {"date": value.isoformat()}
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


golden["saved"] = [plain(row) for row in saved]
golden["saved_features"] = kinds.to_dict()
with open(os.path.join(here, "golden.json"), "w") as f:
    json.dump(golden, f, ensure_ascii=True, separators=(",", ":"))
