import assert from "node:assert/strict";
import { test } from "node:test";
import * as b from "./build.ts";
import { hoist } from "./hoist.ts";
import type { Expr, Kernel, Stmt } from "./ir.ts";
import { print } from "./print.ts";
import { scalarize } from "./scalarize.ts";
import { verify } from "./verify.ts";

const scale = b.kernel("scale", { x: "ptr", y: "ptr", a: "f32" }, (k, { x, y, a }) => {
  k.for(k.begin, k.end, 8, (i) => {
    const low = k.let("low", b.mul(b.load4("f32", x, i), b.splat(a)));
    k.if(b.lt(a, 1), () => k.store("f32", y, i, b.max(low, low), 4));
    k.store("f32", y, i, b.fma(low, low, 0.5));
  });
});

test("a kernel from the builder is well formed, and so is what becomes of it", () => {
  for (const k of [scale, hoist(scale), scalarize(scale), hoist(scalarize(scale))]) verify(k);
});

test("print shows statements, and names what one shares", () => {
  assert.equal(
    print(hoist(scale)),
    `kernel scale(x.3: ptr, y.4: ptr, a.5: f32; begin.0, end.1, thread.2)
  h.8 = f32x4(a.5)
  h.9 = (a.5 < 1)
  h.10 = 0.5:f32x4
  for i.6 = begin.0; i.6 < end.1; i.6 += 8
    low.7 = (x.3[i.6]:f32 x4 * h.8)
    if h.9
      y.4[i.6 + 4] = max(low.7, low.7) as f32 x4
    y.4[i.6] = fma(low.7, low.7, h.10) as f32 x4`,
  );
  const shared = b.kernel("shared", { x: "ptr" }, (k, { x }) => {
    const e = b.load("f32", x, k.begin);
    k.store("f32", x, k.begin, b.mul(e, e));
  });
  assert.match(print(shared), /\n {2}%0 = x\.3\[begin\.0\]:f32\n {2}x\.3\[begin\.0\] = \(%0 \* %0\) as f32$/);
});

test("what is wrong is named", () => {
  const wrong = (body: Stmt[], message: RegExp): void => {
    const kernel: Kernel = { ...scale, body, variables: 7 };
    assert.throws(() => verify(kernel), message);
  };
  const f: Expr = { k: "var", type: "f32", name: "f", id: 6 };
  const one = b.f32(1);
  wrong([{ k: "set", target: f, value: b.i32(1) }], /scale: f is f32, its value i32/);
  wrong([{ k: "set", target: { ...f, id: 7 }, value: one }], /variable 7 of 7/);
  wrong([{ k: "set", target: { ...f, id: 5 }, value: f }], /nothing sets f/);
  wrong(
    [{ k: "set", target: f, value: { k: "binary", type: "f32", op: "add", a: one, b: b.i32(1) } }],
    /add of f32 and i32/,
  );
  wrong([{ k: "while", condition: one, body: [] }], /a condition of type f32/);
  wrong(
    [{ k: "store", elem: "i32", base: b.i32(0), index: b.i32(0), offset: 0, value: one, lanes: 1 }],
    /f32 stored as i32/,
  );
  const counter = { ...f, type: "i32" } as const;
  wrong([{ k: "for", counter, from: b.i32(0), to: b.i32(1), step: b.i32(0), body: [] }], /step is not positive/);
});

test("the builder refuses what has no meaning", () => {
  assert.throws(() => b.pow(b.i32(2), 3), /pow of i32/);
  assert.throws(() => b.exp(b.i32(2)), /exp of i32/);
  assert.throws(() => b.add(b.i32(2), b.f32(1)), /add of i32 and f32/);
});
