"""Tokenizers as Python's `tokenizers` and `transformers` have them. Writes test/fixtures/text/:

training.json    [{ texts, vocabSize, minFrequency, addPrefixSpace, specialTokens, merges }]   small corpora full of ties
bpe.json         { vocabSize, merges, rows: [ids], texts: [encoding] }   trained on examples/data/summarization.train.jsonl;
                 rows are those of summarization.test.jsonl, every third
components.json  [{ name, tokenizer, texts: [encoding] }]   tokenizer is a tokenizer.json; where its model is null, it is
                 the one of bpe.json with the first 400 tokens
patterns.json    { text, cases: [{ pattern, words }] }   what a regular expression of Oniguruma finds
calls.json       { config, tokenizer, calls: [{ arguments, options, result }] }   transformers' __call__, in camelCase

An encoding is { text, pair?, ids, tokens?, offsets, typeIds, wordIds, specialTokensMask, sequenceIds, decoded, decodedSkipping };
offsets are UTF-16 units, flat: start, end, start, end ...; tokens are there where they are not the ids' own.

`text.py --read FOLDER` reads the tokenizer that `savePretrained` wrote there and prints what it makes of the test rows,
for a comparison by hand.
"""

import json
import pathlib
import random
import sys

from tokenizers import AddedToken, ByteLevelBPETokenizer, Regex, Tokenizer
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "test" / "fixtures" / "text"
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]


