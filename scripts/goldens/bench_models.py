"""BERT and GPT-2 of transformers at a tiny size: outputs, loss, gradients, greedy ids. Writes test/fixtures/bench_models/.

bert.json, gpt2.json  { config, state: { our name: tensor }, ids, …, loss, grads: { our name: tensor } }
    bert: types [B, T], mask [B, T] (0 is padding), labels [B]; hidden [B, T, C], pooled [B, C], logits [B, labels]
    gpt2: logits [B, T, V], prompt [1, T], greedy: ids that follow it
Tensors as in common.py. Our models hold the three projections of attention as one; Conv1D weights are transposed.
"""

import torch
from transformers import BertConfig, BertForSequenceClassification, GPT2Config, GPT2LMHeadModel

from common import encode, write

V, C, L, H, P = 19, 12, 2, 3, 11


def randomize(model, seed):
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = (torch.randn(p.shape, generator=g) * 20).round() / 100
            p.copy_(noise + 1 if ".LayerNorm.weight" in name or "ln_" in name and name.endswith("weight") else noise)


def bert_names(tensors):
    """Ours for theirs, of the state or of the gradients."""
    out = {}
    for ours, theirs in {"word": "word_embeddings", "position": "position_embeddings", "type": "token_type_embeddings"}.items():
        out[f"bert.embeddings.{ours}.weight"] = tensors[f"bert.embeddings.{theirs}.weight"]
    for kind in ("weight", "bias"):
        out[f"bert.embeddings.norm.{kind}"] = tensors[f"bert.embeddings.LayerNorm.{kind}"]
        for i in range(L):
            layer = f"bert.encoder.layer.{i}"
            out[f"bert.layers.{i}.qkv.{kind}"] = torch.cat([tensors[f"{layer}.attention.self.{x}.{kind}"] for x in ("query", "key", "value")])
            for ours, theirs in {"out": "attention.output.dense", "attention_norm": "attention.output.LayerNorm", "up": "intermediate.dense",
                                 "down": "output.dense", "norm": "output.LayerNorm"}.items():  # fmt: skip
                out[f"bert.layers.{i}.{ours}.{kind}"] = tensors[f"{layer}.{theirs}.{kind}"]
        out[f"bert.pooler.{kind}"] = tensors[f"bert.pooler.dense.{kind}"]
        out[f"classifier.{kind}"] = tensors[f"classifier.{kind}"]
    return {name: encode(t) for name, t in out.items()}


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


def bert():
    config = BertConfig(vocab_size=V, hidden_size=C, num_hidden_layers=L, num_attention_heads=H, intermediate_size=20, max_position_embeddings=P,
                        hidden_dropout_prob=0, attention_probs_dropout_prob=0, num_labels=3)  # fmt: skip
    model = BertForSequenceClassification(config)
    randomize(model, 1)
    g = torch.Generator().manual_seed(2)
    ids = torch.randint(1, V, (3, 7), generator=g)
    types = torch.randint(0, 2, (3, 7), generator=g)
    mask = (torch.arange(7) < torch.tensor([7, 4, 5])[:, None]).long()
    labels = torch.tensor([2, 0, 1])
    inputs = {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}
    base = model.bert(**inputs)
    out = model(**inputs, labels=labels)
    write("bench_models", "bert", {
        "config": {"vocabSize": V, "hiddenSize": C, "numLayers": L, "numHeads": H, "intermediateSize": 20, "maxPositions": P, "typeVocabSize": 2,
                   "layerNormEps": config.layer_norm_eps},
        "state": bert_names(model.state_dict()), "ids": encode(ids.int()), "types": encode(types.int()), "mask": encode(mask.int()),
        "labels": encode(labels.int()), "hidden": encode(base.last_hidden_state), "pooled": encode(base.pooler_output), "logits": encode(out.logits),
        "loss": out.loss.item(), "grads": bert_names(gradients(model, out.loss)),
    })  # fmt: skip


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


bert()
gpt2()
