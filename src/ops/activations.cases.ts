// What the activations of activations.ts mean, on one number each.

import { type CasesOf, pointwise } from "../../test/cases.ts";

const _ = undefined;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
/** NaN goes through every comparison as no. */
const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);
const finite = [0, 1, -1, 2.5, -2.5, 20, -20, Number.NaN];

export const cases: CasesOf<typeof import("./activations.ts")> = {
  hardtanh: pointwise(clamp, { calls: [[_, -1, 2.25]] }),
  threshold: pointwise((x, limit, value) => (x <= limit ? value : x), { calls: [[_, 0.1, 7]] }),
  elu: pointwise((x, alpha, scale, inputScale) => scale * (x > 0 ? x : alpha * Math.expm1(x * inputScale)), {
    calls: [
      [_, 1, 1, 1],
      [_, 1.5, 2, 0.5],
    ],
  }),
  prelu: pointwise((x, weight) => (x > 0 ? x : x * weight), { calls: [[_, _]] }),
  softshrink: pointwise((x, lambda) => (x > lambda ? x - lambda : x < -lambda ? x + lambda : x * 0), {
    calls: [[_, 0.75]],
    specials: finite,
  }),
  hardshrink: pointwise((x, lambda) => (Math.abs(x) <= lambda ? 0 : x), { calls: [[_, 0.75]] }),
  hardsigmoid: pointwise((x) => clamp(x + 3, 0, 6) / 6),
  hardswish: pointwise((x) => (x * clamp(x + 3, 0, 6)) / 6, { specials: finite }),
  mish: pointwise((x) => x * Math.tanh(softplus(x)), { specials: finite }),
  softsign: pointwise((x) => x / (1 + Math.abs(x)), { specials: finite }),
  tanhshrink: pointwise((x) => x - Math.tanh(x), { specials: finite }),
  gate: pointwise((a, b) => a * sigmoid(b), { calls: [[_, _]], specials: finite }),
};
