// What one attention is, and how its kernels name it.
//
//   S = scale Q Kᵀ + mask      P = softmax(S)      out = P V          for every batch item and head

import type { Block } from "../ir/build.ts";
import { add, div, mul, rem } from "../ir/build.ts";
import type { Expr, Var } from "../ir/ir.ts";

/** A tensor [B, heads, T, width] with adjacent elements in rows: its byte address, and its strides in elements. */
export interface Rows {
  readonly at: number;
  readonly b: number;
  readonly h: number;
  readonly t: number;
}

/** Which keys a query sees (bool, one byte each), or what is added to its scores. Strides of 0 broadcast. */
export interface Mask extends Rows {
  readonly kind: "bool" | "float";
}

/** Weights that are 0 with probability `p`; the others are divided by 1 − p. */
export interface WeightDropout {
  readonly p: number;
  /** Two numbers of 32 bits. */
  readonly seed: readonly [number, number];
}

export interface Attention {
  readonly dtype: "f32" | "f64";
  readonly B: number;
  /** Heads of q, a multiple of `KV`, those of k and v. */
  readonly H: number;
  readonly KV: number;
  readonly Tq: number;
  readonly Tk: number;
  /** The width of q and k, and that of v. */
  readonly D: number;
  readonly Dv: number;
  readonly q: Rows;
  readonly k: Rows;
  readonly v: Rows;
  readonly mask: Mask | undefined;
  /** Query i sees keys 0 … i. */
  readonly causal: boolean;
  readonly scale: number;
  readonly dropout: WeightDropout | undefined;
}

/** [B, H, Tq, Dv]; `stats` is [B, H, 2, Tq]: each query's largest score, and 1 / Σ e^(score − largest), 0 if it sees no key. */
export interface AttentionForward extends Attention {
  readonly out: Rows;
  readonly stats: number;
}

export interface AttentionBackward extends AttentionForward {
  readonly g: Rows;
  readonly dq: Rows;
  readonly dk: Rows;
  readonly dv: Rows;
}

type RowParams<N extends string> = { readonly [key in N]: "ptr" } & {
  readonly [key in `${N}${"B" | "H" | "T"}`]: "i32";
};

export function rowParams<const N extends string>(name: N): RowParams<N> {
  const params = { [name]: "ptr", [`${name}B`]: "i32", [`${name}H`]: "i32", [`${name}T`]: "i32" };
  return params as RowParams<N>; // the keys are computed
}

const sizes = {
  H: "i32",
  /** Heads of q that share one of k and v. */
  shared: "i32",
  Tq: "i32",
  Tk: "i32",
  D: "i32",
  Dv: "i32",
} as const;
const options = {
  stats: "ptr",
  causal: "i32",
  scale: "f64",
  seed0: "i32",
  seed1: "i32",
  /** Of 2^24: weights whose hash is below are dropped. */
  dropBelow: "i32",
  keepScale: "f64",
} as const;

export const problemParams: typeof sizes & RowParams<"q" | "k" | "v" | "m" | "o"> & typeof options = {
  ...sizes,
  ...rowParams("q"),
  ...rowParams("k"),
  ...rowParams("v"),
  ...rowParams("m"),
  ...rowParams("o"),
  ...options,
};

export type ProblemVars = { readonly [key in keyof typeof problemParams]: Var };

const none: Rows = { at: 0, b: 0, h: 0, t: 0 };
export const rowArgs = ({ at, b, h, t }: Rows): number[] => [at, b, h, t];

/** The values of `problemParams`. */
export function problemArgs(p: AttentionForward): number[] {
  const { dropout } = p;
  return [
    ...[p.H, p.H / p.KV, p.Tq, p.Tk, p.D, p.Dv],
    ...[p.q, p.k, p.v, p.mask ?? none, p.out].flatMap(rowArgs),
    ...[p.stats, Number(p.causal), p.scale],
    ...(dropout === undefined ? [0, 0, 0, 1] : dropoutArgs(dropout)),
  ];
}

/** The values of seed0, seed1, dropBelow and keepScale. */
export function dropoutArgs({ p, seed }: WeightDropout): number[] {
  return [seed[0] | 0, seed[1] | 0, Math.round(p * 2 ** 24), p === 1 ? 0 : 1 / (1 - p)];
}

/** Where row `t` of one head begins. */
export function rowAt(
  base: Expr,
  strides: readonly [Expr, Expr, Expr],
  at: readonly [Expr, Expr, Expr],
  bytes: number,
): Expr {
  const [b, h, t] = at.map((index, d) => mul(index, strides[d]!)) as [Expr, Expr, Expr]; // three of them
  return add(base, mul(add(add(b, h), t), bytes));
}

/** `index` as its place in rows of `size`. */
export function split(k: Block, index: Expr, size: Expr, names: readonly [string, string]): [Var, Var] {
  return [k.let(names[0], div(index, size)), k.let(names[1], rem(index, size))];
}
