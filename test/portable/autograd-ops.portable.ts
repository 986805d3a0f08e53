// Values and gradients of the operators, as scripts/goldens/autograd_ops.py recorded them. (Losses: see
// src/tensor/functional/losses.test.ts.)

import type { DType } from "../../src/base/dtype.ts";
import { DTypeError } from "../../src/base/errors.ts";
import { grad } from "../../src/tensor/autograd.ts";
import { ones, tensor } from "../../src/tensor/create.ts";
import { einsum } from "../../src/tensor/einsum.ts";
import { where } from "../../src/tensor/elementwise.ts";
import * as activation from "../../src/tensor/functional/activation.ts";
import { scaledDotProductAttention } from "../../src/tensor/functional/attention.ts";
import { batchNorm } from "../../src/tensor/functional/batch-norm.ts";
import { conv1d } from "../../src/tensor/functional/convolution.ts";
import { cosineSimilarity, normalize } from "../../src/tensor/functional/distance.ts";
import { embedding } from "../../src/tensor/functional/embedding.ts";
import { groupNorm, layerNorm, rmsNorm } from "../../src/tensor/functional/normalization.ts";
import { adaptiveAvgPool1d, avgPool1d, maxPool1d } from "../../src/tensor/functional/pooling.ts";
import { logSoftmax, softmax } from "../../src/tensor/functional/softmax.ts";
import { cat, stack } from "../../src/tensor/indexing.ts";
import { linear } from "../../src/tensor/linear.ts";
import { bilinear } from "../../src/tensor/products.ts";
import type { ValuesAndIndices } from "../../src/tensor/reduce.ts";
import { searchsorted } from "../../src/tensor/searching.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { closeToGolden, fromGolden, type GoldenTensor, matchesGolden } from "../golden.ts";
import { deepEqual, equal, fixture, type Suite, suite, throws } from "./harness.ts";

// The fixtures' arguments by name; which of them a case has depends on its operator.
// biome-ignore format: a list of words
type Name =
  | "accumulate" | "alpha" | "approximate" | "base" | "beta" | "chunks" | "descending" | "destination" | "diagonal"
  | "dilation" | "dim" | "dim0" | "dim1" | "dim2" | "dims" | "end" | "eps" | "equation" | "exponent" | "groups" | "index" | "k"
  | "keepdim" | "kernelSize" | "largest" | "length" | "negativeSlope" | "normalizedShape" | "numClasses" | "numGroups"
  | "offset" | "other" | "outputSize" | "p" | "pad" | "padding" | "paddingIdx" | "repeats" | "roundingMode" | "shape"
  | "shifts" | "size" | "source" | "start" | "startDim" | "step" | "storageOffset" | "stride" | "value" | "weight";
type Args = { readonly [name in Name]: never };

interface Case {
  readonly op: string;
  readonly inputs: readonly GoldenTensor[];
  readonly args: Args;
  readonly outputs: readonly GoldenTensor[];
  readonly gradOutputs: readonly (GoldenTensor | null)[];
  readonly gradInputs: readonly (GoldenTensor | null)[];
}

type Call = (x: Tensor, a: Args, y: Tensor, z: Tensor, rest: readonly Tensor[]) => Tensor | readonly Tensor[];

const present = (...tensors: (Tensor | undefined)[]): Tensor[] => tensors.filter((t) => t !== undefined);
const pair = ({ values, indices }: ValuesAndIndices): Tensor[] => [values, indices];

/** Methods that take tensors, and the fixtures' arguments as their options. */
function methods(names: string): Record<string, Call> {
  const call = (name: string): Call => {
    return (x, a, y, z) => {
      const method = x[name as keyof Tensor] as (...args: unknown[]) => Tensor; // a wrong name fails its test
      return method.apply(x, [...present(y, z), ...(Object.keys(a).length > 0 ? [a] : [])]);
    };
  };
  return Object.fromEntries(names.split(" ").map((name) => [name, call(name)]));
}

