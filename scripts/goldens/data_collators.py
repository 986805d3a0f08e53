"""What transformers' data collators make of a few rows, for src/data/collators.test.ts.

    python scripts/goldens/data_collators.py

writes test/fixtures/datasets/collators.json. Random ones draw from a torch.Generator with a seed; ours draw the same.
"""

import json
import os
import tempfile

import torch
from transformers import (
    BertTokenizerFast,
    DataCollatorForLanguageModeling,
    DataCollatorForSeq2Seq,
    DataCollatorForTokenClassification,
    DataCollatorWithPadding,
)

vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij", *(f"##{c}" for c in "abcdefghij")]
folder = tempfile.mkdtemp()
path = os.path.join(folder, "vocab.txt")
with open(path, "w") as f:
    f.write("\n".join(vocab))
tokenizer = BertTokenizerFast(vocab_file=path, vocab=path)
if len(tokenizer) != len(vocab):
    tokenizer = BertTokenizerFast(vocab={word: i for i, word in enumerate(vocab)})
assert len(tokenizer) == len(vocab), len(tokenizer)

texts = ["abc de f", "a", "hij bcd ac jj d"]
rows = [dict(tokenizer(text)) for text in texts]


def listed(batch):
    return {name: value.tolist() for name, value in batch.items()}


out = {"rows": rows, "vocab_size": len(tokenizer)}
for side in ("right", "left"):
    tokenizer.padding_side = side
    fresh = lambda more: [{**row, **extra} for row, extra in zip(rows, more)]
    out[side] = {
        "padding": listed(DataCollatorWithPadding(tokenizer, pad_to_multiple_of=8)(fresh([{"label": k} for k in range(3)]))),
        "tokens": listed(
            DataCollatorForTokenClassification(tokenizer)(fresh([{"labels": list(range(len(r["input_ids"])))} for r in rows]))
        ),
        "seq2seq": listed(
            DataCollatorForSeq2Seq(tokenizer, pad_to_multiple_of=4)(fresh([{"labels": [5, 6]}, {"labels": [7]}, {"labels": [8, 9, 10, 11, 12]}]))
        ),
        "causal": listed(DataCollatorForLanguageModeling(tokenizer, mlm=False)(fresh([{}] * 3))),
    }
tokenizer.padding_side = "right"
mlm = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.4, seed=13)
out["mlm"] = [listed(mlm([dict(row) for row in rows])) for _ in range(3)]
only = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.4, mask_replace_prob=0.5, random_replace_prob=0.25, seed=2)
out["mlm_shares"] = [listed(only([dict(row) for row in rows])) for _ in range(2)]
with_offsets = [dict(tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True)) for text in texts]
out["word_ids"] = [tokenizer(text).word_ids() for text in texts]
out["whole_rows"] = with_offsets


def whole_words(rows):
    collator = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.4, whole_word_mask=True, seed=13)
    batches = []
    for _ in range(3):
        copies = [dict(row) for row in rows]
        width = max(len(row["input_ids"]) for row in copies)
        for row in copies:
            row["offset_mapping"] = list(row["offset_mapping"]) + [(0, 0)] * (width - len(row["offset_mapping"]))
        batches.append(listed(collator(copies)))
    return batches


out["whole"] = whole_words(with_offsets)
# Signs that touch a word are of it: Python goes by the gaps between places.
signs = ["abc, de.f g-h i", "(a)", "ab cd... hij"]
out["touching_rows"] = [dict(tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True)) for text in signs]
out["touching"] = whole_words(out["touching_rows"])

here = os.path.join(os.path.dirname(__file__), "..", "..", "test", "fixtures", "datasets", "collators.json")
with open(here, "w") as f:
    json.dump(out, f, separators=(",", ":"))
