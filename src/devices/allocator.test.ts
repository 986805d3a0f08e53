import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../base/errors.ts";
import { Allocator } from "./allocator.ts";

const KiB = 2 ** 10;
const MiB = 2 ** 20;
const start = 64 * KiB;

/** Small deterministic generator: a failure can be run again. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Blocks that must neither overlap nor leave the space. */
function checkDisjoint(blocks: ReadonlyMap<number, number>, end: number): void {
  let reached = start;
  for (const [address, bytes] of [...blocks].sort((a, b) => a[0] - b[0])) {
    assert.equal(address % 64, 0);
    assert.ok(address >= reached, `block at ${address} begins before ${reached}`);
    reached = address + bytes;
  }
  assert.ok(reached <= end);
}

for (const seed of [1, 2, 3, 4]) {
  test(`random use keeps blocks apart and comes back to one hole (seed ${seed})`, () => {
    const random = generator(seed);
    const allocator = new Allocator(start, 64 * MiB);
    const live = new Map<number, number>();
    let liveBytes = 0;
    let peakBytes = 0;
    for (let step = 0; step < 20000; step++) {
      if (live.size > 0 && random(100) < (step % 4000 < 2000 ? 45 : 55)) {
        const [address, bytes] = [...live][random(live.size)]!;
        allocator.free(address);
        live.delete(address);
        liveBytes -= bytes;
      } else {
        const bytes = random(random(random(4) === 0 ? 2 * MiB : 8 * KiB) + 1);
        const address = allocator.alloc(bytes);
        if (address === 0) continue;
        assert.ok(!live.has(address));
        const rounded = Math.max(Math.ceil(bytes / 64), 1) * 64;
        live.set(address, rounded);
        liveBytes += rounded;
        peakBytes = Math.max(peakBytes, liveBytes);
      }
      if (step % 500 === 0) checkDisjoint(live, allocator.endBytes);
      assert.equal(allocator.stats.liveBytes, liveBytes);
      assert.equal(allocator.stats.liveBlocks, live.size);
    }
    assert.equal(allocator.stats.peakBytes, peakBytes);
    for (const address of live.keys()) allocator.free(address);
    assert.equal(allocator.stats.liveBytes, 0);
    assert.deepEqual(allocator.largest(1), { live: [], free: 64 * MiB - start });
    assert.equal(allocator.alloc(64 * MiB - start), start);
  });
}

test("never hands out address 0 and says 0 when nothing fits", () => {
  const allocator = new Allocator(start, MiB);
  assert.equal(allocator.alloc(0), start);
  assert.equal(allocator.alloc(MiB), 0);
  assert.notEqual(allocator.alloc(100), 0); // small blocks do without a chunk of their own when there is none
});

test("a block freed twice, a foreign and an odd address are errors", () => {
  const allocator = new Allocator(start, MiB);
  const address = allocator.alloc(1000);
  assert.throws(() => allocator.free(address + 64), DeviceError);
  assert.throws(() => allocator.free(address + 4), DeviceError);
  assert.throws(() => allocator.free(-64), DeviceError);
  assert.throws(() => allocator.free(2 ** 40), DeviceError);
  allocator.free(address);
  assert.throws(() => allocator.free(address), /freed before/);
  assert.throws(() => allocator.alloc(-1), DeviceError);
  assert.throws(() => allocator.alloc(Number.NaN), DeviceError);
});

test("addresses reach to 4 GiB", () => {
  const allocator = new Allocator(start, 4 * KiB * MiB);
  const low = allocator.alloc(3 * KiB * MiB);
  const high = allocator.alloc(512 * MiB);
  assert.equal(low, start);
  assert.equal(high, start + 3 * KiB * MiB);
  allocator.free(high);
  allocator.free(low);
  assert.equal(allocator.largest(1).free, 4 * KiB * MiB - start);
});

test("growing joins the hole at the end, and endFor says how far to grow", () => {
  const allocator = new Allocator(start, MiB);
  const first = allocator.alloc(512 * KiB);
  assert.equal(allocator.alloc(MiB), 0);
  const end = allocator.endFor(MiB);
  assert.equal(end, start + 512 * KiB + MiB);
  allocator.extend(end);
  assert.equal(allocator.alloc(MiB), first + 512 * KiB);
  allocator.extend(allocator.endFor(10));
  assert.notEqual(allocator.alloc(10), 0);
});

test("a freed size is handed out again", () => {
  const allocator = new Allocator(start, 64 * MiB);
  const sizes = [64, 4096, 100 * KiB, 3 * MiB, 40 * KiB];
  const step = (): number[] => {
    const blocks = sizes.map((bytes) => allocator.alloc(bytes));
    for (const address of blocks) allocator.free(address);
    return blocks;
  };
  const first = step();
  for (let i = 0; i < 10; i++) assert.deepEqual(step(), first);
});

test("small blocks that stay do not cut up large holes", () => {
  const allocator = new Allocator(start, 64 * MiB);
  for (let i = 0; i < 30; i++) {
    const large = allocator.alloc(2 * MiB);
    assert.notEqual(allocator.alloc(128), 0); // stays
    allocator.free(large);
  }
  assert.ok(allocator.largest(1).free > 60 * MiB);
});

test("reserved blocks are not in the statistics", () => {
  const allocator = new Allocator(start, 64 * MiB);
  allocator.reserve(MiB);
  assert.equal(allocator.stats.liveBytes, 0);
  assert.equal(allocator.stats.liveBlocks, 0);
  assert.equal(allocator.stats.peakBytes, 0);
});
