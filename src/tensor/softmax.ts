// Softmax and its logarithm over any dimension.

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

export const softmaxMethods = {
  /** `e^x / Σ e^x` along `dim`. A row of −∞ only gives NaN. */
  softmax(this: Tensor, dim: number): Tensor {
    return over(s.softmax, this, dim);
  },
  /** `x − log Σ e^x` along `dim`. */
  logSoftmax(this: Tensor, dim: number): Tensor {
    return over(s.logSoftmax, this, dim);
  },
};
export type SoftmaxMethods = typeof softmaxMethods;
