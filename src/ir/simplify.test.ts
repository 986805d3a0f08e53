import assert from "node:assert/strict";
import { test } from "node:test";
import * as b from "./build.ts";
import type { Expr, Type, Var } from "./ir.ts";
import { printExpression } from "./print.ts";
import { simplify } from "./simplify.ts";

const variable = (type: Type, name: string, id: number): Var => ({ k: "var", type, name, id });
const x = variable("f32", "x", 0);
const v = variable("f32x4", "v", 1);
const i = variable("i32", "i", 2);
const c = variable("bool", "c", 3);
const becomes = (e: Expr, text: string): void => assert.equal(printExpression(simplify(e)), text);

test("constants are computed as the machine would", () => {
  becomes(b.add(b.f32(0.1), b.f32(0.2)), String(Math.fround(Math.fround(0.1) + Math.fround(0.2))));
  becomes(b.mul(b.i32(65536), b.i32(65537)), "65536");
  becomes(b.cast("f64", b.f32(0.1)), `${Math.fround(0.1)}:f64`);
  becomes(b.select(b.lt(b.i32(1), b.i32(2)), x, 0), "x.0");
  becomes(b.shl(b.constant("i64", 1), b.constant("i64", 62)), `${2 ** 62}:i64`);
  becomes(b.splat(b.i32(3)), "3:i32x4");
});

test("neutral operands go, and only they", () => {
  becomes(b.mul(x, 1), "x.0");
  becomes(b.sub(x, 0), "x.0");
  becomes(b.add(x, 0), "(x.0 + 0)"); // -0 + 0 is 0
  becomes(b.mul(x, 0), "(x.0 * 0)"); // Infinity * 0 is NaN
  becomes(b.add(b.add(i, 3), -3), "i.2");
  becomes(b.and(i, -1), "i.2");
  becomes(b.neg(b.neg(v)), "v.1");
  becomes(b.xor(c, b.constant("bool", 1)), "~c.3");
});

test("cheaper operations of the same result", () => {
  becomes(b.mul(i, 8), "(i.2 << 3)");
  becomes(b.div(v, 4), "(v.1 * 0.25:f32x4)");
  becomes(b.div(v, 3), "(v.1 / 3:f32x4)");
  becomes(b.pow(x, 2), "(x.0 * x.0)");
  becomes(b.max(v, 0), "((v.1 < 0:f32x4) ? 0:f32x4 : v.1)");
  becomes(b.not(b.lt(i, 3)), "(i.2 >= 3)");
  becomes(b.not(b.lt(x, 3)), "~(x.0 < 3)"); // NaN is neither
});

test("what is shared stays shared", () => {
  const shared = b.add(b.mul(x, 1), 2);
  const e = simplify(b.mul(shared, shared));
  assert.ok(e.k === "binary" && e.a === e.b);
});
