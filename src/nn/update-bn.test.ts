// The statistics of batch norms after one pass over batches, as PyTorch's update_bn has them.

import { test } from "node:test";
import { closeToGolden, fromGolden, type GoldenTensor } from "../../test/golden.ts";
import { deepEqual, equal, fixture, rejects } from "../../test/portable/harness.ts";
import * as nn from "../nn.ts";
import { updateBn } from "../optim.ts";
import type { Tensor } from "../tensor/tensor.ts";

interface Golden {
  readonly before: Readonly<Record<string, GoldenTensor>>;
  readonly after: Readonly<Record<string, GoldenTensor>>;
  readonly batches: readonly GoldenTensor[];
}
const { before, after, batches } = (await fixture("optim/bn.json")) as Golden;

function model(): nn.Sequential {
  const made = new nn.Sequential(new nn.BatchNorm1d(3), new nn.Linear(3, 2), new nn.BatchNorm1d(2, { momentum: 0.3 }));
  made.loadStateDict(new Map(Object.entries(before).map(([key, value]) => [key, fromGolden(value)])));
  return made;
}
async function* slowly(given: readonly Tensor[]): AsyncGenerator<[Tensor, string], void, undefined> {
  for (const x of given) yield [x, "a label"];
}

test("updateBn as PyTorch's, from lists and from what arrives later", async () => {
  const given = batches.map((batch) => fromGolden(batch));
  for (const source of [given, slowly(given)]) {
    const made = model().eval();
    await updateBn(source, made);
    const state = made.stateDict();
    for (const [key, wanted] of Object.entries(after)) closeToGolden(state.get(key)!, wanted, key);
    equal(made.training, false);
    const norms = made.modules().filter((m) => m instanceof nn.BatchNorm1d);
    deepEqual(
      norms.map(({ momentum, training }) => [momentum, training]),
      [
        [0.1, false],
        [0.3, false],
      ],
    );
  }
});

test("a batch that fails leaves the settings as they were", async () => {
  const made = model();
  await rejects(() => updateBn([fromGolden(batches[0]!).reshape(3, 4)], made), Error, /BatchNorm|4/);
  equal((made.modules().find((m) => m instanceof nn.BatchNorm1d) as nn.BatchNorm1d).momentum, 0.1); // there is one
});
