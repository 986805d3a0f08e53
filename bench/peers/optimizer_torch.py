"""clip_grad_norm_ and a step of AdamW over parameters of given sizes in PyTorch.

`list NAME SIZES`: makes parameters (sizes joined by commas). `run NAME KIND REPS`, KIND one of foreach, fused:
{"step": [ms], "clip": [ms]}. See protocol.py.
"""

import argparse

import torch

from protocol import clock, serve

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--threads", type=int, default=2)
torch.set_num_threads(parser.parse_args().threads)
made = {}


def make(name, sizes):
    made.clear()
    params = [torch.nn.Parameter(torch.randn(int(n))) for n in sizes.split(",")]
    for p in params:
        p.grad = torch.randn(p.shape)
    # One after the other over the same parameters, each with a state of its own.
    for kind in ("foreach", "fused"):
        made[name, kind] = params, torch.optim.AdamW(params, lr=1e-5, **{kind: True})
    return {}


def run(name, kind, reps):
    params, optimizer = made[name, kind]
    def clip():
        torch.nn.utils.clip_grad_norm_(params, 1.0).item()
        for p in params[:1]:
            p.grad.fill_(1.0)  # so that there is something to clip
    return {"clip": [clock(clip) for _ in range(int(reps))], "step": [clock(optimizer.step) for _ in range(int(reps))]}


serve({"list": make, "run": run})
