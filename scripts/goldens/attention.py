"""Golden values of F.scaled_dot_product_attention: masks of every kind, shared heads, cross lengths, widths that fill vectors and
that do not, rows that see nothing, and lengths beyond a block. One line a case: the inputs are drawn by `draw` (the same
arithmetic stands in src/tensor/functional/attention.test.ts), so that only sampled results need to be written.

    python scripts/goldens/attention.py
"""

import torch
import torch.nn.functional as F

from common import Raw, write


def draw(seed, shape):
    """Numbers in [-1, 1) of 12 bits, in row-major order; exact in float32."""
    n = 1
    for size in shape:
        n *= size
    out = []
    state = seed * 2654435761 % 2**32
    for _ in range(n):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append((state >> 20) / 2048 - 1)
    return torch.tensor(out, dtype=torch.float64).reshape(shape)


CASES = []


def case(name, q, k, v, mask=None, samples=24, **options):
    """q, k, v: shapes [B, heads, T, width]; mask: None, or (kind, shape)."""
    tensors = [draw(seed + 1, shape).requires_grad_() for seed, shape in enumerate((q, k, v))]
    attn_mask = None
    if mask is not None:
        kind, shape = mask
        values = draw(7, shape)
        if kind == "bool":
            attn_mask = values > -0.3
        elif kind == "hidden":  # some rows see nothing
            attn_mask = values > 0
            attn_mask[..., : max(1, shape[-2] // 3), :] = False
        elif kind == "infinite":  # the same in numbers
            attn_mask = torch.where(values > 0, values, float("-inf"))
            attn_mask[..., : max(1, shape[-2] // 3), :] = float("-inf")
        else:
            attn_mask = (values * 3).requires_grad_(kind == "learned")
    out = F.scaled_dot_product_attention(*tensors, attn_mask=attn_mask, **options)
    g = draw(5, out.shape)
    wanted = tensors + ([attn_mask] if attn_mask is not None and attn_mask.requires_grad else [])
    grads = torch.autograd.grad(out, wanted, g)

    def sampled(t):
        t = t.detach().reshape(-1)
        step = max(1, t.numel() // samples)
        # A sum weighted by place, over all elements, notices what the samples miss.
        weights = torch.cos(torch.arange(t.numel(), dtype=torch.float64))
        assert torch.isfinite(t).all()
        picked = Raw("[" + ",".join(f"{x:.9g}" for x in t[::step].tolist()) + "]")
        return {"step": step, "values": picked, "sum": Raw(f"{(t * weights).sum().item():.10g}"), "size": Raw(f"{t.abs().sum().item():.6g}")}

    CASES.append({
        "name": name, "q": list(q), "k": list(k), "v": list(v),
        "mask": None if mask is None else {"kind": mask[0], "shape": list(mask[1])},
        "options": {a: b for a, b in (("isCausal", options.get("is_causal")), ("scale", options.get("scale")), ("enableGqa", options.get("enable_gqa"))) if b is not None},
        "out": sampled(out), "grads": [sampled(t) for t in grads],
    })


def same(b, h, t, d):
    return ((b, h, t, d),) * 3


case("plain", *same(2, 3, 33, 32))
case("width 64", *same(1, 2, 50, 64))
case("odd width", *same(1, 3, 37, 19))
case("one block and more", *same(1, 2, 150, 32))
case("several blocks", *same(1, 1, 300, 16))
case("scale", *same(1, 2, 20, 24), scale=0.3)
case("causal", *same(2, 2, 70, 32), is_causal=True)
case("causal, several blocks", *same(1, 2, 290, 16), is_causal=True)
case("causal, more keys", (1, 2, 40, 32), (1, 2, 70, 32), (1, 2, 70, 32), is_causal=True)
case("causal, more queries", (1, 2, 70, 32), (1, 2, 40, 32), (1, 2, 40, 32), is_causal=True)
case("cross", (2, 2, 21, 32), (2, 2, 75, 32), (2, 2, 75, 40))
case("shared heads", (2, 6, 35, 32), (2, 2, 41, 32), (2, 2, 41, 32), enable_gqa=True)
case("shared heads, causal", (1, 4, 60, 20), (1, 1, 60, 20), (1, 1, 60, 20), enable_gqa=True, is_causal=True)
case("padding", *same(2, 2, 45, 32), mask=("bool", (2, 1, 1, 45)))
case("bool", *same(2, 2, 45, 32), mask=("bool", (45, 45)))
case("bool of each head", *same(2, 2, 27, 17), mask=("bool", (2, 2, 27, 27)))
case("rows that see nothing", *same(2, 2, 45, 32), mask=("hidden", (2, 1, 45, 45)))
case("rows that see nothing, in numbers", *same(2, 2, 45, 32), mask=("infinite", (1, 2, 45, 45)))
case("added", *same(2, 2, 45, 32), mask=("float", (2, 1, 45, 45)))
case("added by key", *same(2, 2, 45, 32), mask=("float", (2, 1, 1, 45)))
case("added, learned", *same(2, 2, 25, 32), mask=("learned", (1, 2, 25, 25)))
case("one query", (2, 3, 1, 64), (2, 3, 97, 64), (2, 3, 97, 64))
case("one query, shared, padded", (2, 4, 1, 32), (2, 2, 133, 32), (2, 2, 133, 32), mask=("bool", (2, 1, 1, 133)), enable_gqa=True)
case("three queries", (1, 2, 3, 32), (1, 2, 65, 32), (1, 2, 65, 48), mask=("float", (3, 65)))
case("three queries, causal", (1, 4, 3, 32), (1, 2, 65, 32), (1, 2, 65, 32), is_causal=True, enable_gqa=True)
case("a key that only some see", (1, 1, 300, 16), (1, 1, 300, 16), (1, 1, 300, 16), mask=("hidden", (300, 300)))

write("attention", "attention", CASES)
