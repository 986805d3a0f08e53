// Weights laid out for the register tile and kept while they are used again and again without gradients, as in inference. A copy
// is made at the second use of the same values; it goes with the weight, with the first use that records a gradient, and is made
// anew after a write. It takes as much memory again as the weight, so all together have a budget.

import { DeviceError } from "../base/errors.ts";
import { packB, packedBytes } from "../kernels/matmul-packed.ts";
import type { Tensor } from "./core.ts";
import type { Derived, Storage } from "./storage.ts";

/**
 * Rows of the input for which a copy pays: more share the cost of laying the weight out (bench/weights.ts). Fewer are added up in
 * another order where the weight lies as it is, so that its second use would give other bits than the first.
 */
const fewest = 9;
const most = 256;
/** Bytes of all copies together: enough for the layers of an encoder of BERT-base's size. */
let budget = 2 ** 29;
let used = 0;

/** Bytes that copies of weights take now; they count among the live bytes of `memoryStats()`. */
export function packedWeightBytes(): number {
  return used;
}

/**
 * Sets how many bytes packed copies of weights may take together (at the start 512 MiB), and returns what it was. `linear` without
 * gradients packs a float32 weight at its second use with the same values, for 9 to 256 rows; with 0 it packs none.
 */
export function setPackedWeightBudget(bytes: number): number {
  const before = budget;
  budget = bytes;
  return before;
}

/** What is known of a weight's memory: that these values were used, and after that the copy. */
class Pack implements Derived {
  readonly version: number;
  readonly key: string;
  address: number | undefined;
  #bytes = 0;
  readonly #storage: Storage;

  constructor(weight: Tensor) {
    this.#storage = weight.storage;
    this.version = weight.storage.version;
    this.key = keyOf(weight);
  }

  make(weight: Tensor): void {
    const [N, K] = weight.shape as [number, number]; // a matrix, as the caller has checked
    const [bCol, bRow] = weight.strides as [number, number];
    const bytes = packedBytes(N, K);
    if (used + bytes > budget) return;
    try {
      this.address = packB(weight.device, { N, K, b: weight.address, bRow, bCol }).address;
    } catch (error) {
      if (error instanceof DeviceError) return; // no memory for it: the weight itself will do
      throw error;
    }
    this.#bytes = bytes;
    used += bytes;
  }

  drop(): void {
    if (this.address === undefined) return;
    this.#storage.device.free(this.address);
    this.address = undefined;
    used -= this.#bytes;
  }
}

function keyOf({ shape, strides, offset }: Tensor): string {
  return `${shape}/${strides}/${offset}`;
}

/** The address of the weight's copy for so many rows; undefined where there is none or it would not pay. */
export function packedWeight(weight: Tensor, rows: number): number | undefined {
  if (budget === 0 || rows < fewest || rows > most || weight.dtype !== "float32") return undefined;
  const [N, K] = weight.shape as [number, number]; // a matrix, as the caller has checked
  if (N < 16 || N * K < 2 ** 14) return undefined;
  const { storage } = weight;
  const known = storage.derived;
  if (!(known instanceof Pack) || known.version !== storage.version || known.key !== keyOf(weight)) {
    known?.drop();
    storage.derived = new Pack(weight);
    return undefined;
  }
  if (known.address === undefined) known.make(weight);
  return known.address;
}

/** Lets go of a weight's copy: it is being trained. */
export function unpackWeight({ storage }: Tensor): void {
  storage.derived?.drop();
  storage.derived = undefined;
}
