// The register tile and the kernel that lays it over C: 6 (or 4) rows by 16 columns, held in registers over up to
// `depth` steps of k.
//
//   for k:  b = 16 columns of B's row k;  for each row: c[row] += splat(A[row, k]) * b
//
// V8 makes 256-bit instructions of it only while the accumulators come from adjacent loads and go to adjacent stores with no branch
// between. So bias, zero and C itself are all loaded the same way, by address and stride, and rows past the end repeat
// the last row: they compute and write the same. The last columns are the last 16, some of them computed a second time:
// only the others are copied out of a scratch tile. An N under 16 has its own way in and out of the scratch.

import type { Block } from "../ir/build.ts";
import {
  add,
  constant,
  div,
  eq,
  fma,
  gt,
  i32,
  kernel,
  load,
  load4,
  loadSplat,
  lt,
  max,
  min,
  mul,
  or,
  rem,
  select,
  sub,
} from "../ir/build.ts";
import type { Expr, Kernel, Var } from "../ir/ir.ts";
import type { Epilogue } from "./matmul-epilogue.ts";
import { activations, finish, isNothing, nameOf } from "./matmul-epilogue.ts";
import type { Half } from "./matmul-half.ts";
import { bytesOfB } from "./matmul-half.ts";
import type { Layout } from "./matmul-pack.ts";
import { low, packPanel, panelColumns, tall } from "./matmul-pack.ts";
import type { Item } from "./matmul-problem.ts";
import { itemAt, moved, problemParams } from "./matmul-problem.ts";

/** The most steps of k between two visits of a tile of C: B's panel and six rows of A stay in the second cache. */
const depth = 1024;

/** Private memory of a thread: a tile of C, then one panel of B. */
const tileBytes = tall * panelColumns * 4;
export const tileScratch: number = tileBytes + depth * panelColumns * 4;

/**
 * Where the tile finds B: in panels packed before ("panels"), in its own rows, or in a panel that each task packs for
 * itself from a layout ("copy …").
 */
export type Source = "panels" | "rows" | `copy ${Layout}`;

const tileParams = {
  ...problemParams,
  scratch: "ptr",
  /** Elements from one row of A to the next across panels; within tall and low panels, from one k to the next. */
  aPanel: "i32",
  aTall: "i32",
  aLow: "i32",
  talls: "i32",
  lows: "i32",
  /** Tall panels in a group; a task is a group of rows by one panel of columns. */
  group: "i32",
  groups: "i32",
  columnPanels: "i32",
} as const;

type TileVars = { readonly [key in keyof typeof tileParams]: Var };

/** One task's piece of C, and one step of k over it. */
interface Strip {
  readonly p: TileVars;
  readonly item: Item;
  readonly scratch: Var;
  readonly j: Var;
  /** Columns `column0 … +16`, of which the first `skip` belong to the task before. */
  readonly column0: Var;
  readonly skip: Var;
  /** All columns are fewer than 16. */
  readonly narrow: Var;
  /** Not all 16 columns are this task's. */
  readonly edge: Var;
  readonly k0: Var;
  readonly K: Var;
}

export function tileKernel(source: Source, half: Half, epilogue: Epilogue): Kernel {
  return kernel(`matmul_${source.replace(" ", "_")}_${nameOf(epilogue)}`, tileParams, (k, p) => {
    const scratch = k.let("scratch", add(p.scratch, mul(k.thread, tileScratch)));
    k.for(k.begin, k.end, 1, (task) => {
      const band = k.let("band", div(task, p.columnPanels));
      const j = k.let("j", rem(task, p.columnPanels));
      const group = k.let("group", rem(band, p.groups));
      const item = itemAt(k, p, div(band, p.groups), 4, half);
      const narrow = k.let("narrow", lt(p.N, panelColumns));
      const column0 = k.let("column0", max(0, min(mul(j, panelColumns), sub(p.N, panelColumns))));
      const skip = k.let("skip", sub(mul(j, panelColumns), column0));
      const edge = k.let("edge", or(narrow, gt(skip, 0)));
      k.for(0, max(p.K, 1), depth, (k0) => {
        const K = k.let("depth", min(sub(p.K, k0), depth));
        const strip: Strip = { p, item, scratch, j, column0, skip, narrow, edge, k0, K };
        const b = readB(k, source, half, strip);
        const firstPanel = k.let("firstPanel", mul(group, p.group));
        const isLast = eq(group, sub(p.groups, 1));
        const endPanel = k.let("endPanel", select(isLast, p.talls, add(firstPanel, p.group)));
        k.for(firstPanel, endPanel, 1, (i) => rowPanel(k, strip, b, tall, mul(i, tall), epilogue));
        k.if(isLast, () => {
          k.for(0, p.lows, 1, (i) => rowPanel(k, strip, b, low, add(mul(p.talls, tall), mul(i, low)), epilogue));
        });
      });
    });
  });
}

