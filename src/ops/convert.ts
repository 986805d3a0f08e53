// Copies: into another dtype, or into row-major order.

import type { DType } from "../base/dtype.ts";
import { copyInto } from "./copy.ts";
import type { Op } from "./op.ts";

/** The same values in another dtype, by C's conversions: floats are cut to integers, anything but 0 is true. */
export const toDType: Op<DType> = {
  name: "toCopy",
  infer: ([x], dtype) => [{ shape: x!.shape, dtype }],
  run: (device, [x], [out]) => copyInto(device, x!, out!),
  grad: (k) => [k.g.to(k.metas[0]!.dtype)],
};

/** The same values in row-major order, in memory of their own. */
export const clone: Op = {
  name: "clone",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  run: (device, [x], [out]) => copyInto(device, x!, out!),
  grad: (k) => [k.g],
};
