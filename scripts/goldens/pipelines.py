"""Results of the encoders' pipelines in transformers 4.57 (version 5 deleted some of them), on tiny random models. Writes
test/fixtures/pipelines/: a folder for each model with its tokenizer, and results.json.

Run with transformers 4.57.6 and tokenizers 0.22. Offsets are turned from code points into UTF-16 units.
"""

import json
import shutil

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    PreTrainedTokenizerFast,
    pipeline,
)

from common import FIXTURES

out = FIXTURES / "pipelines"
if out.exists():
    shutil.rmtree(out)
out.mkdir(parents=True)

texts = [
    "Marie Curie was born in Warsaw and worked in Paris with Pierre.",
    "The microsoftware company of New York sells ice-cream, doesn't it?",
    "Größe über alles: naïve café in São Paulo 🙂👩‍🚀 and 東京 too.",
    "ok",
    "Paris Paris Paris",
]
corpus = texts * 20 + ["Where was she born? Who worked there? What does it sell?", "This example is politics. sports urgent not"] * 10
special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def wordpiece():
    tok = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tok.normalizer = normalizers.BertNormalizer(lowercase=True)
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tok.train_from_iterator(corpus, trainers.WordPieceTrainer(vocab_size=130, special_tokens=special, show_progress=False))
    tok.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tok.decoder = decoders.WordPiece()
    return tok


def bytelevel():
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tok.train_from_iterator(corpus, trainer)
    tok.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tok.decoder = decoders.ByteLevel()
    return tok


def wrapped(tok, types):
    return PreTrainedTokenizerFast(
        tokenizer_object=tok, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]",
        model_max_length=32, model_input_names=["input_ids"] + (["token_type_ids"] if types else []) + ["attention_mask"],
    )


tokenizers = {"wordpiece": wrapped(wordpiece(), True), "bytelevel": wrapped(bytelevel(), False)}


def make(cls, kind="wordpiece", seed=0, **config):
    torch.manual_seed(seed)
    tokenizer = tokenizers[kind]
    model = cls(
        BertConfig(
            vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
            max_position_embeddings=48, initializer_range=0.7, **config,
        )
    ).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "LayerNorm" in name or name.endswith("bias"):
                p.add_(torch.randn_like(p) * 0.3)
    return model, tokenizer


def units(text, place):
    return len(text[:place].encode("utf-16-le")) // 2


def converted(result, text):
    """Offsets in UTF-16, floats as they are."""
    if isinstance(result, list):
        return [converted(r, text) for r in result]
    result = {k: (v.item() if hasattr(v, "item") else v) for k, v in result.items()}
    if "start" in result:
        result["start"], result["end"] = units(text, result["start"]), units(text, result["end"])
    return result


results = {}


def folder(name, model, tokenizer):
    model.save_pretrained(out / name)
    tokenizer.save_pretrained(out / name)
    return model, tokenizer


# ── text classification ──────────────────────────────────────────────────────────────────────────────────────────────
labels = {0: "politics", 1: "sports", 2: "weather"}
model, tokenizer = folder("classifier", *make(BertForSequenceClassification, id2label=labels, label2id={v: k for k, v in labels.items()}))
run = pipeline("text-classification", model=model, tokenizer=tokenizer)
results["text-classification"] = {
    "texts": texts,
    "one": run(texts[0]),
    "list": run(texts),
    "top_k_one": run(texts[0], top_k=2),
    "top_k_all": run(texts, top_k=None),
    "sigmoid": run(texts[1], function_to_apply="sigmoid", top_k=None),
    "none": run(texts[1], function_to_apply="none", top_k=None),
    "pair": run({"text": texts[0], "text_pair": texts[3]}, top_k=None),
}
model.config.problem_type = "multi_label_classification"
results["text-classification"]["multi_label"] = run(texts[1], top_k=None)
model.config.problem_type = "regression"
results["text-classification"]["regression"] = run(texts[1], top_k=None)

