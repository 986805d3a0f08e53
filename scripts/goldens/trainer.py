"""Whole runs of transformers' Trainer, for src/training/parity.test.ts. Writes test/fixtures/training/parity/: a tiny BERT (its config.json and
model.safetensors) and runs.json: rows, and for each run its arguments (ours, in camelCase), the log's history, and what was saved and chosen.

    python scripts/goldens/trainer.py

The loss is the mean over all labels of a step, through `compute_loss_func`: without it the encoders of transformers ignore how many
labels the step has.
"""

import json
import os
import re
import shutil
import tempfile

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    EarlyStoppingCallback,
    Trainer,
    TrainingArguments,
    set_seed,
)

from common import FIXTURES

out = FIXTURES / "training" / "parity"
if out.exists():
    shutil.rmtree(out)
out.mkdir(parents=True)
set_seed(0)
config = BertConfig(
    **{"vocab_size": 24, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24},
    **{"max_position_embeddings": 10, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "num_labels": 3},
    **{"initializer_range": 0.2},
)
BertForSequenceClassification(config).save_pretrained(out)

draw = torch.Generator().manual_seed(5)


def rows(count):
    made = []
    for _ in range(count):
        length = int(torch.randint(3, 10, (1,), generator=draw))
        ids = torch.randint(1, 24, (length,), generator=draw).tolist()
        made.append({"inputIds": ids, "labels": (ids[0] + ids[1]) % 3 if ids[2] < 20 else ids[2] % 3})
    return made


train, evaluation = rows(26), rows(11)


def collate(features):
    width = max(len(f["input_ids"]) for f in features)
    ids = [f["input_ids"] + [0] * (width - len(f["input_ids"])) for f in features]
    mask = [[1] * len(f["input_ids"]) + [0] * (width - len(f["input_ids"])) for f in features]
    return {
        "input_ids": torch.tensor(ids),
        "attention_mask": torch.tensor(mask),
        "labels": torch.tensor([f["labels"] for f in features]),
    }


def mean_of_step(outputs, labels, num_items_in_batch=None):
    count = labels.numel() if num_items_in_batch is None else num_items_in_batch
    return torch.nn.functional.cross_entropy(outputs.logits, labels, reduction="sum") / count


def snake(name):
    return re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name)


kept = ["loss", "grad_norm", "learning_rate", "epoch", "step", "eval_loss", "eval_accuracy", "train_loss"]


def run(name, stopping=None, **args):
    with tempfile.TemporaryDirectory() as folder:
        given = {"perDeviceTrainBatchSize": 4, "perDeviceEvalBatchSize": 4, "learningRate": 0.01, "loggingSteps": 1, **args}
        trainer = Trainer(
            model=BertForSequenceClassification.from_pretrained(out),
            args=TrainingArguments(
                output_dir=folder,
                **{snake(key): value for key, value in given.items()},
                **{"report_to": "none", "disable_tqdm": True, "use_cpu": True},
            ),
            train_dataset=[{"input_ids": row["inputIds"], "labels": row["labels"]} for row in train],
            eval_dataset=[{"input_ids": row["inputIds"], "labels": row["labels"]} for row in evaluation],
            data_collator=collate,
            compute_loss_func=None if "labelSmoothingFactor" in args else mean_of_step,
            compute_metrics=lambda p: {"accuracy": float((p.predictions.argmax(-1) == p.label_ids).mean())},
            callbacks=[EarlyStoppingCallback(**{snake(key): value for key, value in stopping.items()})] if stopping else [],
        )
        trainer.train()
        state = trainer.state
        best = state.best_model_checkpoint
        golden = {
            "name": name,
            "args": given,
            **({"stopping": stopping} if stopping else {}),
            "history": [{key: entry[key] for key in kept if key in entry} for entry in state.log_history],
            "globalStep": state.global_step,
            "maxSteps": state.max_steps,
            "bestMetric": state.best_metric,
            "bestStep": None if best is None else int(best.rsplit("-", 1)[1]),
            "checkpoints": sorted(
                (f for f in os.listdir(folder) if f.startswith("checkpoint-")), key=lambda f: int(f.split("-")[1])
            ),
            "finalLoss": trainer.evaluate()["eval_loss"],
        }
    print(name, golden["globalStep"], golden["checkpoints"], golden["bestStep"], golden["bestMetric"])
    return golden


