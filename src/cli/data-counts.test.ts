import assert from "node:assert/strict";
import { test } from "node:test";
import { Generator } from "../base/random.ts";
import { NumberCounts, RepeatedRows } from "./data-counts.ts";

test("numbers are counted exactly, and within a 256th when there are too many", () => {
  const g = new Generator(3);
  const values = Array.from({ length: 20_000 }, () => (g.integer(0, 2000) - 500) * 2 ** g.integer(-40, 40));
  const sorted = Float64Array.from(values).sort();
  const exact = { median: sorted[9_999]!, p95: sorted[18_999]! };
  const [fine, coarse] = [new NumberCounts(), new NumberCounts(100)];
  for (const value of values) {
    fine.add(value);
    coarse.add(value);
  }
  const [a, b] = [fine.spread(), coarse.spread()];
  assert.deepEqual([a.isExact, a.median, a.p95], [true, exact.median, exact.p95]);
  assert.equal(b.isExact, false);
  for (const name of ["median", "p95"] as const) {
    assert.ok(Math.abs(b[name] - exact[name]) <= Math.abs(exact[name]) / 256, `${name}: ${b[name]}, ${exact[name]}`);
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  for (const { min, max, mean: own, histogram } of [a, b]) {
    assert.deepEqual([min, max, own], [sorted[0], sorted.at(-1), mean]);
    assert.equal(
      histogram.counts.reduce((sum, count) => sum + count, 0),
      values.length,
    );
  }
});

test("whole numbers, zeros and one number alone", () => {
  const one = new NumberCounts(0);
  for (const x of [0, 0, 0, 7]) one.add(x);
  const { min, median, p95, max, histogram } = one.spread();
  assert.deepEqual([min, median, max, histogram.counts[0], histogram.counts.at(-1)], [0, 0, 7, 3, 1]);
  assert.ok(p95 > 6.9 && p95 <= 7);
  const same = new NumberCounts();
  same.add(3);
  assert.deepEqual(same.spread().median, 3);
});

test("repeated rows are counted exactly, and about when their hashes do not fit", () => {
  const rows = Array.from({ length: 40_000 }, (_, i) => `row ${i % 30_000}`);
  const [all, some] = [new RepeatedRows(), new RepeatedRows(2 ** 13)];
  for (const row of rows) {
    all.add(row);
    some.add(row);
  }
  assert.deepEqual([all.count, all.isExact], [10_000, true]);
  // Of 10,000 repeated rows an eighth is looked at: their standard deviation is about 265 rows.
  assert.ok(!some.isExact && Math.abs(some.count - 10_000) < 1000, `${some.count}`);
});
