// One flat memory that grows: blocks by byte address, and views over the whole. Before it grows beyond a mark it asks
// its owner to let go of what is dead, since memory once taken is never given back.

import { DeviceError } from "../base/errors.ts";
import type { MemoryStats } from "../ir/device.ts";
import { Allocator } from "./allocator.ts";

/** Where the bytes come from. */
export interface Backing {
  /** The bytes as they are now; a new object after each growth. */
  readonly buffer: ArrayBufferLike;
  readonly maxBytes: number;
  /** Makes the buffer at least `bytes` long, or says that it cannot be. */
  grow(bytes: number): boolean;
}

/** Below this much memory nobody is asked to free anything. */
const firstMark = 256 * 2 ** 20;

export class FlatMemory {
  f32!: Float32Array;
  f64!: Float64Array;
  i32!: Int32Array;
  u8!: Uint8Array;
  i64!: BigInt64Array;
  onPressure: (() => boolean) | undefined = undefined;
  onCompile: ((kernel: string, startMs: number, endMs: number) => void) | undefined = undefined;

  readonly threads: number;

  readonly #backing: Backing;
  readonly #allocator: Allocator;
  #mark = firstMark;
  #pressing = false;
  #scratch = 0;
  #scratchBytes = 0;

  /** Blocks lie above the first `reserved` bytes, which belong to the device. */
  constructor(backing: Backing, reserved: number, threads: number) {
    this.threads = threads;
    this.#backing = backing;
    this.#allocator = new Allocator(reserved, backing.buffer.byteLength);
    this.#view();
  }

  alloc(bytes: number): number {
    const address = this.#allocator.alloc(bytes);
    return address !== 0 ? address : this.#makeRoom(bytes, (b) => this.#allocator.alloc(b));
  }

  free(address: number): void {
    this.#allocator.free(address);
  }

  /** Memory for the device itself: never freed, not in the statistics. */
  protected reserve(bytes: number): number {
    const address = this.#allocator.reserve(bytes);
    return address !== 0 ? address : this.#makeRoom(bytes, (b) => this.#allocator.reserve(b));
  }

  /** Grows by doubling and is never freed: launches that are already written may still name the old place. */
  scratch(bytesPerThread: number): number {
    const bytes = bytesPerThread * this.threads;
    if (bytes > this.#scratchBytes) {
      const roomy = Math.max(bytes, 2 * this.#scratchBytes, 2 ** 16);
      this.#scratch = this.reserve(roomy);
      this.#scratchBytes = roomy;
    }
    return this.#scratch;
  }

  memoryStats(): MemoryStats {
    const { buffer, maxBytes } = this.#backing;
    return { ...this.#allocator.stats, reservedBytes: buffer.byteLength, limitBytes: maxBytes };
  }

  resetPeak(bytes = 0): void {
    this.#allocator.resetPeak(bytes);
  }

  #makeRoom(bytes: number, alloc: (bytes: number) => number): number {
    let address = 0;
    if (this.#allocator.endFor(bytes) > this.#mark && this.#press()) address = alloc(bytes);
    if (address === 0 && !this.#grow(bytes) && this.#press()) {
      address = alloc(bytes);
      if (address === 0) this.#grow(bytes); // less is missing now
    }
    if (address === 0) address = alloc(bytes);
    if (address === 0) throw this.#exhausted(bytes);
    return address;
  }

  /** Grows by what is needed, or a little more; false if that cannot be. */
  #grow(bytes: number): boolean {
    const { buffer, maxBytes } = this.#backing;
    const needed = this.#allocator.endFor(bytes);
    const roomy = Math.min(maxBytes, Math.max(needed, Math.ceil(buffer.byteLength * 1.125)));
    if (needed > maxBytes || !(this.#backing.grow(roomy) || this.#backing.grow(needed))) return false;
    this.#view();
    this.#allocator.extend(this.#backing.buffer.byteLength);
    return true;
  }

  /** Asks for dead blocks; true if any came back. */
  #press(): boolean {
    if (this.onPressure === undefined || this.#pressing) return false;
    this.#pressing = true;
    try {
      return this.onPressure();
    } finally {
      this.#pressing = false;
      this.#mark = Math.max(2 * this.#allocator.stats.liveBytes, firstMark);
    }
  }

  #exhausted(bytes: number): DeviceError {
    const { liveBytes, liveBlocks } = this.#allocator.stats;
    const { live, free } = this.#allocator.largest(5);
    const reservedBytes = this.#backing.buffer.byteLength;
    return new DeviceError(
      `alloc: out of memory: asked for ${size(bytes)}, while ${size(liveBytes)} of ${size(this.#backing.maxBytes)} are live ` +
        `in ${liveBlocks} blocks (the largest: ${live.map(size).join(", ") || "none"}) and the largest hole has ${size(free)}. ` +
        "Try a smaller batch, gradient accumulation or checkpointing, or dispose of tensors you no longer need.",
      { bytes, liveBytes, liveBlocks, reservedBytes, largestBlocks: live, largestHole: free },
    );
  }

  #view(): void {
    const { buffer } = this.#backing;
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u8 = new Uint8Array(buffer);
    this.i64 = new BigInt64Array(buffer);
  }
}

function size(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"] as const;
  let scaled = bytes;
  let unit = 0;
  for (; scaled >= 1024 && unit < units.length - 1; unit += 1) scaled /= 1024;
  return `${Number(scaled.toPrecision(4))} ${units[unit]}`;
}
