// Element-by-element methods. Shapes broadcast, dtypes promote as in PyTorch; numbers take part without widening a dtype
// within its category.

import { ShapeError } from "../base/errors.ts";
import * as e from "../ops/elementwise.ts";
import type { Op } from "../ops/op.ts";
import type { PointwiseOp } from "../ops/pointwise.ts";
import type { Tensor } from "./core.ts";
import { apply, apply1 } from "./dispatch.ts";
import { tidy } from "./scope.ts";

/** A tensor, or a number that stands for a tensor of that value. */
export type Operand = Tensor | number;

/** Applies a pointwise operator to tensors and numbers in the order of its operands; at least one is a tensor. */
export function callPointwise(op: PointwiseOp, operands: readonly Operand[]): Tensor {
  const tensors: Tensor[] = [];
  const numbers: (number | undefined)[] = [];
  for (const o of operands) {
    if (typeof o === "number") numbers.push(o);
    else {
      tensors.push(o);
      numbers.push(undefined);
    }
  }
  return apply1(op, tensors, numbers);
}

const call = callPointwise;

export const elementwiseMethods = {
  /** Applies an operator with one output to this tensor and others; for gradients written as operators. */
  applyOp<A = undefined>(this: Tensor, op: Op<A>, others: readonly Tensor[], attrs?: A): Tensor {
    return apply1(op, [this, ...others], attrs as A); // only an operator without attributes may leave them out
  },
  /** `applyOp` for operators with several outputs. */
  applyOpAll<A>(this: Tensor, op: Op<A>, others: readonly Tensor[], attrs: A): Tensor[] {
    return apply(op, [this, ...others], attrs);
  },
  /** Applies a pointwise operator of `ops/` directly; for gradients and for layers that bring their own. */
  pointwise(this: Tensor, op: PointwiseOp, operands: readonly Operand[]): Tensor {
    return call(op, operands);
  },

  /** `this + alpha * other` */
  add(this: Tensor, other: Operand, options: { readonly alpha?: number } = {}): Tensor {
    const { alpha = 1 } = options;
    return alpha === 1 ? call(e.add, [this, other]) : call(e.addScaled, [this, other, alpha]);
  },
  /** `this - alpha * other` */
  sub(this: Tensor, other: Operand, options: { readonly alpha?: number } = {}): Tensor {
    const { alpha = 1 } = options;
    return alpha === 1 ? call(e.sub, [this, other]) : call(e.addScaled, [this, other, -alpha]);
  },
  /** `other - alpha * this` */
  rsub(this: Tensor, other: Operand, options: { readonly alpha?: number } = {}): Tensor {
    const { alpha = 1 } = options;
    return alpha === 1 ? call(e.sub, [other, this]) : call(e.addScaled, [other, this, -alpha]);
  },
  mul(this: Tensor, other: Operand): Tensor {
    return call(e.mul, [this, other]);
  },
  /** True division; integers give float32. `roundingMode` "floor" or "trunc" rounds the quotient and keeps integers. */
  div(this: Tensor, other: Operand, options: { readonly roundingMode?: "floor" | "trunc" } = {}): Tensor {
    const { roundingMode } = options;
    if (roundingMode === undefined) return call(e.div, [this, other]);
    return call(roundingMode === "floor" ? e.floorDivide : e.truncDivide, [this, other]);
  },
  floorDivide(this: Tensor, other: Operand): Tensor {
    return call(e.floorDivide, [this, other]);
  },
  /** The remainder with the divisor's sign. */
  remainder(this: Tensor, other: Operand): Tensor {
    return call(e.remainder, [this, other]);
  },
  pow(this: Tensor, exponent: Operand): Tensor {
    if (exponent === 2) return call(e.square, [this]);
    return call(e.pow, [this, exponent]);
  },
  maximum(this: Tensor, other: Operand): Tensor {
    return call(e.maximum, [this, other]);
  },
  minimum(this: Tensor, other: Operand): Tensor {
    return call(e.minimum, [this, other]);
  },
  /** Values below `min` become `min`, above `max` become `max`: numbers or tensors; either may be left out. */
  clamp(this: Tensor, options: { readonly min?: Operand | undefined; readonly max?: Operand | undefined }): Tensor {
    const { min, max } = options;
    if (typeof min === "object" && max === undefined) return call(e.maximum, [this, min]);
    if (typeof max === "object" && min === undefined) return call(e.minimum, [this, max]);
    const [low, high] = [min ?? Number.NEGATIVE_INFINITY, max ?? Number.POSITIVE_INFINITY];
    if (this.dtype.includes("float") || typeof low === "object" || typeof high === "object")
      return call(e.clamp, [this, low, high]);
    return call(e.clamp, [this, Math.max(low, -2147483648), Math.min(high, 2147483647)]);
  },
  /** `this + value * a * b` */
  addcmul(this: Tensor, a: Tensor, b: Tensor, options: { readonly value?: number } = {}): Tensor {
    return call(e.addcmul, [this, a, b, options.value ?? 1]);
  },
  /** `this + value * a / b` */
  addcdiv(this: Tensor, a: Tensor, b: Tensor, options: { readonly value?: number } = {}): Tensor {
    return call(e.addcdiv, [this, a, b, options.value ?? 1]);
  },
  /** `this + weight * (end - this)` */
  lerp(this: Tensor, end: Tensor, weight: Operand): Tensor {
    return call(e.lerp, [this, end, weight]);
  },

  neg(this: Tensor): Tensor {
    return call(e.neg, [this]);
  },
  abs(this: Tensor): Tensor {
    return call(e.abs, [this]);
  },
  sign(this: Tensor): Tensor {
    return call(e.sign, [this]);
  },
  sqrt(this: Tensor): Tensor {
    return call(e.sqrt, [this]);
  },
  rsqrt(this: Tensor): Tensor {
    return call(e.rsqrt, [this]);
  },
  reciprocal(this: Tensor): Tensor {
    return call(e.reciprocal, [this]);
  },
  /** `this²`; of a bool it is an int64, as in PyTorch. */
  square(this: Tensor): Tensor {
    return call(e.square, [this.dtype === "bool" ? this.long() : this]);
  },
  exp(this: Tensor): Tensor {
    return call(e.exp, [this]);
  },
  expm1(this: Tensor): Tensor {
    return call(e.expm1, [this]);
  },
  log(this: Tensor): Tensor {
    return call(e.log, [this]);
  },
  log1p(this: Tensor): Tensor {
    return call(e.log1p, [this]);
  },
  log2(this: Tensor): Tensor {
    return call(e.log2, [this]);
  },
  sin(this: Tensor): Tensor {
    return call(e.sin, [this]);
  },
  cos(this: Tensor): Tensor {
    return call(e.cos, [this]);
  },
  tanh(this: Tensor): Tensor {
    return call(e.tanh, [this]);
  },
  erf(this: Tensor): Tensor {
    return call(e.erf, [this]);
  },
  sigmoid(this: Tensor): Tensor {
    return call(e.sigmoid, [this]);
  },
  floor(this: Tensor): Tensor {
    return call(e.floor, [this]);
  },
  ceil(this: Tensor): Tensor {
    return call(e.ceil, [this]);
  },
  trunc(this: Tensor): Tensor {
    return call(e.trunc, [this]);
  },
  /** To the nearest whole number, or multiple of 10^−`decimals`; halves to the even one. */
  round(this: Tensor, options: { readonly decimals?: number } = {}): Tensor {
    const { decimals = 0 } = options;
    if (decimals === 0 || (!this.dtype.includes("float") && decimals > 0)) return call(e.round, [this]);
    const unit = 10 ** Math.abs(decimals);
    return tidy(() =>
      decimals > 0 ? this.mul(unit).round().div(unit) : this.div(unit).round().mul(unit).to(this.dtype),
    );
  },
  relu(this: Tensor): Tensor {
    return call(e.relu, [this]);
  },

  eq(this: Tensor, other: Operand): Tensor {
    return call(e.eq, [this, other]);
  },
  ne(this: Tensor, other: Operand): Tensor {
    return call(e.ne, [this, other]);
  },
  lt(this: Tensor, other: Operand): Tensor {
    return call(e.lt, [this, other]);
  },
  le(this: Tensor, other: Operand): Tensor {
    return call(e.le, [this, other]);
  },
  gt(this: Tensor, other: Operand): Tensor {
    return call(e.gt, [this, other]);
  },
  ge(this: Tensor, other: Operand): Tensor {
    return call(e.ge, [this, other]);
  },
  isnan(this: Tensor): Tensor {
    return call(e.isnan, [this]);
  },
  isinf(this: Tensor): Tensor {
    return call(e.isinf, [this]);
  },
  isfinite(this: Tensor): Tensor {
    return call(e.isfinite, [this]);
  },
  logicalAnd(this: Tensor, other: Tensor): Tensor {
    return call(e.logicalAnd, [this, other]);
  },
  logicalOr(this: Tensor, other: Tensor): Tensor {
    return call(e.logicalOr, [this, other]);
  },
  logicalXor(this: Tensor, other: Tensor): Tensor {
    return call(e.logicalXor, [this, other]);
  },
  logicalNot(this: Tensor): Tensor {
    return call(e.logicalNot, [this]);
  },
  bitwiseAnd(this: Tensor, other: Operand): Tensor {
    return call(e.bitwiseAnd, [this, other]);
  },
  bitwiseOr(this: Tensor, other: Operand): Tensor {
    return call(e.bitwiseOr, [this, other]);
  },
  bitwiseXor(this: Tensor, other: Operand): Tensor {
    return call(e.bitwiseXor, [this, other]);
  },
  bitwiseNot(this: Tensor): Tensor {
    return call(e.bitwiseNot, [this]);
  },

  /** `this` where `condition` (a bool tensor) holds, `other` elsewhere. */
  where(this: Tensor, condition: Tensor, other: Operand): Tensor {
    return call(e.where, [condition, this, other]);
  },
  /** `value` (a number or a tensor without dimensions) where `mask` (a bool tensor) holds, `this` elsewhere. */
  maskedFill(this: Tensor, mask: Tensor, value: Operand): Tensor {
    if (typeof value === "number") return call(e.maskedFill, [mask, this, value]);
    if (value.ndim > 0)
      throw new ShapeError(`maskedFill: the value has no dimensions, got [${value.shape.join(", ")}].`, {
        shape: value.shape,
      });
    return call(e.where, [mask, value.to(this.dtype), this]);
  },
};
export type ElementwiseMethods = typeof elementwiseMethods;

/** `base^exponent`; one of the two may be a number: `pow(2, x)`. */
export function pow(base: Operand, exponent: Operand): Tensor {
  return typeof base === "number" ? call(e.pow, [base, exponent]) : base.pow(exponent);
}

/** The remainder of `a / b` with the sign of b, as Python's `%`; one of the two may be a number. */
export function remainder(a: Operand, b: Operand): Tensor {
  return call(e.remainder, [a, b]);
}

/** `a` where `condition` (a bool tensor) holds, `b` elsewhere. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  return call(e.where, [condition, a, b]);
}
