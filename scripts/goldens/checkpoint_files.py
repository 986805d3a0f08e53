"""Files as PyTorch, NumPy and huggingface_hub write them. Writes test/fixtures/checkpoint/.

(The files from before PyTorch 1.6 hold addresses of memory: they differ from run to run, their content does not.)

expected.json   { file: value }, what each file holds; `described` below says how
errors.json     { file: [words] }, files that must be refused, and what the message must name
shards/         a state dict of several files with its index, and how huggingface_hub divides others (plans.json)
"""

import collections
import io
import json
import os
import pathlib
import pickle
import shutil
import struct
import sys
import tarfile
import zipfile

import numpy as np
import torch
from huggingface_hub import save_torch_state_dict, split_torch_state_dict_into_shards
from safetensors.torch import save_model

out = pathlib.Path(__file__).resolve().parents[2] / "test" / "fixtures" / "checkpoint"
shutil.rmtree(out, ignore_errors=True)
out.mkdir(parents=True)
torch.manual_seed(0)
expected, errors = {}, {}


def described(value):
    """JSON of a value. A tensor says its row-major bytes, and which tensors of the file share its storage."""
    storages = {}

    def go(v):
        if isinstance(v, torch.Tensor):
            data = v.detach().contiguous()
            return {"tensor": str(v.dtype).removeprefix("torch."), "shape": list(v.shape), "strides": list(v.stride()),
                    "hex": data.flatten().view(torch.uint8).numpy().tobytes().hex() if v.numel() else "",
                    "storage": storages.setdefault(v.untyped_storage().data_ptr() if v.numel() else id(v), len(storages)),
                    "requiresGrad": v.requires_grad}
        if isinstance(v, np.ndarray):
            return go(torch.from_numpy(v.astype(v.dtype.newbyteorder("="))))
        if isinstance(v, collections.OrderedDict):
            return {"map": [[go(k), go(x)] for k, x in v.items()]}
        if isinstance(v, dict):
            return {"dict": [[go(k), go(x)] for k, x in v.items()]}
        if isinstance(v, (list, tuple)):
            return {"list": [go(x) for x in v]}
        if isinstance(v, (set, frozenset)):
            return {"set": sorted(v)}
        if isinstance(v, (bytes, bytearray)):
            return {"bytes": bytes(v).hex()}
        if isinstance(v, (torch.dtype, torch.device)):
            return str(v).removeprefix("torch.")
        if isinstance(v, int) and not isinstance(v, bool) and abs(v) > 2**53:
            return {"int": str(v)}
        if isinstance(v, float) and (v != v or abs(v) == float("inf")):
            return {"float": str(v)}
        return v

    return go(value)


def write(name, data):
    (out / name).parent.mkdir(exist_ok=True)
    (out / name).write_bytes(data)


def torch_file(name, value, **options):
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    write(name, buffer.getvalue())
    expected[name] = described(value)


def random_bits(dtype, *shape):
    if dtype == torch.bool:
        return torch.randint(0, 2, shape).bool()
    if dtype.is_floating_point:
        return torch.randn(shape, dtype=torch.float64).to(dtype)
    low = 0 if dtype == torch.uint8 else torch.iinfo(dtype).min
    return torch.randint(low, torch.iinfo(dtype).max, shape, dtype=dtype)


known = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8, torch.bool]
dtypes = {str(d).removeprefix("torch."): random_bits(d, 3, 2) for d in known}
dtypes |= {"transposed": random_bits(torch.int16, 2, 4).t(), "scalar": torch.tensor(-1.5), "empty": torch.zeros(0, 3), "strided": torch.arange(12.0)[1::3]}

