"""A whole training run of the summarizer (seq2seq.py), to be followed loss by loss. Writes test/fixtures/learning_parity/.

For each configuration NAME:
  NAME.initial.safetensors   weights after manual_seed(0) and default initialisation, tied ones once (encoder's name first)
  NAME.gradients.safetensors d loss / d weight on batch 0 at the initial weights, before clipping
  NAME.final.safetensors     weights after all steps
runs.json     [{ name, config, training: { lr, betas, eps, weightDecay, maxNorm, steps }, losses, norms, lossesFloat64, greedy }]:
              the loss before each step, the total gradient norm clipGradNorm returned, the same losses in float64 (how far
              rounding alone carries them), and batch 0's greedy ids from the final weights (start 1, end 2, then pad 0)
batches.json  [{ inputIds, labels, decoderInputIds }]: step i uses batch i modulo their number. Pad 0; labels pad -100.
"""

import copy

import torch

from common import encode, number, write, write_tensors
from seq2seq import Seq2SeqRnn

VOCAB, B, STEPS = 120, 8, 50
CONFIGS = {
    "lstm": {"kind": "LSTM"},
    "lstm-bidirectional": {"kind": "LSTM", "layers": 2, "bidirectional": True, "tie": True, "tie_output": True, "label_smoothing": 0.1},
    "gru-additive": {"kind": "GRU", "attention": "additive", "tie_output": True},
}
TRAINING = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01}
MAX_NORM = 1.0


def make_batches():
    g = torch.Generator().manual_seed(7)
    out = []
    for number_of_batch in range(5):
        S, T = 14 - number_of_batch % 3, 9 - number_of_batch % 2
        ids = torch.zeros(B, S, dtype=torch.int64)
        labels = torch.full((B, T), -100)
        longest = S - 2 if number_of_batch == 3 else S  # one batch is padded further than it needs
        for row in range(B):
            n = longest if row == 2 else int(torch.randint(3, longest + 1, (1,), generator=g))
            ids[row, :n] = torch.randint(3, VOCAB, (n,), generator=g)
            said = torch.cat([ids[row, :n:2].flip(0)[: T - 1], torch.tensor([2])])  # every second word backwards, then the end
            labels[row, : len(said)] = said
        out.append((ids, labels))
    return out


def train(model, batches):
    optimizer = torch.optim.AdamW(model.parameters(), **TRAINING)
    losses, norms = [], []
    for step in range(STEPS):
        loss, _ = model(*batches[step % len(batches)])
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM).item())
        optimizer.step()
        losses.append(loss.item())
    return losses, norms


def camel(options):
    return {"".join(w if i == 0 else w.title() for i, w in enumerate(k.split("_"))): v for k, v in options.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    batches = make_batches()
    runs = []
    for name, config in CONFIGS.items():
        torch.manual_seed(0)
        model = Seq2SeqRnn(vocab=VOCAB, E=16, H=24, **config)
        double = copy.deepcopy(model).double()
        write_tensors("learning_parity", f"{name}.initial", dict(model.named_parameters()))
        model(*batches[0])[0].backward()
        write_tensors("learning_parity", f"{name}.gradients", {k: p.grad for k, p in model.named_parameters()})
        losses, norms = train(model, batches)
        exact, _ = train(double, batches)
        write_tensors("learning_parity", f"{name}.final", dict(model.named_parameters()))
        apart = max(abs(a - b) for a, b in zip(losses, exact))
        print(f"{name}: loss {losses[0]:.4f} to {losses[-1]:.4f}, float64 at most {apart:.1e} away")
        full = {"kind": "LSTM", "vocab": VOCAB, "E": 16, "H": 24, "layers": 1, "bidirectional": False, "attention": "dot",
                "tie": False, "tie_output": False, "label_smoothing": 0.0, "pad": 0, "start": 1} | config  # fmt: skip
        runs.append({
            "name": name, "config": camel(full), "training": camel(TRAINING | {"max_norm": MAX_NORM, "steps": STEPS}),
            "losses": [number(x, torch.float32) for x in losses], "norms": [number(x, torch.float32) for x in norms],
            "lossesFloat64": exact, "greedy": encode(model.greedy(batches[0][0], 9)),
        })  # fmt: skip
    write("learning_parity", "runs", runs)
    write("learning_parity", "batches", [{"inputIds": encode(i), "labels": encode(t), "decoderInputIds": encode(model.shift_right(t))} for i, t in batches])
