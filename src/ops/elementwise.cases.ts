// What the element-by-element operators mean, on one number each.

import { type CasesOf, halves, integers, numbers, pointwise } from "../../test/cases.ts";
import type { DType } from "../base/dtype.ts";

const values: readonly DType[] = [...numbers, "bool"];
/** Floats, and one integer dtype whose results are float32. */
const real: readonly DType[] = [...halves, "int32"];
const _ = undefined;

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
/** Whether JavaScript's remainder has the other sign than Python's. */
const isAskew = (a: number, b: number): boolean => a % b !== 0 && a % b < 0 !== b < 0;
const remainder = (a: number, b: number): number => (isAskew(a, b) ? (a % b) + b : a % b);
const floorDivide = (a: number, b: number): number => (b === 0 ? a / b : (a - (a % b)) / b - Number(isAskew(a, b)));
/** Where float32 reduces the argument well enough. */
const turns = [0, -0, 0.5, 100, -1e4, Number.NaN, Number.POSITIVE_INFINITY];
/** Its Taylor series, good up to 5; 1 to the last bit beyond. */
function erf(x: number): number {
  if (Math.abs(x) > 5) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 120; n++) {
    term *= -(x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
function roundEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
}

/** Where no factor is so small that float32 loses it, for products with infinities. */
const finiteSlopes = [0, -0, 1, -2.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

export const cases: CasesOf<typeof import("./elementwise.ts")> = {
  add: pointwise((a, b) => a + b, { dtypes: values }),
  addScaled: pointwise((a, b, alpha) => a + alpha * b, { dtypes: numbers, calls: [[_, _, -2]] }),
  sub: pointwise((a, b) => a - b, { dtypes: numbers }),
  mul: pointwise((a, b) => a * b, { dtypes: values }),
  div: pointwise((a, b) => a / b, { dtypes: numbers }),
  floorDivide: pointwise((a, b) => floorDivide(a, b), { dtypes: numbers }),
  truncDivide: pointwise((a, b) => Math.trunc(a / b), { dtypes: numbers }),
  remainder: pointwise(remainder, { dtypes: numbers }),
  pow: pointwise((a, b) => (a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) ? 1 : a ** b), {
    dtypes: numbers,
    domain: ["positive", "any"],
  }),
  neg: pointwise((x) => -x, { dtypes: numbers }),
  abs: pointwise(Math.abs, { dtypes: numbers }),
  sign: pointwise((x) => Number(x > 0) - Number(x < 0), { dtypes: numbers }),
  maximum: pointwise((a, b) => Math.max(a, b), { dtypes: values }),
  minimum: pointwise((a, b) => Math.min(a, b), { dtypes: values }),
  clamp: pointwise((x, low, high) => Math.min(Math.max(x, low), high), {
    dtypes: numbers,
    calls: [
      [_, -1, 2],
      [_, _, _],
    ],
  }),
  addcmul: pointwise((x, a, b, value) => x + value * a * b, { dtypes: numbers, calls: [[_, _, _, -2]] }),
  addcdiv: pointwise((x, a, b, value) => x + (value * a) / b, { calls: [[_, _, _, -2]] }),
  lerp: pointwise((a, b, weight) => a + weight * (b - a), {
    calls: [
      [_, _, _],
      [_, _, 0.25],
    ],
  }),

  sqrt: pointwise(Math.sqrt, { dtypes: real, domain: "positive" }),
  rsqrt: pointwise((x) => 1 / Math.sqrt(x), { dtypes: real, domain: "positive" }),
  reciprocal: pointwise((x) => 1 / x, { dtypes: real }),
  square: pointwise((x) => x * x, { dtypes: numbers }),
  exp: pointwise(Math.exp, { dtypes: real }),
  expm1: pointwise(Math.expm1, { dtypes: real }),
  log: pointwise(Math.log, { dtypes: real, domain: "positive" }),
  log1p: pointwise(Math.log1p, { dtypes: real, domain: "positive" }),
  log2: pointwise(Math.log2, { dtypes: real, domain: "positive" }),
  sin: pointwise(Math.sin, { dtypes: real, specials: turns }),
  cos: pointwise(Math.cos, { dtypes: real, specials: turns }),
  tanh: pointwise(Math.tanh, { dtypes: real }),
  erf: pointwise(erf, { dtypes: halves }),
  sigmoid: pointwise(sigmoid, { dtypes: real }),
  logSigmoid: pointwise((x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)))),
  floor: pointwise(Math.floor, { dtypes: numbers }),
  ceil: pointwise(Math.ceil, { dtypes: numbers }),
  trunc: pointwise(Math.trunc, { dtypes: numbers }),
  round: pointwise(roundEven, { dtypes: numbers }),

  relu: pointwise((x) => Math.max(x, 0), { dtypes: numbers }),
  gelu: pointwise((x) => (x / 2) * (1 + erf(x * Math.SQRT1_2))),
  geluTanh: pointwise((x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))),
  silu: pointwise((x) => x * sigmoid(x)),
  swiglu: pointwise((gate, up) => gate * sigmoid(gate) * up, { calls: [[_, _]], specials: finiteSlopes }),
  geglu: pointwise((gate, up) => (gate / 2) * (1 + erf(gate * Math.SQRT1_2)) * up, {
    calls: [[_, _]],
    specials: finiteSlopes,
  }),
  leakyRelu: pointwise((x, slope) => (x > 0 ? x : x * slope), { calls: [[_, 0.25]] }),
  softplus: pointwise((x, beta, threshold) => (x * beta > threshold ? x : Math.log1p(Math.exp(x * beta)) / beta), {
    calls: [
      [_, 1, 20],
      [_, 2, 1],
    ],
  }),

  where: pointwise((c, a, b) => (c ? a : b), {
    dtypes: values,
    condition: true,
    calls: [
      [_, _, _],
      [_, _, 2],
      [_, 3, _],
    ],
  }),
  maskedFill: pointwise((mask, x, value) => (mask ? value : x), {
    dtypes: values,
    condition: true,
    calls: [[_, _, 1]],
  }),
  eq: pointwise((a, b) => a === b, { dtypes: values }),
  ne: pointwise((a, b) => a !== b, { dtypes: values }),
  lt: pointwise((a, b) => a < b, { dtypes: values }),
  le: pointwise((a, b) => a <= b, { dtypes: values }),
  gt: pointwise((a, b) => a > b, { dtypes: values }),
  ge: pointwise((a, b) => a >= b, { dtypes: values }),
  isnan: pointwise(Number.isNaN, { dtypes: numbers }),
  isinf: pointwise((x) => Math.abs(x) === Number.POSITIVE_INFINITY, { dtypes: numbers }),
  isfinite: pointwise(Number.isFinite, { dtypes: numbers }),
  logicalAnd: pointwise((a, b) => a !== 0 && b !== 0, { dtypes: values, calls: [[_, _]] }),
  logicalOr: pointwise((a, b) => a !== 0 || b !== 0, { dtypes: values, calls: [[_, _]] }),
  logicalXor: pointwise((a, b) => (a !== 0) !== (b !== 0), { dtypes: values, calls: [[_, _]] }),
  logicalNot: pointwise((x) => x === 0, { dtypes: values }),
  bitwiseAnd: pointwise((a, b) => a & b, { dtypes: [...integers, "bool"] }),
  bitwiseOr: pointwise((a, b) => a | b, { dtypes: [...integers, "bool"] }),
  bitwiseXor: pointwise((a, b) => a ^ b, { dtypes: [...integers, "bool"] }),
  bitwiseNot: pointwise((x) => ~x, { dtypes: integers }),

  copy: pointwise((x) => x, { dtypes: values }),
  dropoutAdd: pointwise((mask, x, residual, scale) => residual + (mask ? x * scale : 0), {
    condition: true,
    calls: [[_, _, _, 2]],
  }),
  dropout: pointwise((mask, x, scale) => (mask ? x * scale : 0), { condition: true, calls: [[_, _, 2]] }),
};
