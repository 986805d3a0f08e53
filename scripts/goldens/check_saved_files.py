"""Reads what Kindling writes, with PyTorch, NumPy and safetensors; says "ok" for each file.

    python scripts/goldens/check_saved_files.py [big]        (big: also a zip file of more than 4 GiB)
"""

import collections
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import numpy as np
import torch
from safetensors.torch import load_file

root = pathlib.Path(__file__).resolve().parents[2]
node = root / "node_modules" / ".bin" / "node"


def ok(name, condition):
    if not condition:
        sys.exit(f"{name}: not as it was saved")
    print("ok", name)


def main(folder, arguments):
    program = [str(node), "--conditions=kindling-source", str(root / "scripts" / "goldens" / "saved_files.ts"), str(folder), *arguments]
    subprocess.run(program, check=True, cwd=root, env={**os.environ, "PATH": f"{node.parent}:{os.environ['PATH']}"})

    def load(name, **options):
        with zipfile.ZipFile(folder / name) as file:
            assert file.testzip() is None
        return torch.load(folder / name, weights_only=True, **options)

    names = ["float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "bool"]
    wanted = {name: torch.tensor([[0, 1, 1], [0, 1, 1]]).t().to(getattr(torch, name)) for name in names}
    same = lambda got: list(got) == names and all(got[n].dtype == t.dtype and torch.equal(got[n], t) for n, t in wanted.items())
    ok("dtypes.pt", same(load("dtypes.pt")) and load("dtypes.pt")["int8"].stride() == (1, 3))
    ok("dtypes.pt, mapped", same(torch.load(folder / "dtypes.pt", mmap=True)))
    ok("dtypes.pt, to meta", torch.load(folder / "dtypes.pt", map_location="meta")["bool"].shape == (3, 2))
    stored = load_file(folder / "dtypes.safetensors")
    ok("dtypes.safetensors", same({n: stored[n] for n in names}))
    for name in ["dtypes.npz", "packed.npz"]:
        arrays = np.load(folder / name, allow_pickle=False)
        tensors = {n: torch.from_numpy(arrays[n].view(np.int16)).view(torch.bfloat16) if n == "bfloat16" else torch.from_numpy(arrays[n]) for n in names}
        ok(name, same(tensors))
    arrays = {n: np.load(folder / f"{n}.npy", allow_pickle=False) for n in names}
    ok(".npy of every dtype", all(np.array_equal(a.view(np.int16) if n == "bfloat16" else a, wanted[n].contiguous().view(torch.int16).numpy() if n == "bfloat16" else wanted[n].numpy()) for n, a in arrays.items()))

    shared = load("shared.pt")
    ok("shared.pt", shared["tied"] is shared["w"] and len({shared[k].untyped_storage().data_ptr() for k in ["w", "row", "turned"]}) == 1
       and shared["row"].tolist() == [4, 5, 6, 7] and shared["turned"].stride() == (1, 4) and shared["wide"].stride() == (0, 1)
       and shared["leaf"].requires_grad and not shared["w"].requires_grad)
    nested = load("nested.pt")
    numbers = nested["numbers"]
    ok("nested.pt", numbers[:12] == [0, 255, 256, -1, 2**31, 1 - 2**53, 2**80, -(2**70), 0.5, 0.0, 1e300, math.inf] and math.isnan(numbers[12])
       and isinstance(numbers[9], float) and math.copysign(1, numbers[9]) == -1 and isinstance(numbers[4], int)
       and nested["words"] == ["", "größe 😀", "x" * 300] and nested["bytes"] == b"\x00\x7f\x80\xff" and nested["none"] is None and nested["yes"] is True
       and nested["set"] == {1, 2} and nested["indices"] == {0: "a", 7: "b"} and nested["digits"] == {"0": 1} and nested["many"] == [str(i) for i in range(300)]
       and nested["empty"] == [[], {}, {}] and isinstance(nested["empty"][2], collections.OrderedDict) and nested["hollow"].shape == (2, 0) and nested["scalar"].item() == 3)
    ok("long.pth", load("long.pth") == list(range(70000)))

    training = load("training.pt")
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    model.load_state_dict(training["model"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1)
    optimizer.load_state_dict(training["optimizer"])
    model(torch.ones(5, 3)).square().sum().backward()
    optimizer.step()
    following = load("next.bin")
    ok("training.pt: PyTorch's next step is ours", all(torch.allclose(v, following[k], atol=1e-6) for k, v in model.state_dict().items()))
    index = json.loads((folder / "shards" / "model.safetensors.index.json").read_text())
    parts = {name: load_file(folder / "shards" / name) for name in set(index["weight_map"].values())}
    ok("shards", len(parts) > 1 and all(torch.equal(parts[file][name], training["model"][name]) for name, file in index["weight_map"].items())
       and index["metadata"]["total_size"] == sum(t.nbytes for t in training["model"].values()))
    before, after = (torch.load(path, weights_only=True) for path in [root / "test/fixtures/checkpoint/nested.pt", folder / "again.pt"])
    ok("again.pt", list(before) == list(after) and all(before[k] == after[k] for k in ["words", "bytes", "ordered", "indices", "digits", "mixed", "counter", "__proto__"]))
    if "big" in arguments:
        with zipfile.ZipFile(folder / "big.zip") as file:
            ok("big.zip", [i.file_size for i in file.infolist()][:2] == [17 * 2**28, 2**28] and file.infolist()[1].header_offset > 2**32 and file.testzip() is None)
            reader = torch._C.PyTorchFileReader(str(folder / "big.zip"))
            ok("big.zip, PyTorch's reader", reader.get_record_offset("data/1") % 64 == 0 and reader.get_record("data/1")[-3:] == b"\1\1\1")


with tempfile.TemporaryDirectory() as temporary:
    main(pathlib.Path(temporary), sys.argv[1:])
