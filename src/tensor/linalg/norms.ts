// Lengths of vectors and sizes of matrices.

import type { DType } from "../../base/dtype.ts";
import { isFloating } from "../../base/dtype.ts";
import { ArgumentError, DTypeError, ShapeError } from "../../base/errors.ts";
import { normalizeDim, showShape } from "../../base/shape.ts";
import type { Tensor } from "../core.ts";
import { tidy } from "../scope.ts";
import { inv } from "./solve.ts";
import { svdvals } from "./svd.ts";

export interface VectorNormOptions {
  readonly dim?: number | readonly number[] | undefined;
  readonly keepdim?: boolean;
  /** Computed and given in this dtype. */
  readonly dtype?: DType;
}
export type MatrixNorm = "fro" | "nuc" | number;
export interface MatrixNormOptions {
  /** The last two if left out. */
  readonly dim?: readonly number[] | undefined;
  readonly keepdim?: boolean;
  readonly dtype?: DType;
}

function floating(op: string, x: Tensor, dtype: DType | undefined): Tensor {
  const as = dtype === undefined ? x : x.to(dtype);
  if (!isFloating(as.dtype))
    throw new DTypeError(`${op}: of ${as.dtype}, which holds no fractions. Convert with .float().`, {
      dtype: as.dtype,
    });
  return as;
}

/** `(Σ |x|^ord)^(1 / ord)` over `dim`, or over all elements; ±∞ is the largest or smallest magnitude, 0 counts what is not 0. */
export function vectorNorm(x: Tensor, ord = 2, options: VectorNormOptions = {}): Tensor {
  const { dim, keepdim = false, dtype } = options;
  return tidy(() => {
    return floating("vectorNorm", x, dtype).norm(ord, { keepdim, ...(dim === undefined ? {} : { dim }) });
  });
}

/**
 * The norm of matrices in two dimensions: "fro" `√Σx²`, "nuc" the sum of the singular values, 2 and −2 the largest and smallest of
 * them, 1 and −1 the largest and smallest sum of a column's magnitudes, ±∞ of a row's.
 */
export function matrixNorm(x: Tensor, ord: MatrixNorm = "fro", options: MatrixNormOptions = {}): Tensor {
  const { dim = [-2, -1], keepdim = false, dtype } = options;
  if (x.ndim < 2) throw new ShapeError(`matrixNorm: wants matrices, got ${showShape(x.shape)}.`, { shape: x.shape });
  const [rows, columns] = dim.map((d) => normalizeDim("matrixNorm", d, x.ndim));
  if (dim.length !== 2 || rows === undefined || columns === undefined || rows === columns)
    throw new ArgumentError(`matrixNorm: dim ${showShape(dim)}; wants two different dimensions.`, { dim });
  const known = ord === "fro" || ord === "nuc" || [1, 2, Number.POSITIVE_INFINITY].includes(Math.abs(ord));
  if (!known) throw new ArgumentError(`matrixNorm: ord ${ord}; there are "fro", "nuc", ±1, ±2 and ±Infinity.`, { ord });
  return tidy(() => {
    const values = floating("matrixNorm", x, dtype);
    if (ord === "fro") return values.norm(2, { dim: [rows, columns], keepdim });
    const norm =
      ord === "nuc" || Math.abs(ord) === 2
        ? bySingularValues(values.movedim([rows, columns], [-2, -1]), ord)
            .unsqueeze(-1)
            .unsqueeze(-1)
        : bySums(values.movedim([rows, columns], [-2, -1]), ord);
    return keepdim ? norm.movedim([-2, -1], [rows, columns]) : norm.squeeze([-2, -1]);
  });
}

function bySingularValues(x: Tensor, ord: MatrixNorm): Tensor {
  const s = svdvals(x);
  if (ord === "nuc") return s.sum({ dim: -1 });
  return ord === 2 ? s.amax({ dim: -1 }) : s.amin({ dim: -1 });
}
function bySums(x: Tensor, ord: number): Tensor {
  const inner = Math.abs(ord) === 1 ? -2 : -1;
  const outer = Math.abs(ord) === 1 ? -1 : -2;
  const sums = x.abs().sum({ dim: inner, keepdim: true });
  return ord > 0 ? sums.amax({ dim: outer, keepdim: true }) : sums.amin({ dim: outer, keepdim: true });
}

/**
 * `vectorNorm` or `matrixNorm`, as `torch.linalg.norm` chooses: without `ord` the 2-norm of all elements (or over `dim`); with a word
 * or two dimensions a matrix's, otherwise a vector's.
 */
export function norm(x: Tensor, ord?: MatrixNorm, options: VectorNormOptions = {}): Tensor {
  const { dim } = options;
  if (ord === undefined) return vectorNorm(x, 2, options);
  const dims = dim === undefined ? undefined : typeof dim === "number" ? [dim] : dim;
  const two = dims?.length === 2 || (dims === undefined && x.ndim === 2);
  if (typeof ord === "string" || two) {
    if (dims === undefined ? x.ndim !== 2 : dims.length !== 2)
      throw new ShapeError(
        `norm: ord ${ord} is of matrices, got ${showShape(x.shape)} and dim ${showShape(dims ?? [])}.`,
        {
          shape: x.shape,
          dim,
        },
      );
    return matrixNorm(x, ord, { ...options, dim: dims });
  }
  if (dims === undefined && x.ndim > 2)
    throw new ShapeError(`norm: ord ${ord} of ${showShape(x.shape)}: say which dimensions, with dim.`, {
      shape: x.shape,
    });
  return vectorNorm(x, ord, options);
}

/** `‖A‖ ‖A⁻¹‖` of A `[…, N, N]`; by default, and for ±2, the quotient of the largest and smallest singular values of any matrices. */
export function cond(a: Tensor, ord?: MatrixNorm): Tensor {
  return tidy(() => {
    if (ord === undefined || ord === 2 || ord === -2) {
      const s = svdvals(a);
      const [largest, smallest] = [s.narrow(-1, 0, 1), s.narrow(-1, s.size(-1) - 1, 1)];
      return (ord === -2 ? smallest.div(largest) : largest.div(smallest)).squeeze(-1);
    }
    return matrixNorm(a, ord).mul(matrixNorm(inv(a), ord));
  });
}
