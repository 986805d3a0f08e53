// Operators, and the tensors they work on.

import { type Mutation, opinfo, portable, within } from "./place.ts";

export const operators: readonly Mutation[] = [
  ...within(
    "ops/elementwise.ts",
    [opinfo, portable],
    [
      ["gradient of sub", "sign", "grad: (g) => [g, negE(g)] });", "grad: (g) => [g, g] });"],
      ["gradient of div", "sign", "negE(mulE(g, divE(divE(a!, b!), b!)))", "mulE(g, divE(divE(a!, b!), b!))"],
      ["gradient of pow", "offset", "powE(a!, subE(b!, 1))", "powE(a!, subE(b!, 2))"],
      ["remainder's sign", "comparison", "xor(ltE(r, 0), ltE(b, 0))", "xor(gtE(r, 0), ltE(b, 0))"],
      ["gradient of cos", "sign", "negE(mulE(g, sinE(x)))", "mulE(g, sinE(x))"],
      ["gradient of tanh", "sign", "subE(like(y, 1), mulE(y, y))));", "addE(like(y, 1), mulE(y, y))));"],
      ["gradient of sqrt", "factor", "divE(g, mulE(y, 2))", "divE(g, y)"],
      ["ties of maximum", "factor", "const half = mulE(g, 0.5);", "const half = mulE(g, 1);"],
      ["clamp's bound", "comparison", "and(geE(x!, low!), leE(x!, high!))", "and(gtE(x!, low!), leE(x!, high!))"],
      ["gradient of relu at 0", "comparison", "select(leE(y, 0), like(g, 0), g)", "select(ltE(y, 0), like(g, 0), g)"],
      ["gelu's density", "sign", "mulE(mulE(x, x), -0.5)), 1 / Math", "mulE(mulE(x, x), 0.5)), 1 / Math"],
      ["gelu's tanh form", "factor", "addE(mulE(mulE(x, x), 3 * 0.044715), 1)", "addE(mulE(mulE(x, x), 0.044715), 1)"],
      ["gradient of lerp", "order", "mulE(g, subE(b!, a!))],", "mulE(g, subE(a!, b!))],"],
    ],
  ),
  ...within(
    "ops/activations.ts",
    [opinfo, portable],
    [
      [
        "softshrink's side",
        "sign",
        "sub(zero(x!), lambda!)), add(x!, lambda!)",
        "sub(zero(x!), lambda!)), sub(x!, lambda!)",
      ],
      ["hardswish's slope", "offset", "add(div(x!, 3), 0.5)", "add(div(x!, 3), 1)"],
      ["gradient of glu's gate", "sign", "mul(s, sub(like(s, 1), s))", "mul(s, add(like(s, 1), s))"],
    ],
  ),
  ...within(
    "ops/special.ts",
    [opinfo, portable],
    [
      ["gradient of tan", "sign", "mul(g, add(mul(y, y), 1))", "mul(g, sub(mul(y, y), 1))"],
      ["fmod's gradient", "sign", "[g, neg(mul(g, isFloat", "[g, (mul(g, isFloat"],
      [
        "heaviside at 0",
        "comparison",
        "select(lt(x!, 0), zero(x!), select(eq(x!, x!)",
        "select(gt(x!, 0), zero(x!), select(eq(x!, x!)",
      ],
    ],
  ),
  ...within(
    "ops/reduce.ts",
    [opinfo, portable],
    [
      ["gradient of amax at a tie", "factor", "[best.mul(share)]", "[best.mul(restored(k, k.g))]"],
      ["prod's running products", "offset", "after[0]!.mul(parts[j]!)", "after[0]!.mul(parts[j - 1]!)"],
      ["gradient of cumsum", "order", "reverse: !k.attrs.reverse", "reverse: k.attrs.reverse"],
      ["gradient of a norm of 0", "comparison", ".maskedFill(norm.eq(0)", ".maskedFill(norm.lt(0)"],
    ],
  ),
  ...within(
    "tensor/reduce.ts",
    [opinfo, portable],
    [
      ["variance's correction", "offset", "squares.div(n - correction) :", "squares.div(n) :"],
      ["logsumexp's peak", "sign", "const sum = this.sub(finite)", "const sum = this.add(finite)"],
    ],
  ),
  ...within("tensor/statistics.ts", [opinfo], [["median of an even number", "offset", "(size - 1) >> 1", "size >> 1"]]),
  ...within(
    "kernels/softmax.ts",
    [opinfo, "src/kernels/softmax.test.ts"],
    [
      ["gradient of softmax", "sign", "sub(at.read(g!), at.spread(dot!))", "add(at.read(g!), at.spread(dot!))"],
      ["log softmax's peak", "sign", "sub(sub(at.read(x!), at.spread(peak))", "sub(add(at.read(x!), at.spread(peak))"],
    ],
  ),
  ...within(
    "kernels/layer-norm.ts",
    [opinfo, "src/kernels/layer-norm.test.ts"],
    [
      [
        "epsilon under the root",
        "epsilon",
        "sqrt(add(div(squares!, size), p.eps))",
        "add(sqrt(div(squares!, size)), p.eps)",
      ],
      ["gradient through the variance", "sign", "neg(mul(dot!, scale))", "mul(dot!, scale)"],
    ],
  ),
  ...within(
    "kernels/cross-entropy.ts",
    [opinfo, "src/kernels/cross-entropy.test.ts"],
    [
      ["gradient at the target", "sign", "sub(load(real, dx, target), hit)", "add(load(real, dx, target), hit)"],
      ["label smoothing's share", "sign", "at.spread(neg(even))", "at.spread(even)"],
    ],
  ),
  ...within(
    "ops/matmul.ts",
    [opinfo, portable],
    [
      ["gradient of a product", "axis", "k.g.matmul(k.input(1).mT).sumTo(", "k.g.mT.matmul(k.input(1)).mT.sumTo("],
      [
        "gradient of linear's weight",
        "sign",
        "g.mT.matmul(k.input(0)).to(w!.dtype)",
        "g.neg().mT.matmul(k.input(0)).to(w!.dtype)",
      ],
    ],
  ),
  ...within(
    "ops/gather.ts",
    [opinfo, portable],
    [
      [
        "padding's gradient of an embedding",
        "offset",
        "skip: paddingIdx,",
        "skip: paddingIdx === undefined ? undefined : paddingIdx + 1,",
      ],
      ["a small index's place", "axis", "(d === dim ? index[i]! : at[d]!)", "(d !== dim ? index[i]! : at[d]!)"],
    ],
  ),
  ...within(
    "ops/join.ts",
    [opinfo, portable],
    [
      ["gradient of cat", "offset", "const start = at;\n      at += length;", "const start = 0;\n      at += length;"],
      [
        "flip's first element",
        "offset",
        "Math.max(x!.shape[d]! - 1, 0) * strides[d]!",
        "Math.max(x!.shape[d]! - 2, 0) * strides[d]!",
      ],
    ],
  ),

  ...within(
    "tensor/views.ts",
    [opinfo, portable],
    [
      ["gradient of permute", "axis", "(g) => g.permute(...inverse))", "(g) => g.permute(...order))"],
      ["unsqueeze's step", "offset", "this.shape[d]! * this.strides[d]! : 1", "this.strides[d]! : 1"],
    ],
  ),
  ...within(
    "base/shape.ts",
    [opinfo, portable],
    [["broadcasting from the end", "offset", "out[d + shift] = shape[d] === 1", "out[d] = shape[d] === 1"]],
  ),
  ...within(
    "tensor/autograd.ts",
    [portable, "src/nn/functional-call.test.ts"],
    [
      ["a leaf's second gradient", "sign", "leaf.grad.add_(g);", "leaf.grad.sub_(g);"],
      ["two gradients that meet", "sign", "    sum.add_(g);", "    sum.sub_(g);"],
      ["order of the nodes", "order", "sort((a, b) => b.number - a.number)", "sort((a, b) => a.number - b.number)"],
    ],
  ),
  ...within(
    "tensor/searching.ts",
    [opinfo],
    [["searchsorted's side", "comparison", "held > value : held >= value", "held >= value : held > value"]],
  ),
  ...within(
    "tensor/sorting.ts",
    [opinfo, portable],
    [["topk of the smallest", "order", "ranked(this, dim, k, options.largest ?? true)", "ranked(this, dim, k, true)"]],
  ),
  ...within(
    "tensor/checkpoint.ts",
    ["src/tensor/checkpoint.test.ts"],
    [
      [
        "randomness of a second run",
        "order",
        "defaultGenerator.state = this.#random;",
        "defaultGenerator.state = random;",
      ],
    ],
  ),
  ...within(
    "tensor/linalg/norms.ts",
    [opinfo],
    [
      [
        "sums of rows or columns",
        "axis",
        "const inner = Math.abs(ord) === 1 ? -2 : -1;",
        "const inner = Math.abs(ord) === 1 ? -1 : -2;",
      ],
    ],
  ),
  ...within(
    "tensor/linalg/solve.ts",
    [opinfo, "src/tensor/linalg/linalg.test.ts"],
    [
      [
        "gradient of an inverse",
        "sign",
        "inverse.mT.matmul(k.grads[0]!).matmul(inverse.mT).neg()",
        "inverse.mT.matmul(k.grads[0]!).matmul(inverse.mT)",
      ],
      ["gradient of a solution", "axis", "solve(k.inputs[0]!.mT, k.grads[0]!)", "solve(k.inputs[0]!, k.grads[0]!)"],
    ],
  ),
  ...within(
    "tensor/linalg/triangular.ts",
    [opinfo, "src/tensor/linalg/linalg.test.ts"],
    [["diagonal of Cholesky's gradient", "factor", "product.tril().triu().mul(0.5)", "product.tril().triu()"]],
  ),
];