const calls: { readonly [op: string]: Call } = {
  ...methods("neg abs sign sqrt rsqrt reciprocal square exp expm1 log log1p log2 sin cos tanh erf sigmoid relu"),
  ...methods("floor ceil round trunc maximum minimum remainder addcmul addcdiv clamp isnan isfinite"),
  ...methods("eq ne lt le gt ge logicalAnd logicalNot mm bmm matmul dot outer addmm"),
  ...methods("sum mean amax amin var std prod any all argmax argmin logsumexp maskedSelect nonzero"),
  add: (x, a, y) => x.add(y ?? a.other, { alpha: a.alpha ?? 1 }),
  sub: (x, a, y) => x.sub(y ?? a.other),
  mul: (x, a, y) => x.mul(y ?? a.other),
  div: (x, a, y) => x.div(y ?? a.other, a.roundingMode === undefined ? {} : { roundingMode: a.roundingMode }),
  rsub: (x, a) => x.rsub(a.other),
  lerp: (x, a, y) => x.lerp(y, a.weight),
  pow: (x, a, y) => x.pow(y ?? a.exponent),
  rpow: (x, a) => tensor(a.base).pow(x),
  where: (c, a, x, y) => where(c, x, y ?? a.other),
  maskedFill: (x, a, mask) => x.maskedFill(mask, Number(a.value)),
  atan2: (y, _, x) => y.atan2(x),
  gelu: (x, a) => activation.gelu(x, a),
  silu: (x) => activation.silu(x),
  softplus: (x) => activation.softplus(x),
  logSigmoid: (x) => activation.logSigmoid(x),
  leakyRelu: (x, a) => activation.leakyRelu(x, a.negativeSlope),

  elu: (x) => activation.elu(x),
  glu: (x, a) => activation.glu(x, a.dim),
  hardswish: (x) => activation.hardswish(x),
  hardtanh: (x) => activation.hardtanh(x),
  mish: (x) => activation.mish(x),

  max: (x, a) => (a.dim === undefined ? x.amax() : pair(x.max(a))),
  min: (x, a) => (a.dim === undefined ? x.amin() : pair(x.min(a))),
  median: (x, a) => pair(x.median(a)),
  cumsum: (x, a) => x.cumsum(a.dim),
  cumprod: (x, a) => x.cumprod(a.dim),
  norm: (x, a) => x.norm(Number(a.p), a),

  reshape: (x, a) => x.reshape(...(a.shape as number[])),
  flatten: (x, a) => x.flatten(a.startDim),
  permute: (x, a) => x.permute(...(a.dims as number[])),
  transpose: (x, a) => x.transpose(a.dim0, a.dim1),
  unsqueeze: (x, a) => x.unsqueeze(a.dim),
  squeeze: (x, a) => x.squeeze(a.dim),
  expand: (x, a) => x.expand(...(a.shape as number[])),
  slice: (x, a) => x.slice(a.dim, a.start, a.end, a.step),
  select: (x, a) => x.select(a.dim, a.index),
  narrow: (x, a) => x.narrow(a.dim, a.start, a.length),
  diagonal: (x, a) => x.diagonal(a.offset, a.dim1, a.dim2),
  cat: (x, a, y, z, rest) => cat(present(x, y, z, ...rest), a.dim),
  stack: (x, a, y, z, rest) => stack(present(x, y, z, ...rest), a.dim),
  split: (x, a) => x.split(a.size, a.dim),
  chunk: (x, a) => x.chunk(a.chunks, a.dim),
  unbind: (x, a) => x.unbind(a.dim),
  pad: (x, a) => x.pad(a.pad, a.value),
  tril: (x, a) => x.tril(a.diagonal),
  triu: (x, a) => x.triu(a.diagonal),
  flip: (x, a) => x.flip(a.dims),
  repeat: (x, a) => x.repeat(...(a.repeats as number[])),
  repeatInterleave: (x, a, times) => x.repeatInterleave(times ?? a.repeats, a.dim),
  roll: (x, a) => x.roll(a.shifts, a.dims),
  unfold: (x, a) => x.unfold(a.dim, a.size, a.step),
  asStrided: (x, a) => x.asStrided(a.size, a.stride, a.storageOffset),
  movedim: (x, a) => x.movedim(a.source, a.destination),

  indexSelect: (x, a, ids) => x.indexSelect(a.dim, ids),
  gather: (x, a, ids) => x.gather(a.dim, ids),
  takeAlongDim: (x, a, ids) => x.takeAlongDim(ids, a.dim),
  scatter: (x, a, ids, source) => x.scatter(a.dim, ids, source ?? a.value),
  indexCopy: (x, a, ids, source) => x.indexCopy(a.dim, ids, source),
  indexPut: (x, a, ids, values) => x.indexPut([ids], values, a),
  maskedScatter: (x, _, mask, source) => x.maskedScatter(mask, source),
  scatterAdd: (x, a, ids, source) => x.scatterAdd(a.dim, ids, source),
  indexAdd: (x, a, ids, source) => x.indexAdd(a.dim, ids, source),
  index: (x, _, rows, columns) => x.at(...present(rows, columns)),
  embedding: (weight, a, ids) => embedding(ids, weight, a),
  oneHot: (ids, a) => ids.oneHot(a.numClasses),
  unique: (x) => {
    const { values, inverse, counts } = x.unique();
    return [values, inverse, counts];
  },
  bincount: (x) => x.bincount(),
  isin: (x, _, test) => x.isin(test),
  kthvalue: (x, a) => pair(x.kthvalue(a.k, a)),
  searchsorted: (sorted, _, values) => searchsorted(sorted, values),
  topk: (x, a) => pair(x.topk(a.k, a)),
  sort: (x, a) => pair(x.sort(a)),
  argsort: (x, a) => x.argsort(a),

  baddbmm: (x, { beta, alpha }, a, b) => x.baddbmm(a, b, { beta, alpha }),
  bilinear: (x, _, y, weight, [bias]) => bilinear(x, y, weight, bias),
  einsum: (x, a, y, z) => einsum(a.equation, ...present(x, y, z)),
  mv: (x, _, v) => x.mv(v),
  linear: (x, _, weight, bias) => linear(x, weight, bias),
  cosineSimilarity: (x, a, y) => cosineSimilarity(x, y, a),
  softmax: (x, a) => softmax(x, a.dim),
  logSoftmax: (x, a) => logSoftmax(x, a.dim),
  scaledDotProductAttention: (q, a, k, v, [attnMask]) => {
    return scaledDotProductAttention(q, k, v, { ...a, ...(attnMask === undefined ? {} : { attnMask }) });
  },
  layerNorm: (x, a, weight, bias) => layerNorm(x, a.normalizedShape, { eps: a.eps ?? 1e-5, weight, bias }),
  conv1d: (x, a, weight, bias) => conv1d(x, weight, { ...a, bias }),
  maxPool1d: (x, a) => maxPool1d(x, a.kernelSize, a),
  avgPool1d: (x, a) => avgPool1d(x, a.kernelSize, a),
  adaptiveAvgPool1d: (x, a) => adaptiveAvgPool1d(x, a.outputSize),
  groupNorm: (x, a, weight, bias) => groupNorm(x, a.numGroups, { weight, bias }),
  batchNorm: (x, _, weight, bias) => batchNorm(x, undefined, undefined, { weight, bias, training: true }),
  normalize: (x, a) => normalize(x, a),
  rmsNorm: (x, a, weight) => rmsNorm(x, a.normalizedShape, { weight, ...(a.eps === undefined ? {} : { eps: a.eps }) }),
};

