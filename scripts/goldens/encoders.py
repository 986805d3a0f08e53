"""Encoders of transformers at a tiny size. Writes test/fixtures/encoders/.

NAME.json.gz         what each head of an architecture gives; no weights in it: both sides draw them by name (`draw`, `weights_of`)
files/NAME/          a folder as save_pretrained writes it, of the model with the head of masked language modelling, as drawn
legacy/              the same BERT as old programs wrote it: without prefix, LayerNorm.gamma and beta, position_ids, pytorch_model.bin
shards/              … and in shards

    {config, prefix, inputs: {right, left}, base: {hidden, attentions, pooled, left, embeds, masked}, heads: [head]}
    head: {name, config, labels, right: {logits, loss, grads, after, steps}, left: {logits, loss}}
    grads: {parameter: [norm, dot, dot]}, the dots being with drawn vectors; steps: the same of the parameters after one step of AdamW

Everything is computed in float64 with float32 weights, but for ModernBERT, whose softmax is in float32. Numbers are written with
nine digits.
"""

import gzip
import json
import shutil
import sys
import zlib

import numpy as np
import torch
import transformers as tf

from common import FIXTURES

B, T, V = 3, 7, 23
lengths = [7, 4, 5]
out = FIXTURES / "encoders"


def draw(name, shape):
    """Numbers from -1 to 1 by a linear congruential generator whose seed is the name's checksum."""
    n = int(np.prod(shape)) if len(shape) else 1
    state = (zlib.crc32(name.encode()) * 2654435761) & 0xFFFFFFFF
    values = np.empty(n)
    for i in range(n):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        values[i] = (state >> 20) / 2048 - 1
    return torch.tensor(values).reshape(shape)


def weights_of(name, shape):
    u = draw(name, shape)
    is_norm = "norm" in name.lower() and name.endswith("weight")
    return (1 + 0.5 * u if is_norm else 0.6 * u).float()


def parameters_of(model):
    """Tied ones under the name of the table that they are tied to."""
    tied = model.all_tied_weights_keys
    return [(name, p) for name, p in model.named_parameters(remove_duplicate=False) if name not in tied]


def fill(model, prefix):
    """The same for a base model alone and within a head's model."""
    with torch.no_grad():
        for name, p in parameters_of(model):
            p.copy_(weights_of(name.removeprefix(f"{prefix}."), p.shape))
    model.tie_weights()


def dtype_of(config):
    return torch.float32 if config.model_type == "modernbert" else torch.float64


def numbers(t):
    return {"shape": list(t.shape), "data": [float(f"{v:.9g}") for v in t.detach().double().reshape(-1).tolist()]}


def whole(t):
    return {"shape": list(t.shape), "data": t.reshape(-1).tolist()}


def spread(named, of):
    """Norm and two projections of each."""
    result = {}
    for name, p in named:
        t = of(p).double()
        dots = [(t * draw(f"{name}/{i}", t.shape)).sum().item() for i in range(2)]
        result[name] = [float(f"{v:.9g}") for v in [t.norm().item(), *dots]]
    return result


def batch(pad, left, types):
    ids = torch.full((B, T), pad)
    mask = torch.zeros((B, T), dtype=torch.long)
    kinds = torch.zeros((B, T), dtype=torch.long)
    for b, n in enumerate(lengths):
        g = torch.Generator().manual_seed(b)
        at = slice(T - n, T) if left else slice(0, n)
        ids[b, at] = torch.randint(5, V, (n,), generator=g)
        mask[b, at] = 1
        kinds[b, at] = torch.randint(0, types, (n,), generator=g) if types > 0 else 0
    inputs = {"input_ids": ids, "attention_mask": mask}
    return {**inputs, "token_type_ids": kinds} if types > 1 else inputs


def run(cls, config, prefix, inputs, labels, train):
    model = cls(config).to(dtype_of(config)).eval()
    fill(model, prefix)
    labels = {k: v.to(dtype_of(config)) if v.is_floating_point() else v for k, v in labels.items()}
    answer = model(**inputs, **labels)
    names = [k for k in answer.keys() if k != "loss"]
    result = {"logits": {k: numbers(answer[k]) for k in names}, "loss": answer.loss.item()}
    if not train:
        return result
    answer.loss.backward()
    parameters = parameters_of(model)
    unused = [name for name, p in parameters if p.grad is None]
    parameters = [(name, p) for name, p in parameters if p.grad is not None]
    result["unused"] = unused
    result["grads"] = spread(parameters, lambda p: p.grad)
    torch.optim.AdamW([p for _, p in parameters], lr=0.01, eps=1e-3, weight_decay=0.1).step()
    result["steps"] = spread(parameters, lambda p: p.data)
    result["after"] = model(**inputs, **labels).loss.item()
    return result


