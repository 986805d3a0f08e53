// Attention by its definition, one query after another: the meaning of the fast kernels, and what is used for float64 and
// for problems too small for tiles. Only one row of weights exists at a time.

import type { Block } from "../ir/build.ts";
import { add, cast, constant, div, eq, exp, i32, kernel, load, lt, min, mul, select, sub } from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Expr, Kernel, Var } from "../ir/ir.ts";
import { isKept, rowKey } from "./attention-dropout.ts";
import type { Variant } from "./attention-forward.ts";
import { maskValue } from "./attention-mask.ts";
import {
  type AttentionBackward,
  type AttentionForward,
  type ProblemVars,
  problemArgs,
  problemParams,
  rowArgs,
  rowAt,
  rowParams,
  split,
} from "./attention-problem.ts";
import { grainOf, past, type Real } from "./row-loop.ts";

const bytesOf = { f32: 4, f64: 8 } as const;
const plainParams = { ...problemParams, scratch: "ptr" } as const;

interface Query {
  readonly b: Expr;
  readonly h: Expr;
  readonly t: Expr;
  /** Counts batch items and heads. */
  readonly item: Expr;
}

/** Where the rows of a query and of its head's keys and values begin. */
interface Places {
  readonly q: Var;
  readonly k: Var;
  readonly v: Var;
}

/** One query's way through the formulas. */
class Row {
  readonly #k: Block;
  readonly #p: ProblemVars;
  readonly #real: Real;
  readonly #variant: Variant;
  readonly query: Query;
  readonly at: Places;
  /** Keys that the query may see. */
  readonly keys: Var;

  constructor(k: Block, p: ProblemVars, real: Real, variant: Variant, query: Query) {
    this.#k = k;
    this.#p = p;
    this.#real = real;
    this.#variant = variant;
    this.query = query;
    const { b, h, t } = query;
    const kv = k.let("kv", div(h, p.shared));
    const bytes = bytesOf[real];
    this.at = {
      q: k.let("q", rowAt(p.q, [p.qB, p.qH, p.qT], [b, h, t], bytes)),
      k: k.let("k", rowAt(p.k, [p.kB, p.kH, p.kT], [b, kv, i32(0)], bytes)),
      v: k.let("v", rowAt(p.v, [p.vB, p.vH, p.vT], [b, kv, i32(0)], bytes)),
    };
    this.keys = k.let("keys", select(eq(p.causal, 0), p.Tk, min(p.Tk, add(t, 1))));
  }

