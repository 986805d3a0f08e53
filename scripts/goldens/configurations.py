"""Every configuration of recurrent layers, attention and Transformer layers, in float64. Writes test/fixtures/configurations/.

recurrent.json.gz    [{ module, options, lengths, enforceSorted, initial, sums: [[sum, weighted sum, sum of sizes], ...] }]
                     layers, directions, batchFirst, bias, projections, both nonlinearities; padded, packed in order and not.
                     `sums` of: padded output, final states, gradients of the input, the initial states and the parameters.
transformers.json.gz [{ module, options, masks: { argument: kind }, call, sums }]: MultiheadAttention, encoder and decoder layers and
                     stacks of two, Transformer; each kind of mask. `sums` of: the outputs, gradients of inputs and of parameters.

Values are `draw`'s: inputs from seed 1 on, parameters from 100, upstream gradients from 50, masks from 20 in the order of `masks`, as
src/nn/configurations.test.ts draws them too.

    python scripts/goldens/configurations.py
"""

import itertools

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from common import camel, draw, sums, write


def fill(module):
    with torch.no_grad():
        for i, (name, p) in enumerate(module.named_parameters()):
            p.copy_(draw(100 + i, p.shape) * 0.5 + ("norm" in name and name.endswith("weight")))


def gradients(results, wanted):
    upstream = [draw(50 + i, r.shape).double() for i, r in enumerate(results)]
    return [sums(t) for t in [*results, *torch.autograd.grad(results, wanted, upstream)]]


# ── recurrent layers ────────────────────────────────────────────────────────────────────────────────────────────────────

LENGTHS = {"padded": None, "sorted": [4, 3, 1], "unsorted": [2, 4, 3]}


def recurrent(kind, lengths, initial, **options):
    B, T, I, H = 3, 4, 2, 3
    module = getattr(nn, kind)(I, H, **options).double()
    fill(module)
    first = options["batch_first"]
    x = draw(1, (B, T, I) if first else (T, B, I)).double().requires_grad_()
    rows = options["num_layers"] * (2 if options["bidirectional"] else 1)
    widths = [options.get("proj_size") or H, H] if kind == "LSTM" else [H]
    start = [draw(2 + i, (rows, B, w)).double().requires_grad_() for i, w in enumerate(widths)] if initial else []
    state = (tuple(start) if kind == "LSTM" else start[0],) if initial else ()
    given = x if lengths is None else pack_padded_sequence(x, torch.tensor(lengths), first, enforce_sorted=lengths == LENGTHS["sorted"])
    y, final = module(given, *state)
    if lengths is not None:
        y, _ = pad_packed_sequence(y, first)
    results = [y, *(final if kind == "LSTM" else [final])]
    return {"module": kind, "options": camel(options), "lengths": lengths, "enforceSorted": lengths == LENGTHS["sorted"], "initial": initial,
            "sums": gradients(results, [x, *start, *module.parameters()])}  # fmt: skip


def recurrents():
    own = {"RNN": [{}, {"nonlinearity": "relu"}], "LSTM": [{}, {"proj_size": 2}], "GRU": [{}]}
    flags = [True, False]
    return [
        recurrent(kind, lengths, initial, num_layers=layers, bidirectional=both, batch_first=first, bias=bias, **options)
        for kind in own
        for options in own[kind]
        for layers, both, first, bias, lengths, initial in itertools.product([1, 2], flags, flags, flags, LENGTHS.values(), flags)
    ]


# ── attention ───────────────────────────────────────────────────────────────────────────────────────────────────────────

B, T, S, D, HEADS = 2, 3, 4, 4, 2
MASKS = [None, "bool", "float", "bool per head", "float per head"]
PADDINGS = [None, "bool", "float"]


def mask(kind, shape, seed):
    if kind == "causal":
        return nn.Transformer.generate_square_subsequent_mask(shape[-1], dtype=torch.float64)
    values = draw(seed, shape).double()
    if kind.startswith("float"):
        return values * 2
    hidden = values > 0.2
    hidden[..., 0] = False  # every query sees a key
    return hidden


def made(masks, sizes):
    out = {}
    for i, (argument, kind) in enumerate(masks.items()):
        rows, columns = sizes[argument.split("_")[0]]
        shape = (B, columns) if "padding" in argument else (B * HEADS, rows, columns) if "per head" in kind else (rows, columns)
        out[argument] = mask(kind, shape, 20 + i)
    return out


def given(masks):
    return {k: v for k, v in masks.items() if v is not None}


