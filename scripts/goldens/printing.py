"""What PyTorch prints. Writes test/fixtures/printing/.

tensors.json  [{ name, tensor, requiresGrad?, then?, parameter?, options?, text }]
              tensor        as in common.py; instead of `data` it may say `make: { start, step }`: element i is start + step * i
              requiresGrad  the tensor is a leaf that requires grad
              then          what is done to it before printing, a method call in our spelling: "mul(2)", "sum()", ...
              parameter     it is wrapped as nn.Parameter
              options       torch.set_printoptions, camelCase
modules.json  [{ name, text }]: str(module); `name` is the TypeScript expression that builds it
"""

import math

import torch
from torch import nn

from common import dtype_name, encode, write

nan, inf = math.nan, math.inf
CASES = []


def case(name, tensor, made=None, then=None, apply=None, parameter=False, options=None, grad=False):
    entry = {"name": name, "tensor": encode(tensor)}
    if made is not None:
        del entry["tensor"]["data"]
        entry["tensor"]["make"] = {"start": made[0], "step": made[1]}
    if grad:
        tensor.requires_grad_()
        entry["requiresGrad"] = True
    if then is not None:
        tensor = apply(tensor)
        entry["then"] = then
    if parameter:
        tensor = nn.Parameter(tensor, requires_grad=grad)
        entry["parameter"] = True
    if options:
        torch.set_printoptions(**options)
        entry["options"] = {"".join(w if i == 0 else w.title() for i, w in enumerate(k.split("_"))): v for k, v in options.items()}
    entry["text"] = str(tensor)
    torch.set_printoptions(profile="default", sci_mode=None)
    CASES.append(entry)


def t(data, dtype=None):
    return torch.tensor(data, dtype=dtype)


def ramp(shape, start=0.0, step=1.0, dtype=torch.float32):
    n = math.prod(shape)
    return (start + step * torch.arange(n, dtype=torch.float64)).to(dtype).reshape(shape), (start, step)


def ramped(name, shape, start=0.0, step=1.0, dtype=torch.float32, **more):
    tensor, made = ramp(shape, start, step, dtype)
    case(name, tensor, made, **more)


