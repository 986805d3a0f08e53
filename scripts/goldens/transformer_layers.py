"""nn.MultiheadAttention and the Transformer layers with every kind of mask. Writes test/fixtures/transformer_layers/.

attention.json    [{ name, args, options, call, state: { key: tensor }, inputs: [query, key, value] (one if all are the same,
                    two if key and value are), masks: { attnMask?, keyPaddingMask? }, output, weights: tensor | null, gradOutput,
                    gradWeights: tensor | null, gradInputs, gradState: { key: sum } }]
layers.json       the same for TransformerEncoderLayer, -DecoderLayer, -Encoder, -Decoder and Transformer, with `module`, `layers`
                  and `norm` for encoder and decoder, and `text`, what printing gives

Parameters and upstream gradients are drawn by `draw`, so that they need not be written; gradients of parameters are written as `sums`.

    python scripts/goldens/transformer_layers.py
"""

import torch
from torch import nn

from common import camel, draw, encode, sums, write


def fill(module):
    with torch.no_grad():
        for i, (name, p) in enumerate(module.named_parameters()):
            # Norms scale by about 1, or rounding would grow from layer to layer.
            p.copy_(draw(100 + i, p.shape) * 0.5 + ("norm" in name and name.endswith("weight")))
    return list(module.state_dict())


def mask(kind, shape, seed=7):
    values = draw(seed, shape)
    if kind == "float":
        return values * 2
    if kind == "causal":
        return nn.Transformer.generate_square_subsequent_mask(shape[-1])
    hidden = values > 0.2
    hidden[..., 0] = False  # every query sees a key
    return hidden


def run(module, inputs, call, masks):
    leaves = [x.requires_grad_() for x in inputs]
    parameters = dict(module.named_parameters())
    result = call(leaves, masks)
    results = [r for r in (result if isinstance(result, tuple) else (result,)) if r is not None]
    upstream = [draw(50 + i, r.shape) for i, r in enumerate(results)]
    grads = torch.autograd.grad(results, [*leaves, *parameters.values()], upstream)
    return {
        "inputs": [encode(x) for x in leaves],
        "masks": {k: encode(v) for k, v in camel(masks).items()},
        "outputs": [encode(r) for r in results],
        "gradInputs": [encode(g) for g in grads[: len(leaves)]],
        "gradState": {k: sums(g) for k, g in zip(parameters, grads[len(leaves) :])},
    }


def attention(name, embed=4, heads=2, B=2, T=3, S=4, same=False, attn=None, padding=None, call=None, unbatched=False, **options):
    call = call or {}
    torch.manual_seed(0)
    module = nn.MultiheadAttention(embed, heads, **options)
    keys = fill(module)
    if same:
        S = T
    order = lambda n, width: (n, width) if unbatched else (B, n, width) if options.get("batch_first") else (n, B, width)
    inputs = [draw(1, order(T, embed))]
    if not same:
        inputs += [draw(2, order(S, options.get("kdim", embed))), draw(3, order(S, options.get("vdim", embed)))]
    masks = {}
    if attn is not None:
        kind, *per_head = attn.split(" ")
        masks["attn_mask"] = mask(kind, ((1 if unbatched else B) * heads, T, S) if per_head else (T, S))
    if padding is not None:
        masks["key_padding_mask"] = mask(padding, (S,) if unbatched else (B, S), 8)
    result = run(module, inputs, lambda x, m: module(*(x * 3 if same else x), **m, **call), masks)
    return {"name": name, "args": [embed, heads], "options": camel(options), "call": camel(call), "keys": keys, **result}


def attentions():
    out = [
        attention("plain"),
        attention("self", same=True),
        attention("batch first", batch_first=True),
        attention("self, batch first, no weights", same=True, batch_first=True, call={"need_weights": False}),
        attention("other sizes of key and value", kdim=3, vdim=5),
        attention("other sizes of key and value without bias", kdim=3, vdim=5, bias=False, call={"need_weights": False}),
        attention("without bias", bias=False),
        attention("weights of each head", call={"average_attn_weights": False}),
        attention("without a batch", unbatched=True, padding="bool", attn="float"),
        attention("without a batch, no weights", unbatched=True, padding="bool", attn="bool", call={"need_weights": False}),
        attention("causal", same=True, attn="causal", call={"is_causal": True, "need_weights": False}),
        attention("causal with weights", same=True, attn="causal", call={"is_causal": True}),
        attention("causal with padding", same=True, attn="causal", padding="float", call={"is_causal": True, "need_weights": False}),
    ]
    for weights in (True, False):
        name = "with weights" if weights else "without weights"
        extra = {"padding": "bool", "attn": "float per head", "call": {"need_weights": weights}}
        out.append(attention(f"own key and value, {name}", add_bias_kv=True, **extra))
        out.append(attention(f"a key and value of zeros, {name}", add_zero_attn=True, batch_first=True, attn="bool", call={"need_weights": weights}))
        out.append(attention(f"both, other sizes, {name}", add_bias_kv=True, add_zero_attn=True, kdim=3, vdim=5, call={"need_weights": weights}))
    # Without weights PyTorch's causal attention hides the added keys from all but the last queries; with weights it does not.
    out.append(attention("both, causal", same=True, add_bias_kv=True, add_zero_attn=True, attn="causal", call={"is_causal": True}))
    for weights in (True, False):
        call = {"need_weights": weights}
        for attn in (None, "bool", "float", "bool per head", "float per head"):
            for padding in (None, "bool", "float"):
                if attn is None and padding is None:
                    continue
                name = f"mask {attn}, padding {padding}, {'with' if weights else 'without'} weights"
                out.append(attention(name, attn=attn, padding=padding, call=call, batch_first=True))
    return out