interface Stream {
  readonly at: Var;
  /** Bytes from one k to the next. */
  readonly step: Var;
}

function readB(k: Block, source: Source, half: Half, { p, item, scratch, j, column0, narrow, k0, K }: Strip): Stream {
  if (source === "panels") {
    const at = k.let("b", moved(item.b, mul(add(mul(j, p.K), k0), panelColumns), 4));
    return { at, step: k.let("bStep", i32(4 * panelColumns)) };
  }
  const start = k.let("bStart", moved(item.b, add(mul(k0, p.bRow), mul(column0, p.bCol)), bytesOfB(half)));
  const panel = k.let("panel", add(scratch, tileBytes));
  const piece = { from: start, row: p.bRow, column: p.bCol, K, columns: min(p.N, panelColumns), half };
  if (source === "rows") {
    k.if(narrow, () => packPanel(k, "strided", piece, panel));
    const at = k.let("b", select(narrow, panel, start));
    return { at, step: k.let("bStep", mul(select(narrow, i32(panelColumns), p.bRow), 4)) };
  }
  packPanel(k, source.slice("copy ".length) as Layout, piece, panel); // what follows "copy " is a layout
  return { at: panel, step: k.let("bStep", i32(4 * panelColumns)) };
}

/** A panel of `rows` rows: finds where its tile lies, computes it, and finishes it after the last k. */
function rowPanel(
  k: Block,
  { p, item, scratch, column0, skip, narrow, edge, k0, K }: Strip,
  b: Stream,
  rows: number,
  panelRow: Expr,
  epilogue: Epilogue,
): void {
  const row0 = k.let("row0", panelRow);
  const valid = k.let("valid", min(sub(p.M, row0), rows));
  const aCol = rows === tall ? p.aTall : p.aLow;
  const a = k.let("a", moved(item.a, add(mul(row0, p.aPanel), mul(k0, aCol)), 4));
  const c = k.let("c", moved(item.c, add(mul(row0, p.cRow), column0), 4));
  const cRow = k.let("cRowBytes", mul(p.cRow, 4));

  const first = k.let("first", eq(k0, 0));
  const initAt = moved(item.init, add(mul(row0, p.initRow), mul(column0, p.initCol)), 4);
  const from = k.let("from", select(first, initAt, c));
  const fromRow = k.let("fromRow", select(first, mul(p.initRow, 4), cRow));
  const to = k.let("to", select(edge, scratch, c));
  const toRow = k.let("toRow", select(edge, i32(4 * panelColumns), cRow));
  k.if(narrow, () => {
    copyTile(k, valid, i32(0), p.N, from, fromRow, to, toRow);
    k.set(from, to);
    k.set(fromRow, toRow);
  });
  registerTile(k, rows, {
    from: rowPointers(k, rows, valid, from, fromRow),
    to: rowPointers(k, rows, valid, to, toRow),
    a: rowPointers(k, rows, valid, a, mul(p.aRow, 4)),
    aStep: k.let("aStep", mul(aCol, 4)),
    b: k.let("bAt", b.at),
    bStep: b.step,
    K,
  });
  const copyOut = (): void => copyTile(k, valid, skip, min(p.N, panelColumns), to, toRow, c, cRow);
  if (isNothing(epilogue)) return k.if(edge, copyOut);
  k.if(
    lt(add(k0, depth), p.K),
    () => k.if(edge, copyOut),
    () => {
      k.if(
        edge,
        () => finishEdge(k, p, epilogue, { valid, start: skip, end: min(p.N, panelColumns), to, toRow, c, cRow }),
        () => finishWhole(k, p, epilogue, { valid, c, cRow }),
      );
    },
  );
}

