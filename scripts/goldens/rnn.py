"""nn.RNN, LSTM, GRU and their cells: outputs, final states and every gradient. Writes test/fixtures/rnn/.

sequences.json  [{ name, module: "RNN" | "LSTM" | "GRU", inputSize, hiddenSize, options, state: { key: tensor },
                   input, lengths?, enforceSorted?, totalLength?, initial?, seed?,
                   packed?: { data, batchSizes, sortedIndices, unsortedIndices }, output, final,
                   gradOutput, gradFinal, gradInput, gradInitial?, gradState: { key: tensor } }]
                Tensors as in common.py. `initial`, `final` are [h] or, for LSTM, [h, c]. With `lengths` the input was packed
                (packPaddedSequence(input, lengths, { batchFirst, enforceSorted })), `packed` is what that gave (sortedIndices
                null when enforceSorted), and output is padPackedSequence's (to totalLength if given). Upstream gradients are
                given for the output and for every final state. `seed`: manualSeed before the forward (dropout in training mode).
cells.json      [{ name, module: "RNNCell" | ..., inputSize, hiddenSize, options, state, input, initial?, final, gradFinal,
                   gradInput, gradInitial?, gradState }]
"""

import zlib

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from common import camel, encode, write


def rounded(g, *shape, scale=1.0):
    return (torch.randn(shape, generator=g) * scale * 100).round() / 100


def generator(name):
    return torch.Generator().manual_seed(zlib.crc32(name.encode()))


def build(name, kind, *sizes, **options):
    g = generator(name)
    module = getattr(nn, kind)(*sizes, **options)
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(rounded(g, *p.shape, scale=0.6))
    return g, module


def sequence(name, kind, sizes=(2, 3), T=4, B=3, lengths=None, enforce_sorted=False, total_length=None, initial=False, seed=None, unbatched=False, **options):
    g, module = build(name, kind, *sizes, **options)
    batch_first = options.get("batch_first", False)
    inputs, hidden = sizes
    layers = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    batch = () if unbatched else (B,)
    x = rounded(g, *((*batch, T, inputs) if batch_first else (T, *batch, inputs))).requires_grad_()
    states = 2 if kind == "LSTM" else 1
    start = [rounded(g, layers, *batch, hidden, scale=0.5).requires_grad_() for _ in range(states)] if initial else None
    out = {"name": name, "module": kind, "inputSize": inputs, "hiddenSize": hidden, "options": camel(options),
           "state": {k: encode(v) for k, v in module.state_dict().items()}, "input": encode(x)}  # fmt: skip
    given = x
    if lengths is not None:
        out |= {"lengths": lengths, "enforceSorted": enforce_sorted}
        given = pack_padded_sequence(x, torch.tensor(lengths), batch_first, enforce_sorted)
        fields = {"data": given.data, "batchSizes": given.batch_sizes, "sortedIndices": given.sorted_indices, "unsortedIndices": given.unsorted_indices}
        out["packed"] = {k: None if v is None else encode(v) for k, v in fields.items()}
    if start is not None:
        out["initial"] = [encode(s) for s in start]
    if seed is not None:
        out["seed"] = seed
        torch.manual_seed(seed)
    args = () if start is None else (tuple(start) if states == 2 else start[0],)
    y, final = module(given, *args)
    if lengths is not None:
        if total_length is not None:
            out["totalLength"] = total_length
        y, _ = pad_packed_sequence(y, batch_first, total_length=total_length)
    final = list(final) if states == 2 else [final]
    grad_y, grad_final = rounded(g, *y.shape), [rounded(g, *f.shape) for f in final]
    wanted = {"input": x, **({f"initial{i}": s for i, s in enumerate(start)} if start else {}), **dict(module.named_parameters())}
    grads = dict(zip(wanted, torch.autograd.grad([y, *final], list(wanted.values()), [grad_y, *grad_final])))
    out |= {"output": encode(y), "final": [encode(f) for f in final], "gradOutput": encode(grad_y), "gradFinal": [encode(f) for f in grad_final],
            "gradInput": encode(grads["input"])}  # fmt: skip
    if start is not None:
        out["gradInitial"] = [encode(grads[f"initial{i}"]) for i in range(states)]
    out["gradState"] = {k: encode(grads[k]) for k, _ in module.named_parameters()}
    return out


