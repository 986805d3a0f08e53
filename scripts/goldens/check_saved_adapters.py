"""Loads adapters that Kindling wrote with PEFT and compares logits; says "ok" for each.

    python scripts/goldens/check_saved_adapters.py
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import torch
from peft import PeftModel
from safetensors.torch import load_file
from torch import nn
from transformers.pytorch_utils import Conv1D

warnings.filterwarnings("ignore")
root = pathlib.Path(__file__).resolve().parents[2]
node = root / "node_modules" / ".bin" / "node"


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.query = nn.Linear(6, 6)
        self.c_attn = Conv1D(5, 6)
        self.classifier = nn.Linear(5, 3)

    def forward(self, ids):
        x = self.embedding(ids)
        return self.classifier(torch.relu(self.c_attn(torch.tanh(self.query(x)) + x)))


with tempfile.TemporaryDirectory() as folder:
    command = [node, "--conditions=kindling-source", root / "scripts/goldens/saved_adapters.ts", folder]
    logits = json.loads(subprocess.run(command, capture_output=True, check=True, text=True, cwd=root).stdout)
    for name, wanted in logits.items():
        base = Tiny()
        # What training changed beside the adapter is in the adapter's file.
        base.load_state_dict(load_file(f"{folder}/base.safetensors"))
        model = PeftModel.from_pretrained(base, f"{folder}/{name}")
        made = model(torch.arange(11))
        if not torch.allclose(made, torch.tensor(wanted), rtol=1e-4, atol=1e-5):
            sys.exit(f"{name}: PEFT gives other logits")
        print("ok", name)
