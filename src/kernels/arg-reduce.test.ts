import assert from "node:assert/strict";
import { test } from "node:test";
import { Arrays } from "../../test/arrays.ts";
import { devices, interpreter, testKernel } from "../../test/on-devices.ts";
import { argReduce } from "./arg-reduce.ts";

/** First at a tie, first NaN. */
function position(values: readonly number[], kind: "max" | "min"): number {
  const nan = values.findIndex(Number.isNaN);
  if (nan >= 0) return nan;
  return values.indexOf(values.reduce((a, b) => (kind === "max" ? Math.max(a, b) : Math.min(a, b))));
}

const forms: readonly (readonly [outer: number, size: number, inner: number])[] = [
  [1, 1, 1],
  [40, 3, 1],
  [9, 33, 1],
  [4, 64, 5],
  [2, 33, 131],
  [25, 1003, 1],
];

for (const [outer, size, inner] of forms) {
  for (const kind of ["max", "min"] as const) {
    testKernel(`arg${kind} of [${outer}, ${size}, ${inner}]`, (arrays) => {
      // few different values, so that there are ties; here and there a NaN or an infinity
      const x = arrays.random(outer * size * inner, 3).map((v, i) => {
        const rare = i % 97;
        return rare === 50 ? Number.NaN : rare === 7 ? (i % 2 ? 1 : -1) * Number.POSITIVE_INFINITY : Math.trunc(v);
      });
      const n = outer * inner;
      const at = { x: arrays.put(x), values: arrays.empty(n), indices: arrays.ints(new Array<number>(n).fill(-1)) };
      argReduce(arrays.device, { kind, elem: arrays.real, outer, size, inner, ...at });
      const columns = Array.from({ length: n }, (_, t) => {
        const [o, j] = [Math.floor(t / inner), t % inner];
        return Array.from({ length: size }, (_, r) => x[(o * size + r) * inner + j]!);
      });
      const indices = columns.map((c) => position(c, kind));
      const values = columns.map((c, t) => c[indices[t]!]!);
      return {
        actual: { indices: arrays.getInts(at.indices, n), values: arrays.get(at.values, n) },
        expected: { indices, values },
      };
    });
  }
}

test("every place of a row can win, for bytes and integers too", () => {
  for (const device of [...devices, interpreter]) {
    const arrays = new Arrays(device, "f32");
    const size = 37;
    const values = arrays.empty(1);
    const indices = arrays.ints([0]);
    for (let place = 0; place < size; place++) {
      const row = Array.from({ length: size }, (_, i) => (i === place || i === size - 1 ? 200 : i % 100));
      const ints = arrays.ints(row);
      argReduce(device, { kind: "max", elem: "i32", outer: 1, size, inner: 1, x: ints, values, indices });
      assert.deepEqual(arrays.getInts(indices, 1), [place]);
      assert.deepEqual(arrays.getInts(values, 1), [200]);
      device.u8.set(row, ints);
      argReduce(device, { kind: "max", elem: "u8", outer: 1, size, inner: 1, x: ints, values, indices });
      assert.deepEqual(arrays.getInts(indices, 1), [place]);
    }
    arrays.free();
  }
});
