"""GPT-2 of transformers at a tiny size: outputs, loss, gradients, greedy ids. Writes test/fixtures/bench_models/.

gpt2.json  { config, state: { our name: tensor }, ids, logits [B, T, V], loss, grads: { our name: tensor }, prompt [1, T], greedy: ids that follow }
Tensors as in common.py. Our model holds the three projections of attention as one; Conv1D weights are transposed.
"""

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from common import encode, write

V, C, L, H, P = 19, 12, 2, 3, 11


def randomize(model, seed):
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = (torch.randn(p.shape, generator=g) * 20).round() / 100
            p.copy_(noise + 1 if "ln_" in name and name.endswith("weight") else noise)


def gpt2_names(tensors):
    out = {"token.weight": tensors["transformer.wte.weight"], "position.weight": tensors["transformer.wpe.weight"]}
    for kind in ("weight", "bias"):
        for i in range(L):
            for ours, theirs in {"attention_norm": "ln_1", "qkv": "attn.c_attn", "out": "attn.c_proj", "mlp_norm": "ln_2", "up": "mlp.c_fc",
                                 "down": "mlp.c_proj"}.items():  # fmt: skip
                t = tensors[f"transformer.h.{i}.{theirs}.{kind}"]
                out[f"blocks.{i}.{ours}.{kind}"] = t.T if t.dim() == 2 else t
        out[f"norm.{kind}"] = tensors[f"transformer.ln_f.{kind}"]
    return {name: encode(t) for name, t in out.items()}


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {name: p.grad for name, p in model.named_parameters()}


def gpt2():
    config = GPT2Config(vocab_size=V, n_embd=C, n_layer=L, n_head=H, n_positions=P, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, bos_token_id=0,
                        eos_token_id=None, pad_token_id=0)  # fmt: skip
    model = GPT2LMHeadModel(config)
    randomize(model, 3)
    g = torch.Generator().manual_seed(4)
    ids = torch.randint(0, V, (2, 8), generator=g)
    out = model(ids, labels=ids)
    prompt = ids[:1, :4]
    greedy = model.eval().generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=6, do_sample=False)[:, 4:]
    write("bench_models", "gpt2", {
        "config": {"vocabSize": V, "hiddenSize": C, "numLayers": L, "numHeads": H, "maxPositions": P, "layerNormEps": config.layer_norm_epsilon},
        "state": gpt2_names(model.state_dict()), "ids": encode(ids.int()), "logits": encode(out.logits), "loss": out.loss.item(),
        "grads": gpt2_names(gradients(model, out.loss)), "prompt": encode(prompt.int()), "greedy": greedy[0].tolist(),
    })  # fmt: skip


gpt2()
