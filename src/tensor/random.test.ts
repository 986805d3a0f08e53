// Streams, dtypes and errors; the numbers themselves are compared with PyTorch's in test/portable/random.portable.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ArgumentError, AutogradError, DTypeError, ShapeError } from "../base/errors.ts";
import { defaultGenerator, Generator, manualSeed } from "../base/random.ts";
import { defaultDevice } from "../devices/default.ts";
import { empty, ones, tensor, zeros } from "./create.ts";
import { dropout } from "./functional/activation.ts";
import { rand, randint, randLike, randn, randnLike, randperm } from "./random.ts";
import "./tensor.ts";

test("a generator of one's own leaves the default stream alone", () => {
  manualSeed(0);
  const first = rand([3]).tolist();
  manualSeed(0);
  const generator = new Generator(0);
  assert.deepEqual(rand([3], { generator }).tolist(), first);
  randn([20], { generator });
  randint(0, 9, [4], { generator });
  randperm(6, { generator });
  tensor([0.5, 0.5]).multinomial(1, { generator });
  tensor([0.5, 0.5]).bernoulli({ generator });
  empty([4]).exponential_(1, { generator }).bernoulli_(0.5, { generator }).uniform_(0, 1, { generator });
  dropout(ones([4]), 0.5, { generator });
  assert.deepEqual(rand([3]).tolist(), first);
});

test("results have the dtype asked for, or that of what they are like", () => {
  assert.equal(rand([2]).dtype, "float32");
  assert.equal(randn([2], { dtype: "float64" }).dtype, "float64");
  assert.equal(randint(0, 5, [2]).dtype, "int32");
  assert.equal(randint(0, 5, [2], { dtype: "int64" }).dtype, "int64");
  assert.equal(randperm(3).dtype, "int32");
  assert.equal(randLike(zeros([2, 3], { dtype: "float64" })).dtype, "float64");
  assert.deepEqual(randnLike(zeros([2, 3])).shape, [2, 3]);
  assert.equal(randn([2], { requiresGrad: true }).isLeaf, true);
  assert.equal(randn([2], { requiresGrad: true }).requiresGrad, true);
});

test("halves are drawn as float32 and rounded", () => {
  const draw = (dtype: "float32" | "bfloat16") => randn([5], { dtype, generator: new Generator(4) });
  assert.deepEqual(draw("bfloat16").tolist(), draw("float32").to("bfloat16").tolist());
});

test("empty tensors draw nothing", () => {
  manualSeed(1);
  const next = defaultGenerator.u32();
  manualSeed(1);
  rand([0, 3]);
  randn([0]);
  randperm(0);
  assert.equal(defaultGenerator.u32(), next);
});

test("what cannot be drawn is refused before the stream moves", () => {
  const before = JSON.stringify(defaultGenerator.state);
  assert.throws(() => randint(3, 3, [1]), ArgumentError);
  assert.throws(() => randint(0, 2, [-1]), ShapeError);
  assert.throws(() => rand([1.5]), ShapeError);
  assert.throws(() => empty([2], { dtype: "int32" }).uniform_(), DTypeError);
  assert.throws(() => empty([2]).normal_(0, -1), ArgumentError);
  assert.throws(() => empty([2]).bernoulli_(1.5), ArgumentError);
  assert.throws(() => empty([2]).bernoulli_(Number.NaN), ArgumentError);
  assert.throws(() => tensor([0, 0]).multinomial(1), ArgumentError);
  assert.throws(() => tensor([1, -1]).multinomial(1), ArgumentError);
  assert.throws(() => tensor([1, Number.NaN]).multinomial(1), ArgumentError);
  assert.throws(() => tensor([1, 2]).multinomial(3), ArgumentError);
  assert.throws(() => dropout(ones([2]), -0.1), ArgumentError);
  assert.throws(() => ones([2], { requiresGrad: true }).uniform_(), AutogradError);
  assert.equal(JSON.stringify(defaultGenerator.state), before);
});

test("multinomial never picks a weight of 0", () => {
  const picks = tensor([0, 3, 0, 1]).multinomial(200, { replacement: true }).toArray();
  assert.deepEqual([...new Set(picks)].sort(), [1, 3]);
  assert.deepEqual([...tensor([0, 3, 0, 1]).multinomial(2).toArray()].sort(), [1, 3]);
});

test("drawing in place changes the version, and the memory of the view alone", () => {
  const x = zeros([3, 4]);
  const { version } = x.storage;
  x.slice(1, 1, 3).uniform_(1, 2);
  assert.ok(x.storage.version > version);
  assert.deepEqual(x.gt(0).int().tolist(), [
    [0, 1, 1, 0],
    [0, 1, 1, 0],
    [0, 1, 1, 0],
  ]);
});

test("draws leave only their result behind", () => {
  const stats = () => defaultDevice().memoryStats().liveBlocks;
  const x = ones([6, 5]).t();
  const before = stats();
  const made = [
    rand([3]),
    randn([4, 5]),
    randint(0, 3, [2]),
    randperm(4),
    dropout(x, 0.5),
    tensor([1, 2]).multinomial(1),
  ];
  x.normal_().bernoulli_(0.3);
  for (const t of made) t.dispose();
  assert.equal(stats(), before + 1); // the weights of multinomial
});
