"""nn.EmbeddingBag in every mode, with empty bags, padding, factors and a last offset. (PyTorch's operator samples have no maximum.)
Writes test/fixtures/embedding_bag/bags.json: [{ name, options, weight, ids, offsets?, perSampleWeights?, output, gradOutput,
gradWeight, gradFactors? }].

    python scripts/goldens/embedding_bag.py
"""

import torch
from torch import nn

from common import encode, write


def camel(options):
    return {"".join(w if i == 0 else w.title() for i, w in enumerate(k.split("_"))): v for k, v in options.items()}


def case(name, ids, offsets=None, factors=False, **options):
    g = torch.Generator().manual_seed(len(name))
    layer = nn.EmbeddingBag(6, 3, **options)
    with torch.no_grad():
        layer.weight.copy_((torch.randn(6, 3, generator=g) * 100).round() / 100)
    ids = torch.tensor(ids)
    weights = (torch.randn(ids.shape, generator=g) * 100).round().div(100).requires_grad_() if factors else None
    starts = None if offsets is None else torch.tensor(offsets)
    y = layer(ids, starts, per_sample_weights=weights)
    grad_y = (torch.randn(y.shape, generator=g) * 100).round() / 100
    grads = torch.autograd.grad(y, [layer.weight, *([weights] if factors else [])], grad_y)
    out = {"name": name, "options": camel(options), "weight": encode(layer.weight), "ids": encode(ids.int())}
    if starts is not None:
        out["offsets"] = encode(starts.int())
    if factors:
        out |= {"perSampleWeights": encode(weights), "gradFactors": encode(grads[1])}
    return out | {"output": encode(y), "gradOutput": encode(grad_y), "gradWeight": encode(grads[0])}


square = [[1, 2, 2], [5, 0, 1]]
flat = [4, 1, 1, 0, 5, 2]
cases = []
for mode in ("sum", "mean", "max"):
    cases += [
        case(f"{mode} of bags of one size", square, mode=mode),
        case(f"{mode} from offsets, bags empty", flat, [0, 2, 2, 5, 6], mode=mode),
        case(f"{mode} with padding", flat, [0, 1, 3], mode=mode, padding_idx=1),
        case(f"{mode} to a last offset", flat, [0, 2, 6], mode=mode, include_last_offset=True),
    ]
cases += [case("factors", square, factors=True, mode="sum"), case("factors from offsets with padding", flat, [0, 4], factors=True, mode="sum", padding_idx=-1)]
write("embedding_bag", "bags", cases)
