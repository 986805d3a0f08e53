"""BatchNorm1d and BatchNorm2d over a few batches: outputs, gradients, state after training, and outputs in evaluation.
Writes test/fixtures/batch_norm/layers.json."""

import torch
from torch import nn

from common import encode, write

CASES = [
    ("BatchNorm1d", (5, 3), {}),
    ("BatchNorm1d", (2, 3, 9), {"momentum": None}),
    ("BatchNorm1d", (4, 2, 3), {"affine": False}),
    ("BatchNorm1d", (4, 3), {"track_running_stats": False, "eps": 0.1}),
    ("BatchNorm2d", (2, 3, 3, 4), {"momentum": 0.3}),
    ("BatchNorm2d", (3, 2, 1, 1), {"bias": False}),
]


def case(kind, shape, args):
    layer = getattr(nn, kind)(shape[1], **args)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    # A copy each: the layer goes on changing its own.
    start = {name: encode(t.clone()) for name, t in layer.state_dict().items()}
    steps = []
    for _ in range(3):
        x = (torch.randn(shape) * 2 + 1).requires_grad_()
        y = layer(x)
        g = torch.randn_like(y)
        grads = torch.autograd.grad(y, [x, *layer.parameters()], g)
        steps.append({"x": encode(x), "y": encode(y), "g": encode(g), "grads": [encode(t) for t in grads]})
    after = {name: encode(t) for name, t in layer.state_dict().items()}
    layer.eval()
    x = torch.randn(shape).requires_grad_()
    y = layer(x)
    g = torch.randn_like(y)
    grads = torch.autograd.grad(y, [x, *layer.parameters()], g)
    evaluation = {"x": encode(x), "y": encode(y), "g": encode(g), "grads": [encode(t) for t in grads]}
    return {
        **{"kind": kind, "channels": shape[1], "args": args, "repr": repr(layer)},
        **{"start": start, "steps": steps, "after": after, "evaluation": evaluation},
    }


torch.manual_seed(0)
write("batch_norm", "layers", [case(*each) for each in CASES])
