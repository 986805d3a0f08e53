// The activations that a matrix product can apply to its result while it is still in the cache.

import { add, div, exp, like, max, mul, neg, normalCdf, tanh } from "../ir/build.ts";
import type { Expr } from "../ir/ir.ts";

export type Activation = "relu" | "gelu" | "geluTanh" | "silu" | "tanh" | "sigmoid";

/** 1 / (1 + e^-x) */
function sigmoid(x: Expr): Expr {
  return div(1, add(exp(neg(x)), 1));
}

/** Each as an expression of a scalar or of four lanes. */
export const activations: { readonly [a in Activation]: (x: Expr) => Expr } = {
  relu: (x) => max(x, like(x, 0)),
  gelu: (x) => mul(x, normalCdf(x)),
  geluTanh: (x) => {
    const inner = mul(mul(x, Math.sqrt(2 / Math.PI)), add(mul(mul(x, x), 0.044715), 1));
    return mul(mul(x, 0.5), add(tanh(inner), 1));
  },
  silu: (x) => mul(x, sigmoid(x)),
  tanh,
  sigmoid,
};
