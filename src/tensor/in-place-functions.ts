// More methods that change a tensor where it lies: functions of one number and of two, element by element.

import * as b from "../ops/bits.ts";
import * as e from "../ops/elementwise.ts";
import * as s from "../ops/special.ts";
import * as t from "../ops/trigonometry.ts";
import type { Tensor } from "./core.ts";
import type { Operand } from "./elementwise.ts";
import { replace, write } from "./in-place.ts";

export const inPlaceFunctionMethods = {
  abs_(this: Tensor): Tensor {
    return write("abs_", e.abs, this, [this]);
  },
  sign_(this: Tensor): Tensor {
    return write("sign_", e.sign, this, [this]);
  },
  rsqrt_(this: Tensor): Tensor {
    return write("rsqrt_", e.rsqrt, this, [this]);
  },
  reciprocal_(this: Tensor): Tensor {
    return write("reciprocal_", e.reciprocal, this, [this]);
  },
  square_(this: Tensor): Tensor {
    return write("square_", e.square, this, [this]);
  },
  expm1_(this: Tensor): Tensor {
    return write("expm1_", e.expm1, this, [this]);
  },
  log_(this: Tensor): Tensor {
    return write("log_", e.log, this, [this]);
  },
  log1p_(this: Tensor): Tensor {
    return write("log1p_", e.log1p, this, [this]);
  },
  log2_(this: Tensor): Tensor {
    return write("log2_", e.log2, this, [this]);
  },
  sin_(this: Tensor): Tensor {
    return write("sin_", e.sin, this, [this]);
  },
  cos_(this: Tensor): Tensor {
    return write("cos_", e.cos, this, [this]);
  },
  erf_(this: Tensor): Tensor {
    return write("erf_", e.erf, this, [this]);
  },
  floor_(this: Tensor): Tensor {
    return write("floor_", e.floor, this, [this]);
  },
  ceil_(this: Tensor): Tensor {
    return write("ceil_", e.ceil, this, [this]);
  },
  trunc_(this: Tensor): Tensor {
    return write("trunc_", e.trunc, this, [this]);
  },
  logicalNot_(this: Tensor): Tensor {
    return write("logicalNot_", e.logicalNot, this, [this]);
  },
  bitwiseNot_(this: Tensor): Tensor {
    return write("bitwiseNot_", e.bitwiseNot, this, [this]);
  },
  exp2_(this: Tensor): Tensor {
    return write("exp2_", s.exp2, this, [this]);
  },
  log10_(this: Tensor): Tensor {
    return write("log10_", s.log10, this, [this]);
  },
  tan_(this: Tensor): Tensor {
    return write("tan_", s.tan, this, [this]);
  },
  sinh_(this: Tensor): Tensor {
    return write("sinh_", s.sinh, this, [this]);
  },
  cosh_(this: Tensor): Tensor {
    return write("cosh_", s.cosh, this, [this]);
  },
  asinh_(this: Tensor): Tensor {
    return write("asinh_", s.asinh, this, [this]);
  },
  acosh_(this: Tensor): Tensor {
    return write("acosh_", s.acosh, this, [this]);
  },
  atanh_(this: Tensor): Tensor {
    return write("atanh_", s.atanh, this, [this]);
  },
  erfc_(this: Tensor): Tensor {
    return write("erfc_", s.erfc, this, [this]);
  },
  frac_(this: Tensor): Tensor {
    return write("frac_", s.frac, this, [this]);
  },
  asin_(this: Tensor): Tensor {
    return write("asin_", t.asin, this, [this]);
  },
  acos_(this: Tensor): Tensor {
    return write("acos_", t.acos, this, [this]);
  },
  atan_(this: Tensor): Tensor {
    return write("atan_", t.atan, this, [this]);
  },
  floorDivide_(this: Tensor, other: Operand): Tensor {
    return write("floorDivide_", e.floorDivide, this, [this, other]);
  },
  remainder_(this: Tensor, other: Operand): Tensor {
    return write("remainder_", e.remainder, this, [this, other]);
  },
  fmod_(this: Tensor, other: Operand): Tensor {
    return write("fmod_", s.fmod, this, [this, other]);
  },
  copysign_(this: Tensor, other: Operand): Tensor {
    return write("copysign_", s.copysign, this, [this, other]);
  },
  xlogy_(this: Tensor, other: Operand): Tensor {
    return write("xlogy_", s.xlogy, this, [this, other]);
  },
  eq_(this: Tensor, other: Operand): Tensor {
    return write("eq_", e.eq, this, [this, other]);
  },
  ne_(this: Tensor, other: Operand): Tensor {
    return write("ne_", e.ne, this, [this, other]);
  },
  lt_(this: Tensor, other: Operand): Tensor {
    return write("lt_", e.lt, this, [this, other]);
  },
  le_(this: Tensor, other: Operand): Tensor {
    return write("le_", e.le, this, [this, other]);
  },
  gt_(this: Tensor, other: Operand): Tensor {
    return write("gt_", e.gt, this, [this, other]);
  },
  ge_(this: Tensor, other: Operand): Tensor {
    return write("ge_", e.ge, this, [this, other]);
  },
  logicalAnd_(this: Tensor, other: Tensor): Tensor {
    return write("logicalAnd_", e.logicalAnd, this, [this, other]);
  },
  logicalOr_(this: Tensor, other: Tensor): Tensor {
    return write("logicalOr_", e.logicalOr, this, [this, other]);
  },
  logicalXor_(this: Tensor, other: Tensor): Tensor {
    return write("logicalXor_", e.logicalXor, this, [this, other]);
  },
  bitwiseAnd_(this: Tensor, other: Operand): Tensor {
    return write("bitwiseAnd_", e.bitwiseAnd, this, [this, other]);
  },
  bitwiseOr_(this: Tensor, other: Operand): Tensor {
    return write("bitwiseOr_", e.bitwiseOr, this, [this, other]);
  },
  bitwiseXor_(this: Tensor, other: Operand): Tensor {
    return write("bitwiseXor_", e.bitwiseXor, this, [this, other]);
  },
  hypot_(this: Tensor, other: Tensor): Tensor {
    return write("hypot_", s.hypot, this, [this, other]);
  },
  heaviside_(this: Tensor, other: Tensor): Tensor {
    return write("heaviside_", s.heaviside, this, [this, other]);
  },
  atan2_(this: Tensor, other: Tensor): Tensor {
    return write("atan2_", t.atan2, this, [this, other]);
  },
  bitwiseLeftShift_(this: Tensor, other: Operand): Tensor {
    return write("bitwiseLeftShift_", b.bitwiseLeftShift, this, [this, other]);
  },
  bitwiseRightShift_(this: Tensor, other: Operand): Tensor {
    return write("bitwiseRightShift_", b.bitwiseRightShift, this, [this, other]);
  },
  /** As `round`. */
  round_(this: Tensor, options: { readonly decimals?: number } = {}): Tensor {
    return replace("round_", this, (x) => x.round(options));
  },
  /** As `logit`. */
  logit_(this: Tensor, eps?: number): Tensor {
    return replace("logit_", this, (x) => x.logit(eps));
  },
  /** As `nanToNum`. */
  nanToNum_(
    this: Tensor,
    options: { readonly nan?: number; readonly posinf?: number; readonly neginf?: number } = {},
  ): Tensor {
    return replace("nanToNum_", this, (x) => x.nanToNum(options));
  },
};
export type InPlaceFunctionMethods = typeof inPlaceFunctionMethods;
