// Singular values, and what rests on them: pseudo-inverses, least squares, ranks.

import { ShapeError } from "../../base/errors.ts";
import { singularValues } from "../../base/matrix/rotations.ts";
import { showShape } from "../../base/shape.ts";
import type { Tensor } from "../core.ts";
import { fromArray } from "../create.ts";
import type { Gradients } from "../graph.ts";
import { tidy } from "../scope.ts";
import { checkMatrices, checkSameDType, eachMatrix, type Kept, matricesOf, recorded, sameBatch } from "./matrices.ts";

export interface SvdOptions {
  /** All vectors, `[…, M, M]` and `[…, N, N]`; otherwise those of the singular values. The others have no gradient. */
  readonly fullMatrices?: boolean;
}

/**
 * `A = U diag(S) Vh` of A `[…, M, N]`, as `[U, S, Vh]`: U `[…, M, K]`, S `[…, K]` descending, Vh `[…, K, N]`, K = min(M, N); with
 * `fullMatrices` (the default, as in PyTorch) U `[…, M, M]` and Vh `[…, N, N]`. The largest component of each left vector is
 * positive. Vectors of equal singular values have no gradient.
 */
export function svd(a: Tensor, options: SvdOptions = {}): [U: Tensor, S: Tensor, Vh: Tensor] {
  const { fullMatrices = true } = options;
  checkMatrices("svd", a);
  const A = matricesOf(a);
  const [M, N] = [A.rows, A.columns];
  const K = Math.min(M, N);
  const [left, right] = fullMatrices ? [M, N] : [K, K];
  const one = (i: number): Float64Array[] => {
    const { u, s, v } = singularValues(A.at(i), M, N);
    const U = Float64Array.from({ length: M * left }, (_, at) => u[Math.floor(at / left) * M + (at % left)]!);
    const Vh = Float64Array.from({ length: right * N }, (_, at) => v[(at % N) * N + Math.floor(at / N)]!);
    return [U, s, Vh];
  };
  const shapes = [[M, left], [K], [right, N]];
  return recorded(
    "linalgSvd",
    [a],
    A.lead,
    shapes,
    () => eachMatrix(A, one),
    (k) => svdGradient(k, K),
  ) as [Tensor, Tensor, Tensor]; // three shapes, three results
}

function svdGradient(k: Kept, K: number): Gradients {
  return tidy(() => {
    const U = k.outputs[0]!.narrow(-1, 0, K); //  [M, K]
    const S = k.outputs[1]!; //                   [K]
    const Vh = k.outputs[2]!.narrow(-2, 0, K); // [K, N]
    const gU = k.grads[0]?.narrow(-1, 0, K);
    const gVh = k.grads[2]?.narrow(-2, 0, K);
    const [across, down] = [S.unsqueeze(-2), S.unsqueeze(-1)];
    const apart = gaps(S.square());
    const skew = (x: Tensor): Tensor => x.sub(x.mT);
    let inner = k.grads[1]?.diagEmbed(); // [K, K]
    const plus = (x: Tensor): Tensor => inner?.add(x) ?? x;
    if (gU !== undefined) inner = plus(skew(U.mT.matmul(gU)).div(apart).mul(across));
    if (gVh !== undefined) inner = plus(skew(Vh.matmul(gVh.mT)).div(apart).mul(down));
    if (inner === undefined) return [undefined];
    let gA = U.matmul(inner).matmul(Vh);
    if (gU !== undefined && U.size(-2) > K) {
      const scaled = gU.div(across);
      gA = gA.add(scaled.sub(U.matmul(U.mT.matmul(scaled))).matmul(Vh));
    }
    if (gVh !== undefined && Vh.size(-1) > K) {
      const scaled = gVh.div(down);
      gA = gA.add(U.matmul(scaled.sub(scaled.matmul(Vh.mT).matmul(Vh))));
    }
    return [gA];
  });
}

/** `E[i, j] = x[j] − x[i]`, 1 on the diagonal, whose numerators are 0. */
export function gaps(x: Tensor): Tensor {
  const ones = x.zerosOf([x.size(-1)]).fill_(1);
  return x.unsqueeze(-2).sub(x.unsqueeze(-1)).add(ones.diag());
}

/** The singular values of A `[…, M, N]`, `[…, K]` descending. */
export function svdvals(a: Tensor): Tensor {
  return tidy(() => svd(a, { fullMatrices: false })[1]);
}

export interface RankOptions {
  /** Singular values of at most `max(atol, rtol · the largest)` count as 0. */
  readonly atol?: number;
  /** `max(M, N)` times the dtype's smallest step at 1 if neither is given. */
  readonly rtol?: number;
}

