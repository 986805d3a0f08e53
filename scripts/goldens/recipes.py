"""What Python makes of rows before and after training, for src/training/recipes/goldens.test.ts.

    PYTHONPATH=OLD python scripts/goldens/recipes.py

writes test/fixtures/recipes/: three tokenizers and goldens.json.gz. The oracle are transformers' fast tokenizers (ids, offsets, word ids,
windows); what the scripts run_ner, run_qa, run_glue and run_mlm do with them is written here anew from the task guides of transformers'
documentation (token classification, question answering, masked language modelling) and the definitions of SQuAD's scores. Offsets
and answer places that ours gives in UTF-16 units are turned into these; `answer_start` stays in code points, as SQuAD's files have it.

From tokenizers 0.23.1 on what overflows is lost and pairs are cut otherwise, so this wants the last version before:
`pip install --target OLD --no-deps tokenizers==0.22.2`, then `PYTHONPATH=OLD python scripts/goldens/recipes.py`.
"""

import gzip
import importlib.metadata
import json
import shutil

import numpy as np
import tokenizers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from common import FIXTURES

assert tokenizers.__version__.startswith("0.22."), "see above"
installed = importlib.metadata.version
importlib.metadata.version = lambda name: "0.23.1" if name == "tokenizers" else installed(name)  # what transformers asks for
from transformers import PreTrainedTokenizerFast  # noqa: E402

out = FIXTURES / "recipes"
if out.exists():
    shutil.rmtree(out)
out.mkdir(parents=True)

corpus = [
    "Marie Curie was born in Warsaw and worked in Paris with Pierre. She discovered radium and polonium in 1898.",
    "Größe über alles: naïve café in São Paulo 🙂👩‍🚀 and 東京 too, don't you think?",
    "Who was born where? When did they work there? What does the company sell, and to whom?",
    "The quick brown fox jumps over the lazy dog; 12 % of foxes do. New York is larger than Łódź.",
]


def save(name, backend, special, **options):
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=64, **special, **options)
    tokenizer.save_pretrained(out / name)
    return tokenizer


def bert():
    """WordPiece without capitals and accents, so that offsets are not those of the normalized text."""
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    backend.train_from_iterator(
        corpus * 3, trainers.WordPieceTrainer(vocab_size=170, special_tokens=list(special.values()), show_progress=False)
    )
    backend.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = ["input_ids", "token_type_ids", "attention_mask"]
    return save("bert", backend, special, model_input_names=names)


def bytes_():
    """Byte-level BPE as RoBERTa has it: an emoji is several tokens with one place."""
    special = {
        **{"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"},
        **{"cls_token": "<s>", "sep_token": "</s>"},
    }
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    backend.decoder = decoders.ByteLevel()
    order = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=330, special_tokens=order, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    backend.train_from_iterator(corpus * 3, trainer)
    backend.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=True)
    return save("bytes", backend, special)