/** Operators of the fixtures that we have not: one that appears as a method of tensors must leave this list. */
const missing: readonly string[] = [];

function inputFor(json: GoldenTensor, gradient: GoldenTensor | null): Tensor {
  const t = fromGolden(json);
  if (json.dtype === "int64") return t.int(); // ids
  return gradient === null ? t : t.detach().requiresGrad_();
}

function replay({ op, inputs, args, outputs, gradOutputs, gradInputs }: Case): void {
  const tensors = inputs.map((json, i) => inputFor(json, gradInputs[i]!));
  const [x, y, z, ...rest] = tensors;
  const made = calls[op]!(x!, args, y!, z!, rest);
  const got = made instanceof Tensor ? [made] : made;
  equal(got.length, outputs.length, "outputs");
  outputs.forEach((want, i) => {
    const ids = want.dtype === "int64" && got[i]!.dtype === "int32";
    (ids ? closeToGolden : matchesGolden)(got[i]!, want, `output ${i}`);
  });
  const weights = gradOutputs.filter((g) => g !== null).map((g) => fromGolden(g));
  const weighted = got.filter((_, i) => gradOutputs[i]);
  const wanted = tensors.filter((t) => t.requiresGrad);
  if (weighted.length === 0 || wanted.length === 0) return;
  const grads = grad(weighted, wanted, weights);
  const expected = gradInputs.filter((g) => g !== null);
  expected.forEach((want, i) => {
    matchesGolden(grads[i]!, want, `gradient ${i}`);
  });
}

