"""The other side of tokenizer-parity.ts: Rust's tokenizers through Python. Reads cases as JSON lines, writes for each the
CRC-32 of all columns and of the decoded text, or with --show the columns themselves.

From 0.23.1 on, a tokenizer that truncates stops at the limit and loses what overflows (and, from the left, the numbers of
the words); so each text is encoded whole, and then truncated, finished and padded by `post_process`, as up to 0.22.

    python tokenizer_parity.py TOKENIZER.json CASES.jsonl [--show]
"""

import json
import sys
import zlib
from array import array
from itertools import chain

from tokenizers import Tokenizer, processors

# `post_process` numbers no types, and no overflowing sequences, of pairs if there is no post-processor.
NUMBERING = processors.TemplateProcessing(single="$A", pair="$A $B:1", special_tokens=[])


def units(text):
    """For each code point, and the end, where it begins in UTF-16; None where that is the same."""
    if text.isascii() or max(text, default="") <= "\uffff":
        return None
    at = [0]
    for char in text:
        at.append(at[-1] + (2 if ord(char) > 0xFFFF else 1))
    return at


def utf16(encoding, sources, words, sequences):
    if isinstance(sources[0], str) and sources[1] is None:
        at = units(sources[0])
        flat = chain.from_iterable(encoding.offsets)
        return list(flat) if at is None else [at[place] for place in flat]
    tables = {}
    offsets = []
    for i, (start, end) in enumerate(encoding.offsets):
        source = sources[sequences[i]] if sequences[i] is not None else None
        key = sequences[i]
        if isinstance(source, list):
            key = (sequences[i], words[i])
            source = source[words[i]] if words[i] is not None else None  # padding of a single text counts as its own
        if key not in tables:
            tables[key] = units(source) if source is not None else None
        at = tables[key]
        offsets += [at[start], at[end]] if at else [start, end]
    return offsets


def columns(encoding, sources, whole=True):
    ids, words, sequences = encoding.ids, encoding.word_ids, encoding.sequence_ids
    offsets = utf16(encoding, sources, words, sequences)
    if not whole:
        sequences = []
    types = encoding.type_ids
    none = lambda values: [-1 if value is None else value for value in values]
    out = [len(ids), *ids, *offsets, *none(words), *(types if whole else []), *encoding.special_tokens_mask, *encoding.attention_mask, *none(sequences)]
    for other in encoding.overflowing if whole else []:  # what these hold again is in the list already
        out += columns(other, sources, False)
    return out


def main():
    tokenizer = Tokenizer.from_file(sys.argv[1])
    tokenizer.no_truncation()
    tokenizer.no_padding()
    show = "--show" in sys.argv
    own = tokenizer.post_processor
    plain = Tokenizer.from_file(sys.argv[1])
    plain.no_truncation()
    plain.no_padding()
    plain.post_processor = None
    for line in open(sys.argv[2], encoding="utf-8"):
        case = json.loads(line)
        text, pair = case["text"], case.get("pair")
        if "truncation" in case:
            cut = case["truncation"]
            tokenizer.enable_truncation(cut["maxLength"], stride=cut["stride"], direction=cut["side"],
                                        strategy={"longestFirst": "longest_first", "onlyFirst": "only_first", "onlySecond": "only_second"}[cut["strategy"]])
        if "padding" in case:
            pad = case["padding"]
            tokenizer.enable_padding(direction=pad["side"], pad_id=pad["padId"], pad_type_id=pad["padTypeId"], pad_token=pad["padToken"], length=pad.get("length"), pad_to_multiple_of=pad.get("multipleOf"))
        try:
            if "truncation" in case or "padding" in case:
                bare = [None if one is None else plain.encode(one, is_pretokenized=isinstance(one, list), add_special_tokens=False) for one in (text, pair)]
                if own is None and pair is not None:
                    tokenizer.post_processor = NUMBERING
                encoding = tokenizer.post_process(*bare, add_special_tokens=case.get("addSpecialTokens", True))
            else:
                encoding = tokenizer.encode(text, pair, is_pretokenized=isinstance(text, list), add_special_tokens=case.get("addSpecialTokens", True))
            numbers = columns(encoding, [text, pair])
            decoded = tokenizer.decode(encoding.ids, skip_special_tokens=True)
            tokens = "\0".join(encoding.tokens)
            if show:
                print(json.dumps({"numbers": numbers, "tokens": encoding.tokens, "decoded": decoded}))
            else:
                print(zlib.crc32(array("i", numbers).tobytes()), zlib.crc32(tokens.encode()), zlib.crc32(decoded.encode()))
        except BaseException as error:  # a panic is none
            print(json.dumps({"error": str(error)[:200]}) if show else "error error error")
        if own is None:
            tokenizer.post_processor = None
        if "truncation" in case:
            tokenizer.no_truncation()
        if "padding" in case:
            tokenizer.no_padding()


main()
