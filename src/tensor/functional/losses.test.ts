// Losses: PyTorch's values and gradients, and the errors of a wrong target.

import { test } from "node:test";
import { closeToGolden, fromGolden, type GoldenTensor } from "../../../test/golden.ts";
import { close, fixture, ok, throws } from "../../../test/portable/harness.ts";
import { ShapeError } from "../../base/errors.ts";
import { grad } from "../autograd.ts";
import { tensor, zeros } from "../create.ts";
import { gradcheck, gradgradcheck } from "../gradcheck.ts";
import { randn } from "../random.ts";
import { Tensor } from "../tensor.ts";
import * as losses from "./losses.ts";
import * as margins from "./margin-losses.ts";

interface Golden {
  readonly op: string;
  readonly inputs: readonly GoldenTensor[];
  readonly args: Readonly<Record<string, unknown>> & { readonly given?: readonly string[] };
  readonly outputs: readonly GoldenTensor[];
  readonly gradOutputs: readonly (GoldenTensor | null)[];
  readonly gradInputs: readonly (GoldenTensor | null)[];
}

type Loss = (inputs: readonly Tensor[], options: object) => Tensor;
const two = (loss: (input: Tensor, target: Tensor, options: object) => Tensor): Loss => {
  return ([input, target], options) => loss(input!, target!, options);
};
const three = (loss: (a: Tensor, b: Tensor, c: Tensor, options: object) => Tensor): Loss => {
  return ([a, b, c], options) => loss(a!, b!, c!, options);
};
const calls: Readonly<Record<string, Loss>> = {
  crossEntropy: two(losses.crossEntropy),
  nllLoss: two(losses.nllLoss),
  mseLoss: two(losses.mseLoss),
  l1Loss: two(losses.l1Loss),
  smoothL1Loss: two(losses.smoothL1Loss),
  huberLoss: two(losses.huberLoss),
  bceLoss: two(losses.binaryCrossEntropy),
  bceWithLogits: two(losses.binaryCrossEntropyWithLogits),
  klDiv: two(losses.klDiv),
  gaussianNllLoss: three(losses.gaussianNllLoss),
  cosineEmbeddingLoss: three(margins.cosineEmbeddingLoss),
  marginRankingLoss: three(margins.marginRankingLoss),
  tripletMarginLoss: three(margins.tripletMarginLoss),
  hingeEmbeddingLoss: two(margins.hingeEmbeddingLoss),
  multilabelSoftMarginLoss: two(margins.multilabelSoftMarginLoss),
};

const goldens = (await fixture("autograd_ops/losses.json")) as Golden[];
goldens.forEach(({ op, inputs, args, outputs, gradOutputs, gradInputs }, i) => {
  test(`${op} as PyTorch's, ${i}: ${JSON.stringify(args)}`, () => {
    const { given = [], ...rest } = args;
    const options = outputs[0]!.shape.length > 0 ? { reduction: "none", ...rest } : rest; // torch's own functions sum nothing up
    const tensors = inputs.map((input, at) => {
      const t = input.dtype === "int64" ? fromGolden(input).int() : fromGolden(input);
      return gradInputs[at] ? t.requiresGrad_() : t;
    });
    const named = given.map((name, at) => [name, tensors[tensors.length - given.length + at]]);
    const out = calls[op]!(tensors, { ...options, ...Object.fromEntries(named) });
    ok(out instanceof Tensor);
    closeToGolden(out, outputs[0]!, "value");
    const wanted = tensors.flatMap((t, at) => (gradInputs[at] ? [at] : []));
    const grads = grad(
      out,
      wanted.map((at) => tensors[at]!),
      fromGolden(gradOutputs[0]!),
    );
    wanted.forEach((at, w) => {
      closeToGolden(grads[w]!, gradInputs[at]!, `gradient of input ${at}`);
    });
  });
});

test("second gradients of losses", () => {
  const x = randn([3, 4], { dtype: "float64", requiresGrad: true });
  const y = randn([3, 4], { dtype: "float64" });
  const p = y.sigmoid();
  for (const loss of [losses.mseLoss, losses.binaryCrossEntropyWithLogits, losses.huberLoss, losses.klDiv]) {
    gradcheck((input) => loss(input, p), [x]);
    gradgradcheck((input) => loss(input, p), [x]);
  }
});

test("targets of another shape are refused", () => {
  throws(() => losses.crossEntropy(zeros([2, 5]), zeros([3], { dtype: "int32" })), ShapeError, /wants targets \[2\]/);
  throws(() => losses.binaryCrossEntropyWithLogits(zeros([2]), zeros([2, 1])), ShapeError, /differ/);
});

test("a predicted variance is at least 1e-6 for the loss, unless told otherwise", () => {
  const loss = (options: object): number =>
    losses.gaussianNllLoss(tensor([1]), tensor([1.001]), tensor([0]), options).item();
  const at = (v: number): number => 0.5 * (Math.log(v) + 0.001 ** 2 / v);
  close([loss({}), loss({ eps: 1e-4 })], [at(1e-6), at(1e-4)], { rtol: 1e-3, atol: 0 }); // 1.001 − 1 in float32
});