# ── zero-shot ────────────────────────────────────────────────────────────────────────────────────────────────────────
nli = {0: "contradiction", 1: "neutral", 2: "entailment"}
model, tokenizer = folder("inference", *make(BertForSequenceClassification, seed=1, id2label=nli, label2id={v: k for k, v in nli.items()}))
run = pipeline("zero-shot-classification", model=model, tokenizer=tokenizer)
candidates = ["politics", "sports", "urgent"]
results["zero-shot-classification"] = {
    "labels": candidates,
    "single": run(texts[:3], candidates),
    "multi": run(texts[:3], candidates, multi_label=True),
    "one_label": run(texts[0], "sports"),
    "template": run(texts[1], "politics, sports", hypothesis_template="{} not {{}}".replace("{{}}", "")),
    "long": run(" ".join([texts[0]] * 4), candidates),
}

# ── token classification ─────────────────────────────────────────────────────────────────────────────────────────────
tags = dict(enumerate(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]))
for kind, name in [("wordpiece", "tagger"), ("bytelevel", "tagger-bytes")]:
    model, tokenizer = folder(name, *make(BertForTokenClassification, kind, seed=2, id2label=tags, label2id={v: k for k, v in tags.items()}))
    case = {}
    for strategy in ["none", "simple", "first", "average", "max"]:
        run = pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy=strategy)
        case[strategy] = [converted(run(text), text) for text in texts]
        case[strategy + " all"] = [converted(run(text, ignore_labels=[]), text) for text in texts[:2]]
        words = texts[1].split(" ")
        case[strategy + " words"] = converted(run(words, is_split_into_words=True), texts[1])
        if strategy != "none":
            long = " ".join(texts[:3])
            case[strategy + " stride"] = converted(run(long, stride=6), long)
    results[name] = {"texts": texts, **case}

# ── question answering ───────────────────────────────────────────────────────────────────────────────────────────────
model, tokenizer = folder("reader", *make(BertForQuestionAnswering, seed=3))
run = pipeline("question-answering", model=model, tokenizer=tokenizer)
question = "Where was she born?"
cases = []
for context in [texts[0], texts[2], " ".join(texts[:3])]:
    for options in [{}, {"top_k": 3}, {"align_to_words": False, "top_k": 2}, {"handle_impossible_answer": True, "top_k": 4}, {"max_answer_len": 2}]:
        if len(context) > 80:
            options = {**options, "doc_stride": 5, "max_seq_len": 24}
        answer = run(question=question, context=context, **options)
        answers = answer if isinstance(answer, list) else [answer]
        cases.append({"context": context, "options": options, "answers": converted(answers, context)})
results["question-answering"] = {"question": question, "cases": cases}

# ── fill mask ────────────────────────────────────────────────────────────────────────────────────────────────────────
model, tokenizer = folder("filler", *make(BertForMaskedLM, seed=4))
run = pipeline("fill-mask", model=model, tokenizer=tokenizer)
masked = ["Marie was [MASK] in Paris.", "The [MASK] of New [MASK] sells ice-cream."]
results["fill-mask"] = {
    "texts": masked,
    "one": run(masked[0]),
    "several": run(masked[1], top_k=2),
    "list": run(masked, top_k=3),
    "targets": run(masked[0], targets=["born", "worked", "unheardof"]),
}

# ── feature extraction ───────────────────────────────────────────────────────────────────────────────────────────────
model, tokenizer = folder("features", *make(BertModel, seed=5))
run = pipeline("feature-extraction", model=model, tokenizer=tokenizer)
results["feature-extraction"] = {"texts": [texts[3], texts[4]], "results": run([texts[3], texts[4]])}


def short(value):
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, dict):
        return {k: short(v) for k, v in value.items()}
    return [short(v) for v in value] if isinstance(value, (list, tuple)) else value


(out / "results.json").write_text(json.dumps(short(results), ensure_ascii=False, indent=None, separators=(",", ":")) + "\n")