interface Whole {
  readonly valid: Var;
  readonly c: Var;
  readonly cRow: Var;
}

/** The epilogue over a tile that lies in C. */
function finishWhole(k: Block, p: TileVars, epilogue: Epilogue, { valid, c, cRow }: Whole): void {
  k.for(0, valid, 1, (r) => {
    const line = k.let("line", add(c, mul(r, cRow)));
    k.for(0, panelColumns, 8, (n) => {
      const sums = [0, 4].map((offset) => k.let("sum", load4("f32", line, n, offset)));
      finish(k, epilogue, p, "f32", { sums, c: line, index: n });
    });
  });
}

interface EdgeTile extends Whole {
  readonly start: Expr;
  readonly end: Expr;
  readonly to: Var;
  readonly toRow: Var;
}

/** The epilogue over a tile in the scratch, and its columns' way into C: the activation in vectors, the rest one by one. */
function finishEdge(k: Block, p: TileVars, { activation, residual, keeps }: Epilogue, tile: EdgeTile): void {
  const { valid, start, end, to, toRow, c, cRow } = tile;
  if (keeps) copyTile(k, valid, start, end, to, toRow, k.let("pre", add(c, p.preActivation)), cRow);
  if (activation !== undefined) {
    const act = activations[activation];
    k.for(0, valid, 1, (r) => {
      const line = k.let("line", add(to, mul(r, toRow)));
      k.for(0, panelColumns, 4, (n) => k.store("f32", line, n, act(load4("f32", line, n))));
    });
  }
  k.for(0, valid, 1, (r) => {
    const source = k.let("source", add(to, mul(r, toRow)));
    const target = k.let("target", add(c, mul(r, cRow)));
    const last: Epilogue = { activation: undefined, residual, keeps: false };
    k.for(start, end, 1, (index) => {
      finish(k, last, p, "f32", { sums: [k.let("sum", load("f32", source, index))], c: target, index });
    });
  });
}

/** Addresses of the tile's rows; those past the last valid one repeat it. */
export function rowPointers(k: Block, rows: number, valid: Expr, start: Expr, rowBytes: Expr): Var[] {
  const pointers = [k.let("row", start)];
  while (pointers.length < rows) {
    const step = select(lt(constant("i32", pointers.length), valid), rowBytes, 0);
    pointers.push(k.let("row", add(pointers.at(-1) as Expr, step))); // it has one from the start
  }
  return pointers;
}

export interface Tile {
  readonly from: readonly Var[];
  readonly to: readonly Var[];
  readonly a: readonly Var[];
  readonly aStep: Expr;
  readonly b: Var;
  readonly bStep: Expr;
  readonly K: Expr;
}

/** C's rows plus the product; moves the pointers `a` and `b` along. */
export function registerTile(k: Block, rows: number, { from, to, a, aStep, b, bStep, K }: Tile): void {
  const quads = [0, 4, 8, 12];
  const sums = from.map((at) => quads.map((n) => k.let("sum", load4("f32", at, 0, n))));
  k.for(0, K, 1, () => {
    const line = quads.map((n) => k.let("b", load4("f32", b, 0, n)));
    sums.forEach((row, r) => {
      const value = k.let("a", loadSplat("f32", a[r]!, 0));
      for (const [i, sum] of row.entries()) k.set(sum, fma(value, line[i]!, sum));
    });
    for (const at of a) k.set(at, add(at, aStep));
    k.set(b, add(b, bStep));
  });
  sums.forEach((row, r) => {
    for (const [i, sum] of row.entries()) k.store("f32", to[r]!, 0, sum, quads[i]);
  });
}

function copyTile(k: Block, rows: Var, start: Expr, end: Expr, from: Var, fromRow: Var, to: Var, toRow: Var): void {
  k.for(0, rows, 1, (r) => {
    const source = k.let("source", add(from, mul(r, fromRow)));
    const target = k.let("target", add(to, mul(r, toRow)));
    k.for(start, end, 1, (n) => k.store("f32", target, n, load("f32", source, n)));
  });
}
