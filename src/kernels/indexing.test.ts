import assert from "node:assert/strict";
import { test } from "node:test";
import { Arrays } from "../../test/arrays.ts";
import { devices, testKernel } from "../../test/on-devices.ts";
import { IndexError } from "../base/errors.ts";
import { embeddingBackward, gather, indexAdd, indexSelect, scatterAdd } from "./indexing.ts";

const forms: readonly (readonly [outer: number, dim: number, inner: number, count: number])[] = [
  [1, 1, 1, 1],
  [1, 10, 33, 25],
  [3, 4, 1, 9],
  [2, 3000, 1, 4099],
  [2, 7, 130, 64],
  [1, 50, 200, 300],
];

for (const [outer, dim, inner, count] of forms) {
  testKernel(`picking and adding back over [${outer}, ${dim}, ${inner}] by ${count} ids`, (arrays) => {
    const { device, real: elem } = arrays;
    const x = arrays.random(outer * dim * inner);
    const g = arrays.random(outer * count * inner);
    const few = arrays.randomInts(count, dim);
    const many = arrays.randomInts(outer * count * inner, dim);
    const at = {
      ...{ select: arrays.empty(g.length), gather: arrays.empty(g.length) },
      ...{ add: arrays.put(x), scatter: arrays.put(x), embedding: arrays.empty(dim * inner) },
    };
    const form = { elem, outer, dim, inner, count };
    const [xs, gs, fews, manys] = [arrays.put(x), arrays.put(g), arrays.ints(few), arrays.ints(many)];
    indexSelect(device, { ...form, x: xs, ids: fews, y: at.select });
    gather(device, { ...form, x: xs, ids: manys, y: at.gather });
    indexAdd(device, { ...form, x: gs, ids: fews, y: at.add });
    scatterAdd(device, { ...form, x: gs, ids: manys, y: at.scatter });
    embeddingBackward(device, { ...form, x: gs, ids: fews, y: at.embedding, skip: 0 });

    const add = [...x];
    const scatter = [...x];
    const embedding = new Array<number>(dim * inner).fill(0);
    const select: number[] = [];
    const gathered: number[] = [];
    g.forEach((value, n) => {
      const [o, i, j] = [Math.floor(n / inner / count), Math.floor(n / inner) % count, n % inner];
      const [a, b] = [few[i]!, many[n]!].map((id) => (o * dim + id) * inner + j) as [number, number];
      select.push(x[a]!);
      gathered.push(x[b]!);
      add[a]! += value;
      scatter[b]! += value;
      if (o === 0 && few[i] !== 0) embedding[few[i]! * inner + j]! += value;
    });
    const get = (address: number, like: readonly number[]): number[] => arrays.get(address, like.length);
    return {
      actual: {
        ...{ select: get(at.select, select), gathered: get(at.gather, gathered) },
        ...{ add: get(at.add, add), scatter: get(at.scatter, scatter), embedding: get(at.embedding, embedding) },
      },
      expected: { select, gathered, add, scatter, embedding },
    };
  });
}

test("bytes and int64 are picked as they are; an id out of range is an IndexError", () => {
  for (const device of devices) {
    const arrays = new Arrays(device, "f32");
    const ids = arrays.ints([2, 0, 2]);
    const form = { outer: 1, dim: 3, inner: 5, count: 3, ids };
    const x = device.alloc(128);
    const y = device.alloc(128);
    device.u8.set(
      Array.from({ length: 15 }, (_, i) => 250 + i),
      x,
    );
    indexSelect(device, { ...form, elem: "u8", x, y });
    const wanted = [10, 11, 12, 13, 14, 0, 1, 2, 3, 4, 10, 11, 12, 13, 14].map((i) => (250 + i) % 256);
    assert.deepEqual([...device.u8.subarray(y, y + 15)], wanted);
    device.i64.set([1n, -(2n ** 60n), 3n], x / 8);
    gather(device, { ...form, elem: "i64", inner: 1, x, y });
    assert.deepEqual([...device.i64.subarray(y / 8, y / 8 + 3)], [3n, 1n, 3n]);
    assert.throws(() => indexSelect(device, { ...form, elem: "f32", dim: 2, x, y }), IndexError);
    device.free(x);
    device.free(y);
    arrays.free();
  }
});
