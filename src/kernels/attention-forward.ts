// Attention of float32 without a score matrix. A task takes some panels of 16 queries of one head and walks over the keys
// in blocks. All is computed transposed, queries in columns, so that softmax runs down the columns and no operand but the
// queries is packed:
//
//   S [keys, 16] = K Qᵀ     peak, P = e^(S−peak), total     O [Dv, 16] = O e^(old peak−peak) + Vᵀ P
//
// https://arxiv.org/abs/2205.14135

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
  gt,
  i32,
  kernel,
  load,
  load4,
  lt,
  min,
  mul,
  select,
  sub,
} from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Expr, Kernel, Var } from "../ir/ir.ts";
import { keeper, writeRowKeys } from "./attention-dropout.ts";
import { maskLines } from "./attention-mask.ts";
import {
  type AttentionForward,
  type Mask,
  type ProblemVars,
  problemArgs,
  problemParams,
  rowAt,
  split,
} from "./attention-problem.ts";
import { fillLines, hideLater, lanes, line, packColumns, product, quads } from "./attention-tile.ts";
import { tall, transposed } from "./matmul-pack.ts";

export interface Variant {
  readonly mask: Mask["kind"] | undefined;
  readonly dropout: boolean;
}

const forwardParams = {
  ...problemParams,
  scratch: "ptr",
  scratchBytes: "i32",
  /** Panels in a task, and tasks for a head. */
  panels: "i32",
  groups: "i32",
  /** Keys in a block. */
  block: "i32",
} as const;

type ForwardVars = ProblemVars & { readonly [key in keyof typeof forwardParams]: Var };

/** A thread's private memory. Panel `i` of a task has its lines at `peaks + i line`, and so on. */
interface Scratch {
  readonly zeros: Var;
  readonly alphas: Var;
  readonly rowKeys: Var;
  readonly peaks: Var;
  readonly totals: Var;
  readonly scores: Var;
  readonly queries: Var;
  readonly outs: Var;
}

const fixedLines = tall + 2;
/** Lines that products may write behind their last row, and one for an even number of rows. */
const slack = 4;

function scratchOf(k: Block, p: ForwardVars): Scratch {
  let at: Expr = add(p.scratch, mul(k.thread, p.scratchBytes));
  const take = (name: string, count: Expr): Var => {
    const start = k.let(name, at);
    at = add(start, mul(count, line));
    return start;
  };
  return {
    zeros: take("zeros", i32(tall)),
    alphas: take("alphas", i32(1)),
    rowKeys: take("rowKeys", i32(1)),
    peaks: take("peaks", p.panels),
    totals: take("totals", p.panels),
    scores: take("scores", add(p.block, slack)),
    queries: take("queries", mul(p.panels, p.D)),
    outs: take("outs", mul(p.panels, add(p.Dv, slack))),
  };
}

function scratchBytes(panels: number, block: number, { D, Dv }: Pick<AttentionForward, "D" | "Dv">): number {
  return line * (fixedLines + 2 * panels + block + slack + panels * (D + Dv + slack));
}

/** The head that a task works on, and where its operands begin. */
interface Head {
  readonly item: Var;
  readonly b: Var;
  readonly h: Var;
  readonly k: Var;
  readonly v: Var;
}