  /** Σ x[d] y[d] */
  dot(x: Expr, y: Expr, n: Expr): Var {
    const k = this.#k;
    const sum = k.let("sum", constant(this.#real, 0));
    k.for(0, n, 1, (d) => k.set(sum, add(sum, mul(load(this.#real, x, d), load(this.#real, y, d)))));
    return sum;
  }
  key(j: Expr): Var {
    return this.#k.let("key", past(this.at.k, mul(j, this.#p.kT), this.#real));
  }
  value(j: Expr): Var {
    return this.#k.let("value", past(this.at.v, mul(j, this.#p.vT), this.#real));
  }

  score(j: Expr): Expr {
    const p = this.#p;
    const product = mul(this.dot(this.at.q, this.key(j), p.D), cast(this.#real, p.scale));
    const { mask } = this.#variant;
    if (mask === undefined) return product;
    const { b, h, t } = this.query;
    const row = rowAt(p.m, [p.mB, p.mH, p.mT], [b, h, t], mask === "bool" ? 1 : bytesOf[this.#real]);
    return add(product, maskValue(mask, row, j, this.#real));
  }

  /** What dropout multiplies the weight of a key by; nothing without dropout. */
  kept(j: Expr): Expr | undefined {
    if (!this.#variant.dropout) return undefined;
    const p = this.#p;
    const row = rowKey(p, this.query.item, this.query.t);
    return select(isKept(p, row, j), cast(this.#real, p.keepScale), constant(this.#real, 0));
  }
}

function queryOf(k: Block, p: ProblemVars, task: Var): Query {
  const [item, t] = split(k, task, p.Tq, ["item", "t"]);
  const [b, h] = split(k, item, p.H, ["b", "h"]);
  return { b, h, t, item };
}

function times(x: Expr, factor: Expr | undefined): Expr {
  return factor === undefined ? x : mul(x, factor);
}

function forwardKernel(real: Real, variant: Variant): Kernel {
  const zero = constant(real, 0);
  return kernel(`attention_plain_${real}_${variant.mask}_${variant.dropout}`, plainParams, (k, p) => {
    const weights = k.let("weights", past(p.scratch, mul(k.thread, p.Tk), real));
    k.for(k.begin, k.end, 1, (task) => {
      const query = queryOf(k, p, task);
      const row = new Row(k, p, real, variant, query);
      const lowest = constant(real, Number.NEGATIVE_INFINITY);
      const peak = k.let("peak", lowest);
      k.for(0, row.keys, 1, (j) => {
        const score = k.let("score", row.score(j));
        k.store(real, weights, j, score);
        k.set(peak, select(lt(peak, score), score, peak));
      });
      k.set(peak, select(eq(peak, lowest), zero, peak)); // no key is seen
      const total = k.let("total", zero);
      k.for(0, row.keys, 1, (j) => {
        const weight = k.let("weight", exp(sub(load(real, weights, j), peak)));
        k.store(real, weights, j, weight);
        k.set(total, add(total, weight));
      });
      const inverse = k.let("inverse", select(eq(total, zero), zero, div(constant(real, 1), total)));
      const out = k.let("out", rowAt(p.o, [p.oB, p.oH, p.oT], [query.b, query.h, query.t], bytesOf[real]));
      k.for(0, p.Dv, 1, (d) => k.store(real, out, d, zero));
      k.for(0, row.keys, 1, (j) => {
        const weight = k.let("weight", times(mul(load(real, weights, j), inverse), row.kept(j)));
        const value = row.value(j);
        k.for(0, p.Dv, 1, (d) => k.store(real, out, d, add(load(real, out, d), mul(weight, load(real, value, d)))));
      });
      const stats = k.let("stats", past(p.stats, add(mul(query.item, mul(p.Tq, 2)), query.t), real));
      k.store(real, stats, 0, peak);
      k.store(real, stats, p.Tq, inverse);
    });
  });
}

const backwardParams = {
  ...plainParams,
  ...rowParams("g"),
  ...rowParams("dq"),
  ...rowParams("dk"),
  ...rowParams("dv"),
  heads: "i32",
} as const;

/** A task is a head of k and v, whose gradients belong to it alone. */
function backwardKernel(real: Real, variant: Variant): Kernel {
  const bytes = bytesOf[real];
  const zero = constant(real, 0);
  return kernel(`attention_plain_backward_${real}_${variant.mask}_${variant.dropout}`, backwardParams, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const [b, kv] = split(k, task, p.heads, ["b", "kv"]);
      const dk = (j: Expr): Var => k.let("dk", rowAt(p.dk, [p.dkB, p.dkH, p.dkT], [b, kv, j], bytes));
      const dv = (j: Expr): Var => k.let("dv", rowAt(p.dv, [p.dvB, p.dvH, p.dvT], [b, kv, j], bytes));
      const clear = (row: Expr, n: Expr): void => k.for(0, n, 1, (d) => k.store(real, row, d, zero));
      const addTo = (row: Expr, n: Expr, factor: Expr, x: Expr): void => {
        k.for(0, n, 1, (d) => k.store(real, row, d, add(load(real, row, d), mul(factor, load(real, x, d)))));
      };
      k.for(0, p.Tk, 1, (j) => {
        clear(dk(j), p.D);
        clear(dv(j), p.Dv);
      });
      k.for(0, mul(p.shared, p.Tq), 1, (i) => {
        const [own, t] = split(k, i, p.Tq, ["own", "t"]);
        const h = k.let("h", add(mul(kv, p.shared), own));
        const query = { b, h, t, item: k.let("item", add(mul(b, p.H), h)) };
        const row = new Row(k, p, real, variant, query);
        const stats = k.let("stats", past(p.stats, add(mul(query.item, mul(p.Tq, 2)), t), real));
        const out = k.let("out", rowAt(p.o, [p.oB, p.oH, p.oT], [b, h, t], bytes));
        const g = k.let("g", rowAt(p.g, [p.gB, p.gH, p.gT], [b, h, t], bytes));
        const dq = k.let("dq", rowAt(p.dq, [p.dqB, p.dqH, p.dqT], [b, h, t], bytes));
        const delta = row.dot(g, out, p.Dv);
        clear(dq, p.D);
        k.for(0, row.keys, 1, (j) => {
          const weight = k.let("weight", mul(exp(sub(row.score(j), load(real, stats, 0))), load(real, stats, p.Tq)));
          const kept = row.kept(j);
          addTo(dv(j), p.Dv, k.let("used", times(weight, kept)), g);
          const through = times(row.dot(g, row.value(j), p.Dv), kept);
          const ds = k.let("ds", mul(mul(weight, sub(through, delta)), cast(real, p.scale)));
          addTo(dq, p.D, ds, row.key(j));
          addTo(dk(j), p.D, ds, row.at.q);
        });
      });
    });
  });
}

function variantOf(p: AttentionForward): Variant {
  return { mask: p.mask?.kind, dropout: p.dropout !== undefined };
}

export function forwardPlain(device: Device, p: AttentionForward): void {
  const variant = variantOf(p);
  const key = `attention/plain/${p.dtype}/${variant.mask}/${variant.dropout}`;
  const scratch = device.scratch(Math.max(1, p.Tk) * bytesOf[p.dtype]);
  const compiled = device.compile(key, () => forwardKernel(p.dtype, variant));
  device.run(compiled, [...problemArgs(p), scratch], p.B * p.H * p.Tq, grainOf(p.Tk * (p.D + p.Dv)));
}

export function backwardPlain(device: Device, p: AttentionBackward): void {
  const variant = variantOf(p);
  const key = `attention/plain/backward/${p.dtype}/${variant.mask}/${variant.dropout}`;
  const compiled = device.compile(key, () => backwardKernel(p.dtype, variant));
  const args = [...problemArgs(p), 0, ...[p.g, p.dq, p.dk, p.dv].flatMap(rowArgs), p.KV];
  device.run(compiled, args, p.B * p.KV, grainOf(p.Tq * p.Tk * (p.D + p.Dv)));
}
