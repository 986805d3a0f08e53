// The gradients of attention, float32. Weights are computed again, block by block, from what the forward pass kept of each
// query. A task takes a head of k and v, or a piece of its keys, so that dk and dv belong to it alone; it walks over blocks
// of queries, and for each over blocks of keys:
//
//   S = K Qᵀ   dP = V gᵀ   P = e^(S−peak) / total   dS = P (dP − delta)     [keys, queries], delta = Σ g out
//   dv += P g   dk += dS Q   dq += dSᵀ K
//
// https://arxiv.org/abs/2307.08691

import type { Block } from "../ir/build.ts";
import {
  add,
  and,
  cast,
  div,
  eq,
  exp,
  f32,
  fma,
  i32,
  kernel,
  load,
  load4,
  max,
  min,
  mul,
  select,
  splat,
  sub,
} from "../ir/build.ts";
import type { Device, Launch } from "../ir/device.ts";
import type { Expr, Kernel, Var } from "../ir/ir.ts";
import { keeper, writeRowKeys } from "./attention-dropout.ts";
import type { Variant } from "./attention-forward.ts";
import { maskLines } from "./attention-mask.ts";
import {
  type AttentionBackward,
  type ProblemVars,
  problemArgs,
  problemParams,
  type Rows,
  rowArgs,
  rowAt,
  rowParams,
  split,
} from "./attention-problem.ts";
import { copyRows, fillLines, hideLater, lanes, line, packColumns, product, quads } from "./attention-tile.ts";
import { tall } from "./matmul-pack.ts";
import { foldLanes, grainOf, overRow, sums } from "./row-loop.ts";

const backwardParams = {
  ...problemParams,
  ...rowParams("g"),
  ...rowParams("dq"),
  ...rowParams("dk"),
  ...rowParams("dv"),
  /** Elements from one piece's dq to the next. */
  dqPiece: "i32",
  scratch: "ptr",
  scratchBytes: "i32",
  heads: "i32",
  pieces: "i32",
  pieceKeys: "i32",
  /** Queries and keys in a block. */
  queries: "i32",
  keys: "i32",
  /** Bytes from row to row of scores, and of copies of width D and Dv. */
  scoreRow: "i32",
  row: "i32",
  rowV: "i32",
} as const;

type BackwardVars = ProblemVars & { readonly [key in keyof typeof backwardParams]: Var };

/** Rows that products may write behind their last. */
const slack = 3;

interface Scratch {
  readonly zeros: Var;
  readonly rowKeys: Var;
  /** One number for each query of the block. */
  readonly peaks: Var;
  readonly inverses: Var;
  readonly deltas: Var;
  /** [keys, queries]: scores, then weights; dP, then dS. */
  readonly scores: Var;
  readonly grads: Var;
  /** Q and g of a block in panels and in rows, K in rows. */
  readonly qPanels: Var;
  readonly gPanels: Var;
  readonly qRows: Var;
  readonly gRows: Var;
  readonly kRows: Var;
  /** Sums of a block of queries, and of a piece of keys. */
  readonly dq: Var;
  readonly dk: Var;
  readonly dv: Var;
}

type Sizes = { readonly [key in "queries" | "keys" | "pieceKeys" | "scoreRow" | "row" | "rowV" | "D" | "Dv"]: number };

/** Bytes of each part, in the order of `Scratch`; for numbers here and expressions in the kernel. */
function partBytes<T>(s: { readonly [key in keyof Sizes]: T }, o: Arithmetic<T>): T[] {
  const rows = (count: T, row: T): T => o.mul(o.add(count, o.number(slack)), row);
  const perQuery = o.mul(s.queries, o.number(4));
  return [
    ...[o.number(tall * line), o.number(line), perQuery, perQuery, perQuery],
    ...[rows(s.keys, s.scoreRow), rows(s.keys, s.scoreRow)],
    ...[o.mul(perQuery, s.D), o.mul(perQuery, s.Dv)],
    ...[rows(s.queries, s.row), rows(s.queries, s.rowV), rows(s.keys, s.row)],
    ...[rows(s.queries, s.row), rows(s.pieceKeys, s.row), rows(s.pieceKeys, s.rowV)],
  ];
}

interface Arithmetic<T> {
  number(n: number): T;
  add(a: T, b: T): T;
  mul(a: T, b: T): T;
}
const ofNumbers: Arithmetic<number> = { number: (n) => n, add: (a, b) => a + b, mul: (a, b) => a * b };
const ofExpressions: Arithmetic<Expr> = { number: i32, add, mul };

