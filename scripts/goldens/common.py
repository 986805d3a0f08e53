"""What every golden-value generator shares: where fixtures go, and how a tensor becomes JSON.

A tensor is `{"shape": [2, 3], "dtype": "float32", "data": [...]}` with the values in row-major order. float32 is written
with the fewest digits that give the same float32 back, bool as 0 or 1, an int64 beyond 2^53 as a string, and what JSON
cannot say as "NaN", "Infinity", "-Infinity". A strided tensor also carries `"perm"`: shape and data describe the
contiguous tensor underneath, and the tensor meant is `contiguous.permute(perm)`.
"""

import gzip
import json
import math
import pathlib

import numpy as np
import torch

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "test" / "fixtures"


class Raw(str):
    """Text that is JSON already."""


def number(value, dtype):
    if dtype in (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64):
        value = int(value)
        return Raw(value) if abs(value) <= 2**53 else f"{value}"
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if dtype == torch.float64:
        text = repr(value)
    else:
        single = np.float32(value)
        text = np.format_float_positional(single, unique=True, trim="-")
        scientific = np.format_float_scientific(single, unique=True, trim="-", exp_digits=1)
        text = min(text, scientific, key=len)
        if np.float32(float(text)) != single:
            text = f"{single:.9g}"
    return Raw(text)


def values(tensor):
    tensor = tensor.detach()
    return [number(v, tensor.dtype) for v in tensor.reshape(-1).tolist()]


def dtype_name(dtype):
    return str(dtype).removeprefix("torch.")


def encode(tensor, perm=None):
    out = {"shape": list(tensor.shape), "dtype": dtype_name(tensor.dtype), "data": values(tensor)}
    if perm is not None:
        out["perm"] = list(perm)
    return out


def draw(seed, shape):
    """Numbers in [-1, 1) of 12 bits, in row-major order, exact in float32: what both sides can make (test/golden.ts) need not be written."""
    out = []
    state = seed * 2654435761 % 2**32
    for _ in range(torch.Size(shape).numel()):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append((state >> 20) / 2048 - 1)
    return torch.tensor(out).reshape(shape)


def sums(tensor):
    """The sum, the sum weighted by the cosine of the place, and the sum of sizes: two that tell tensors apart, and how far they may lie."""
    flat = tensor.detach().double().reshape(-1)
    weights = torch.cos(torch.arange(flat.numel(), dtype=torch.float64))
    return [Raw(f"{flat.sum().item():.9g}"), Raw(f"{(flat * weights).sum().item():.9g}"), Raw(f"{flat.abs().sum().item():.6g}")]


def camel(options):
    """Keyword arguments under our names."""
    return {"".join(w if i == 0 else w.title() for i, w in enumerate(k.split("_"))): v for k, v in options.items()}


def dumps(value):
    """Compact JSON; Raw text goes in as it is."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{dumps(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(dumps(v) for v in value) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return dumps(number(value, torch.float64))
    return json.dumps(value, ensure_ascii=False)


def write(folder, name, value, zipped=False):
    """Write test/fixtures/<folder>/<name>.json; a list, or a dict of lists, gets one line an item so that diffs stay readable.
    `zipped` makes it <name>.json.gz."""
    path = FIXTURES / folder / (f"{name}.json.gz" if zipped else f"{name}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(value, list):
        text = "[\n" + ",\n".join(dumps(v) for v in value) + "\n]"
    elif isinstance(value, dict):
        text = "{\n" + ",\n".join(f"{json.dumps(k)}: {dumps(v)}" for k, v in value.items()) + "\n}"
    else:
        text = dumps(value)
    if zipped:
        path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    else:
        path.write_text(text + "\n", encoding="utf-8")
    print(f"{path.relative_to(FIXTURES.parents[1])}: {len(text)} bytes")


def write_tensors(folder, name, tensors):
    """Write test/fixtures/<folder>/<name>.safetensors."""
    from safetensors.torch import save_file

    path = FIXTURES / folder / f"{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: v.detach().clone().contiguous() for k, v in tensors.items()}, str(path))
    print(f"{path.relative_to(FIXTURES.parents[1])}: {path.stat().st_size} bytes")
