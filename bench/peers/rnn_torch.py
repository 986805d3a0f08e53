"""One layer of an LSTM, GRU or RNN over a whole sequence in PyTorch. `run KIND T B I H PASS reps`: PASS is `infer` (no gradient),
`forward` or `train` (forward and backward, with the gradient of the input): {"ms": [...]}. See protocol.py."""

import argparse
import functools

import torch

from protocol import clock, serve

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--threads", type=int, default=2)
torch.set_num_threads(parser.parse_args().threads)


@functools.lru_cache(maxsize=1)
def layer(kind, t, b, i, h):
    return getattr(torch.nn, kind)(i, h), torch.randn(t, b, i, requires_grad=True), torch.randn(t, b, h)


def run(kind, t, b, i, h, way, reps):
    rnn, x, g = layer(kind, int(t), int(b), int(i), int(h))

    def step():
        with torch.set_grad_enabled(way != "infer"):
            out, _ = rnn(x)
        if way == "train":
            rnn.zero_grad()
            x.grad = None
            out.backward(g)

    return {"ms": [clock(step) for _ in range(int(reps))]}


serve({"run": run})
