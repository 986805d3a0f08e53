"""What Python's trainers of tokenizers learn. Writes test/fixtures/text/trainers.json.gz:

{ texts, cases: [{ name, kind, normalizer, preTokenizer, options, vocab?, merges?, always?, sometimes?, size?, scores?, loose?, heldOut? }] }

`texts` are rows of examples/data, with others that are full of ties. `vocab` is there where Python gives the same ids in every process (its
maps are seeded at random), in the order of ids; otherwise the tokens that it has in every run and those of some. Unigram has the `scores` of
its pieces instead, sorted by piece, and how many tokens the held-out texts are: scores that would be equal are so but for rounding, which
changes the order of their ids. `loose` are the letters whose scores Python deals out in another order each time. The script trains in twelve
processes to see.
"""

import gzip
import json
import pathlib
import subprocess
import sys

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "test" / "fixtures" / "text" / "trainers.json.gz"


def rows(split, count):
    lines = (ROOT / "examples" / "data" / f"summarization.{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines[:count]]


TEXTS = rows("train", 150) + [
    "abab abab cdcd cdcd abcd abcd", "aaaa aaa aa a", "naïve café Ångström 日本語のテキスト 日本", "🙂🙂 🙂🙃 👍🏽 👍🏽", "x y z x y z xyz xyz xyzxyz",
]
HELD_OUT = rows("test", 60)

CASES = [
    ("bytes", "BPE", None, pre_tokenizers.ByteLevel(add_prefix_space=False), {"vocab_size": 700, "initial_alphabet": sorted(pre_tokenizers.ByteLevel.alphabet())}),
    ("plain", "BPE", None, pre_tokenizers.Whitespace(), {"vocab_size": 600, "min_frequency": 2, "special_tokens": ["<unk>", "ab"]}),
    ("initial alphabet", "BPE", normalizers.Lowercase(), pre_tokenizers.BertPreTokenizer(), {"vocab_size": 300, "initial_alphabet": ["я", "zebra", "🙂"]}),
    ("limited alphabet", "BPE", normalizers.Lowercase(), pre_tokenizers.WhitespaceSplit(), {"vocab_size": 300, "limit_alphabet": 20}),
    ("token length", "BPE", None, pre_tokenizers.Whitespace(), {"vocab_size": 500, "max_token_length": 5}),
    ("shortest tokens", "BPE", None, pre_tokenizers.Whitespace(), {"vocab_size": 500, "max_token_length": 1}),
    ("suffix", "BPE", None, pre_tokenizers.Whitespace(), {"vocab_size": 500, "end_of_word_suffix": "</w>"}),
    ("prefix", "BPE", None, pre_tokenizers.Whitespace(), {"vocab_size": 400, "continuing_subword_prefix": "@@"}),
    ("BERT", "WordPiece", normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer(), {"vocab_size": 800, "special_tokens": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]}),
    ("words", "WordLevel", None, pre_tokenizers.Whitespace(), {"vocab_size": 1500, "special_tokens": ["<unk>"]}),
    ("frequent words", "WordLevel", None, pre_tokenizers.Whitespace(), {"min_frequency": 4}),
    ("pieces", "Unigram", normalizers.NFKC(), pre_tokenizers.Metaspace(), {"vocab_size": 800, "special_tokens": ["</s>", "<unk>"], "unk_token": "<unk>"}),
    ("short pieces", "Unigram", None, pre_tokenizers.Metaspace(), {"vocab_size": 600, "max_piece_length": 4, "unk_token": "<unk>"}),
    ("all pieces", "Unigram", None, pre_tokenizers.Metaspace(), {"vocab_size": 9000, "unk_token": "<unk>"}),
    ("other rounds", "Unigram", normalizers.Lowercase(), pre_tokenizers.Metaspace(), {"vocab_size": 700, "unk_token": "<unk>", "shrinking_factor": 0.6, "n_sub_iterations": 1, "initial_alphabet": ["я", "ю"]}),
    ("whole texts", "Unigram", None, None, {"vocab_size": 900, "unk_token": "<unk>"}),
]


def learned():
    out = []
    for name, kind, normalizer, pre_tokenizer, options in CASES:
        tokenizer = Tokenizer(getattr(models, kind)())
        tokenizer.normalizer = normalizer
        if pre_tokenizer:
            tokenizer.pre_tokenizer = pre_tokenizer
        tokenizer.train_from_iterator(TEXTS, getattr(trainers, f"{kind}Trainer".replace("BPE", "Bpe"))(show_progress=False, **options))
        config = json.loads(tokenizer.to_str())
        case = {"name": name, "kind": kind, "normalizer": config["normalizer"], "preTokenizer": config["pre_tokenizer"], "options": options}
        model = config["model"]
        if kind == "Unigram":
            case["heldOut"] = sum(len(e.ids) for e in tokenizer.encode_batch(HELD_OUT))
            case["scores"] = sorted([piece, round(score, 9)] for piece, score in model["vocab"])
        else:
            case["vocab"] = sorted(model["vocab"], key=model["vocab"].get)
            case["merges"] = model.get("merges")
        out.append(case)
    return out


if __name__ == "__main__":
    if sys.argv[1:] == ["--once"]:
        print(json.dumps(learned()))
    else:
        runs = [json.loads(subprocess.run([sys.executable, __file__, "--once"], check=True, capture_output=True, text=True).stdout) for _ in range(12)]
        cases = runs[0]
        for i, case in enumerate(cases):
            if case["kind"] == "Unigram":
                scores = [dict(run[i]["scores"]) for run in runs]
                case["loose"] = [piece for piece, score in case["scores"] if any(abs(other[piece] - score) > 1e-8 for other in scores)]
                print(case["name"], [run[i]["heldOut"] for run in runs], "tokens held out,", len(scores[0]), "pieces, loose:", case["loose"])
                continue
            if any(run[i]["vocab"] != case["vocab"] for run in runs[1:]):
                sets = [set(run[i]["vocab"]) for run in runs]
                del case["vocab"], case["merges"]
                case["always"] = sorted(set.intersection(*sets))
                case["sometimes"] = sorted(set.union(*sets) - set(case["always"]))
                case["size"] = len(sets[0])
                print(case["name"], "ids differ from run to run, tokens of some runs only:", case["sometimes"])
        text = json.dumps({"texts": TEXTS, "heldOut": HELD_OUT, "cases": cases}, ensure_ascii=False, separators=(",", ":"))
        OUT.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
