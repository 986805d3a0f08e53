import assert from "node:assert/strict";
import { test } from "node:test";
import { Arrays, assertClose } from "../../test/arrays.ts";
import { devices, testKernel } from "../../test/on-devices.ts";
import type { Softmax } from "./softmax.ts";
import { logSoftmax, logSoftmaxBackward, softmax, softmaxBackward } from "./softmax.ts";

const shapes: readonly (readonly [rows: number, cols: number])[] = [
  [1, 1],
  [3, 2],
  [5, 17],
  [2, 64],
  [7, 131],
  [40, 1003],
];

function perRow(
  values: readonly number[],
  cols: number,
  each: (row: readonly number[], start: number) => number[],
): number[] {
  const out: number[] = [];
  for (let i = 0; i < values.length; i += cols) out.push(...each(values.slice(i, i + cols), i));
  return out;
}
const sum = (row: readonly number[]): number => row.reduce((a, b) => a + b, 0);

function plainLog(row: readonly number[]): number[] {
  const peak = Math.max(...row);
  const total = Math.log(sum(row.map((x) => Math.exp(x - peak))));
  return row.map((x) => x - peak - total);
}

for (const [rows, cols] of shapes) {
  for (const isLog of [false, true]) {
    testKernel(`${isLog ? "logSoftmax" : "softmax"} of [${rows}, ${cols}] and its gradient`, (arrays) => {
      const n = rows * cols;
      const [values, gradients] = [arrays.random(n, 8), arrays.random(n)];
      const y = arrays.empty(n);
      const dx = arrays.empty(n);
      const { device, real: dtype } = arrays;
      const size = { dtype, rows, cols };
      const at = { ...size, y, g: arrays.put(gradients), dx };
      (isLog ? logSoftmax : softmax)(device, { ...size, x: arrays.put(values), y });
      (isLog ? logSoftmaxBackward : softmaxBackward)(device, at);
      const logs = perRow(values, cols, plainLog);
      const result = isLog ? logs : logs.map(Math.exp);
      const expected = perRow(gradients, cols, (g, start) => {
        const p = logs.slice(start, start + cols).map(Math.exp);
        const total = isLog ? sum(g) : sum(g.map((v, i) => v * p[i]!));
        return g.map((v, i) => (isLog ? v - p[i]! * total : p[i]! * (v - total)));
      });
      return { actual: { y: arrays.get(y, n), dx: arrays.get(dx, n) }, expected: { y: result, dx: expected } };
    });
  }
}

test("softmax in place, with infinities and NaN, on every device", () => {
  const inf = Number.POSITIVE_INFINITY;
  const rows = [
    [1, -inf, 3, 1],
    [-inf, -inf, -inf, -inf],
    [0, Number.NaN, 1, 2],
    [inf, 0, 0, 0],
  ];
  for (const device of devices) {
    const arrays = new Arrays(device, "f32");
    const x = arrays.put(rows.flat());
    const p: Softmax = { dtype: "f32", rows: 4, cols: 4, x, y: x };
    softmax(device, p);
    const y = arrays.get(x, 16);
    const e2 = Math.exp(-2);
    const share = 1 / (1 + 2 * e2);
    assertClose(y.slice(0, 4), [e2 * share, 0, share, e2 * share], { rtol: 1e-6, atol: 0 });
    for (const value of y.slice(4)) assert.ok(Number.isNaN(value) || value === 0, String(value));
    for (const row of [1, 2]) for (let i = 0; i < 4; i++) assert.ok(Number.isNaN(y[4 * row + i]));
    assert.ok(Number.isNaN(y[12]));
    arrays.free();
  }
});
