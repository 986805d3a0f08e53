// Linear algebra of small matrices, PyTorch's `torch.linalg`: factors, solutions, determinants, singular values, norms. All take
// batches `[…, M, N]` of float32 or float64, work in float64 on the calling thread, and have gradients of any order.

import "./tensor/tensor.ts"; // the functions call methods

export { type EigenOptions, type EigenValues, eigh, eigvalsh } from "./tensor/linalg/eigh.ts";
export {
  cond,
  type MatrixNorm,
  type MatrixNormOptions,
  matrixNorm,
  norm,
  type VectorNormOptions,
  vectorNorm,
} from "./tensor/linalg/norms.ts";
export { type QrFactors, type QrMode, qr } from "./tensor/linalg/qr.ts";
export { det, inv, logdet, matrixPower, type SignAndLog, slogdet, solve, tensorsolve } from "./tensor/linalg/solve.ts";
export {
  type LeastSquares,
  lstsq,
  matrixRank,
  pinv,
  type RankOptions,
  type SvdOptions,
  svd,
  svdvals,
} from "./tensor/linalg/svd.ts";
export {
  cholesky,
  choleskyInverse,
  choleskySolve,
  solveTriangular,
  type TriangularOptions,
} from "./tensor/linalg/triangular.ts";
export { multiDot, vecdot } from "./tensor/products.ts";