function forwardKernel({ mask, dropout }: Variant): Kernel {
  return kernel(`attention_${mask}_${dropout}`, forwardParams, (k, p) => {
    const s = scratchOf(k, p);
    fillLines(k, s.zeros, i32(tall), f32(0));
    k.for(k.begin, k.end, 1, (task) => {
      const [item, group] = split(k, task, p.groups, ["item", "group"]);
      const [b, h] = split(k, item, p.H, ["b", "h"]);
      const kv = k.let("kv", div(h, p.shared));
      const head: Head = {
        item,
        b,
        h,
        k: k.let("kHead", rowAt(p.k, [p.kB, p.kH, p.kT], [b, kv, i32(0)], 4)),
        v: k.let("vHead", rowAt(p.v, [p.vB, p.vH, p.vT], [b, kv, i32(0)], 4)),
      };
      const first = k.let("first", mul(group, p.panels));
      const count = k.let("count", min(p.panels, sub(div(add(p.Tq, lanes - 1), lanes), first)));
      const query0 = (panel: Var): Var => k.let("query0", mul(add(first, panel), lanes));
      k.for(0, count, 1, (panel) => startPanel(k, p, s, head, panel, query0(panel)));
      const seen = k.let("seen", select(eq(p.causal, 0), p.Tk, min(p.Tk, mul(add(first, count), lanes))));
      k.for(0, seen, p.block, (key0) => {
        k.for(0, count, 1, (panel) => {
          const q0 = query0(panel);
          const end = k.let("end", select(eq(p.causal, 0), p.Tk, min(p.Tk, add(q0, lanes))));
          const keys = k.let("keys", min(p.block, sub(end, key0)));
          k.if(gt(keys, 0), () => visit(k, p, s, { mask, dropout }, head, { panel, q0, key0, keys }));
        });
      });
      k.for(0, count, 1, (panel) => finishPanel(k, p, s, head, panel, query0(panel)));
    });
  });
}

function startPanel(k: Block, p: ForwardVars, s: Scratch, { b, h }: Head, panel: Var, q0: Var): void {
  const at = k.let("qAt", rowAt(p.q, [p.qB, p.qH, p.qT], [b, h, q0], 4));
  const rows = { at, row: k.let("qRow", mul(p.qT, 4)) };
  const to = k.let("qPanel", add(s.queries, mul(mul(panel, p.D), line)));
  packColumns(k, rows, min(sub(p.Tq, q0), lanes), p.D, cast("f32", p.scale), to);
  fillLines(k, add(s.peaks, mul(panel, line)), i32(1), f32(Number.NEGATIVE_INFINITY));
  fillLines(k, add(s.totals, mul(panel, line)), i32(1), f32(0));
}

/** A panel of queries and a block of keys. */
interface Place {
  readonly panel: Var;
  readonly q0: Var;
  readonly key0: Var;
  readonly keys: Var;
}

function visit(k: Block, p: ForwardVars, s: Scratch, variant: Variant, head: Head, place: Place): void {
  const { panel, q0, key0, keys } = place;
  const { mask, dropout } = variant;
  if (mask !== undefined) {
    maskLines(k, p, mask, { b: head.b, h: head.h, q0, key0, keys, to: s.scores, step: i32(lanes) });
  }
  const scores = { at: s.scores, row: i32(line) };
  product(k, {
    M: keys,
    K: p.D,
    a: { at: add(head.k, mul(key0, mul(p.kT, 4))), row: k.let("kRow", mul(p.kT, 4)), column: i32(4) },
    b: { at: add(s.queries, mul(mul(panel, p.D), line)), row: i32(line) },
    from: mask === undefined ? { zeros: s.zeros } : "c",
    to: scores,
  });
  k.if(eq(p.causal, 1), () => hideLater(k, s.scores, i32(lanes), place));
  fillLines(k, add(s.scores, mul(keys, line)), i32(1), f32(Number.NEGATIVE_INFINITY));

  const peakAt = k.let("peakAt", add(s.peaks, mul(panel, line)));
  newPeaks(k, s, keys, peakAt);
  const totalAt = k.let("totalAt", add(s.totals, mul(panel, line)));
  weigh(k, s.scores, keys, peakAt, totalAt, s.alphas);
  if (dropout) {
    writeRowKeys(k, p, { at: s.rowKeys, item: head.item, q0 });
    drop(k, p, s, key0, keys);
  }
  const outs = k.let("outsAt", add(s.outs, mul(mul(panel, add(p.Dv, slack)), line)));
  k.if(
    eq(key0, 0),
    () => fillLines(k, outs, p.Dv, f32(0)),
    () => rescale(k, outs, p.Dv, s.alphas),
  );
  product(k, {
    M: p.Dv,
    K: keys,
    a: { at: add(head.v, mul(key0, mul(p.vT, 4))), row: i32(4), column: k.let("vRow", mul(p.vT, 4)) },
    b: scores,
    from: "c",
    to: { at: outs, row: i32(line) },
  });
}

