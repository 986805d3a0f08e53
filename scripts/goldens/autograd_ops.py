"""Values and gradients of the operators that training scripts use. Writes test/fixtures/autograd_ops/<family>.json.

Each file is a list of
  { op, inputs: [tensor], args: {camelCase}, outputs: [tensor], gradOutputs: [tensor | null], gradInputs: [tensor | null] }
with tensors as in common.py. An input with `perm` is strided: shape and data are those of the contiguous tensor
underneath, the input is its permutation. gradInputs has the logical shape of the input (null: integer or bool input, or
the operator has no gradient for it); gradOutputs is null where the output has no gradient (indices, comparisons).
`op` is our spelling of PyTorch's name; tensors beyond the first that PyTorch takes as arguments (index, mask, weight) follow
in `inputs` in PyTorch's order, and `cat`, `stack` take all inputs as their list. `args.given` names the last inputs that are optional arguments (weight, bias,
attnMask). `norm` is linalg.vector_norm; `rsub` is other - x; `rpow` is base ** x; `index` is x[i, j, ...]; `slice` is
x[..., start:end:step] in dimension dim; `split` has size or sizes; in embedding the weight comes first.

promotion.json  { dtypes, add: [[dtype of a + b]], zeroDim: [[a 1-d, b 0-d]], scalar: { int, float, bool: [dtype + scalar] },
                  div: [[a / b]], sum: [dtype], mean: [dtype | null], cumsum: [dtype] }; rows are a, columns b
"""

import json
import math
import zlib

import torch
import torch.nn.functional as F

from common import dtype_name, encode, write

FAMILIES = {}
family = None
f32, i64 = torch.float32, torch.int64
nan, inf = math.nan, math.inf


class Input:
    """A tensor to make: random unless `data` is given; `kind` keeps it where the operator is defined and smooth."""

    def __init__(self, *shape, kind="normal", perm=None, data=None, dtype=None, fixed=False):
        self.shape, self.kind, self.perm, self.data, self.dtype, self.fixed = shape, kind, perm, data, dtype, fixed

    def base(self, g):
        if self.data is not None:
            return torch.tensor(self.data, dtype=self.dtype)
        x = torch.randn(self.shape, generator=g)
        if self.kind == "positive":
            x = x.abs() + 0.1
        elif self.kind == "unit":
            x = torch.rand(self.shape, generator=g) * 0.9 + 0.05
        elif self.kind == "bool":
            return torch.rand(self.shape, generator=g) < 0.5
        elif self.kind == "small":
            x = x * 0.3
        elif self.kind == "distinct":  # no ties, gaps far beyond rounding
            x = (torch.randperm(x.numel(), generator=g).float() * 0.25 - x.numel() / 8).reshape(self.shape)
        x = (x * 100).round() / 100
        return x.to(self.dtype) if self.dtype is not None else x


def X(*shape, **more):
    return Input(*shape, **more)


def ids(data, dtype=i64):
    return Input(data=data, dtype=dtype)


def fixed(*shape, **more):
    """A float input that gets no gradient."""
    return Input(*shape, fixed=True, **more)


