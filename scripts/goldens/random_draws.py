"""PyTorch's CPU random draws, for `manualSeed` to reproduce. Writes test/fixtures/random/.

(Not named random.py: beside the other generators that would hide Python's own module.)

draws.json    [{ name, seed, calls: [{ call, ...args, value }] }]. The calls of one program follow each other on one
              stream, so a call that draws too much or too little shows in the next. `value` is a tensor as in
              common.py; of masks only the bits, as a string of 0 and 1 (`bits`), with `shape`.
  rand, randn                shape, dtype
  randint                    low, high, shape, dtype
  randperm                   n
  random_                    shape, dtype
  uniform_                   from, to, shape, dtype
  normal_                    mean, std, shape, dtype
  normalPermuted_            mean, std, shape, dtype, perm: normal_ into a tensor that is not contiguous (see uniformPermuted_)
  uniformPermuted_           from, to, shape, dtype, perm: fills `empty(shape).permute(perm)`; `value` holds that view, row-major
  bernoulli_                 p, shape, dtype (bits)
  bernoulli                  p (a tensor), value
  dropout                    p, shape (bits of what was kept, from ones), scale: what a kept 1 became
  dropoutPermuted            as dropout, of `ones(shape).permute(perm)`; bits of the view, row-major
  exponential_               lambd, shape, dtype
  geometric_                 p, shape, dtype
  multinomial                p (a tensor), numSamples, replacement
  seed                       a new manual_seed in the middle: n
seeds.json    { "<seed>": first ten 32-bit words as rand sees them (24 bits each) }
loader.json   [{ seed, n, batchSize, shuffle, generatorSeed, epochs: [[index, ...], ...], next: one rand afterwards }],
              and samplers: { sampler, ...args, indices }
init.json     [{ init, seed, shape, args, value }]: torch.nn.init
modules.json  [{ module, args, seed, state: { key: tensor } }]: default initialisation after manual_seed(seed)
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SubsetRandomSampler, WeightedRandomSampler

from common import dtype_name, encode, number, write

f32, f64 = torch.float32, torch.float64


def bits(tensor):
    return "".join("1" if v else "0" for v in (tensor != 0).reshape(-1).tolist())


class Program:
    """A stream of draws after one manual_seed."""

    def __init__(self, name, seed):
        self.name, self.seed, self.calls = name, seed, []
        torch.manual_seed(seed)

    def add(self, call, args, value):
        self.calls.append({"call": call, **args, "value": encode(value)})
        return self

    def rand(self, *shape, dtype=f32):
        return self.add("rand", {}, torch.rand(shape, dtype=dtype))

    def randn(self, *shape, dtype=f32):
        return self.add("randn", {}, torch.randn(shape, dtype=dtype))

    def randint(self, low, high, *shape, dtype=torch.int64):
        args = {"low": number(low, torch.int64), "high": number(high, torch.int64)}
        return self.add("randint", args, torch.randint(low, high, shape, dtype=dtype))

    def randperm(self, n):
        return self.add("randperm", {"n": n}, torch.randperm(n))

    def random_(self, *shape, dtype=torch.int64):
        return self.add("random_", {}, torch.empty(shape, dtype=dtype).random_())

    def uniform_(self, a, b, *shape, dtype=f32):
        return self.add("uniform_", {"from": a, "to": b}, torch.empty(shape, dtype=dtype).uniform_(a, b))

    def normal_(self, mean, std, *shape, dtype=f32):
        return self.add("normal_", {"mean": mean, "std": std}, torch.empty(shape, dtype=dtype).normal_(mean, std))

    def uniform_permuted(self, a, b, shape, perm, dtype=f32):
        args = {"from": a, "to": b, "shape": list(shape), "perm": list(perm)}
        return self.add("uniformPermuted_", args, torch.empty(shape, dtype=dtype).permute(perm).uniform_(a, b))

    def normal_permuted(self, mean, std, shape, perm, dtype=f32):
        args = {"mean": mean, "std": std, "shape": list(shape), "perm": list(perm)}
        return self.add("normalPermuted_", args, torch.empty(shape, dtype=dtype).permute(perm).normal_(mean, std))

    def bernoulli_(self, p, *shape, dtype=f32):
        drawn = torch.empty(shape, dtype=dtype).bernoulli_(p)
        self.calls.append({"call": "bernoulli_", "p": p, "shape": list(shape), "dtype": dtype_name(dtype), "bits": bits(drawn)})
        return self

    def bernoulli(self, p):
        return self.add("bernoulli", {"p": encode(p)}, torch.bernoulli(p))

    def dropout(self, p, *shape, perm=None, dtype=f32):
        ones = torch.ones(shape, dtype=dtype) if perm is None else torch.ones(shape, dtype=dtype).permute(perm)
        kept = F.dropout(ones, p)
        call = {"call": "dropout" if perm is None else "dropoutPermuted", "p": p, "shape": list(shape), "dtype": dtype_name(dtype)}
        if perm is not None:
            call["perm"] = list(perm)
        self.calls.append({**call, "bits": bits(kept), "scale": number(kept.max() if kept.any() else 1 / (1 - p), dtype)})
        return self

    def exponential_(self, lambd, *shape, dtype=f32):
        return self.add("exponential_", {"lambd": lambd}, torch.empty(shape, dtype=dtype).exponential_(lambd))

    def geometric_(self, p, *shape, dtype=f32):
        return self.add("geometric_", {"p": p}, torch.empty(shape, dtype=dtype).geometric_(p))

    def multinomial(self, p, n, replacement=False):
        args = {"p": encode(p), "numSamples": n, "replacement": replacement}
        return self.add("multinomial", args, torch.multinomial(p, n, replacement))

    def reseed(self, n):
        torch.manual_seed(n)
        self.calls.append({"call": "seed", "n": n})
        return self

    def json(self):
        return {"name": self.name, "seed": number(self.seed, torch.int64), "calls": self.calls}


def draws():
    out = []
    for seed in (0, 1234, 2**32 + 5, 2**64 - 1):
        p = Program(f"uniform, seed {seed}", seed)
        for n in (1, 5, 16, 100):
            p.rand(n)
        out.append(p.rand(3, dtype=f64).rand(2, 3).rand())
    out.append(Program("uniform float64", 0).rand(1, dtype=f64).rand(16, dtype=f64).rand(20, dtype=f64).rand(1))

    p = Program("normal float32", 0)
    for n in (1, 7, 15, 16, 17, 20, 33, 100):
        p.randn(n)
    out.append(p.rand(2))
    p = Program("normal float32, other seed", 1234)
    for n in (3, 16, 2, 31, 1):
        p.randn(n)
    out.append(p.rand(2))
    p = Program("normal float64", 0)
    for n in (1, 7, 15, 16, 17, 33):
        p.randn(n, dtype=f64)
    out.append(p.rand(2))
    out.append(
        Program("the spare normal waits through other draws, until a seed", 7)
        .randn(1).rand(3).randn(1).randint(0, 10, 4).randn(3).randn(16).randn(2, 2).randperm(5).randn(1)
        .reseed(7).randn(1).reseed(7).randn(1).randn(1).rand(1)
    )  # fmt: skip
    out.append(
        Program("normal_ with mean and std", 3)
        .normal_(2.0, 3.0, 5).normal_(2.0, 3.0, 40).normal_(0.0, 0.02, 4, 5).normal_(-1.0, 0.5, 17).normal_(0.1, 0.3, 15, dtype=f64)
        .normal_(1.0, 0.0, 16).rand(1)
    )  # fmt: skip
    out.append(
        Program("uniform_ from a to b", 4)
        .uniform_(-0.3, 1.8, 40).uniform_(-0.17, 0.17, 20).uniform_(-3.0, -1.1, 9).uniform_(0.0, 1.0, 5)
        .uniform_(-0.3, 1.8, 9, dtype=f64).rand(1)
    )  # fmt: skip
    out.append(
        Program("a view is filled in memory order", 5)
        .uniform_permuted(-1.0, 1.0, (3, 4), (1, 0)).uniform_permuted(0.0, 1.0, (2, 3, 4), (2, 0, 1))
        .normal_permuted(0.0, 1.0, (4, 5), (1, 0)).rand(1)
    )  # fmt: skip
    out.append(
        Program("integers", 0)
        .randint(0, 10, 20).randint(-10, 17, 8).randint(0, 2, 3, 4).randint(0, 10, 6, dtype=torch.int32)
        .randint(0, 2**28 - 1, 4).randint(0, 2**28, 4).randint(0, 2**31 - 1, 4, dtype=torch.int32)
        .randint(0, 2**32 - 1, 4).randint(0, 2**32, 4).randint(0, 2**40 + 7, 4).randint(-(2**62), 2**62, 4).randint(0, 5, 2).rand(1)
    )  # fmt: skip
    p = Program("permutations", 0)
    for n in (1, 2, 10, 1000, 0, 5):
        p.randperm(n)
    out.append(p.rand(1))
    p = Program("random_", 1)
    for dtype in (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool, f32, f64):
        p.random_(5, dtype=dtype)
    out.append(p.rand(1))
    p = Program("bernoulli", 2)
    for n in (1, 10, 1000):
        p.bernoulli_(0.3, n)
    p.bernoulli_(0.3, 10, dtype=torch.bool).bernoulli_(0.3, 10, dtype=torch.int64).bernoulli_(0.3, 10, dtype=f64)
    p.bernoulli_(0.0, 3).bernoulli_(1.0, 3)
    out.append(p.bernoulli(torch.tensor([0.1, 0.5, 0.9, 0.0, 1.0])).bernoulli(torch.tensor([[0.1, 0.5], [0.7, 0.2]], dtype=f64)).rand(1))
    p = Program("dropout", 0)
    for rate in (0.1, 0.5):
        p.dropout(rate, 10).dropout(rate, 1000).dropout(rate, 3, 5)
    out.append(p.dropout(0.0, 4).rand(1))
    out.append(Program("dropout of a view draws in memory order", 6).dropout(0.5, 6, 5, perm=(1, 0)).dropout(0.3, 2, 3, 4, perm=(1, 0, 2)).dropout(0.3, 2, 3, 4, perm=(2, 0, 1)).rand(1))
    out.append(Program("exponential and geometric", 8).exponential_(1.0, 20).exponential_(2.5, 5).exponential_(1.0, 5, dtype=f64).geometric_(0.3, 8).rand(1))
    p = Program("multinomial", 9)
    weights = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.0])
    rows = torch.tensor([[1.0, 2.0, 3.0], [0.5, 0.0, 0.5], [9.0, 1.0, 1.0]])
    p.multinomial(weights, 1).multinomial(weights, 3).multinomial(weights, 4).multinomial(weights, 12, True)
    out.append(p.multinomial(rows, 1).multinomial(rows, 2).multinomial(rows, 8, True).multinomial(weights, 1, True).rand(1))
    return [p.json() for p in [*out, *sizes()]]


def sizes():
    """Every draw in both widths, around the 16 elements from which normals (and nothing else) are drawn in blocks."""
    out = []
    for dtype in (f32, f64):
        name = dtype_name(dtype)
        for n in (1, 15, 16, 17, 33):
            p = Program(f"each draw of {n} in {name}", 21 + n)
            p.rand(n, dtype=dtype).randn(n, dtype=dtype).uniform_(-0.7, 1.3, n, dtype=dtype).normal_(0.5, 1.5, n, dtype=dtype)
            p.exponential_(0.7, n, dtype=dtype).geometric_(0.4, n, dtype=dtype).bernoulli_(0.6, n, dtype=dtype).random_(n, dtype=dtype)
            p.bernoulli(torch.linspace(0, 1, n, dtype=dtype)).dropout(0.3, n, dtype=dtype)
            p.multinomial(torch.linspace(0.1, 1, n, dtype=dtype), 1).multinomial(torch.linspace(0.1, 1, n, dtype=dtype), (n + 1) // 2)
            out.append(p.multinomial(torch.linspace(0.1, 1, n, dtype=dtype), n + 3, True).randn(1, dtype=dtype).rand(1))
        p = Program(f"views in {name}", 5)
        p.uniform_permuted(-1.0, 1.0, (4, 5), (1, 0), dtype).normal_permuted(1.0, 0.5, (4, 5), (1, 0), dtype)
        out.append(p.normal_permuted(0.0, 1.0, (3, 2, 3), (2, 0, 1), dtype).dropout(0.4, 3, 2, 3, perm=(2, 0, 1), dtype=dtype).rand(1))
    for dtype in (torch.float16, torch.bfloat16):
        p = Program(f"halves: {dtype_name(dtype)}", 13)
        for n in (3, 16, 32, 40):
            p.rand(n, dtype=dtype).randn(n, dtype=dtype).bernoulli_(0.5, n, dtype=dtype)
        out.append(p.rand(1))
    p = Program("whole numbers of each size", 31)
    for n in (1, 15, 16, 17, 33):
        p.randint(-3, 4, n).randint(0, 2**28, n).randperm(n)
    for dtype in (torch.int8, torch.int16, torch.uint8, torch.bool, f32, f64):
        p.randint(0, 2, 17, dtype=dtype)
    return [*out, p.rand(1)]


def seeds():
    out = {}
    for seed in (0, 1, 42, 2**31, 2**32 - 1, 2**32, 2**32 + 5, 2**53 + 2, 2**63, 2**64 - 1, -1):
        torch.manual_seed(seed)
        out[str(seed)] = [int(v) for v in (torch.rand(10, dtype=f32).double() * 2**24).tolist()]
    return out


def loaders():
    out = []
    for n, batch_size, shuffle, generator_seed in ((7, 2, True, None), (7, 2, False, None), (10, 3, True, 99), (5, 5, False, 3)):
        torch.manual_seed(3)
        generator = None if generator_seed is None else torch.Generator().manual_seed(generator_seed)
        loader = DataLoader(list(range(n)), batch_size=batch_size, shuffle=shuffle, generator=generator)
        epochs = [[i for batch in loader for i in batch.tolist()] for _ in range(3)]
        out.append({"sampler": "loader", "seed": 3, "n": n, "batchSize": batch_size, "shuffle": shuffle, "generatorSeed": generator_seed,
                    "epochs": epochs, "next": number(torch.rand(1), f32)})  # fmt: skip

    def sampler(name, args, make):
        torch.manual_seed(11)
        indices = list(make())
        out.append({"sampler": name, "seed": 11, **args, "indices": indices, "next": number(torch.rand(1), f32)})

    weights = [0.1, 0.7, 0.2, 0.0, 1.0]
    sampler("random", {"n": 9}, lambda: RandomSampler(range(9)))
    sampler("random", {"n": 7, "numSamples": 17}, lambda: RandomSampler(range(7), num_samples=17))
    sampler("random", {"n": 7, "numSamples": 40, "replacement": True}, lambda: RandomSampler(range(7), True, 40))
    sampler("subset", {"from": [4, 2, 9, 7]}, lambda: SubsetRandomSampler([4, 2, 9, 7]))
    sampler("weighted", {"weights": weights, "numSamples": 10, "replacement": True}, lambda: WeightedRandomSampler(weights, 10))
    sampler("weighted", {"weights": weights, "numSamples": 3, "replacement": False}, lambda: WeightedRandomSampler(weights, 3, False))
    sampler("batch", {"n": 7, "batchSize": 3, "dropLast": True}, lambda: BatchSampler(RandomSampler(range(7)), 3, True))
    sampler("randomSplit", {"lengths": [5, 3]}, lambda: [list(s.indices) for s in torch.utils.data.random_split(range(8), [5, 3])])
    return out


def inits():
    cases = [
        *[(*case, dtype) for dtype in (f32, f64) for case in init_cases()],
    ]
    out = []
    for name, shape, args, dtype in cases:
        torch.manual_seed(0)
        snake = "".join("_" + c.lower() if c.isupper() else c for c in name)
        value = getattr(nn.init, snake)(torch.empty(shape, dtype=dtype), **args)
        out.append({"init": name, "seed": 0, "shape": list(shape), "args": args, "value": encode(value), "next": number(torch.rand(1), f32)})
    return out


def init_cases():
    return [
        ("uniform_", (3, 4), {"a": -0.5, "b": 0.25}),
        ("normal_", (3, 7), {"mean": 1.0, "std": 0.5}),
        ("xavierUniform_", (4, 3), {"gain": 1.0}),
        ("xavierUniform_", (2, 3, 4), {"gain": 1.5}),
        ("xavierNormal_", (5, 4), {"gain": 1.0}),
        ("kaimingUniform_", (4, 3), {"a": 5**0.5}),
        ("kaimingUniform_", (4, 3), {"mode": "fan_out", "nonlinearity": "relu"}),
        ("kaimingNormal_", (4, 5), {"nonlinearity": "relu"}),
        ("kaimingNormal_", (3, 2, 3), {"a": 0.1, "mode": "fan_out"}),
        ("truncNormal_", (4, 5), {}),
        ("truncNormal_", (6, 6), {"mean": 0.0, "std": 1.0, "a": -1.0, "b": 0.5}),
        ("truncNormal_", (3, 4), {"mean": 0.1, "std": 0.02, "a": -0.04, "b": 0.12}),
        ("truncNormal_", (3, 3), {"mean": 0.0, "std": 1.0, "a": 1.5, "b": 3.0}),
        ("orthogonal_", (4, 4), {}),
        ("orthogonal_", (3, 5), {"gain": 2.0}),
        ("orthogonal_", (6, 3), {}),
        ("sparse_", (5, 4), {"sparsity": 0.4}),
        ("eye_", (3, 4), {}),
        ("dirac_", (4, 2, 3), {}),
        ("uniform_", (17,), {"a": 0.0, "b": 1.0}),
        ("normal_", (2, 4), {"mean": -1.0, "std": 2.0}),
        ("xavierUniform_", (5, 5), {"gain": 5 / 3}),
        ("xavierNormal_", (3, 3), {"gain": 2.0}),
        ("kaimingUniform_", (4, 3, 3), {"nonlinearity": "tanh"}),
        ("kaimingNormal_", (2, 3), {"nonlinearity": "linear", "mode": "fan_out"}),
        ("truncNormal_", (2, 3), {"mean": 0.5, "std": 2.0, "a": -1.0, "b": 1.0}),
        ("orthogonal_", (2, 3, 2), {}),
        ("sparse_", (3, 3), {"sparsity": 0.5, "std": 1.0}),
        ("dirac_", (2, 3, 4), {}),
        ("constant_", (2, 2), {"val": 0.3}),
        ("ones_", (3,), {}),
        ("zeros_", (3,), {}),
    ]


def modules():
    cases = [
        ("Linear", [5, 3], {}),
        ("Linear", [5, 3], {"bias": False}),
        ("Bilinear", [3, 4, 2], {}),
        ("Embedding", [7, 3], {}),
        ("Embedding", [7, 3], {"padding_idx": 2}),
        ("LayerNorm", [4], {}),
        ("BatchNorm1d", [3], {}),
        ("Conv1d", [3, 4, 5], {}),
        ("RNN", [4, 6], {}),
        ("LSTM", [4, 6], {"num_layers": 2, "bidirectional": True}),
        ("LSTM", [4, 6], {"proj_size": 3, "bidirectional": True}),
        ("GRU", [4, 6], {"num_layers": 2}),
        ("GRU", [4, 6], {"bias": False}),
        ("LSTMCell", [4, 3], {}),
        ("GRUCell", [4, 3], {}),
        ("RNNCell", [4, 3], {}),
        ("MultiheadAttention", [8, 2], {}),
        ("TransformerEncoderLayer", [8, 2], {"dim_feedforward": 12}),
        ("TransformerDecoderLayer", [4, 2], {"dim_feedforward": 6}),
    ]
    out = []
    for name, args, options in cases:
        torch.manual_seed(0)
        state = getattr(nn, name)(*args, **options).state_dict()
        camel = {"".join(w if i == 0 else w.title() for i, w in enumerate(k.split("_"))): v for k, v in options.items()}
        out.append({"module": name, "args": args, "options": camel, "seed": 0, "state": {k: encode(v) for k, v in state.items()},
                    "next": number(torch.rand(1), f32)})  # fmt: skip
    return out


if __name__ == "__main__":
    write("random", "draws", draws())
    write("random", "seeds", seeds())
    write("random", "loader", loaders())
    write("random", "init", inits())
    write("random", "modules", modules())
