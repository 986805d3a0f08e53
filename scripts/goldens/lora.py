"""LoRA as PEFT 0.21 computes and saves it. Writes test/fixtures/lora/: a small model's weights (base.safetensors), and for each
case PEFT's own adapter folder, with outputs, losses, gradients and a step of AdamW in cases.json; several/ has adapters of other ranks
and targets that stand on one model, in several.json what it gives with each, with two of them, without, and with two merged.

The model is an Embedding, two Linear layers in a list of blocks, transformers' Conv1D and a Linear head, so that names with
numbers, both layouts of weights and the embedding occur. Adapters are drawn large (init_lora_weights=False), so that they show.
"""

import copy
import json
import shutil

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from torch import nn
from transformers.pytorch_utils import Conv1D

from common import FIXTURES, dumps, encode

out = FIXTURES / "lora"


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.query = nn.Linear(6, 6)
        self.value = nn.Linear(6, 6, bias=False)
        self.norm = nn.LayerNorm(6)

    def forward(self, x):
        return self.norm(x + torch.tanh(self.query(x)) * self.value(x))


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.layers = nn.ModuleList([Block(), Block()])
        self.c_attn = Conv1D(5, 6)
        self.classifier = nn.Linear(5, 3)

    def forward(self, ids):
        x = self.embedding(ids)
        for layer in self.layers:
            x = layer(x)
        return self.classifier(torch.relu(self.c_attn(x)))


def fresh():
    torch.manual_seed(0)
    model = Tiny()
    for p in model.parameters():
        nn.init.normal_(p, std=0.7)
    return model


cases = {
    "plain": dict(r=2, lora_alpha=4, target_modules=["query", "value"]),
    "all_linear": dict(r=3, target_modules="all-linear"),
    "regex": dict(r=2, target_modules=r"layers\.\d\.query", exclude_modules=["layers.1.query"]),
    "conv1d_embedding": dict(r=2, lora_alpha=5, target_modules=["c_attn", "embedding"]),
    "rslora_patterns": dict(
        r=4, use_rslora=True, target_modules=["query", "value"], rank_pattern={"layers.1.query": 2}, alpha_pattern={"value": 16}
    ),
    "layers": dict(r=2, target_modules=["layers.1.query", "query"], layers_to_transform=[1], layers_pattern="layers"),
    "bias_all": dict(r=2, target_modules=["query"], bias="all"),
    "bias_lora": dict(r=2, target_modules=["query", "c_attn"], bias="lora_only"),
    "modules_to_save": dict(r=2, target_modules=["value"], modules_to_save=["classifier"]),
}
if out.exists():
    shutil.rmtree(out)
out.mkdir(parents=True)
save_file({k: v.contiguous() for k, v in fresh().state_dict().items()}, out / "base.safetensors")
ids = torch.tensor([[1, 5, 10, 0], [3, 3, 7, 2]])
results = {}
for name, options in cases.items():
    torch.manual_seed(1)
    model = get_peft_model(fresh(), LoraConfig(init_lora_weights=False, **options))
    trained = [p for p in model.parameters() if p.requires_grad]
    with torch.no_grad():
        for p in trained:  # biases and heads move too, so that saving and loading them shows
            p.add_(torch.randn_like(p) * 0.3)
    model.save_pretrained(out / name)
    (out / name / "README.md").unlink(missing_ok=True)
    logits = model(ids)
    loss = logits.square().mean()
    loss.backward()
    named = {k: p for k, p in model.named_parameters() if p.requires_grad}
    # PEFT's names in files: without the adapter's.
    gradients = {k.replace(".default", "").replace(".modules_to_save", ""): encode(p.grad) for k, p in named.items()}
    stepped = copy.deepcopy(model)
    for p, q in zip(model.parameters(), stepped.parameters()):
        q.grad = p.grad  # which copies leave behind
    torch.optim.AdamW([p for p in stepped.parameters() if p.requires_grad], lr=0.05).step()
    merged = model.merge_and_unload()
    results[name] = {
        "logits": encode(logits),
        "loss": loss.item(),
        "gradients": gradients,
        "after": encode(stepped(ids)),
        "trainable": sum(p.numel() for p in trained),
        "merged": {k: encode(v) for k, v in merged.state_dict().items() if k in ("layers.1.query.weight", "c_attn.weight", "embedding.weight", "classifier.weight")},
    }
(out / "cases.json").write_text(dumps({"ids": encode(ids), "cases": results}) + "\n")

several = {
    "one": dict(r=2, lora_alpha=4, target_modules=["query", "value"]),
    "two": dict(r=3, use_rslora=True, target_modules=["query", "c_attn", "embedding"]),
    "three": dict(r=1, target_modules=["value"], modules_to_save=["classifier"]),
}
torch.manual_seed(2)
model = None
for name, options in several.items():
    config = LoraConfig(init_lora_weights=False, **options)
    if model is None:
        model = get_peft_model(fresh(), config, adapter_name=name)
    else:
        model.add_adapter(name, config)
with torch.no_grad():
    for key, p in model.named_parameters():
        if "modules_to_save" in key:
            p.add_(torch.randn_like(p) * 0.3)
model.save_pretrained(out / "several")
for readme in out.glob("several/**/README.md"):
    readme.unlink()
shown = {}
for name in several:
    model.set_adapter(name)
    shown[name] = encode(model(ids))
both = ["one", "two"]
model.base_model.set_adapter(both)
shown["one and two"] = encode(model(ids))
with model.disable_adapter():
    shown["none"] = encode(model(ids))
model.merge_adapter(both)
merged = {key.replace("base_model.model.", "").replace(".base_layer", ""): encode(p) for key, p in model.named_parameters() if key.endswith(("query.base_layer.weight", "c_attn.base_layer.weight", "embedding.base_layer.weight"))}  # fmt: skip
model.unmerge_adapter()
model.delete_adapter("one")
model.set_adapter("two")
shown["two without one"] = encode(model(ids))
(out / "several.json").write_text(dumps({"logits": shown, "merged": merged}) + "\n")
