// Linear algebra. Vectors that factors are free to turn around are compared by what PyTorch's samples make of them, which no sign
// changes.

import { linalg } from "../../src/index.ts";
import { fromArray } from "../../src/tensor/create.ts";
import { cdist } from "../../src/tensor/functional/distance.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import {
  type Adapter,
  B,
  dims,
  dtypeOf,
  N,
  NotApplicable,
  numbers,
  of,
  optionalN,
  options,
  type Result,
  S,
  T,
  tensors,
  type Value,
} from "./adapter.ts";

const unary = (f: (x: Tensor) => Result): Adapter => of("input", (x) => f(T(x)));
const flag = (value: Value): boolean | undefined => (value === undefined || value === null ? undefined : B(value));
const typed = (dtype: Value) => options({ dtype: dtype === undefined || dtype === null ? undefined : dtypeOf(dtype) });
const two = (dim: Value): { dim?: number[] } => (dim === undefined || dim === null ? {} : { dim: numbers(dim) });
const ordOf = (ord: Value): linalg.MatrixNorm => (typeof ord === "string" ? (ord as "fro") : N(ord)); // or "nuc"
const limits = (rtol: Value, atol: Value) => {
  const one = (value: Value): number | undefined => {
    if (typeof value === "object" && value !== null) throw new NotApplicable("rtol and atol are numbers");
    return optionalN(value);
  };
  return options({ rtol: one(rtol), atol: one(atol) });
};
const choleskyAdapter = of("input upper", (x, upper) => linalg.cholesky(T(x), options({ upper: flag(upper) })));
const power: Adapter = of("input n", (x, n) => linalg.matrixPower(T(x), N(n)));
/** PyTorch's drivers leave out what they do not compute. */
const leastSquares: Adapter = of("input b rcond driver", (x, b, rcond, driver) => {
  const { solution, residuals, rank, singularValues } = linalg.lstsq(T(x), T(b), options({ rcond: optionalN(rcond) }));
  const none = fromArray([], [0]);
  const hasValues = driver === "gelss" || driver === "gelsd";
  return [solution, residuals, driver === "gels" ? none.long() : rank, hasValues ? singularValues : none];
});
/** What the sample of PyTorch's makes of U, S and Vᴴ. */
const processed: Readonly<Record<string, (u: Tensor, s: Tensor, vh: Tensor) => Result>> = {
  fn_U: (u) => u.abs(),
  fn_S: (_, s) => s,
  fn_Vh: (_, s, vh) => [s, vh.abs()],
  fn_UVh: (u, s, vh) => [u.matmul(vh), s],
};

export const algebra: Readonly<Record<string, Adapter>> = {
  cholesky: choleskyAdapter,
  "linalg.cholesky": choleskyAdapter,
  "linalg.qr": of("input mode", (x, mode) => {
    const { q, r } = linalg.qr(T(x), mode === undefined ? {} : { mode: S(mode) as linalg.QrMode }); // PyTorch's three words
    return [q, r];
  }),
  "linalg.svd": of("input full_matrices process", (x, full, process) => {
    const [u, s, vh] = linalg.svd(T(x), options({ fullMatrices: flag(full) }));
    const k = s.size(-1);
    return processed[S(process)]!(u.narrow(-1, 0, k), s, vh.narrow(-2, 0, k));
  }),
  "linalg.svdvals": unary((x) => linalg.svdvals(x)),
  "linalg.eigh": of("input UPLO process", (x, triangle) => {
    const { eigenvalues, eigenvectors } = linalg.eigh(T(x), { upper: triangle === "U" });
    return [eigenvalues, eigenvectors.abs()];
  }),
  "linalg.eigvalsh": of("input UPLO", (x, triangle) => linalg.eigvalsh(T(x), { upper: triangle === "U" })),
  "linalg.inv": unary((x) => linalg.inv(x)),
  "linalg.pinv": of("input rtol atol", (x, rtol, atol) => linalg.pinv(T(x), limits(rtol, atol))),
  "linalg.lstsq": leastSquares,
  "linalg.lstsq.grad_oriented": {
    ...leastSquares,
    outputs: { count: 1, why: "its samples are about the gradient of the solution" },
  },
  "linalg.cond": of("input p", (x, p) => linalg.cond(T(x), p === undefined || p === null ? undefined : ordOf(p))),
  "linalg.matrix_rank": of("input rtol hermitian atol tol", (x, rtol, _, atol, tol) => {
    return linalg.matrixRank(T(x), tol === undefined ? limits(rtol, atol) : limits(0, tol));
  }),
  "linalg.det": unary((x) => linalg.det(x)),
  logdet: unary((x) => linalg.logdet(x)),
  "linalg.slogdet": unary((x) => {
    const { sign, logabsdet } = linalg.slogdet(x);
    return [sign, logabsdet];
  }),
  "linalg.solve": of("A B left", (a, b, left) => linalg.solve(T(a), T(b), options({ left: flag(left) }))),
  "linalg.tensorsolve": of("A B dims", (a, b, moved) => {
    const given = moved === undefined || moved === null ? [] : numbers(moved);
    const x = T(a);
    return linalg.tensorsolve(
      x.movedim(
        given,
        given.map((_, i) => x.ndim - given.length + i),
      ),
      T(b),
    );
  }),
  "linalg.solve_triangular": of("A B upper left unitriangular", (a, b, upper, left, unit) => {
    return linalg.solveTriangular(T(a), T(b), {
      upper: B(upper),
      ...options({ left: flag(left), unitriangular: flag(unit) }),
    });
  }),
  "linalg.matrix_power": power,
  "linalg.multi_dot": of("tensors", (list) => linalg.multiDot(tensors(list)), {
    tolerance: { rtol: 5e-6, atol: 1e-4, why: "chains of five products" },
  }),
  "linalg.vecdot": of("x y dim", (x, y, dim) => linalg.vecdot(T(x), T(y), optionalN(dim))),

  "linalg.norm": of("input ord dim keepdim dtype", (x, ord, dim, keepdim, dtype) => {
    const order = ord === undefined || ord === null ? undefined : ordOf(ord);
    return linalg.norm(T(x), order, { keepdim: B(keepdim), ...options({ dim: dims(dim) }), ...typed(dtype) });
  }),
  "linalg.vector_norm": of("x ord dim keepdim dtype", (x, ord, dim, keepdim, dtype) => {
    const given = { keepdim: B(keepdim), ...options({ dim: dims(dim) }), ...typed(dtype) };
    return linalg.vectorNorm(T(x), optionalN(ord) ?? 2, given);
  }),
  "linalg.matrix_norm": of("input ord dim keepdim dtype", (x, ord, dim, keepdim, dtype) => {
    const order = ord === undefined ? "fro" : ordOf(ord);
    return linalg.matrixNorm(T(x), order, { keepdim: B(keepdim), ...two(dim), ...typed(dtype) });
  }),
  cdist: of("x1 x2 p compute_mode", (a, b, p) => cdist(T(a), T(b), optionalN(p))),
};
