// Layers and losses.

import { type Mutation, opinfo, portable, within } from "./place.ts";

export const layers: readonly Mutation[] = [
  ...within(
    "tensor/functional/batch-norm.ts",
    ["src/nn/batch-norm.test.ts", opinfo],
    [
      ["running variance's correction", "offset", "mul(count / (count - 1))", "mul(count / count)"],
      ["batch statistics", "comparison", "given: !training", "given: false"],
    ],
  ),
  ...within(
    "tensor/functional/convolution.ts",
    ["src/nn/convolution.test.ts", opinfo],
    [
      [
        "padding of an even kernel",
        "offset",
        "total.map((t) => Math.floor(t / 2))",
        "total.map((t) => Math.ceil(t / 2))",
      ],
      [
        "order of the kernel",
        "axis",
        ".permute(0, 3, 2, 1)\n      .reshape(G, places * perGroup",
        ".permute(0, 2, 3, 1)\n      .reshape(G, places * perGroup",
      ],
    ],
  ),
  ...within(
    "tensor/functional/windows.ts",
    [opinfo, "src/nn/convolution.test.ts"],
    [["what a dilated kernel spans", "offset", "(kernel[d]! - 1) + 1", "kernel[d]!"]],
  ),
  ...within(
    "tensor/functional/pooling.ts",
    [opinfo],
    [["padding counts in a mean", "comparison", "countIncludePad ? end - start", "!countIncludePad ? end - start"]],
  ),
  ...within(
    "tensor/functional/normalization.ts",
    [opinfo, "src/nn/normalization.test.ts"],
    [["group norm's channels", "axis", "t.reshape(C, ...rest.map(() => 1))", "t.reshape(...rest.map(() => 1), C)"]],
  ),
  ...within(
    "kernels/lstm.ts",
    ["src/nn/rnn.test.ts"],
    [
      ["gates of the LSTM", "order", "const [ai, af, ag, ao] = gates", "const [af, ai, ag, ao] = gates"],
      ["gradient of the cell's tanh", "sign", "sub(1, mul(y, y)), dc)", "add(1, mul(y, y)), dc)"],
    ],
  ),
  ...within(
    "kernels/gru.ts",
    ["src/nn/rnn.test.ts"],
    [
      ["mixture of the GRU", "sign", "h: fma(z, sub(h, n), n)", "h: fma(z, sub(n, h), h)"],
      ["gradient of the reset gate", "order", "throughSigmoid(mul(dn, q), r)", "throughSigmoid(mul(dn, r), r)"],
    ],
  ),
  ...within(
    "tensor/functional/recurrent-cells.ts",
    ["src/nn/rnn.test.ts"],
    [["the GRU cell's bias inside the reset", "order", "sigmoid().mul(hn)).tanh()", "sigmoid()).add(hn).tanh()"]],
  ),
  ...within(
    "nn/rnn.ts",
    ["src/nn/rnn.test.ts", "src/nn/init.test.ts"],
    [
      ["dropout after the last layer", "comparison", "layer < this.numLayers - 1", "layer < this.numLayers"],
      [
        "initial range",
        "factor",
        "uniform_(parameter, -1 / Math.sqrt(H), 1 / Math.sqrt(H))",
        "uniform_(parameter, -1 / H, 1 / H)",
      ],
    ],
  ),
  ...within(
    "nn/packed-sequence.ts",
    ["src/nn/rnn.test.ts"],
    [["order of equal lengths", "order", "list[b]! - list[a]! || a - b", "list[b]! - list[a]! || b - a"]],
  ),
  ...within(
    "nn/multihead-attention.ts",
    ["src/nn/transformer.test.ts"],
    [
      ["scale of the scores", "factor", "q.mul(1 / Math.sqrt(q.size(-1)))", "q.mul(1 / Math.sqrt(this.embedDim))"],
      ["hidden keys", "sign", 'mask?.dtype === "bool" ? mask.logicalNot() : mask', "mask"],
      ["weights' mean over heads", "axis", "weights.mean({ dim: 1 })", "weights.mean({ dim: 0 })"],
      ["padding of each row", "axis", "padding?.reshape(B, 1, 1, S)", "padding?.reshape(1, B, 1, S)"],
    ],
  ),
  ...within(
    "nn/transformer.ts",
    ["src/nn/transformer.test.ts"],
    [["norm first", "order", "normFirst ? x.add(block(norm(x)))", "normFirst ? norm(x).add(block(norm(x)))"]],
  ),
  ...within(
    "ops/attention-algebra.ts",
    ["src/tensor/functional/attention.test.ts", portable],
    [
      [
        "gradient of the scores",
        "sign",
        "through.sub(through.mul(weights).sum(",
        "through.add(through.mul(weights).sum(",
      ],
    ],
  ),
  ...within(
    "nn/init.ts",
    ["src/nn/init.test.ts"],
    [
      ["fan of a kernel", "axis", "fanIn: t.shape[1]! * field", "fanIn: t.shape[0]! * field"],
      ["centre of dirac", "offset", "Math.floor(n / 2)", "Math.ceil(n / 2)"],
      ["bounds of trunc normal", "comparison", "t.lt(a).logicalOr(t.gt(b))", "t.lt(-b).logicalOr(t.gt(b))"],
    ],
  ),

  ...within(
    "tensor/functional/losses.ts",
    ["src/tensor/functional/losses.test.ts", opinfo],
    [
      ["cross-entropy's mean by weights", "factor", "loss!.sum().div(rowWeight!.detach().sum())", "loss!.mean()"],
      ["smoothing of soft targets", "epsilon", "add(labelSmoothing / V)", "add(labelSmoothing)"],
      ["epsilon of binary cross-entropy", "epsilon", "log1p().clamp({ min: -100 })", "log1p().clamp({ min: -10 })"],
      ["posWeight", "offset", "posWeight.sub(1).mul(target).add(1)", "posWeight.mul(target).add(1)"],
      [
        "divergence of logarithms",
        "sign",
        "target.exp().mul(target.sub(input))",
        "target.exp().mul(input.sub(target))",
      ],
      [
        "epsilon of a variance",
        "epsilon",
        'eps = 1e-6, reduction = "mean" } = options;\n  return tidy(() => {\n    // The',
        'eps = 1e-3, reduction = "mean" } = options;\n  return tidy(() => {\n    // The',
      ],
      [
        "smooth L1's beta",
        "comparison",
        ".where(d.lt(beta), d.sub(0.5 * beta))",
        ".where(d.lt(2 * beta), d.sub(0.5 * beta))",
      ],
      ["Huber's far side", "factor", "d.sub(0.5 * delta).mul(delta)", "d.sub(0.5 * delta)"],
    ],
  ),
  ...within(
    "tensor/functional/margin-losses.ts",
    ["src/tensor/functional/losses.test.ts", opinfo],
    [
      ["ranking's sign", "sign", "rsub(margin).relu(), reduction)", "add(margin).relu(), reduction)"],
      [
        "triplet's swap",
        "comparison",
        "apart.minimum(distance(positive, negative))",
        "apart.maximum(distance(positive, negative))",
      ],
      ["cosine's margin", "sign", "cos.sub(margin).relu()", "cos.add(margin).relu()"],
    ],
  ),
  ...within(
    "tensor/functional/distance.ts",
    [opinfo, "src/tensor/functional/losses.test.ts"],
    [
      [
        "epsilon of pairwise distance",
        "epsilon",
        "p = 2, eps = 1e-6, keepdim = false",
        "p = 2, eps = 1e-2, keepdim = false",
      ],
    ],
  ),
  ...within(
    "nn/parametrizations.ts",
    ["src/nn/parametrize.test.ts"],
    [
      ["weight norm's dimension", "axis", "(d === own ? [] : [d])", "(d !== own ? [] : [d])"],
      ["spectral norm's scale", "sign", "weight.div(u.dot(matrix.mv(v)))", "weight.div(u.dot(matrix.mv(v)).neg())"],
    ],
  ),
];
