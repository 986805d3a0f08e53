"""Every component of tokenizer.json as Rust's tokenizers has it. Writes test/fixtures/text/tokenizers.json.gz:

[{ name, tokenizer, cases: [{ text, pair?, options?, ids, tokens, offsets, wordIds, typeIds, specialTokensMask, attentionMask,
   sequenceIds, overflowing: [the same], decoded }] }]

offsets are UTF-16 units, flat. Truncation is done by `post_process` on whole encodings: from 0.23.1 on, `encode` loses what
overflows. The Unigram models are trained here by `sentencepiece`, with its real charsmaps.
"""

import gzip
import io
import json
import pathlib
import random

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from text import HOSTILE, ROOT, rows, units

TEXTS = [text for text in HOSTILE if len(text) < 60] + [
    "½\u0301 ㍿ \u00ad\u0301x \ufb01\u200bne", "\r\n\r\n", "a\u0903b\u0e33c", "𝔘nicode 𐍈", "the-final--countdown 12ab34 x_y", "▁▁ meta▁space ▁",
    "<mask>  <mask>x New new NEW renew", "<0x41>\u20ac\U0001f642", "どこで生れYes ー 京都 123 Привет", "aa</w> [PAD][PAD]|h|h e",
    "a\u0345\u1df6\u0345\u1dfa \u1dfa\u1df9\u1dfd\u1df7 \u1dff\u1df8\u0316 \U00011935\U00011930",  # marks without an order in older tables
]


def columns(encoding, sources, whole=True):
    tables = {}
    offsets = []
    for i, (start, end) in enumerate(encoding.offsets):
        source = sources[encoding.sequence_ids[i]] if encoding.sequence_ids[i] is not None else None
        at = units(source) if isinstance(source, str) else None
        offsets += [at[start], at[end]] if at else [start, end]
    out = {"ids": encoding.ids, "tokens": encoding.tokens, "offsets": offsets, "wordIds": encoding.word_ids, "specialTokensMask": encoding.special_tokens_mask, "attentionMask": encoding.attention_mask}
    if whole:
        out |= {"typeIds": encoding.type_ids, "sequenceIds": encoding.sequence_ids, "overflowing": [columns(other, sources, False) for other in encoding.overflowing]}
    return out


def case(tokenizer, text, pair=None, truncation=None, padding=None):
    out = {"text": text}
    if pair is not None:
        out["pair"] = pair
    try:
        if truncation is None and padding is None:
            encoding = tokenizer.encode(text, pair)
        else:
            plain = Tokenizer.from_str(tokenizer.to_str())
            plain.post_processor = None
            bare = [plain.encode(one, add_special_tokens=False) for one in (text, pair) if one is not None]
            if truncation:
                strategies = {"longestFirst": "longest_first", "onlyFirst": "only_first", "onlySecond": "only_second"}
                tokenizer.enable_truncation(truncation["maxLength"], stride=truncation["stride"], direction=truncation["side"], strategy=strategies[truncation["strategy"]])
                out["truncation"] = truncation
            if padding:
                tokenizer.enable_padding(direction=padding["side"], pad_id=padding["padId"], pad_type_id=padding["padTypeId"], pad_token=padding["padToken"], length=padding.get("length"), pad_to_multiple_of=padding.get("multipleOf"))
                out["padding"] = padding
            encoding = tokenizer.post_process(*bare)
        out |= columns(encoding, [text, pair]) | {"decoded": tokenizer.decode(encoding.ids, skip_special_tokens=True)}
    except BaseException:  # a panic is no Exception
        out["fails"] = True
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return out


def unigram(rule, texts, size, byte_fallback=False):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(texts), model_writer=model, vocab_size=size, normalization_rule_name=rule,
                                             model_type="unigram", byte_fallback=byte_fallback, num_threads=1, minloglevel=2, hard_vocab_limit=False)
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    return [(piece.piece, piece.score) for piece in proto.pieces], proto.normalizer_spec.precompiled_charsmap


