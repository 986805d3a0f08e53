// Numbers that the generators of golden values draw too, so that they need not be written down.

import { fromArray } from "../src/tensor/create.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import "../src/tensor/tensor.ts"; // its methods, for tests that import none of it

/** Numbers in [-1, 1) of 12 bits; `draw` in scripts/goldens/common.py is the same. */
export function drawn(seed: number, shape: readonly number[]): Tensor {
  const out = new Float64Array(shape.reduce((n, s) => n * s, 1));
  let state = Number((BigInt(seed) * 2654435761n) % 4294967296n);
  for (let i = 0; i < out.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    out[i] = (state >>> 20) / 2048 - 1;
  }
  return fromArray(out, shape);
}
