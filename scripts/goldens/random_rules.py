"""The rules of docs/random.md as plain Python, checked bit by bit against test/fixtures/random/draws.json and against
a million draws of the installed PyTorch. What a port is unsure of, this file answers.
"""

import json
import math

import numpy as np

from common import FIXTURES

f32, f64 = np.float32, np.float64


class Stream:
    """MT19937 and what PyTorch's CPU generator keeps beside it: the spare normal."""

    def __init__(self, seed):
        self.spare = None
        self.at = 624
        self.state = [seed & 0xFFFFFFFF]
        for i in range(1, 624):
            last = self.state[-1]
            self.state.append((1812433253 * (last ^ (last >> 30)) + i) & 0xFFFFFFFF)

    def u32(self):
        if self.at == 624:
            s = self.state
            for i in range(624):
                y = (s[i] & 0x80000000) | (s[(i + 1) % 624] & 0x7FFFFFFF)
                s[i] = s[(i + 397) % 624] ^ (y >> 1) ^ (0x9908B0DF if y & 1 else 0)
            self.at = 0
        y = self.state[self.at]
        self.at += 1
        y ^= y >> 11
        y ^= (y << 7) & 0x9D2C5680
        y ^= (y << 15) & 0xEFC60000
        return y ^ (y >> 18)

    def u64(self):
        high = self.u32()
        return high << 32 | self.u32()

    def single(self):
        return f32((self.u32() & 0xFFFFFF) * 2.0**-24)

    def double(self):
        return (self.u64() & (2**53 - 1)) * 2.0**-53

    def uniform(self, dtype):
        return self.single() if dtype == "float32" else self.double()

    def normal(self):
        """Box-Muller in float64; every second call takes the spare."""
        if self.spare is not None:
            z, self.spare = self.spare, None
            return z
        angle = 2 * math.pi * self.double()
        radius = math.sqrt(-2 * math.log1p(-self.double()))
        self.spare = radius * math.sin(angle)
        return radius * math.cos(angle)


def fma(a, b, c):
    """a * b + c rounded once, in float32: float64 holds the product exactly."""
    return (f64(a) * f64(b) + f64(c)).astype(f32)


def log(x):
    """Cephes' logf as PyTorch's AVX2 build contracts it."""
    bits = x.view(np.int32)
    e = (bits >> 23).astype(f32) - f32(126)
    x = ((bits & 0x007FFFFF) | 0x3F000000).view(f32)  # mantissa in [0.5, 1)
    small = x < f32(0.707106781186547524)
    e = e - small.astype(f32)
    x = x - f32(1) + np.where(small, x, f32(0))
    y = np.full_like(x, 7.0376836292e-2)
    for c in (-1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1):
        y = fma(y, x, f32(c))
    z = x * x
    y = fma(y * x, z, e * f32(-2.12194440e-4))
    y = fma(z, f32(-0.5), y)
    return fma(e, f32(0.693359375), x + y)


def sincos(x):
    """Cephes' sinf and cosf for x >= 0, contracted likewise."""
    j = ((x * f32(1.27323954473516)).astype(np.int32) + 1) & ~1  # octant, made even
    y = j.astype(f32)
    for part in (-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8):
        x = fma(y, f32(part), x)
    z = x * x
    c = np.full_like(z, 2.443315711809948e-5)
    c = fma(c, z, f32(-1.388731625493765e-3))
    c = fma(c, z, f32(4.166664568298827e-2))
    c = fma(c * z, z, z * f32(-0.5)) + f32(1)
    s = np.full_like(z, -1.9515295891e-4)
    s = fma(s, z, f32(8.3321608736e-3))
    s = fma(s, z, f32(-1.6666654611e-1))
    s = fma(s * z, x, x)
    swap = (j & 2) != 0
    sin = np.where(swap, c, s) * np.where(j & 4, f32(-1), f32(1))
    cos = np.where(swap, s, c) * np.where((j - 2) & 4, f32(1), f32(-1))
    return sin, cos


def fill_normal(stream, n, mean, std, dtype):
    """n >= 16, contiguous: uniforms first, then 16 at a time; a tail is drawn anew as the last 16."""
    one = f32 if dtype == "float32" else f64
    data = np.array([stream.uniform(dtype) for _ in range(n)], dtype=one)

    def transform(block):
        u1, u2 = 1 - block[:8], block[8:]
        if one is f32:
            radius = np.sqrt(f32(-2) * log(u1))
            sin, cos = sincos(f32(2 * math.pi) * u2)
            block[:] = np.concatenate([fma(radius * cos, f32(std), f32(mean)), fma(radius * sin, f32(std), f32(mean))])
        else:
            radius, angle = np.sqrt(-2 * np.log(u1)), 2 * math.pi * u2
            block[:] = np.concatenate([radius * np.cos(angle) * std + mean, radius * np.sin(angle) * std + mean])

    for i in range(0, n - 15, 16):
        transform(data[i : i + 16])
    if n % 16:
        data[n - 16 :] = [stream.uniform(dtype) for _ in range(16)]
        transform(data[n - 16 :])
    return data


def normals(stream, n, mean, std, dtype, contiguous=True):
    if n >= 16 and contiguous:
        return fill_normal(stream, n, mean, std, dtype)
    return np.array([stream.normal() * std + mean for _ in range(n)]).astype(dtype)


def uniforms(stream, n, low, high, dtype):
    u = np.array([stream.uniform(dtype) for _ in range(n)], dtype=dtype)
    if dtype == "float64":
        return u * (high - low) + low
    out = fma(u, f32(high) - f32(low), f32(low))
    return np.where(out == f32(high), f32(low), out)


def integers(stream, n, low, high):
    span = high - low
    return [(stream.u64() if span >= 2**28 else stream.u32()) % span + low for _ in range(n)]


