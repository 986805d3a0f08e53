// What a matrix product does with its result while it is still in the cache: an activation, then an addend of C's layout. What
// the activation's gradient needs, its own argument, can be written out on the way.
//
//   pre[m,n] = sum over k …        C[m,n] = activation(pre[m,n]) + residual[m,n]

import type { Block } from "../ir/build.ts";
import { add, div, exp, like, load, load4, max, mul, neg, normalCdf, tanh } from "../ir/build.ts";
import type { Expr } from "../ir/ir.ts";
import { isVector } from "../ir/ir.ts";
import type { MatmulProblem, ProblemVars } from "./matmul-problem.ts";

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

/** Which of the steps a kernel has; their addresses are arguments. */
export interface Epilogue {
  readonly activation: Activation | undefined;
  readonly residual: boolean;
  readonly keeps: boolean;
}

export function epilogueOf({ activation, residual, preActivation }: MatmulProblem): Epilogue {
  return { activation, residual: residual !== undefined, keeps: preActivation !== undefined };
}

export function isNothing({ activation, residual, keeps }: Epilogue): boolean {
  return activation === undefined && !residual && !keeps;
}

/** An epilogue as part of a kernel's name. */
export function nameOf({ activation, residual, keeps }: Epilogue): string {
  return `${activation}${residual ? "_residual" : ""}${keeps ? "_keeps" : ""}`;
}

/** A problem's piece without its epilogue, for sums that are not the last. */
export const noEpilogue = { activation: undefined, residual: undefined, preActivation: undefined } as const;

/** Stores finished sums, adjacent ones, at `c[index …]`: all loads, then all arithmetic, then all stores. */
export function finish(
  k: Block,
  { activation, residual, keeps }: Epilogue,
  p: ProblemVars,
  elem: MatmulProblem["dtype"],
  { sums, c, index }: { readonly sums: readonly Expr[]; readonly c: Expr; readonly index: Expr },
): void {
  const act = activation === undefined ? (x: Expr) => x : activations[activation];
  const loaded = (sum: Expr, i: number): Expr =>
    (isVector(sum.type) ? load4 : load)(elem, add(c, p.residual), index, 4 * i);
  const addends = residual ? sums.map((sum, i) => k.let("addend", loaded(sum, i))) : [];
  const results = sums.map((sum, i) => {
    const addend = addends[i];
    return k.let("result", addend === undefined ? act(sum) : add(act(sum), addend));
  });
  const store = (base: Expr, values: readonly Expr[]): void => {
    for (const [i, value] of [...values.entries()].reverse()) k.store(elem, base, index, value, 4 * i);
  };
  if (keeps) store(add(c, p.preActivation), sums);
  store(c, results);
}
