import { testKernel } from "../../test/on-devices.ts";
import { batchNorm, batchNormBackward } from "./batch-norm.ts";

const eps = 1e-5;

interface Case {
  readonly N: number;
  readonly C: number;
  readonly L: number;
  readonly affine?: boolean;
  /** The statistics are given. */
  readonly given?: boolean;
  /** How far from zero the values lie. */
  readonly away?: number;
}
const cases: readonly Case[] = [
  { N: 1, C: 1, L: 2 },
  { N: 3, C: 2, L: 1, affine: true },
  { N: 2, C: 3, L: 37, affine: true, away: 5 },
  { N: 2, C: 3, L: 37, affine: true, given: true },
  { N: 4, C: 9, L: 515, affine: true },
];

for (const c of cases) {
  const { N, C, L, affine = false, given = false, away = 0 } = c;
  // the gradients of a channel add up the rounding of all its values
  testKernel(
    `batchNorm ${JSON.stringify(c)} and its gradients`,
    (arrays) => {
      const { device, real: dtype } = arrays;
      const n = N * C * L;
      const x = arrays.random(n, 2).map((v) => Math.fround(v + away));
      const g = arrays.random(n);
      const [w, b] = affine
        ? [arrays.random(C), arrays.random(C)]
        : [new Array<number>(C).fill(1), new Array<number>(C).fill(0)];
      const places = Array.from({ length: C }, (_, ch) =>
        x.map((_, i) => i).filter((i) => Math.floor(i / L) % C === ch),
      );
      const average = (values: readonly number[]): number => values.reduce((p, q) => p + q, 0) / values.length;
      const means = given ? arrays.random(C) : places.map((at) => average(at.map((i) => x[i]!)));
      const variances = given
        ? arrays.random(C).map((v) => Math.fround(v * v + 0.5))
        : places.map((at, ch) => average(at.map((i) => (x[i]! - means[ch]!) ** 2)));
      const [mean, variance] = given ? [arrays.put(means), arrays.put(variances)] : [arrays.empty(C), arrays.empty(C)];
      const [weight, bias] = affine ? [arrays.put(w), arrays.put(b)] : [0, 0];
      const shared = { dtype, N, C, L, x: arrays.put(x), weight, mean, rstd: arrays.empty(C), own: !given };
      const at = { y: arrays.empty(n), dx: arrays.empty(n), dWeight: arrays.empty(C), dBias: arrays.empty(C) };
      batchNorm(device, { ...shared, eps, bias, variance, y: at.y });
      batchNormBackward(device, { ...shared, g: arrays.put(g), ...at });

      const expected = {
        y: new Array<number>(n),
        dx: new Array<number>(n),
        dWeight: [] as number[],
        dBias: [] as number[],
      };
      places.forEach((indices, ch) => {
        const r = 1 / Math.sqrt(variances[ch]! + eps);
        const normal = (i: number): number => (x[i]! - means[ch]!) * r;
        const level = average(indices.map((i) => g[i]!));
        const slope = average(indices.map((i) => g[i]! * normal(i)));
        for (const i of indices) {
          expected.y[i] = normal(i) * w[ch]! + b[ch]!;
          expected.dx[i] = w[ch]! * r * (given ? g[i]! : g[i]! - level - slope * normal(i));
        }
        expected.dWeight.push(slope * indices.length);
        expected.dBias.push(level * indices.length);
      });
      return {
        actual: {
          ...{ y: arrays.get(at.y, n), dx: arrays.get(at.dx, n) },
          ...{ dWeight: arrays.get(at.dWeight, C), dBias: arrays.get(at.dBias, C) },
        },
        expected,
      };
    },
    4,
  );
}
