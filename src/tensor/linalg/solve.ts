// Systems of equations, inverses and determinants.

import { ArgumentError, ShapeError } from "../../base/errors.ts";
import { determinant, factorize, logDeterminant, solveFactorized } from "../../base/matrix/lu.ts";
import { numel, sameShape, showShape } from "../../base/shape.ts";
import type { Tensor } from "../core.ts";
import { eye } from "../create.ts";
import { isGradEnabled, noGrad } from "../grad-mode.ts";
import { tidy } from "../scope.ts";
import {
  checkMatrices,
  checkSameDType,
  checkSquare,
  eachMatrix,
  matricesOf,
  recorded,
  sameBatch,
  singularError,
} from "./matrices.ts";
import { svd } from "./svd.ts";

/**
 * X of `A X = B` for A `[…, N, N]` and B `[…, N, K]`, or vectors `[…, N]` (`[N]`, or with the batch of A); `left: false` solves
 * `X A = B`. Batches broadcast. Throws for a singular matrix and says which of the batch it is.
 */
export function solve(a: Tensor, b: Tensor, options: { readonly left?: boolean } = {}): Tensor {
  checkSquare("solve", a);
  checkSameDType("solve", a, b);
  const isVector = b.ndim === 1 || (b.ndim === a.ndim - 1 && sameShape(b.shape, a.shape.slice(0, -1)));
  if (isVector) return tidy(() => solve(a, b.unsqueeze(-1), { left: true }).squeeze(-1));
  checkMatrices("solve", b);
  if (options.left === false) return tidy(() => solve(a.mT, b.mT).mT);
  if (a.size(-1) !== b.size(-2))
    throw new ShapeError(`solve: A ${showShape(a.shape)} and B ${showShape(b.shape)} do not fit.`, {
      a: a.shape,
      b: b.shape,
    });
  return tidy(() => {
    const [x, y] = sameBatch("solve", a, b);
    const [A, B] = [matricesOf(x), matricesOf(y)];
    const one = (i: number): Float64Array[] => {
      const lu = factorize(A.at(i), A.rows);
      if (lu.singular >= 0) throw singularError("solve", A, i, `column ${lu.singular} has no pivot`);
      return [solveFactorized(lu, A.rows, B.at(i), B.columns)];
    };
    return recorded(
      "linalgSolve",
      [x, y],
      A.lead,
      [[B.rows, B.columns]],
      () => eachMatrix(A, one),
      (k) => {
        const gB = solve(k.inputs[0]!.mT, k.grads[0]!);
        return [gB.matmul(k.outputs[0]!.mT).neg(), gB];
      },
    )[0]!;
  });
}

/** The inverses of A `[…, N, N]`. Throws for a singular matrix and says which of the batch it is. */
export function inv(a: Tensor): Tensor {
  checkSquare("inv", a);
  const A = matricesOf(a);
  const identity = Float64Array.from({ length: A.rows ** 2 }, (_, at) => Number(at % (A.rows + 1) === 0));
  const one = (i: number): Float64Array[] => {
    const lu = factorize(A.at(i), A.rows);
    if (lu.singular >= 0) throw singularError("inv", A, i, `column ${lu.singular} has no pivot`);
    return [solveFactorized(lu, A.rows, identity, A.rows)];
  };
  return recorded(
    "linalgInv",
    [a],
    A.lead,
    [[A.rows, A.rows]],
    () => eachMatrix(A, one),
    (k) => {
      const inverse = k.outputs[0]!;
      return [inverse.mT.matmul(k.grads[0]!).matmul(inverse.mT).neg()];
    },
  )[0]!;
}

/** The determinants of A `[…, N, N]`, `[…]`; of singular matrices too, with their gradient. */
export function det(a: Tensor): Tensor {
  checkSquare("det", a);
  const A = matricesOf(a);
  const one = (i: number): Float64Array[] => [Float64Array.of(determinant(factorize(A.at(i), A.rows), A.rows))];
  return recorded(
    "linalgDet",
    [a],
    A.lead,
    [[]],
    () => eachMatrix(A, one),
    (k) => {
      return [k.grads[0]!.unsqueeze(-1).unsqueeze(-1).mul(cofactors(k.inputs[0]!, k.outputs[0]!))];
    },
  )[0]!;
}

