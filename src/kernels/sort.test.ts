import assert from "node:assert/strict";
import { test } from "node:test";
import { Arrays, draws } from "../../test/arrays.ts";
import { devices, interpreter } from "../../test/on-devices.ts";
import { createWasmDevice } from "../devices/wasm/device.ts";
import { type Rank, rank } from "./sort.ts";

const plain = createWasmDevice({ threads: 1, simd: false });

/** NaN is the largest; equal elements keep their order. */
function order(row: readonly number[], descending: boolean): number[] {
  const compare = (a: number, b: number): number => {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
    return a < b ? -1 : Number(a > b);
  };
  return [...row.keys()].sort((i, j) => (descending ? compare(row[j]!, row[i]!) : compare(row[i]!, row[j]!)));
}

const kinds: Readonly<Record<string, (next: number, i: number) => number>> = {
  "any numbers": (next) => Math.fround(next * 1e3),
  "few numbers, both zeros, NaN and infinities": (next, i) => {
    if (i % 41 === 3) return Number.NaN;
    if (i % 29 === 5) return i % 2 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    return i % 3 === 0 ? -0 : Math.trunc(next * 3);
  },
  "one number": () => 7,
  "all magnitudes": (next, i) => Math.fround(next * 10 ** ((i % 60) - 30)),
};

/** [rows, size, k] */
const forms = [
  [3, 1, 1],
  [5, 7, 7],
  [2, 32, 3],
  [2, 33, 33],
  [9, 70, 1],
  [3, 500, 500],
  [4, 1003, 15],
  [2, 1003, 17],
  [3, 300, 0],
  [70, 600, 4],
  [0, 5, 2],
  [1, 20011, 50],
] as const;

for (const [kind, number] of Object.entries(kinds)) {
  for (const [rows, size, k] of forms) {
    test(`the first ${k} of ${rows} rows of ${size}: ${kind}`, () => {
      const next = draws(size + k);
      const x = Array.from({ length: rows * size }, (_, i) => number(next(), i));
      for (const device of [...devices, plain, ...(rows * size < 2000 ? [interpreter] : [])]) {
        const arrays = new Arrays(device, "f32");
        const before = device.memoryStats().liveBlocks;
        for (const elem of ["f32", "i32"] as const satisfies readonly Rank["elem"][]) {
          const whole = elem === "i32" ? x.map((v) => Math.trunc(v * 1e6) | 0) : x;
          const values = elem === "i32" ? arrays.ints(whole) : arrays.put(whole);
          const indices = arrays.ints(new Array<number>(rows * k).fill(-1));
          for (const descending of [false, true]) {
            rank(device, { elem, rows, size, k, descending, x: values, indices });
            const expected = Array.from({ length: rows }, (_, r) =>
              order(whole.slice(r * size, (r + 1) * size), descending).slice(0, k),
            );
            assert.deepEqual(
              arrays.getInts(indices, rows * k),
              expected.flat(),
              `${device.name} ${elem} ${descending}`,
            );
          }
        }
        arrays.free();
        assert.equal(device.memoryStats().liveBlocks, before);
      }
    });
  }
}
