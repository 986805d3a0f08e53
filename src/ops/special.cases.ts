// What the functions of special.ts mean, on one number or two.

import { type CasesOf, halves, numbers, pointwise } from "../../test/cases.ts";
import type { DType } from "../base/dtype.ts";

const _ = undefined;
const { POSITIVE_INFINITY: inf, NaN: nan } = Number;
const real: readonly DType[] = [...halves, "int32"];
const moderate = [0, 0.5, -0.5, 1, -2.5, 20, nan];

/** Abramowitz and Stegun's series, good where it is tried. */
function erfc(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 120; n++) {
    term *= -(x * x) / n;
    sum += term / (2 * n + 1);
  }
  return 1 - (2 / Math.sqrt(Math.PI)) * sum;
}
const isNegative = (x: number): boolean => x < 0 || Object.is(x, -0);
function logaddexp(a: number, b: number): number {
  return a === b ? a + Math.LN2 : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
}

export const cases: CasesOf<typeof import("./special.ts")> = {
  exp2: pointwise((x) => 2 ** x, { dtypes: real, specials: moderate }),
  log10: pointwise(Math.log10, { dtypes: real, domain: "positive" }),
  tan: pointwise(Math.tan, { dtypes: real, domain: "small", specials: [0, 0.5, -0.5, 1, nan] }),
  sinh: pointwise(Math.sinh, { dtypes: real }),
  cosh: pointwise(Math.cosh, { dtypes: real }),
  asinh: pointwise(Math.asinh, { dtypes: real }),
  acosh: pointwise(Math.acosh, { domain: { from: 1.1, to: 4 }, specials: [1, 1.5, 20, 0.5, nan, inf] }),
  atanh: pointwise(Math.atanh, { domain: "small", specials: [0, 0.5, -0.5, 1, -1, 2, nan] }),
  erfc: pointwise(erfc, { specials: [0, 0.5, -0.5, 1, -2.5, nan] }),
  logit: pointwise((x) => Math.log(x / (1 - x)), {
    domain: { from: 0.05, to: 0.95 },
    specials: [0, 0.25, 0.5, 1, 2, -1, nan],
  }),
  frac: pointwise((x) => x - Math.trunc(x), { specials: moderate }),
  nanToNum: pointwise(
    (x, whenNan, top, bottom) => (Number.isNaN(x) ? whenNan : x === inf ? top : x === -inf ? bottom : x),
    { dtypes: ["float32", "float64"], calls: [[_, 1, 2, -3]] },
  ),
  xlogy: pointwise((x, y) => (x === 0 && !Number.isNaN(y) ? 0 : x * Math.log(y)), {
    dtypes: real,
    domain: ["any", "positive"],
  }),
  logaddexp: pointwise(logaddexp, { specials: [0, 1, -2.5, 100, inf, -inf, nan] }),
  hypot: pointwise(
    (a, b) => (Math.abs(a) === inf || Math.abs(b) === inf ? (Number.isNaN(a * b) ? nan : inf) : Math.hypot(a, b)),
    {
      specials: [0, 1, -2.5, 100, 1e30, nan],
    },
  ),
  fmod: pointwise((a, b) => a % b, { dtypes: numbers }),
  fmax: pointwise((a, b) => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.max(a, b)), {
    dtypes: numbers,
    specials: moderate,
  }),
  fmin: pointwise((a, b) => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.min(a, b)), {
    dtypes: numbers,
    specials: moderate,
  }),
  copysign: pointwise((a, b) => (isNegative(b) ? -Math.abs(a) : Math.abs(a)), {
    specials: [0, -0, 1, -2.5, inf, -inf],
  }),
  heaviside: pointwise((x, at0) => (x === 0 ? at0 : x < 0 ? 0 : Number.isNaN(x) ? x : 1), {
    specials: [0, 1, -2.5, inf],
  }),
};
