"""sentence-transformers for embeddings.ts: writes FOLDER/model (a WordPiece vocabulary of FOLDER/texts.json, MiniLM's shape, random
weights), then `encode FROM COUNT BATCH` times embedding texts ({"ms"}), and `vectors FROM COUNT` gives them. See protocol.py."""

import json
import os
import sys

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers
from sentence_transformers import SentenceTransformer, models
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertModel, BertTokenizerFast

from protocol import clock, serve

torch.set_num_threads(2)
torch.manual_seed(0)
transformers.utils.logging.disable_progress_bar()
folder = sys.argv[1]
texts = json.load(open(f"{folder}/texts.json", encoding="utf-8"))

trained = BertWordPieceTokenizer(lowercase=True)
trained.train_from_iterator(texts, vocab_size=30522, show_progress=False)
tokenizer = BertTokenizerFast(tokenizer_object=trained._tokenizer, model_max_length=256)
config = BertConfig(vocab_size=len(tokenizer), hidden_size=384, num_hidden_layers=6, intermediate_size=1536)
BertModel(config).save_pretrained(f"{folder}/body")
tokenizer.save_pretrained(f"{folder}/body")
body = models.Transformer(f"{folder}/body", max_seq_length=256)
SentenceTransformer(modules=[body, models.Pooling(384)], device="cpu").save(f"{folder}/model")
model = SentenceTransformer(f"{folder}/model", device="cpu")


def part(start, count):
    return texts[int(start) : int(start) + int(count)]


def encode(start, count, batch):
    chosen = part(start, count)
    return {"ms": clock(lambda: model.encode(chosen, batch_size=int(batch), show_progress_bar=False))}


def vectors(start, count):
    return {"vectors": model.encode(part(start, count), show_progress_bar=False).tolist()}


serve({"encode": encode, "vectors": vectors})