def rows(split):
    lines = (ROOT / "examples" / "data" / f"summarization.{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


def write(name, value):
    """One entry of a list a line, so that a change shows where it is."""
    dump = lambda v: json.dumps(v, ensure_ascii=False, separators=(",", ":"))
    lines = lambda v: "[\n" + ",\n".join(map(dump, v)) + "\n]"
    if isinstance(value, dict):
        text = "{\n" + ",\n".join(f"{dump(k)}: {lines(v) if isinstance(v, list) and k != 'merges' else dump(v)}" for k, v in value.items()) + "\n}"
    else:
        text = lines(value)
    OUT.mkdir(parents=True, exist_ok=True)
    # Line separators are legal JSON, but editors and diffs break on them.
    (OUT / name).write_text(text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029") + "\n", encoding="utf-8")


HOSTILE = [
    "", " ", "  ", "\n", "\t \n\n ", "a", " a", "a ", "   leading and trailing   ", "don't we're I'll they'd I'm you've it's DON'T",
    "tabs\tand\r\nnew\nlines\n\n\nend", "3.14159 1,000,000 2024-01-02 0x1F ½ ² Ⅷ ٣ 一二", "snake_case camelCase kebab-case path/to/file.txt",
    "http://example.org/?q=1&r=2#frag", "=====-----*****.....", "!!!???", "emoji 🙂🙃 👩‍👩‍👧‍👦 🇩🇪 👍🏽 end", "🙂", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈", "日本語のテキスト。中文字符，한국어 텍스트",
    "नमस्ते दुनिया", "สวัสดีชาวโลก", "שלום עולם", "مرحبا بالعالم", "\u202eright to left\u202c", "cafe\u0301 caf\u00e9 A\u030a \u00c5 \u212b", "e\u0301\u0323\u0302 Z\u0351\u036b\u0343\u036a",
    "ﬁ ﬂ ① ㎏ ｆｕｌｌ　ｗｉｄｔｈ", "\u1112\u1161\u11ab\u1100\u1173\u11af 한글 각", "İstanbul ΑΣΣ ΣΑΣ ß ẞ Ǆ", "\x00\x01\x1f\x7f", "zero\u200bwidth\u200djoin\ufeffbom\u00adsoft", "\u00a0nbsp\u2003em\u3000ideo\u2028line\u2029para\x85nel",
    "<s>not special?</s> <pad><unk>", "a<s>b", " <s> ", "<s", "</s></s>", "price: €5 £6 ¥7 ₿8", "Ġ Ċ ĉ Ā ÿ", "�", "a" * 70, "ab" * 40, " " * 40 + "x" + " " * 7, "ſhort ſ 'ſ K k", "x\u0300" * 12,
    "\U0010ffff \ue000 \u0378", "mixed🙂text日本and עברית with<s>everything", "don\u2019t \u201cquote\u201d \u2014 dash\u2026", "1st 2nd 3rd v1.2.3-rc4+build5",
]


def units(text):
    """For each code point of the text, and its end, where it begins in UTF-16."""
    at = [0]
    for char in text:
        at.append(at[-1] + (2 if ord(char) > 0xFFFF else 1))
    return at


def encoding(tokenizer, text, pair=None, **options):
    """A text is a string or a list of words."""
    e = tokenizer.encode(text, pair, is_pretokenized=isinstance(text, list), **options)
    whole = {0: text, 1: pair}
    offsets = []
    for i, (start, end) in enumerate(e.offsets):
        source = whole.get(e.sequence_ids[i]) if e.sequence_ids[i] is not None else None
        if isinstance(source, list):
            source = source[e.word_ids[i]]
        at = units(source) if source is not None else None
        offsets += [at[start], at[end]] if at else [start, end]
    out = {"text": text, "ids": e.ids, "tokens": e.tokens, "offsets": offsets, "typeIds": e.type_ids, "wordIds": e.word_ids,
           "specialTokensMask": e.special_tokens_mask, "sequenceIds": e.sequence_ids,
           "decoded": tokenizer.decode(e.ids, skip_special_tokens=False), "decodedSkipping": tokenizer.decode(e.ids)}
    if out["tokens"] == [tokenizer.id_to_token(id) for id in e.ids]:
        del out["tokens"]
    if pair is not None:
        out["pair"] = pair
    return out


def byte_level_bpe(texts, vocab_size, min_frequency=2, add_prefix_space=False, special_tokens=SPECIAL):
    tokenizer = ByteLevelBPETokenizer(add_prefix_space=add_prefix_space)
    tokenizer.train_from_iterator(texts, vocab_size=vocab_size, min_frequency=min_frequency, special_tokens=special_tokens, show_progress=False)
    return tokenizer._tokenizer


def state(tokenizer):
    return json.loads(tokenizer.to_str())


def training():
    rng = random.Random(5)
    cases = []
    for _ in range(60):
        letters = rng.choice(["ab", "a=", "aab ", "abc ", "-=", "ab c", "é🙂a", "abcdef  ", "a'sd "])
        texts = ["".join(rng.choice(letters) for _ in range(rng.randint(0, 40))) for _ in range(rng.randint(1, 10))]
        special = rng.choice([SPECIAL, ["<pad>"], ["aa", "ab", "==", "aab", "ba"], ["a", "bab", "bc"], []])
        options = {"vocab_size": 262 + rng.choice([1, 3, 10, 40, 200]), "min_frequency": rng.choice([0, 1, 2, 3]), "add_prefix_space": rng.random() < 0.3}
        tokenizer = byte_level_bpe(texts, special_tokens=special, **options)
        cases.append({"texts": texts, "vocabSize": options["vocab_size"], "minFrequency": options["min_frequency"],
                      "addPrefixSpace": options["add_prefix_space"], "specialTokens": special,
                      "merges": [" ".join(merge) for merge in state(tokenizer)["model"]["merges"]], "size": tokenizer.get_vocab_size()})
    write("training.json", cases)


def bpe():
    tokenizer = byte_level_bpe(rows("train"), 2000)
    tests = rows("test")[::3]
    write("bpe.json", {
        "vocabSize": 2000,
        "merges": [" ".join(merge) for merge in state(tokenizer)["model"]["merges"]],
        "rows": [tokenizer.encode(text).ids for text in tests],
        "texts": [encoding(tokenizer, text) for text in HOSTILE],
    })


LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
GPT4O = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+",
])