evaluated = {"evalStrategy": "steps", "evalSteps": 2, "saveStrategy": "steps", "saveSteps": 2, "loadBestModelAtEnd": True}
no_save = {"saveStrategy": "no"}
runs = [
    run("defaults but for the rate", **no_save),
    run("warm-up of a share, linear, decay", warmupSteps=0.2, weightDecay=0.1, numTrainEpochs=2, **no_save),
    run("warm-up of steps, cosine", warmupSteps=4, lrSchedulerType="cosine", maxSteps=10, **no_save),
    run("cosine with restarts", lrSchedulerType="cosine_with_restarts", lrSchedulerKwargs={"num_cycles": 2}, maxSteps=9, **no_save),
    run("polynomial", lrSchedulerType="polynomial", lrSchedulerKwargs={"power": 2.0, "lr_end": 1e-4}, maxSteps=9, **no_save),
    run("constant with warm-up", lrSchedulerType="constant_with_warmup", warmupSteps=3, maxSteps=6, **no_save),
    run("inverse square root", lrSchedulerType="inverse_sqrt", warmupSteps=3, maxSteps=8, **no_save),
    run("cosine with a least rate", lrSchedulerType="cosine_with_min_lr", lrSchedulerKwargs={"min_lr": 0.001}, maxSteps=8, **no_save),
    run(
        "warm-up, stable, decay",
        **{"lrSchedulerType": "warmup_stable_decay", "lrSchedulerKwargs": {"num_decay_steps": 3}, "warmupSteps": 2, "maxSteps": 9},
        **no_save,
    ),
    run("accumulation over unequal batches", gradientAccumulationSteps=3, numTrainEpochs=3, **no_save),
    run("accumulation, a part of an epoch", gradientAccumulationSteps=2, numTrainEpochs=1.5, **no_save),
    run("last batch dropped", dataloaderDropLast=True, numTrainEpochs=2, **no_save),
    run("label smoothing", labelSmoothingFactor=0.2, numTrainEpochs=2, **no_save),
    run("gradients clipped low", maxGradNorm=0.05, numTrainEpochs=1, **no_save),
    run("gradients not clipped", maxGradNorm=0.0, numTrainEpochs=1, **no_save),
    run("another seed", seed=7, numTrainEpochs=2, **no_save),
    run("another order", dataSeed=9, numTrainEpochs=2, **no_save),
    run("log every third and the first", loggingSteps=3, loggingFirstStep=True, numTrainEpochs=2, **no_save),
    run("log by epoch", loggingStrategy="epoch", numTrainEpochs=2, **no_save),
    run("steps as shares", loggingSteps=0.1, evalStrategy="steps", evalSteps=0.25, saveSteps=0.3, maxSteps=17),
    run("evaluation late", evalStrategy="steps", evalSteps=2, evalDelay=5, maxSteps=9, **no_save),
    run("evaluation late by epochs", evalStrategy="epoch", evalDelay=2, numTrainEpochs=3, **no_save),
    run("evaluation first", evalStrategy="epoch", evalOnStart=True, numTrainEpochs=1, **no_save),
    run("best by loss", maxSteps=14, **evaluated),
    run("best by accuracy, two kept", maxSteps=14, metricForBestModel="accuracy", saveTotalLimit=2, **evaluated),
    run("worst accuracy, one kept", maxSteps=14, metricForBestModel="accuracy", greaterIsBetter=False, saveTotalLimit=1, **evaluated),
    run("by epoch, one kept", **{**evaluated, "evalStrategy": "epoch", "saveStrategy": "epoch"}, saveTotalLimit=1, numTrainEpochs=4),
    run("saved when best", evalStrategy="steps", evalSteps=2, saveStrategy="best", metricForBestModel="accuracy", maxSteps=14),
    run("stops early", {"earlyStoppingPatience": 2}, learningRate=0.05, maxSteps=40, **{k: v for k, v in evaluated.items()}),
    run(
        "stops early with a threshold",
        {"earlyStoppingPatience": 2, "earlyStoppingThreshold": 0.1},
        **{"metricForBestModel": "accuracy", "maxSteps": 40, **evaluated},
    ),
    run("SGD", optim="sgd", learningRate=0.1, numTrainEpochs=2, **no_save),
    run("RMSprop", optim="rmsprop", learningRate=0.001, numTrainEpochs=2, **no_save),
    run("Adagrad", optim="adagrad", numTrainEpochs=2, **no_save),
    run("Adafactor", optim="adafactor", numTrainEpochs=2, **no_save),
    run("other betas", adamBeta1=0.8, adamBeta2=0.9, adamEpsilon=1e-4, numTrainEpochs=2, **no_save),
]
with open(out / "runs.json", "w") as file:
    json.dump({"train": train, "evaluation": evaluation, "runs": runs}, file, separators=(",", ":"))