def tensors():
    i64, i32, f64, u8 = torch.int64, torch.int32, torch.float64, torch.uint8
    # Scalars and what the suffix says.
    case("0-d float", t(3.14159265))
    case("0-d whole float", t(2.0))
    case("0-d negative zero", t(-0.0))
    case("0-d large", t(123456.789))
    case("0-d tiny", t(1.234e-7))
    case("0-d nan", t(nan))
    case("0-d -inf", t(-inf))
    case("0-d int64", t(7))
    case("0-d int32", t(7, i32))
    case("0-d bool", t(True))
    case("0-d float64", t(0.1, f64))
    for dtype in (torch.float32, f64, i64, i32, torch.bool, u8, torch.int8, torch.int16, torch.float16, torch.bfloat16):
        case(f"1-d {dtype_name(dtype)}", t([0, 1, 0, 3] if dtype != torch.bool else [True, False], dtype))
    # Empty.
    case("empty", torch.empty(0))
    case("empty int64", torch.empty(0, dtype=i64))
    case("empty 2-d", torch.empty(0, 3))
    case("empty 2-d, last", torch.empty(2, 0))
    case("empty int32 3-d", torch.empty(2, 0, 3, dtype=i32))
    # Floats: four digits, columns as wide as the widest.
    case("fractions", t([0.1, 0.25, -1.5, 3.14159265]))
    case("whole floats", t([1.0, -2.0, 30.0]))
    case("whole floats, wide", t([1.0, -20000.0, 300.0]))
    case("whole and nan", t([1.0, nan, 3.0]))
    case("whole and inf", t([1.0, inf, -inf]))
    case("fractions, nan, inf", t([1.5, nan, inf, -inf, -0.25]))
    case("only nan", t([nan, nan]))
    case("only inf", t([inf, -inf]))
    case("zeros", torch.zeros(2, 3))
    case("rounds up", t([0.99999, 9.99996, 0.00004]))
    case("half cases", t([0.00005, 0.12345, 0.00015, 2.5]))
    case("negative fractions 2-d", t([[1.0, -0.5], [100.25, -3.125]]))
    # Scientific: largest / smallest > 1000, or beyond 1e8, or under 1e-4.
    case("sci, ratio", t([0.001, 10.0]))
    case("sci, ratio just over 1000", t([0.01, 10.0]))
    case("sci, small", t([0.00001, 0.00002]))
    case("not sci, ratio 1000", t([0.5, 500.0]))
    case("sci, 1e-4 rounded to float32", t([0.0001, 0.0002]))
    case("sci, large fraction", t([123456789.5, 0.5]))
    case("sci, large whole", t([1e8, 2e8, 1e10]))
    case("whole, 99999999", t([99999999.0, 1.0], f64))
    case("whole, ratio of 1e5", t([1.0, 100000.0]))
    case("sci with zero and negative", t([0.0, -1e-6, 1.0]))
    case("sci with nan and inf", t([1e-6, nan, inf, -1.0]))
    case("sci float64", t([1e-300, 1e300], f64))
    case("sci 2-d", t([[1e-7, 1.0], [-3.5e4, 2.0]]))
    case("max float32", t([3.4028234663852886e38, -1.0]))
    case("subnormal", t([1e-45, 0.0]))
    # Whole numbers and bools.
    case("ints, widths", t([[1, -20], [300, 4]]))
    case("int64 extremes", t([-(2**63), 2**63 - 1]))
    case("int32 2-d", t([[1, 2], [3, 4]], i32))
    case("bools 2-d", t([[True, False], [False, True]]))
    # More dimensions: a blank line for each dimension above two.
    ramped("3-d", (2, 2, 3))
    ramped("4-d", (2, 2, 2, 2), -1.0, 0.125)
    ramped("3-d int", (3, 1, 2), 0, 1, i64)
    ramped("column", (4, 1), 0.5)
    # Lines break at 80 columns.
    ramped("wrap float", (20,), 0.5)
    ramped("wrap whole float", (30,))
    ramped("wrap int", (40,), 990, 1, i64)
    ramped("wrap int32", (26,), -5, 1, i32)
    ramped("wrap 2-d", (2, 15), -1.0, 0.37)
    ramped("wrap 3-d", (2, 2, 12), 0.0, 111.1)
    case("wrap bool", torch.arange(24) % 3 == 0)
    ramped("wrap sci", (9,), 1e-7, 0.3)
    # Summaries: beyond 1000 elements, three at each edge.
    ramped("1000 elements", (1000,), options={"threshold": 1000})
    ramped("summary 1-d", (1001,))
    ramped("summary fractions", (2000,), 0.0, 0.5)
    ramped("summary 2-d", (40, 30))
    ramped("summary 2-d, short rows", (500, 3), 0, 1, i64)
    ramped("summary 2-d, few rows", (2, 600), -3, 1, i32)
    ramped("summary 3-d", (12, 10, 11), 0.0, 0.01)
    ramped("summary 4-d", (7, 2, 9, 10), 0.0, 1.0)
    ramped("summary float64", (1500,), 0.0, 1.0, f64)
    ramped("summary, edges decide the format", (1200,), 0.0, 1.0 / 1024)
    ramped("summary grad", (1200,), grad=True)
    # Suffixes.
    case("requires grad", t([1.0, 2.0]), grad=True)
    case("requires grad, 0-d", t(1.5), grad=True)
    case("requires grad, float64", t([1.0], f64), grad=True)
    case("grad_fn", t([1.0, 2.0]), grad=True, then="mul(2)", apply=lambda x: x * 2)
    case("grad_fn, 0-d", t([1.0, 2.5]), grad=True, then="sum()", apply=lambda x: x.sum())
    case("grad_fn, 2-d", t([[1.0, 2.5], [0.5, -1.0]]), grad=True, then="exp()", apply=lambda x: x.exp())
    for then, apply in (
        ("add(1)", lambda x: x + 1), ("sub(1)", lambda x: x - 1), ("div(2)", lambda x: x / 2), ("neg()", lambda x: -x),
        ("pow(2)", lambda x: x**2), ("matmul(x)", lambda x: x @ x), ("t()", lambda x: x.t()), ("transpose(0, 1)", lambda x: x.transpose(0, 1)),
        ("view([4])", lambda x: x.view(4)), ("unsqueeze(0)", lambda x: x.unsqueeze(0)), ("mean()", lambda x: x.mean()),
        ("softmax(-1)", lambda x: x.softmax(-1)), ("logSoftmax(-1)", lambda x: x.log_softmax(-1)), ("tanh()", lambda x: x.tanh()),
        ("relu()", lambda x: x.relu()), ("clone()", lambda x: x.clone()), ("select(0, 0)", lambda x: x.select(0, 0)),
        ("permute([1, 0])", lambda x: x.permute(1, 0)), ("sum({ dim: 0 })", lambda x: x.sum(0)), ("amax()", lambda x: x.amax()),
    ):  # fmt: skip
        case(f"grad_fn of {then}", t([[1.0, 2.0], [3.0, 4.0]]), grad=True, then=then, apply=apply)
    ramped("suffix on its own line", (13,), 0.5, grad=True)
    ramped("dtype on its own line", (12,), 0.5, 1.0, f64)
    ramped("suffix just fits", (7,), 0.5, 1.0, f64, grad=True)
    case("parameter", t([[0.5, -0.25]]), grad=True, parameter=True)
    case("frozen parameter", t([0.5, -0.25]), parameter=True)
    # Options.
    case("precision 2", t([1.23456, 2.0]), options={"precision": 2})
    case("sci mode on", t([1.5, 2.0]), options={"sci_mode": True})
    case("sci mode off", t([1e-6, 1.0]), options={"sci_mode": False})
    ramped("threshold 5, edge items 2", (10,), options={"threshold": 5, "edgeitems": 2})
    ramped("line width 40", (12,), 0.5, options={"linewidth": 40})
    return CASES


