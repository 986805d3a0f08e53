// Softmax as functions.

import type { Tensor } from "../core.ts";
import type { SoftmaxOptions } from "../softmax.ts";

/** `e^x / Σ e^x` along `dim`. A row of −∞ only gives NaN. */
export function softmax(x: Tensor, dim: number, options: SoftmaxOptions = {}): Tensor {
  return x.softmax(dim, options);
}
/** `x − log Σ e^x` along `dim`. */
export function logSoftmax(x: Tensor, dim: number, options: SoftmaxOptions = {}): Tensor {
  return x.logSoftmax(dim, options);
}
