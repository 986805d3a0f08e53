import assert from "node:assert/strict";
import { test } from "node:test";
import { Arrays } from "../../test/arrays.ts";
import { devices, testKernel } from "../../test/on-devices.ts";
import { IndexError } from "../base/errors.ts";
import { crossEntropy, crossEntropyBackward } from "./cross-entropy.ts";
import { firstOutside } from "./ids.ts";

interface Case {
  readonly rows: number;
  readonly V: number;
  readonly labelSmoothing?: number;
  readonly weighted?: boolean;
  readonly scalePerRow?: boolean;
}
const cases: readonly Case[] = [
  { rows: 1, V: 1 },
  { rows: 5, V: 3 },
  { rows: 9, V: 50, labelSmoothing: 0.1 },
  { rows: 6, V: 37, weighted: true },
  { rows: 6, V: 65, weighted: true, labelSmoothing: 0.2, scalePerRow: true },
  { rows: 70, V: 1009, scalePerRow: true },
];

for (const c of cases) {
  const { rows, V, labelSmoothing = 0, weighted = false, scalePerRow = false } = c;
  testKernel(`crossEntropy ${JSON.stringify(c)}`, (arrays) => {
    const { device, real: dtype } = arrays;
    const x = arrays.random(rows * V, 6);
    const targets = arrays.randomInts(rows, V).map((t, i) => (i % 4 === 2 ? -100 : t));
    const w = weighted
      ? arrays
          .random(V)
          .map((v) => v + 1.5)
          .map(Math.fround)
      : new Array<number>(V).fill(1);
    const scale = arrays.random(scalePerRow ? rows : 1);
    const out = { loss: arrays.empty(rows), logSumExp: arrays.empty(rows), rowWeight: arrays.empty(rows) };
    const dLogits = arrays.empty(rows * V);
    const problem = {
      ...{ dtype, rows, V, labelSmoothing, ignoreIndex: -100, logits: arrays.put(x), targets: arrays.ints(targets) },
      ...{ weight: weighted ? arrays.put(w) : 0, logSumExp: out.logSumExp },
    };
    crossEntropy(device, { ...problem, ...out });
    crossEntropyBackward(device, { ...problem, scale: arrays.put(scale), scalePerRow, dLogits });

    const loss: number[] = [];
    const rowWeight: number[] = [];
    const gradient: number[] = [];
    const weightSum = w.reduce((a, b) => a + b);
    targets.forEach((t, i) => {
      const row = x.slice(i * V, (i + 1) * V);
      const total = Math.log(row.reduce((a, v) => a + Math.exp(v), 0));
      const ignored = t === -100;
      const wt = ignored ? 0 : w[t]!;
      const even = ignored ? 0 : labelSmoothing / V;
      const spread = row.reduce((a, v, j) => a + w[j]! * (total - v), 0);
      loss.push(ignored ? 0 : (1 - labelSmoothing) * wt * (total - row[t]!) + even * spread);
      rowWeight.push(wt);
      row.forEach((v, j) => {
        const sharp = (1 - labelSmoothing) * wt;
        const p = Math.exp(v - total);
        const s = scale[scalePerRow ? i : 0]!;
        gradient.push(s * (p * (sharp + even * weightSum) - even * w[j]! - (j === t ? sharp : 0)));
      });
    });
    const [l, r] = [arrays.get(out.loss, rows), arrays.get(out.rowWeight, rows)];
    return {
      actual: { loss: l, rowWeight: r, gradient: arrays.get(dLogits, rows * V) },
      expected: { loss, rowWeight, gradient },
    };
  });
}

test("a target that is no class is an IndexError, before anything is written", () => {
  const [device] = devices;
  const arrays = new Arrays(device!, "f32");
  const loss = arrays.put([7, 7]);
  const call = (targets: number[]): void =>
    crossEntropy(device!, {
      ...{ dtype: "f32", rows: 2, V: 4, labelSmoothing: 0, ignoreIndex: -100, weight: 0, loss },
      ...{ logits: arrays.put(arrays.random(8)), targets: arrays.ints(targets) },
      ...{ logSumExp: arrays.empty(2), rowWeight: arrays.empty(2) },
    });
  assert.throws(
    () => call([0, 4]),
    (e: unknown) => e instanceof IndexError && e.facts.position === 1,
  );
  assert.throws(() => call([-1, 0]), IndexError);
  assert.deepEqual(arrays.get(loss, 2), [7, 7]);
  call([3, -100]);
  assert.equal(arrays.get(loss, 2)[1], 0);
  arrays.free();
});

test("ids out of range are found among many", () => {
  for (const device of devices) {
    const arrays = new Arrays(device, "f32");
    const count = 100_000;
    const ids = arrays.randomInts(count, 50);
    const look = (allowed?: number): number =>
      firstOutside(device, { ids: arrays.ints(ids), count, limit: 50, allowed });
    assert.equal(look(), -1);
    ids[99_999] = 50;
    assert.equal(look(), 99_999);
    ids[40_000] = -3;
    assert.equal(look(), 40_000);
    assert.equal(look(-3), 99_999);
    arrays.free();
  }
});