function scratchOf(k: Block, p: BackwardVars): Scratch {
  let next: Expr = add(p.scratch, mul(k.thread, p.scratchBytes));
  const starts = partBytes<Expr>(p, ofExpressions).map((bytes) => {
    const start = k.let("part", next);
    next = add(start, bytes);
    return start;
  });
  const [zeros, rowKeys, peaks, inverses, deltas, scores, grads, ...rest] = starts as Var[];
  const [qPanels, gPanels, qRows, gRows, kRows, dq, dk, dv] = rest;
  return {
    zeros,
    rowKeys,
    peaks,
    inverses,
    deltas,
    scores,
    grads,
    qPanels,
    gPanels,
    qRows,
    gRows,
    kRows,
    dq,
    dk,
    dv,
  } as Scratch; // as many as partBytes makes
}

/** The head of q that is visited, with the head of k and v. */
interface Head {
  readonly b: Var;
  readonly h: Var;
  readonly item: Var;
  readonly k: Var;
  readonly v: Var;
  readonly piece: Var;
}

/** A block of queries q0 … of which `count` exist, and a block of keys. */
interface Place {
  readonly q0: Var;
  readonly count: Var;
  readonly key0: Var;
  readonly keys: Var;
}

function backwardKernel(variant: Variant): Kernel {
  return kernel(`attention_backward_${variant.mask}_${variant.dropout}`, backwardParams, (k, p) => {
    const s = scratchOf(k, p);
    fillLines(k, s.zeros, i32(tall), f32(0));
    k.for(k.begin, k.end, 1, (task) => {
      const [kvItem, piece] = split(k, task, p.pieces, ["kvItem", "piece"]);
      const [b, kv] = split(k, kvItem, p.heads, ["b", "kv"]);
      const kHead = k.let("kHead", rowAt(p.k, [p.kB, p.kH, p.kT], [b, kv, i32(0)], 4));
      const vHead = k.let("vHead", rowAt(p.v, [p.vB, p.vH, p.vT], [b, kv, i32(0)], 4));
      const first = k.let("firstKey", mul(piece, p.pieceKeys));
      const end = k.let("endKey", min(add(first, p.pieceKeys), p.Tk));
      const count = k.let("pieceCount", sub(end, first));
      clear(k, s.dk, mul(count, p.row));
      clear(k, s.dv, mul(count, p.rowV));
      k.for(0, p.shared, 1, (i) => {
        const h = k.let("h", add(mul(kv, p.shared), i));
        const head: Head = { b, h, item: k.let("item", add(mul(b, p.H), h)), k: kHead, v: vHead, piece };
        k.for(0, p.Tq, p.queries, (q0) => queryBlock(k, p, s, variant, head, q0, { first, end }));
      });
      const rows = (at: Var, row: Var): { at: Var; row: Var } => ({ at, row });
      const dk = { at: rowAt(p.dk, [p.dkB, p.dkH, p.dkT], [b, kv, first], 4), row: k.let("dkRow", mul(p.dkT, 4)) };
      const dv = { at: rowAt(p.dv, [p.dvB, p.dvH, p.dvT], [b, kv, first], 4), row: k.let("dvRow", mul(p.dvT, 4)) };
      copyRows(k, rows(s.dk, p.row), count, p.D, undefined, dk);
      copyRows(k, rows(s.dv, p.rowV), count, p.Dv, undefined, dv);
    });
  });
}

/** Bytes are a multiple of 64. */
function clear(k: Block, at: Var, bytes: Expr): void {
  fillLines(k, at, div(bytes, line), f32(0));
}

