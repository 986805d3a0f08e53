"""onnxruntime's side of what `peers` measures, on two threads: `open CASE…`, `run REPS TIMES` ({"ms": [...]}). See protocol.py.

Encoders are written as onnxruntime's own transformer optimizer leaves them: fused embedding, attention, bias and GELU, residual and
LayerNorm. `--check` compares the encoder with transformers' at a small size and ends.
"""

import argparse
import sys

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from protocol import serve_cases

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--check", action="store_true")
args = parser.parse_args()
rng = np.random.default_rng(0)


class Graph:
    """Nodes and weights, added one by one."""

    def __init__(self):
        self.nodes, self.weights = [], []

    def weight(self, name, value):
        self.weights.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def node(self, op, inputs, outputs, domain="com.microsoft", **attributes):
        self.nodes.append(helper.make_node(op, inputs, outputs, domain=domain, **attributes))
        return outputs[0]

    def session(self, inputs, outputs):
        info = [[helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in side] for side in (inputs, outputs)]
        graph = helper.make_graph(self.nodes, "g", *info, self.weights)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        options = ort.SessionOptions()
        options.intra_op_num_threads = args.threads
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
        return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def normal(*shape):
    return rng.standard_normal(shape, dtype=np.float32)


def matmul(m, k, n):
    g = Graph()
    g.node("MatMul", ["a", "b"], ["c"], "")
    session = g.session([("a", TensorProto.FLOAT, [m, k]), ("b", TensorProto.FLOAT, [k, n])], [("c", TensorProto.FLOAT, [m, n])])
    feeds = {"a": normal(m, k), "b": normal(k, n)}
    return lambda: session.run(None, feeds)


def linear(m, k, n):
    """The weight is part of the model, which packs it once."""
    g = Graph()
    g.node("Gemm", ["x", g.weight("w", normal(n, k)), g.weight("bias", normal(n))], ["y"], "", transB=1)
    session = g.session([("x", TensorProto.FLOAT, [m, k])], [("y", TensorProto.FLOAT, [m, n])])
    feeds = {"x": normal(m, k)}
    return lambda: session.run(None, feeds)


def encoder(weight, layers, heads, eps=1e-12):
    """BERT. `weight(name)` gives a weight by its name in transformers' checkpoints."""
    g = Graph()

    def add(name, transpose=False):
        return g.weight(name, weight(name).T if transpose else weight(name))

    norm = [add(f"embeddings.LayerNorm.{kind}") for kind in ("weight", "bias")]
    tables = [add(f"embeddings.{name}_embeddings.weight") for name in ("word", "position", "token_type")]
    x = g.node("EmbedLayerNormalization", ["ids", "types", *tables, *norm], ["embedded", "no_mask"], epsilon=eps)
    for i in range(layers):
        at = f"encoder.layer.{i}"
        names = [f"{at}.attention.self.{part}" for part in ("query", "key", "value")]
        qkv = g.weight(f"{at}.qkv.weight", np.concatenate([weight(f"{name}.weight").T for name in names], 1))
        qkv_bias = g.weight(f"{at}.qkv.bias", np.concatenate([weight(f"{name}.bias") for name in names]))
        attended = g.node("Attention", [x, qkv, qkv_bias], [f"{at}.attended"], num_heads=heads)
        x = residual(g, add, attended, x, f"{at}.attention.output", eps)
        up = g.node("MatMul", [x, add(f"{at}.intermediate.dense.weight", True)], [f"{at}.up"], "")
        active = g.node("BiasGelu", [up, add(f"{at}.intermediate.dense.bias")], [f"{at}.active"])
        x = residual(g, add, active, x, f"{at}.output", eps)
    first = g.node("Gather", [x, g.weight("zero", np.array(0))], ["first"], "", axis=1)
    pooled = g.node("Gemm", [first, add("pooler.dense.weight"), add("pooler.dense.bias")], ["pooled_in"], "", transB=1)
    g.node("Tanh", [pooled], ["pooled"], "")
    ids = [(name, TensorProto.INT32, ["B", "T"]) for name in ("ids", "types")]
    return g.session(ids, [(x, TensorProto.FLOAT, None), ("pooled", TensorProto.FLOAT, None)])


def residual(g, add, x, skip, at, eps):
    """LayerNorm(skip + dense(x))"""
    product = g.node("MatMul", [x, add(f"{at}.dense.weight", True)], [f"{at}.product"], "")
    inputs = [product, skip, add(f"{at}.LayerNorm.weight"), add(f"{at}.LayerNorm.bias"), add(f"{at}.dense.bias")]
    return g.node("SkipLayerNormalization", inputs, [f"{at}.normed"], epsilon=eps)


def random_weights(c, intermediate):
    def weight(name):
        if "LayerNorm" in name:
            return np.ones(c, np.float32) if name.endswith("weight") else np.zeros(c, np.float32)
        if "_embeddings" in name:
            return 0.02 * normal({"word": 30522, "position": 512, "token_type": 2}[name.split(".")[1].removesuffix("_embeddings")], c)
        wide = ".intermediate." in name, ".output.dense" in name and ".attention." not in name
        out, into = intermediate if wide[0] else c, intermediate if wide[1] else c
        return 0.02 * normal(out, into) if name.endswith("weight") else np.zeros(out, np.float32)

    return weight


def encode(name, b, t):
    c, layers, intermediate = (768, 12, 3072) if name == "bert" else (384, 6, 1536)
    session = encoder(random_weights(c, intermediate), layers, 12)
    feeds = {"ids": rng.integers(0, 30522, (b, t), dtype=np.int32), "types": np.zeros((b, t), np.int32)}
    return lambda: session.run(None, feeds)


def check():
    import torch
    from transformers import BertConfig, BertModel

    model = BertModel(BertConfig(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=80)).eval()
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.3)
    state = {name: t.detach().numpy() for name, t in model.state_dict().items()}
    ids, types = torch.randint(0, 30522, (3, 9)), torch.randint(0, 2, (3, 9))
    want = model(ids, token_type_ids=types)
    got = encoder(state.__getitem__, 2, 4).run(None, {"ids": ids.int().numpy(), "types": types.int().numpy()})
    for ours, theirs in zip(got, (want.last_hidden_state, want.pooler_output)):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-3, atol=1e-4)
    print("the encoder computes what transformers' does")


FAMILIES = {"matmul": matmul, "linear": linear, "encode": encode}


if args.check:
    sys.exit(check())
serve_cases(FAMILIES)
