// How far two results of the same mathematics may lie apart: PyTorch's `assert_close`, per dtype. A test that needs more
// says why where it says so.

import type { DType } from "../src/base/dtype.ts";

export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

const exact: Tolerance = { rtol: 0, atol: 0 };

export const tolerances: { readonly [d in DType]: Tolerance } = {
  float64: { rtol: 1e-7, atol: 1e-7 },
  float32: { rtol: 1.3e-6, atol: 1e-5 },
  float16: { rtol: 1e-3, atol: 1e-5 },
  bfloat16: { rtol: 1.6e-2, atol: 1e-5 },
  int8: exact,
  int16: exact,
  int32: exact,
  int64: exact,
  uint8: exact,
  bool: exact,
};
