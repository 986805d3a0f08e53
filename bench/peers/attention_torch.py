"""F.scaled_dot_product_attention in PyTorch, over views of [B, T, H, D]. `run B H Tq Tk D CAUSAL PASS reps`: PASS is `forward`
(without gradients) or `train` (forward and backward), timed reps times: {"ms": [...]}. See protocol.py."""

import argparse
import functools

import torch
import torch.nn.functional as F

from protocol import clock, serve

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--threads", type=int, default=2)
torch.set_num_threads(parser.parse_args().threads)


@functools.lru_cache(maxsize=1)
def operands(b, h, tq, tk, d, grad):
    made = [torch.randn(b, t, h, d, requires_grad=grad).transpose(1, 2) for t in (tq, tk, tk)]
    return made, torch.randn(b, tq, h, d).transpose(1, 2)


def run(b, h, tq, tk, d, causal, way, reps):
    (q, k, v), g = operands(int(b), int(h), int(tq), int(tk), int(d), way == "train")

    def once():
        if way == "train":
            torch.autograd.grad(F.scaled_dot_product_attention(q, k, v, is_causal=causal == "1"), (q, k, v), g)
        else:
            with torch.no_grad():
                F.scaled_dot_product_attention(q, k, v, is_causal=causal == "1")

    once()
    return {"ms": [clock(once) for _ in range(int(reps))]}


serve({"run": run})
