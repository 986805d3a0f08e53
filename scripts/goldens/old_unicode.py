"""Which characters Rust's `tokenizers` counts as marks, punctuation and control, and which of them
have normal forms or are sorted in them, found by asking it about each one. Prints JSON for scripts/old-unicode.ts, whose program starts this one:

{ nonspacingMark, anyMark, punctuation, control, sorted: [code points], forms: { NFC, NFD, NFKC, NFKD: { character: its form } } }
"""

import json

from tokenizers import normalizers, pre_tokenizers

CHARACTERS = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]


def bert(**on):
    return normalizers.BertNormalizer(**({"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False} | on))


def removed(normalizer):
    return [ord(char) for char in CHARACTERS if normalizer.normalize_str(f"a{char}b") == "ab"]


def forms(normalizer):
    pairs = ((char, normalizer.normalize_str(char)) for char in CHARACTERS)
    return {char: form for char, form in pairs if form != char}


print(json.dumps({
    "nonspacingMark": removed(bert(strip_accents=True)),
    "anyMark": removed(normalizers.StripAccents()),
    "punctuation": [ord(char) for char in CHARACTERS if len(pre_tokenizers.Punctuation().pre_tokenize_str(f"a{char}b")) == 3],
    "control": removed(bert(clean_text=True)),
    # Marks that go before one of the last class.
    "sorted": [ord(char) for char in CHARACTERS if normalizers.NFD().normalize_str(f"a\u0345{char}") not in (f"a\u0345{char}", "a\u0345" + normalizers.NFD().normalize_str(char))],
    "forms": {form: forms(getattr(normalizers, form)()) for form in ["NFC", "NFD", "NFKC", "NFKD"]},
}))
