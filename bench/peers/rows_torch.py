"""Row kernels, pointwise operators and reductions in PyTorch. `row NAME N C reps times wanted`: NAME on [N, C], forward or, with
the names of inputs whose gradients are `wanted`, forward and backward; timed reps times: {"ms": [...]}. See protocol.py."""

import argparse
import functools

import torch
import torch.nn.functional as F

from protocol import clock, serve

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--threads", type=int, default=2)
torch.set_num_threads(parser.parse_args().threads)

CASES = {
    "gelu": lambda t: F.gelu(t["x"]),
    "geluTanh": lambda t: F.gelu(t["x"], approximate="tanh"),
    "exp": lambda t: t["x"].exp(),
    "silu": lambda t: F.silu(t["x"]),
    "tanh": lambda t: t["x"].tanh(),
    "sigmoid": lambda t: t["x"].sigmoid(),
    "relu": lambda t: F.relu(t["x"]),
    "add": lambda t: t["x"] + t["z"],
    "mul": lambda t: t["x"] * t["z"],
    "addRow": lambda t: t["x"] + t["row"],
    "addColumn": lambda t: t["x"] + t["column"],
    "addTransposed": lambda t: t["x"] + t["turned"].t(),
    "dropout": lambda t: F.dropout(t["x"], 0.1),
    "cumsum": lambda t: t["x"].cumsum(-1),
    "cumprod": lambda t: t["x"].cumprod(-1),
    "cummax": lambda t: t["x"].cummax(-1).values,
    "logcumsumexp": lambda t: t["x"].logcumsumexp(-1),
    "conv1d": lambda t: F.conv1d(t["x"].reshape(8, t["x"].shape[1], -1), t["turned"].reshape(-1)[: 64 * t["x"].shape[1] * 3].reshape(64, -1, 3)),
    "softmax": lambda t: F.softmax(t["x"], -1),
    "logSoftmax": lambda t: F.log_softmax(t["x"], -1),
    "layerNorm": lambda t: F.layer_norm(t["x"], t["x"].shape[-1:], t["row"], t["bias"]),
    "rmsNorm": lambda t: F.rms_norm(t["x"], t["x"].shape[-1:], t["row"], 1e-6),
    "addLayerNorm": lambda t: F.layer_norm(t["x"] + t["z"], t["x"].shape[-1:], t["row"], t["bias"]),
    "dropoutAdd": lambda t: F.dropout(t["x"], 0.1) + t["z"],
    "swiglu": lambda t: F.silu(t["x"]) * t["z"],
    "batchNorm": lambda t: F.batch_norm(t["x"].view(8, -1, t["x"].shape[-1]), None, None, training=True),
    "crossEntropy": lambda t: F.cross_entropy(t["x"], t["target"]),
    "smoothed": lambda t: F.cross_entropy(t["x"], t["target"], label_smoothing=0.1),
    "sum": lambda t: t["x"].sum(),
    "sum0": lambda t: t["x"].sum(0),
    "sum1": lambda t: t["x"].sum(1),
    "mean0": lambda t: t["x"].mean(0),
    "mean1": lambda t: t["x"].mean(1),
    "amax": lambda t: t["x"].amax(),
    "amax0": lambda t: t["x"].amax(0),
    "amax1": lambda t: t["x"].amax(1),
}


@functools.lru_cache(maxsize=1)
def inputs(name, N, C, wanted):
    made = {
        "x": torch.randn(N, C),
        "z": torch.randn(N, C),
        "row": torch.randn(C),
        "bias": torch.randn(C),
        "column": torch.randn(N, 1),
        "turned": torch.randn(C, N),
        "target": torch.randint(0, C, (N,)),
    }
    for each in wanted:
        made[each].requires_grad_()
    with torch.no_grad():
        g = torch.randn_like(CASES[name](made))
    return made, g


def row(name, N, C, reps, times, wanted):
    wanted = () if wanted == "-" else tuple(wanted.split(","))
    made, g = inputs(name, int(N), int(C), wanted)

    def once():
        y = CASES[name](made)
        if wanted:
            torch.autograd.grad(y, [made[each] for each in wanted], g)

    def run():
        for _ in range(int(times)):
            once()

    with torch.set_grad_enabled(bool(wanted)):
        for _ in range(3):
            once()
        return {"ms": [clock(run) / int(times) for _ in range(int(reps))]}


serve({"row": row})
