"""float32 matrix products in PyTorch. `mm M N K reps`: [M, K] @ [K, N], reps times: {"ms": [...]}. See protocol.py."""

import argparse
import functools

import torch

from protocol import clock, serve

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--threads", type=int, default=2)
torch.set_num_threads(parser.parse_args().threads)


@functools.lru_cache(maxsize=4)
def operands(m, n, k):
    a, b = torch.randn(m, k), torch.randn(k, n)
    torch.mm(a, b)
    return a, b


def mm(m, n, k, reps):
    a, b = operands(int(m), int(n), int(k))
    return {"ms": [clock(lambda: torch.mm(a, b)) for _ in range(int(reps))]}


serve({"mm": mm})