function queryBlock(
  k: Block,
  p: BackwardVars,
  s: Scratch,
  variant: Variant,
  head: Head,
  q0: Var,
  keys: { readonly first: Var; readonly end: Var },
): void {
  const { b, h, piece } = head;
  const count = k.let("count", min(p.queries, sub(p.Tq, q0)));
  const queries = { at: k.let("qAt", rowAt(p.q, [p.qB, p.qH, p.qT], [b, h, q0], 4)), row: k.let("qRow", mul(p.qT, 4)) };
  const gs = { at: k.let("gAt", rowAt(p.g, [p.gB, p.gH, p.gT], [b, h, q0], 4)), row: k.let("gRow", mul(p.gT, 4)) };
  const scale = k.let("scale", cast("f32", p.scale));
  copyRows(k, queries, count, p.D, scale, { at: s.qRows, row: p.row });
  copyRows(k, gs, count, p.Dv, undefined, { at: s.gRows, row: p.rowV });
  k.for(0, count, lanes, (i) => {
    const valid = k.let("valid", min(sub(count, i), lanes));
    const qRows = { at: k.let("from", add(s.qRows, mul(i, p.row))), row: p.row };
    const gRows = { at: k.let("from", add(s.gRows, mul(i, p.rowV))), row: p.rowV };
    packColumns(k, qRows, valid, p.D, f32(1), k.let("to", add(s.qPanels, mul(mul(i, p.D), 4))));
    packColumns(k, gRows, valid, p.Dv, f32(1), k.let("to", add(s.gPanels, mul(mul(i, p.Dv), 4))));
  });
  readStats(k, p, s, head, q0, count);
  clear(k, s.dq, mul(count, p.row));
  const end = k.let("end", select(eq(p.causal, 0), keys.end, min(keys.end, add(q0, count))));
  k.for(keys.first, end, p.keys, (key0) => {
    const blockKeys = k.let("blockKeys", min(p.keys, sub(keys.end, key0)));
    keyBlock(k, p, s, variant, head, { q0, count, key0, keys: blockKeys }, keys.first);
  });
  const dq = rowAt(p.dq, [p.dqB, p.dqH, p.dqT], [b, h, q0], 4);
  const to = k.let("dqAt", add(dq, mul(mul(piece, p.dqPiece), 4)));
  copyRows(k, { at: s.dq, row: p.row }, count, p.D, scale, { at: to, row: k.let("dqRow", mul(p.dqT, 4)) });
}

/** Largest score, 1 / total and Σ g out of each query. */
function readStats(k: Block, p: BackwardVars, s: Scratch, { b, h, item }: Head, q0: Var, count: Var): void {
  const stats = k.let("statsAt", add(p.stats, mul(add(mul(item, mul(p.Tq, 2)), q0), 4)));
  const out = k.let("outAt", rowAt(p.o, [p.oB, p.oH, p.oT], [b, h, q0], 4));
  const g = k.let("gCopy", s.gRows);
  const whole = k.let("whole", and(p.Dv, -4));
  k.for(0, count, 1, (i) => {
    k.store("f32", s.peaks, i, load("f32", stats, i));
    k.store("f32", s.inverses, i, load("f32", stats, add(p.Tq, i)));
    const parts = k.let("parts", splat(f32(0)));
    k.for(0, whole, 4, (d) => k.set(parts, fma(load4("f32", out, d), load4("f32", g, d), parts)));
    const delta = k.let("delta", foldLanes(parts, sums.combine));
    k.for(whole, p.Dv, 1, (d) => k.set(delta, fma(load("f32", out, d), load("f32", g, d), delta)));
    k.store("f32", s.deltas, i, delta);
    k.set(out, add(out, mul(p.oT, 4)));
    k.set(g, add(g, p.rowV));
  });
}

