// The interpreter is what everything else is compared with; here it is compared with the words of ir.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as b from "./build.ts";
import { interpret } from "./interpret.ts";
import type { Expr } from "./ir.ts";

/** The value of an expression without variables. */
function value(e: Expr): number {
  const memory = new ArrayBuffer(64);
  const k = b.kernel("value", {}, (k) => k.store("f64", b.i32(0), 0, b.cast("f64", e)));
  interpret(k, memory, [], 0, 1, 0);
  return new Float64Array(memory)[0] ?? NaN;
}
const { f32, i32, constant } = b;
const i64 = (n: number): Expr => constant("i64", n);

test("f32 is rounded after every operation", () => {
  assert.equal(value(b.add(f32(1), f32(2 ** -25))), 1);
  assert.equal(value(b.mul(f32(0.1), f32(3))), Math.fround(Math.fround(0.1) * 3));
  assert.equal(value(b.fma(f32(1 + 2 ** -12), f32(1 - 2 ** -12), f32(-1))), -(2 ** -24)); // rounded once
});

test("rounding is half to even and keeps zeros' signs", () => {
  assert.deepEqual(
    [0.5, 1.5, 2.5, -0.5, -1.5, 2 ** 53].map((x) => value(b.round(constant("f64", x)))),
    [0, 2, 2, -0, -2, 2 ** 53],
  );
});

test("integers wrap; division by zero is zero", () => {
  assert.equal(value(b.add(i32(2147483647), i32(1))), -2147483648);
  assert.equal(value(b.div(i32(-2147483648), i32(-1))), -2147483648);
  assert.deepEqual([value(b.div(i32(7), i32(0))), value(b.rem(i32(7), i32(0)))], [0, 0]);
  assert.deepEqual([value(b.div(i32(-7), i32(2))), value(b.rem(i32(-7), i32(2)))], [-3, -1]);
  assert.deepEqual(
    [value(b.shl(i32(1), i32(33))), value(b.shr(i32(-8), i32(1))), value(b.shru(i32(-8), i32(28)))],
    [2, -4, 15],
  );
  assert.equal(value(b.mul(i64(2 ** 62), i64(4))), 0);
  assert.equal(value(b.cast("i64", b.ltu(i32(1), i32(-1)))), 1);
});

test("NaN wins in min and max", () => {
  for (const op of ["min", "max"] as const) {
    assert.ok(Number.isNaN(value(b.binary(op, f32(NaN), f32(1)))));
    assert.ok(Number.isNaN(value(b.binary(op, f32(1), f32(NaN)))));
  }
});

test("casts truncate and saturate", () => {
  const inputs = [1.9, -1.9, NaN, 3e9, -3e9, Infinity];
  assert.deepEqual(
    inputs.map((x) => value(b.cast("i32", f32(x)))),
    [1, -1, 0, 2147483647, -2147483648, 2147483647],
  );
  assert.equal(value(b.cast("i64", constant("f64", 1e300))), 2 ** 63);
  assert.equal(value(b.cast("i32", i64(2 ** 32 + 5))), 5);
  assert.deepEqual(
    [0.5, 0, NaN].map((x) => value(b.cast("bool", f32(x)))),
    [1, 0, 1],
  );
});

test("bits", () => {
  assert.equal(value(b.bits("i32", f32(1))), 0x3f800000);
  assert.equal(value(b.bits("f32", i32(0x7f800000))), Infinity);
  assert.equal(value(b.bits("f64", b.bits("i64", constant("f64", -0)))), -0);
});

test("vectors: lanes, shuffles, masks, narrow elements", () => {
  const memory = new ArrayBuffer(256);
  new Int8Array(memory, 0, 8).set([1, -2, 3, -4, 5, 6, 7, 8]);
  const k = b.kernel("vectors", { x: "ptr", out: "ptr" }, (k, { x, out }) => {
    const v = b.load4("i8", x, 0);
    const w = b.load4("i8", x, 4);
    k.store("i32", out, 0, b.shuffle(v, w, [1, 7, 0, 4]));
    k.store("i32", out, 4, b.select(b.lt(v, 0), b.splat(b.lane(w, 2)), v));
    k.store("i32", out, 8, b.cast("i32x4", b.not(b.lt(v, 0))));
    k.store("i8", out, 48, b.mul(v, 100));
    k.store("i32", out, 16, w, 0, 1);
    k.store("i32", out, 16, b.loadSplat("u8", x, 1), 1);
  });
  interpret(k, memory, [0, 64], 0, 1, 0);
  const out = new Int32Array(memory, 64);
  assert.deepEqual([...out.slice(0, 12)], [-2, 8, 1, 5, 1, 7, 3, 7, 1, 0, 1, 0]);
  assert.deepEqual([...new Int8Array(memory, 64 + 48, 4)], [100, 56, 44, 112]);
  assert.deepEqual([...out.slice(16, 21)], [5, 254, 254, 254, 254]);
});

test("an address outside of memory throws", () => {
  const k = b.kernel("outside", { x: "ptr" }, (k, { x }) => k.store("i32", x, 3, i32(1)));
  assert.throws(() => interpret(k, new ArrayBuffer(16), [4], 0, 1, 0), RangeError);
});
