"""Hooks, functional transforms, per-sample gradients and parametrizations. Writes test/fixtures/autograd_api/.

hooks.json            { scenario: [[label, values | null, …], …] }: what the hooks saw, in order, and the gradients at the end
transforms.json       { inputs, jacobian, hessian, vjp, jvp, … } of the functions that src/tensor/functional/transforms.test.ts has too
per_sample.json       [{ name, inputs, state: { name: tensor }, grads: { name: [B, …] } }], from torch.func
parametrizations.json [{ name, state before, keys, state after, input, output, grads, text }]

    python scripts/goldens/autograd_api.py
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, grad, hessian, jacrev, jvp, vjp, vmap
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from common import draw, encode, values, write


def fill(module, scale=0.5):
    with torch.no_grad():
        for i, p in enumerate(module.parameters()):
            p.copy_(draw(100 + i, p.shape) * scale)
    return module


def seen(grads):
    return [None if g is None else values(g) for g in grads]


# ── hooks ──


def tensor_hooks():
    log = []
    x = draw(1, [3]).requires_grad_()
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: log.append(["second hook of y", values(g)]))
    x.register_hook(lambda g: log.append(["hook of x", values(g)]))
    x.register_post_accumulate_grad_hook(lambda t: log.append(["after x", values(t.grad)]))
    loss = (y * y).sum()
    loss.backward(retain_graph=True)
    log.append(["y.grad", values(y.grad)])
    loss.backward()
    log.append(["y.grad again", values(y.grad)])
    return log


def node_hooks():
    log = []
    x = draw(1, [3]).requires_grad_()
    y = x.exp()
    y.register_hook(lambda g: g * 2)
    y.grad_fn.register_prehook(lambda gs: (log.append(["pre", *seen(gs)]), (gs[0] * 3,))[1])
    y.grad_fn.register_hook(lambda gi, go: (log.append(["post", *seen(gi), *seen(go)]), (gi[0] + 1,))[1])
    (y * 1).sum().backward()
    log.append(["x.grad", values(x.grad)])
    return log


def module_hooks(requires_grad):
    log = []
    model = fill(nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 2)))
    x = draw(1, [2, 3]).requires_grad_(requires_grad)
    for i, layer in enumerate(model):
        layer.register_full_backward_pre_hook(lambda m, go, i=i: log.append([f"pre {i}", *seen(go)]))
        layer.register_full_backward_hook(lambda m, gi, go, i=i: log.append([f"post {i}", *seen(gi), *seen(go)]))
    model[2].register_full_backward_pre_hook(lambda m, go: (go[0] * 2,))
    model[1].register_full_backward_hook(lambda m, gi, go: (gi[0] * 3,))
    model[1].register_full_backward_hook(lambda m, gi, go: log.append(["post 1 again", *seen(gi), *seen(go)]))
    model.register_full_backward_hook(lambda m, gi, go: log.append(["whole", *seen(gi), *seen(go)]))
    model(x).square().sum().backward()
    for name, p in model.named_parameters():
        log.append([name, values(p.grad)])
    if requires_grad:
        log.append(["x.grad", values(x.grad)])
    return log


class Two(nn.Module):
    def forward(self, a, n, b):
        return a * n, b * a, b * 2


def several():
    log = []
    a, b = draw(1, [2]).requires_grad_(), draw(2, [2]).requires_grad_()
    two = Two()
    two.register_full_backward_pre_hook(lambda m, go: log.append(["pre", *seen(go)]))
    two.register_full_backward_hook(lambda m, gi, go: log.append(["post", *seen(gi), *seen(go)]))
    p, _, r = two(a, 3, b)
    (p.sum() + r.square().sum()).backward()
    q = two(a, 2, b.detach())[1]
    q.sum().backward()
    (two(a, 1, b)[0] + two(a, 5, b)[2]).sum().backward()
    log.append(["a.grad", values(a.grad)])
    log.append(["b.grad", values(b.grad)])
    return log


def state_hooks():
    log = []

    def watch(name, m):
        m.register_state_dict_pre_hook(lambda m, prefix, keep: log.append([f"{name} before state, {prefix}"]))
        m.register_state_dict_post_hook(
            lambda m, sd, prefix, meta: log.append([f"{name} after state, {prefix}: {' '.join(sd)}"])
        )
        m.register_load_state_dict_pre_hook(
            lambda m, sd, prefix, *rest: log.append([f"{name} before load, {prefix}: {prefix + 'weight' in sd}"])
        )
        m.register_load_state_dict_post_hook(
            lambda m, keys: log.append([f"{name} after load: {' '.join(keys.missing_keys)}"])
        )

    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, bias=False))
    watch("whole", model)
    watch("first", model[0])
    state = model.state_dict()
    del state["1.weight"]
    model.load_state_dict(state, strict=False)
    return log


def call_hooks():
    """Order, prepending, and hooks that are always called."""
    log = []
    m = nn.Identity()
    m.register_forward_pre_hook(lambda m, a: log.append(["pre 1"]))
    m.register_forward_pre_hook(lambda m, a: log.append(["pre 0"]), prepend=True)
    m.register_forward_hook(lambda m, a, r: log.append(["post 1"]))
    m.register_forward_hook(lambda m, a, r: log.append(["post 0"]), prepend=True)
    m(torch.ones(1))

    class Fails(nn.Module):
        def forward(self, x):
            raise ValueError("no")

    f = Fails()
    f.register_forward_hook(lambda m, a, r: log.append(["never"]))
    f.register_forward_hook(lambda m, a, r: log.append([f"always, {r}"]), always_call=True)
    try:
        f(torch.ones(1))
    except ValueError:
        log.append(["thrown"])
    return log


# ── transforms ──


def transforms():
    f = lambda x: torch.stack([x[0] * x[1] ** 2, (x * x).sum().sin(), x.exp().prod()])
    g = lambda x: (x**3).sum() * x[0] + x[1].sin() * x[2]
    h = lambda a, b: torch.tanh(a @ b)
    x, v, u = (draw(s, [3]).double() for s in (1, 2, 3))
    a, b = draw(4, [2, 3]).double(), draw(5, [3, 2]).double()
    da, db = draw(6, [2, 3]).double(), draw(7, [3, 2]).double()
    out, pull = vjp(h, a, b)
    cot = draw(8, [2, 2]).double()
    return {
        "jacobian": [encode(jacrev(f)(x))],
        "jacobian of b": [encode(jacrev(h, argnums=1)(a, b))],
        "hessian": [encode(hessian(g)(x))],
        "gradient": [encode(grad(g)(x))],
        "vjp": [encode(out), *(encode(t) for t in pull(cot))],
        "jvp": [encode(t) for t in jvp(f, (x,), (v,))],
        "jvp of two": [encode(t) for t in jvp(h, (a, b), (da, db))],
        "vmap": [encode(vmap(lambda r, c: r @ c, in_dims=(0, 1))(a, b))],
        "vmap of grad": [encode(vmap(grad(g))(torch.stack([x, v, u])))],
        "jacobian of grad": [encode(jacrev(grad(g))(x))],
    }


# ── per-sample gradients ──


class FirstOf(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, *args):
        return self.inner(*args)[0]


def per_sample():
    B, T = 3, 4
    x = draw(1, [B, T, 6])
    ids = torch.tensor([[1, 4, 4, 0], [2, 2, 2, 2], [0, 3, 1, 1]])
    options = dict(batch_first=True)
    cases = [
        ("Linear", nn.Linear(6, 5), x),
        ("Embedding", nn.Embedding(5, 3), ids),
        ("LayerNorm", nn.LayerNorm(6), x),
        ("RMSNorm", nn.RMSNorm(6), x),
        ("GroupNorm", nn.GroupNorm(2, 4), x),
        ("Conv1d", nn.Conv1d(4, 3, 2, padding=1), x),
        ("RNN", FirstOf(nn.RNN(6, 3, **options)), x),
        ("LSTM", FirstOf(nn.LSTM(6, 3, num_layers=2, bidirectional=True, **options)), x),
        ("GRU", FirstOf(nn.GRU(6, 3, **options)), x),
        ("MultiheadAttention", FirstOf(nn.MultiheadAttention(6, 2, **options)), x),
    ]
    out = []
    for name, module, given in cases:
        fill(module)
        params = {k: p.detach() for k, p in module.named_parameters()}

        def loss(params, sample):
            args = (sample.unsqueeze(0),) * (3 if name == "MultiheadAttention" else 1)
            y = functional_call(module, params, args)
            return (y * draw(9, y.shape)).square().mean()

        how = "vmap"
        try:
            grads = vmap(grad(loss), in_dims=(None, 0))(params, given)
        except Exception as error:  # the fused recurrent operators have no batching rule
            how = f"grad, one by one: {str(error)[:60]}"
            each = [grad(loss)(params, row) for row in given]
            grads = {k: torch.stack([g[k] for g in each]) for k in params}
        print(name, how)
        out.append({"name": name, "input": encode(given), "grads": {k: encode(g) for k, g in grads.items()}})
    return out


# ── parametrizations ──


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).T

    def right_inverse(self, a):
        return a.triu()


class Halved(nn.Module):
    def forward(self, x):
        return x / 2

    def right_inverse(self, x):
        return x * 2


def record(name, module, input, pick=lambda y: y, twice=False):
    entry = {"name": name, "keys": list(module.state_dict()), "parameters": [n for n, _ in module.named_parameters()]}
    entry["state"] = {k: encode(v) for k, v in module.state_dict().items()}
    x = input.clone()
    if x.is_floating_point():
        x.requires_grad_()
    y = pick(module(x))
    (y * draw(9, y.shape)).sum().backward()
    entry["input"], entry["output"] = encode(input), encode(y)
    entry["grads"] = {k: encode(p.grad) for k, p in module.named_parameters()}
    if x.requires_grad:
        entry["gradInput"] = encode(x.grad)
    entry["after"] = {k: encode(v) for k, v in module.state_dict().items()}
    module.eval()
    entry["evaluated"] = encode(pick(module(input)))
    entry["text"] = str(module)
    return entry


def parametrizations():
    first = lambda y: y[0]
    x = draw(1, [2, 4])
    conv = draw(2, [2, 4, 5])
    out = [
        record("weightNorm of Linear", weight_norm(fill(nn.Linear(4, 3))), x),
        record("weightNorm of Linear, dim 1", weight_norm(fill(nn.Linear(4, 3)), dim=1), x),
        record("weightNorm of Linear, all", weight_norm(fill(nn.Linear(4, 3)), dim=None), x),
        record("weightNorm of Conv1d", weight_norm(fill(nn.Conv1d(4, 3, 2))), conv),
        record("weightNorm of LSTM", weight_norm(fill(nn.LSTM(4, 2)), "weight_hh_l0"), conv.transpose(1, 2).contiguous(), first),
        record("symmetric, then halved", symmetric(fill(nn.Linear(4, 4))), x),
    ]
    for name, make, given in [
        ("spectralNorm of Linear", lambda: spectral_norm(fill(nn.Linear(4, 3))), x),
        ("spectralNorm of Conv1d", lambda: spectral_norm(fill(nn.Conv1d(4, 3, 2)), n_power_iterations=3), conv),
        ("spectralNorm of Embedding", lambda: spectral_norm(fill(nn.Embedding(5, 4))), torch.tensor([1, 3, 3])),
        ("spectralNorm of a bias", lambda: spectral_norm(fill(nn.Linear(4, 3)), "bias"), x),
    ]:
        torch.manual_seed(3)
        with torch.random.fork_rng():
            module = make.__call__()
        out.append(record(name, module, given))
    return out


def symmetric(module):
    parametrize.register_parametrization(module, "weight", Symmetric())
    parametrize.register_parametrization(module, "weight", Halved())
    return module


def spectral_start():
    """The buffers that seed 3 gives, when the modules' own initial draws have gone before."""
    torch.manual_seed(3)
    module = spectral_norm(nn.Linear(4, 3))
    return {k: encode(v) for k, v in module.state_dict().items()}


if __name__ == "__main__":
    write(
        "autograd_api",
        "hooks",
        {
            "tensor": tensor_hooks(),
            "node": node_hooks(),
            "module": module_hooks(True),
            "module without gradients of inputs": module_hooks(False),
            "several": several(),
            "state": state_hooks(),
            "call": call_hooks(),
        },
    )
    write("autograd_api", "transforms", transforms())
    write("autograd_api", "per_sample", per_sample())
    write("autograd_api", "parametrizations", parametrizations())
    write("autograd_api", "spectral_start", spectral_start())
