"""ROUGE as Google's rouge-score computes it (pip install rouge-score). Writes test/fixtures/metrics/rouge.json:
[[prediction, reference, [precision, recall, fmeasure] of rouge1, rouge2, rougeL, rougeLsum]].

Two thirds of the pairs are random words of a tiny vocabulary, where ties between longest subsequences and repeated
words abound; the rest have odd letters, empty lines and empty texts.
"""

import json
import pathlib
import random

from rouge_score import rouge_scorer

KINDS = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
out = pathlib.Path(__file__).resolve().parents[2] / "test" / "fixtures" / "metrics" / "rouge.json"
rng = random.Random(0)


def text(most):
    words = (rng.choice("a b c d e".split()) + rng.choice(["", " ", " ", ".\n", ", "]) for _ in range(rng.randrange(most)))
    return " ".join(words)


pairs = [(text(most), text(most)) for most in [4, 12, 40] for _ in range(50)]
odd = [
    "", " ", "\n\n", "...", "The quick brown fox jumps over the lazy dog", "The quick brown dog jumps on the log.",
    "Größe über\nalles: naïve café", "STRAßE İstanbul K 42", "don't stop-believin' 3.14%", "don t stop\r\nbelievin 3 14",
    "日本語 text\u2028with\u00a0spaces", "the the the the", "the", "one\n\ntwo\nthree", "three two one", "😀 fine 😀",
]
pairs += [(a, b) for a in odd for b in odd if rng.random() < 0.3]

scorer = rouge_scorer.RougeScorer(KINDS)
rows = []
for prediction, reference in pairs:
    score = scorer.score(reference, prediction)
    rows.append([prediction, reference, *[[round(x, 12) for x in score[kind]] for kind in KINDS]])
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n", encoding="utf-8")