/** The gradient of the determinant: `det A⁻ᵀ`, or where there is no inverse what the singular values give. */
function cofactors(a: Tensor, determinants: Tensor): Tensor {
  if (isGradEnabled() && !isNearlySingular(a)) return determinants.unsqueeze(-1).unsqueeze(-1).mul(inv(a).mT);
  // A = U S Vᵀ: det(U) det(V) U diag(Π_{j ≠ i} s_j) Vᵀ, for any rank
  const [u, s, vh] = svd(a);
  const n = s.size(-1);
  const others = s
    .unsqueeze(-2)
    .expand(...s.shape, n)
    .maskedFill(eye(n).bool(), 1)
    .prod({ dim: -1 });
  const sign = noGrad(() => det(u).mul(det(vh)).sign())
    .unsqueeze(-1)
    .unsqueeze(-1);
  return u.mul(others.unsqueeze(-2)).matmul(vh).mul(sign);
}

/** Whether one of the matrices has an inverse that is mostly rounding. */
function isNearlySingular(a: Tensor): boolean {
  return noGrad(() => {
    const s = svd(a)[1];
    if (s.numel === 0) return false;
    const [largest, smallest] = [s.narrow(-1, 0, 1), s.narrow(-1, s.size(-1) - 1, 1)];
    return smallest.le(largest.mul(1e-8)).any().item() === 1;
  });
}

export interface SignAndLog {
  /** −1, 0 or 1. */
  readonly sign: Tensor;
  /** −∞ where the sign is 0. */
  readonly logabsdet: Tensor;
}

/** Signs and logarithms of the magnitudes of the determinants of A `[…, N, N]`, each `[…]`, without overflow. */
export function slogdet(a: Tensor): SignAndLog {
  checkSquare("slogdet", a);
  const A = matricesOf(a);
  const one = (i: number): Float64Array[] => {
    const { sign, log } = logDeterminant(factorize(A.at(i), A.rows), A.rows);
    return [Float64Array.of(sign), Float64Array.of(log)];
  };
  const [sign, logabsdet] = recorded(
    "linalgSlogdet",
    [a],
    A.lead,
    [[], []],
    () => eachMatrix(A, one),
    (k) => {
      const g = k.grads[1];
      return [g?.unsqueeze(-1).unsqueeze(-1).mul(inv(k.inputs[0]!).mT)];
    },
  ) as [Tensor, Tensor]; // two shapes, two results
  return { sign: sign.detach(), logabsdet };
}

/** The logarithms of the determinants of A `[…, N, N]`: NaN where one is negative, −∞ where it is 0. */
export function logdet(a: Tensor): Tensor {
  return tidy(() => {
    const { sign, logabsdet } = slogdet(a);
    return logabsdet.maskedFill(sign.lt(0), Number.NaN);
  });
}

/** A square matrix `[…, N, N]` multiplied by itself `n` times; a negative `n` multiplies the inverse. */
export function matrixPower(a: Tensor, n: number): Tensor {
  const [rows, columns] = a.shape.slice(-2);
  if (a.ndim < 2 || rows !== columns)
    throw new ShapeError(`matrixPower: wants square matrices, got ${showShape(a.shape)}.`, { shape: a.shape });
  if (!Number.isInteger(n)) throw new ArgumentError(`matrixPower: power ${n}; it is a whole number.`, { n });
  return tidy(() => {
    if (n === 0)
      return eye(rows!, rows!, { dtype: a.dtype })
        .expand(...a.shape)
        .clone();
    let result: Tensor | undefined;
    let square = n < 0 ? inv(a) : a;
    for (let rest = Math.abs(n); ; square = square.matmul(square)) {
      if (rest % 2 === 1) result = result === undefined ? square : result.matmul(square);
      rest = Math.floor(rest / 2);
      if (rest === 0) return result!.clone(); // the last bit is set
    }
  });
}

/** X whose products with A over its first dimensions are B: A is `[…B, …X]` and square when both are flattened. */
export function tensorsolve(a: Tensor, b: Tensor): Tensor {
  const rest = a.shape.slice(b.ndim);
  if (numel(rest) !== b.numel)
    throw new ShapeError(`tensorsolve: A ${showShape(a.shape)} is not square for B ${showShape(b.shape)}.`, {
      a: a.shape,
      b: b.shape,
    });
  return tidy(() => solve(a.reshape(b.numel, b.numel), b.reshape(-1)).reshape(...rest));
}