/** What counts as 0 beside the largest of the singular values `[…, K]`: `[…, 1]`. */
function limitOf(a: Tensor, s: Tensor, { atol, rtol }: RankOptions): Tensor {
  const step = a.dtype === "float64" ? 2 ** -52 : 2 ** -23;
  const relative = rtol ?? (atol === undefined || atol === 0 ? Math.max(a.size(-1), a.size(-2)) * step : 0);
  return s
    .narrow(-1, 0, 1)
    .mul(relative)
    .clamp({ min: atol ?? 0 });
}

/** How many singular values of A `[…, M, N]` are not 0: int64 `[…]`. */
export function matrixRank(a: Tensor, options: RankOptions = {}): Tensor {
  return tidy(() => {
    const s = svdvals(a.detach());
    return s.size(-1) === 0 ? s.sum({ dim: -1 }).long() : s.gt(limitOf(a, s, options)).sum({ dim: -1 });
  });
}

/** The pseudo-inverses of A `[…, M, N]`, `[…, N, M]`: the inverse where there is one. https://en.wikipedia.org/wiki/Moore–Penrose_inverse */
export function pinv(a: Tensor, options: RankOptions = {}): Tensor {
  checkMatrices("pinv", a);
  const A = matricesOf(a);
  const [M, N] = [A.rows, A.columns];
  const step = a.dtype === "float64" ? 2 ** -52 : 2 ** -23;
  const { atol = 0 } = options;
  const rtol = options.rtol ?? (atol === 0 ? Math.max(M, N) * step : 0);
  const one = (i: number): Float64Array[] => {
    const { u, s, v } = singularValues(A.at(i), M, N);
    const out = new Float64Array(N * M);
    const limit = Math.max(atol, rtol * (s[0] ?? 0));
    s.forEach((value, k) => {
      if (!(value > limit)) return;
      for (let r = 0; r < N; r++)
        for (let c = 0; c < M; c++) out[r * M + c]! += (v[r * N + k]! / value) * u[c * M + k]!;
    });
    return [out];
  };
  return recorded(
    "linalgPinv",
    [a],
    A.lead,
    [[N, M]],
    () => eachMatrix(A, one),
    (k) => {
      return [pinvGradient(k.inputs[0]!, k.outputs[0]!, k.grads[0]!)];
    },
  )[0]!;
}

/** Golub and Pereyra's, for a rank that does not change: https://doi.org/10.1137/0710036 */
function pinvGradient(A: Tensor, P: Tensor, g: Tensor): Tensor {
  return tidy(() => {
    const [G, Q] = [g.mT, P.mT]; // [M, N] both
    const inside = P.matmul(G).matmul(P).mT; //                        [M, N]
    const left = G.sub(A.matmul(P).matmul(G)).matmul(P).matmul(Q); //  (1 − A P) G P Pᵀ
    const right = Q.matmul(P).matmul(G.sub(G.matmul(P).matmul(A))); // Pᵀ P G (1 − P A)
    return left.add(right).sub(inside);
  });
}

export interface LeastSquares {
  /** `[…, N, K]` */
  readonly solution: Tensor;
  /** Sums of squares of `A X − B`, `[…, K]`; empty unless M > N and A has rank N. */
  readonly residuals: Tensor;
  /** int64 `[…]` */
  readonly rank: Tensor;
  /** `[…, min(M, N)]` */
  readonly singularValues: Tensor;
}

/** X that makes `‖A X − B‖` least, of several the shortest: A `[…, M, N]`, B `[…, M, K]`. `rcond` is `pinv`'s `rtol`. */
export function lstsq(a: Tensor, b: Tensor, options: { readonly rcond?: number } = {}): LeastSquares {
  checkMatrices("lstsq", a);
  checkMatrices("lstsq", b);
  checkSameDType("lstsq", a, b);
  if (a.size(-2) !== b.size(-2))
    throw new ShapeError(`lstsq: A ${showShape(a.shape)} and B ${showShape(b.shape)} do not fit.`, {
      a: a.shape,
      b: b.shape,
    });
  const limit = options.rcond === undefined ? {} : { rtol: options.rcond };
  return tidy(() => {
    const [x, y] = sameBatch("lstsq", a, b);
    const solution = pinv(x, limit).matmul(y);
    const singular = svdvals(x.detach());
    const rank = matrixRank(x, limit);
    const isFull = rank.numel > 0 && rank.toArray().every((r) => r === a.size(-1));
    const residuals =
      a.size(-2) > a.size(-1) && isFull
        ? x.matmul(solution).sub(y).square().sum({ dim: -2 })
        : fromArray([], [0], { dtype: a.dtype });
    return { solution, residuals, rank, singularValues: singular };
  });
}
