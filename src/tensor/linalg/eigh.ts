// Eigenvalues of symmetric matrices.

import { symmetricEigen } from "../../base/matrix/rotations.ts";
import type { Tensor } from "../core.ts";
import { tidy } from "../scope.ts";
import { checkSquare, eachMatrix, matricesOf, recorded, symmetric } from "./matrices.ts";
import { gaps } from "./svd.ts";

export interface EigenOptions {
  /** Reads the upper triangle instead of the lower one. */
  readonly upper?: boolean;
}
export interface EigenValues {
  /** `[…, N]`, ascending. */
  readonly eigenvalues: Tensor;
  /** `[…, N, N]`, orthonormal, as columns; the largest component of each is positive. */
  readonly eigenvectors: Tensor;
}

/** `A = V diag(λ) Vᵀ` for symmetric A `[…, N, N]`, of which one triangle is read. Vectors of equal eigenvalues have no gradient. */
export function eigh(a: Tensor, options: EigenOptions = {}): EigenValues {
  const { upper = false } = options;
  checkSquare("eigh", a);
  const A = matricesOf(a);
  const one = (i: number): Float64Array[] => {
    const { values, vectors } = symmetricEigen(A.at(i), A.rows, upper);
    return [values, vectors];
  };
  const shapes = [[A.rows], [A.rows, A.rows]];
  const [eigenvalues, eigenvectors] = recorded(
    "linalgEigh",
    [a],
    A.lead,
    shapes,
    () => eachMatrix(A, one),
    (k) => {
      // gA = V (diag(gλ) + Vᵀ gV / E) Vᵀ, E[i, j] = λ[j] − λ[i]; along its own direction a vector has no freedom
      const [values, V] = [k.outputs[0]!, k.outputs[1]!];
      const own = k.grads[0]?.diagEmbed();
      const turned = k.grads[1] === undefined ? undefined : offDiagonal(V.mT.matmul(k.grads[1])).div(gaps(values));
      const inner = own === undefined ? turned : turned === undefined ? own : own.add(turned);
      return [inner === undefined ? undefined : symmetric(V.matmul(inner).matmul(V.mT))];
    },
  ) as [Tensor, Tensor]; // two shapes, two results
  return { eigenvalues, eigenvectors };
}

function offDiagonal(x: Tensor): Tensor {
  return x.tril(-1).add(x.triu(1));
}

/** The eigenvalues alone. */
export function eigvalsh(a: Tensor, options: EigenOptions = {}): Tensor {
  return tidy(() => eigh(a, options).eigenvalues);
}
