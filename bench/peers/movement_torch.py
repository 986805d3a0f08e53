"""Moving and choosing elements in PyTorch, case by case, as bench/movement.ts names them. `run NAME reps times`: reps looks at the
clock around so many calls each: {"ms": [of one call, ...]}. See protocol.py."""

import argparse

import torch
import torch.nn.functional as F

from protocol import clock, serve

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--threads", type=int, default=2)
torch.set_num_threads(parser.parse_args().threads)
torch.manual_seed(0)

heads = torch.randn(8, 128, 12, 64)
small_heads = torch.randn(1, 16, 12, 64)
wide = torch.randn(1024, 3072)
parts = [torch.randn(512, 768) for _ in range(4)]
rows = [torch.randn(1, 64) for _ in range(64)]
vector = torch.randn(3072)
column = torch.randn(1024, 1)
logits = torch.randn(1, 50257)
many = torch.randn(64, 8000)
steps = torch.randn(512, 50257)
table = torch.randn(50257, 768, requires_grad=True)
narrow_table = torch.randn(8000, 256, requires_grad=True)
ids = torch.randint(0, 50257, (1024,))
narrow_ids = torch.randint(0, 8000, (1024,))
same_ids = torch.randint(0, 4, (1024,))
grad = torch.randn(1024, 768)
narrow_grad = torch.randn(1024, 256)
causal = torch.ones(128, 128, dtype=torch.bool).triu(1)
scores = torch.randn(96, 128, 128)
row_mask = torch.rand(3072) < 0.5
picks = torch.randint(0, 1024, (1024,))
places = torch.randint(0, 3072, (1024, 512))
some = torch.randn(1024, 512)
half, bfloat, ints, bools = wide.half(), wide.bfloat16(), wide.int(), wide > 0
weights = torch.softmax(logits, -1)
batch_weights = torch.softmax(many, -1)
small_ids = torch.randint(0, 512, (8192,))
numbers = wide.reshape(-1)[:100000].numpy().copy()
listed = wide[:100, :1000].tolist()
short = wide[:100, :1000].contiguous()


embedded = F.embedding(ids, table)
narrow_embedded = F.embedding(narrow_ids, narrow_table)
same_embedded = F.embedding(same_ids, narrow_table)


def back(y, weight, g):
    with torch.enable_grad():
        return torch.autograd.grad(y, weight, g, retain_graph=True)


cases = {
    "heads": lambda: heads.transpose(1, 2).contiguous(),
    "heads, small": lambda: small_heads.transpose(1, 2).contiguous(),
    "heads, back": lambda: heads.view(8, 12, 128, 64).transpose(1, 2).contiguous(),
    "transpose": lambda: wide.T.contiguous(),
    "permute 0321": lambda: heads.permute(0, 3, 2, 1).contiguous(),
    "permute 0231": lambda: heads.permute(0, 2, 3, 1).contiguous(),
    "clone": lambda: wide.clone(),
    "cat 0": lambda: torch.cat(parts, 0),
    "cat 1": lambda: torch.cat(parts, 1),
    "cat many 0": lambda: torch.cat(rows, 0),
    "cat many 1": lambda: torch.cat(rows, 1),
    "stack 0": lambda: torch.stack(parts, 0),
    "stack -1": lambda: torch.stack(parts, -1),
    "pad": lambda: F.pad(wide, (2, 3, 1, 1)),
    "narrow": lambda: wide.narrow(1, 100, 2000).contiguous(),
    "slice step": lambda: wide[:, ::2].contiguous(),
    "expand row": lambda: vector.expand(1024, 3072).contiguous(),
    "expand column": lambda: column.expand(1024, 3072).contiguous(),
    "flip": lambda: wide.flip(1),
    "where": lambda: torch.where(row_mask, wide, vector),
    "maskedFill": lambda: scores.masked_fill(causal, float("-inf")),
    "tril": lambda: scores.tril(),
    "triu": lambda: wide.triu(1),
    "embedding": lambda: F.embedding(ids, table.detach()),
    "embedding, narrow": lambda: F.embedding(narrow_ids, narrow_table.detach()),
    "embedding back": lambda: back(embedded, table, grad),
    "embedding back, narrow": lambda: back(narrow_embedded, narrow_table, narrow_grad),
    "embedding back, equal": lambda: back(same_embedded, narrow_table, narrow_grad),
    "indexSelect 0": lambda: wide.index_select(0, picks),
    "indexSelect 1": lambda: wide.index_select(1, picks),
    "gather": lambda: wide.gather(1, places),
    "scatterAdd": lambda: wide.scatter_add(1, places, some),
    "indexAdd": lambda: wide.index_add(0, picks, wide),
    "oneHot": lambda: F.one_hot(small_ids, 512),
    "topk 1": lambda: logits.topk(1),
    "topk 8": lambda: logits.topk(8),
    "topk 50": lambda: logits.topk(50),
    "topk 50 of many": lambda: many.topk(50),
    "sort": lambda: many.sort(),
    "sort, one": lambda: logits.sort(descending=True),
    "argsort": lambda: many.argsort(),
    "argmax": lambda: steps.argmax(-1),
    "argmax 0": lambda: wide.argmax(0),
    "cumsum -1": lambda: wide.cumsum(-1),
    "cumsum 0": lambda: wide.cumsum(0),
    "cumsum, one": lambda: logits.cumsum(-1),
    "multinomial": lambda: weights.multinomial(1),
    "multinomial, many": lambda: batch_weights.multinomial(1),
    "to half": lambda: wide.half(),
    "from half": lambda: half.float(),
    "to bfloat": lambda: wide.bfloat16(),
    "from bfloat": lambda: bfloat.float(),
    "to int": lambda: wide.int(),
    "from int": lambda: ints.float(),
    "to bool": lambda: wide.bool(),
    "from bool": lambda: bools.float(),
    "zeros": lambda: torch.zeros(1024, 3072),
    "fill": lambda: torch.full((1024, 3072), 2.0),
    "arange": lambda: torch.arange(100000, dtype=torch.int32),
    "tolist": lambda: short.tolist(),
    "from list": lambda: torch.tensor(listed),
    "from array": lambda: torch.tensor(numbers),
    "randn": lambda: torch.randn(1024, 3072),
    "rand": lambda: torch.rand(1024, 3072),
    "bernoulli": lambda: torch.empty(1024, 768).bernoulli_(0.1),
    "randperm": lambda: torch.randperm(50000, dtype=torch.int32),
    "randint": lambda: torch.randint(0, 50000, (100000,), dtype=torch.int32),
    "nonzero": lambda: bools.nonzero(),
    "maskedSelect": lambda: wide.masked_select(bools),
}


def run(name, reps, times):
    case = cases[name.replace("_", " ")]

    def calls():
        for _ in range(int(times)):
            case()

    with torch.no_grad():
        case()
        return {"ms": [clock(calls) / int(times) for _ in range(int(reps))]}


serve({"run": run})