def modules():
    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(100, 8, padding_idx=0)
            self.rnn = nn.LSTM(8, 16, num_layers=2, batch_first=True, dropout=0.1, bidirectional=True)
            self.head = nn.Sequential(nn.Linear(32, 4), nn.ReLU(), nn.Dropout(0.5))
            self.layers = nn.ModuleList([nn.LayerNorm(4), nn.LayerNorm(4), nn.Linear(4, 2, bias=False)])

    cases = [
        ("new nn.Linear(5, 3)", nn.Linear(5, 3)),
        ("new nn.Linear(5, 3, { bias: false })", nn.Linear(5, 3, bias=False)),
        ("new nn.Embedding(7, 3)", nn.Embedding(7, 3)),
        ("new nn.Embedding(7, 3, { paddingIdx: 0 })", nn.Embedding(7, 3, padding_idx=0)),
        ("new nn.LayerNorm(8)", nn.LayerNorm(8)),
        ("new nn.LayerNorm([2, 8], { eps: 1e-12, elementwiseAffine: false })", nn.LayerNorm([2, 8], eps=1e-12, elementwise_affine=False)),
        ("new nn.RMSNorm(8)", nn.RMSNorm(8)),
        ("new nn.BatchNorm1d(4)", nn.BatchNorm1d(4)),
        ("new nn.GroupNorm(2, 4)", nn.GroupNorm(2, 4)),
        ("new nn.Dropout(0.1)", nn.Dropout(0.1)),
        ("new nn.RNN(4, 6)", nn.RNN(4, 6)),
        ("new nn.LSTM(4, 6, { numLayers: 2, bidirectional: true })", nn.LSTM(4, 6, num_layers=2, bidirectional=True)),
        ("new nn.GRU(4, 6, { batchFirst: true, bias: false })", nn.GRU(4, 6, batch_first=True, bias=False)),
        ("new nn.LSTMCell(4, 6)", nn.LSTMCell(4, 6)),
        ("new nn.Conv1d(3, 4, 5, { padding: 2 })", nn.Conv1d(3, 4, 5, padding=2)),
        ("new nn.Conv1d(4, 4, 3, { padding: \"same\", groups: 2, bias: false })", nn.Conv1d(4, 4, 3, padding="same", groups=2, bias=False)),
        ("new nn.Conv2d(3, 4, [2, 3], { stride: 2, dilation: [1, 2] })", nn.Conv2d(3, 4, (2, 3), stride=2, dilation=(1, 2))),
        ("new nn.MaxPool1d(3)", nn.MaxPool1d(3)),
        ("new nn.MaxPool2d([2, 3], { stride: 1, padding: [0, 1], ceilMode: true })", nn.MaxPool2d((2, 3), 1, (0, 1), ceil_mode=True)),
        ("new nn.AvgPool1d(3, { stride: 2, padding: 1 })", nn.AvgPool1d(3, 2, 1)),
        ("new nn.AvgPool2d([2, 3])", nn.AvgPool2d((2, 3))),
        ("new nn.AdaptiveAvgPool1d(5)", nn.AdaptiveAvgPool1d(5)),
        ("new nn.AdaptiveAvgPool2d([5, null])", nn.AdaptiveAvgPool2d((5, None))),
        ("new nn.Dropout1d()", nn.Dropout1d()),
        ("new nn.Dropout2d(0.25)", nn.Dropout2d(0.25)),
        ("new nn.EmbeddingBag(5, 3)", nn.EmbeddingBag(5, 3)),
        ("new nn.EmbeddingBag(5, 3, { mode: \"sum\", paddingIdx: 1 })", nn.EmbeddingBag(5, 3, mode="sum", padding_idx=1)),
        ("new nn.Bilinear(2, 3, 4, { bias: false })", nn.Bilinear(2, 3, 4, bias=False)),
        ("new nn.ParameterList()", nn.ParameterList()),
        ("new nn.ParameterList([new nn.Linear(2, 3).weight])", nn.ParameterList([nn.Linear(2, 3).weight])),
        ("new nn.ParameterList([new nn.Linear(2, 3).weight, new nn.Linear(2, 3).bias])", nn.ParameterList([nn.Linear(2, 3).weight, nn.Linear(2, 3).bias])),
        ("new nn.ParameterDict({ a: new nn.Linear(2, 3).weight, inB: new nn.Linear(2, 3).bias })", nn.ParameterDict({"a": nn.Linear(2, 3).weight, "inB": nn.Linear(2, 3).bias})),
        ("new nn.CosineSimilarity()", nn.CosineSimilarity()),
        ("new nn.PairwiseDistance()", nn.PairwiseDistance()),
        ("new nn.ReLU()", nn.ReLU()),
        ("new nn.GELU()", nn.GELU()),
        ("new nn.GELU({ approximate: \"tanh\" })", nn.GELU(approximate="tanh")),
        ("new nn.SiLU()", nn.SiLU()),
        ("new nn.Tanh()", nn.Tanh()),
        ("new nn.Sigmoid()", nn.Sigmoid()),
        ("new nn.Softmax(-1)", nn.Softmax(-1)),
        ("new nn.Identity()", nn.Identity()),
        ("new nn.Flatten()", nn.Flatten()),
        ("new nn.CrossEntropyLoss()", nn.CrossEntropyLoss()),
        ("new nn.Sequential()", nn.Sequential()),
        ("new nn.Sequential(new nn.Linear(2, 3), new nn.ReLU())", nn.Sequential(nn.Linear(2, 3), nn.ReLU())),
        ("new nn.ModuleList([0, 1, 2].map(() => new nn.Linear(2, 2)))", nn.ModuleList(nn.Linear(2, 2) for _ in range(3))),
        ("new nn.ModuleDict({ a: new nn.Linear(2, 2), b: new nn.ReLU() })", nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.ReLU()})),
        ("new nn.MultiheadAttention(8, 2)", nn.MultiheadAttention(8, 2)),
        ("new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16 })", nn.TransformerEncoderLayer(8, 2, 16)),
        ("Encoder", Encoder()),
    ]
    return [{"name": name, "text": str(module)} for name, module in cases]


if __name__ == "__main__":
    write("printing", "tensors", tensors())
    write("printing", "modules", modules())
