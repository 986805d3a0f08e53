// The functions of f64 that no machine instruction computes: what emitted modules import as ("math", name), and what
// the interpreter calls. Accurate to about 1e-15, except where the argument itself magnifies its rounding.

export type MathName = "exp" | "log" | "log1p" | "expm1" | "sin" | "cos" | "tanh" | "erf" | "normalCdf" | "pow" | "rem";

export const mathImports: { readonly [name in MathName]: (a: number, b: number) => number } = {
  exp: Math.exp,
  log: Math.log,
  log1p: Math.log1p,
  expm1: Math.expm1,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  erf,
  normalCdf,
  pow,
  rem: (a, b) => a % b,
};

/** C's pow. JavaScript's differs where the base is 1 or -1. */
export function pow(a: number, b: number): number {
  if (a === 1 || (a === -1 && Math.abs(b) === Infinity)) return 1;
  return a ** b;
}

/**
 * `2/sqrt(pi) * exp(-x^2) * sum 2^n x^(2n+1) / (1 * 3 * ... * (2n+1))`, whose terms all have one sign; and for large
 * |x|, one minus the continued fraction of erfc (https://dlmf.nist.gov/7.6 and https://dlmf.nist.gov/7.9).
 */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (!(a < 6)) return Number.isNaN(x) ? x : Math.sign(x);
  if (a < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  return Math.sign(x) * (1 - erfcTail(a));
}

/** erfc of a number from 3 up. */
function erfcTail(a: number): number {
  let fraction = a;
  for (let n = 60; n > 0; n--) fraction = a + n / 2 / fraction;
  return Math.exp(-a * a) / (Math.sqrt(Math.PI) * fraction);
}

/** `(1 + erf(x/√2)) / 2`, the left tail without cancellation. */
export function normalCdf(x: number): number {
  const z = x * Math.SQRT1_2;
  return z <= -3 ? erfcTail(-z) / 2 : (1 + erf(z)) / 2;
}

/** To the nearest integer, a half to the even one, zeros keep their sign. */
export function roundEven(x: number): number {
  if (!(Math.abs(x) < 2 ** 52)) return x;
  const big = x < 0 || Object.is(x, -0) ? -(2 ** 52) : 2 ** 52;
  const rounded = x + big - big;
  return rounded === 0 ? x * 0 : rounded;
}