def main():
    texts = rows("train")[:400]
    words = sorted({word for text in texts[:60] for word in text.lower().split()})[:600]
    letters = sorted({char for text in TEXTS for char in text})
    level = models.WordLevel({token: i for i, token in enumerate(["<unk>", "[PAD]", "<s>", "</s>", *words, *letters])}, unk_token="<unk>")
    piece = trainers.WordPieceTrainer(vocab_size=500, special_tokens=["[UNK]", "[PAD]", "[CLS]", "[SEP]"], show_progress=False)
    wordpiece = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    wordpiece.normalizer = normalizers.BertNormalizer()
    wordpiece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    wordpiece.train_from_iterator(sorted(texts), piece)
    out = []
    rng = random.Random(1)

    def add(name, model, normalizer=None, pre=None, post=None, decoder=None, added=(), cases=TEXTS, pairs=0):
        tokenizer = Tokenizer(model)
        for part, value in (("normalizer", normalizer), ("pre_tokenizer", pre), ("post_processor", post), ("decoder", decoder)):
            if value is not None:
                setattr(tokenizer, part, value)
        if added:
            tokenizer.add_tokens(list(added))
        made = [case(tokenizer, text) for text in cases]
        for i in range(pairs):
            made.append(case(
                tokenizer, rng.choice(TEXTS), rng.choice(TEXTS) if rng.random() < 0.6 else None,
                {"maxLength": rng.randint(4, 20), "stride": rng.randint(0, 2), "side": rng.choice(["left", "right"]), "strategy": rng.choice(["longestFirst", "onlyFirst", "onlySecond"])} if i % 2 else None,
                {"side": rng.choice(["left", "right"]), "padId": 1, "padTypeId": 2, "padToken": "[PAD]", **rng.choice([{}, {"length": 12}, {"multipleOf": 8}])} if i % 3 else None))
        if post is None:
            made = [one for one in made if "pair" not in one]  # `post_process` has no type for the second text then
        out.append({"name": name, "tokenizer": json.loads(tokenizer.to_str()), "cases": made})

    split = pre_tokenizers.WhitespaceSplit()
    single = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    n = normalizers
    for name, normalizer in {
        "BertNormalizer": n.BertNormalizer(), "BertNormalizer cased": n.BertNormalizer(lowercase=False, strip_accents=False), "NFC": n.NFC(), "NFD": n.NFD(), "NFKC": n.NFKC(), "NFKD": n.NFKD(),
        "Lowercase": n.Lowercase(), "Strip": n.Strip(), "Strip left": n.Strip(right=False), "StripAccents": n.Sequence([n.NFD(), n.StripAccents()]), "Replace": n.Replace("a", "bc"),
        "Replace regex": n.Replace(Regex(r"\s+"), "_"), "Replace with nothing": n.Replace(Regex("[aeiou]"), ""), "Prepend": n.Prepend("▁x"), "Nmt": n.Nmt(), "ByteLevel normalizer": n.ByteLevel(),
        "Sequence": n.Sequence([n.Lowercase(), n.NFD(), n.Replace("e", "ee"), n.Strip(), n.NFC()]),
    }.items():
        add(name, level, normalizer, single)
    p = pre_tokenizers
    for name, pre in {
        "BertPreTokenizer": p.BertPreTokenizer(), "ByteLevel": p.ByteLevel(add_prefix_space=True), "ByteLevel without regex": p.ByteLevel(add_prefix_space=False, use_regex=False),
        "CharDelimiterSplit": p.CharDelimiterSplit("-"), "Digits": p.Digits(), "Digits individual": p.Digits(individual_digits=True), "Metaspace always": p.Metaspace(),
        "Metaspace first": p.Metaspace(prepend_scheme="first"), "Metaspace never": p.Metaspace(prepend_scheme="never"), "Metaspace whole": p.Metaspace(split=False), "UnicodeScripts": p.UnicodeScripts(),
        "Whitespace": p.Whitespace(), "WhitespaceSplit": split, "FixedLength": p.FixedLength(3), "words, then Metaspace": p.Sequence([split, p.Metaspace()]),
        "digits, then ByteLevel": p.Sequence([p.Digits(True), p.ByteLevel(add_prefix_space=False)]), "ByteLevel, then Digits": p.Sequence([p.ByteLevel(add_prefix_space=True), p.Digits(True)]),
        **{f"Punctuation {b}": p.Punctuation(b) for b in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous")},
        **{f"Split {b} {i}": p.Split(Regex(r"\d|-"), b, i) for b in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous") for i in (False, True)},
        "Split text": p.Split("a", "merged_with_next"), "Split at empty matches": p.Split(Regex("x*"), "isolated"),
    }.items():
        # The words themselves are the tokens: they are all unknown, and their offsets tell.
        add(name, models.WordLevel({"<unk>": 0}, unk_token="<unk>"), None, pre)

    bert = [("[SEP]", 3), ("[CLS]", 2)]
    template = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS]:3 $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    base = dict(normalizer=n.BertNormalizer(), pre=p.BertPreTokenizer(), decoder=decoders.WordPiece())
    add("WordPiece", wordpiece.model, post=processors.BertProcessing(*bert), pairs=60, **base)
    add("WordPiece, template", wordpiece.model, post=template, pairs=60, **base)
    add("WordPiece, no processor", wordpiece.model, pairs=30, **base)
    letters_bpe = trainers.BpeTrainer(vocab_size=500, special_tokens=["<unk>"], end_of_word_suffix="</w>", show_progress=False)
    suffix = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>", fuse_unk=True))
    suffix.pre_tokenizer = p.BertPreTokenizer()
    suffix.train_from_iterator(texts, letters_bpe)
    add("BPE with suffix", suffix.model, n.Lowercase(), p.BertPreTokenizer(), None, decoders.BPEDecoder())
    prefix = Tokenizer(models.BPE(unk_token="<unk>", continuing_subword_prefix="##"))
    prefix.pre_tokenizer = p.Whitespace()
    prefix.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=500, special_tokens=["<unk>"], continuing_subword_prefix="##", show_progress=False))
    add("BPE with prefix", prefix.model, None, p.Whitespace())
    for name, rule, fallback in (("Unigram nmt_nfkc", "nmt_nfkc", False), ("Unigram nmt_nfkc_cf", "nmt_nfkc_cf", False), ("Unigram bytes", "nfkc", True)):
        pieces, charsmap = unigram(rule, texts, 700, fallback)
        post = processors.RobertaProcessing(("</s>", 2), ("<s>", 1), trim_offsets=False) if fallback else processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 2)])
        add(name, models.Unigram(pieces, 0, fallback), n.Sequence([n.Precompiled(charsmap), n.Strip(left=False), n.Replace(Regex(" {2,}"), "▁")]), p.Metaspace(), post, decoders.Metaspace(), pairs=20)
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = p.ByteLevel(add_prefix_space=True)
    bpe.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=600, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"], initial_alphabet=p.ByteLevel.alphabet(), show_progress=False))
    mask = [AddedToken("<mask>", lstrip=True, special=True, normalized=False)]
    for trim in (True, False):
        add(f"Roberta, trim {trim}", bpe.model, None, p.ByteLevel(add_prefix_space=True), processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=trim), decoders.ByteLevel(), mask, pairs=30)
    add("Sequence of processors", bpe.model, None, p.ByteLevel(add_prefix_space=False), processors.Sequence([processors.ByteLevel(trim_offsets=True), processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 0)])]), decoders.ByteLevel(), mask, pairs=30)
    flags = [AddedToken("new", single_word=True), AddedToken("x_", rstrip=True), AddedToken("NEW", normalized=True, lstrip=True, rstrip=True), AddedToken("  <mask>", normalized=False)]
    add("added tokens", level, n.Lowercase(), split, None, None, mask + flags)
    llama = {"<unk>": 0, **{f"<0x{byte:02X}>": byte + 1 for byte in range(256)}, "▁": 257, "a": 258, "b": 259, "▁a": 260, "ab": 261, "▁▁": 262}
    add("BPE with byte fallback", models.BPE(llama, [("▁", "a"), ("a", "b"), ("▁", "▁")], unk_token="<unk>", fuse_unk=True, byte_fallback=True),
        n.Sequence([n.Prepend("▁"), n.Replace(" ", "▁")]), None, None, decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]))
    add("CTC", level, None, p.Split("", "isolated"), None, decoders.CTC(pad_token="[PAD]", word_delimiter_token="|"), cases=["[PAD][PAD]|h|h e", "hello"])
    add("Fuse", level, None, single, None, decoders.Fuse())
    with gzip.GzipFile(ROOT / "test" / "fixtures" / "text" / "tokenizers.json.gz", "wb", mtime=0) as file:
        file.write(json.dumps(out, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


if __name__ == "__main__":
    main()
