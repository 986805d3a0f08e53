// A product of f32 may read its B as halves, in their own width: each is widened as it is loaded, never a whole copy.

import { load, load4 } from "../ir/build.ts";
import { bfloatToFloat, halfToFloat } from "../ir/half.ts";
import type { Expr } from "../ir/ir.ts";

/** How B's elements lie: as those of A, or as halves beside an A of f32. */
export type Half = "float16" | "bfloat16" | undefined;

export function bytesOfB(half: Half): 4 | 2 {
  return half === undefined ? 4 : 2;
}

/** The element of B at `base[index + offset]`, as f32. */
export function loadB(half: Half, base: Expr, index: Expr | number, offset = 0): Expr {
  return half === undefined ? load("f32", base, index, offset) : widened(half, load("u16", base, index, offset));
}

/** Four adjacent ones. */
export function loadB4(half: Half, base: Expr, index: Expr | number, offset = 0): Expr {
  return half === undefined ? load4("f32", base, index, offset) : widened(half, load4("u16", base, index, offset));
}

function widened(half: "float16" | "bfloat16", raw: Expr): Expr {
  return half === "float16" ? halfToFloat(raw) : bfloatToFloat(raw);
}