function keyBlock(k: Block, p: BackwardVars, s: Scratch, variant: Variant, head: Head, at: Place, firstKey: Var): void {
  const { q0, count, key0, keys } = at;
  const kAt = { at: k.let("kAt", add(head.k, mul(mul(key0, p.kT), 4))), row: k.let("kRow", mul(p.kT, 4)) };
  const vAt = { at: k.let("vAt", add(head.v, mul(mul(key0, p.vT), 4))), row: k.let("vRow", mul(p.vT, 4)) };
  copyRows(k, kAt, keys, p.D, undefined, { at: s.kRows, row: p.row });
  // Queries of the block from which on one sees a key of the block.
  const start = k.let("start", select(eq(p.causal, 0), i32(0), and(max(sub(key0, q0), 0), -lanes)));
  k.for(start, count, lanes, (i) => {
    const scores = k.let("scoresAt", add(s.scores, mul(i, 4)));
    const grads = k.let("gradsAt", add(s.grads, mul(i, 4)));
    const step = k.let("step", div(p.scoreRow, 4));
    const query = k.let("query", add(q0, i));
    const { mask } = variant;
    if (mask !== undefined) maskLines(k, p, mask, { b: head.b, h: head.h, q0: query, key0, keys, to: scores, step });
    const zeros = { zeros: s.zeros };
    product(k, {
      ...{ M: keys, K: p.D, a: { ...kAt, column: i32(4) } },
      b: { at: add(s.qPanels, mul(mul(i, p.D), 4)), row: i32(line) },
      from: mask === undefined ? zeros : "c",
      to: { at: scores, row: p.scoreRow },
    });
    k.if(eq(p.causal, 1), () => hideLater(k, scores, step, { q0: query, key0, keys }));
    product(k, {
      ...{ M: keys, K: p.Dv, a: { ...vAt, column: i32(4) } },
      b: { at: add(s.gPanels, mul(mul(i, p.Dv), 4)), row: i32(line) },
      from: zeros,
      to: { at: grads, row: p.scoreRow },
    });
    if (variant.dropout) writeRowKeys(k, p, { at: s.rowKeys, item: head.item, q0: query });
    differentiate(k, p, s, variant, { scores, grads, i, key0, keys });
  });
  const depth = k.let("depth", sub(count, start));
  const offset = k.let("offset", mul(start, 4));
  const gAt = add(s.gRows, mul(start, p.rowV));
  const qAt = add(s.qRows, mul(start, p.row));
  const done = k.let("done", sub(key0, firstKey));
  const weights = { at: k.let("weightsAt", add(s.scores, offset)), row: p.scoreRow, column: i32(4) };
  const grads = { at: k.let("dsAt", add(s.grads, offset)), row: p.scoreRow, column: i32(4) };
  const turned = { ...grads, row: i32(4), column: p.scoreRow };
  const dv = { at: k.let("dvAt", add(s.dv, mul(done, p.rowV))), row: p.rowV };
  const dk = { at: k.let("dkAt", add(s.dk, mul(done, p.row))), row: p.row };
  const dq = { at: k.let("dqAt", add(s.dq, mul(start, p.row))), row: p.row };
  columns(k, p.Dv, (d) =>
    product(k, { M: keys, K: depth, a: weights, b: moved({ at: gAt, row: p.rowV }, d), from: "c", to: moved(dv, d) }),
  );
  columns(k, p.D, (d) =>
    product(k, { M: keys, K: depth, a: grads, b: moved({ at: qAt, row: p.row }, d), from: "c", to: moved(dk, d) }),
  );
  columns(k, p.D, (d) =>
    product(k, { M: depth, K: keys, a: turned, b: moved({ at: s.kRows, row: p.row }, d), from: "c", to: moved(dq, d) }),
  );
}

function columns(k: Block, width: Expr, visit: (d: Var) => void): void {
  k.for(0, width, lanes, visit);
}
function moved({ at, row }: { at: Expr; row: Expr }, d: Var): { at: Expr; row: Expr } {
  return { at: add(at, mul(d, 4)), row };
}

interface Scores {
  readonly scores: Var;
  readonly grads: Var;
  /** The panel's first query in the block. */
  readonly i: Var;
  readonly key0: Var;
  readonly keys: Var;
}

/** Scores to weights, and the weights' gradients to those of the scores, in place. */
function differentiate(
  k: Block,
  p: BackwardVars,
  s: Scratch,
  variant: Variant,
  { scores, grads, i, key0, keys }: Scores,
): void {
  const read = (name: string, base: Var): Var[] => quads.map((quad) => k.let(name, load4("f32", base, i, quad)));
  const peaks = read("peak", s.peaks);
  const inverses = read("inverse", s.inverses);
  const deltas = read("delta", s.deltas);
  const keptAt = variant.dropout ? keeper(k, p, s.rowKeys) : undefined;
  const weightAt = k.let("weightAt", scores);
  const gradAt = k.let("gradAt", grads);
  k.for(0, keys, 1, (key) => {
    const kept = keptAt?.(add(key0, key));
    const x = quads.map((quad) => k.let("score", load4("f32", weightAt, 0, quad)));
    const dp = quads.map((quad) => k.let("dp", load4("f32", gradAt, 0, quad)));
    const weights = x.map((score, n) => k.let("weight", mul(exp(sub(score, peaks[n]!)), inverses[n]!)));
    const through = dp.map((g, n) => (kept === undefined ? g : mul(g, kept[n]!)));
    const ds = through.map((g, n) => k.let("ds", mul(weights[n]!, sub(g, deltas[n]!))));
    const used = kept === undefined ? weights : weights.map((w, n) => k.let("used", mul(w, kept[n]!)));
    used.forEach((w, n) => k.store("f32", weightAt, 0, w, quads[n]));
    ds.forEach((d, n) => k.store("f32", gradAt, 0, d, quads[n]));
    k.set(weightAt, add(weightAt, p.scoreRow));
    k.set(gradAt, add(gradAt, p.scoreRow));
  });
}

