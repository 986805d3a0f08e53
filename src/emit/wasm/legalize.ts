// Operations that WebAssembly lacks, by ones that it has: integer abs, min and max, what has no vector form, and
// remainders of f32, which are exact in f64.

import { cast, gt, lane, lt, select, shr, shuffle, splat, sub, xor } from "../../ir/build.ts";
import type { Expr, Kernel } from "../../ir/ir.ts";
import { isVector, laneOf } from "../../ir/ir.ts";
import { mapExpressions, rewriter, withChildren } from "../../ir/walk.ts";

export function legalize(kernel: Kernel): Kernel {
  return { ...kernel, body: kernel.body.map((s) => mapExpressions(s, rewriter(legal))) };
}

function legal(e: Expr): Expr {
  if (e.k === "unary") return e.op === "abs" && (e.type === "i32" || e.type === "i64") ? absolute(e.a) : e;
  if (e.k !== "binary") return e;
  const scalar = laneOf(e.type);
  const long = scalar === "i32" || scalar === "i64";
  switch (e.op) {
    case "rem":
      if (isVector(e.type)) return byLanes(e);
      return e.type === "f32"
        ? cast("f32", withChildren({ ...e, type: "f64" }, [cast("f64", e.a), cast("f64", e.b)]))
        : e;
    case "div":
      return long && isVector(e.type) ? byLanes(e) : e;
    case "min":
      return long && !isVector(e.type) ? select(lt(e.a, e.b), e.a, e.b) : e;
    case "max":
      return long && !isVector(e.type) ? select(gt(e.a, e.b), e.a, e.b) : e;
    default:
      return e;
  }
}

/** `(x ^ sign) - sign`, the sign being 0 or -1 */
function absolute(x: Expr): Expr {
  const sign = shr(x, x.type === "i32" ? 31 : 63);
  return sub(xor(x, sign), sign);
}

/** A vector operation as four scalar ones. */
function byLanes(e: Extract<Expr, { readonly k: "binary" }>): Expr {
  const one = (l: number): Expr => splat(legal({ ...e, type: laneOf(e.type), a: lane(e.a, l), b: lane(e.b, l) }));
  return shuffle(shuffle(one(0), one(1), [0, 4, 0, 4]), shuffle(one(2), one(3), [0, 4, 0, 4]), [0, 1, 4, 5]);
}
