"""nn.Dropout1d and nn.Dropout2d, draw for draw. Writes test/fixtures/random/channel_dropout.json: [{ module, p, seed, input, output }].

    python scripts/goldens/channel_dropout.py
"""

import torch
from torch import nn

from common import encode, write

CASES = [("Dropout1d", 0.4, 3, (2, 6, 2)), ("Dropout1d", 0.5, 4, (5, 3)), ("Dropout2d", 0.5, 5, (3, 5, 2, 2)), ("Dropout2d", 0.1, 6, (4, 9, 1, 3))]

out = []
for module, p, seed, shape in CASES:
    x = torch.arange(1, torch.Size(shape).numel() + 1).float().reshape(shape)
    torch.manual_seed(seed)
    y = getattr(nn, module)(p)(x)
    out.append({"module": module, "p": p, "seed": seed, "input": encode(x), "output": encode(y)})
write("random", "channel_dropout", out)
