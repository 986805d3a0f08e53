"""Configurations of encoders that are off the beaten path. Writes test/fixtures/encoders/variants.json.gz, in the manner of encoders.py:
weights are drawn by name on both sides, so only configurations, inputs and answers are written.

    [{name, class, config, prefix, inputs, answers: {key of the output: numbers}}]

Of three texts one is whole, one has padding on the right and one on the left; the lengths are odd and more than the distances that
DeBERTa and ModernBERT tell apart.
"""

import gzip
import json

import torch
import transformers as tf

from encoders import deberta, dtype_of, fill, modern, numbers, out, roberta, usual, whole

B, T, V = 3, 15, 23
long = {"max_position_embeddings": 24}
usual, roberta, deberta = {**usual, **long}, {**roberta, **long}, {**deberta, **long, "share_att_key": False, "norm_rel_ebd": "none"}
modern = {**modern, "max_position_embeddings": 24}
distilbert = {"vocab_size": V, "dim": 12, "n_layers": 2, "n_heads": 3, "hidden_dim": 20, "max_position_embeddings": 24}
untied = {"tie_word_embeddings": False}
tags = {"labels": torch.where(torch.arange(B * T).reshape(B, T) % 4 == 0, -100, torch.arange(B * T).reshape(B, T) % 3)}
shares = {"labels": torch.tensor([[0.2, 0.7, 0.1], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0]])}
choice = {"labels": torch.tensor([1, 0, 0])}
three = {"num_labels": 3}

variants = {
    "bert: one type, another activation": ("BertForTokenClassification", {**usual, **three, "type_vocab_size": 1, "hidden_act": "gelu_new"}, tags),
    "bert: untied": ("BertForMaskedLM", {**usual, **untied, "hidden_act": "silu"}, tags),
    "roberta: padding is 3": ("RobertaForMaskedLM", {**roberta, **untied, "pad_token_id": 3}, tags),
    "distilbert: places by sines": ("DistilBertForMaskedLM", {**distilbert, **untied, "sinusoidal_pos_embds": True, "activation": "relu"}, tags),
    "electra: mean, no projection": ("ElectraForMultipleChoice", {**usual, "summary_type": "mean", "summary_use_proj": False}, choice),
    "electra: last, tanh": ("ElectraForMultipleChoice", {**usual, "summary_type": "last", "summary_activation": "tanh", "embedding_size": 8}, choice),
    "albert: groups of several layers": ("AlbertModel", {**usual, "num_hidden_layers": 5, "num_hidden_groups": 2, "inner_group_num": 2, "embedding_size": 8}, {}),
    "mpnet: untied": ("MPNetForMaskedLM", {**roberta, **untied}, tags),
    "deberta: few places": ("DebertaV2Model", {**deberta, "position_buckets": -1, "max_relative_positions": 6}, {}),
    "deberta: few buckets, shared": ("DebertaV2Model", {**deberta, "share_att_key": True, "norm_rel_ebd": "layer_norm"}, {}),
    "deberta: content to place": ("DebertaV2Model", {**deberta, "pos_att_type": ["c2p"]}, {}),
    "deberta: place to content": ("DebertaV2Model", {**deberta, "pos_att_type": "p2c", "share_att_key": True}, {}),
    "deberta: distances without terms": ("DebertaV2Model", {**deberta, "pos_att_type": []}, {}),
    "deberta: no distances": ("DebertaV2Model", {**deberta, "relative_attention": False, "position_biased_input": True}, {}),
    "deberta: convolution in groups": ("DebertaV2Model", {**deberta, "conv_kernel_size": 5, "conv_groups": 2, "conv_act": "tanh"}, {}),
    "deberta: narrow words, types": ("DebertaV2Model", {**deberta, "embedding_size": 8, "type_vocab_size": 2}, {}),
    "deberta: shares of classes": ("DebertaV2ForSequenceClassification", {**deberta, **three}, shares),
    "deberta: classes": ("DebertaV2ForSequenceClassification", {**deberta, **three}, {"labels": torch.tensor([2, -100, 1])}),
    "modernbert: an odd window": ("ModernBertModel", {**modern, "local_attention": 5, "global_attn_every_n_layers": 2}, {}),
    "modernbert: layers by name": ("ModernBertModel", {**modern, "layer_types": ["sliding_attention", "full_attention"] * 2, "hidden_activation": "silu"}, {}),
    "modernbert: other angles": ("ModernBertModel", {**modern, "local_attention": 6, "global_rope_theta": 1000.0, "local_rope_theta": 50.0, "norm_eps": 1e-3}, {}),
    "modernbert: untied, no bias": ("ModernBertForMaskedLM", {**modern, **untied, "decoder_bias": False}, tags),
}  # fmt: skip


def answer(cls, fields, labels):
    make = getattr(tf, cls)
    config = make.config_class(**fields, attn_implementation="eager")
    model = make(config).to(dtype_of(config)).eval()
    fill(model, model.base_model_prefix)
    g = torch.Generator().manual_seed(1)
    ids, mask = torch.randint(5, V, (B, T), generator=g), torch.ones((B, T), dtype=torch.long)
    mask[1, T - 4 :], mask[2, :3] = 0, 0
    inputs = {"input_ids": ids.masked_fill(mask == 0, config.pad_token_id), "attention_mask": mask}
    if getattr(config, "type_vocab_size", 0) > 1:
        inputs["token_type_ids"] = (torch.arange(T) > T // 2).long().expand(B, T).contiguous()
    if cls.endswith("MultipleChoice"):
        inputs = {k: torch.stack([v, v.roll(1, 1)], 1) for k, v in inputs.items()}
    inputs |= labels
    with torch.no_grad():
        made = model(**{k: v.to(dtype_of(config)) if v.is_floating_point() else v for k, v in inputs.items()})
    answers = {k: numbers(v) for k, v in made.items() if torch.is_tensor(v)}
    return {"class": cls, "config": config.to_dict(), "prefix": model.base_model_prefix, "inputs": {k: whole(v) for k, v in inputs.items()}, "answers": answers}


written = [{"name": name, **answer(*variant)} for name, variant in variants.items()]
path = out / "variants.json.gz"
path.write_bytes(gzip.compress(json.dumps(written, separators=(",", ":")).encode(), 9, mtime=0))
print(f"{path.name}: {path.stat().st_size} bytes")
