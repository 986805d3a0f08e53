// Scaled dot-product attention on a device: picks the kernel for the shape and runs it.
//
//   plain   float64, and what is tiny        one query after another, scalar
//   few     at most eight query rows a head  streams K and V
//   tiled   all else                         blocks of queries and keys, never a score matrix
//
// Results depend on the shape alone, never on the threads. A query that sees no key gives 0.

import type { Device } from "../ir/device.ts";
import { backwardTiled } from "./attention-backward.ts";
import { forwardFew, isFew } from "./attention-few.ts";
import { forwardTiled } from "./attention-forward.ts";
import { backwardPlain, forwardPlain } from "./attention-plain.ts";
import type { Attention, AttentionBackward, AttentionForward } from "./attention-problem.ts";

export { keptWeights } from "./attention-dropout.ts";
export type { AttentionBackward, AttentionForward, Mask, Rows, WeightDropout } from "./attention-problem.ts";

/** Multiplications up to which setting up tiles costs more than it saves. */
const tiny = 4096;

function isPlain({ dtype, B, H, Tq, Tk, D, Dv }: Attention): boolean {
  return dtype !== "f32" || B * H * Tq * Tk * (D + Dv) <= tiny || D === 0 || Dv === 0;
}

export function attention(device: Device, p: AttentionForward): void {
  if (isPlain(p)) forwardPlain(device, p);
  else if (isFew(p)) forwardFew(device, p);
  else forwardTiled(device, p);
}

export function attentionBackward(device: Device, p: AttentionBackward): void {
  if (isPlain(p)) backwardPlain(device, p);
  else backwardTiled(device, p);
}
