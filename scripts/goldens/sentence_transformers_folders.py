"""Folders and results of sentence-transformers 6, on the tiny model that pipelines.py made. Writes test/fixtures/sentences/:
the folder "full" (mean, a dense layer, normalisation, prompts), the other poolings' vectors, a cross-encoder, and searches."""

import json
import shutil
import warnings

import torch
from sentence_transformers import CrossEncoder, SentenceTransformer, models, util
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

from common import FIXTURES

warnings.filterwarnings("ignore")
out = FIXTURES / "sentences"
if out.exists():
    shutil.rmtree(out)
out.mkdir(parents=True)
base = str(FIXTURES / "pipelines" / "features")
texts = ["Marie Curie was born in Warsaw.", "ok", "", "Paris Paris Paris", "The company of New York sells ice-cream, doesn't it? " * 3]


def rounded(value):
    return [[float(f"{x:.7g}") for x in row] for row in value.tolist()]


def short_bert():
    return models.Transformer(base, max_seq_length=24)


torch.manual_seed(0)
dense = models.Dense(16, 8)
model = SentenceTransformer(
    modules=[short_bert(), models.Pooling(16, pooling_mode="mean"), dense, models.Normalize()], prompts={"query": "query: "}
)
model.save(str(out / "full"))
for extra in ["README.md"]:
    (out / "full" / extra).unlink(missing_ok=True)
results = {
    "texts": texts,
    "full": rounded(model.encode(texts)),
    "query": rounded(model.encode(texts, prompt_name="query")),
    "similarity": rounded(model.similarity(model.encode(texts), model.encode(texts[:2]))),
}
poolings = {}
for mode in ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken", ("cls", "mean")]:
    plain = SentenceTransformer(modules=[short_bert(), models.Pooling(16, pooling_mode=mode)])
    poolings[mode if isinstance(mode, str) else "+".join(mode)] = rounded(plain.encode(texts))
pool = models.Pooling(16, pooling_mode="mean", include_prompt=False)
plain = SentenceTransformer(modules=[short_bert(), pool], prompts={"query": "query: "})
poolings["without prompt"] = rounded(plain.encode(texts, prompt_name="query"))
results["poolings"] = poolings

torch.manual_seed(1)
queries, corpus = torch.randn(3, 8), torch.randn(40, 8)
results["search"] = {
    "queries": rounded(queries),
    "corpus": rounded(corpus),
    "cosine": util.semantic_search(queries, corpus, top_k=4),
    "dot": util.semantic_search(queries, corpus, top_k=4, score_function=util.dot_score),
    "euclidean": rounded(util.euclidean_sim(queries, corpus)),
    "manhattan": rounded(util.manhattan_sim(queries, corpus)),
}

torch.manual_seed(2)
config = BertConfig.from_pretrained(base, num_labels=1)
scorer = BertForSequenceClassification(config)
scorer.save_pretrained(out / "cross")
AutoTokenizer.from_pretrained(base).save_pretrained(out / "cross")
cross = CrossEncoder(str(out / "cross"))
pairs = [(texts[0], texts[1]), (texts[3], texts[4]), (texts[4], texts[0])]
results["cross"] = {
    "pairs": pairs,
    "scores": [float(x) for x in cross.predict(pairs)],
    "rank": [{k: float(v) if k == "score" else v for k, v in r.items()} for r in cross.rank(texts[0], texts[1:4])],
}
(out / "results.json").write_text(json.dumps(results, ensure_ascii=False) + "\n")