def components():
    shared = state(byte_level_bpe(rows("train"), 400))["model"]
    cases = []

    def case(name, texts, model=None, normalizer=None, pre=None, post=None, decoder=decoders.ByteLevel(), added=(), pairs=()):
        given = models.BPE(vocab=shared["vocab"], merges=[tuple(m) for m in shared["merges"]], ignore_merges=name == "llama3") if model is None else model
        tokenizer = Tokenizer(given)
        if normalizer is not None:
            tokenizer.normalizer = normalizer
        if pre is not None:
            tokenizer.pre_tokenizer = pre
        if post is not None:
            tokenizer.post_processor = post
        if decoder is not None:
            tokenizer.decoder = decoder
        tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL] + list(added))
        saved = state(tokenizer)
        if model is None:
            saved["model"] = {**saved["model"], "vocab": None, "merges": None}
        encodings = [encoding(tokenizer, text) for text in texts] + [encoding(tokenizer, a, b) for a, b in pairs]
        if post is not None:
            encodings += [{**encoding(tokenizer, texts[-1], add_special_tokens=False), "addSpecialTokens": False}]
        cases.append({"name": name, "tokenizer": saved, "texts": encodings})

    few = ["Hello world", " two  spaces ", "", "don't <s> stop🙂 e\u0301 日本", "a\nb\t c", " ", "x"]
    template = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=[("<s>", 1), ("</s>", 2)])
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    case("prefix space, trimmed", [["a", " b", "  c", "d e "], []] + few + HOSTILE[:10], pre=pre_tokenizers.ByteLevel(add_prefix_space=True), post=processors.ByteLevel(trim_offsets=True), pairs=[("a b", " c d")])
    case("no prefix space, trimmed", few, pre=byte_level, post=processors.ByteLevel(trim_offsets=True, add_prefix_space=False))
    case("no regex", few, pre=pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False))
    case("template", few, pre=byte_level, post=template, pairs=[("first text", "second one"), ("", "b"), ("a", ""), ("<s> a", "b </s>")])
    case("template and trim", few, pre=byte_level, post=processors.Sequence([processors.ByteLevel(trim_offsets=True), template]), pairs=[("first text", " second one")])
    case("llama3", few + HOSTILE[8:50], pre=pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]), post=template)
    case("gpt4o", few + HOSTILE[8:30], pre=pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(GPT4O), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]))
    for behavior in ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]:
        for invert in [False, True]:
            case(f"split {behavior}{' inverted' if invert else ''}", ["the-final--countdown-", "--a", "none", "", "-"], model=models.BPE(vocab={c: i for i, c in enumerate("abcdefghijklmnotuw-")}, merges=[]),
                 pre=pre_tokenizers.Split("-", behavior, invert=invert), decoder=None)
    accents = ["cafe\u0301 e\u0301\u0323x", "\u1112\u1161\u11ab\u1100 각", "ﬁne ① ㎏", "\u212b\u00c5A\u030a", "İΑΣΣ Σ", "plain ASCII", "🙂\u0301", "", "a\u0301<s>e\u0301"]
    for form in ["NFC", "NFD", "NFKC", "NFKD"]:
        case(form, accents, normalizer=getattr(normalizers, form)(), pre=byte_level)
    case("lowercase", accents + ["ABC ÀÉ ẞ Ǆ", "ΑΣ ΣΑΣ"], normalizer=normalizers.Lowercase(), pre=byte_level)
    case("NFKC and lowercase", accents, normalizer=normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()]), pre=byte_level)
    case("replace", ["a--b", "-", "--", "no", "x - y"], normalizer=normalizers.Sequence([normalizers.Replace("-", "__"), normalizers.Replace(Regex("_+b"), "b")]), pre=byte_level)
    added = [
        AddedToken("<mask>", lstrip=True, special=True, normalized=False), AddedToken("<right>", rstrip=True, special=True, normalized=False),
        AddedToken("solo", single_word=True), AddedToken("Word", normalized=True), AddedToken("Wordy", normalized=True), AddedToken("two words"), AddedToken("[x]", normalized=False),
    ]
    found = ["a  <mask> b<mask><mask>", "<right>  b <right>", "solo soloist asolo solo, solo_ solo-é ésolo", "Word word WORD Wordy wordyWord", "two words two  words", "[x][X]x[x]", "<mask>  <right>  <mask>", "", "<mask>"]
    case("added", found, pre=byte_level, added=added, post=processors.ByteLevel(trim_offsets=False))
    case("added, trimmed", found, pre=byte_level, added=added, post=processors.ByteLevel(trim_offsets=True))
    case("added, lowercase", found + ["twin Twin TWIN"], pre=byte_level, added=added + [AddedToken("Twin"), AddedToken("twin")], normalizer=normalizers.Lowercase())
    # Llama 2: no bytes alphabet, but bytes for what is unknown.
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)] + list("▁abcdehlorstw") + ["he", "ll", "hell", "hello", "▁hello", "▁w", "or", "ld", "▁wor", "▁world", "▁▁"]
    llama_merges = [("h", "e"), ("l", "l"), ("he", "ll"), ("hell", "o"), ("▁", "hello"), ("▁", "w"), ("o", "r"), ("l", "d"), ("▁w", "or"), ("▁wor", "ld"), ("▁", "▁")]
    llama = lambda **options: models.BPE(vocab={piece: i for i, piece in enumerate(pieces)}, merges=llama_merges, unk_token="<unk>", fuse_unk=True, **options)
    spaces = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    back = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    case("llama2", ["hello world", "hello  world", "héllo 🙂!", "", " x", "日本", "a\ufffdb"], model=llama(byte_fallback=True), normalizer=spaces, decoder=back)
    case("unknown, fused", ["hello xyz world", "xx", "x", "", "ax🙂b"], model=llama(), decoder=decoders.Fuse())
    unfused = models.BPE(vocab={"<unk>": 0, "a": 1, "b": 2}, merges=[], unk_token="<unk>")
    case("unknown", ["axxb", "🙂", ""], model=unfused, decoder=None)
    case("dropped", ["axb", "x"], model=models.BPE(vocab={"a": 1, "b": 2, "ab": 0}, merges=[("a", "b")]), decoder=None)
    case("prefix and suffix", ["abc ab a", "cab"], model=models.BPE(vocab={t: i for i, t in enumerate(["a", "b", "c", "##a", "##b", "##c", "a</w>", "##b</w>", "##c</w>", "##a</w>", "ab", "ab</w>", "abc</w>", "b</w>"])},
         merges=[("a", "##b"), ("a", "##b</w>"), ("ab", "##c</w>")], continuing_subword_prefix="##", end_of_word_suffix="</w>"), pre=pre_tokenizers.Split(" ", "removed"), decoder=None)
    write("components.json", cases)


