"""Operations on a few elements in PyTorch, as bench/small.ts has them. `run NAME TIMES REPS`: {"us": [microseconds a call]}.
See protocol.py.
"""

import argparse
import time

import torch

from protocol import serve

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--threads", type=int, default=2)
torch.set_num_threads(parser.parse_args().threads)

x, y = torch.randn(8), torch.randn(8)
w = torch.randn(8, requires_grad=True)
a, b = torch.randn(4, 4), torch.randn(4, 4)
m = torch.randn(4, 6)
mlp = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4))
batch = torch.randn(4, 8)


def chain():
    t = x
    for _ in range(10):
        t = t + y


def step():
    mlp.zero_grad()
    mlp(batch).sum().backward()


cases = {
    "add": lambda: x + y,
    "add-grad": lambda: w + y,
    "add-scope": lambda: x + y,
    "add-grad-scope": lambda: w + y,
    "chain": chain,
    "add-number": lambda: x + 1,
    "add-in-place": lambda: x.add_(0),
    "view": lambda: m.view(6, 4),
    "transpose": lambda: m.transpose(0, 1),
    "select": lambda: m.select(0, 1),
    "sum": lambda: x.sum(),
    "sum-item": lambda: x.sum().item(),
    "matmul": lambda: a @ b,
    "add-backward": lambda: (w + y).backward(y),
    "mlp": step,
}


def run(name, times, reps):
    body, n = cases[name], int(times)
    us = []
    for _ in range(int(reps)):
        start = time.perf_counter()
        for _ in range(n):
            body()
        us.append((time.perf_counter() - start) * 1e6 / n)
    return {"us": us}


serve({"run": run})