def entry(module, name, options, inputs, masks, call, sizes):
    module = module.double()
    fill(module)
    leaves = [x.double().requires_grad_() for x in inputs]
    result = module(*leaves, **made(masks, sizes), **call)
    results = [r for r in (result if isinstance(result, tuple) else (result,)) if r is not None]
    return {"module": name, "options": camel(options), "masks": camel(masks), "call": camel(call),
            "sums": gradients(results, [*leaves, *module.parameters()])}  # fmt: skip


def order(n, options):
    return (B, n, D) if options["batch_first"] else (n, B, D)


def attentions():
    out = []
    for attn, padding, weights, average, first in itertools.product([*MASKS, "causal"], PADDINGS, [True, False], [True, False], [True, False]):
        if not weights and not average:
            continue
        options, keys = {"batch_first": first}, T if attn == "causal" else S
        inputs = [draw(1, order(T, options)), draw(2, order(keys, options)), draw(3, order(keys, options))]
        call = {"need_weights": weights, "average_attn_weights": average, "is_causal": attn == "causal"}
        masks = given({"attn_mask": attn, "key_padding_mask": padding})
        sizes = {"attn": (T, keys), "key": (T, keys)}
        out.append(entry(nn.MultiheadAttention(D, HEADS, **options), "MultiheadAttention", options, inputs, masks, call, sizes))
    return out


# normFirst, activation and batchFirst in all their combinations.
STYLES = [{"norm_first": n, "activation": a, "batch_first": b} for n in (False, True) for a in ("relu", "gelu") for b in (False, True)]


def encoder(kind, options, attn, padding):
    stacked = kind == "TransformerEncoder"
    module = nn.TransformerEncoderLayer(D, HEADS, 5, 0.0, **options)
    name = "mask" if stacked else "src_mask"
    masks = given({name: attn, "src_key_padding_mask": padding})
    sizes = {"mask": (T, T), "src": (T, T)}
    if stacked:
        module = nn.TransformerEncoder(module, 2, norm=nn.LayerNorm(D))
    return entry(module, kind, options, [draw(1, order(T, options))], masks, {"is_causal": attn == "causal"}, sizes)


def decoder(kind, options, tgt, padding, memory, memory_padding):
    module = nn.TransformerDecoderLayer(D, HEADS, 5, 0.0, **options)
    masks = given({"tgt_mask": tgt, "memory_mask": memory, "tgt_key_padding_mask": padding, "memory_key_padding_mask": memory_padding})
    if kind == "TransformerDecoder":
        module = nn.TransformerDecoder(module, 2, norm=nn.LayerNorm(D))
    inputs = [draw(1, order(T, options)), draw(2, order(S, options))]
    return entry(module, kind, options, inputs, masks, {"tgt_is_causal": tgt == "causal"}, {"tgt": (T, T), "memory": (T, S)})


def transformer(options, src, src_padding, tgt, padding, memory, memory_padding):
    module = nn.Transformer(D, HEADS, 2, 2, 5, 0.0, **options)
    masks = given({"src_mask": src, "tgt_mask": tgt, "memory_mask": memory, "src_key_padding_mask": src_padding,
                      "tgt_key_padding_mask": padding, "memory_key_padding_mask": memory_padding})  # fmt: skip
    inputs = [draw(2, order(S, options)), draw(1, order(T, options))]
    call = {"src_is_causal": src == "causal", "tgt_is_causal": tgt == "causal"}
    return entry(module, "Transformer", options, inputs, masks, call, {"src": (S, S), "tgt": (T, T), "memory": (T, S)})


def transformers():
    own = list(itertools.product([*MASKS, "causal"], PADDINGS))  # of self-attention
    other = list(itertools.product(MASKS, PADDINGS))  # over the memory
    turn = lambda items, i: items[i % len(items)]
    out = [encoder("TransformerEncoderLayer", style, *masks) for style in STYLES for masks in own]
    # Every mask of one side with every one of the other, the paddings and styles taking turns.
    out += [decoder("TransformerDecoderLayer", turn(STYLES, 3 * i + j), *masks, memory, turn(PADDINGS, i + j // 2))
            for i, masks in enumerate(own) for j, memory in enumerate(MASKS)]  # fmt: skip
    for i, masks in enumerate(own):
        out.append(encoder("TransformerEncoder", turn(STYLES, i), *masks))
        out.append(decoder("TransformerDecoder", turn(STYLES, i + 3), *masks, *turn(other, 7 * i)))
        out.append(transformer(turn(STYLES, i + 5), *turn(own, 5 * i + 1), *masks, *turn(other, 4 * i + 2)))
    return out


if __name__ == "__main__":
    torch.set_num_threads(1)
    write("configurations", "recurrent", recurrents(), zipped=True)
    write("configurations", "transformers", [*attentions(), *transformers()], zipped=True)
