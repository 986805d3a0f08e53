// What PyTorch's samples do not ask: second derivatives, strided inputs, and refusals.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ArgumentError, DTypeError, IndexError, ShapeError } from "../base/errors.ts";
import { arange, emptyLike, ones, tensor, zeros } from "./create.ts";
import { gradcheck, gradgradcheck } from "./gradcheck.ts";
import { searchsorted } from "./searching.ts";
import { broadcastTensors, hstack, meshgrid } from "./stacking.ts";
import type { Tensor } from "./tensor.ts";
import "./tensor.ts";

const matrix = (): Tensor =>
  tensor(
    [
      [0.5, -1.2, 2],
      [1.5, 0.3, -0.7],
      [0.9, 1.1, -2.1],
    ],
    { dtype: "float64" },
  );
const ids = (...list: number[]): Tensor => tensor(list, { dtype: "int32" });
const crowded = tensor(
  [
    [0, 0, 1],
    [0, 2, 2],
    [0, 1, 1],
  ],
  { dtype: "int32" },
);
const table = tensor(
  [
    [0, 2, 1],
    [2, 1, 0],
  ],
  { dtype: "int32" },
);

const differentiable: { readonly [name: string]: (x: Tensor) => Tensor } = {
  roll: (x) => x.roll([1, -1], [0, 1]),
  rot90: (x) => x.t().rot90(3),
  diagEmbed: (x) => x.diagEmbed(1, 0, 2),
  unfold: (x) => x.unfold(1, 2, 1),
  asStrided: (x) => x.asStrided([2, 3], [1, 2], 1),
  take: (x) => x.take(ids(-1, 0, 0, 4)),
  reflected: (x) => x.pad([2, 1], "reflect"),
  turnedRound: (x) => x.pad([-1, 2, 3, 0], "circular"),
  gather: (x) => x.t().gather(1, table),
  indexCopy: (x) => x.indexCopy(1, ids(2, 0), x.narrow(1, 1, 2)),
  indexPut: (x) => x.indexPut([ids(0, 0)], x.narrow(0, 1, 2), { accumulate: true }),
  scattered: (x) => x.scatter(1, table, x),
  multiplied: (x) => x.scatterReduce(1, table, x, "prod"),
  multipliedTogether: (x) => x.scatterReduce(0, crowded, x.t(), "prod"),
  largestOfMany: (x) => x.scatterReduce(0, crowded, x.t().mul(2), "amin", { includeSelf: false }),
  averaged: (x) => x.scatterReduce(0, table, x, "mean", { includeSelf: false }),
  largest: (x) => x.scatterReduce(0, table, x.mul(3), "amax"),
  kthvalue: (x) => x.kthvalue(2, { dim: 0 }).values,
  cumprod: (x) => x.cumprod(1),
  logcumsumexp: (x) => x.t().logcumsumexp(0),
  cummax: (x) => x.cummax(0).values,
};
for (const [name, f] of Object.entries(differentiable)) {
  test(`${name}: gradients of first and second order`, () => {
    const cube = (x: Tensor): Tensor => f(x).pow(3); // so that the second is not 0
    assert.ok(gradcheck(cube, [matrix().requiresGrad_()]));
    assert.ok(gradgradcheck(cube, [matrix().requiresGrad_()]));
  });
}

test("a product with a 0 in it has a gradient all the same", () => {
  const x = tensor([2, 0, 3], { dtype: "float64", requiresGrad: true });
  x.cumprod(0).sum().backward();
  assert.deepEqual(x.grad!.tolist(), [1, 8, 0]);
});

test("views stay views", () => {
  const x = zeros([4]);
  x.unfold(0, 2, 2).select(0, 1).fill_(5);
  x.asStrided([1], [1], 0).fill_(3);
  assert.deepEqual(x.tolist(), [3, 0, 5, 5]);
  const [rows] = meshgrid([arange(2), arange(3)]);
  assert.equal(rows!.strides[1], 0);
});

test("sums of narrow integers come round, bools are or-ed", () => {
  const bytes = tensor([250, 1], { dtype: "uint8" });
  assert.deepEqual(bytes.indexAdd(0, ids(0), tensor([10], { dtype: "uint8" })).tolist(), [4, 1]);
  const bits = tensor([true, false]).scatterAdd(0, ids(0, 0, 1), tensor([true, true, false]));
  assert.deepEqual(bits.tolist(), [true, false]);
});

const refused: { readonly [what: string]: readonly [new (...args: never[]) => Error, () => unknown] } = {
  "a roll without shifts": [ArgumentError, () => matrix().roll([])],
  "reflecting further than the dimension": [ArgumentError, () => matrix().pad([3, 0], "reflect")],
  "a view beyond its storage": [IndexError, () => matrix().asStrided([10], [1], 0)],
  "a window wider than the dimension": [ShapeError, () => matrix().unfold(0, 4, 1)],
  "no tensors": [ArgumentError, () => hstack([])],
  "shapes that do not broadcast": [ShapeError, () => broadcastTensors(zeros([2]), zeros([3]))],
  "sums of another dtype": [DTypeError, () => matrix().scatterAdd(0, table, table)],
  "scattering beyond the end": [IndexError, () => matrix().scatter(0, ids(3).reshape(1, 1), 1)],
  "a mask of numbers": [DTypeError, () => matrix().maskedScatter(matrix(), matrix())],
  "fewer elements than places": [
    ArgumentError,
    () => matrix().maskedScatter(matrix().ne(9), zeros([2], { dtype: "float64" })),
  ],
  "counting negative numbers": [IndexError, () => ids(-1).bincount()],
  "a rank outside the dimension": [IndexError, () => matrix().kthvalue(4)],
  "rows that do not match": [ShapeError, () => searchsorted(zeros([2, 3]), zeros([3, 3]))],
};
for (const [what, [kind, call]] of Object.entries(refused)) {
  test(`refuses ${what}`, () => {
    assert.throws(call, kind);
  });
}

test("emptyLike has the shape and the dtype", () => {
  const like = emptyLike(table);
  assert.deepEqual([like.shape, like.dtype], [table.shape, "int32"]);
});

test("halves are added up in float32", () => {
  const one = tensor([1], { dtype: "bfloat16" });
  const many = ones([300], { dtype: "bfloat16" });
  const sum = one.indexAdd(0, zeros([300], { dtype: "int32" }), many);
  assert.deepEqual([sum.dtype, sum.tolist()], ["bfloat16", [300]]); // 301 rounded; one by one it stays at 256
});

test("strided and stretched inputs", () => {
  const x = arange(6).float().reshape(2, 3).t();
  assert.deepEqual(x.scatter(0, ids(1).reshape(1, 1).expand(1, 2), 9).tolist(), [
    [0, 3],
    [9, 9],
    [2, 5],
  ]);
  const stretched = ids(1).expand(4);
  assert.deepEqual(
    zeros([2])
      .indexAdd(0, stretched, ones([1]).expand(4))
      .tolist(),
    [0, 4],
  );
  assert.deepEqual(x.cummax(1).indices.tolist(), [
    [0, 1],
    [0, 1],
    [0, 1],
  ]);
  assert.deepEqual(x.unique().counts.tolist(), [1, 1, 1, 1, 1, 1]);
});
