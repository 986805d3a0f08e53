"""Metrics as scikit-learn, scipy, seqeval 1.2.2 and transformers' SQuAD script compute them.
(pip install scikit-learn scipy seqeval transformers). Writes test/fixtures/metrics/metrics.json.

Random rows of few classes, so that ties, absent classes and empty rows occur; random runs of tags, most of them ill-formed.
"""

import json
import pathlib
import random
import warnings

import numpy as np
from scipy import stats
from seqeval import scheme as schemes
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import Tokens
from sklearn import metrics as sk
from transformers.data.metrics import squad_metrics

warnings.filterwarnings("ignore")
out = pathlib.Path(__file__).resolve().parents[2] / "test" / "fixtures" / "metrics" / "metrics.json"
rng = random.Random(0)


def rounded(value):
    return round(float(value), 12)


def averages(predictions, references, which, **options):
    scores = {}
    for average in which:
        for beta, zero in [(1, 0), (2, 1)]:
            p, r, f, _ = sk.precision_recall_fscore_support(
                references, predictions, average=average, beta=beta, zero_division=zero, **options
            )
            scores[f"{average} {beta} {zero}"] = [rounded(p), rounded(r), rounded(f)]
    return scores


def single():
    classes, n = rng.choice([2, 2, 3, 5]), rng.choice([1, 4, 30])
    predictions, references = ([rng.randrange(classes) for _ in range(n)] for _ in range(2))
    which = ["micro", "macro", "weighted"] + (["binary"] if classes == 2 else [])
    matrix = {
        str(kind).lower(): np.round(sk.confusion_matrix(references, predictions, normalize=kind), 12).tolist()
        for kind in [None, "true", "pred", "all"]
    }
    return {
        "predictions": predictions,
        "references": references,
        "accuracy": rounded(sk.accuracy_score(references, predictions)),
        "matthews": rounded(sk.matthews_corrcoef(references, predictions)),
        "averages": averages(predictions, references, which),
        "matrix": matrix,
    }


def several():
    classes, n = rng.choice([2, 4]), rng.choice([2, 20])
    predictions, references = ([[int(rng.random() < 0.3) for _ in range(classes)] for _ in range(n)] for _ in range(2))
    return {
        "predictions": predictions,
        "references": references,
        "accuracy": rounded(sk.accuracy_score(np.array(references), np.array(predictions))),
        "averages": averages(np.array(predictions), np.array(references), ["micro", "macro", "weighted", "samples"]),
    }


def ranked():
    n = rng.choice([5, 40])
    scores = [round(rng.random(), rng.choice([1, 3])) for _ in range(n)]
    references = [0, 1] + [int(rng.random() < 0.4) for _ in range(n - 2)]
    return {
        "scores": scores,
        "references": references,
        "auc": rounded(sk.roc_auc_score(references, scores)),
        "average_precision": rounded(sk.average_precision_score(references, scores)),
    }


def ranked_classes():
    n, classes = 30, 3
    raw = np.array([[round(rng.random(), 1) + 0.1 for _ in range(classes)] for _ in range(n)])
    scores = raw / raw.sum(1, keepdims=True)
    references = [0, 1, 2] + [rng.choice([0, 0, 1, 2]) for _ in range(n - 3)]
    flags = [[int(rng.random() < 0.5) for _ in range(classes)] for _ in range(n - 2)] + [[0] * 3, [1] * 3]
    return {
        "scores": scores.tolist(),
        "references": references,
        "flags": flags,
        "auc": {
            f"{kind} {average}": rounded(sk.roc_auc_score(references, scores, multi_class=kind, average=average))
            for kind in ["ovr", "ovo"]
            for average in ["macro", "weighted"]
        },
        "flag_auc": {a: rounded(sk.roc_auc_score(flags, scores, average=a)) for a in ["macro", "weighted"]},
    }


def numbers():
    n = rng.choice([3, 25])
    predictions, references = ([round(rng.gauss(0, 2), rng.choice([0, 4])) for _ in range(n)] for _ in range(2))
    predictions[0], references[0] = 9.5, -7.25
    return {
        "predictions": predictions,
        "references": references,
        "pearson": rounded(stats.pearsonr(predictions, references)[0]),
        "spearman": rounded(stats.spearmanr(predictions, references)[0]),
        "mse": rounded(sk.mean_squared_error(references, predictions)),
        "mae": rounded(sk.mean_absolute_error(references, predictions)),
    }


def tagged(name):
    scheme = None if name == "lenient" else getattr(schemes, name)
    prefixes = "OIBES" if scheme is None else [p for p in "OIBES" if schemes.Prefix[p] in scheme.allowed_prefix]
    tags = []
    for _ in range(rng.choice([1, 3, 9])):
        prefix = rng.choice(prefixes)
        tags.append("O" if prefix == "O" else prefix + rng.choice(["-X", "-X", "-Y-Z", ""]))
    if scheme is None:
        entities = [[kind, start, end + 1] for kind, start, end in get_entities(tags)]
    else:
        entities = [list(e.to_tuple())[1:] for e in Tokens(tags, scheme).entities]
    return [name, tags, entities]


def answers():
    words = ["the", "a", "an", "Paris", "paris,", "New York", "theatre", "", "e-mail", "$3.50", "“quoted”", "ÉTÉ", "été"]
    text = lambda: " ".join(rng.choice(words) for _ in range(rng.randrange(4)))
    prediction, references = text(), [text() for _ in range(rng.randrange(4))]
    gold = [r for r in references if squad_metrics.normalize_answer(r)] or [""]
    exact = max(squad_metrics.compute_exact(g, prediction) for g in gold)
    return [prediction, references, exact, rounded(max(squad_metrics.compute_f1(g, prediction) for g in gold))]


fixture = {
    "single": [single() for _ in range(30)],
    "several": [several() for _ in range(8)],
    "ranked": [ranked() for _ in range(10)],
    "ranked_classes": [ranked_classes() for _ in range(3)],
    "numbers": [numbers() for _ in range(8)],
    "tags": [tagged(n) for n in ["lenient", "IOB1", "IOB2", "IOE1", "IOE2", "IOBES"] for _ in range(80)],
    "answers": [answers() for _ in range(120)],
}
out.parent.mkdir(parents=True, exist_ok=True)
lines = [f"{json.dumps(k)}: [\n" + ",\n".join(json.dumps(r, ensure_ascii=False) for r in v) + "\n]" for k, v in fixture.items()]
out.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