w = torch.randn(3, 4)
shared = collections.OrderedDict(
    weight=w, tied=w, alias=w.view(12), row=w[1], columns=w.t()[1:3], expanded=torch.ones(1, 2).expand(3, 2),
    parameter=torch.nn.Parameter(torch.randn(2)), frozen=torch.nn.Parameter(torch.randn(2), requires_grad=False),
)
nested = {
    "numbers": [0, 1, -1, 255, 256, 65535, 65536, -(2**31), 2**31, 2**53 - 1, 2**63, -(2**80), 0.1, -0.0, 1e300, float("inf"), float("-inf"), float("nan")],
    "words": ["", "größe 😀", "a" * 300, 'quote"\n'], "bytes": b"\x00\xff" * 3, "array": bytearray(b"abc"), "none": None, "yes": True, "no": False,
    "tuple": (1, (2, ()), [3]), "set": {1, 2}, "size": torch.Size([2, 3]), "dtype": torch.bfloat16, "device": torch.device("cpu"),
    "ordered": collections.OrderedDict([("b", 1), ("a", 2)]), "indices": {0: "a", 1: "b"}, "digits": {"0": 1}, "mixed": {"a": 1, 2: "b"},
    "empty": [{}, [], (), collections.OrderedDict()], "__proto__": {"polluted": 1}, "long": list(range(300)),
    "counter": collections.OrderedDict(x=2),
}

model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
optimizer = torch.optim.AdamW([{"params": model[0].parameters(), "lr": 0.5}, {"params": model[2].parameters(), "weight_decay": 0.0}], lr=0.1)
for _ in range(2):
    model(torch.randn(5, 3)).square().sum().backward()
    optimizer.step()
training = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "loss": 0.25}

torch_file("dtypes.pt", dtypes)
torch_file("shared.pt", shared)
torch_file("nested.pt", nested)
torch_file("training.pt", training)
torch_file("list.pt", [torch.arange(3), torch.tensor([True])])
torch_file("tensor.pt", torch.arange(6.0).view(2, 3).t())
torch_file("protocol4.pt", {"a": torch.arange(2), "s": {1, 2}, "n": 2**70}, pickle_protocol=4)
noted, kept = torch.ones(2), torch.nn.Parameter(torch.zeros(1))
noted.note, kept.note = "x", "y"  # Python attributes, which are left behind
torch_file("attributes.pt", {"noted": noted, "kept": kept})
for name, value in {"dtypes": dtypes, "shared": shared, "nested": nested, "training": training}.items():
    torch_file(f"{name}.legacy.pt", value, _use_new_zipfile_serialization=False)
long = "x" * 70_000  # a pickle longer than the first piece that is read
torch_file("long.legacy.pt", {"before": torch.arange(2), "text": long, "t": torch.arange(3)}, _use_new_zipfile_serialization=False)
expected["long.legacy.pt"]["dict"][1][1] = {"x": len(long)}
torch.serialization.set_crc32_options(False)
torch_file("unsummed.pt", {"a": torch.arange(3.0)})
torch.serialization.set_crc32_options(True)


def rezip(data, change=lambda name, content: content, **options):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as target, zipfile.ZipFile(io.BytesIO(data)) as source:
        for item in source.infolist():
            target.writestr(zipfile.ZipInfo(item.filename), change(item.filename, source.read(item)), options.get("compression"))
    return buffer.getvalue()


def read(name):
    return (out / name).read_bytes()


def swapped(name, content):
    if name.endswith("/byteorder"):
        return b"big"
    return np.frombuffer(content, "<i4").astype(">i4").tobytes() if "/data/" in name else content


torch_file("big-endian.pt", {"a": torch.arange(5), "f": torch.randn(3, 2)} | {"a": torch.arange(5, dtype=torch.int32)})
write("big-endian.pt", rezip(read("big-endian.pt"), swapped))
again = torch.load(out / "big-endian.pt", weights_only=True)
assert described(again) == expected["big-endian.pt"]
write("deflated.pt", rezip(read("shared.pt"), compression=zipfile.ZIP_DEFLATED))
expected["deflated.pt"] = expected["shared.pt"]