def heads_of(family, config, pad):
    """(name of the class, fields of the configuration, inputs instead of the batch, labels)"""
    mlm = {"labels": torch.where(torch.tensor([[i % 3 == 1 for i in range(T)]] * B), torch.arange(B * T).reshape(B, T) % V, -100)}
    classes = {"labels": torch.tensor([2, 0, 1])}
    tags = {"labels": torch.where(torch.tensor([[i < n for i in range(T)] for n in lengths]), torch.arange(B * T).reshape(B, T) % 3, -100)}
    three = {"num_labels": 3}
    yield f"{family}ForSequenceClassification", three, None, classes
    one = {"num_labels": 1, "problem_type": "regression"} if family == "DebertaV2" else {"num_labels": 1}  # DeBERTa guesses in its own way
    yield f"{family}ForSequenceClassification", one, None, {"labels": torch.tensor([0.5, -1.25, 2.0]).double()}
    several = torch.tensor([[1.0, 0, 1], [0, 0, 1], [1, 1, 0]]).double()
    yield f"{family}ForSequenceClassification", {**three, "problem_type": "multi_label_classification"}, None, {"labels": several}
    yield f"{family}ForSequenceClassification", {**three, "problem_type": "regression"}, None, {"labels": several * 2 - 0.5}
    yield f"{family}ForTokenClassification", three, None, tags
    yield f"{family}ForQuestionAnswering", {}, None, {"start_positions": torch.tensor([1, 2, 99]), "end_positions": torch.tensor([3, 2, 4])}
    yield f"{family}ForMaskedLM", {}, None, mlm
    if hasattr(tf, f"{family}ForMultipleChoice"):
        choices = batch(pad, False, getattr(config, "type_vocab_size", 0))
        choices = {k: torch.stack([v[:2], v[1:]], 1) for k, v in choices.items()}
        yield f"{family}ForMultipleChoice", {}, choices, {"labels": torch.tensor([1, 0])}
    if family == "Electra":
        replaced = {"labels": (torch.arange(B * T).reshape(B, T) % 3 == 0).long()}
        yield "ElectraForPreTraining", {}, None, replaced
    elif hasattr(tf, f"{family}ForPreTraining"):
        second = "next_sentence_label" if family == "Bert" else "sentence_order_label"
        yield f"{family}ForPreTraining", {}, None, {**mlm, second: torch.tensor([1, 0, 1])}
    if hasattr(tf, f"{family}ForNextSentencePrediction"):
        yield f"{family}ForNextSentencePrediction", {}, None, {"labels": torch.tensor([1, 0, 1])}


def architecture(name, family, fields, only=None):
    """`only`: the classes of heads to go through, where another file has the rest."""
    config_class = getattr(tf, f"{family}Config")
    make = lambda extra={}: config_class(**fields, **extra, attn_implementation="eager")
    config = make()
    base = getattr(tf, f"{family}Model")
    prefix = base.base_model_prefix
    types = getattr(config, "type_vocab_size", 0)
    pad = config.pad_token_id
    sides = {side: batch(pad, side == "left", types) for side in ("right", "left")}
    model = base(config).to(dtype_of(config)).eval()
    fill(model, prefix)
    answer = model(**sides["right"], output_hidden_states=True, output_attentions=True)
    shown = {"hidden": [numbers(h) for h in answer.hidden_states], "attentions": [numbers(a) for a in answer.attentions],
             "last": numbers(answer.last_hidden_state), "left": numbers(model(**sides["left"]).last_hidden_state)}  # fmt: skip
    if answer.get("pooler_output") is not None:
        shown["pooled"] = numbers(answer.pooler_output)
    embeds = draw("inputs_embeds", model(**sides["right"]).last_hidden_state.shape[:2] + (model.get_input_embeddings().embedding_dim,))
    shown["embeds"] = numbers(model(inputs_embeds=embeds.to(dtype_of(config)), position_ids=torch.arange(T).flip(0)[None]).last_hidden_state)
    if family not in ("DebertaV2", "ModernBert"):
        added = torch.where(draw("mask", (B, 1, T, T)) > -0.4, draw("bias", (B, 1, T, T)), torch.finfo(torch.float64).min)
        added[:, :, :, 0] = 0
        shown["masked"] = numbers(model(sides["right"]["input_ids"], attention_mask=added).last_hidden_state)
    heads = []
    for cls, extra, inputs, labels in heads_of(family, config, pad):
        if only is not None and cls not in only:
            continue
        right = run(getattr(tf, cls), make(extra), prefix, inputs or sides["right"], labels, True)
        head = {"name": cls, "config": extra, "labels": {k: whole(v) for k, v in labels.items()}, "right": right}
        if inputs is not None:
            head["inputs"] = {k: whole(v) for k, v in inputs.items()}
        else:
            head["left"] = run(getattr(tf, cls), make(extra), prefix, sides["left"], labels, False)
        heads.append(head)
    written = config.to_dict()
    value = {"config": written, "prefix": prefix, "base": shown, "heads": heads,
             "inputs": {side: {k: whole(v) for k, v in inputs.items()} for side, inputs in sides.items()}}  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.json.gz"
    path.write_bytes(gzip.compress(json.dumps(value, separators=(",", ":")).encode(), 9, mtime=0))
    print(f"{path.name}: {path.stat().st_size} bytes")
    if only is None:
        save_folder(name, getattr(tf, f"{family}ForMaskedLM"), make(), prefix)


