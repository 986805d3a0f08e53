"""What transformers' `train_new_from_iterator` makes of tokenizers of each kind. Writes test/fixtures/text/train-new.json.gz:

{ texts, cases: [{ name, tokenizer, special, vocabSize, options, made, vocab?, always?, sometimes?, scores?, roles }] }

`tokenizer` is the old tokenizer.json with a small vocabulary, `made` the new one without its vocabulary, `roles` the special tokens with a
part. `vocab` is there where Python gives the same ids in every process, in the order of ids; otherwise the tokens that it has in every run and
those of some; Unigram has the `scores` of its pieces instead. The script trains in eight processes to see.
"""

import gzip
import json
import pathlib
import subprocess
import sys

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "test" / "fixtures" / "text" / "train-new.json.gz"
LINES = (ROOT / "examples" / "data" / "summarization.train.jsonl").read_text(encoding="utf-8").splitlines()
TEXTS = [json.loads(line)["text"] for line in LINES[:120]] + ["naïve café 日本語 🙂🙃 <mask> [SEP] abab cdcd abab", "aaaa aaa aa a"]
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def template(cls, sep):
    ids = {cls[0]: cls[1], sep[0]: sep[1]}
    return processors.TemplateProcessing(single=f"{cls[0]} $A {sep[0]}", pair=f"{cls[0]} $A {sep[0]} $B:1 {sep[0]}:1", special_tokens=list(ids.items()))


def numbered(*tokens):
    return {token: i for i, token in enumerate(tokens)}


def tokenizer(model, pre, post=None, normalizer=None, decoder=None, added=()):
    made = Tokenizer(model)
    for name, part in [("normalizer", normalizer), ("pre_tokenizer", pre), ("post_processor", post), ("decoder", decoder)]:
        if part is not None:
            setattr(made, name, part)
    for token in added:
        made.add_special_tokens([token]) if getattr(token, "special", True) else made.add_tokens([token])
    return made


METASPACE, BYTES = pre_tokenizers.Metaspace, pre_tokenizers.ByteLevel
ROBERTA = {"bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>", "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": AddedToken("<mask>", lstrip=True, special=True)}
CASES = [
    ("RoBERTa", tokenizer(models.BPE(numbered("x", "<s>", "<pad>", "</s>", "<unk>", "<mask>"), []), BYTES(add_prefix_space=False), processors.RobertaProcessing(("</s>", 3), ("<s>", 1)), decoder=decoders.ByteLevel(), added=["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True, special=True), AddedToken("cat!", special=False)]), ROBERTA, 700, {}),
    ("GPT-2, a new token", tokenizer(models.BPE({}, [], continuing_subword_prefix="", end_of_word_suffix=""), BYTES(add_prefix_space=False), processors.ByteLevel(trim_offsets=False), decoder=decoders.ByteLevel(), added=["<|endoftext|>"]), {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}, 600, {"new_special_tokens": ["<|user|>"]}),
    ("Llama 3", tokenizer(models.BPE({}, [], ignore_merges=True), pre_tokenizers.Sequence([pre_tokenizers.Split("-", "isolated"), BYTES(add_prefix_space=False, use_regex=False)]), template(("<|begin|>", 0), ("<|end|>", 1)), decoder=decoders.ByteLevel(), added=["<|begin|>", "<|end|>"]), {"bos_token": "<|begin|>", "eos_token": "<|end|>"}, 500, {}),
    ("Llama 2", tokenizer(models.BPE(numbered("<unk>", "<s>", "</s>"), [], unk_token="<unk>", fuse_unk=True, byte_fallback=True), METASPACE(prepend_scheme="first", split=False), template(("<s>", 1), ("</s>", 2)), decoder=decoders.Metaspace(), added=["<unk>", "<s>", "</s>"]), {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}, 400, {}),
    ("BERT", tokenizer(models.WordPiece(numbered(*BERT), unk_token="[UNK]"), pre_tokenizers.BertPreTokenizer(), template(("[CLS]", 2), ("[SEP]", 3)), normalizers.BertNormalizer(), decoders.WordPiece(), BERT), {f"{role}_token": f"[{role.upper()}]" for role in ["pad", "unk", "cls", "sep", "mask"]}, 600, {}),
    ("BERT, renamed", tokenizer(models.WordPiece(numbered(*BERT), unk_token="[UNK]"), pre_tokenizers.BertPreTokenizer(), processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2)), normalizers.BertNormalizer(), decoders.WordPiece(), BERT), {f"{role}_token": f"[{role.upper()}]" for role in ["pad", "unk", "cls", "sep", "mask"]}, 500, {"special_tokens_map": {"[UNK]": "<unk>", "[SEP]": "<sep>", "[MASK]": "<mask>"}, "new_special_tokens": ["<new>"]}),
    ("words", tokenizer(models.WordLevel(numbered("<unk>", "<pad>"), unk_token="<unk>"), pre_tokenizers.Whitespace(), added=["<unk>", "<pad>", "<s>"]), {"unk_token": "<unk>", "pad_token": "<pad>"}, 500, {"new_special_tokens": [AddedToken("<url>", rstrip=True, special=True)]}),
    ("words, template, renamed", tokenizer(models.WordLevel(numbered("<unk>"), unk_token="<unk>"), pre_tokenizers.BertPreTokenizer(), template(("<s>", 1), ("</s>", 2)), normalizers.Lowercase(), added=["<unk>", "<s>", "</s>"]), {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}, 300, {"special_tokens_map": {"<s>": "[CLS]", "<unk>": "[UNK]"}}),
    ("T5", tokenizer(models.Unigram([("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁a", -1.0)], unk_id=2), pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), METASPACE()]), processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]), normalizers.NFKC(), decoders.Metaspace(), ["<pad>", "</s>", "<unk>", AddedToken("plain", special=False)]), {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}, 500, {}),
]