def left():
    """Unigram as XLNet has it: padded on the left, with the class's token at the end."""
    special = {
        **{"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "<sep>", "pad_token": "<pad>"},
        **{"cls_token": "<cls>", "mask_token": "<mask>"},
    }
    backend = Tokenizer(models.Unigram())
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    order = ["<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>"]
    backend.train_from_iterator(
        corpus * 3, trainers.UnigramTrainer(vocab_size=140, special_tokens=order, unk_token="<unk>", show_progress=False)
    )
    backend.post_processor = processors.TemplateProcessing(
        single="$A:0 <sep>:0 <cls>:2",
        pair="$A:0 <sep>:0 $B:1 <sep>:1 <cls>:2",
        special_tokens=[("<sep>", order.index("<sep>")), ("<cls>", order.index("<cls>"))],
    )
    names = ["input_ids", "token_type_ids", "attention_mask"]
    return save("left", backend, special, padding_side="left", model_input_names=names, pad_token_type_id=3)


def utf16(text, place):
    return len(text[:place].encode("utf-16-le")) // 2


# ── words with tags ─────────────────────────────────────────────────────────────────────────────────────────────────────

tagged = [
    {"tokens": ["Marie", "Curie", "was", "born", "in", "Warsaw", "."], "tags": ["B-PER", "I-PER", "O", "O", "O", "B-LOC", "O"]},
    {"tokens": ["São", "Paulo", "🙂👩‍🚀", "東京", "Łódź"], "tags": ["B-LOC", "I-LOC", "O", "B-LOC", "B-LOC"]},
    {"tokens": ["", "New", "York", " ", "don't", "\u200b", "sell"], "tags": ["O", "B-LOC", "I-LOC", "O", "O", "O", "O"]},
    {"tokens": ["Pierre", "polonium", "B-29", "discovered"] * 6, "tags": ["B-PER", "O", "B-MISC", "O"] * 6},
    {"tokens": ["\u0301", "x"], "tags": ["O", "O"]},
]
# "MISC" has no "I-": its further pieces keep "B-".
names = sorted({tag for row in tagged for tag in row["tags"]})
number = {name: i for i, name in enumerate(names)}
inner = [number.get("I-" + name[2:], i) if name.startswith("B-") else i for i, name in enumerate(names)]


def aligned(tokenizer, max_length, label_all_tokens):
    rows = []
    for row in tagged:
        encoding = tokenizer(row["tokens"], is_split_into_words=True, truncation=True, max_length=max_length)
        before, labels = None, []
        for word in encoding.word_ids():
            if word is None:
                labels.append(-100)
            elif word != before:
                labels.append(number[row["tags"][word]])
            else:
                labels.append(inner[number[row["tags"][word]]] if label_all_tokens else -100)
            before = word
        rows.append({"inputIds": encoding["input_ids"], "labels": labels})
    return {"maxLength": max_length, "labelAllTokens": label_all_tokens, "rows": rows}


# ── questions ───────────────────────────────────────────────────────────────────────────────────────────────────────────

long = " ".join(corpus) + " " + " ".join(reversed(corpus))


def question(id, question, context, *answers, start=None):
    starts = [context.index(answer) if start is None else start for answer in answers]
    assert all(context[s : s + len(a)] == a for s, a in zip(starts, answers)), id
    return {"id": id, "question": question, "context": context, "answers": {"text": list(answers), "answer_start": starts}}


questions = [
    question("plain", "Who was born in Warsaw?", corpus[0], "Marie Curie"),
    question("second of two answers is not used", "When?", corpus[0], "1898", "in 1898"),
    question("no answer", "What does it sell?", corpus[0]),
    question("spaces before the question", "   \n Where did she work?", corpus[0], "Paris"),
    question("first word", "Which one?", long, "Marie"),
    question("last word", "Which one?", long, "1898.", start=len(long) - 5),
    question("whole of a short context", "What?", "ok", "ok"),
    question("after emoji", "Which city?", corpus[1], "東京"),
    question("emoji", "Which faces?", corpus[1], "🙂👩‍🚀"),
    question("one of the emoji", "Which face?", corpus[1], "👩‍🚀"),
    question("within a word", "Which letters?", corpus[1], "ößE".lower()),
    question("with a space at its end", "Which size?", corpus[1], "Größe "),
    question("long answer, no window holds it", "What?", long, long[40:390]),
    question("accents", "Where?", corpus[3], "Łódź"),
    question("twice in the text", "Who?", long, "Pierre", start=long.rindex("Pierre")),
    question("spaces in the context", "What?", "a  fox \t\n  and   a dog ", "a dog"),
    question("unknown signs", "What?", "☃ ☃ snow ☃☃ man", "snow ☃☃"),
]
# Answers at every place of a long text, so that some lie at the borders of windows.
spans = [(m, min(m + n, len(long))) for m, n in zip(range(0, len(long) - 12, 41), [4, 9, 1, 15, 30] * 100)]
questions += [question(f"from {a} to {b}", "Which one?", long, long[a:b], start=a) for a, b in spans]


def windows(tokenizer, max_length, doc_stride):
    right = tokenizer.padding_side == "right"
    rows = []
    for r, row in enumerate(questions):
        asked, context = row["question"].lstrip(), row["context"]
        encoding = tokenizer(
            *([asked, context] if right else [context, asked]),
            truncation="only_second" if right else "only_first",
            max_length=max_length,
            stride=doc_stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        for w, ids in enumerate(encoding["input_ids"]):
            sequences = encoding.sequence_ids(w)
            places = encoding["offset_mapping"][w]
            inside = [t for t, s in enumerate(sequences) if s == (1 if right else 0)]
            none = ids.index(tokenizer.cls_token_id)
            start = end = none
            answers = row["answers"]
            if answers["text"]:
                a = answers["answer_start"][0]
                b = a + len(answers["text"][0])
                # Partly outside of the window: the window has no answer.
                if inside and places[inside[0]][0] <= a and places[inside[-1]][1] >= b:
                    start = max(t for t in inside if places[t][0] <= a)
                    end = min(t for t in inside if places[t][1] >= b)
            rows.append(
                {
                    "row": r,
                    "inputIds": ids,
                    **({"tokenTypeIds": encoding["token_type_ids"][w]} if "token_type_ids" in encoding else {}),
                    "offsets": [
                        [utf16(context, x) for x in places[t]] if t in set(inside) else None for t in range(len(ids))
                    ],
                    "start": start,
                    "end": end,
                    # for the answers below
                    "points": [places[t] if t in set(inside) else None for t in range(len(ids))],
                    "none": none,
                }
            )
    return rows


def answers(features, logits, n_best, max_answer_length, threshold):
    """For each question: the best answers with their probabilities, without and with "" among them."""
    found = []
    for r, row in enumerate(questions):
        candidates, null = [], None
        for feature, (starts, ends) in zip(features, logits):
            if feature["row"] != r:
                continue
            none, points = feature["none"], feature["points"]
            score = starts[none] + ends[none]
            if null is None or score < null["score"]:
                null = {"text": "", "score": score, "places": [0, 0]}
            for s in np.argsort(starts)[::-1][:n_best]:
                for e in np.argsort(ends)[::-1][:n_best]:
                    if points[s] is None or points[e] is None or e < s or e - s + 1 > max_answer_length:
                        continue
                    a, b = points[s][0], points[e][1]
                    text = row["context"][a:b]
                    places = [utf16(row["context"], a), utf16(row["context"], b)]
                    candidates.append({"text": text, "score": starts[s] + ends[e], "places": places})
        by_score = lambda found: sorted(found, key=lambda one: one["score"], reverse=True)[:n_best]
        plain, either = by_score(candidates), by_score([*candidates, null])
        if not any(one["places"] == [0, 0] for one in either):
            either.append(null)  # "" is told even where its score is low
        best = next((one for one in either if one["text"] != ""), None)
        above = best is None or null["score"] - best["score"] > threshold
        chosen = "" if above else best["text"]
        for listed in (plain, either):
            weights = np.exp(np.array([one["score"] for one in listed]) - max([one["score"] for one in listed], default=0))
            listed[:] = [{**one, "probability": float(p)} for one, p in zip(listed, weights / weights.sum())]
        found.append(
            {
                "plain": plain[:3],
                "either": either[:3],
                "best": plain[0]["text"] if plain else "",
                "bestOrNone": chosen,
                "nullScore": null["score"],
            }
        )
    return found


def without_scratch(feature):
    return {name: value for name, value in feature.items() if name not in ("points", "none")}


def questions_golden(tokenizer, max_length, doc_stride, seed=None):
    features = windows(tokenizer, max_length, doc_stride)
    golden = {"maxLength": max_length, "docStride": doc_stride}
    if seed is None:
        return {**golden, "features": [{name: f[name] for name in ("row", "start", "end")} for f in features]}
    golden["features"] = [without_scratch(f) for f in features]
    draw = np.random.RandomState(seed)
    # No two are equal: the order of equals is nobody's. Some windows favour "no answer".
    logits = []
    for feature in features:
        n = len(feature["inputIds"])
        starts, ends = draw.permutation(n * 15)[:n] / 100 - 4, draw.permutation(n * 15)[:n] / 100 - 4
        if draw.rand() < 0.7:
            starts[feature["none"]] += 6
            ends[feature["none"]] += 6
        logits.append([starts.round(2).tolist(), ends.round(2).tolist()])
    settings = {"nBest": 8, "maxAnswerLength": 12, "nullScoreDiffThreshold": 0.25}
    found = answers(features, logits, 8, 12, 0.25)
    return {**golden, "logits": logits, "settings": settings, "answers": found}


# ── texts ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

lines = [*corpus, "ok", "🙂" * 5, "  a line with spaces around  ", corpus[0]]


def grouped(tokenizer, length):
    """All texts one after another, in blocks; what does not fill the last one is left out."""
    encoding = tokenizer(lines, return_special_tokens_mask=True)
    chain = {name: sum(encoding[name], []) for name in ("input_ids", "attention_mask", "special_tokens_mask")}
    words = sum((encoding.word_ids(i) for i in range(len(lines))), [])
    total = len(words) // length * length
    cut = lambda column: [column[i : i + length] for i in range(0, total, length)]
    return {
        "maxLength": length,
        "rows": [
            {"inputIds": ids, "specialTokensMask": special, "wordIds": word}
            for ids, special, word in zip(cut(chain["input_ids"]), cut(chain["special_tokens_mask"]), cut(words))
        ],
        "rest": chain["input_ids"][total:],
    }


def by_line(tokenizer, length):
    kept = [line for line in [*lines, "", " \t "] if len(line) > 0 and not line.isspace()]
    encoding = tokenizer(kept, truncation=True, max_length=length, return_special_tokens_mask=True)
    return {
        "maxLength": length,
        "rows": [
            {"inputIds": ids, "specialTokensMask": special, "wordIds": encoding.word_ids(i)}
            for i, (ids, special) in enumerate(zip(encoding["input_ids"], encoding["special_tokens_mask"]))
        ],
    }


pairs = [
    {"text": corpus[0], "textPair": None, "label": "b"},
    {"text": corpus[1], "textPair": corpus[2], "label": "a"},
    {"text": "ok", "textPair": corpus[3], "label": "b"},
    {"text": corpus[3], "textPair": "ok 🙂", "label": "c"},
]


def classified(tokenizer, max_length):
    rows = []
    label_list = sorted({pair["label"] for pair in pairs})
    for pair in pairs:
        encoding = tokenizer(pair["text"], pair["textPair"], truncation=True, max_length=max_length)
        rows.append(
            {
                "inputIds": encoding["input_ids"],
                **({"tokenTypeIds": encoding["token_type_ids"]} if "token_type_ids" in encoding else {}),
                "labels": label_list.index(pair["label"]),
            }
        )
    return {"maxLength": max_length, "rows": rows}


golden = {"tagged": tagged, "tags": names, "questions": questions, "lines": lines, "pairs": pairs, "tokenizers": {}}
for name, tokenizer in {"bert": bert(), "bytes": bytes_(), "left": left()}.items():
    golden["tokenizers"][name] = {
        "aligned": [aligned(tokenizer, length, every) for length in (64, 12) for every in (False, True)],
        "questions": [questions_golden(tokenizer, 48, 16, 1), questions_golden(tokenizer, 64, 0)],
        "grouped": [grouped(tokenizer, 16), grouped(tokenizer, 7)],
        "byLine": by_line(tokenizer, 16),
        "classified": [classified(tokenizer, 24), classified(tokenizer, 64)],
    }
text = json.dumps(golden, ensure_ascii=False, separators=(",", ":"))
(out / "goldens.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
print({path.name: path.stat().st_size for path in out.rglob("*.*")})
