"""The summarizer in PyTorch: a recurrent encoder, a recurrent decoder and attention between them. What learning_parity.py
and copying.py follow and bench/peers/seq2seq_torch.py times; module names are the checkpoint keys.

    q = decoder.rnn(embed(previous ids))          [B, T, H], from the encoder's final state
    dot       s[t, j] = (W q_t) . m_j             additive  s[t, j] = v . tanh(Wq q_t + Wk m_j)
    a = softmax(s + mask), c = a m, o = tanh(combine([c; q])), logits = output(o)
    copy      g = sigmoid(generate([c; q])), p = g softmax(logits) + (1 - g) scatter_add(a to the input's ids), logits = log p
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class Encoder(nn.Module):
    def __init__(self, kind, vocab, E, H, layers, bidirectional, pad, packed=True):
        super().__init__()
        self.bidirectional, self.packed = bidirectional, packed
        self.embedding = nn.Embedding(vocab, E, padding_idx=pad)
        self.rnn = getattr(nn, kind)(E, H // 2 if bidirectional else H, layers, batch_first=True, bidirectional=bidirectional)

    def forward(self, ids, mask):
        x = self.embedding(ids)  # [B, S, E]
        if self.packed:
            packed = pack_padded_sequence(x, mask.sum(1), batch_first=True, enforce_sorted=False)
            memory, state = self.rnn(packed)
            memory, _ = pad_packed_sequence(memory, batch_first=True, total_length=ids.shape[1])
        else:
            memory, state = self.rnn(x)
        return memory, tuple(map(self.bridge, state)) if isinstance(state, tuple) else self.bridge(state)  # [B, S, H]

    def bridge(self, state):
        """[2 L, B, H / 2] to [L, B, H]: the two directions of a layer side by side."""
        if not self.bidirectional:
            return state
        directions, B, half = state.shape
        return state.view(directions // 2, 2, B, half).transpose(1, 2).reshape(directions // 2, B, 2 * half)


class DotAttention(nn.Module):
    def __init__(self, H):
        super().__init__()
        self.query = nn.Linear(H, H, bias=False)

    def forward(self, q, memory):
        return self.query(q) @ memory.transpose(1, 2)  # [B, T, S]


class AdditiveAttention(nn.Module):
    def __init__(self, H):
        super().__init__()
        self.query = nn.Linear(H, H, bias=False)
        self.key = nn.Linear(H, H, bias=False)
        self.score = nn.Linear(H, 1, bias=False)

    def forward(self, q, memory):
        return self.score(torch.tanh(self.query(q).unsqueeze(2) + self.key(memory).unsqueeze(1))).squeeze(3)  # [B, T, S]


class Decoder(nn.Module):
    def __init__(self, kind, vocab, E, H, layers, attention, pad, copy=False):
        super().__init__()
        self.embedding = nn.Embedding(vocab, E, padding_idx=pad)
        self.rnn = getattr(nn, kind)(E, H, layers, batch_first=True)
        self.attention = DotAttention(H) if attention == "dot" else AdditiveAttention(H)
        self.combine = nn.Linear(2 * H, E)
        self.output = nn.Linear(E, vocab)
        self.generate = nn.Linear(2 * H, 1) if copy else None

    def forward(self, ids, memory, mask, state, source):
        q, state = self.rnn(self.embedding(ids), state)  # [B, T, H]
        scores = self.attention(q, memory)
        scores = scores + torch.zeros_like(scores).masked_fill(~mask.unsqueeze(1), torch.finfo(scores.dtype).min)
        weights = scores.softmax(-1)  # [B, T, S]
        both = torch.cat([weights @ memory, q], -1)  # [B, T, 2 H]
        logits = self.output(torch.tanh(self.combine(both)))  # [B, T, V]
        if self.generate is not None:
            g = torch.sigmoid(self.generate(both))  # [B, T, 1]
            where = source.unsqueeze(1).expand_as(weights)
            logits = (g * logits.softmax(-1)).scatter_add(-1, where, (1 - g) * weights).log()
        return logits, state


class Seq2SeqRnn(nn.Module):
    def __init__(self, kind="LSTM", vocab=120, E=16, H=24, layers=1, bidirectional=False, attention="dot",
                 tie=False, tie_output=False, pad=0, start=1, label_smoothing=0.0, packed=True, copy=False):  # fmt: skip
        super().__init__()
        self.pad, self.start, self.label_smoothing = pad, start, label_smoothing
        self.encoder = Encoder(kind, vocab, E, H, layers, bidirectional, pad, packed)
        self.decoder = Decoder(kind, vocab, E, H, layers, attention, pad, copy)
        if tie:
            self.decoder.embedding.weight = self.encoder.embedding.weight
        if tie_output:
            self.decoder.output.weight = self.decoder.embedding.weight

    def shift_right(self, labels):
        shifted = torch.cat([torch.full_like(labels[:, :1], self.start), labels[:, :-1]], 1)
        return shifted.masked_fill(shifted == -100, self.pad)

    def forward(self, ids, labels):
        mask = ids != self.pad
        memory, state = self.encoder(ids, mask)
        logits, _ = self.decoder(self.shift_right(labels), memory, mask, state, ids)
        loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100, label_smoothing=self.label_smoothing)
        return loss, logits

    @torch.no_grad()
    def greedy(self, ids, steps, end=2):
        """The likeliest next id again and again; after `end` only padding."""
        mask = ids != self.pad
        memory, state = self.encoder(ids, mask)
        last = torch.full_like(ids[:, :1], self.start)
        done = torch.zeros(ids.shape[0], 1, dtype=torch.bool)
        out = []
        for _ in range(steps):
            logits, state = self.decoder(last, memory, mask, state, ids)
            last = logits[:, -1:].argmax(-1).masked_fill(done, self.pad)
            done = done | (last == end)
            out.append(last)
        return torch.cat(out, 1)
