"""Tokenizers of folders without a tokenizer.json, as transformers' AutoTokenizer makes them. Writes test/fixtures/older-tokenizers/:

*.model, *.txt, *.json   small vocabularies, trained here on examples/data/summarization.train.jsonl
goldens.json.gz  [{ name, files, vocabSize, special, names, texts: [{ text, pair?, ids, offsets, typeIds, specialTokensMask, decoded, decodedSkipping }] }]
                 files: by name, the fixture's name or the JSON content; offsets are UTF-16 units, flat

`older_tokenizers.py --dump FOLDER` writes the folders and the tokenizer.json of each there, for a look by hand;
`older_tokenizers.py --read FOLDER` reads each folder in FOLDER that ours saved and compares it with the goldens.
"""

import gzip
import io
import os
import json
import pathlib
import shutil
import sys
import tempfile
import warnings

import sentencepiece
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, logging

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "test" / "fixtures" / "older-tokenizers"
warnings.simplefilter("ignore")
logging.set_verbosity_error()


def rows(split):
    lines = (ROOT / "examples" / "data" / f"summarization.{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


# A charsmap with a few rules of each kind; the full nmt_nfkc would take 200 KB.
RULES = [("FF21", "0041"), ("FF42", "0062"), ("FB01", "0066 0069"), ("2026", "002E 002E 002E"), ("00A0", "0020"), ("0009", "0020"), ("000A", "0020"), ("200B", ""), ("0065 0301", "00E9"), ("2460", "0031"), ("00BD", "0031 2044 0032"), ("3000", "0020")]


def sentence_piece(name, vocab_size=260, **options):
    rules = OUT / "rules.tsv"
    rules.write_text("".join(f"{a}\t{b}\n" for a, b in RULES))
    rule_path = os.path.relpath(rules)  # it stands in the model's file, where a machine's path has no place
    chosen = {"normalization_rule_tsv": rule_path} if options.pop("rules", False) else {"normalization_rule_name": "identity"}
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(sentence_iterator=iter(rows("train")[:400]), model_writer=out, vocab_size=vocab_size, hard_vocab_limit=False, minloglevel=2, num_threads=1, character_coverage=0.9995, **chosen, **options)
    rules.unlink()
    (OUT / name).write_bytes(out.getvalue())


def vocabularies():
    OUT.mkdir(parents=True, exist_ok=True)
    sentence_piece("unigram-t5.model", rules=True, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    sentence_piece("unigram-xlmr.model", rules=True, unk_id=0, bos_id=1, eos_id=2)
    sentence_piece("unigram-albert.model", rules=True, pad_id=0, unk_id=1, bos_id=2, eos_id=3, bos_piece="[CLS]", eos_piece="[SEP]", control_symbols="[MASK]")
    sentence_piece("unigram-deberta.model", pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]", user_defined_symbols="[user]")
    sentence_piece("bpe-llama.model", 560, model_type="bpe", byte_fallback=True, split_digits=True, allow_whitespace_only_pieces=True, add_dummy_prefix=True, remove_extra_whitespaces=False)
    sentence_piece("bpe-gemma.model", 560, model_type="bpe", byte_fallback=True, pad_id=0, eos_id=1, bos_id=2, unk_id=3, bos_piece="<bos>", eos_piece="<eos>", user_defined_symbols="<mask>,<start_of_turn>", allow_whitespace_only_pieces=True, add_dummy_prefix=False, remove_extra_whitespaces=False)
    word_piece = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    word_piece.normalizer, word_piece.pre_tokenizer = normalizers.BertNormalizer(lowercase=False), pre_tokenizers.BertPreTokenizer()
    word_piece.train_from_iterator(rows("train")[:400], trainers.WordPieceTrainer(vocab_size=300, show_progress=False, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
    tokens = [token for token, _ in sorted(word_piece.get_vocab().items(), key=lambda item: item[1])]
    (OUT / "word-piece.txt").write_text("".join(f"{token}\n" for token in [*tokens, "日", "本", "é"]), encoding="utf-8")
    (OUT / "word-piece-mpnet.txt").write_text("".join(f"{token}\n" for token in ["<s>", "<pad>", "</s>", "[UNK]", *tokens[5:], "<mask>"]), encoding="utf-8")
    for name, special in {"gpt2": ["<|endoftext|>"], "roberta": ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]}.items():
        bpe = Tokenizer(models.BPE())
        bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        first = special if name == "roberta" else []
        bpe.train_from_iterator(rows("train")[:400], trainers.BpeTrainer(vocab_size=380, show_progress=False, special_tokens=first, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
        vocab = bpe.get_vocab()
        for token in special:
            vocab.setdefault(token, len(vocab))
        (OUT / f"vocab-{name}.json").write_text(json.dumps(dict(sorted(vocab.items(), key=lambda item: item[1])), ensure_ascii=False), encoding="utf-8")
        merges = json.loads(bpe.to_str())["model"]["merges"]
        (OUT / f"merges-{name}.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges), encoding="utf-8")


T, F = True, False
flags = lambda content, **more: {"content": content, "lstrip": F, "normalized": F, "rstrip": F, "single_word": F, **more}
BPE = lambda name: {"vocab.json": f"vocab-{name}.json", "merges.txt": f"merges-{name}.txt"}
CASES = {
    "bert, only vocab.txt": {"vocab.txt": "word-piece.txt", "config.json": {"model_type": "bert"}},
    "bert, cased": {"vocab.txt": "word-piece.txt", "tokenizer_config.json": {"tokenizer_class": "BertTokenizer", "do_lower_case": F, "model_max_length": 512}},
    "bert, cased without accents": {"vocab.txt": "word-piece.txt", "tokenizer_config.json": {"tokenizer_class": "BertTokenizerFast", "do_lower_case": F, "strip_accents": T, "tokenize_chinese_chars": F}},
    "bert, lower with accents": {"vocab.txt": "word-piece.txt", "tokenizer_config.json": {"do_lower_case": T, "strip_accents": F}, "config.json": {"model_type": "bert"}},
    "distilbert": {"vocab.txt": "word-piece.txt", "config.json": {"model_type": "distilbert"}},
    "electra, added": {"vocab.txt": "word-piece.txt", "tokenizer_config.json": {"tokenizer_class": "ElectraTokenizer"}, "added_tokens.json": {"[new]": 304, "[other]": 303}, "special_tokens_map.json": {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": flags("[MASK]", lstrip=T), "additional_special_tokens": ["[other]"]}},
    "bert, decoder": {"vocab.txt": "word-piece.txt", "tokenizer_config.json": {"tokenizer_class": "BertTokenizer", "added_tokens_decoder": {"0": flags("[PAD]", special=T), "1": flags("[UNK]", special=T), "2": flags("[CLS]", special=T), "3": flags("[SEP]", special=T), "4": flags("[MASK]", special=T), "303": flags("[E1]", special=T), "304": flags("word", special=F, single_word=T)}, "extra_special_tokens": ["[E1]"]}},
    "mpnet": {"vocab.txt": "word-piece-mpnet.txt", "config.json": {"model_type": "mpnet"}},
    "gpt2": {**BPE("gpt2"), "config.json": {"model_type": "gpt2"}},
    "gpt2, prefix space": {**BPE("gpt2"), "tokenizer_config.json": {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": T, "model_max_length": 1024, "pad_token": "<pad>"}},
    "gpt2, bos": {**BPE("gpt2"), "tokenizer_config.json": {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": T}},
    "roberta": {**BPE("roberta"), "config.json": {"model_type": "roberta"}},
    "roberta, prefix space": {**BPE("roberta"), "tokenizer_config.json": {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": T, "trim_offsets": F, "mask_token": {"__type": "AddedToken", **flags("<mask>", lstrip=T)}}},
    "bart": {**BPE("roberta"), "config.json": {"model_type": "bart"}, "special_tokens_map.json": {"bos_token": "<s>", "eos_token": "</s>", "mask_token": flags("<mask>", lstrip=T)}},
    "qwen2": {**BPE("gpt2"), "config.json": {"model_type": "qwen2"}, "tokenizer_config.json": {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "added_tokens_decoder": {"380": flags("<|endoftext|>", special=T), "381": flags("<|im_start|>", special=T), "382": flags("<|im_end|>", special=T), "383": flags("<tool_call>", special=F)}}},
    "t5": {"spiece.model": "unigram-t5.model", "config.json": {"model_type": "t5"}},
    "t5, ten": {"spiece.model": "unigram-t5.model", "tokenizer_config.json": {"tokenizer_class": "T5Tokenizer", "extra_ids": 10, "model_max_length": 512}},
    "mt5, none": {"spiece.model": "unigram-t5.model", "config.json": {"model_type": "mt5"}, "tokenizer_config.json": {"tokenizer_class": "T5Tokenizer", "extra_ids": 0, "additional_special_tokens": None}},
    "xlm-roberta": {"sentencepiece.bpe.model": "unigram-xlmr.model", "config.json": {"model_type": "xlm-roberta"}},
    "camembert": {"sentencepiece.bpe.model": "unigram-xlmr.model", "config.json": {"model_type": "camembert"}},
    "albert": {"spiece.model": "unigram-albert.model", "config.json": {"model_type": "albert"}},
    "albert, cased": {"spiece.model": "unigram-albert.model", "tokenizer_config.json": {"tokenizer_class": "AlbertTokenizer", "do_lower_case": F, "keep_accents": T}},
    "deberta-v2": {"spm.model": "unigram-deberta.model", "config.json": {"model_type": "deberta-v2"}},
    "deberta-v2, lower": {"spm.model": "unigram-deberta.model", "tokenizer_config.json": {"tokenizer_class": "DebertaV2Tokenizer", "do_lower_case": T, "split_by_punct": T}},
    "llama": {"tokenizer.model": "bpe-llama.model", "config.json": {"model_type": "llama"}, "tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer", "add_bos_token": T, "add_eos_token": F, "legacy": F}},
    "llama, legacy": {"tokenizer.model": "bpe-llama.model", "tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer", "add_bos_token": T, "add_eos_token": T, "legacy": T, "bos_token": {"__type": "AddedToken", **flags("<s>", normalized=T)}}},
    "llama, no prefix": {"tokenizer.model": "bpe-llama.model", "tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer", "add_prefix_space": F}},
    "gemma": {"tokenizer.model": "bpe-gemma.model", "tokenizer_config.json": {"tokenizer_class": "GemmaTokenizer", "add_bos_token": T}, "config.json": {"model_type": "gemma"}},
    "mbart": {"sentencepiece.bpe.model": "unigram-xlmr.model", "config.json": {"model_type": "mbart"}},
    "mbart, german": {"sentencepiece.bpe.model": "unigram-xlmr.model", "tokenizer_config.json": {"tokenizer_class": "MBartTokenizer", "src_lang": "de_DE", "tgt_lang": "en_XX"}},
    "pegasus": {"spiece.model": "unigram-t5.model", "config.json": {"model_type": "pegasus"}},
    "xlnet": {"spiece.model": "unigram-xlmr.model", "config.json": {"model_type": "xlnet"}},
    "no class": {"tokenizer.model": "bpe-llama.model", "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast"}},
    "no class, unigram": {"tokenizer.model": "unigram-t5.model", "tokenizer_config.json": {"tokenizer_class": "TokenizersBackend"}},
}
TEXTS = [
    "The quick brown fox, don't!  Two  spaces", "", " ", "a", " leading and trailing  ", "Ｆull ｂidth ﬁ ½ ① e\u0301 é cafe\u0301 …", "tab\tnew\nline\r\n\n\nend", "日本語 text 🙂🏽 👩‍👩‍👧", "1,234.5 2024 x1 ``quoted'' — “q”",
    "[MASK] a [MASK]<mask> <mask>", "</s> <s>a<pad> <unk>", "<extra_id_0> and <extra_id_9>x", "[E1]word words word.[new] [other]", "<|im_start|>user\nHi<|im_end|><tool_call>", "<start_of_turn>user\n <bos>", "[user]x [CLS] y", ">>fr<< Hello there", "zero\u200bwidth\u00a0nbsp\u3000ideo",
    "İstanbul ÀÉÎ ẞ ΑΣ", "a▁b ▁ c", "   ", "x" * 30 + " \u0000\u0001", "<0x0A> \\n", "</s><unk><s>NOTUSED en_XX de_DE eng_Latn",
]
PAIRS = [("first one", "second text"), ("", "b c")]  # an empty second text counts as none in Python


def units(text):
    places = [0]
    for char in text:
        places.append(places[-1] + (2 if ord(char) > 0xFFFF else 1))
    return places


def encoded(tokenizer, text, pair=None):
    out = tokenizer(text, pair, return_offsets_mapping=True, return_token_type_ids=True, return_special_tokens_mask=True)
    sides = out.sequence_ids()
    of = [units(text), units(pair or "")]
    offsets = [place for i, (start, end) in enumerate(out["offset_mapping"]) for place in (of[sides[i] or 0][start], of[sides[i] or 0][end])]
    ids = out["input_ids"]
    return {"text": text, **({"pair": pair} if pair is not None else {}), "ids": ids, "offsets": offsets, "specialTokensMask": out["special_tokens_mask"], "typeIds": out.get("token_type_ids"), "decoded": tokenizer.decode(ids), "decodedSkipping": tokenizer.decode(ids, skip_special_tokens=True)}


def fill(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        if isinstance(content, str):
            shutil.copy(OUT / content, folder / name)
        else:
            (folder / name).write_text(json.dumps(content))


def golden(name, files, folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = [encoded(tokenizer, text) for text in TEXTS] + [encoded(tokenizer, *pair) for pair in PAIRS]
    value = {
        "name": name, "files": files, "vocabSize": len(tokenizer), "special": {key: str(token) for key, token in tokenizer.special_tokens_map.items() if isinstance(token, str)},
        "all": sorted(tokenizer.all_special_tokens), "inputs": tokenizer.model_input_names, "modelMaxLength": min(tokenizer.model_max_length, 10**9), "paddingSide": tokenizer.padding_side, "texts": texts,
    }
    return tokenizer, value


def main():
    if "--read" not in sys.argv:
        vocabularies()
    out = []
    kept = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory() as scratch:
        for name, files in CASES.items():
            folder = (kept or pathlib.Path(scratch)) / name.replace(" ", "_").replace(",", "")
            if "--read" in sys.argv:
                read(name, files, folder, scratch)
                continue
            fill(folder, files)
            tokenizer, value = golden(name, files, folder)
            if kept:
                (folder / "made.json").write_text(json.dumps({"class": type(tokenizer).__name__, **json.loads(tokenizer.backend_tokenizer.to_str())}, ensure_ascii=False, indent=1))
            out.append(value)
    if "--read" in sys.argv:
        return
    dump = "[\n" + ",\n".join(json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in out) + "\n]\n"
    with gzip.GzipFile(OUT / "goldens.json.gz", "wb", mtime=0) as file:
        file.write(dump.encode())


def read(name, files, saved, scratch):
    """Whether AutoTokenizer makes the same of a folder of ours as of the older files. "all" differs where Python counts tokens as
    special that it does not mark so (electra, deberta-v2, gemma), or leaves out one that it marks (qwen2): they are encoded alike."""
    folder = pathlib.Path(scratch) / saved.name
    fill(folder, files)
    _, before = golden(name, files, folder)
    _, after = golden(name, files, saved)
    wrong = [key for key in before if before[key] != after[key]]
    print("same" if not wrong else f"DIFFERENT {wrong}", name, *[f"\n  {a}\n  {b}" for key in wrong[:1] for a, b in [(str(before[key])[:300], str(after[key])[:300])]])


main()