def written(token):
    return token if isinstance(token, str) else {"content": token.content, "lstrip": token.lstrip, "rstrip": token.rstrip, "singleWord": token.single_word, "normalized": token.normalized}


def learned():
    out = []
    for name, old, special, size, options in CASES:
        before = PreTrainedTokenizerFast(tokenizer_object=old, **special)
        new = before.train_new_from_iterator(TEXTS, size, show_progress=False, **options)
        made = json.loads(new.backend_tokenizer.to_str())
        vocab, merges = made["model"].pop("vocab"), made["model"].pop("merges", None)
        learnt = {"scores": sorted([piece, round(score, 9)] for piece, score in vocab)} if isinstance(vocab, list) else {"vocab": sorted(vocab, key=vocab.get), "merges": merges}
        shown = {"newSpecialTokens": [written(token) for token in options.get("new_special_tokens", [])], "specialTokensMap": options.get("special_tokens_map", {})}
        out.append({"name": name, "tokenizer": json.loads(before.backend_tokenizer.to_str()), "special": {key: str(token) for key, token in before.special_tokens_map.items()}, "vocabSize": size, "options": shown, "made": made, **learnt, "roles": {key: str(token) for key, token in new.special_tokens_map.items()}})
    return out


def main():
    if sys.argv[1:] == ["--once"]:
        print(json.dumps(learned()))
        return
    runs = [json.loads(subprocess.run([sys.executable, __file__, "--once"], check=True, capture_output=True, text=True).stdout) for _ in range(8)]
    cases = [dict(case) for case in runs[0]]
    for i, case in enumerate(cases):
        if "vocab" not in case or all(run[i]["vocab"] == case["vocab"] and run[i]["merges"] == case["merges"] for run in runs):
            continue
        del case["vocab"], case["merges"]
        sets = [set(run[i]["vocab"]) for run in runs]
        always = set.intersection(*sets)
        case["always"], case["sometimes"] = sorted(always), sorted(set.union(*sets) - always)
    with gzip.GzipFile(OUT, "wb", mtime=0) as file:
        file.write(json.dumps({"texts": TEXTS, "cases": cases}, ensure_ascii=False, separators=(",", ":")).encode())
    for case in cases:
        print(case["name"], "the same in every run" if case.keys() & {"vocab", "scores"} else f"{len(case['sometimes'])} tokens change")


main()
