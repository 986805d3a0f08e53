"""One batch through the summarizer that copies (seq2seq.py). Writes test/fixtures/copying/.

For each configuration NAME:
  NAME.weights.safetensors    normal(0, 0.5), tied ones once (encoder's name first)
  NAME.gradients.safetensors  d loss / d weight
runs.json  [{ name, config, inputIds, labels, loss, logProbabilities: [B, T, V], greedy: end 2, then pad 0 }]. Pad 0; labels pad -100.
"""

import torch

from common import encode, number, write, write_tensors
from learning_parity import camel
from seq2seq import Seq2SeqRnn

VOCAB, E, H = 23, 6, 8
CONFIGS = {
    "lstm": {"kind": "LSTM", "bidirectional": True, "tie": True, "tie_output": True},
    "gru-additive": {"kind": "GRU", "attention": "additive", "layers": 2},
}


def make_batch():
    g = torch.Generator().manual_seed(11)
    ids = torch.zeros(5, 9, dtype=torch.int64)
    labels = torch.full((5, 6), -100)
    for row, (n, m) in enumerate([(7, 5), (9, 6), (1, 2), (4, 1), (8, 4)]):
        ids[row, :n] = torch.randint(3, 11, (n,), generator=g)  # few words, so that some come twice
        labels[row, :m] = torch.randint(3, VOCAB, (m,), generator=g)  # words of the input, and others
        labels[row, m - 1] = 2
    return ids, labels


if __name__ == "__main__":
    torch.set_num_threads(1)
    ids, labels = make_batch()
    runs = []
    for name, config in CONFIGS.items():
        torch.manual_seed(0)
        model = Seq2SeqRnn(vocab=VOCAB, E=E, H=H, copy=True, **config)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, 0, 0.5)
        write_tensors("copying", f"{name}.weights", dict(model.named_parameters()))
        loss, log_probabilities = model(ids, labels)
        loss.backward()
        write_tensors("copying", f"{name}.gradients", {k: p.grad for k, p in model.named_parameters()})
        full = {"kind": "LSTM", "vocab": VOCAB, "E": E, "H": H, "layers": 1, "bidirectional": False, "attention": "dot",
                "tie": False, "tie_output": False} | config  # fmt: skip
        runs.append({
            "name": name, "config": camel(full), "inputIds": encode(ids), "labels": encode(labels), "loss": number(loss.item(), torch.float32),
            "logProbabilities": encode(log_probabilities), "greedy": encode(model.greedy(ids, 7)),
        })  # fmt: skip
    write("copying", "runs", runs)
