"""Trains three SentencePiece models on rows of the data and writes each as a tokenizer.json.

    python train_unigrams.py DATA_FOLDER INTO_FOLDER
"""

import io
import json
import pathlib
import sys

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

KINDS = {
    "t5": {"vocab_size": 16000, "normalization_rule_name": "nmt_nfkc"},
    "xlmr": {"vocab_size": 12000, "normalization_rule_name": "nmt_nfkc_cf"},
    "ugbyte": {"vocab_size": 8000, "normalization_rule_name": "nfkc", "byte_fallback": True, "character_coverage": 0.99},
}


def texts(data):
    for file in sorted(pathlib.Path(data).glob("*train.jsonl")):
        for i, line in enumerate(file.open(encoding="utf-8")):
            if i % 6 == 0:
                yield from (value for value in json.loads(line).values() if isinstance(value, str))


def made(name, options, data):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=texts(data), model_writer=model, model_type="unigram", num_threads=2, input_sentence_size=60000, minloglevel=2, **options)
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    pieces = [(piece.piece, piece.score) for piece in proto.pieces]
    start, end = (next(i for i, (piece, _) in enumerate(pieces) if piece == one) for one in ("<s>", "</s>"))
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=name == "ugbyte"))
    charsmap = normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap)
    tokenizer.normalizer = normalizers.Sequence([charsmap, normalizers.Strip(left=False), normalizers.Replace(Regex(" {2,}"), "▁")])
    metaspace = pre_tokenizers.Metaspace(prepend_scheme="first" if name == "ugbyte" else "always")
    if name == "xlmr":
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace])
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", end), ("<s>", start), trim_offsets=False)
    else:
        tokenizer.pre_tokenizer = metaspace
        tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", end)])
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>", AddedToken("<mask>", lstrip=True, special=True)])
    return tokenizer


def main():
    data, into = sys.argv[1:]
    for name, options in KINDS.items():
        made(name, options, data).save(str(pathlib.Path(into) / f"{name}.json"))


main()
