// Which values there are, where they belong, how often they come.

import type { UniqueValues } from "../../src/tensor/searching.ts";
import { searchsorted } from "../../src/tensor/searching.ts";
import {
  type Adapter,
  B,
  N,
  of,
  operand,
  optionalN,
  optionalT,
  options,
  type Result,
  T,
  type Value,
} from "./adapter.ts";

/** What PyTorch's flags ask for, of all that we give. */
const asked = ({ values, inverse, counts }: UniqueValues, withInverse: Value, withCounts: Value): Result => [
  values,
  ...(B(withInverse) ? [inverse] : []),
  ...(B(withCounts) ? [counts] : []),
];
const ranked = (dim: Value, keepdim: Value) =>
  options({ dim: optionalN(dim), keepdim: keepdim === undefined ? undefined : B(keepdim) });

export const searching: Readonly<Record<string, Adapter>> = {
  unique: of("input sorted return_inverse return_counts dim", (x, _, inverse, counts, dim) => {
    return asked(T(x).unique(options({ dim: optionalN(dim) })), inverse, counts);
  }),
  unique_consecutive: of("input return_inverse return_counts dim", (x, inverse, counts, dim) => {
    return asked(T(x).uniqueConsecutive(options({ dim: optionalN(dim) })), inverse, counts);
  }),
  isin: of("elements test assume_unique invert", (x, test, _, invert) => T(x).isin(T(test), { invert: B(invert) })),
  bincount: of("input weights minlength", (x, weights, minlength) => {
    return T(x).bincount(options({ weights: optionalT(weights), minlength: optionalN(minlength) }));
  }),
  searchsorted: of("sorted input out_int32 right side sorter", (sorted, x, _, right, side, sorter) => {
    const behind = side === undefined || side === null ? B(right) : side === "right";
    return searchsorted(T(sorted), operand(x), { right: behind, ...options({ sorter: optionalT(sorter) }) });
  }),
  bucketize: of("input boundaries out_int32 right", (x, boundaries, _, right) => {
    return T(x).bucketize(T(boundaries), { right: B(right) });
  }),
  argwhere: of("input", (x) => T(x).argwhere()),
  msort: of("input", (x) => T(x).msort()),
  kthvalue: of("input k dim keepdim", (x, k, dim, keepdim) => T(x).kthvalue(N(k), ranked(dim, keepdim)), {
    outputs: { count: 1, why: "PyTorch promises no index among equals; the gradient says whether it is one of them" },
  }),
  mode: of("input dim keepdim", (x, dim, keepdim) => T(x).mode(ranked(dim, keepdim))),
};