def patterns():
    text = "Straße STRASSE k\u212a s\u017f\nfoo-bar_baz [x]{2}/y^z$ ab12½٣\u0085 日本語かな foobar foo ABBA 0xBEEF\r\n\tnaïve e\u0301 &&"
    written = [
        r"\s+", r"\S+", r"\d+", r"\D+", r"\w+", r"\W+", r"\h+", r"\H", r"[\w-]+", r"[^\s\d]+", r"[\s\D]+", r"\bfoo\b", r"o\B", r"\bf", "^.", ".$", r"\A.", r".\z", r".\Z", ".+",
        "(?i:s)", "(?i:k+)", "(?i:[a-c]+)", "(?i:[^s-z\\s]+)", "(?i)foo|STRA", "(?i:a(?-i:B)b)", "(?i:[]^x]+)", r"\p{Han}+", r"\p{^L}+", r"\P{^Lu}+", r"\p{Hiragana}", r"(?<=o)b", r"(?<!o)b", r"(?=a)..", r"(?!a)\w",
        r"(o)\1", r"(?<x>B)\k<x>", r"\-", r"[a\-z]+", r"\/", "/", "[]x]+", r"\x41", r"\x{65e5}", r"a{2}|o{2,}", r"\{2\}", r"[{}]", r"[xyz^$]+", "[a-f&]+", "ab|", r"\ ", r"\&+",
    ]
    cases = []
    for pattern in written:
        try:
            found = pre_tokenizers.Split(Regex(pattern), "removed", invert=True).pre_tokenize_str(text)
        except BaseException as error:
            print("pattern failed:", pattern, error)
            continue
        cases.append({"pattern": pattern, "words": [word for word, _ in found]})
    write("patterns.json", {"text": text, "cases": cases})


