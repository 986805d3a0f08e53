"""Loads the optimizer states that Kindling saves into PyTorch's optimizers, which must go on along the trajectories of optim.py.

    python scripts/goldens/check_optimizer_states.py
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import torch.optim

from common import FIXTURES
from optim import kind, problem, rosenbrock

root = pathlib.Path(__file__).resolve().parents[2]
node = root / "node_modules" / ".bin" / "node"


def snake(name):
    return re.sub("([A-Z])", lambda m: "_" + m[1].lower(), name)


def spelled(options):
    return {snake(k): v for k, v in options.items()}


def read(name):
    return json.loads((FIXTURES / "optim" / f"{name}.json").read_text())


def compare(name, at, params, wanted, tolerance):
    for p, w in zip(params, wanted):
        w = torch.tensor([float(x) for x in w], dtype=p.dtype).view_as(p)
        if not torch.allclose(p, w, rtol=tolerance, atol=tolerance):
            sys.exit(f"{name}, step {at + 1}: {p.tolist()}, wants {w.tolist()}")


def main(file):
    program = [str(node), "--conditions=kindling-source", str(root / "scripts/goldens/optimizer_states.ts"), file]
    subprocess.run(program, check=True, cwd=root, env={**os.environ, "PATH": f"{node.parent}:{os.environ['PATH']}"})
    saved = torch.load(file, weights_only=True)
    _, grads = problem()
    for golden in read("optimizers"):
        name = golden["name"]
        params = [torch.nn.Parameter(p.clone()) for p in saved[name]["params"]]
        groups = golden.get("groups")
        given = params if groups is None else [{**spelled(g), "params": [params[i] for i in g["params"]]} for g in groups]
        optimizer = kind(golden["optimizer"])(given, **spelled(golden["options"]))
        optimizer.load_state_dict(saved[name]["state"])
        for at in range(10, len(grads)):
            for p, grad in zip(params, grads[at]):
                p.grad = None if grad is None else (grad + p.detach() if golden.get("feedback") else grad.clone())
            optimizer.step()
            compare(name, at, [p.detach() for p in params], golden["trajectory"][at], 1e-5)
        print("ok", name)
    for golden in read("lbfgs"):
        name = golden["name"]
        params = [torch.nn.Parameter(p.clone()) for p in saved[name]["params"]]
        optimizer = torch.optim.LBFGS(params, **spelled(golden["options"]))
        optimizer.load_state_dict(saved[name]["state"])

        def closure():
            optimizer.zero_grad()
            loss = rosenbrock(torch.cat(params))
            loss.backward()
            return loss

        for at in range(3, len(golden["steps"])):
            optimizer.step(closure)
            compare(name, at, [torch.cat(params).detach()], [golden["steps"][at]["x"]], 1e-8)
        print("ok", name)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(os.path.join(folder, "states.pt"))
