"""Marian's pair of tokenizers as transformers' MarianTokenizer does it, SentencePiece as its own library does it, and `text_target` of
other tokenizers. Writes test/fixtures/older-tokenizers/:

marian-*.spm, marian-*.json   two SentencePiece models, trained here, with one vocabulary or one for each
marian.json.gz         [{ name, files, vocabSize, codes, texts: [{ text, target?, ids, tokens, specialTokensMask, decoded, decodedSkipping }], calls }]; decoded is null
                       where Python raises
                       files: by name, the fixture's name or the JSON content; calls: [{ text, options, result }], null where Python raises
text-targets.json.gz   [{ files, calls, srcLang? }] of other tokenizers
sentencepiece.json.gz  [{ name, model (base64), encoded: [text, pieces, starts, ends], decoded: [pieces, text] }]; offsets are UTF-16 units,
                       starts and ends are left out where a model spells bytes

`marian.py --read FOLDER` reads each folder in FOLDER that `scripts/older-tokenizers.ts` wrote and compares it with the goldens.
"""

import base64
import gzip
import io
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import warnings

import sentencepiece
from transformers import AutoTokenizer, logging

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "test" / "fixtures" / "older-tokenizers"
warnings.simplefilter("ignore")
logging.set_verbosity_error()

# A few rules of each kind; the full nmt_nfkc would take 200 KB. A rule may be the beginning of another one.
RULES = [("FF21", "0041"), ("FF42", "0062"), ("FB01", "0066 0069"), ("2026", "002E 002E 002E"), ("00A0", "0020"), ("0009", "0020"), ("000A", "0020"), ("200B", ""), ("0065 0301", "00E9"), ("0065 0301 0323", "1EB9"), ("2460", "0031"), ("00BD", "0031 2044 0032"), ("3000", "0020"), ("0301", "00B4"), ("FDFA", "0635 0020 0639")]
ROWS = [json.loads(line)["text"] for line in (ROOT / "examples" / "data" / "summarization.train.jsonl").read_text(encoding="utf-8").splitlines()][:400]
# The other language: the same texts in other letters.
OTHER = [row.translate(str.maketrans("aounctAOU", "äöüñçťÄÖÜ")) for row in ROWS]

TEXTS = [
    "The quick brown fox, don't!  Two  spaces", "", " ", "a", " leading and trailing  ", "Ａ ｂ ﬁ ½ ① e\u0301 e\u0301\u0323 é \u0301 …", "tab\tnew\nline\r\n\n\nend", "日本語 text 🙂🏽 👩‍👩‍👧", "Größe und für",
    ">>fr<< Hello there", ">>de<<Hello", ">>xx<< unknown code", ">>not a code<< x", ">> a", ">>", "a >>fr<< b", ">>fr<<", ">>fr<< >>de<< two", "<< >>", "a</s>b <pad> c", "</s>>>fr<< after", "<unk> and <s>", "zero\u200bwidth\u00a0nbsp\u3000ideo\ufdfa",
    "a▁b ▁ c", "▁▁", "x" * 30 + " \u0001", "[user] a[user]b", "newone anewoneb", "日", "日本", "ä ü x",
]
TARGETS = ["Dä qüick", "", "Größe ö 日本", ">>fr<< ä", "ein öñe </s> x"]


def train(rows, rules=True, **options):
    with tempfile.TemporaryDirectory(dir=OUT) as scratch:
        path = pathlib.Path(scratch) / "rules.tsv"
        path.write_text("".join(f"{a}\t{b}\n" for a, b in RULES))
        here = os.getcwd()
        os.chdir(scratch)  # the path stands in the model's file, where a machine's has no place
        chosen = {"normalization_rule_tsv": "rules.tsv"} if rules else {"normalization_rule_name": "identity"}
        out = io.BytesIO()
        sentencepiece.SentencePieceTrainer.Train(sentence_iterator=iter(rows), model_writer=out, hard_vocab_limit=False, minloglevel=2, num_threads=1, **{"vocab_size": 200, **chosen, **options})
        os.chdir(here)
    return out.getvalue()


def pieces(model):
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [processor.id_to_piece(i) for i in range(len(processor))]


def vocabulary(tokens, extra=()):
    ids = {"</s>": 0, "<unk>": 1}
    for token in [*tokens, *extra]:
        if token != "<s>":
            ids.setdefault(token, len(ids))
    return {**ids, "<pad>": len(ids)}


def vocabularies():
    source, target = train(ROWS), train(OTHER, user_defined_symbols="[user]")
    codes = [">>fr<<", ">>de<<", "日"]
    named = {"marian-source.spm": source, "marian-target.spm": target}
    for name, ids in {"marian-vocab.json": vocabulary(pieces(source) + pieces(target), codes), "marian-source-vocab.json": vocabulary(pieces(source), codes), "marian-target-vocab.json": vocabulary(pieces(target)[30:] + pieces(target)[:30])}.items():
        named[name] = json.dumps(ids, ensure_ascii=False, separators=(",", ":")).encode()
    for name, content in named.items():
        (OUT / name).write_bytes(content)


