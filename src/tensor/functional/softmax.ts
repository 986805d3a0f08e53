// Softmax as functions.

import type { Tensor } from "../core.ts";

/** `e^x / Σ e^x` along `dim`. A row of −∞ only gives NaN. */
export function softmax(x: Tensor, dim: number): Tensor {
  return x.softmax(dim);
}
/** `x − log Σ e^x` along `dim`. */
export function logSoftmax(x: Tensor, dim: number): Tensor {
  return x.logSoftmax(dim);
}
