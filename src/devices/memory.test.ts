import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../base/errors.ts";
import { type Backing, FlatMemory } from "./memory.ts";

const MiB = 2 ** 20;

/** Plain bytes; only lengths matter here, so they are not really there. */
class FakeBacking implements Backing {
  buffer = new ArrayBuffer(64);
  readonly maxBytes: number;
  readonly asked: number[] = [];
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
    this.#lie(16 * MiB);
  }
  grow(bytes: number): boolean {
    if (bytes > this.maxBytes) return false;
    this.asked.push(bytes);
    this.buffer = new ArrayBuffer(64);
    this.#lie(bytes);
    return true;
  }
  #lie(bytes: number): void {
    Object.defineProperty(this.buffer, "byteLength", { value: bytes });
  }
}

test("grows modestly, and more when more is needed", () => {
  const backing = new FakeBacking(1024 * MiB);
  const memory = new FlatMemory(backing, 65536, 1);
  memory.alloc(15 * MiB);
  assert.deepEqual(backing.asked, []);
  memory.alloc(2 * MiB);
  assert.deepEqual(backing.asked, [18 * MiB]);
  memory.alloc(200 * MiB);
  assert.equal(backing.asked.length, 2);
  assert.ok(backing.asked[1]! < 220 * MiB);
});

test("asks for dead blocks only beyond the mark, and grows no more than it must", () => {
  const backing = new FakeBacking(4096 * MiB);
  const memory = new FlatMemory(backing, 65536, 1);
  const dead: number[] = [];
  let rounds = 0;
  memory.onPressure = () => {
    rounds += 1;
    for (const address of dead) memory.free(address);
    return dead.splice(0).length > 0;
  };
  for (let i = 0; i < 1000; i++) {
    dead.push(memory.alloc(10 * MiB));
    if (i === 20) assert.equal(rounds, 0);
  }
  assert.ok(rounds >= 39 && rounds <= 45, `${rounds} rounds`);
  assert.ok(memory.memoryStats().reservedBytes <= 300 * MiB);
});

test("the mark follows what is live", () => {
  const memory = new FlatMemory(new FakeBacking(4096 * MiB), 65536, 1);
  let rounds = 0;
  memory.onPressure = () => {
    rounds += 1;
    return false;
  };
  for (let i = 0; i < 200; i++) memory.alloc(10 * MiB);
  assert.ok(rounds > 0 && rounds < 10, `${rounds} rounds for 2000 MiB`);
});

test("presses before it gives up, then says what is live", () => {
  const memory = new FlatMemory(new FakeBacking(100 * MiB), 65536, 1);
  const dead = [memory.alloc(60 * MiB)];
  memory.onPressure = () => {
    for (const address of dead) memory.free(address);
    return dead.splice(0).length > 0;
  };
  const live = memory.alloc(70 * MiB);
  assert.throws(
    () => memory.alloc(50 * MiB),
    (error: unknown) => {
      assert.ok(error instanceof DeviceError);
      assert.match(
        error.message,
        /asked for 50 MiB, while 70 MiB of 100 MiB are live in 1 blocks \(the largest: 70 MiB\)/,
      );
      assert.equal(error.facts.liveBytes, 70 * MiB);
      return true;
    },
  );
  memory.free(live);
  memory.free(memory.alloc(50 * MiB));
});
