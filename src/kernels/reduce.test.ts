import assert from "node:assert/strict";
import { test } from "node:test";
import { Arrays, assertClose } from "../../test/arrays.ts";
import { devices, testKernel } from "../../test/on-devices.ts";
import type { Reduction } from "./reduce.ts";
import { reduce } from "./reduce.ts";

const plain: { readonly [r in Reduction]: (values: readonly number[]) => number } = {
  sum: (v) => v.reduce((a, b) => a + b, 0),
  mean: (v) => plain.sum(v) / v.length,
  sumsq: (v) => v.reduce((a, b) => a + b * b, 0),
  norm2: (v) => Math.sqrt(plain.sumsq(v)),
  prod: (v) => v.reduce((a, b) => a * b, 1),
  max: (v) => v.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
  min: (v) => v.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
};
const operations = Object.keys(plain) as Reduction[];

const forms: readonly (readonly [outer: number, size: number, inner: number])[] = [
  [1, 1, 1],
  [3, 7, 1],
  [2, 130, 5],
  [1, 300, 87],
  [5, 1, 4],
  [33, 1001, 1],
  [2, 4, 200],
];

function reduced(x: readonly number[], [outer, size, inner]: (typeof forms)[number], op: Reduction): number[] {
  return Array.from({ length: outer * inner }, (_, i) => {
    const [o, j] = [Math.floor(i / inner), i % inner];
    return plain[op](Array.from({ length: size }, (_, r) => x[(o * size + r) * inner + j]!));
  });
}

for (const form of forms) {
  const [outer, size, inner] = form;
  testKernel(`reductions of [${form}]`, (arrays) => {
    const values = arrays.random(outer * size * inner, 1.5);
    const x = arrays.put(values);
    const actual: Record<string, number[]> = {};
    const expected: Record<string, number[]> = {};
    for (const op of operations) {
      const y = arrays.empty(outer * inner);
      reduce(arrays.device, { op, elem: arrays.real, outer, size, inner, x, y });
      actual[op] = arrays.get(y, outer * inner);
      expected[op] = reduced(values, form, op);
    }
    return { actual, expected };
  });
}

test("no elements: the neutral one", () => {
  for (const device of devices) {
    const arrays = new Arrays(device, "f32");
    for (const inner of [1, 6]) {
      const result = (op: Reduction): number => {
        const y = arrays.empty(inner);
        reduce(device, { op, elem: "f32", outer: 1, size: 0, inner, x: y, y });
        return arrays.get(y, inner).at(-1)!;
      };
      assert.deepEqual(operations.map(result), [
        0,
        Number.NaN,
        0,
        0,
        1,
        Number.NEGATIVE_INFINITY,
        Number.POSITIVE_INFINITY,
      ]);
    }
    arrays.free();
  }
});

test("a NaN wins; booleans and integers reduce", () => {
  const [device] = devices;
  const arrays = new Arrays(device!, "f32");
  const y = arrays.empty(2);
  const x = arrays.put([1, Number.NaN, 2, 3, 4, 5, 6, Number.NaN, 9, 8]);
  for (const op of ["max", "min"] as const) {
    reduce(device!, { op, elem: "f32", outer: 2, size: 5, inner: 1, x, y });
    assert.deepEqual(arrays.get(y, 2), [Number.NaN, Number.NaN]);
  }
  const bytes = arrays.ints([0, 0]);
  device!.u8.set([0, 1, 1, 0, 1, 1], bytes);
  reduce(device!, { op: "max", elem: "u8", outer: 1, size: 6, inner: 1, x: bytes, y });
  assert.equal(device!.u8[y], 1);
  reduce(device!, { op: "min", elem: "u8", outer: 2, size: 1, inner: 3, x: bytes, y });
  assert.deepEqual([...device!.u8.subarray(y, y + 6)].slice(0, 3), [0, 1, 1]);
  const ints = arrays.ints([-5, -7, -6, -9, -8]);
  for (const [op, wanted] of [
    ["max", -5],
    ["min", -9],
    ["sum", -35],
    ["prod", -15120],
  ] as const) {
    reduce(device!, { op, elem: "i32", outer: 1, size: 5, inner: 1, x: ints, y });
    assert.deepEqual(arrays.getInts(y, 1), [wanted]);
  }
  const longs = arrays.ints(new Array<number>(8).fill(0));
  device!.i64.set([-(2n ** 62n), 2n ** 63n - 1n, 5n], longs / 8);
  const out = arrays.ints([0, 0, 0, 0]);
  reduce(device!, { op: "max", elem: "i64", outer: 1, size: 3, inner: 1, x: longs, y: out });
  assert.equal(device!.i64[out / 8], 2n ** 63n - 1n);
  reduce(device!, { op: "min", elem: "i64", outer: 3, size: 1, inner: 1, x: longs, y: out });
  assert.equal(device!.i64[out / 8 + 1], 2n ** 63n - 1n);
  arrays.free();
});

test("ten million numbers near one add up to 1e-6, on any number of threads", () => {
  const n = 10_000_019;
  const results = devices.map((device) => {
    const x = device.alloc(n * 4);
    const y = device.alloc(64);
    let total = 0;
    for (let i = 0; i < n; i++) total += device.f32[x / 4 + i] = 1 + ((i * 7919) % 1013) / 10130;
    reduce(device, { op: "sum", elem: "f32", outer: 1, size: n, inner: 1, x, y });
    const sum = device.f32[y / 4]!;
    reduce(device, { op: "sum", elem: "f32", outer: 1, size: (n - 19) / 16, inner: 16, x, y });
    const columns = [...device.f32.subarray(y / 4, y / 4 + 16)];
    device.free(x);
    device.free(y);
    assertClose([sum], [total], { rtol: 1e-6, atol: 0 });
    assertClose([columns.reduce((a, b) => a + b)], [total], { rtol: 3e-6, atol: 0 });
    return [sum, ...columns];
  });
  assert.deepEqual(results[0], results[1]);
});
