// The indices of bytes other than 0, as rows of coordinates, in order: counted block by block, then written from where the
// blocks before end.

import { add, cast, div, i32, kernel, load, min, mul, ne, rem, sub } from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Kernel } from "../ir/ir.ts";

export interface Nonzero {
  /** Bytes, row-major. */
  readonly x: number;
  readonly shape: readonly number[];
}

const block = 4096;

/** Asks `place` for the address of int32 [count, dimensions], and fills it. */
export function nonzero(device: Device, { x, shape }: Nonzero, place: (count: number) => number): void {
  const n = shape.reduce((product, size) => product * size, 1);
  const blocks = Math.ceil(n / block);
  const counts = device.alloc(4 * (blocks + shape.length));
  const sizes = counts + 4 * blocks;
  try {
    device.run(device.compile("nonzero/count", countKernel), [x, counts, n], blocks, 4);
    const total = toStarts(device.i32.subarray(counts / 4, counts / 4 + blocks));
    const out = place(total);
    if (total === 0 || shape.length === 0) return;
    device.i32.set(shape, sizes / 4);
    const args = [x, counts, n, sizes, shape.length, out];
    device.run(device.compile("nonzero/write", writeKernel), args, blocks, 4);
  } finally {
    device.free(counts);
  }
}

/** Each count becomes the sum of those before it; returns the sum of all. */
function toStarts(counts: Int32Array): number {
  let sum = 0;
  counts.forEach((count, i) => {
    counts[i] = sum;
    sum += count;
  });
  return sum;
}

function countKernel(): Kernel {
  return kernel("nonzero_count", { x: "ptr", counts: "ptr", n: "i32" }, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const from = k.let("from", mul(task, block));
      const count = k.let("count", i32(0));
      k.for(from, add(from, min(sub(p.n, from), block)), 1, (i) => {
        k.set(count, add(count, cast("i32", ne(load("u8", p.x, i), 0))));
      });
      k.store("i32", p.counts, task, count);
    });
  });
}

function writeKernel(): Kernel {
  const params = { x: "ptr", counts: "ptr", n: "i32", sizes: "ptr", dims: "i32", out: "ptr" } as const;
  return kernel("nonzero_write", params, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const from = k.let("from", mul(task, block));
      const at = k.let("at", mul(load("i32", p.counts, task), p.dims));
      k.for(from, add(from, min(sub(p.n, from), block)), 1, (i) => {
        k.if(ne(load("u8", p.x, i), 0), () => {
          const rest = k.let("rest", i);
          k.set(at, add(at, p.dims));
          k.for(1, p.dims, 1, (d) => {
            const size = k.let("size", load("i32", p.sizes, sub(p.dims, d)));
            k.store("i32", p.out, sub(at, d), rem(rest, size));
            k.set(rest, div(rest, size));
          });
          k.store("i32", p.out, sub(at, p.dims), rest);
        });
      });
    });
  });
}