def layer(name, kind, masks=None, B=2, T=3, S=4, layers=None, norm=False, **options):
    """masks: { argument: kind of mask }, as the forward of the module names them."""
    d, heads = 4, 2
    torch.manual_seed(0)
    options = {"dim_feedforward": 5, "dropout": 0.0, **options}
    if kind == "Transformer":
        module = nn.Transformer(d_model=d, nhead=heads, num_encoder_layers=2, num_decoder_layers=2, **options)
    else:
        module = getattr(nn, f"Transformer{kind.removesuffix('Layer')}Layer")(d, heads, **options)
        if layers is not None:
            module = getattr(nn, f"Transformer{kind}")(module, layers, norm=nn.LayerNorm(d) if norm else None)
    keys = fill(module)
    order = lambda n: (B, n, d) if options.get("batch_first") else (n, B, d)
    inputs = [draw(1, order(T))] if kind.startswith("Encoder") else [draw(1, order(T)), draw(2, order(S))]
    if kind == "Transformer":
        inputs = [draw(2, order(S)), draw(1, order(T))]  # src, tgt
    lengths = {"src": (S if kind == "Transformer" else T,) * 2, "tgt": (T, T), "memory": (T, S), "mask": (T, T)}
    made = {}
    for i, (argument, which) in enumerate((masks or {}).items()):
        rows, columns = lengths[argument.split("_")[0]]
        if "padding" in argument:
            made[argument] = mask(which, (B, columns), 20 + i)
        else:
            which, *per_head = which.split(" ")
            made[argument] = mask(which, (B * heads, rows, columns) if per_head else (rows, columns), 20 + i)
    result = run(module, inputs, lambda x, m: module(*x, **m), made)
    out = {"name": name, "module": kind, "options": camel(options), "keys": keys, "text": str(module), **result}
    return out | ({"layers": layers, "norm": norm} if layers is not None else {})


def layers():
    both = {"tgt_mask": "causal", "memory_mask": "bool", "tgt_key_padding_mask": "float", "memory_key_padding_mask": "bool"}
    return [
        layer("encoder layer", "EncoderLayer"),
        layer("encoder layer, norm first, gelu", "EncoderLayer", batch_first=True, norm_first=True, activation="gelu"),
        layer("encoder layer, masked", "EncoderLayer", {"src_mask": "bool", "src_key_padding_mask": "bool"}, batch_first=True),
        layer("encoder layer, masked by floats", "EncoderLayer", {"src_mask": "float per", "src_key_padding_mask": "float"}),
        layer("encoder layer without bias", "EncoderLayer", bias=False, layer_norm_eps=1e-3),
        layer("decoder layer", "DecoderLayer"),
        layer("decoder layer, norm first, gelu", "DecoderLayer", batch_first=True, norm_first=True, activation="gelu"),
        layer("decoder layer, masked", "DecoderLayer", both, batch_first=True),
        layer("decoder layer without bias", "DecoderLayer", bias=False),
        layer("encoder", "Encoder", {"mask": "causal"}, layers=2, norm=True),
        layer("encoder without norm", "Encoder", {"src_key_padding_mask": "bool"}, layers=3, batch_first=True),
        layer("decoder", "Decoder", both, layers=2, norm=True),
        layer("transformer", "Transformer", {"src_mask": "float", "src_key_padding_mask": "float", **both}),
        layer("transformer, batch and norm first", "Transformer", {"src_key_padding_mask": "bool"}, batch_first=True, norm_first=True, activation="gelu"),
        layer("transformer without bias", "Transformer", bias=False),
    ]


if __name__ == "__main__":
    torch.set_num_threads(1)
    write("transformer_layers", "attention", attentions())
    write("transformer_layers", "layers", layers())
