// What the garbage collector frees; scopes and disposal are in test/portable/memory.portable.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { platform } from "#runtime/base/platform";
import { ones, zeros } from "./create.ts";
import { memoryStats } from "./memory.ts";
import { randn } from "./random.ts";
import { collect } from "./scope.ts";
import "./tensor.ts";

/** Handles that the engine's own stack may still name. */
const aFew = 10;

test("tensors that nobody holds are found by a forced collection, within the turn that made them", () => {
  const { forceGc } = platform;
  assert.ok(forceGc);
  collect(forceGc);
  const before = memoryStats().liveBlocks;
  const held = zeros([1000]);
  const view = (() => {
    const x = ones([1000]);
    for (let i = 0; i < 500; i++) x.add(i);
    return x.slice(0, 5);
  })();
  assert.ok(memoryStats().liveBlocks > before + 500);
  assert.ok(collect(forceGc));
  assert.ok(memoryStats().liveBlocks <= before + 2 + aFew);
  assert.deepEqual(view.sum().item(), 995);
  assert.equal(held.disposed, false);
});

test("a small tensor that lives on keeps only a few of its neighbours", () => {
  const { forceGc } = platform;
  assert.ok(forceGc);
  collect(forceGc);
  const before = memoryStats().liveBlocks;
  const held = Array.from({ length: 2000 }, (_, i) => ones([4]).mul(i)).filter((_, i) => i % 100 === 0);
  assert.ok(collect(forceGc));
  assert.ok(memoryStats().liveBlocks <= before + 8 * (held.length + aFew));
  assert.deepEqual(
    held.map((t) => t.sum().item()),
    held.map((_, i) => 400 * i),
  );
});

test("thousands of small tensors in one turn are found without pressure", () => {
  const before = memoryStats().liveBlocks;
  for (let i = 0; i < 300_000; i++) ones([2]);
  assert.ok(memoryStats().liveBlocks < before + 150_000);
});

test("a graph that is dropped goes as a whole", () => {
  const { forceGc } = platform;
  assert.ok(forceGc);
  const w = randn([32, 32], { requiresGrad: true });
  const build = (): void => {
    let h = w.exp();
    for (let i = 0; i < 50; i++) h = h.matmul(w).tanh();
  };
  build(); // kernels keep what they take on their first run
  collect(forceGc);
  const before = memoryStats().liveBlocks;
  build();
  collect(forceGc);
  assert.ok(memoryStats().liveBlocks <= before + aFew);
});

test("a program without scopes stays within bounds, though it never yields", () => {
  const megabyte = 2 ** 20;
  const before = memoryStats().reservedBytes;
  for (let i = 0; i < 400; i++) zeros([4 * megabyte]).add_(1); // 16 MB each, 6.4 GB in all
  assert.ok(memoryStats().reservedBytes < before + 1024 * megabyte, `${memoryStats().reservedBytes / megabyte} MB`);
});

test("what dies between turns is freed without anybody asking", async () => {
  const before = memoryStats().liveBlocks;
  for (let i = 0; i < 5000; i++) ones([8]);
  for (let turn = 0; turn < 50 && memoryStats().liveBlocks > before + 100; turn++) {
    await setTimeout(5);
    platform.forceGc?.();
  }
  assert.ok(memoryStats().liveBlocks <= before + 100);
});
