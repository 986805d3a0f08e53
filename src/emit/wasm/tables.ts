// Which instruction an operation is on which type. What is missing here takes several, in expressions.ts.

import type { ArithmeticOp, CompareOp, Elem, Scalar, Type, UnaryOp } from "../../ir/ir.ts";
import type { ValueType } from "./assembler.ts";
import type { Op } from "./opcodes.ts";
import { op } from "./opcodes.ts";

type PerType = { readonly [t in Type]?: Op };

export const valueTypeOf: { readonly [t in Type]: ValueType } = {
  f32: "f32",
  f64: "f64",
  i32: "i32",
  i64: "i64",
  bool: "i32",
  f32x4: "v128",
  i32x4: "v128",
  boolx4: "v128",
};

export const loads: { readonly [e in Elem]: Op } = {
  f32: op.f32Load,
  f64: op.f64Load,
  i32: op.i32Load,
  i64: op.i64Load,
  i16: op.i32Load16S,
  u16: op.i32Load16U,
  i8: op.i32Load8S,
  u8: op.i32Load8U,
};

export const stores: { readonly [e in Elem]: Op } = {
  f32: op.f32Store,
  f64: op.f64Store,
  i32: op.i32Store,
  i64: op.i64Store,
  i16: op.i32Store16,
  u16: op.i32Store16,
  i8: op.i32Store8,
  u8: op.i32Store8,
};

export const unaryOps: { readonly [o in UnaryOp]: PerType } = {
  neg: { f32: op.f32Neg, f64: op.f64Neg, f32x4: op.f32x4Neg, i32x4: op.i32x4Neg },
  abs: { f32: op.f32Abs, f64: op.f64Abs, f32x4: op.f32x4Abs, i32x4: op.i32x4Abs },
  sqrt: { f32: op.f32Sqrt, f64: op.f64Sqrt, f32x4: op.f32x4Sqrt },
  floor: { f32: op.f32Floor, f64: op.f64Floor, f32x4: op.f32x4Floor },
  ceil: { f32: op.f32Ceil, f64: op.f64Ceil, f32x4: op.f32x4Ceil },
  trunc: { f32: op.f32Trunc, f64: op.f64Trunc, f32x4: op.f32x4Trunc },
  round: { f32: op.f32Nearest, f64: op.f64Nearest, f32x4: op.f32x4Nearest },
  exp: {},
  log: {},
  log1p: {},
  expm1: {},
  sin: {},
  cos: {},
  tanh: {},
  erf: {},
  normalCdf: {},
  not: { bool: op.i32Eqz, boolx4: op.v128Not, i32x4: op.v128Not },
};

export const binaryOps: { readonly [o in ArithmeticOp]: PerType } = {
  add: { f32: op.f32Add, f64: op.f64Add, i32: op.i32Add, i64: op.i64Add, f32x4: op.f32x4Add, i32x4: op.i32x4Add },
  sub: { f32: op.f32Sub, f64: op.f64Sub, i32: op.i32Sub, i64: op.i64Sub, f32x4: op.f32x4Sub, i32x4: op.i32x4Sub },
  mul: { f32: op.f32Mul, f64: op.f64Mul, i32: op.i32Mul, i64: op.i64Mul, f32x4: op.f32x4Mul, i32x4: op.i32x4Mul },
  div: { f32: op.f32Div, f64: op.f64Div, f32x4: op.f32x4Div },
  rem: {},
  min: { f32: op.f32Min, f64: op.f64Min, f32x4: op.f32x4Min, i32x4: op.i32x4MinS },
  max: { f32: op.f32Max, f64: op.f64Max, f32x4: op.f32x4Max, i32x4: op.i32x4MaxS },
  pow: {},
  and: { bool: op.i32And, i32: op.i32And, i64: op.i64And, i32x4: op.v128And, boolx4: op.v128And },
  or: { bool: op.i32Or, i32: op.i32Or, i64: op.i64Or, i32x4: op.v128Or, boolx4: op.v128Or },
  xor: { bool: op.i32Xor, i32: op.i32Xor, i64: op.i64Xor, i32x4: op.v128Xor, boolx4: op.v128Xor },
  shl: { i32: op.i32Shl, i64: op.i64Shl, i32x4: op.i32x4Shl },
  shr: { i32: op.i32ShrS, i64: op.i64ShrS, i32x4: op.i32x4ShrS },
  shru: { i32: op.i32ShrU, i64: op.i64ShrU, i32x4: op.i32x4ShrU },
};