def save_folder(name, cls, config, prefix):
    model = cls(config)
    fill(model, prefix)
    folder = out / "files" / name
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if name != "bert":
        return
    model.save_pretrained(out / "shards", max_shard_size="8KB")
    old = out / "legacy"
    old.mkdir(parents=True, exist_ok=True)
    state = {k.removeprefix("bert."): v for k, v in model.bert.state_dict().items()}
    state = {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v for k, v in state.items()}
    torch.save({**state, "embeddings.position_ids": torch.arange(11)[None]}, old / "pytorch_model.bin")
    fields = {k: v for k, v in json.loads((folder / "config.json").read_text()).items() if k not in ("architectures", "dtype")}
    (old / "config.json").write_text(json.dumps(fields))


usual = {"vocab_size": V, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 20, "max_position_embeddings": 11,
         "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}  # fmt: skip
roberta = {**usual, "max_position_embeddings": 13, "type_vocab_size": 1, "layer_norm_eps": 1e-5, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
deberta = {**usual, "relative_attention": True, "position_buckets": 4, "max_relative_positions": 8, "pos_att_type": ["p2c", "c2p"],
           "position_biased_input": False, "share_att_key": True, "norm_rel_ebd": "layer_norm", "type_vocab_size": 0}  # fmt: skip
modern = {"vocab_size": V, "hidden_size": 12, "num_hidden_layers": 4, "num_attention_heads": 3, "intermediate_size": 20, "max_position_embeddings": 11,
          "local_attention": 4, "pad_token_id": 3, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}  # fmt: skip

table = {
    "bert": ("Bert", usual),
    "distilbert": ("DistilBert", {"vocab_size": V, "dim": 12, "n_layers": 2, "n_heads": 3, "hidden_dim": 20, "max_position_embeddings": 11, "dropout": 0.0,
                                  "attention_dropout": 0.0, "qa_dropout": 0.0, "seq_classif_dropout": 0.0}),
    "roberta": ("Roberta", roberta),
    "xlm-roberta": ("XLMRoberta", roberta, ["XLMRobertaForMaskedLM"]),
    "camembert": ("Camembert", roberta, ["CamembertForMaskedLM"]),
    "electra": ("Electra", {**usual, "embedding_size": 8, "summary_last_dropout": 0.0}),
    "albert": ("Albert", {**usual, "embedding_size": 8, "num_hidden_layers": 3, "inner_group_num": 1, "num_hidden_groups": 2, "classifier_dropout_prob": 0.0}),
    "mpnet": ("MPNet", {**roberta, "relative_attention_num_buckets": 32}),
    "deberta-v2": ("DebertaV2", deberta),
    "deberta-v2-conv": ("DebertaV2", {**deberta, "share_att_key": False, "conv_kernel_size": 3, "conv_act": "gelu", "position_biased_input": True,
                                      "type_vocab_size": 2, "legacy": False, "pooler_dropout": 0.0}, ["DebertaV2ForMaskedLM", "DebertaV2ForTokenClassification"]),
    "modernbert": ("ModernBert", modern),
    "modernbert-mean": ("ModernBert", {**modern, "classifier_pooling": "mean", "norm_bias": True, "attention_bias": True, "mlp_bias": True, "classifier_bias": True},
                        ["ModernBertForSequenceClassification", "ModernBertForMultipleChoice"]),
}  # fmt: skip
if __name__ == "__main__":
    wanted = sys.argv[1:] or list(table)
    for each in wanted:
        if each in table:
            shutil.rmtree(out / "files" / each, ignore_errors=True)
            architecture(each, *table[each])
