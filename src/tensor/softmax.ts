// Softmax and its logarithm over any dimension.

import type { DType } from "../base/dtype.ts";
import { normalizeDim } from "../base/shape.ts";
import type { Op } from "../ops/op.ts";
import * as s from "../ops/softmax.ts";
import type { Tensor } from "./core.ts";
import { apply1 } from "./dispatch.ts";
import { tidy } from "./scope.ts";

function over(op: Op, x: Tensor, dim: number): Tensor {
  const d = normalizeDim(op.name, dim, x.ndim);
  if (x.ndim === 0 || d === x.ndim - 1) return apply1(op, [x], undefined);
  return tidy(() => apply1(op, [x.transpose(d, -1)], undefined).transpose(d, -1));
}

export interface SoftmaxOptions {
  /** The input is converted to it first, and the result has it. */
  readonly dtype?: DType | undefined;
}
function typed(op: Op, x: Tensor, dim: number, { dtype }: SoftmaxOptions): Tensor {
  return dtype === undefined || dtype === x.dtype ? over(op, x, dim) : tidy(() => over(op, x.to(dtype), dim));
}

export const softmaxMethods = {
  /** `e^x / Σ e^x` along `dim`. A row of −∞ only gives NaN. */
  softmax(this: Tensor, dim: number, options: SoftmaxOptions = {}): Tensor {
    return typed(s.softmax, this, dim, options);
  },
  /** `x − log Σ e^x` along `dim`. */
  logSoftmax(this: Tensor, dim: number, options: SoftmaxOptions = {}): Tensor {
    return typed(s.logSoftmax, this, dim, options);
  },
};
export type SoftmaxMethods = typeof softmaxMethods;