def tar_file():
    """The format before 0.1.10, as today's torch.load still reads it."""
    weight = torch.arange(6.0).view(2, 3)
    parts = {"storages": io.BytesIO(), "tensors": io.BytesIO(), "pickle": io.BytesIO()}

    class Pickler(pickle._Pickler):
        def save_global(self, obj, name=None):
            if isinstance(obj, Named):
                self.write(b"c" + obj.text.replace(".", "\n").encode() + b"\n")
            else:
                super().save_global(obj, name)

        def persistent_id(self, obj):
            return obj.key if isinstance(obj, Key) else None

        def save(self, obj, save_persistent_id=True):
            return self.save_global(obj) if isinstance(obj, Named) else super().save(obj, save_persistent_id)

    class Named:
        def __init__(self, text):
            self.text = text

    class Key:
        def __init__(self, key):
            self.key = key

    def dump(part, value):
        Pickler(parts[part], protocol=2).dump(value)

    dump("storages", 2)
    for key, kind, data in [(7, "FloatStorage", weight.numpy()), (8, "LongStorage", np.array([5, -6], "<i8"))]:
        dump("storages", (key, "cpu", Named(f"torch.{kind}")))
        parts["storages"].write(struct.pack("<q", data.size) + data.tobytes())
    dump("storages", [])
    dump("tensors", 3)
    for key, storage, kind, sizes, strides, offset in [(1, 7, "FloatTensor", (2, 3), (3, 1), 0), (2, 7, "FloatTensor", (3,), (1,), 3), (3, 8, "LongTensor", (2,), (1,), 0)]:
        dump("tensors", (key, storage, Named(f"torch.{kind}")))
        parts["tensors"].write(struct.pack(f"<ii{len(sizes)}q{len(sizes)}qq", len(sizes), 0, *sizes, *strides, offset))
    dump("pickle", collections.OrderedDict([("weight", Key(1)), ("row", Key(2)), ("ids", Key(3))]))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:", format=tarfile.PAX_FORMAT) as tar:
        for name, part in parts.items():
            info = tarfile.TarInfo(name)
            info.size = len(part.getvalue())
            tar.addfile(info, io.BytesIO(part.getvalue()))
    return buffer.getvalue()


write("tar.legacy.pt", tar_file())
expected["tar.legacy.pt"] = described(torch.load(out / "tar.legacy.pt", weights_only=False))
assert expected["tar.legacy.pt"]["map"][1][1]["storage"] == 0

# What must be refused.


class Run:
    def __init__(self, function, *args):
        self.reduced = (function, args)

    def __reduce__(self):
        return self.reduced


def refused(name, value, *words, **options):
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    write(name, buffer.getvalue())
    errors[name] = list(words)


refused("malicious.pt", {"weight": torch.ones(2), "x": Run(os.system, "touch kindling-was-here")}, "posix.system", "nothing was run")
refused("malicious.legacy.pt", [Run(eval, "open('kindling-was-here', 'w')")], "builtins.eval", "nothing was run", _use_new_zipfile_serialization=False)
refused("malicious4.pt", Run(exec, "open('kindling-was-here', 'w')"), "builtins.exec", pickle_protocol=4)
refused("module.pt", model, "torch.nn.modules.container.Sequential", "state_dict")
refused("numpy.pt", {"lr": np.float64(0.1)}, "numpy", "x.item()")
refused("unknown.pt", {"a": torch.tensor([1.5, -2.0]).to(torch.float8_e4m3fn), "b": torch.tensor([[1 + 2j, 3j]]), "c": torch.tensor([1, 65535], dtype=torch.uint16), "d": torch.ones(1)},
        "float8_e4m3fn, complex64, uint16", "raw: true")
refused("sparse.pt", torch.eye(2).to_sparse(), "torch._utils._rebuild_sparse_tensor", "dense")

# NumPy.


def numpy_file(name, array, version=None):
    buffer = io.BytesIO()
    if version is None:
        np.save(buffer, array, allow_pickle=True)
    else:
        np.lib.format.write_array(buffer, array, version)
    write(name, buffer.getvalue())
    expected[name] = described(array)