def snake(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def case(op, inputs, fn=None, **args):
    """Run `fn` (default: PyTorch's function of that name) on the inputs, with `args` in PyTorch's spelling."""
    fn = fn or getattr(torch, snake(op), None) or getattr(F, snake(op))
    seed = zlib.crc32(json.dumps([op, args, [[list(i.shape), i.kind, i.perm] for i in inputs]], default=str).encode())
    g = torch.Generator().manual_seed(seed)
    bases = [i.base(g) for i in inputs]
    leaves = []
    for spec, base in zip(inputs, bases):
        leaf = (base if spec.perm is None else base.permute(spec.perm)).detach()
        leaves.append(leaf.requires_grad_() if leaf.is_floating_point() and not spec.fixed else leaf)
    given = args.get("given", [])
    named = {snake(k): v for k, v in args.items() if k != "given"} | {snake(k): v for k, v in zip(given, leaves[len(leaves) - len(given) :])}
    out = fn(*leaves[: len(leaves) - len(given)], **named)
    outputs = list(out) if isinstance(out, (tuple, list)) else [out]
    grad_outputs = [(torch.randn(o.shape, generator=g) * 10).round() / 10 if o.requires_grad else None for o in outputs]
    wanted = [leaf for leaf in leaves if leaf.requires_grad]
    pairs = [(o, d) for o, d in zip(outputs, grad_outputs) if d is not None]
    got = []
    if pairs and wanted:
        pairs = [(o, d.to(o.dtype)) for o, d in pairs]
        got = torch.autograd.grad([o for o, _ in pairs], wanted, [d for _, d in pairs], allow_unused=True)
    grads = dict(zip(map(id, wanted), got))
    FAMILIES[family].append({
        "op": op,
        "inputs": [encode(b, i.perm) for b, i in zip(bases, inputs)],
        "args": args,
        "outputs": [encode(o) for o in outputs],
        "gradOutputs": [None if d is None else encode(d) for d in grad_outputs],
        "gradInputs": [None if grads.get(id(leaf)) is None else encode(grads[id(leaf)]) for leaf in leaves],
    })  # fmt: skip


def start(name):
    global family
    family = name
    FAMILIES[name] = []


def pointwise():
    start("pointwise")
    for op in ("add", "sub", "mul", "div"):
        second = "positive" if op == "div" else "normal"
        case(op, [X(2, 3), X(2, 3, kind=second)])
        case(op, [X(2, 3), X(3, kind=second)])
        case(op, [X(4, 1, 3), X(5, 1, kind=second)])
        case(op, [X(2, 3), X(kind=second)])
        case(op, [X(3, 2, perm=(1, 0)), X(2, 3, kind=second)])
        case(op, [X(2, 3)], other=2.5)
    case("add", [X(0, 3), X(3)])
    case("add", [X(2, 3), X(2, 3)], alpha=-0.5)
    case("rsub", [X(2, 3)], other=1.5)
    case("div", [X(5), X(5, kind="positive")], roundingMode="floor")
    case("div", [X(5), X(5, kind="positive")], roundingMode="trunc")
    case("remainder", [X(data=[-3.5, -1.0, 2.25, 7.5]), X(data=[2.0, 3.0, -2.0, 2.0])])
    case("maximum", [X(2, 3), X(2, 3)])
    case("maximum", [X(data=[1.0, 2.0, nan]), X(data=[1.0, 3.0, 0.0])])
    case("minimum", [X(2, 3), X(3)])
    case("minimum", [X(data=[1.0, 2.0, 0.5]), X(data=[1.0, nan, 0.0])])
    case("lerp", [X(2, 3), X(2, 3)], weight=0.3)
    case("addcmul", [X(2, 3), X(2, 3), X(3)], value=0.5)
    case("addcdiv", [X(2, 3), X(2, 3), X(3, kind="positive")], value=0.5)
    case("atan2", [X(5), X(5)])
    for op in ("neg", "exp", "sin", "cos", "tanh", "sigmoid", "erf", "square", "expm1", "relu", "sign", "floor", "ceil", "round", "trunc"):
        case(op, [X(2, 5)])
    for op in ("silu", "softplus", "mish", "elu", "hardswish", "hardtanh"):
        case(op, [X(2, 5)])
    case("logSigmoid", [X(2, 5)], F.logsigmoid)
    for op in ("sqrt", "rsqrt", "log", "log2", "reciprocal"):
        case(op, [X(2, 5, kind="positive")])
    case("log1p", [X(2, 5, kind="unit")])
    case("abs", [X(data=[[-1.5, 0.0, 2.0], [0.25, -0.0, -3.0]])])
    case("relu", [X(data=[-1.0, 0.0, 2.0, nan])])
    case("exp", [X(3, 4, perm=(1, 0))])
    case("tanh", [X(data=[-100.0, -9.0, 1e-4, 20.0])])
    case("sigmoid", [X(data=[-100.0, -20.0, 0.0, 30.0])])
    case("log", [X(data=[0.0, 1.0, 1e-30])])
    case("sqrt", [X(data=[0.0, 4.0, 1e-30])])
    case("leakyRelu", [X(2, 5)], F.leaky_relu, negativeSlope=0.2)
    for approximate in ("none", "tanh"):
        case("gelu", [X(2, 7)], approximate=approximate)
        case("gelu", [X(data=[-12.0, -4.0, 0.0, 5.0, 12.0])], approximate=approximate)
    for exponent in (2, 3, 0.5, -1, 0, 1, 1.7):
        case("pow", [X(2, 3, kind="positive")], exponent=exponent)
    case("pow", [X(2, 3)], exponent=3)
    case("pow", [X(2, 3, kind="positive"), X(3)])
    case("rpow", [X(5)], lambda x, base: base**x, base=2)
    case("clamp", [X(2, 5)], min=-0.5, max=0.5)
    case("clamp", [X(data=[-1.0, -0.5, 0.0, 0.5, 1.0])], min=-0.5, max=0.5)
    case("clamp", [X(2, 5)], min=0.0)
    case("clamp", [X(2, 5)], max=0.3)
    case("where", [X(2, 3, kind="bool"), X(2, 3), X(3)])
    case("where", [X(data=[True, False]), X(data=[1.0, nan]), X(data=[nan, 2.0])])
    case("where", [X(2, 1, kind="bool"), X(2, 3)], lambda c, x, other: torch.where(c, x, other), other=-1.0)
    case("maskedFill", [X(2, 3), X(2, 3, kind="bool")], value=-inf)
    case("maskedFill", [X(2, 2, 3), X(2, 1, 3, kind="bool")], value=0.5)
    case("glu", [X(3, 6)], dim=-1)
    for op in ("eq", "ne", "lt", "le", "gt", "ge"):
        case(op, [X(data=[1.0, 2.0, nan, -1.0]), X(data=[1.0, 3.0, nan, -2.0])])
    case("logicalAnd", [X(4, kind="bool"), X(4, kind="bool")])
    case("logicalNot", [X(data=[0.0, 1.5, nan])])
    case("isnan", [X(data=[0.0, nan, inf])])
    case("isfinite", [X(data=[0.0, nan, inf, -inf])])


def reductions():
    start("reductions")
    for op in ("sum", "mean", "amax", "amin"):
        case(op, [X(2, 3, 4, kind="distinct")])
        case(op, [X(2, 3, 4, kind="distinct")], dim=1)
        case(op, [X(2, 3, 4, kind="distinct")], dim=[0, 2], keepdim=True)
        case(op, [X(2, 3, 4, kind="distinct", perm=(2, 0, 1))], dim=-1)
    case("sum", [X(0, 3)], dim=0)
    case("sum", [X()])
    case("sum", [ids([[1, 2], [3, 4]], torch.int32)])
    case("mean", [X(0)])
    case("amax", [X(data=[[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])], dim=1)
    case("amin", [X(data=[1.0, 1.0, 5.0])])
    for op in ("max", "min"):
        case(op, [X(3, 4, kind="distinct")])
        case(op, [X(3, 4, kind="distinct")], dim=1)
        case(op, [X(3, 4, kind="distinct")], dim=0, keepdim=True)
        case(op, [X(data=[2.0, 5.0, 5.0, 2.0])])
        case(op, [X(data=[[2.0, 5.0, 5.0, 2.0], [1.0, nan, 0.0, nan]])], dim=1)
    for op in ("argmax", "argmin"):
        case(op, [X(3, 4, kind="distinct")])
        case(op, [X(3, 4, kind="distinct")], dim=-1)
        case(op, [X(data=[[1.0, 7.0, 7.0], [0.0, 0.0, -1.0]])], dim=1, keepdim=True)
    for op in ("var", "std"):
        case(op, [X(3, 4)])
        case(op, [X(3, 4)], dim=1, correction=0)
        case(op, [X(2, 3, 4)], dim=[0, 1], keepdim=True)
    case("logsumexp", [X(3, 4)], dim=1)
    case("logsumexp", [X(3, 4)], dim=0, keepdim=True)
    case("logsumexp", [X(data=[[-inf, 1.0], [500.0, 500.0]])], dim=1)
    case("cumsum", [X(3, 4)], dim=1)
    case("cumsum", [X(2, 3, 2)], dim=0)
    case("cumsum", [ids([1, 2, 3], torch.int32)], dim=0)
    case("cumprod", [X(2, 4)], dim=1)
    case("prod", [X(2, 3)])
    case("prod", [X(2, 3)], dim=1)
    case("prod", [X(data=[[0.0, 2.0, 3.0], [0.0, 0.0, 3.0]])], dim=1)

    def norm(x, p, **more):
        return torch.linalg.vector_norm(x, p, **more)

    case("norm", [X(2, 3)], norm, p=2)
    case("norm", [X(2, 3)], norm, p=2, dim=1)
    case("norm", [X(2, 3)], norm, p=1, dim=0, keepdim=True)
    case("norm", [X(2, 3, kind="distinct")], norm, p=inf)
    case("norm", [X(2, 3)], norm, p=3)
    case("norm", [X(data=[0.0, 0.0])], norm, p=2)
    case("all", [X(2, 3, kind="bool")], dim=1)
    case("any", [X(2, 3, kind="bool")], dim=0)


def shapes():
    start("shapes")

    def cut(x, dim, start, end, step):
        return x[(slice(None),) * dim + (slice(start, end, step),)]

    case("reshape", [X(2, 6)], shape=[3, -1])
    case("reshape", [X(3, 4, perm=(1, 0))], shape=[2, 6])
    case("flatten", [X(2, 3, 2)], startDim=1)
    case("permute", [X(2, 3, 4)], dims=[2, 0, 1])
    case("transpose", [X(2, 3, 2)], dim0=-1, dim1=0)
    case("unsqueeze", [X(2, 3)], dim=1)
    case("squeeze", [X(2, 1, 3, 1)])
    case("squeeze", [X(2, 1, 3)], dim=1)
    case("expand", [X(2, 1)], lambda x, shape: x.expand(shape), shape=[3, 2, 4])
    case("expand", [X(1, 3)], lambda x, shape: x.expand(shape), shape=[2, -1])
    case("slice", [X(5, 3)], cut, dim=0, start=1, end=5, step=2)
    case("slice", [X(3, 7)], cut, dim=1, start=-6, end=-1, step=3)
    case("slice", [X(4, 3, perm=(1, 0))], cut, dim=1, start=1, end=100, step=1)
    case("slice", [X(3, 2)], cut, dim=0, start=2, end=2, step=1)
    case("select", [X(3, 4)], dim=1, index=-1)
    case("narrow", [X(4, 3)], dim=0, start=1, length=2)
    case("diagonal", [X(3, 4)])
    case("diagonal", [X(2, 3, 3)], offset=1, dim1=-2, dim2=-1)

    def join(fn):
        return lambda *x, dim: fn(x, dim)

    case("cat", [X(2, 3), X(1, 3), X(0, 3)], join(torch.cat), dim=0)
    case("cat", [X(2, 3), X(2, 2), X(4, 2, perm=(1, 0))], join(torch.cat), dim=-1)
    case("stack", [X(2, 3), X(2, 3)], join(torch.stack), dim=1)
    case("stack", [X(3), X(3), X(3)], join(torch.stack), dim=-1)
    case("split", [X(5, 2)], lambda x, size, dim: x.split(size, dim), size=2, dim=0)
    case("split", [X(2, 6)], lambda x, size, dim: x.split(size, dim), size=[1, 3, 2], dim=1)
    case("chunk", [X(2, 7)], chunks=3, dim=1)
    case("unbind", [X(3, 2)], dim=0)
    case("unbind", [X(2, 3)], dim=1)
    case("pad", [X(2, 3)], F.pad, pad=[1, 2], value=0.5)
    case("pad", [X(2, 3)], F.pad, pad=[0, 1, 2, 0], value=0)
    case("pad", [X(2, 5)], F.pad, pad=[-1, -2], value=0)
    for op in ("tril", "triu"):
        case(op, [X(3, 4)])
        case(op, [X(2, 3, 3)], diagonal=1)
        case(op, [X(4, 3)], diagonal=-2)
    case("flip", [X(2, 3)], dims=[1])
    case("flip", [X(2, 3, 2)], dims=[0, -1])
    case("roll", [X(2, 4)], shifts=[1, -1], dims=[0, 1])
    case("roll", [X(2, 3)], shifts=2)
    case("repeat", [X(2, 3)], lambda x, repeats: x.repeat(repeats), repeats=[2, 1, 3])
    case("repeatInterleave", [X(3, 2)], repeats=2, dim=0)
    case("repeatInterleave", [X(3, 2), ids([2, 0, 3])], dim=0)
    case("unfold", [X(7)], lambda x, dim, size, step: x.unfold(dim, size, step), dim=0, size=3, step=2)
    case("movedim", [X(2, 3, 4)], source=0, destination=2)
    case("asStrided", [X(2, 6)], size=[3, 3], stride=[2, 1], storageOffset=1)


def indexing():
    start("indexing")

    def along(op):
        return lambda x, *rest, dim, **more: getattr(x, op)(dim, *rest, **more)

    case("indexSelect", [X(4, 3), ids([2, 0, 2])], along("index_select"), dim=0)
    case("indexSelect", [X(2, 5), ids([4, 4, 1])], along("index_select"), dim=1)
    case("gather", [X(3, 4), ids([[0, 3], [1, 1], [2, 0]])], along("gather"), dim=1)
    case("gather", [X(3, 4), ids([[2, 0, 1]])], along("gather"), dim=0)
    case("scatter", [X(3, 4), ids([[0, 3], [1, 2], [2, 0]]), X(3, 2)], along("scatter"), dim=1)
    case("scatter", [X(2, 3), ids([[0], [2]])], along("scatter"), dim=1, value=-1.0)
    case("scatterAdd", [X(3, 4), ids([[0, 3, 0], [1, 1, 1]]), X(2, 3)], along("scatter_add"), dim=1)
    case("scatterAdd", [X(3, 2), ids([[0, 2], [0, 2], [1, 0]]), X(3, 2)], along("scatter_add"), dim=0)
    case("indexAdd", [X(3, 2), ids([0, 2, 0]), X(3, 2)], along("index_add"), dim=0)
    case("indexCopy", [X(3, 2), ids([2, 0]), X(2, 2)], along("index_copy"), dim=0)

    def index(x, *at):
        return x[at]

    def index_put(x, at, value, accumulate):
        return x.index_put((at,), value, accumulate)

    case("index", [X(4, 3), ids([3, 0, 3])], index)
    case("index", [X(4, 3), ids([[1, 2], [0, 1]])], index)
    case("index", [X(4, 3), ids([3, 0]), ids([1, 2])], index)
    case("index", [X(3, 2), X(data=[True, False, True])], index)
    case("indexPut", [X(4, 3), ids([3, 0]), X(2, 3)], index_put, accumulate=False)
    case("indexPut", [X(4, 3), ids([1, 1]), X(2, 3)], index_put, accumulate=True)
    case("maskedSelect", [X(2, 3), X(2, 3, kind="bool")])
    case("maskedScatter", [X(2, 3), X(data=[[True, False, True], [False, True, False]]), X(4)])
    case("takeAlongDim", [X(3, 4), ids([[0], [3], [1]])], dim=1)

    def embedding(w, i, **more):
        return F.embedding(i, w, **more)

    case("embedding", [X(5, 3), ids([[1, 0, 4], [1, 2, 1]])], embedding)
    case("embedding", [X(5, 3), ids([[1, 0, 4], [1, 2, 1]])], embedding, paddingIdx=1)
    case("embedding", [X(5, 3), ids(3)], embedding)
    case("embedding", [X(4, 2), ids([[0, 3]], torch.int32)], embedding, paddingIdx=-1)
    case("oneHot", [ids([[0, 2], [1, 0]])])
    case("oneHot", [ids([3, 1])], numClasses=5)
    case("nonzero", [X(data=[[0.0, 1.0], [2.0, 0.0]])])
    case("bincount", [ids([0, 2, 2, 5])])
    case("isin", [ids([1, 2, 3, 4]), ids([2, 4])])
    case("searchsorted", [X(data=[1.0, 3.0, 5.0]), X(data=[0.0, 3.0, 6.0])])


def matmuls():
    start("matmul")
    shapes = [
        ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((1, 1), (1, 1)), ((5, 7), (7, 3)),
        ((2, 3, 4), (4,)), ((4,), (2, 4, 3)), ((2, 3, 4), (4, 5)), ((3, 4), (2, 4, 5)), ((2, 3, 4), (2, 4, 5)),
        ((1, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (5, 4, 2)), ((2, 3, 2, 4), (2, 3, 4, 2)), ((2, 1, 2, 3), (1, 3, 3, 2)),
        ((0, 3), (3, 2)), ((2, 0), (0, 3)),
    ]  # fmt: skip
    for a, b in shapes:
        case("matmul", [X(*a), X(*b)])
    case("matmul", [X(4, 3, perm=(1, 0)), X(4, 2)])
    case("matmul", [X(3, 4), X(5, 4, perm=(1, 0))])
    case("matmul", [X(4, 3, perm=(1, 0)), X(5, 4, perm=(1, 0))])
    case("matmul", [X(2, 4, 3, perm=(0, 2, 1)), X(2, 5, 4, perm=(0, 2, 1))])
    case("matmul", [X(3, 2, 4, perm=(1, 0, 2)), X(4, 2)])
    case("mm", [X(3, 2), X(2, 4)])
    case("bmm", [X(2, 3, 4), X(2, 4, 2)])
    case("mv", [X(3, 4), X(4)])
    case("dot", [X(5), X(5)])
    case("outer", [X(3), X(4)])
    case("addmm", [X(4), X(3, 2), X(2, 4)])
    case("addmm", [X(3, 4), X(3, 2), X(2, 4)], beta=0.5, alpha=-2.0)
    case("baddbmm", [X(2, 1, 4), X(2, 3, 2), X(2, 2, 4)], beta=0.0, alpha=0.5)
    case("linear", [X(2, 3, 4), X(5, 4), X(5)], F.linear, given=["bias"])
    case("linear", [X(4), X(5, 4)], F.linear)
    case("bilinear", [X(3, 2), X(3, 4), X(5, 2, 4), X(5)], given=["bias"])

    def einsum(*x, equation):
        return torch.einsum(equation, *x)

    case("einsum", [X(2, 3, 4), X(2, 5, 4)], einsum, equation="bik,bjk->bij")
    case("einsum", [X(3, 4), X(4, 5), X(5)], einsum, equation="ik,kj,j->i")
    case("cosineSimilarity", [X(3, 4), X(3, 4)], dim=1)
    op = "scaledDotProductAttention"
    q, k, v = X(1, 2, 3, 4), X(1, 2, 5, 4), X(1, 2, 5, 3)
    keep = [[[[True, False, True, True, False], [False] * 5, [True] * 5]]]
    case(op, [q, k, v])
    case(op, [q, k, v], isCausal=True)
    case(op, [q, k, v], scale=0.3)
    case(op, [q, k, v, X(1, 1, 3, 5)], given=["attnMask"])
    case(op, [q, k, v, X(data=keep)], given=["attnMask"])
    case(op, [X(1, 4, 3, 4), X(1, 2, 3, 4), X(1, 2, 3, 4)], isCausal=True, enableGqa=True)


def normalisation():
    start("normalisation")
    for op in ("softmax", "logSoftmax"):
        for dim in (0, 1, -1):
            case(op, [X(2, 3, 4)], dim=dim)
        case(op, [X(5)], dim=0)
        case(op, [X(4, 3, perm=(1, 0))], dim=-1)
        case(op, [X(data=[[1000.0, 1001.0, -1000.0], [0.0, -inf, 0.0]])], dim=-1)
        case(op, [X(data=[[-inf, -inf]])], dim=-1)
    case("layerNorm", [X(2, 3, 5), X(5), X(5)], F.layer_norm, normalizedShape=[5], given=["weight", "bias"])
    case("layerNorm", [X(3, 4)], F.layer_norm, normalizedShape=[4])
    case("layerNorm", [X(3, 4), X(4)], F.layer_norm, normalizedShape=[4], given=["weight"])
    case("layerNorm", [X(2, 3, 4), X(3, 4), X(3, 4)], F.layer_norm, normalizedShape=[3, 4], eps=0.1, given=["weight", "bias"])
    case("rmsNorm", [X(2, 3, 5), X(5)], F.rms_norm, normalizedShape=[5], eps=1e-6, given=["weight"])
    case("rmsNorm", [X(2, 5)], F.rms_norm, normalizedShape=[5])
    case("groupNorm", [X(2, 4, 3), X(4), X(4)], F.group_norm, numGroups=2, given=["weight", "bias"])

    def batch_norm(x, weight, bias):
        return F.batch_norm(x, None, None, weight, bias, training=True)

    case("batchNorm", [X(4, 3), X(3), X(3)], batch_norm, given=["weight", "bias"])
    case("batchNorm", [X(2, 3, 4), X(3), X(3)], batch_norm, given=["weight", "bias"])
    case("normalize", [X(3, 4)], dim=1)
    case("conv1d", [X(2, 3, 7), X(4, 3, 3), X(4)], given=["bias"])
    case("conv1d", [X(1, 4, 6), X(4, 2, 3)], stride=2, padding=2, dilation=2, groups=2)
    case("maxPool1d", [X(1, 2, 7, kind="distinct")], F.max_pool1d, kernelSize=3, stride=2)
    case("avgPool1d", [X(1, 2, 6)], F.avg_pool1d, kernelSize=2)
    case("adaptiveAvgPool1d", [X(1, 2, 7)], F.adaptive_avg_pool1d, outputSize=3)


def losses():
    start("losses")
    target, weight = ids([2, 0, 4, 1]), fixed(5, kind="positive")
    probabilities = [[0.1, 0.2, 0.3, 0.4], [1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.5, 0.0]]
    signs, bits = fixed(data=[1.0, -1.0, 1.0, -1.0]), fixed(data=[[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    bce = F.binary_cross_entropy_with_logits
    for reduction in ("mean", "sum", "none"):
        case("crossEntropy", [X(4, 5), target], reduction=reduction)
        case("crossEntropy", [X(4, 5), ids([2, -100, 4, -100])], reduction=reduction, labelSmoothing=0.1)
        case("crossEntropy", [X(4, 5), ids([2, 3, 4, 1]), weight], reduction=reduction, ignoreIndex=1, labelSmoothing=0.2, given=["weight"])
        case("mseLoss", [X(2, 3), X(2, 3)], reduction=reduction)
        case("bceWithLogits", [X(2, 3), X(2, 3, kind="unit")], bce, reduction=reduction)
    case("crossEntropy", [X(4, 5), target, weight], given=["weight"])
    case("crossEntropy", [X(2, 5), ids([-100, -100])])
    case("crossEntropy", [X(2, 5, 3), ids([[1, 0, -100], [4, 2, 3]])])
    case("crossEntropy", [X(5), ids(3)])
    case("crossEntropy", [X(3, 4), X(data=probabilities)], labelSmoothing=0.1)
    case("crossEntropy", [X(5, 4, perm=(1, 0)), target])
    case("nllLoss", [X(4, 5), target], F.nll_loss)
    case("nllLoss", [X(4, 5), target, weight], F.nll_loss, reduction="none", given=["weight"])
    case("nllLoss", [X(2, 5, 2), ids([[1, 3], [0, 1]])], F.nll_loss, ignoreIndex=1)
    case("bceWithLogits", [X(2, 3), bits, fixed(3, kind="positive")], bce, given=["posWeight"])
    case("bceWithLogits", [X(2, 3), X(2, 3, kind="unit"), fixed(2, 3, kind="positive")], bce, given=["weight"])
    case("bceWithLogits", [X(data=[-200.0, 200.0, 0.0]), fixed(data=[1.0, 1.0, 0.5])], bce)
    case("bceLoss", [X(2, 3, kind="unit"), X(2, 3, kind="unit")], F.binary_cross_entropy)
    case("bceLoss", [X(data=[0.0, 1.0, 1.0]), fixed(data=[1.0, 1.0, 0.0])], F.binary_cross_entropy)
    case("l1Loss", [X(2, 3), X(2, 3)])
    case("smoothL1Loss", [X(2, 5), X(2, 5)], F.smooth_l1_loss, beta=0.5)
    case("huberLoss", [X(2, 5), X(2, 5)], delta=0.7)
    case("klDiv", [X(2, 3), X(2, 3, kind="unit")], F.kl_div, reduction="batchmean")
    case("klDiv", [X(2, 3), X(2, 3)], F.kl_div, reduction="sum", logTarget=True)
    case("cosineEmbeddingLoss", [X(4, 3), X(4, 3), signs], margin=0.1)
    case("marginRankingLoss", [X(4), X(4), signs], margin=0.5)
    case("tripletMarginLoss", [X(3, 4), X(3, 4), X(3, 4)])
    case("hingeEmbeddingLoss", [X(4), signs])
    case("multilabelSoftMarginLoss", [X(2, 3), bits], F.multilabel_soft_margin_loss)
    case("gaussianNllLoss", [X(2, 3), X(2, 3), X(2, 3, kind="positive")], F.gaussian_nll_loss)


def sorting():
    start("sorting")
    for largest in (True, False):
        case("topk", [X(3, 5, kind="distinct")], k=2, dim=-1, largest=largest)
    case("topk", [X(4, 3, kind="distinct")], k=3, dim=0)
    for descending in (False, True):
        case("sort", [X(3, 4, kind="distinct")], dim=1, descending=descending)
        case("sort", [X(data=[2.0, 1.0, 2.0, nan, -inf, 1.0])], dim=0, descending=descending, stable=True)
    case("sort", [ids([3, 1, 2], torch.int32)], dim=0)
    case("argsort", [X(2, 4, kind="distinct")], dim=-1, descending=True)
    case("kthvalue", [X(2, 5, kind="distinct")], k=2)
    case("median", [X(2, 5, kind="distinct")], dim=1)
    case("unique", [ids([3, 1, 3, 2, 1])], returnInverse=True, returnCounts=True)


def promotion():
    dtypes = [torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, i64, torch.float16, torch.bfloat16, f32, torch.float64]

    def name(fn):
        try:
            return dtype_name(fn().dtype)
        except RuntimeError:
            return None

    one = {d: torch.ones(2, dtype=d) for d in dtypes}
    zero = {d: torch.ones((), dtype=d) for d in dtypes}
    write("autograd_ops", "promotion", {
        "dtypes": [dtype_name(d) for d in dtypes],
        "add": [[name(lambda: one[a] + one[b]) for b in dtypes] for a in dtypes],
        "zeroDim": [[name(lambda: one[a] + zero[b]) for b in dtypes] for a in dtypes],
        "scalar": {"int": [name(lambda: one[a] + 2) for a in dtypes], "float": [name(lambda: one[a] + 2.5) for a in dtypes],
                   "bool": [name(lambda: one[a] + True) for a in dtypes]},
        "div": [[name(lambda: one[a] / one[b]) for b in dtypes] for a in dtypes],
        "sum": [name(lambda: one[a].sum()) for a in dtypes],
        "mean": [name(lambda: one[a].mean()) for a in dtypes],
        "cumsum": [name(lambda: one[a].cumsum(0)) for a in dtypes],
        "exp": [name(lambda: one[a].exp()) for a in dtypes],
    })  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    for make in (pointwise, reductions, shapes, indexing, matmuls, normalisation, losses, sorting):
        make()
    for name, cases in FAMILIES.items():
        write("autograd_ops", name, cases)
    promotion()
    print(sum(map(len, FAMILIES.values())), "cases")
