// Reductions, running sums, sorting.

import type { DType } from "../../src/base/dtype.ts";
import { nn } from "../../src/index.ts";
import type { ReduceOptions, TypedOptions } from "../../src/tensor/reduce.ts";
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
  operand,
  optionalN,
  optionalT,
  options,
  type Result,
  reduced,
  S,
  T,
  type Value,
} from "./adapter.ts";

const F = nn.functional;

const typed = (dtype: Value) => options({ dtype: dtype === undefined || dtype === null ? undefined : dtypeOf(dtype) });
const reduction = (f: (x: Tensor, o: TypedOptions) => Tensor): Adapter =>
  of("input dim keepdim dtype", (x, dim, keepdim, dtype) => {
    if (T(x).ndim > 64) throw new NotApplicable("more than 64 dimensions are no error here");
    return f(T(x), { ...reduced(dim, keepdim), ...typed(dtype) });
  });
const softmax = (f: (x: Tensor, dim: number, o: { dtype?: DType }) => Tensor): Adapter =>
  of("input dim dtype", (x, dim, dtype) => f(T(x), N(dim), typed(dtype)));
const arg = (f: (x: Tensor, o: { dim?: number; keepdim?: boolean }) => Tensor): Adapter =>
  of("input dim keepdim", (x, dim, keepdim) => {
    return f(T(x), options({ dim: optionalN(dim), keepdim: keepdim === undefined ? undefined : B(keepdim) }));
  });
const along = (dim: Value, keepdim: Value): { dim: number; keepdim: boolean } => ({ dim: N(dim), keepdim: B(keepdim) });

/** PyTorch takes `unbiased` as the second place too, and `correction` by name. */
function spread(f: (x: Tensor, o: ReduceOptions & { correction?: number }) => Result): Adapter {
  return of("input dim unbiased keepdim correction", (x, dim, unbiased, keepdim, correction) => {
    if (typeof dim === "boolean") return f(T(x), { correction: Number(dim) });
    const given = correction !== undefined && correction !== null ? N(correction) : undefined;
    const fromFlag = unbiased === undefined || unbiased === null ? undefined : Number(B(unbiased));
    return f(T(x), { ...reduced(dim, keepdim), ...options({ correction: given ?? fromFlag }) });
  });
}

const rounding = {
  rtol: 1.3e-6,
  atol: 1e-4,
  why: "in a row of one number the gradient is the rounding of 0 times 1/sqrt(eps)",
};

