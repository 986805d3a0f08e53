// A few queries against many keys, as in decoding: K and V stream through once, as rows of products with few rows, and the
// heads run side by side. The weights of so few queries are kept in memory.
//
//   scores = Q Kᵀ (matmul-dot.ts)    weights = softmax(scale scores + mask)    out = weights V (matmul-rows.ts)

import type { Block } from "../ir/build.ts";
import {
  add,
  and,
  cast,
  constant,
  div,
  eq,
  exp,
  f32,
  fma,
  kernel,
  load,
  load4,
  min,
  mul,
  select,
  splat,
  sub,
} from "../ir/build.ts";
import type { Device, Launch } from "../ir/device.ts";
import type { Expr, Kernel, Var } from "../ir/ir.ts";
import { maskValue, maskValues } from "./attention-mask.ts";
import {
  type AttentionForward,
  type Mask,
  type ProblemVars,
  problemArgs,
  problemParams,
  rowAt,
  split,
} from "./attention-problem.ts";
import { dotLaunch } from "./matmul-dot.ts";
import { folded, type MatmulProblem } from "./matmul-problem.ts";
import { rowsLaunch } from "./matmul-rows.ts";
import { grainOf, peaks, RowLoops, rowScratch, sums } from "./row-loop.ts";

/** Query rows that share a head of k and v, up to which their products count as having few rows. */
const mostRows = 8;
const leastWidth = 8;

export function isFew({ H, KV, Tq, D, dropout }: AttentionForward): boolean {
  return (H / KV) * Tq <= mostRows && D >= leastWidth && dropout === undefined;
}

const weightParams = { ...problemParams, weights: "ptr", scratch: "ptr" } as const;

/** Scores [B, H, Tq, Tk] to weights, in place. */
function weightsKernel(mask: Mask["kind"] | undefined): Kernel {
  return kernel(`attention_weights_${mask}`, weightParams, (k, p) => {
    const loops = new RowLoops(k, "f32", p.scratch);
    k.for(k.begin, k.end, 1, (task) => {
      const [item, t] = split(k, task, p.Tq, ["item", "t"]);
      const row = k.let("row", add(p.weights, mul(mul(task, p.Tk), 4)));
      const keys = k.let("keys", select(eq(p.causal, 0), p.Tk, min(p.Tk, add(t, 1))));
      scaled(k, p, mask, { item, t, row, keys });
      const lowest = f32(Number.NEGATIVE_INFINITY);
      const [largest] = loops.fold(keys, [peaks], (at, [most]) => [peaks.combine(most!, at.read(row))]);
      const peak = k.let("peak", select(eq(largest!, lowest), f32(0), largest!));
      const [total] = loops.fold(keys, [sums], (at, [sum]) => {
        const weight = k.let("weight", exp(sub(at.read(row), at.spread(peak))));
        at.write(row, weight);
        return [add(sum!, weight)];
      });
      const inverse = k.let("inverse", select(eq(total!, 0), f32(0), div(f32(1), total!)));
      loops.over(keys, (at) => at.write(row, mul(at.read(row), at.spread(inverse))));
      k.for(keys, p.Tk, 1, (j) => k.store("f32", row, j, f32(0)));
      const stats = k.let("stats", add(p.stats, mul(add(mul(item, mul(p.Tq, 2)), t), 4)));
      k.store("f32", stats, 0, peak);
      k.store("f32", stats, p.Tq, inverse);
    });
  });
}

interface Scores {
  readonly item: Var;
  readonly t: Var;
  readonly row: Var;
  readonly keys: Var;
}

function scaled(k: Block, p: ProblemVars, mask: Mask["kind"] | undefined, { item, t, row, keys }: Scores): void {
  const scale = k.let("scale", cast("f32", p.scale));
  const scales = k.let("scales", splat(scale));
  const [b, h] = split(k, item, p.H, ["b", "h"]);
  const from = k.let("mask", rowAt(p.m, [p.mB, p.mH, p.mT], [b, h, t], mask === "bool" ? 1 : 4));
  const whole = k.let("whole", and(keys, -4));
  const start = (j: Expr): Expr => (mask === undefined ? constant("f32x4", 0) : maskValues(mask, from, j));
  const startOne = (j: Expr): Expr => (mask === undefined ? f32(0) : maskValue(mask, from, j, "f32"));
  k.for(0, whole, 4, (j) => k.store("f32", row, j, fma(load4("f32", row, j), scales, start(j))));
  k.for(whole, keys, 1, (j) => k.store("f32", row, j, fma(load("f32", row, j), scale, startOne(j))));
}

export function forwardFew(device: Device, p: AttentionForward): void {
  const { B, H, KV, Tq, Tk, D, Dv, q, k, v, out } = p;
  const shared = H / KV;
  const weights = device.alloc(4 * B * H * Tq * Tk);
  const plain = { dtype: "f32", M: Tq, accumulate: false } as const;
  const scoring: MatmulProblem = {
    ...{ ...plain, N: Tk, K: D },
    ...{ a: q.at, aRow: q.t, aCol: 1, b: k.at, bRow: 1, bCol: k.t, c: weights, cRow: Tk },
    batch: [
      { size: B, a: q.b, b: k.b, c: H * Tq * Tk },
      { size: KV, a: shared * q.h, b: k.h, c: shared * Tq * Tk },
      { size: shared, a: q.h, b: 0, c: Tq * Tk },
    ],
  };
  const weighing: MatmulProblem = {
    ...{ ...plain, N: Dv, K: Tk },
    ...{ a: weights, aRow: Tk, aCol: 1, b: v.at, bRow: v.t, bCol: 1, c: out.at, cRow: out.t },
    batch: [
      { size: B, a: H * Tq * Tk, b: v.b, c: out.b },
      { size: KV, a: shared * Tq * Tk, b: v.h, c: shared * out.h },
      { size: shared, a: Tq * Tk, b: 0, c: out.h },
    ],
  };
  const softmax: Launch = {
    kernel: device.compile(`attention/weights/${p.mask?.kind}`, () => weightsKernel(p.mask?.kind)),
    args: [...problemArgs(p), weights, rowScratch(device)],
    tasks: B * H * Tq,
    grain: grainOf(4 * Tk),
  };
  try {
    device.runAll([dotLaunch(device, folded(scoring)), softmax, rowsLaunch(device, folded(weighing))]);
  } finally {
    device.free(weights);
  }
}