/** The weights after dropout; the totals are of those before. */
function drop(k: Block, p: ForwardVars, s: Scratch, key0: Var, keys: Var): void {
  const keptAt = keeper(k, p, s.rowKeys);
  k.for(0, keys, 1, (key) => {
    const kept = keptAt(add(key0, key));
    const loaded = quads.map((quad) => k.let("weight", load4("f32", s.scores, mul(key, lanes), quad)));
    const made = loaded.map((w, i) => k.let("weight", mul(w, kept[i]!)));
    made.forEach((w, i) => k.store("f32", s.scores, mul(key, lanes), w, quads[i]));
  });
}

/** The largest score of each column; `alphas` becomes what the sums so far shrink by. */
function newPeaks(k: Block, s: Scratch, keys: Var, peakAt: Var): void {
  const old = quads.map((quad) => k.let("old", load4("f32", peakAt, 0, quad)));
  const most = [...quads, ...quads].map((quad) => k.let("most", load4("f32", peakAt, 0, quad)));
  const at = k.let("at", s.scores);
  k.for(0, keys, 2, () => {
    const rows = [...quads, ...quads.map((q) => q + lanes)].map((o) => k.let("score", load4("f32", at, 0, o)));
    rows.forEach((x, i) => k.set(most[i]!, select(lt(most[i]!, x), x, most[i]!)));
    k.set(at, add(at, 2 * line));
  });
  const peaks = quads.map((_, i) => k.let("peak", select(lt(most[i]!, most[i + 4]!), most[i + 4]!, most[i]!)));
  const safe = peaks.map((peak) => k.let("safe", finite(peak)));
  const alphas = old.map((o, i) => k.let("alpha", exp(sub(o, safe[i]!))));
  peaks.forEach((peak, i) => k.store("f32", peakAt, 0, peak, quads[i]));
  alphas.forEach((alpha, i) => k.store("f32", s.alphas, 0, alpha, quads[i]));
}

/** 0 for −∞, which a query has that sees no key. */
function finite(peak: Expr): Expr {
  const lowest = constant("f32x4", Number.NEGATIVE_INFINITY);
  return select(eq(peak, lowest), constant("f32x4", 0), peak);
}

/** Scores become weights in place; their sums are added to the totals. */
function weigh(k: Block, scores: Var, keys: Var, peakAt: Var, totalAt: Var, alphas: Var): void {
  const peaks = quads.map((quad) => k.let("peak", finite(load4("f32", peakAt, 0, quad))));
  const sums = quads.map((quad) => k.let("sum", mul(load4("f32", totalAt, 0, quad), load4("f32", alphas, 0, quad))));
  const at = k.let("at", scores);
  k.for(0, keys, 1, () => {
    const loaded = quads.map((quad) => k.let("score", load4("f32", at, 0, quad)));
    const weights = loaded.map((x, i) => k.let("weight", exp(sub(x, peaks[i]!))));
    weights.forEach((w, i) => k.set(sums[i]!, add(sums[i]!, w)));
    weights.forEach((w, i) => k.store("f32", at, 0, w, quads[i]));
    k.set(at, add(at, line));
  });
  sums.forEach((sum, i) => k.store("f32", totalAt, 0, sum, quads[i]));
}

function rescale(k: Block, at: Var, count: Expr, alphaAt: Var): void {
  const alphas = quads.map((quad) => k.let("alpha", load4("f32", alphaAt, 0, quad)));
  k.for(0, mul(count, lanes), lanes, (i) => {
    const loaded = quads.map((quad) => k.let("x", load4("f32", at, i, quad)));
    const scaled = loaded.map((x, n) => k.let("y", mul(x, alphas[n]!)));
    scaled.forEach((y, n) => k.store("f32", at, i, y, quads[n]));
  });
}