export const reductions: Readonly<Record<string, Adapter>> = {
  sum: reduction((x, o) => x.sum(o)),
  mean: reduction((x, o) => x.mean(o)),
  amax: reduction((x, o) => x.amax(o)),
  amin: reduction((x, o) => x.amin(o)),
  prod: reduction((x, o) => x.prod(o)),
  all: reduction((x, o) => x.all(o)),
  any: reduction((x, o) => x.any(o)),
  logsumexp: reduction((x, o) => x.logsumexp(o)),
  argmax: arg((x, o) => x.argmax(o)),
  argmin: arg((x, o) => x.argmin(o)),
  "max.reduction_with_dim": of("input dim keepdim", (x, dim, keepdim) => T(x).max(along(dim, keepdim))),
  "min.reduction_with_dim": of("input dim keepdim", (x, dim, keepdim) => T(x).min(along(dim, keepdim))),
  var: spread((x, o) => x.var(o)),
  std: spread((x, o) => x.std(o)),
  "var.unbiased": spread((x, o) => x.var(o)),
  "std.unbiased": spread((x, o) => x.std(o)),
  "max.reduction_no_dim": of("input", (x) => T(x).max()),
  "min.reduction_no_dim": of("input", (x) => T(x).min()),
  aminmax: of("input dim keepdim", (x, dim, keepdim) => {
    if (T(x).ndim > 64) throw new NotApplicable("more than 64 dimensions are no error here");
    const { min, max } = T(x).aminmax(
      options({ dim: optionalN(dim), keepdim: keepdim === undefined ? undefined : B(keepdim) }),
    );
    return [min, max];
  }),
  var_mean: spread((x, o) => x.varMean(o)),
  std_mean: spread((x, o) => x.stdMean(o)),
  count_nonzero: of("input dim", (x, dim) => T(x).countNonzero(options({ dim: dims(dim) }))),
  nansum: reduction((x, o) => x.nansum(o)),
  nanmean: reduction((x, o) => x.nanmean(o)),
  median: of("input dim keepdim", (x, dim, keepdim) => {
    return dim === undefined ? T(x).median() : T(x).median(along(dim, keepdim));
  }),
  quantile: of("input q dim keepdim interpolation", (x, q, dim, keepdim, interpolation) => {
    if (typeof q !== "number" && T(q).requiresGrad) throw new NotApplicable("q takes no gradient");
    return T(x).quantile(operand(q), {
      ...options({ dim: optionalN(dim), keepdim: keepdim === undefined ? undefined : B(keepdim) }),
      ...(interpolation === undefined ? {} : { interpolation: S(interpolation) as "linear" }), // or another of PyTorch's five
    });
  }),
  dist: of("input other p", (x, y, p) => T(x).dist(T(y), optionalN(p))),
  norm: of("input p dim keepdim", (x, p, dim, keepdim) => {
    if (p === "fro" || p === "nuc") throw new NotApplicable("norms of matrices are matrixNorm");
    return T(x).norm(optionalN(p) ?? 2, reduced(dim, keepdim));
  }),
  "norm.fro": of("input p dim keepdim", (x, _, dim, keepdim) => T(x).norm(2, reduced(dim, keepdim))),
  "norm.inf": of("input p dim keepdim", (x, p, dim, keepdim) => T(x).norm(N(p), reduced(dim, keepdim))),
  cumsum: of("input dim dtype", (x, dim, dtype) => T(x).cumsum(N(dim), typed(dtype))),
  cumprod: of("input dim dtype", (x, dim, dtype) => T(x).cumprod(N(dim), typed(dtype))),
  logcumsumexp: of("input dim", (x, dim) => T(x).logcumsumexp(N(dim))),
  cummax: of("input dim", (x, dim) => T(x).cummax(N(dim))),
  cummin: of("input dim", (x, dim) => T(x).cummin(N(dim))),
  softmax: softmax(F.softmax),
  "softmax.with_dtype": softmax(F.softmax),
  log_softmax: softmax(F.logSoftmax),
  "log_softmax.with_dtype": softmax(F.logSoftmax),
  "nn.functional.softmin": softmax(F.softmin),
  native_layer_norm: of(
    "input normalized_shape weight bias eps",
    (x, shape, weight, bias, eps) => {
      const affine = options({ weight: optionalT(weight), bias: optionalT(bias), eps: optionalN(eps) });
      return F.nativeLayerNorm(T(x), numbers(shape), affine);
    },
    { tolerance: rounding },
  ),
  sort: of("input dim descending stable", (x, dim, descending) => {
    return T(x).sort(
      options({ dim: optionalN(dim), descending: descending === undefined ? undefined : B(descending) }),
    );
  }),
  argsort: of("input dim descending stable", (x, dim, descending) => {
    return T(x).argsort(
      options({ dim: optionalN(dim), descending: descending === undefined ? undefined : B(descending) }),
    );
  }),
  topk: of(
    "input k dim largest sorted",
    (x, k, dim, largest) => {
      return T(x).topk(N(k), options({ dim: optionalN(dim), largest: largest === undefined ? undefined : B(largest) }));
    },
    {
      outputs: { count: 1, why: "PyTorch promises no index among equals; the gradient says whether it is one of them" },
    },
  ),
  "nn.functional.layer_norm": of(
    "input normalized_shape weight bias eps",
    (x, shape, weight, bias, eps) => {
      return F.layerNorm(T(x), numbers(shape), {
        ...options({ weight: weight as Tensor | undefined, bias: bias as Tensor | undefined, eps: optionalN(eps) }),
      });
    },
    { tolerance: rounding },
  ),
  "nn.functional.cosine_similarity": of("x1 x2 dim eps", (x, y, dim, eps) => {
    return F.cosineSimilarity(T(x), T(y), options({ dim: optionalN(dim), eps: optionalN(eps) }));
  }),
};