def token(content, **flags):
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, **flags}


PAIR = {"source.spm": "marian-source.spm", "target.spm": "marian-target.spm"}
CASES = {
    "by model type": {**PAIR, "vocab.json": "marian-vocab.json", "config.json": {"model_type": "marian"}, "tokenizer_config.json": {"source_lang": "en", "target_lang": "xx", "model_max_length": 512}},
    "by class, added tokens": {**PAIR, "vocab.json": "marian-vocab.json", "tokenizer_config.json": {"tokenizer_class": "MarianTokenizer", "sp_model_kwargs": {}, "added_tokens_decoder": {"0": token("</s>", special=True), "1": token("<unk>", special=True), "420": token("newone", normalized=True, special=False)}}, "tokenizer.json": {"unused": True}},
    "older files": {**PAIR, "vocab.json": "marian-vocab.json", "config.json": {"model_type": "marian"}, "special_tokens_map.json": {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": {"content": "<pad>", "lstrip": True, "normalized": False, "rstrip": False, "single_word": False}}, "added_tokens.json": {"newone": 420, "[user]": 30}},
    "separate vocabularies": {**PAIR, "vocab.json": "marian-source-vocab.json", "target_vocab.json": "marian-target-vocab.json", "tokenizer_config.json": {"tokenizer_class": "MarianTokenizer", "separate_vocabs": True}},
}
OTHERS = [
    {"vocab.txt": "word-piece.txt", "tokenizer_config.json": {"tokenizer_class": "BertTokenizer"}},
    {"vocab.json": "vocab-roberta.json", "merges.txt": "merges-roberta.txt", "tokenizer_config.json": {"tokenizer_class": "RobertaTokenizer"}},
    {"spiece.model": "unigram-t5.model", "tokenizer_config.json": {"tokenizer_class": "T5Tokenizer", "extra_ids": 0}},
]
# Of many languages: the first from its SentencePiece model, the others as Python saves them.
LANGUAGES = [
    ("MBartTokenizer", {"src_lang": "de_DE", "tgt_lang": "fr_XX"}), ("MBart50Tokenizer", {"src_lang": "de_DE", "tgt_lang": "fr_XX"}),
    ("NllbTokenizer", {"src_lang": "deu_Latn", "tgt_lang": "fra_Latn", "extra_special_tokens": ["eng_Latn", "deu_Latn", "fra_Latn"]}), ("NllbTokenizer", {"legacy_behaviour": True, "extra_special_tokens": ["eng_Latn", "deu_Latn"]}),
]
SPELLED = {"max_length": "maxLength", "longest_first": "longestFirst", "only_first": "onlyFirst"}


def camel(name):
    return "".join(part if i == 0 else part.capitalize() for i, part in enumerate(name.split("_")))


def calls(tokenizer):
    many, targets = [TEXTS[0], "a", ""], ["Größe ö", TEXTS[0] + " ä", "ü"]
    for text, options in [
        ("Hello there", {"text_target": "Dä qüick"}), (None, {"text_target": "Dä qüick"}), (None, {"text_target": targets, "padding": True}), (many, {"text_target": targets}), (many, {"text_target": targets, "padding": True}),
        (many, {"text_target": targets, "padding": "max_length", "max_length": 12, "truncation": True}), (many, {"text_target": targets, "max_length": 9, "truncation": True, "max_target_length": 5}),
        (many, {"text_target": targets, "padding": "max_length", "max_length": 9, "truncation": True, "max_target_length": 5}), (many, {"text_target": targets, "max_length": 6, "max_target_length": 3}),
        (many, {"text_target": targets, "add_special_tokens": False, "return_special_tokens_mask": True}), (many, {"text_target": targets, "padding": True, "padding_side": "left", "return_special_tokens_mask": True}),
        (many, {"text_target": targets, "padding": True, "pad_to_multiple_of": 8}), ([["a", "word"], ["two"]], {"text_target": [["ä"], ["ö", "ü"]], "is_split_into_words": True}), (["two", "words"], {"is_split_into_words": True, "text_target": ["ö", "x"]}),
        (None, {}), ("a", {"text_pair": "b", "text_target": "c"}),
    ]:
        try:
            result = {camel(k): v for k, v in tokenizer(text, **options).items()}
        except ValueError:
            result = None
        yield {"text": text, "options": {camel(k): SPELLED.get(v, v) if isinstance(v, str) else v for k, v in options.items()}, "result": result}


def fill(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        if isinstance(content, str):
            shutil.copy(OUT / content, folder / name)
        else:
            (folder / name).write_text(json.dumps(content))


def decoded(tokenizer, ids, **options):
    try:
        return tokenizer.decode(ids, **options)
    except IndexError:  # ids of the other vocabulary
        return None


def golden(name, files, folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    out = []
    for text, target in [*((text, False) for text in TEXTS), *((text, True) for text in TARGETS)]:
        how = {"text_target": text} if target else {"text": text}
        row = tokenizer(return_special_tokens_mask=True, **how)
        ids = row["input_ids"]
        if target:
            tokenizer._switch_to_target_mode()
        tokens = tokenizer.tokenize(text)
        tokenizer._switch_to_input_mode()
        out.append({"text": text, **({"target": True} if target else {}), "ids": ids, "tokens": tokens, "specialTokensMask": row["special_tokens_mask"], "decoded": decoded(tokenizer, ids), "decodedSkipping": decoded(tokenizer, ids, skip_special_tokens=True)})
    return {"name": name, "files": files, "vocabSize": len(tokenizer), "codes": tokenizer.supported_language_codes, "modelMaxLength": tokenizer.model_max_length, "special": tokenizer.all_special_tokens, "texts": out, "calls": list(calls(tokenizer))}


VARIANTS = {
    "rules": {}, "identity": {"rules": False}, "bytes": {"byte_fallback": True, "vocab_size": 400}, "symbols": {"user_defined_symbols": "[user],>>fr<<, x,the q", "control_symbols": "<c>", "unk_surface": "?U?"},
    "suffix": {"treat_whitespace_as_suffix": True}, "blanks kept": {"remove_extra_whitespaces": False, "allow_whitespace_only_pieces": True}, "no prefix": {"add_dummy_prefix": False}, "neither": {"add_dummy_prefix": False, "remove_extra_whitespaces": False},
}
ALPHABET = [*"abcdethe   ..,'-\t\nABC", "ﬁ", "Ａ", "é", "e\u0301", "e\u0301\u0323", "\u00a0", "\u3000", "\u200b", "日", "本", "🙂", "🏽", "▁", "½", "①", "\u0000", "\u0001", "ß", "\ufdfa", "…", "[user]", ">>fr<<", "<unk>", "<s>", "</s>", "<0x41>", "<c>", " x", "the quick", "\ufeff", "\u0e33"]


def sentence_pieces():
    draw = random.Random(5)
    words = " ".join(ROWS[:50]).split()
    for name, options in VARIANTS.items():
        model = train(ROWS, **options)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        known = [*pieces(model), "▁▁", "▁日", "x▁y", "日", "<0xE2>", "<0x82>", "▁", "▁"]
        texts = [*TEXTS, *("".join(draw.choices(ALPHABET, k=draw.randint(0, 12))) for _ in range(80)), *(" ".join(draw.choices(words, k=draw.randint(1, 15))) for _ in range(10))]
        encoded = []
        for text in texts:
            units = {len(text[:i].encode()): len(text[:i].encode("utf-16-le")) // 2 for i in range(len(text) + 1)}
            found = processor.encode(text, return_type="proto").pieces
            places = [] if any(piece.piece.startswith("<0x") for piece in found) else [[units[piece.begin] for piece in found], [units[piece.end] for piece in found]]
            encoded.append([text, [piece.piece for piece in found], *places])
        decoded = [[drawn, processor.decode_pieces(drawn)] for drawn in (draw.choices(known, k=draw.randint(0, 8)) for _ in range(80))]
        yield {"name": name, "model": base64.b64encode(model).decode(), "encoded": encoded, "decoded": decoded}


def write(name, values):
    dump = "[\n" + ",\n".join(json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in values) + "\n]\n"
    with gzip.GzipFile(OUT / name, "wb", mtime=0) as file:
        file.write(dump.encode())


def main():
    with tempfile.TemporaryDirectory() as scratch:
        if "--read" in sys.argv:
            for name, files in CASES.items():
                folder = pathlib.Path(scratch) / name
                fill(folder, files)
                saved = pathlib.Path(sys.argv[2]) / name.replace(" ", "_").replace(",", "")
                before, after = (golden(name, files, at) for at in [folder, saved])
                print("same" if before == after else f"DIFFERENT {[key for key in before if before[key] != after[key]]}", name)
            return
        vocabularies()
        marian = []
        for name, files in CASES.items():
            fill(pathlib.Path(scratch) / name, files)
            marian.append(golden(name, files, pathlib.Path(scratch) / name))
        write("marian.json.gz", marian)
        targets = []
        for i, files in enumerate(OTHERS):
            fill(pathlib.Path(scratch) / str(i), files)
            targets.append({"files": files, "calls": list(calls(AutoTokenizer.from_pretrained(pathlib.Path(scratch) / str(i))))})
        for i, (name, config) in enumerate(LANGUAGES):
            files = {"sentencepiece.bpe.model": "unigram-xlmr.model", "tokenizer_config.json": {"tokenizer_class": name, **config}}
            folder, saved = pathlib.Path(scratch) / f"languages {i}", pathlib.Path(scratch) / f"saved {i}"
            fill(folder, files)
            AutoTokenizer.from_pretrained(folder).save_pretrained(saved)
            if i > 0:
                files, folder = {at.name: json.loads(at.read_text()) for at in saved.iterdir()}, saved
            tokenizer = AutoTokenizer.from_pretrained(folder)
            targets.append({"files": files, "calls": list(calls(tokenizer)), "srcLang": tokenizer.src_lang})
        write("text-targets.json.gz", targets)
        write("sentencepiece.json.gz", sentence_pieces())


main()
