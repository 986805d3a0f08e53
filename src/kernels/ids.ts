// Checks int32 ids before a kernel uses them as indexes. Few are looked at here; many by the threads, a chunk each.

import { IndexError } from "../base/errors.ts";
import { add, and, cast, eq, kernel, load, ltu, min, mul, not, or, sub } from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Kernel } from "../ir/ir.ts";

export interface Ids {
  /** Address of `count` int32. */
  readonly ids: number;
  readonly count: number;
  /** The first number that is too large. */
  readonly limit: number;
  /** A number that is allowed anywhere. */
  readonly allowed?: number | undefined;
}

const chunk = 32768;

/** Throws IndexError if one is negative or not below the limit. `what` begins the message: "embedding: id". */
export function checkIds(device: Device, what: string, ids: Ids): void {
  const position = firstOutside(device, ids);
  if (position < 0) return;
  const { limit } = ids;
  const found = device.i32[ids.ids / 4 + position]!;
  throw new IndexError(`${what} ${found} at position ${position} is out of range: wanted 0 to ${limit - 1}.`, {
    found,
    position,
    limit,
  });
}

/** The position of the first one out of range, or -1. */
export function firstOutside(device: Device, ids: Ids): number {
  const { count } = ids;
  if (count <= chunk) return search(device, ids, 0, count);
  const chunks = Math.ceil(count / chunk);
  const flags = device.alloc(4 * chunks);
  try {
    const compiled = device.compile("ids/outside", outsideKernel);
    const allowed = ids.allowed ?? 0; // an id that is allowed anyway
    device.run(compiled, [ids.ids, flags, count, ids.limit, allowed, ids.limit > 0 ? 1 : 0], chunks, 1);
    const bad = device.i32.subarray(flags / 4, flags / 4 + chunks).indexOf(1);
    return bad < 0 ? -1 : search(device, ids, bad * chunk, Math.min(count, (bad + 1) * chunk));
  } finally {
    device.free(flags);
  }
}

function search(device: Device, { ids, limit, allowed }: Ids, from: number, to: number): number {
  const { i32 } = device;
  const base = ids / 4;
  for (let i = from; i < to; i++) {
    const id = i32[base + i]!;
    if ((id < 0 || id >= limit) && id !== allowed) return i;
  }
  return -1;
}

function outsideKernel(): Kernel {
  const params = { ids: "ptr", flags: "ptr", count: "i32", limit: "i32", allowed: "i32", some: "i32" } as const;
  return kernel("ids_outside", params, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const from = k.let("from", mul(task, chunk));
      const to = k.let("to", add(from, min(sub(p.count, from), chunk)));
      const bad = k.let("bad", eq(p.some, 0));
      k.for(from, to, 1, (i) => {
        const id = k.let("id", load("i32", p.ids, i));
        k.set(bad, or(bad, and(not(ltu(id, p.limit)), not(eq(id, p.allowed)))));
      });
      k.store("i32", p.flags, task, cast("i32", bad));
    });
  });
}
