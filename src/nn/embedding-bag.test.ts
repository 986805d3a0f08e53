// EmbeddingBag: PyTorch's results and gradients in every mode, and what is refused.

import { test } from "node:test";
import { closeToGolden, fromGolden, type GoldenTensor, matchesGolden } from "../../test/golden.ts";
import { deepEqual, fixture, throws } from "../../test/portable/harness.ts";
import { ArgumentError, DTypeError, IndexError, ShapeError } from "../base/errors.ts";
import { EmbeddingBag, type EmbeddingBagLayerOptions } from "../nn.ts";
import { grad } from "../tensor/autograd.ts";
import { ones, tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

interface Golden {
  readonly name: string;
  readonly options: EmbeddingBagLayerOptions;
  readonly weight: GoldenTensor;
  readonly ids: GoldenTensor;
  readonly offsets?: GoldenTensor;
  readonly perSampleWeights?: GoldenTensor;
  readonly output: GoldenTensor;
  readonly gradOutput: GoldenTensor;
  readonly gradWeight: GoldenTensor;
  readonly gradFactors?: GoldenTensor;
}

const goldens = (await fixture("embedding_bag/bags.json")) as Golden[];
for (const { name, options, weight, ids, offsets, perSampleWeights, ...wanted } of goldens) {
  test(`EmbeddingBag: ${name}`, () => {
    const layer = new EmbeddingBag(6, 3, { ...options, weight: fromGolden(weight) });
    const factors = perSampleWeights && fromGolden(perSampleWeights).requiresGrad_();
    const y = layer(fromGolden(ids), offsets && fromGolden(offsets), factors);
    matchesGolden(y, wanted.output, "value");
    const leaves = [layer.weight, ...(factors === undefined ? [] : [factors])];
    const [dWeight, dFactors] = grad(y, leaves, fromGolden(wanted.gradOutput));
    closeToGolden(dWeight!, wanted.gradWeight, "gradient of the table");
    if (wanted.gradFactors !== undefined) closeToGolden(dFactors!, wanted.gradFactors, "gradient of the factors");
  });
}

const ids = (values: number[] | number[][]): Tensor => tensor(values, { dtype: "int32" });

test("the row of padding begins as zeros", () => {
  deepEqual(new EmbeddingBag(4, 2, { paddingIdx: -2 }).weight.select(0, 2).tolist(), [0, 0]);
});

test("bags that do not fit are refused with what was wanted", () => {
  const layer = new EmbeddingBag(6, 3, { mode: "sum" });
  throws(() => layer(ids([1, 2])), ShapeError, /need offsets/);
  throws(() => layer(ids([[1, 2]]), ids([0])), ShapeError, /take no offsets/);
  throws(() => layer(ids([1, 2]), ids([1])), ShapeError, /first offset is 0, not 1/);
  throws(() => layer(ids([1, 2]), ids([0, 2, 1])), ShapeError, /a bag from 2 to 1/);
  throws(() => layer(ids([1, 2]), ids([0, 3])), ShapeError, /a bag from 0 to 3/);
  throws(() => layer(ids([[1, 6]])), IndexError);
  throws(() => layer(tensor([[1.5]])), DTypeError, /int32/);
  throws(() => layer(ids([[1, 2]]), undefined, ones([2])), ArgumentError, /have the shape of the ids/);
  throws(() => new EmbeddingBag(6, 3)(ids([[1]]), undefined, ones([1, 1])), ArgumentError, /go with "sum"/);
  throws(() => new EmbeddingBag(6, 3, { mode: "min" as "max" })(ids([[1]])), ArgumentError, /got "min"/);
});