def cell(name, kind, sizes=(2, 3), B=2, initial=True, unbatched=False, **options):
    g, module = build(name, kind, *sizes, **options)
    inputs, hidden = sizes
    batch = () if unbatched else (B,)
    x = rounded(g, *batch, inputs).requires_grad_()
    states = 2 if kind == "LSTMCell" else 1
    start = [rounded(g, *batch, hidden, scale=0.5).requires_grad_() for _ in range(states)] if initial else None
    args = () if start is None else (tuple(start) if states == 2 else start[0],)
    final = module(x, *args)
    final = list(final) if states == 2 else [final]
    grad_final = [rounded(g, *f.shape) for f in final]
    wanted = {"input": x, **({f"initial{i}": s for i, s in enumerate(start)} if start else {}), **dict(module.named_parameters())}
    # With no initial state the hidden weights meet zeros only: their gradient is zero, not absent.
    grads = dict(zip(wanted, torch.autograd.grad(final, list(wanted.values()), grad_final)))
    out = {"name": name, "module": kind, "inputSize": inputs, "hiddenSize": hidden, "options": camel(options),
           "state": {k: encode(v) for k, v in module.state_dict().items()}, "input": encode(x)}  # fmt: skip
    if start is not None:
        out["initial"] = [encode(s) for s in start]
    out |= {"final": [encode(f) for f in final], "gradFinal": [encode(f) for f in grad_final], "gradInput": encode(grads["input"])}
    if start is not None:
        out["gradInitial"] = [encode(grads[f"initial{i}"]) for i in range(states)]
    return out | {"gradState": {k: encode(grads[k]) for k, _ in module.named_parameters()}}


def sequences():
    out = []
    for kind in ("RNN", "LSTM", "GRU"):
        out += [
            sequence(f"{kind}", kind),
            sequence(f"{kind} from a given state", kind, sizes=(3, 5), T=5, B=2, initial=True, batch_first=True),
            sequence(f"{kind} without bias", kind, T=3, B=2, bias=False, initial=True),
            sequence(f"{kind} of two layers", kind, T=3, B=2, num_layers=2, initial=True),
            sequence(f"{kind} both ways", kind, T=3, B=2, bidirectional=True, batch_first=True, initial=True),
            sequence(f"{kind} of two layers both ways, packed", kind, T=6, B=4, lengths=[3, 6, 1, 4], num_layers=2, bidirectional=True, batch_first=True),
            sequence(f"{kind} packed, sorted", kind, T=5, B=3, lengths=[5, 3, 1], enforce_sorted=True),
            sequence(f"{kind} packed, unsorted, from a state", kind, T=5, B=4, lengths=[2, 5, 3, 5], batch_first=True, initial=True),
            sequence(f"{kind} packed both ways, shorter than the padding", kind, T=6, B=3, lengths=[2, 4, 1], bidirectional=True, total_length=6),
            sequence(f"{kind} of one sequence without a batch", kind, T=3, unbatched=True, initial=True),
        ]
    out += [
        sequence("RNN with relu", "RNN", T=4, B=2, nonlinearity="relu", initial=True),
        sequence("RNN with relu of two layers both ways", "RNN", T=3, B=2, nonlinearity="relu", num_layers=2, bidirectional=True),
        sequence("LSTM of three layers", "LSTM", T=2, B=2, num_layers=3, sizes=(2, 2)),
        sequence("GRU of three layers both ways without bias", "GRU", T=2, B=2, num_layers=3, sizes=(2, 2), bidirectional=True, bias=False),
        sequence("LSTM of one step", "LSTM", T=1, B=1, initial=True),
        sequence("LSTM with dropout between layers", "LSTM", T=3, B=2, num_layers=2, dropout=0.5, batch_first=True, seed=5),
        sequence("GRU with dropout between layers, packed", "GRU", T=4, B=3, num_layers=2, dropout=0.3, lengths=[2, 4, 3], seed=6),
    ]
    return out


def cells():
    out = []
    for kind in ("RNNCell", "LSTMCell", "GRUCell"):
        out += [cell(kind, kind), cell(f"{kind} from zeros", kind, initial=False), cell(f"{kind} without bias", kind, bias=False),
                cell(f"{kind} without a batch", kind, unbatched=True)]  # fmt: skip
    return out + [cell("RNNCell with relu", "RNNCell", nonlinearity="relu")]


if __name__ == "__main__":
    torch.set_num_threads(1)
    write("rnn", "sequences", sequences())
    write("rnn", "cells", cells())