def permutation(stream, n):
    out = list(range(n))
    for i in range(n - 1):
        j = i + stream.u32() % (n - i)
        out[i], out[j] = out[j], out[i]
    return out


def whole(stream, dtype):
    """random_() without bounds."""
    match dtype:
        case "int64":
            return stream.u64() % 2**63
        case "float64":
            return stream.u64() % (2**53 + 1)
        case "float32":
            return stream.u32() % (2**24 + 1)
        case "bool":
            return stream.u32() & 1
    return stream.u32() % {"uint8": 2**8, "int8": 2**7, "int16": 2**15, "int32": 2**31}[dtype]


def exponentials(stream, n, lambd, dtype):
    return np.array([-1 / lambd * math.log1p(-stream.double()) for _ in range(n)]).astype(dtype)


def multinomial(stream, p, count, replacement):
    """One row of weights. Without replacement, and for one sample: the largest p / exponential first."""
    if not replacement or count == 1:
        return None  # whole tensor at once, see below
    heap = np.cumsum(p, dtype=p.dtype)
    heap = heap / heap[-1]
    heap[-1] = 1
    return [int(np.searchsorted(heap, stream.double(), side="left")) for _ in range(count)]


def in_memory_order(flat, shape, perm):
    return np.asarray(flat).reshape(shape).transpose(perm)


def draw(stream, call):
    """What one call of draws.json must give."""
    value = call.get("value", {})
    dtype, shape = value.get("dtype"), value.get("shape", call.get("shape"))
    n = math.prod(shape) if shape is not None else 0
    match call["call"]:
        case "rand":
            return uniforms(stream, n, 0, 1, dtype)
        case "randn":
            return normals(stream, n, 0, 1, dtype)
        case "normal_":
            return normals(stream, n, call["mean"], call["std"], dtype)
        case "uniform_":
            return uniforms(stream, n, call["from"], call["to"], dtype)
        case "uniformPermuted_":
            return in_memory_order(uniforms(stream, n, call["from"], call["to"], dtype), call["shape"], call["perm"])
        case "normalPermuted_":
            return in_memory_order(normals(stream, n, call["mean"], call["std"], dtype, False), call["shape"], call["perm"])
        case "randint":
            return integers(stream, n, int(call["low"]), int(call["high"]))
        case "randperm":
            return permutation(stream, call["n"])
        case "random_":
            return [whole(stream, dtype) for _ in range(n)]
        case "bernoulli_" | "dropout" | "dropoutPermuted":
            keep = call["p"] if call["call"] == "bernoulli_" else 1 - call["p"]
            if keep == 1 and call["call"] == "dropout":
                return np.ones(n, bool)
            kept = [stream.double() < keep for _ in range(n)]
            return in_memory_order(kept, shape, call["perm"]) if "perm" in call else np.array(kept)
        case "bernoulli":
            return [stream.uniform(call["p"]["dtype"]) < p for p in call["p"]["data"]]
        case "exponential_":
            return exponentials(stream, n, call["lambd"], dtype)
        case "geometric_":
            return [math.ceil(math.log(stream.double()) / math.log1p(-call["p"])) for _ in range(n)]
        case "multinomial":
            p = np.array(call["p"]["data"], dtype=f32).reshape(call["p"]["shape"])
            rows = np.atleast_2d(p)
            if call["replacement"] and call["numSamples"] > 1:
                return [multinomial(stream, row, call["numSamples"], True) for row in rows]
            q = exponentials(stream, rows.size, 1.0, "float32").reshape(rows.shape)
            return np.argsort(-(rows / q), axis=1, kind="stable")[:, : call["numSamples"]]
    raise KeyError(call["call"])


def check_fixture():
    exact, close = 0, 0
    for program in json.loads((FIXTURES / "random" / "draws.json").read_text()):
        stream = Stream(int(program["seed"]))
        for call in program["calls"]:
            if call["call"] == "seed":
                stream = Stream(call["n"])
                continue
            got = np.asarray(draw(stream, call)).reshape(-1)
            if "bits" in call:
                assert "".join("01"[int(b)] for b in got) == call["bits"], (program["name"], call)
                if call["call"].startswith("dropout") and call["p"]:
                    assert f32(1) / f32(1 - call["p"]) == f32(call["scale"])
            else:
                want = np.array([int(v) if isinstance(v, str) else v for v in call["value"]["data"]], dtype=call["value"]["dtype"])
                if want.dtype == f64 and call["call"] in ("randn", "normal_", "uniform_", "exponential_"):
                    assert np.allclose(got, want, rtol=1e-13, atol=1e-15), (program["name"], call)
                    close += 1
                    continue
                assert np.array_equal(got.astype(want.dtype), want), (program["name"], call)
            exact += 1
    print(f"{exact} calls reproduced exactly, {close} float64 ones within 1e-13")


def check_many(n=1_000_003):
    import torch

    torch.manual_seed(0)
    stream = Stream(0)
    same = np.array_equal(torch.randn(n).numpy(), fill_normal(stream, n, 0, 1, "float32"))
    same &= np.array_equal(torch.empty(n).normal_(0.1, 0.02).numpy(), fill_normal(stream, n, 0.1, 0.02, "float32"))
    same &= np.array_equal(torch.empty(n).uniform_(-0.3, 0.7).numpy(), uniforms(stream, n, -0.3, 0.7, "float32"))
    same &= torch.randperm(n).tolist() == permutation(stream, n)
    print(f"{n} normals, scaled normals, uniforms and a permutation of {n}: {'the same bits' if same else 'DIFFERENT'}")
    assert same


if __name__ == "__main__":
    check_fixture()
    check_many()
