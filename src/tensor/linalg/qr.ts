// Orthonormal columns.

import { ArgumentError, UnsupportedError } from "../../base/errors.ts";
import { householder } from "../../base/matrix/qr.ts";
import type { Tensor } from "../core.ts";
import { tidy } from "../scope.ts";
import { checkMatrices, eachMatrix, type Kept, matricesOf, recorded } from "./matrices.ts";
import { solveTriangular } from "./triangular.ts";

export type QrMode = "reduced" | "complete" | "r";

export interface QrFactors {
  /** Orthonormal columns: `[…, M, K]`, with "complete" `[…, M, M]`; empty with "r". */
  readonly q: Tensor;
  /** Upper triangular: `[…, K, N]`, with "complete" `[…, M, N]`. */
  readonly r: Tensor;
}

/** `A = Q R` of A `[…, M, N]`, K = min(M, N). The diagonal of R may be negative, as LAPACK's is. */
export function qr(a: Tensor, options: { readonly mode?: QrMode } = {}): QrFactors {
  const { mode = "reduced" } = options;
  checkMatrices("qr", a);
  if (mode !== "reduced" && mode !== "complete" && mode !== "r")
    throw new ArgumentError(`qr: mode "${mode as string}"; there are "reduced", "complete" and "r".`, { mode });
  const A = matricesOf(a);
  const [M, N] = [A.rows, A.columns];
  const K = mode === "complete" ? M : Math.min(M, N);
  const one = (i: number): Float64Array[] => {
    const { q, r } = householder(A.at(i), M, N, K);
    return [q, r.subarray(0, K * N)];
  };
  const shapes = [
    [M, K],
    [K, N],
  ];
  const [q, r] = recorded(
    "linalgQr",
    [a],
    A.lead,
    shapes,
    () => eachMatrix(A, one),
    (k) => {
      if (mode === "r")
        throw new UnsupportedError('qr: mode "r" has no gradient, as it leaves Q out. Use "reduced".', {});
      return [qrGradient(k, M, N, mode)];
    },
  ) as [Tensor, Tensor]; // two shapes, two results
  return mode === "r" ? { q: a.zerosOf([0]), r } : { q, r };
}

/** https://arxiv.org/abs/2009.10071 for wide matrices; for the others `(gQ + Q copyltu(M)) R⁻ᵀ`, M = R gRᵀ − gQᵀ Q. */
function qrGradient(k: Kept, M: number, N: number, mode: QrMode): Tensor {
  const [Q, R] = [k.outputs[0]!, k.outputs[1]!];
  const [gQ, gR] = [k.grads[0] ?? Q.zerosOf(Q.shape), k.grads[1] ?? R.zerosOf(R.shape)];
  if (mode === "complete" && M > N)
    throw new UnsupportedError('qr: mode "complete" has no gradient for tall matrices. Use "reduced".', { M, N });
  return tidy(() => {
    if (M >= N) return tallGradient(Q, R, gQ, gR);
    // A = [X, Y], Q R = [Q U, Q V]: V = Qᵀ Y
    const [U, gU] = [R.narrow(-1, 0, M), gR.narrow(-1, 0, M)];
    const gV = gR.narrow(-1, M, N - M);
    const Y = Q.matmul(R.narrow(-1, M, N - M));
    const gX = tallGradient(Q, U, gQ.add(Y.matmul(gV.mT)), gU);
    const gY = Q.matmul(gV);
    return gX.catWith([gY], -1);
  });
}

function tallGradient(Q: Tensor, R: Tensor, gQ: Tensor, gR: Tensor): Tensor {
  const product = R.matmul(gR.mT).sub(gQ.mT.matmul(Q));
  const lower = product.tril(-1);
  const copied = product.tril().add(lower.mT); // the lower triangle on both sides
  const right = gQ.add(Q.matmul(copied));
  return solveTriangular(R.mT, right, { upper: false, left: false }); // right R⁻ᵀ
}
