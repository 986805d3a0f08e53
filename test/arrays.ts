// Arrays in a device's memory, for tests of kernels: numbers in, addresses out, and back. Draws are the same every time.

import type { Device } from "../src/ir/device.ts";

export type Real = "f32" | "f64";

/** Numbers in (-1, 1), as float32 holds them. */
export function draws(seed: number): () => number {
  let state = (seed * 2654435761 + 1) >>> 0;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return Math.fround((state / 2 ** 32) * 2 - 1);
  };
}

export class Arrays {
  readonly device: Device;
  readonly real: Real;
  readonly #addresses: number[] = [];
  readonly #next: () => number;

  constructor(device: Device, real: Real, seed = 1) {
    this.device = device;
    this.real = real;
    this.#next = draws(seed);
  }

  get bytes(): number {
    return this.real === "f32" ? 4 : 8;
  }
  #alloc(bytes: number): number {
    const address = this.device.alloc(Math.max(64, bytes));
    this.#addresses.push(address);
    return address;
  }
  /** Not a number, so that what is not written is found. */
  empty(n: number): number {
    const address = this.#alloc(n * this.bytes);
    this.#view(address, n).fill(Number.NaN);
    return address;
  }
  put(values: ArrayLike<number>): number {
    const address = this.#alloc(values.length * this.bytes);
    this.#view(address, values.length).set(values);
    return address;
  }
  ints(values: ArrayLike<number>): number {
    const address = this.#alloc(values.length * 4);
    this.device.i32.set(values, address / 4);
    return address;
  }
  get(address: number, n: number): number[] {
    return [...this.#view(address, n)];
  }
  getInts(address: number, n: number): number[] {
    return [...this.device.i32.subarray(address / 4, address / 4 + n)];
  }
  /** `n` numbers in (-scale, scale). */
  random(n: number, scale = 1): number[] {
    return Array.from({ length: n }, () => Math.fround(this.#next() * scale));
  }
  randomInts(n: number, limit: number): number[] {
    return Array.from({ length: n }, () => Math.floor(((this.#next() + 1) / 2) * limit));
  }
  free(): void {
    for (const address of this.#addresses) this.device.free(address);
    this.#addresses.length = 0;
  }

  #view(address: number, n: number): Float32Array | Float64Array {
    const { f32, f64 } = this.device;
    return this.real === "f32"
      ? f32.subarray(address / 4, address / 4 + n)
      : f64.subarray(address / 8, address / 8 + n);
  }
}

/** Throws unless all are close: |actual − expected| ≤ atol + rtol |expected|, NaN to NaN. */
export function assertClose(
  actual: readonly number[],
  expected: readonly number[],
  { rtol, atol }: { readonly rtol: number; readonly atol: number },
  what = "",
): void {
  if (actual.length !== expected.length)
    throw new Error(`${what}: ${actual.length} numbers, wanted ${expected.length}`);
  actual.forEach((a, i) => {
    const e = expected[i]!;
    const same = Object.is(a, e) || a === e || Math.abs(a - e) <= atol + rtol * Math.abs(e);
    if (!same) throw new Error(`${what}[${i}]: got ${a}, wanted ${e}, ${Math.abs(a - e)} apart`);
  });
}