/** Queries in a block, and keys; with a causal mask fewer, since half of a block on the diagonal is computed in vain. */
const mostQueries = 128;
const mostKeys = { full: 64, causal: 16 };
/** Tasks that keep some threads busy, and the fewest keys that are worth a task. */
const enoughTasks = 24;
const fewestKeys = 256;
/** Multiplications that are worth handing to another thread. */
const grainWork = 65536;

/** An odd number of lines, so that rows spread over the cache. */
function oddLines(elements: number): number {
  const count = Math.ceil(elements / lanes);
  return line * (count % 2 === 0 ? count + 1 : count);
}

export function backwardTiled(device: Device, p: AttentionBackward): void {
  const items = p.B * p.KV;
  const mostPieces = Math.max(1, Math.min(Math.floor(p.Tk / fewestKeys), Math.ceil(enoughTasks / items)));
  const keys = p.causal ? mostKeys.causal : mostKeys.full;
  const queries = Math.min(mostQueries, lanes * Math.ceil(p.Tq / lanes));
  const pieceKeys = keys * Math.ceil(p.Tk / mostPieces / keys);
  const pieces = Math.ceil(p.Tk / pieceKeys);
  const sizes: Sizes = {
    ...{ queries, keys, pieceKeys, D: p.D, Dv: p.Dv },
    ...{ scoreRow: oddLines(queries), row: oddLines(p.D), rowV: oddLines(p.Dv) },
  };
  const scratchBytes = line * Math.ceil(partBytes(sizes, ofNumbers).reduce((a, b) => a + b, 0) / line);
  const partialBytes = pieces === 1 ? 0 : 4 * pieces * p.B * p.H * p.Tq * p.D;
  const scratch = device.alloc(scratchBytes * device.threads + partialBytes);
  const partial = partialBytes === 0 ? 0 : scratch + scratchBytes * device.threads;
  try {
    const variant: Variant = { mask: p.mask?.kind, dropout: p.dropout !== undefined };
    const key = `attention/backward/${variant.mask}/${variant.dropout}`;
    const dq: Rows = partial === 0 ? p.dq : { at: partial, b: p.H * p.Tq * p.D, h: p.Tq * p.D, t: p.D };
    const gradients: Launch = {
      kernel: device.compile(key, () => backwardKernel(variant)),
      args: [
        ...[...problemArgs(p), ...[p.g, dq, p.dk, p.dv].flatMap(rowArgs)],
        ...[p.B * p.H * p.Tq * p.D, scratch, scratchBytes, p.KV, pieces, pieceKeys, queries, keys],
        ...[sizes.scoreRow, sizes.row, sizes.rowV],
      ],
      tasks: items * pieces,
      grain: Math.ceil(grainWork / ((p.H / p.KV) * p.Tq * pieceKeys * (p.D + p.Dv) + 1)),
    };
    device.runAll(partial === 0 ? [gradients] : [gradients, sumLaunch(device, p, partial, pieces)]);
  } finally {
    device.free(scratch);
  }
}

/** The pieces' parts of dq together. */
function sumLaunch(device: Device, p: AttentionBackward, from: number, pieces: number): Launch {
  const params = {
    from: "ptr",
    size: "i32",
    pieces: "i32",
    H: "i32",
    Tq: "i32",
    D: "i32",
    ...rowParams("dq"),
  } as const;
  const build = (): Kernel =>
    kernel("attention_sum", params, (k, v) => {
      k.for(k.begin, k.end, 1, (row) => {
        const [item, t] = split(k, row, v.Tq, ["item", "t"]);
        const [b, h] = split(k, item, v.H, ["b", "h"]);
        const to = k.let("to", rowAt(v.dq, [v.dqB, v.dqH, v.dqT], [b, h, t], 4));
        const first = k.let("first", add(v.from, mul(mul(row, v.D), 4)));
        overRow(k, "f32", v.D, (at) => at.write(to, at.read(first)));
        k.for(1, v.pieces, 1, (piece) => {
          const part = k.let("part", add(first, mul(mul(piece, v.size), 4)));
          overRow(k, "f32", v.D, (at) => at.write(to, add(at.read(to), at.read(part))));
        });
      });
    });
  return {
    kernel: device.compile("attention/sum", build),
    args: [from, p.B * p.H * p.Tq * p.D, pieces, p.H, p.Tq, p.D, ...rowArgs(p.dq)],
    tasks: p.B * p.H * p.Tq,
    grain: grainOf(p.D * pieces),
  };
}
