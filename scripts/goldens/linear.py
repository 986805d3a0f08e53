"""Linear layers with what may follow them. Writes test/fixtures/linear/linear.json, a list of
  { activation: name | null, x, weight, bias: tensor | null, residual: tensor | null, out, gradOut, grads: { x, weight, bias, residual } }
out is activation(x @ weight.T + bias) + residual. Weights and biases of float16 and bfloat16 stand beside a float32 x: PyTorch computes with
their values in float32, and the gradients are rounded to the dtypes of what they belong to. Tensors as in common.py.
"""

import torch
import torch.nn.functional as F

from common import encode, write

ACTIVATIONS = {
    None: lambda x: x,
    "relu": F.relu,
    "gelu": F.gelu,
    "geluTanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


def rounded(*shape, generator):
    return (torch.randn(*shape, generator=generator) * 100).round() / 100


def case(seed, lead, K, N, activation=None, bias=True, residual=False, dtype=torch.float32):
    g = torch.Generator().manual_seed(seed)
    x = rounded(*lead, K, generator=g).requires_grad_()
    weight = (rounded(N, K, generator=g) / 2).to(dtype).requires_grad_()
    inputs = {"x": x, "weight": weight}
    inputs["bias"] = rounded(N, generator=g).to(dtype).requires_grad_() if bias else None
    inputs["residual"] = rounded(*lead, N, generator=g).requires_grad_() if residual else None
    shift = inputs["bias"].float() if bias else None
    out = ACTIVATIONS[activation](F.linear(x, weight.float(), shift))
    if residual:
        out = out + inputs["residual"]
    grad_out = rounded(*lead, N, generator=g)
    out.backward(grad_out)
    encoded = {name: None if t is None else encode(t.float() if t.dtype != torch.float32 else t) for name, t in inputs.items()}
    grads = {name: None if t is None else encode(t.grad.float()) for name, t in inputs.items()}
    return {
        "activation": activation,
        "weightDtype": str(dtype).removeprefix("torch."),
        **encoded,
        "out": encode(out),
        "gradOut": encode(grad_out),
        "grads": grads,
    }


cases = []
for i, activation in enumerate(ACTIVATIONS):
    cases.append(case(i, [2, 3], 7, 6, activation, residual=True))
    cases.append(case(i + 10, [3], 5, 9, activation, bias=i % 2 == 0))
cases.append(case(20, [6], 14, 27, "gelu", residual=True))
for i, dtype in enumerate([torch.float16, torch.bfloat16]):
    cases.append(case(i + 30, [1], 24, 9, dtype=dtype))
    cases.append(case(i + 40, [6], 14, 27, "gelu", residual=True, dtype=dtype))
write("linear", "linear", cases)
