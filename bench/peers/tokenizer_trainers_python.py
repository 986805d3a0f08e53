"""Python's trainers of tokenizers on the `text` of a JSON lines file: `train KIND VOCAB` gives {"ms": …, "tokens": …, "peak": …}, where
tokens are those of the held-out file and the peak is the process's memory so far in MiB. See protocol.py."""

import argparse
import json
import resource

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from protocol import clock, serve

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", required=True)
parser.add_argument("--held-out", required=True)
flags = parser.parse_args()


def texts(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line)["text"] for line in file]


rows, held_out = texts(flags.data), texts(flags.held_out)
KINDS = {
    "bpe": (models.BPE, trainers.BpeTrainer, None, lambda: pre_tokenizers.ByteLevel(add_prefix_space=False), {"initial_alphabet": pre_tokenizers.ByteLevel.alphabet()}),
    "wordpiece": (lambda: models.WordPiece(unk_token="[UNK]"), trainers.WordPieceTrainer, normalizers.BertNormalizer, pre_tokenizers.BertPreTokenizer, {"special_tokens": ["[UNK]"]}),
    "unigram": (models.Unigram, trainers.UnigramTrainer, normalizers.NFKC, pre_tokenizers.Metaspace, {"unk_token": "<unk>"}),
    "wordlevel": (lambda: models.WordLevel(unk_token="<unk>"), trainers.WordLevelTrainer, None, pre_tokenizers.Whitespace, {"special_tokens": ["<unk>"]}),
}


def train(kind, vocab):
    model, trainer, normalizer, pre_tokenizer, options = KINDS[kind]
    tokenizer = Tokenizer(model())
    if normalizer:
        tokenizer.normalizer = normalizer()
    tokenizer.pre_tokenizer = pre_tokenizer()
    ms = clock(lambda: tokenizer.train_from_iterator(rows, trainer(vocab_size=int(vocab), show_progress=False, **options)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"ms": ms, "peak": peak, "tokens": sum(len(e.ids) for e in tokenizer.encode_batch(held_out))}


serve({"train": train})
