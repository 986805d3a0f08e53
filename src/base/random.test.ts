// The generator alone; the draws that tensors make of it are in test/portable/random.portable.ts.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ArgumentError } from "./errors.ts";
import { defaultGenerator, Generator, manualSeed } from "./random.ts";

const seeds: Record<string, number[]> = JSON.parse(
  readFileSync(new URL("../../test/fixtures/random/seeds.json", import.meta.url), "utf8"),
);

for (const [seed, words] of Object.entries(seeds)) {
  test(`seed ${seed} gives PyTorch's words`, () => {
    const g = new Generator(BigInt(seed));
    assert.deepEqual(
      words.map(() => g.single() * 2 ** 24),
      words,
    );
  });
}

test("a seed is a whole number, as number or bigint", () => {
  assert.equal(new Generator(7).u32(), new Generator(7n).u32());
  assert.throws(() => new Generator(1.5), ArgumentError);
  assert.throws(() => manualSeed(Number.NaN), ArgumentError);
});

test("a state continues the stream where it was taken, the spare normal included", () => {
  const g = new Generator(3);
  for (let i = 0; i < 700; i++) g.u32();
  g.normal();
  const state = JSON.parse(JSON.stringify(g.state)); // as a checkpoint keeps it
  const next = [g.normal(), g.normal(), g.u32(), g.double()];
  const other = new Generator(99);
  other.state = state;
  assert.deepEqual([other.normal(), other.normal(), other.u32(), other.double()], next);
  assert.throws(() => {
    other.state = { ...state, words: [1, 2] };
  }, ArgumentError);
});

test("a fork draws alike without moving the original", () => {
  const g = new Generator(5);
  const fork = new Generator();
  fork.state = g.state;
  fork.u32();
  assert.equal(g.u32(), new Generator(5).u32());
});

test("whole numbers stay in their range, also beyond 32 and 53 bits", () => {
  const g = new Generator(1);
  for (const [low, high] of [
    [0, 1],
    [-3, 4],
    [0, 2 ** 28],
    [-(2 ** 31), 2 ** 31],
    [-(2 ** 52), 2 ** 52],
  ] as const) {
    for (let i = 0; i < 200; i++) {
      const x = g.integer(low, high);
      assert.ok(Number.isInteger(x) && x >= low && x < high, `${x} of ${low} … ${high}`);
    }
  }
});

test("a permutation holds each number once", () => {
  const p = new Generator(2).permutation(1000);
  assert.deepEqual(
    [...p].sort((a, b) => a - b),
    Array.from({ length: 1000 }, (_, i) => i),
  );
  assert.equal(new Generator(2).permutation(0).length, 0);
});

test("manualSeed starts the default stream", () => {
  assert.equal(manualSeed(11), defaultGenerator);
  assert.equal(defaultGenerator.u32(), new Generator(11).u32());
});
