// From the 16 bits of a half to float32, exactly: one rule for whole tensors and for weights that a product reads in their own width.

import { and, bits, gt, mul, or, select, shl } from "./build.ts";
import type { Expr, Type } from "./ir.ts";
import { isVector } from "./ir.ts";

function floatLike(raw: Expr): Type {
  return isVector(raw.type) ? "f32x4" : "f32";
}

/** The bits of a bfloat16, zero-extended, as a float. */
export function bfloatToFloat(raw: Expr): Expr {
  return bits(floatLike(raw), shl(raw, 16));
}

/** The same of a float16: the exponent is moved by a multiplication that also normalises subnormals. */
export function halfToFloat(raw: Expr): Expr {
  const float = floatLike(raw);
  const sign = shl(and(raw, 0x8000), 16);
  const magnitude = shl(and(raw, 0x7fff), 13);
  const scaled = bits(raw.type, mul(bits(float, magnitude), 2 ** 112));
  const infinite = gt(magnitude, (0x7bff << 13) | 0x1fff); // exponent of all ones
  return bits(float, or(sign, select(infinite, or(magnitude, 0x7f800000), scaled)));
}
