// Triangular systems and the factor of positive definite matrices.

import { ArgumentError, ShapeError } from "../../base/errors.ts";
import { choleskyFactor, substitute } from "../../base/matrix/triangular.ts";
import { showShape } from "../../base/shape.ts";
import type { Tensor } from "../core.ts";
import { tidy } from "../scope.ts";
import {
  checkMatrices,
  checkSameDType,
  checkSquare,
  eachMatrix,
  inBatch,
  matricesOf,
  recorded,
  sameBatch,
  symmetric,
} from "./matrices.ts";

export interface TriangularOptions {
  /** Which triangle of A is read. */
  readonly upper: boolean;
  /** `false` solves `X A = B`. */
  readonly left?: boolean;
  /** The diagonal counts as ones and is not read. */
  readonly unitriangular?: boolean;
}

/**
 * X of `A X = B` for triangular A `[…, N, N]` and B `[…, N, K]`; batches broadcast. Where the diagonal has a zero the result is not
 * finite, as in PyTorch.
 */
export function solveTriangular(a: Tensor, b: Tensor, options: TriangularOptions): Tensor {
  const { upper, left = true, unitriangular = false } = options;
  checkSquare("solveTriangular", a);
  checkMatrices("solveTriangular", b);
  checkSameDType("solveTriangular", a, b);
  if (!left) return tidy(() => solveTriangular(a.mT, b.mT, { upper: !upper, unitriangular }).mT);
  if (a.size(-1) !== b.size(-2))
    throw new ShapeError(`solveTriangular: A ${showShape(a.shape)} and B ${showShape(b.shape)} do not fit.`, {
      a: a.shape,
      b: b.shape,
    });
  return tidy(() => {
    const [x, y] = sameBatch("solveTriangular", a, b);
    const [A, B] = [matricesOf(x), matricesOf(y)];
    const compute = (): Float64Array[][] =>
      eachMatrix(A, (i) => [substitute(A.at(i), A.rows, B.at(i), B.columns, { upper, unitriangular })]);
    return recorded("linalgSolveTriangular", [x, y], A.lead, [[B.rows, B.columns]], compute, (k) => {
      const [A, X] = [k.inputs[0]!, k.outputs[0]!];
      const gB = solveTriangular(A.mT, k.grads[0]!, { upper: !upper, unitriangular });
      const gA = gB.matmul(X.mT).neg();
      const inside = unitriangular ? 1 : 0;
      return [upper ? gA.triu(inside) : gA.tril(-inside), gB];
    })[0]!;
  });
}

/**
 * L, lower triangular with a positive diagonal, of `A = L Lᵀ` for symmetric positive definite A `[…, N, N]`, of which the lower
 * triangle is read; with `upper` its upper triangle, and the result is Lᵀ. Throws for a matrix that is not positive definite.
 */
export function cholesky(a: Tensor, options: { readonly upper?: boolean } = {}): Tensor {
  checkSquare("cholesky", a);
  if (options.upper === true) return tidy(() => cholesky(a.mT).mT);
  const A = matricesOf(a);
  const factor = (i: number): Float64Array => {
    const l = choleskyFactor(A.at(i), A.rows);
    if (typeof l !== "number") return l;
    throw new ArgumentError(
      `cholesky: the matrix is not positive definite${inBatch(A, i)}: its leading block of size ${l} is not. Is it symmetric, and is a small multiple of eye(n) missing?`,
      { index: i, order: l },
    );
  };
  const compute = (): Float64Array[][] => eachMatrix(A, (i) => [factor(i)]);
  return recorded("linalgCholesky", [a], A.lead, [[A.rows, A.rows]], compute, (k) => {
    // gA = sym(L⁻ᵀ Φ(Lᵀ gL) L⁻¹), Φ the lower triangle with half its diagonal
    const L = k.outputs[0]!;
    const product = L.mT.matmul(k.grads[0]!);
    const phi = product.tril().sub(product.tril().triu().mul(0.5));
    const left = solveTriangular(L.mT, phi, { upper: true });
    return [symmetric(solveTriangular(L, left, { upper: false, left: false }))];
  })[0]!;
}

/** X of `A X = B` for B `[…, N, K]` and the Cholesky factor of A, lower triangular or, with `upper`, upper. */
export function choleskySolve(b: Tensor, factor: Tensor, options: { readonly upper?: boolean } = {}): Tensor {
  const { upper = false } = options;
  return tidy(() => {
    const middle = solveTriangular(upper ? factor.mT : factor, b, { upper: false });
    return solveTriangular(upper ? factor : factor.mT, middle, { upper: true });
  });
}

/** The inverse of A from its Cholesky factor. */
export function choleskyInverse(factor: Tensor, options: { readonly upper?: boolean } = {}): Tensor {
  const { upper = false } = options;
  return tidy(() => {
    const inverse = solveTriangular(factor, identityLike(factor), { upper });
    return upper ? inverse.matmul(inverse.mT) : inverse.mT.matmul(inverse);
  });
}

/** Ones on the diagonals of the shape of `x`. */
export function identityLike(x: Tensor): Tensor {
  const n = x.size(-1);
  return x
    .zerosOf([n])
    .fill_(1)
    .diag()
    .expand(...x.shape);
}