def calls():
    base = byte_level_bpe(rows("train"), 400)
    base.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    base.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=[("<s>", 1), ("</s>", 2)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=base, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>", mask_token="<mask>", model_max_length=12)
    one, other = "The quick brown fox jumps over the lazy dog", "a  <mask> b"
    many, pairs = [one, other, "", "short one"], ["second text here", "b", "", "a longer second text that goes on and on"]
    spelled = {"max_length": "maxLength", "longest_first": "longestFirst", "only_first": "onlyFirst", "only_second": "onlySecond"}
    camel = lambda name: "".join(part if i == 0 else part.capitalize() for i, part in enumerate(name.split("_")))
    results = []

    def call(text, pair=None, **options):
        shown = {camel(k): spelled.get(v, v) if isinstance(v, str) else v for k, v in options.items()}
        try:
            result = {camel(k): v for k, v in tokenizer(text, pair, **options).items()}
        except BaseException as error:  # Rust's panics are no exceptions
            print("call failed:", shown, type(error).__name__, error)
            result = None
        results.append({"text": text, "options": {**shown, **({"textPair": pair} if pair is not None else {})}, "result": result})

    call(one)
    call(many)
    for padding in [True, "longest", "max_length"]:
        for side in ["right", "left"]:
            call(many, padding=padding, padding_side=side, truncation=True, return_token_type_ids=True, return_special_tokens_mask=True)
    call(many, padding=True)
    call(many, padding=True, pad_to_multiple_of=8)
    call(many, padding="max_length", max_length=40, truncation=True)
    call(many, padding="max_length", max_length=6)
    call(one, padding="max_length", truncation=True)
    for length in [2, 3, 5, 9]:
        call(many, truncation=True, max_length=length)
        call(one, max_length=length)
        call(many, truncation=True, max_length=length, add_special_tokens=False)
    for strategy in ["longest_first", "only_first", "only_second"]:
        # Where both are cut to an odd number, Python gives the odd one to whichever it stopped encoding later.
        for length in [7, 8, 11, 21, 31, 41, 50]:
            call(one, pairs[3], truncation=strategy, max_length=length, return_token_type_ids=True)
    call(many, pairs, padding=True, truncation=True, max_length=11, return_token_type_ids=True)
    call(many, pairs, truncation=True, max_length=9)
    call(["The", "quick", "", "<mask>", "fox"], is_split_into_words=True)
    call([["The", "quick"], ["brown"], []], is_split_into_words=True, padding=True)
    tokenizer.truncation_side = "left"
    for length in [4, 9]:
        results_before = len(results)
        call(many, truncation=True, max_length=length, return_special_tokens_mask=True)
        call(one, pairs[3], truncation=True, max_length=length)
        for result in results[results_before:]:
            result["options"]["truncationSide"] = "left"
    write("calls.json", {"vocabSize": 400, "calls": results})


def read(folder):
    fast = AutoTokenizer.from_pretrained(folder)
    texts = rows("test") + HOSTILE
    print(json.dumps({
        "class": type(fast).__name__, "ids": [fast(text)["input_ids"] for text in texts], "raw": [Tokenizer.from_file(f"{folder}/tokenizer.json").encode(text).ids for text in texts],
        "special": {key: str(value) for key, value in fast.special_tokens_map.items()}, "modelMaxLength": fast.model_max_length, "inputs": fast.model_input_names,
    }))


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == "--read":
        read(sys.argv[2])
    else:
        training()
        bpe()
        components()
        patterns()
        calls()
