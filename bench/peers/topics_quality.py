"""PyTorch's side of topics-quality.ts: trains what FOLDER/job.json says with transformers and peft, from the same weights on the same
batches, and writes FOLDER/learnt.json."""

import json
import os
import sys
import time

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers
from peft import PeftModel
from transformers import BertForSequenceClassification

torch.set_num_threads(int(os.environ.get("THREADS", "2")))
transformers.utils.logging.disable_progress_bar()
folder = sys.argv[1]
job = json.load(open(f"{folder}/job.json", encoding="utf-8"))
SIZE = len(job["batches"][0])


def inputs_of(ids, rows, pad):
    length = max(len(ids[i]) for i in rows)
    return {
        "input_ids": torch.tensor([ids[i] + [pad] * (length - len(ids[i])) for i in rows]),
        "attention_mask": torch.tensor([[1] * len(ids[i]) + [0] * (length - len(ids[i])) for i in rows]),
    }


def rate_at(step, steps):
    warm = -(-steps // 10)
    return (step + 1) / warm if step < warm else (steps - step) / (steps - warm)


def learn(run):
    model = BertForSequenceClassification.from_pretrained(run["model"])
    pad = model.config.pad_token_id
    if "adapter" in run:
        model = PeftModel.from_pretrained(model, run["adapter"], is_trainable=True)
    train, test, batches = job["train"], job["test"], job["batches"]
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=run["lr"], weight_decay=0.01)
    losses, start = [], time.perf_counter()
    model.train()
    for step, rows in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = run["lr"] * rate_at(step, len(batches))
        loss = model(**inputs_of(train["ids"], rows, pad), labels=torch.tensor([train["labels"][i] for i in rows])).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        losses.append(loss.item())
    seconds = time.perf_counter() - start
    model.eval()
    right = 0
    with torch.inference_mode():
        for at in range(0, len(test["ids"]), SIZE):
            rows = list(range(at, min(at + SIZE, len(test["ids"]))))
            made = model(**inputs_of(test["ids"], rows, pad)).logits.argmax(-1).tolist()
            right += sum(label == test["labels"][i] for label, i in zip(made, rows))
    trained = sum(p.numel() for p in parameters)
    return {"losses": losses, "accuracy": right / len(test["ids"]), "seconds": seconds, "trained": trained}


json.dump([learn(run) for run in job["runs"]], open(f"{folder}/learnt.json", "w"))
