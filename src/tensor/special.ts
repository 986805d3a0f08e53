// More functions of one or two numbers, element by element.

import { isFloating } from "../base/dtype.ts";
import { ArgumentError, DTypeError } from "../base/errors.ts";
import * as b from "../ops/bits.ts";
import * as s from "../ops/special.ts";
import * as t from "../ops/trigonometry.ts";
import type { Tensor } from "./core.ts";
import { callPointwise as call, type Operand } from "./elementwise.ts";
import { tidy } from "./scope.ts";

export interface CloseOptions {
  readonly rtol?: number;
  readonly atol?: number;
  /** Two NaNs are close. */
  readonly equalNan?: boolean;
}

export const specialMethods = {
  /** `2^x` */
  exp2(this: Tensor): Tensor {
    return call(s.exp2, [this]);
  },
  log10(this: Tensor): Tensor {
    return call(s.log10, [this]);
  },
  tan(this: Tensor): Tensor {
    return call(s.tan, [this]);
  },
  asin(this: Tensor): Tensor {
    return call(t.asin, [this]);
  },
  acos(this: Tensor): Tensor {
    return call(t.acos, [this]);
  },
  atan(this: Tensor): Tensor {
    return call(t.atan, [this]);
  },
  /** The angle of the point (`x`, this), from −π to π. */
  atan2(this: Tensor, x: Tensor): Tensor {
    return call(t.atan2, [this, x]);
  },
  sinh(this: Tensor): Tensor {
    return call(s.sinh, [this]);
  },
  cosh(this: Tensor): Tensor {
    return call(s.cosh, [this]);
  },
  asinh(this: Tensor): Tensor {
    return call(s.asinh, [this]);
  },
  acosh(this: Tensor): Tensor {
    return call(s.acosh, [this]);
  },
  atanh(this: Tensor): Tensor {
    return call(s.atanh, [this]);
  },
  /** `1 − erf(x)` */
  erfc(this: Tensor): Tensor {
    return call(s.erfc, [this]);
  },
  /** `log(x / (1 − x))`; with `eps`, of x between eps and 1 − eps. */
  logit(this: Tensor, eps?: number): Tensor {
    if (eps === undefined) return call(s.logit, [this]);
    return tidy(() => call(s.logit, [this.clamp({ min: eps, max: 1 - eps })]));
  },
  /** What stands behind the point, with the number's sign. */
  frac(this: Tensor): Tensor {
    return call(s.frac, [this]);
  },
  /** NaN becomes `nan`, the infinities become `posinf` and `neginf`, by default the dtype's largest numbers. */
  nanToNum(
    this: Tensor,
    options: {
      readonly nan?: number | undefined;
      readonly posinf?: number | undefined;
      readonly neginf?: number | undefined;
    } = {},
  ): Tensor {
    if (!isFloating(this.dtype)) return this.clone();
    const most = largest[this.dtype as keyof typeof largest]; // floats all have one
    return call(s.nanToNum, [this, options.nan ?? 0, options.posinf ?? most, options.neginf ?? -most]);
  },

  /** Whether the sign is set, that of −0 too. */
  signbit(this: Tensor): Tensor {
    return call(b.signbit, [this]);
  },
  isposinf(this: Tensor): Tensor {
    return call(b.isposinf, [this]);
  },
  isneginf(this: Tensor): Tensor {
    return call(b.isneginf, [this]);
  },
  /** `this 2^count`; 0 for counts below 0 or beyond the width. */
  bitwiseLeftShift(this: Tensor, count: Operand): Tensor {
    return call(b.bitwiseLeftShift, whole("bitwiseLeftShift", this, count));
  },
  /** `⌊this / 2^count⌋`; for counts below 0 or beyond the width 0, or −1 of negative numbers. */
  bitwiseRightShift(this: Tensor, count: Operand): Tensor {
    return call(b.bitwiseRightShift, whole("bitwiseRightShift", this, count));
  },
  /** Degrees to radians. */
  deg2rad(this: Tensor): Tensor {
    return this.mul(Math.PI / 180);
  },
  /** Radians to degrees. */
  rad2deg(this: Tensor): Tensor {
    return this.mul(180 / Math.PI);
  },

  /** `this · log(other)`, 0 where this is 0. */
  xlogy(this: Tensor, other: Operand): Tensor {
    return call(s.xlogy, [this, other]);
  },
  /** `log(e^this + e^other)`, without overflow. */
  logaddexp(this: Tensor, other: Tensor): Tensor {
    return call(s.logaddexp, [this, other]);
  },
  /** `√(this² + other²)` */
  hypot(this: Tensor, other: Tensor): Tensor {
    return call(s.hypot, [this, other]);
  },
  /** The remainder with this tensor's sign, as in C. */
  fmod(this: Tensor, other: Operand): Tensor {
    return call(s.fmod, [this, other]);
  },
  /** The larger; a number wins over NaN. */
  fmax(this: Tensor, other: Tensor): Tensor {
    return call(s.fmax, [this, other]);
  },
  /** The smaller; a number wins over NaN. */
  fmin(this: Tensor, other: Tensor): Tensor {
    return call(s.fmin, [this, other]);
  },
  /** This magnitude with the sign of `other`. */
  copysign(this: Tensor, other: Operand): Tensor {
    return call(s.copysign, [this, other]);
  },
  /** 0 below 0, 1 above 0, `values` at 0. */
  heaviside(this: Tensor, values: Tensor): Tensor {
    return call(s.heaviside, [this, values]);
  },
  /** In float64, whatever the dtypes. */
  floatPower(this: Tensor, exponent: Operand): Tensor {
    return tidy(() => this.double().pow(typeof exponent === "number" ? exponent : exponent.double()));
  },
  /** `|this − other| ≤ atol + rtol |other|` */
  isclose(this: Tensor, other: Tensor, options: CloseOptions = {}): Tensor {
    const { rtol = 1e-5, atol = 1e-8, equalNan = false } = options;
    if (!(rtol >= 0 && atol >= 0))
      throw new ArgumentError(`isclose: rtol ${rtol} and atol ${atol}; neither is below 0.`, { rtol, atol });
    return tidy(() => {
      const [a, b] = isFloating(this.dtype) ? [this, other] : [this.double(), other.double()];
      const near = a.sub(b).abs().le(b.abs().mul(rtol).add(atol)).logicalAnd(b.isfinite());
      const close = near.logicalOr(a.eq(b));
      return equalNan ? close.logicalOr(a.isnan().logicalAnd(b.isnan())) : close;
    });
  },
  /** Whether all elements of both are close, and the shapes broadcast. */
  allclose(this: Tensor, other: Tensor, options: CloseOptions = {}): boolean {
    return tidy(() => this.isclose(other, options).all().item()) === 1;
  },
};
export type SpecialMethods = typeof specialMethods;

/** Shifts are of integers. */
function whole(op: string, ...operands: readonly [Operand, Operand]): readonly Operand[] {
  for (const o of operands) {
    const dtype = typeof o === "number" ? (Number.isInteger(o) ? "int32" : "float32") : o.dtype;
    if (isFloating(dtype) || dtype === "bool")
      throw new DTypeError(`${op}: of integers, got ${dtype}. Convert with .int().`, { dtype });
  }
  return operands;
}

const largest = {
  float64: Number.MAX_VALUE,
  float32: 3.4028234663852886e38,
  bfloat16: 3.3895313892515355e38,
  float16: 65504,
};
