// What angles are.

import { type CasesOf, halves, pointwise } from "../../test/cases.ts";
import type { DType } from "../base/dtype.ts";

const real: readonly DType[] = [...halves, "int32"];
const { POSITIVE_INFINITY: inf, NaN: nan } = Number;

export const cases: CasesOf<typeof import("./trigonometry.ts")> = {
  asin: pointwise(Math.asin, { domain: "small", specials: [0, -0, 0.5, -0.5, 1, -1, 2, nan] }),
  acos: pointwise(Math.acos, { domain: "small", specials: [0, -0, 0.5, -0.5, 1, -1, 2, nan] }),
  atan: pointwise(Math.atan, { dtypes: real, specials: [0, -0, 0.4, -0.5, 1, 2.4, -2.5, 1e30, nan, inf, -inf] }),
  atan2: pointwise(Math.atan2, { dtypes: real, specials: [1, -1, 0.3, -2.5, 1e10, nan, inf, -inf] }),
};
