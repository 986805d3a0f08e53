// How a dtype is computed with: the type of a value in a register, and how it is read from and written to memory.

import type { DType } from "../base/dtype.ts";
import type { Block } from "../ir/build.ts";
import { add, and, bits, cast, constant, eq, gt, load, load4, loadSplat, ne, or, select, shru } from "../ir/build.ts";
import { bfloatToFloat, halfToFloat } from "../ir/half.ts";
import type { Elem, Expr, Scalar, Type } from "../ir/ir.ts";
import { isVector, vectorOf } from "../ir/ir.ts";

interface Layout {
  readonly elem: Elem;
  /** What arithmetic on this dtype is done in. */
  readonly value: Scalar;
}

export const layouts: { readonly [d in DType]: Layout } = {
  float32: { elem: "f32", value: "f32" },
  float64: { elem: "f64", value: "f64" },
  float16: { elem: "u16", value: "f32" },
  bfloat16: { elem: "u16", value: "f32" },
  int8: { elem: "i8", value: "i32" },
  int16: { elem: "i16", value: "i32" },
  int32: { elem: "i32", value: "i32" },
  int64: { elem: "i64", value: "i64" },
  uint8: { elem: "u8", value: "i32" },
  bool: { elem: "u8", value: "bool" },
};

/** One value, four adjacent ones, or one value in four lanes. */
export type Width = "one" | "four" | "splat";

/** Whether values of this dtype fit the four-lane types. */
export function hasVector(dtype: DType): boolean {
  return vectorOf(layouts[dtype].value) !== undefined;
}

/** The element at `base[index + offset]`, as a value. */
export function read(dtype: DType, base: Expr, index: Expr | number, width: Width = "one", offset = 0): Expr {
  const { elem } = layouts[dtype];
  const raw = (width === "one" ? load : width === "four" ? load4 : loadSplat)(elem, base, index, offset);
  return fromRaw(dtype, raw);
}

/** Writes a value (converted to `dtype`) at `base[index + offset]`. */
export function write(
  k: Block,
  dtype: DType,
  base: Expr,
  index: Expr | number,
  value: Expr,
  offset = 0,
  lanes?: 1 | 4,
): void {
  const { elem } = layouts[dtype];
  k.store(elem, base, index, toRaw(dtype, convert(dtype, value)), offset, lanes);
}

/** A value of another dtype as one of this. */
export function convert(dtype: DType, value: Expr): Expr {
  const { value: scalar } = layouts[dtype];
  const type: Type = isVector(value.type) ? vectorOf(scalar)! : scalar;
  return value.type === type ? value : cast(type, value);
}

function likeWidth(raw: Expr, scalar: Scalar): Type {
  return isVector(raw.type) ? vectorOf(scalar)! : scalar;
}

function fromRaw(dtype: DType, raw: Expr): Expr {
  switch (dtype) {
    case "bool":
      return ne(raw, 0);
    case "bfloat16":
      return bfloatToFloat(raw);
    case "float16":
      return halfToFloat(raw);
    default:
      return raw;
  }
}

function toRaw(dtype: DType, value: Expr): Expr {
  switch (dtype) {
    case "bool":
      return cast(likeWidth(value, "i32"), value);
    case "bfloat16":
      return floatToBfloat(value);
    case "float16":
      return floatToHalf(value);
    default:
      return value;
  }
}

/** Round to nearest even on the upper 16 bits; NaN stays NaN. */
function floatToBfloat(value: Expr): Expr {
  const u = bits(likeWidth(value, "i32"), value);
  const rounded = add(u, add(and(shru(u, 16), 1), 0x7fff));
  return shru(select(eq(value, value), rounded, or(u, 0x400000)), 16);
}

/** Round to nearest even; overflow gives infinity, NaN stays NaN. */
function floatToHalf(value: Expr): Expr {
  const int = likeWidth(value, "i32");
  const u = bits(int, value);
  const sign = and(shru(u, 16), 0x8000);
  const magnitude = and(u, 0x7fffffff);
  // Subnormal results: adding 0.5 aligns the bits so that the hardware rounds them.
  const float = bits(value.type, magnitude);
  const small = and(bits(int, addConst(float, 0.5)), 0x3ff + 0x400);
  const big = shru(add(magnitude, add(add(and(shru(magnitude, 13), 1), 0xfff), constant(int, -(112 << 23)))), 13);
  const half = select(gt(constant(int, 113 << 23), magnitude), small, big);
  const limited = select(gt(magnitude, constant(int, 0x477fefff)), constant(int, 0x7c00), half);
  return or(sign, select(eq(value, value), limited, constant(int, 0x7e00)));
}

function addConst(a: Expr, value: number): Expr {
  return { k: "binary", type: a.type, op: "add", a, b: constant(a.type, value) };
}
