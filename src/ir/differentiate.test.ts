// Derivatives against differences of f64 values, and PyTorch's choices at corners.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as b from "./build.ts";
import { differentiate } from "./differentiate.ts";
import { interpret } from "./interpret.ts";
import type { Expr, Type, Var } from "./ir.ts";
import { printExpression } from "./print.ts";

const number = (name: string, id: number, type: Type = "f64"): Var => ({ k: "var", type, name, id });

/** The value of an expression of x and y. */
function evaluate(make: (x: Expr, y: Expr) => Expr, x: number, y: number): number {
  const memory = new ArrayBuffer(8);
  const k = b.kernel("value", { x: "f64", y: "f64" }, (k, p) =>
    k.store("f64", b.i32(0), 0, b.cast("f64", make(p.x, p.y))),
  );
  interpret(k, memory, [x, y], 0, 1, 0);
  return new Float64Array(memory)[0] ?? NaN;
}

const derivative =
  (f: (x: Expr, y: Expr) => Expr, by: 0 | 1) =>
  (x: Expr, y: Expr): Expr =>
    differentiate(f(x, y), [x, y][by] as Var); // the kernel's own parameters

const functions: Record<string, (x: Expr, y: Expr) => Expr> = {
  neg: b.neg,
  abs: b.abs,
  sqrt: (x) => b.sqrt(b.add(b.mul(x, x), 1)),
  "floor and others": (x, y) => b.add(b.mul(b.floor(x), y), b.mul(b.add(b.ceil(y), b.add(b.trunc(x), b.round(y))), x)),
  exp: b.exp,
  log: (x) => b.log(b.abs(x)),
  log1p: (x) => b.log1p(b.mul(x, x)),
  expm1: b.expm1,
  sin: b.sin,
  cos: b.cos,
  tanh: b.tanh,
  erf: b.erf,
  add: (x, y) => b.add(x, b.mul(y, 3)),
  sub: (x, y) => b.sub(b.mul(x, 2), y),
  mul: b.mul,
  div: b.div,
  rem: b.rem,
  min: b.min,
  max: (x, y) => b.max(b.mul(x, 2), y),
  pow: (x, y) => b.pow(b.abs(x), y),
  "pow by a number": (x, y) => b.add(b.pow(x, 3), b.add(b.pow(y, 1), b.mul(b.pow(x, 0), x))),
  select: (x, y) => b.select(b.lt(x, y), b.mul(x, y), b.exp(y)),
  fma: (x, y) => b.fma(x, y, b.sin(x)),
  casts: (x, y) => b.mul(b.cast("f64", b.cast("i32", b.mul(x, 9.7))), y),
  gelu: (x) => b.mul(b.mul(x, 0.5), b.add(b.erf(b.mul(x, Math.SQRT1_2)), 1)),
  shared: (x, y) => {
    const s = b.div(1, b.add(b.exp(b.neg(b.mul(x, y))), 1));
    return b.mul(s, b.mul(s, x));
  },
};

for (const [name, f] of Object.entries(functions)) {
  test(name, () => {
    const h = 1e-5;
    for (const [x, y] of [
      [0.7, 1.3],
      [-1.4, 0.6],
      [2.3, -0.45],
      [-0.33, -2.2],
    ] as const) {
      const [dx, dy] = ([0, 1] as const).map((by) => evaluate(derivative(f, by), x, y));
      const [nx, ny] = [
        (evaluate(f, x + h, y) - evaluate(f, x - h, y)) / (2 * h),
        (evaluate(f, x, y + h) - evaluate(f, x, y - h)) / (2 * h),
      ];
      for (const [got, want] of [
        [dx, nx],
        [dy, ny],
      ] as const) {
        assert.ok(Math.abs((got ?? NaN) - want) <= 1e-7 * (1 + Math.abs(want)), `at ${x}, ${y}: ${got}, not ${want}`);
      }
    }
  });
}

test("corners are PyTorch's", () => {
  const at = (f: (x: Expr, y: Expr) => Expr, by: 0 | 1, x: number, y: number): number =>
    evaluate(derivative(f, by), x, y);
  assert.equal(at(b.abs, 0, 0, 0), 0);
  assert.deepEqual([at(b.max, 0, 2, 2), at(b.max, 1, 2, 2), at(b.min, 0, 2, 2)], [0.5, 0.5, 0.5]);
  assert.deepEqual([at(b.max, 0, 1, 2), at(b.max, 1, 1, 2)], [0, 1]);
  assert.equal(at(b.pow, 0, 0, 0), 0);
  assert.equal(at(b.pow, 1, 0, 2), 0);
  assert.equal(at(b.pow, 0, -2, 3), 12);
});

test("the arm not taken has no say", () => {
  const safe = (x: Expr): Expr => b.select(b.gt(x, 0), b.log(x), b.mul(x, 0.5));
  assert.equal(evaluate(derivative(safe, 0), 0, 0), 0.5);
  const clipped = (x: Expr): Expr => b.max(b.sqrt(x), 1);
  assert.equal(evaluate(derivative(clipped, 0), 0, 0), 0);
});

test("what does not depend on the variable leaves no trace", () => {
  const [x, y] = [number("x", 0, "f32"), number("y", 1, "f32")];
  assert.equal(printExpression(differentiate(b.add(b.mul(x, 3), b.exp(y)), x)), "3");
  assert.equal(printExpression(differentiate(b.mul(b.load("f32", b.i32(0), 0), x), x)), "0[0]:f32");
  assert.equal(printExpression(differentiate(b.log(y), x)), "0");
});
