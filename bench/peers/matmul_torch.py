"""float32 matrix products in PyTorch. `mm M N K reps [layout [batch]]`: [M, K] @ [K, N], timed reps times: {"ms": [...]}.
Layout: a letter for each operand, `n` as it is or `t` the transpose of a matrix that lies the other way round. See protocol.py."""

import argparse
import functools

import torch

from protocol import clock, serve

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--threads", type=int, default=2)
torch.set_num_threads(parser.parse_args().threads)
torch.set_grad_enabled(False)

# So many multiplications at least between two looks at the clock.
WORTH_TIMING = 2e6


@functools.lru_cache(maxsize=1)
def operands(m, n, k, layout, batch):
    items = (batch,) if batch > 1 else ()
    a = torch.randn(*items, k, m).mT if layout[0] == "t" else torch.randn(*items, m, k)
    b = torch.randn(*items, n, k).mT if layout[1] == "t" else torch.randn(*items, k, n)
    c = torch.matmul(a, b)
    torch.matmul(a, b, out=c)
    return a, b, c


def mm(m, n, k, reps, layout="nn", batch=1):
    m, n, k, batch = int(m), int(n), int(k), int(batch)
    a, b, c = operands(m, n, k, layout, batch)
    times = max(1, int(WORTH_TIMING / (batch * m * n * k)))

    def run():
        for _ in range(times):
            torch.matmul(a, b, out=c)

    return {"ms": [clock(run) / times for _ in range(int(reps))]}


serve({"mm": mm})
