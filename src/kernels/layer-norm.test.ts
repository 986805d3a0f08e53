import { testKernel } from "../../test/on-devices.ts";
import { layerNorm, layerNormBackward, rmsNorm, rmsNormBackward } from "./layer-norm.ts";

const eps = 1e-5;

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

interface Case {
  readonly rows: number;
  readonly cols: number;
  readonly affine?: boolean;
  /** How far from zero the values lie, in their own spread. */
  readonly away?: number;
}
const cases: readonly Case[] = [
  { rows: 1, cols: 1 },
  { rows: 4, cols: 3, affine: true },
  { rows: 33, cols: 64, affine: true },
  { rows: 50, cols: 77, affine: true, away: 3 },
  { rows: 1100, cols: 40, affine: true },
  { rows: 6, cols: 515 },
];

for (const centred of [true, false]) {
  for (const c of cases) {
    const { rows, cols, affine = false, away = 0 } = c;
    const name = `${centred ? "layerNorm" : "rmsNorm"} ${JSON.stringify(c)} and its gradients`;
    // dw and db add up the rounding of all rows
    testKernel(
      name,
      (arrays) => {
        const { device, real: dtype } = arrays;
        const n = rows * cols;
        const x = arrays.random(n, 2).map((v) => Math.fround(v + away));
        const g = arrays.random(n);
        const w = affine ? arrays.random(cols) : new Array<number>(cols).fill(1);
        const b = affine ? arrays.random(cols) : new Array<number>(cols).fill(0);
        const [weight, bias] = affine ? [arrays.put(w), arrays.put(b)] : [0, 0];
        const at = { y: arrays.empty(n), dx: arrays.empty(n), dWeight: arrays.empty(cols), dBias: arrays.empty(cols) };
        const rest = { rstd: arrays.empty(rows), mean: arrays.empty(rows), eps };
        const norm = { dtype, rows, cols, x: arrays.put(x), weight, ...rest };
        const back = { ...norm, g: arrays.put(g), ...at };
        if (centred) {
          layerNorm(device, { ...norm, bias, y: at.y });
          layerNormBackward(device, back);
        } else {
          rmsNorm(device, { ...norm, y: at.y });
          rmsNormBackward(device, back);
        }

        const y: number[] = [];
        const dx: number[] = [];
        const dWeight = new Array<number>(cols).fill(0);
        const dBias = new Array<number>(cols).fill(0);
        for (let i = 0; i < n; i += cols) {
          const row = x.slice(i, i + cols);
          const m = centred ? mean(row) : 0;
          const r = 1 / Math.sqrt(mean(row.map((v) => (v - m) ** 2)) + eps);
          const normal = row.map((v) => (v - m) * r);
          const gw = normal.map((_, j) => g[i + j]! * w[j]!);
          const [level, slope] = [centred ? mean(gw) : 0, mean(gw.map((v, j) => v * normal[j]!))];
          normal.forEach((v, j) => {
            y.push(v * w[j]! + (centred ? b[j]! : 0));
            dx.push(r * (gw[j]! - level - v * slope));
            dWeight[j]! += g[i + j]! * v;
            dBias[j]! += g[i + j]!;
          });
        }
        const sums = centred ? { dWeight, dBias } : { dWeight };
        return {
          actual: {
            ...{ y: arrays.get(at.y, n), dx: arrays.get(at.dx, n), dWeight: arrays.get(at.dWeight, cols) },
            ...(centred && { dBias: arrays.get(at.dBias, cols) }),
          },
          expected: { y, dx, ...sums },
        };
      },
      4,
    );
  }
}
