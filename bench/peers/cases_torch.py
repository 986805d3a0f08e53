"""PyTorch's side of what `peers` measures, eager, on two threads: `open CASE…`, `run REPS TIMES` ({"ms": [...]}). See protocol.py.

BERT and GPT-2 are transformers' own, with random weights, no dropout, its default attention (sdpa) and the optimizer its Trainer takes
(fused AdamW). Decoding is a plain loop over the model and its cache, which is a little faster than `generate`.
"""

import argparse
import os
import pathlib
import sys

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import torch.nn.functional as F

from protocol import serve_cases

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "goldens"))

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--generate", action="store_true", help="decode with transformers' generate")
parser.add_argument("--unfused", action="store_true", help="PyTorch's default AdamW instead of the fused one")
parser.add_argument("--unpacked", action="store_true", help="the summarizer's encoder without packed sequences")
args = parser.parse_args()
torch.set_num_threads(args.threads)
torch.manual_seed(0)


def inference(compute):
    def run():
        with torch.inference_mode():
            compute()

    return run


def training(model, loss):
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=None if args.unfused else True)

    def run():
        value = loss()
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        value.item()

    return run


def matmul(m, k, n):
    a, b = torch.randn(m, k), torch.randn(k, n)
    return inference(lambda: a @ b)


def linear(m, k, n):
    x, layer = torch.randn(m, k), torch.nn.Linear(k, n)
    return inference(lambda: layer(x))


def unary(name):
    x = torch.randn(1024, 3072)
    weight, bias = torch.randn(3072), torch.randn(3072)
    return inference({
        "gelu": lambda: F.gelu(x),
        "exp": lambda: x.exp(),
        "softmax": lambda: F.softmax(x, -1),
        "layerNorm": lambda: F.layer_norm(x, (3072,), weight, bias),
        "sumRows": lambda: x.sum(1),
        "sumColumns": lambda: x.sum(0),
    }[name])  # fmt: skip


def bert_config(name):
    from transformers import BertConfig

    sizes = {} if name == "bert" else {"hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536}
    return BertConfig(hidden_dropout_prob=0, attention_probs_dropout_prob=0, **sizes)


def encode(name, b, t):
    from transformers import BertModel

    model = BertModel(bert_config(name)).eval()
    ids = torch.randint(0, 30522, (b, t))
    return inference(lambda: model(ids))


def train_bert(b, t):
    from transformers import BertForSequenceClassification

    model = BertForSequenceClassification(bert_config("bert"))
    ids, labels = torch.randint(0, 30522, (b, t)), torch.randint(0, 2, (b,))
    return training(model, lambda: model(ids, labels=labels).loss)


def gpt2():
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(GPT2Config(resid_pdrop=0, embd_pdrop=0, attn_pdrop=0))


def train_gpt2(b, t):
    model = gpt2()
    ids = torch.randint(0, 50257, (b, t))
    return training(model, lambda: model(ids, labels=ids, use_cache=False).loss)


def decode(prompt, count):
    model = gpt2().eval()
    ids = torch.randint(0, 50257, (1, prompt))

    def by_hand():
        next_ids, cache = ids, None
        for _ in range(count):
            out = model(next_ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
            cache = out.past_key_values
            next_ids = out.logits[:, -1].argmax(-1, keepdim=True)
            next_ids.item()

    def by_transformers():
        model.generate(ids, attention_mask=torch.ones_like(ids), min_new_tokens=count, max_new_tokens=count, do_sample=False, pad_token_id=50256)

    return inference(by_transformers if args.generate else by_hand)


def train_summarizer(b, source, target):
    from seq2seq import Seq2SeqRnn

    model = Seq2SeqRnn("LSTM", 8000, 256, 512, packed=not args.unpacked)
    ids, labels = torch.randint(3, 8000, (b, source)), torch.randint(3, 8000, (b, target))
    return training(model, lambda: model(ids, labels)[0])


def adds(requires_grad):
    a, b = torch.randn(8, requires_grad=requires_grad), torch.randn(8)

    def run():
        for _ in range(100):
            a + b

    return run if requires_grad else inference(run)


FAMILIES = {
    "matmul": matmul, "linear": linear, "unary": unary, "encode": encode, "trainBert": train_bert, "trainGpt2": train_gpt2, "decode": decode,
    "trainSummarizer": train_summarizer, "adds": lambda: adds(False), "addsWithGradient": lambda: adds(True),
}  # fmt: skip


serve_cases(FAMILIES)
