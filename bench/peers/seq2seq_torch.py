"""One training step of the summarizer (scripts/goldens/seq2seq.py) in PyTorch: forward, backward, clipping, AdamW.

`step N` runs N steps: {"ms": [...], "loss": the last}. See protocol.py. The encoder runs over packed sequences as the model
does, unless --unpacked: rows of equal length need no packing, and PyTorch then takes its fused (oneDNN) LSTM.
"""

import argparse
import pathlib
import sys

import torch

from protocol import clock, serve

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "goldens"))
from seq2seq import Seq2SeqRnn  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__)
for name, default in {"vocab": 8000, "E": 256, "H": 512, "batch": 32, "source": 96, "target": 16, "threads": 2, "warmup": 3}.items():
    parser.add_argument(f"--{name}", type=int, default=default)
parser.add_argument("--kind", default="LSTM")
parser.add_argument("--unpacked", action="store_true")
parser.add_argument("--uneven", action="store_true", help="source lengths spread from half to full")
parser.add_argument("--fused", action="store_true", help="PyTorch's fused AdamW instead of its default")
args = parser.parse_args()

torch.set_num_threads(args.threads)
torch.manual_seed(0)
model = Seq2SeqRnn(args.kind, args.vocab, args.E, args.H, packed=not args.unpacked)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=args.fused or None)
ids = torch.randint(3, args.vocab, (args.batch, args.source))
labels = torch.randint(3, args.vocab, (args.batch, args.target))
if args.uneven:
    lengths = torch.linspace(args.source / 2, args.source, args.batch).long()
    ids[torch.arange(args.source)[None] >= lengths[:, None]] = 0
last = {}


def step():
    loss, _ = model(ids, labels)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    last["loss"] = loss.item()


for _ in range(args.warmup):
    step()
serve({"step": lambda n: {"ms": [clock(step) for _ in range(int(n))], **last}})
