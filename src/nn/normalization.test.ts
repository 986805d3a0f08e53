// Normalisation layers: PyTorch's values and gradients, and gradients against differences.

import { test } from "node:test";
import { fromGolden, type GoldenTensor, matchesGolden } from "../../test/golden.ts";
import { deepEqual, fixture, throws } from "../../test/portable/harness.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { Generator } from "../base/random.ts";
import { GroupNorm, LayerNorm, RMSNorm } from "../nn.ts";
import { grad } from "../tensor/autograd.ts";
import { gradcheck, gradgradcheck } from "../tensor/gradcheck.ts";
import { randn } from "../tensor/random.ts";

interface Golden {
  readonly op: string;
  readonly inputs: readonly GoldenTensor[];
  readonly args: { readonly normalizedShape: number[]; readonly eps?: number; readonly given?: readonly string[] };
  readonly outputs: readonly [GoldenTensor];
  readonly gradOutputs: readonly [GoldenTensor];
  readonly gradInputs: readonly GoldenTensor[];
}

const goldens = (await fixture("autograd_ops/normalisation.json")) as Golden[];
goldens.forEach(({ op, inputs, args, outputs, gradOutputs, gradInputs }, i) => {
  if (op !== "layerNorm" && op !== "rmsNorm") return;
  test(`${op} as PyTorch's, ${i}: ${JSON.stringify(args)}`, () => {
    const { normalizedShape, given = [], ...eps } = args;
    const options = { ...eps, elementwiseAffine: given.length > 0, bias: given.includes("bias") };
    const layer = op === "layerNorm" ? new LayerNorm(normalizedShape, options) : new RMSNorm(normalizedShape, options);
    layer.loadStateDict(Object.fromEntries(given.map((name, at) => [name, fromGolden(inputs[1 + at]!)])));
    const x = fromGolden(inputs[0]!).requiresGrad_();
    const y = layer(x);
    matchesGolden(y, outputs[0], "value");
    const grads = grad(y, [x, ...layer.parameters()], fromGolden(gradOutputs[0]));
    grads.forEach((g, at) => {
      matchesGolden(g, gradInputs[at]!, `gradient ${at}`);
    });
  });
});

test("gradients of both orders", () => {
  const x = randn([2, 3, 4], { dtype: "float64", requiresGrad: true, generator: new Generator(0) });
  for (const layer of [
    new LayerNorm([3, 4]),
    new RMSNorm(4, { eps: 1e-5 }),
    new GroupNorm(3, 3),
    new GroupNorm(1, 3, { bias: false }),
  ]) {
    layer.to("float64");
    gradcheck((at) => layer(at), [x]);
    gradgradcheck((at) => layer(at), [x]);
  }
});

test("groups of channels that do not fit are refused", () => {
  throws(() => new GroupNorm(4, 6), ArgumentError, /6 channels do not divide into 4 groups/);
  throws(() => new GroupNorm(0, 6), ArgumentError, /0 groups/);
  const layer = new GroupNorm(2, 6);
  throws(() => layer(randn([2, 8, 3])), ShapeError, /\[8\], got \[6\]/);
  throws(() => layer(randn([6])), ShapeError, /wants \[N, C, …\]/);
  deepEqual([...layer.stateDict().keys()], ["weight", "bias"]);
  deepEqual([...new GroupNorm(2, 6, { affine: false }).stateDict().keys()], []);
});