/** Bools are compared as unsigned: true is 1, and -1 in a vector. */
export const compareOps: { readonly [o in CompareOp]: PerType } = {
  eq: {
    bool: op.i32Eq,
    i32: op.i32Eq,
    i64: op.i64Eq,
    f32: op.f32Eq,
    f64: op.f64Eq,
    f32x4: op.f32x4Eq,
    i32x4: op.i32x4Eq,
    boolx4: op.i32x4Eq,
  },
  ne: {
    bool: op.i32Ne,
    i32: op.i32Ne,
    i64: op.i64Ne,
    f32: op.f32Ne,
    f64: op.f64Ne,
    f32x4: op.f32x4Ne,
    i32x4: op.i32x4Ne,
    boolx4: op.i32x4Ne,
  },
  lt: {
    bool: op.i32LtU,
    i32: op.i32LtS,
    i64: op.i64LtS,
    f32: op.f32Lt,
    f64: op.f64Lt,
    f32x4: op.f32x4Lt,
    i32x4: op.i32x4LtS,
    boolx4: op.i32x4LtU,
  },
  le: {
    bool: op.i32LeU,
    i32: op.i32LeS,
    i64: op.i64LeS,
    f32: op.f32Le,
    f64: op.f64Le,
    f32x4: op.f32x4Le,
    i32x4: op.i32x4LeS,
    boolx4: op.i32x4LeU,
  },
  gt: {
    bool: op.i32GtU,
    i32: op.i32GtS,
    i64: op.i64GtS,
    f32: op.f32Gt,
    f64: op.f64Gt,
    f32x4: op.f32x4Gt,
    i32x4: op.i32x4GtS,
    boolx4: op.i32x4GtU,
  },
  ge: {
    bool: op.i32GeU,
    i32: op.i32GeS,
    i64: op.i64GeS,
    f32: op.f32Ge,
    f64: op.f64Ge,
    f32x4: op.f32x4Ge,
    i32x4: op.i32x4GeS,
    boolx4: op.i32x4GeU,
  },
  ltu: { i32: op.i32LtU, i64: op.i64LtU, i32x4: op.i32x4LtU },
};

/** From the outer type to the inner; an empty list costs nothing. To bool: expressions.ts. */
export const casts: { readonly [from in Scalar]: { readonly [to in Scalar]?: readonly Op[] } } = {
  f32: { f64: [op.f64PromoteF32], i32: [op.i32TruncSatF32S], i64: [op.i64TruncSatF32S] },
  f64: { f32: [op.f32DemoteF64], i32: [op.i32TruncSatF64S], i64: [op.i64TruncSatF64S] },
  i32: { f32: [op.f32ConvertI32S], f64: [op.f64ConvertI32S], i64: [op.i64ExtendI32S] },
  i64: { f32: [op.f32ConvertI64S], f64: [op.f64ConvertI64S], i32: [op.i32WrapI64] },
  bool: { i32: [], f32: [op.f32ConvertI32S], f64: [op.f64ConvertI32S], i64: [op.i64ExtendI32U] },
};

/** Reinterpretations between scalars; between vectors they cost nothing. */
export const reinterpret: PerType = {
  i32: op.i32ReinterpretF32,
  f32: op.f32ReinterpretI32,
  i64: op.i64ReinterpretF64,
  f64: op.f64ReinterpretI64,
};
