// What the benchmarks compute from their rounds, and how they show it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { speed, spread } from "../bench/suite/measure.ts";
import { asMarkdown, type Result, reached, showMs } from "../bench/suite/results.ts";
import { rows } from "../bench/suite/rows.ts";

test("quartiles lie between neighbours where none is in the middle", () => {
  assert.deepEqual(spread([4, 1, 3, 2, 5]), { q1: 2, median: 3, q3: 4 });
  assert.deepEqual(spread([4, 1, 3, 2]), { q1: 1.75, median: 2.5, q3: 3.25 });
});

test("speed is the median of the rounds' ratios, not the ratio of medians", () => {
  assert.equal(speed([1, 2, 10], [2, 2, 30]).median, 2);
});

test("a target is reached by the median", () => {
  const ratio = { q1: 0.9, median: 1, q3: 1.1 };
  assert.equal(reached({ against: "x", ratio, target: 1 }), true);
  assert.equal(reached({ against: "x", ratio, target: 1.01 }), false);
  assert.equal(reached({ against: "x", ratio }), true);
});

test("tables have a column for whatever one of the rows has", () => {
  const ratio = { q1: 1, median: 2, q3: 3 };
  const shared = { rounds: 1, commit: "abc", date: "2026-01-01" };
  const results: Result[] = [
    { ...shared, name: "one", values: { Kindling: "1 ms" }, comparisons: [], disturbed: 0 },
    {
      ...shared,
      name: "two",
      values: { PyTorch: "2 ms" },
      comparisons: [{ against: "it", ratio, target: 3 }],
      disturbed: 1,
    },
  ];
  assert.equal(
    asMarkdown(results),
    "| work | Kindling | PyTorch | our rate | times it |\n| --- | --- | --- | --- | --- |\n" +
      "| one | 1 ms |  |  |  |\n| two * |  | 2 ms |  | 2.00 (1.00–3.00) of 3.00 ✗ |",
  );
});

test("times keep three digits", () => {
  assert.deepEqual([0.00123, 1.2345, 12345].map(showMs), ["1.23 µs", "1.23 ms", "12.3 s"]);
});

test("rows have names of their own", () => {
  assert.equal(new Set(rows.map((row) => row.name)).size, rows.length);
});
