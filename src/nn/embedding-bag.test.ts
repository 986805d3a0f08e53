// EmbeddingBag: PyTorch's results and gradients in every mode, and what is refused.

import { test } from "node:test";
import { closeToGolden, fromGolden, type GoldenTensor, matchesGolden } from "../../test/golden.ts";
import { close, deepEqual, equal, fixture, throws } from "../../test/portable/harness.ts";
import { ArgumentError, DTypeError, IndexError, ShapeError } from "../base/errors.ts";
import { Embedding, EmbeddingBag, type EmbeddingBagLayerOptions } from "../nn.ts";
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

test("long rows are shortened in the table, and gradients divided by how often a row is named", () => {
  const options = { maxNorm: 1, scaleGradByFreq: true };
  const table = new Embedding(3, 2, options);
  const rows = tensor([[3, 4], [0.3, 0.4], [6, 8]]); // biome-ignore format: a matrix
  table.loadStateDict(new Map([["weight", rows]]));
  const y = table(tensor([0, 1, 0, 0], { dtype: "int32" }));
  close(y.toArray(), [0.6, 0.8, 0.3, 0.4, 0.6, 0.8, 0.6, 0.8], { rtol: 1e-6, atol: 1e-6 });
  close(table.weight.toArray(), [0.6, 0.8, 0.3, 0.4, 6, 8], { rtol: 1e-6, atol: 1e-6 });
  y.mul(tensor([[1, 2], [3, 4], [5, 6], [7, 8]])).sum().backward(); // biome-ignore format: a matrix
  close(table.weight.grad!.toArray(), [13 / 3, 16 / 3, 3, 4, 0, 0], { rtol: 1e-6, atol: 1e-6 });
  equal(String(table), "Embedding(3, 2, max_norm=1, scale_grad_by_freq=True)");
  const bags = new EmbeddingBag(3, 2, { maxNorm: 2, mode: "sum" });
  bags.loadStateDict(new Map([["weight", rows]]));
  const sums = bags(tensor([[0, 1]], { dtype: "int32" }));
  close(sums.toArray(), [1.2 + 0.3, 1.6 + 0.4], { rtol: 1e-6, atol: 1e-6 });
});
