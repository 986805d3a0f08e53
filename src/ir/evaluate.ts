// What each operation means on scalars: f32 results are rounded to f32, integers wrap, a bool is 0 or 1, an i64 is a
// BigInt. The interpreter and constant folding both compute with these tables.

import type { ArithmeticOp, CompareOp, Scalar, UnaryOp } from "./ir.ts";
import { mathImports, roundEven } from "./math.ts";

export type Value = number | bigint;

type Numbers1 = (a: number) => number;
type Numbers2 = (a: number, b: number) => number;
type Values1 = (a: Value) => Value;
type Values2 = (a: Value, b: Value) => Value;

const { fround } = Math;
const { exp, log, log1p, expm1, sin, cos, tanh, erf, normalCdf, pow, rem } = mathImports;
const one =
  (f: Numbers2): Numbers1 =>
  (a) =>
    f(a, 0);

const floatUnary: { readonly [o in Exclude<UnaryOp, "not">]: Numbers1 } = {
  neg: (a) => -a,
  abs: Math.abs,
  sqrt: Math.sqrt,
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
  round: roundEven,
  exp: one(exp),
  log: one(log),
  log1p: one(log1p),
  expm1: one(expm1),
  sin: one(sin),
  cos: one(cos),
  tanh: one(tanh),
  erf: one(erf),
  normalCdf: one(normalCdf),
};

const floatBinary: { readonly [o in ArithmeticOp]?: Numbers2 } = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  rem,
  min: Math.min,
  max: Math.max,
  pow,
};

const int = (a: number): number => a | 0;
const intBinary: { readonly [o in ArithmeticOp]?: Numbers2 } = {
  add: (a, b) => int(a + b),
  sub: (a, b) => int(a - b),
  mul: Math.imul,
  div: (a, b) => (b === 0 ? 0 : int(a / b)),
  rem: (a, b) => (b === 0 ? 0 : int(a % b)),
  min: Math.min,
  max: Math.max,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => a << b,
  shr: (a, b) => a >> b,
  shru: (a, b) => int(a >>> b),
};

const long = (a: bigint): bigint => BigInt.asIntN(64, a);
const unsigned = (a: bigint): bigint => BigInt.asUintN(64, a);
const longBinary: { readonly [o in ArithmeticOp]?: (a: bigint, b: bigint) => bigint } = {
  add: (a, b) => long(a + b),
  sub: (a, b) => long(a - b),
  mul: (a, b) => long(a * b),
  div: (a, b) => (b === 0n ? 0n : long(a / b)),
  rem: (a, b) => (b === 0n ? 0n : a % b),
  min: (a, b) => (a < b ? a : b),
  max: (a, b) => (a > b ? a : b),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => long(a << (b & 63n)),
  shr: (a, b) => a >> (b & 63n),
  shru: (a, b) => long(unsigned(a) >> (b & 63n)),
};

/** The function of an operation on a type, or undefined if the type does not have it. */
export function unaryFunction(op: UnaryOp, scalar: Scalar): Values1 | undefined {
  switch (scalar) {
    case "f32":
    case "f64": {
      if (op === "not") return undefined;
      const f = floatUnary[op];
      return (scalar === "f64" ? f : (a: number) => fround(f(a))) as Values1; // floats are numbers
    }
    case "i32":
      if (op === "neg") return (a) => int(-Number(a));
      if (op === "abs") return (a) => int(Math.abs(Number(a)));
      return op === "not" ? (a) => ~Number(a) : undefined;
    case "i64":
      if (op === "neg") return (a) => long(-BigInt(a));
      if (op === "abs") return (a) => long(a < 0 ? -BigInt(a) : BigInt(a));
      return op === "not" ? (a) => ~BigInt(a) : undefined;
    case "bool":
      return op === "not" ? (a) => 1 - Number(a) : undefined;
    default:
      scalar satisfies never;
      return undefined;
  }
}

/** The function of an operation on a type; the amount of a shift has the type of what is shifted. */
export function binaryFunction(op: ArithmeticOp, scalar: Scalar): Values2 | undefined {
  switch (scalar) {
    case "f32": {
      const f = floatBinary[op];
      return f && (((a: number, b: number) => fround(f(a, b))) as Values2); // floats are numbers
    }
    case "f64":
      return floatBinary[op] as Values2 | undefined; // floats are numbers
    case "i32":
      return intBinary[op] as Values2 | undefined; // an i32 is a number
    case "i64":
      return longBinary[op] as Values2 | undefined; // an i64 is a BigInt
    case "bool":
      return op === "and" || op === "or" || op === "xor" ? (intBinary[op] as Values2) : undefined; // 0 or 1
    default:
      scalar satisfies never;
      return undefined;
  }
}

export const compareFunctions: { readonly [o in CompareOp]: (a: Value, b: Value) => boolean } = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  ltu: (a, b) => (typeof a === "bigint" ? unsigned(a) < unsigned(BigInt(b)) : a >>> 0 < Number(b) >>> 0),
};

/** `a * b + c`; in f32 rounded once, but for the rare double rounding of the sum. */
export function fusedMultiplyAdd(type: Scalar, a: number, b: number, c: number): number {
  return type === "f32" ? fround(a * b + c) : a * b + c;
}

const saturate = (a: number, low: number, high: number): number =>
  Number.isNaN(a) ? 0 : Math.min(Math.max(a, low), high);

export function convert(from: Scalar, to: Scalar, a: Value): Value {
  switch (to) {
    case "bool":
      return Number(a) !== 0 ? 1 : 0;
    case "f32":
      return from === "i64" ? longToSingle(BigInt(a)) : fround(Number(a));
    case "f64":
      return Number(a);
    case "i32":
      if (from === "i64") return Number(BigInt.asIntN(32, BigInt(a)));
      return Math.trunc(saturate(Number(a), -(2 ** 31), 2 ** 31 - 1)) | 0;
    case "i64": {
      if (from !== "f32" && from !== "f64") return BigInt(a);
      const limited = saturate(Number(a), -(2 ** 63), 2 ** 63);
      return limited === 2 ** 63 ? 2n ** 63n - 1n : BigInt(Math.trunc(limited));
    }
    default:
      to satisfies never;
      return a;
  }
}

/** By way of f64 it would be rounded twice. Bits below f64's last are gathered into one that says they are not zero. */
function longToSingle(a: bigint): number {
  const large = a > 2n ** 53n || a < -(2n ** 53n);
  return fround(Number(large ? ((a >> 11n) << 11n) | ((a & 0x7ffn) !== 0n ? 1n << 11n : 0n) : a));
}

const scratch = new DataView(new ArrayBuffer(8));

export function reinterpret(from: Scalar, to: Scalar, a: Value): Value {
  if (from === "f32") scratch.setFloat32(0, Number(a));
  else if (from === "f64") scratch.setFloat64(0, Number(a));
  else if (from === "i64") scratch.setBigInt64(0, BigInt(a));
  else scratch.setInt32(0, Number(a));
  if (to === "f32") return scratch.getFloat32(0);
  if (to === "f64") return scratch.getFloat64(0);
  return to === "i64" ? scratch.getBigInt64(0) : scratch.getInt32(0);
}