matrix = np.arange(6, dtype="<f4").reshape(2, 3) - 2.5
numpy_file("v1.npy", matrix)
numpy_file("v2.npy", matrix, (2, 0))
numpy_file("v3.npy", matrix, (3, 0))
numpy_file("fortran.npy", np.asfortranarray(np.arange(24, dtype="<i2").reshape(2, 3, 4)))
expected["fortran.npy"]["strides"] = [1, 2, 6]
numpy_file("scalar.npy", np.array(-2, "<i8"))
numpy_file("empty.npy", np.zeros((2, 0, 3), "<f8"))
for kind in ["f2", "f4", "f8", "i2", "i4", "i8"]:
    numpy_file(f"big-{kind}.npy", (np.arange(4).reshape(2, 2) * 100 - 150).astype(f">{kind}"))
for name, array, words in [
    ("object.npy", np.array([Run(os.system, "touch kindling-was-here")], dtype=object), ["Python objects", "nothing was run"]),
    ("records.npy", np.zeros(2, [("a", "<f4"), ("b", "<i4")]), ["records"]), ("text.npy", np.array(["ab", "c"]), ["U2", "raw: true"]),
    ("complex.npy", np.array([1j]), ["c16", "raw: true"]),
]:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    write(name, buffer.getvalue())
    errors[name] = words
arrays = {"a": matrix, "b": np.arange(300, dtype="<i8"), "größe": np.array([True, False]), "f": np.asfortranarray(np.arange(6, dtype="u1").reshape(2, 3))}
for name, save in {"stored.npz": np.savez, "deflated.npz": np.savez_compressed}.items():
    buffer = io.BytesIO()
    save(buffer, **arrays)
    write(name, buffer.getvalue())
    expected[name] = {"map": [[key, described(value)] for key, value in arrays.items()]}
    expected[name]["map"][3][1]["strides"] = [1, 2]

# safetensors over several files.

state = {f"layer.{i}.weight": torch.randn(4, 3 + i) for i in range(5)} | {"norm": torch.randn(2).bfloat16(), "10": torch.arange(2)}
(out / "shards").mkdir()
save_torch_state_dict(state, out / "shards", max_shard_size=150)
expected["shards"] = {"map": sorted([[k, described(v)] for k, v in state.items()])}


class Tied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = torch.nn.Linear(3, 2, bias=False)
        self.decoder = torch.nn.Linear(3, 2)
        self.decoder.weight = self.encoder.weight


tied = Tied().requires_grad_(False)
save_model(tied, str(out / "tied.safetensors"))
expected["tied.safetensors"] = {"map": sorted([[k, v] for (k, _), v in zip(tied.state_dict().items(), [x[1] for x in described(tied.state_dict())["map"]])])}

plans = []
for sizes, most in [([10, 20, 30, 40, 50], 60), ([100, 5, 5, 100, 5], 50), ([5], 50), ([30, 30, 30], 60), ([1, 2, 3], "1KB"), ([600, 600, 600, 300], "1.2KB")]:
    tensors = {f"t{i}": torch.zeros(n, dtype=torch.uint8) for i, n in enumerate(sizes)}
    plan = split_torch_state_dict_into_shards(tensors, max_shard_size=most, filename_pattern="model{suffix}.safetensors")
    plans.append({"sizes": sizes, "maxShardSize": most, "files": plan.filename_to_tensors, "totalSize": plan.metadata.get("total_size")})
(out / "plans.json").write_text(json.dumps(plans, indent=1) + "\n")


def line(value):
    return json.dumps(value, ensure_ascii=False)


for name, table in {"expected": expected, "errors": errors}.items():
    text = ",\n".join(f"{line(key)}: {line(value)}" for key, value in table.items())
    (out / f"{name}.json").write_text(f"{{\n{text}\n}}\n", encoding="utf-8")
print(torch.__version__, np.__version__, sys.version.split()[0], sum(f.stat().st_size for f in out.rglob("*") if f.is_file()), "bytes")