async function family(name: string): Promise<Suite> {
  const cases = (await fixture(`autograd_ops/${name}.json`)) as readonly Case[];
  return suite(`PyTorch's operators: ${name}`, (test) => {
    cases.forEach((one, i) => {
      const shapes = one.inputs.map((t) => `[${t.shape.join()}]`).join(" ");
      if (missing.includes(one.op)) return;
      test(`${i}: ${one.op} of ${shapes} ${JSON.stringify(one.args)}`, () => replay(one));
    });
  });
}

const names = ["pointwise", "reductions", "shapes", "indexing", "matmul", "normalisation", "sorting"] as const;
export const suites: readonly Suite[] = await Promise.all(names.map(family));

interface Promotion {
  readonly dtypes: readonly DType[];
  /** Rows are the dtype of a, columns that of b. */
  readonly add: readonly (readonly DType[])[];
  readonly div: readonly (readonly DType[])[];
  /** As `add`, b without dimensions. */
  readonly zeroDim: readonly (readonly DType[])[];
  /** With a number of that kind. */
  readonly scalar: { readonly int: readonly DType[]; readonly float: readonly DType[] };
  readonly sum: readonly DType[];
  readonly mean: readonly (DType | null)[];
  readonly cumsum: readonly DType[];
}
const promotion = (await fixture("autograd_ops/promotion.json")) as Promotion;

export const promoting: Suite = suite("PyTorch's promotion of dtypes", (test) => {
  const { dtypes } = promotion;
  const table = (of: (a: DType, b: DType) => Tensor): DType[][] => dtypes.map((a) => dtypes.map((b) => of(a, b).dtype));
  const row = (of: (x: Tensor) => Tensor): DType[] => dtypes.map((dtype) => of(ones([2], { dtype })).dtype);
  const make = (dtype: DType, ...shape: number[]): Tensor => ones(shape, { dtype });

  test("of two tensors", () => {
    const added = table((a, b) => make(a, 2).add(make(b, 2)));
    deepEqual(added, promotion.add);
    const divided = table((a, b) => make(a, 2).div(make(b, 2)));
    deepEqual(divided, promotion.div);
  });
  test("with a tensor without dimensions", () => {
    const added = table((a, b) => make(a, 2).add(make(b)));
    deepEqual(added, promotion.zeroDim);
  });
  test("with numbers", () => {
    const whole = row((x) => x.add(1));
    deepEqual(whole, promotion.scalar.int);
    const fraction = row((x) => x.add(1.5));
    deepEqual(fraction, promotion.scalar.float);
  });
  test("of reductions", () => {
    const sums = row((x) => x.sum());
    deepEqual(sums, promotion.sum);
    const running = row((x) => x.cumsum(0));
    deepEqual(running, promotion.cumsum);
    dtypes.forEach((dtype, i) => {
      const mean = promotion.mean[i]!;
      if (mean === null) throws(() => make(dtype, 2).mean(), DTypeError);
      else equal(make(dtype, 2).mean().dtype, mean);
    });
  });
});

export const coverage: Suite = suite("PyTorch's operators: what is missing", (test) => {
  test("is what the list says", () => {
    const here = [...Object.getOwnPropertyNames(Tensor.prototype), ...Object.keys(activation), ...Object.keys(calls)];
    const found = missing.filter((op) => here.includes(op));
    deepEqual(found, [], "no longer missing: write how to call them");
  });
});