/** Divides by the totals, turns the panel back, and writes what the backward pass needs. */
function finishPanel(k: Block, p: ForwardVars, s: Scratch, { item, b, h }: Head, panel: Var, q0: Var): void {
  const outs = k.let("outsAt", add(s.outs, mul(mul(panel, add(p.Dv, slack)), line)));
  const valid = k.let("valid", min(sub(p.Tq, q0), lanes));
  const totalAt = k.let("totalAt", add(s.totals, mul(panel, line)));
  const peakAt = k.let("peakAt", add(s.peaks, mul(panel, line)));
  k.for(0, lanes, 4, (i) => {
    const total = k.let("total", load4("f32", totalAt, i));
    const none = eq(total, constant("f32x4", 0));
    k.store("f32", totalAt, i, select(none, constant("f32x4", 0), div(constant("f32x4", 1), total)));
    k.store("f32", peakAt, i, finite(load4("f32", peakAt, i)));
  });
  const stats = k.let("statsAt", add(p.stats, mul(add(mul(item, mul(p.Tq, 2)), q0), 4)));
  k.for(0, valid, 1, (i) => {
    k.store("f32", stats, i, load("f32", peakAt, i));
    k.store("f32", stats, add(p.Tq, i), load("f32", totalAt, i));
  });
  const out = k.let("outAt", rowAt(p.o, [p.oB, p.oH, p.oT], [b, h, q0], 4));
  const row = k.let("outRow", mul(p.oT, 4));
  const whole = k.let("whole", and(p.Dv, -4));
  k.for(0, and(valid, -4), 4, (r) => {
    const inverse = k.let("inverse", load4("f32", totalAt, r));
    const lines = [0, 1, 2, 3].map((i) => k.let("line", add(out, mul(add(r, i), row))));
    k.for(0, whole, 4, (d) => {
      const from = k.let("from", add(outs, mul(d, line)));
      const loaded = [0, 1, 2, 3].map((i) => k.let("x", mul(load4("f32", from, r, i * lanes), inverse)));
      transposed(k, loaded).forEach((x, i) => k.store("f32", lines[i]!, d, x));
    });
  });
  const oneByOne = (r: Var, from: Expr): void => {
    const inverse = k.let("inverse", load("f32", totalAt, r));
    const to = k.let("to", add(out, mul(r, row)));
    k.for(from, p.Dv, 1, (d) => k.store("f32", to, d, mul(load("f32", add(outs, mul(d, line)), r), inverse)));
  };
  k.for(0, and(valid, -4), 1, (r) => oneByOne(r, whole));
  k.for(and(valid, -4), valid, 1, (r) => oneByOne(r, i32(0)));
}

/** Most keys in a block, and panels in a task. */
const mostKeys = 128;
const mostPanels = 4;
/** Multiplications that are worth handing to another thread. */
const grainWork = 65536;

export function forwardTiled(device: Device, p: AttentionForward): void {
  const blocks = Math.ceil(p.Tk / mostKeys);
  const block = Math.ceil(p.Tk / blocks / 4) * 4;
  const panels = Math.min(mostPanels, Math.ceil(p.Tq / lanes));
  const groups = Math.ceil(p.Tq / (lanes * panels));
  const bytes = scratchBytes(panels, block, p);
  const variant: Variant = { mask: p.mask?.kind, dropout: p.dropout !== undefined };
  const key = `attention/forward/${variant.mask}/${variant.dropout}`;
  const work = p.Tk * (p.D + p.Dv) * lanes * panels;
  device.run(
    device.compile(key, () => forwardKernel(variant)),
    [...problemArgs(p), device.scratch(bytes), bytes, panels, groups, block],
    p.B * p.H * groups,
    Math.ceil(grainWork / (work + 1)),
  );
}
