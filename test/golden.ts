// The tensors of test/fixtures as our own, and comparisons with them. `scripts/goldens/common.py` writes the format; its
// docstring describes it. For tests in Node and in pages alike.

import { type DType, isFloating } from "../src/base/dtype.ts";
import { fromArray, tensor } from "../src/tensor/create.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { close, deepEqual, equal } from "./portable/harness.ts";
import { type Tolerance, tolerances } from "./tolerances.ts";

export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly data: readonly (number | string)[];
  /** The tensor meant is this permutation of the contiguous one that shape and data describe. */
  readonly perm?: readonly number[];
}

/** The values: floats below float64 are written with just the digits that tell them apart, and rounded here. */
export function numbersOf({ dtype, data }: Pick<GoldenTensor, "dtype" | "data">): number[] {
  return data.map(isFloating(dtype) && dtype !== "float64" ? (x) => Math.fround(Number(x)) : Number);
}

/** A leaf with the fixture's values and strides. */
export function fromGolden({ shape, dtype, data, perm }: GoldenTensor): Tensor {
  const whole =
    dtype === "int64"
      ? tensor(BigInt64Array.from(data, BigInt)).reshape(...shape)
      : fromArray(data.map(Number), shape, { dtype });
  return perm === undefined ? whole : whole.permute(...perm);
}

/** Shape, dtype and values, these within the tolerance of the dtype. */
export function matchesGolden(actual: Tensor, expected: GoldenTensor, what: string, tolerance?: Tolerance): void {
  equal(actual.dtype, expected.dtype, `${what}, dtype`);
  closeToGolden(actual, expected, what, tolerance);
}

/** As `matchesGolden`, but the dtype may be another. */
export function closeToGolden(
  actual: Tensor,
  expected: GoldenTensor,
  what: string,
  tolerance: Tolerance = tolerances[expected.dtype],
): void {
  deepEqual([...actual.shape], [...expected.shape], `${what}, shape`);
  close(actual.toArray(), numbersOf(expected), tolerance, what);
}

/** The sum, the sum weighted by the cosine of the place, and the sum of sizes, as `sums` in scripts/goldens/common.py. */
export type Sums = readonly [sum: number, weighted: number, size: number];

/** Compares a tensor with the two sums of a golden one; how far they may lie grows with the third. */
export function matchesSums(t: Tensor, [sum, weighted, size]: Sums, what: string): void {
  const values = Array.from(t.toArray(), Number);
  const got = [values.reduce((s, v) => s + v, 0), values.reduce((s, v, at) => s + v * Math.cos(at), 0)];
  const { rtol, atol } = tolerances[t.dtype];
  close(got, [sum, weighted], { rtol: 0, atol: atol + 2 * rtol * size }, what);
}
