// Reductions of [outer, size, inner] to [outer, inner]. Long ones go in stages: fixed blocks of elements to partial
// results, those again in blocks, until one is left. Sums are pairwise in effect, and no result depends on the threads.
//
//   inner = 1   a task folds one block of a row        | block | block | … | rest |
//   inner > 1   a task folds a block of rows in 64 columns, which stay in registers

import type { Block } from "../ir/build.ts";
import { add, cast, constant, div, kernel, le, load, load4, max, min, mul, not, rem, sqrt, sub } from "../ir/build.ts";
import type { Device, Launch } from "../ir/device.ts";
import type { Elem, Expr, Kernel, Type, Var } from "../ir/ir.ts";
import { elemBytes, isFloat, laneOf } from "../ir/ir.ts";
import type { Fold } from "./row-loop.ts";
import { grainOf, past, RowLoops, rowScratch, rowTypeOf, scalarOf, sums } from "./row-loop.ts";

/** `norm2` is √Σx². Over booleans (u8 of 0 and 1) `max` means any and `min` means all. A NaN wins in both. */
export type Reduction = "sum" | "mean" | "sumsq" | "norm2" | "prod" | "max" | "min";

export interface Reduce {
  readonly op: Reduction;
  readonly elem: "f32" | "f64" | "i32" | "i64" | "u8";
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
  /** [outer, size, inner] */
  readonly x: number;
  /** [outer, inner] */
  readonly y: number;
}

export function reduce(device: Device, p: Reduce): void {
  if (p.outer * p.inner === 0) return;
  const partials: number[] = [];
  try {
    device.runAll(stages(device, p, partials));
  } finally {
    for (const address of partials) device.free(address);
  }
}

/** The launch of a reduction short enough for one stage: at most `columnBlock` rows. */
export function reduceLaunch(device: Device, p: Reduce): Launch {
  return stage(device, p, { ...p, isFirst: true, isLast: true });
}

/** Elements of a row, or rows, in one task. */
const rowBlock = 65536;
export const columnBlock = 128;
const stripColumns = 64;

function stages(device: Device, p: Reduce, partials: number[]): Launch[] {
  const block = p.inner === 1 ? rowBlock : columnBlock;
  const launches: Launch[] = [];
  let { size, x } = p;
  for (let isFirst = true; ; isFirst = false) {
    const blocks = Math.ceil(size / block);
    if (blocks <= 1) return [...launches, stage(device, p, { size, x, y: p.y, isFirst, isLast: true })];
    const y = device.alloc(p.outer * blocks * p.inner * elemBytes[p.elem]);
    partials.push(y);
    launches.push(stage(device, p, { size, x, y, isFirst, isLast: false }));
    size = blocks;
    x = y;
  }
}

interface Stage {
  readonly size: number;
  readonly x: number;
  readonly y: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

function stage(device: Device, { op, elem, outer, size: whole, inner }: Reduce, s: Stage): Launch {
  const { size, isFirst, isLast } = s;
  const block = inner === 1 ? rowBlock : columnBlock;
  const blocks = Math.max(1, Math.ceil(size / block));
  const strips = Math.ceil(inner / stripColumns);
  const across = inner === 1 ? "row" : "columns";
  const build = inner === 1 ? rowKernel : columnKernel;
  const key = `reduce/${op}/${elem}/${across}/${isFirst ? "first" : ""}/${isLast ? "last" : ""}`;
  return {
    kernel: device.compile(key, () => build(formulas[op], elem, { isFirst, isLast })),
    args: [s.x, s.y, size, inner, blocks, strips, whole, rowScratch(device)],
    tasks: outer * blocks * strips,
    grain: grainOf(Math.min(block, size) * Math.min(inner, stripColumns)),
  };
}

interface Formula extends Fold {
  /** Of each element. */
  readonly map?: (x: Expr) => Expr;
  /** Of the result; `count` is how many elements there were. */
  readonly finish?: (total: Expr, count: Expr) => Expr;
}

const square = (x: Expr): Expr => mul(x, x);

const formulas: { readonly [r in Reduction]: Formula } = {
  sum: sums,
  mean: { ...sums, finish: (total, count) => div(total, cast(total.type, cast(laneOf(total.type), count))) },
  sumsq: { ...sums, map: square },
  norm2: { ...sums, map: square, finish: sqrt },
  prod: { start: (type) => constant(type, 1), combine: mul },
  max: { start: smallest, combine: max },
  min: {
    start: (type) => (isFloat(type) ? constant(type, Number.POSITIVE_INFINITY) : not(smallest(type))),
    combine: min,
  },
};

function smallest(type: Type): Expr {
  return constant(type, isFloat(type) ? Number.NEGATIVE_INFINITY : laneOf(type) === "i64" ? -(2 ** 63) : -(2 ** 31));
}

const params = {
  x: "ptr",
  y: "ptr",
  size: "i32",
  inner: "i32",
  blocks: "i32",
  strips: "i32",
  /** Elements that the final result is made of. */
  whole: "i32",
  scratch: "ptr",
} as const;

interface Step {
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** Elements that one set of accumulators takes before they are brought together. */
const runLength = 4096;
const accumulators = 8;

function rowKernel(formula: Formula, elem: Elem, { isFirst, isLast }: Step): Kernel {
  const map = (isFirst && formula.map) || ((x: Expr): Expr => x);
  return kernel("reduce_row", params, (k, p) => {
    const loops = new RowLoops(k, elem, p.scratch);
    k.for(k.begin, k.end, 1, (task) => {
      const first = k.let("first", mul(rem(task, p.blocks), rowBlock));
      const row = k.let("row", past(p.x, mul(div(task, p.blocks), p.size), elem));
      const end = k.let("end", add(first, min(sub(p.size, first), rowBlock)));
      const total = k.let("total", formula.start(scalarOf(elem)));
      k.for(first, end, runLength, (at0) => {
        const run = k.let("run", past(row, at0, elem));
        const n = k.let("n", min(sub(end, at0), runLength));
        const step = (x: Expr, partial: Var): Expr => formula.combine(partial, map(x));
        const [folded] = loops.fold(
          n,
          [formula],
          (at, [part]) => [step(k.let("x", at.read(run)), part!)],
          accumulators,
        );
        k.set(total, formula.combine(total, folded!));
      });
      k.store(elem, p.y, task, isLast && formula.finish ? formula.finish(total, p.whole) : total);
    });
  });
}

function columnKernel(formula: Formula, elem: Elem, step: Step): Kernel {
  return kernel("reduce_columns", params, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const strip = k.let("strip", mul(rem(task, p.strips), stripColumns));
      const band = k.let("band", div(task, p.strips)); // outer and block
      const first = k.let("first", mul(rem(band, p.blocks), columnBlock));
      const rows = k.let("rows", min(sub(p.size, first), columnBlock));
      const row = add(mul(div(band, p.blocks), p.size), first);
      const x = k.let("xStrip", past(p.x, add(mul(row, p.inner), strip), elem));
      const y = k.let("yStrip", past(p.y, add(mul(band, p.inner), strip), elem));
      const columns = k.let("columns", min(sub(p.inner, strip), stripColumns));
      columnStrip(k, formula, elem, step, { x, y, rows, columns, inner: p.inner, whole: p.whole });
    });
  });
}

interface Strip {
  readonly x: Var;
  readonly y: Var;
  readonly rows: Expr;
  readonly columns: Expr;
  readonly inner: Expr;
  readonly whole: Expr;
}

/** Sixteen vectors of columns at a time, then four, then one, then single columns. */
function columnStrip(k: Block, formula: Formula, elem: Elem, { isFirst, isLast }: Step, s: Strip): void {
  const { start, combine } = formula;
  const map = (isFirst && formula.map) || ((x: Expr): Expr => x);
  const finish = (isLast && formula.finish) || ((total: Expr): Expr => total);
  const rowBytes = k.let("rowBytes", mul(s.inner, elemBytes[elem]));
  const column = k.let("column", constant("i32", 0));

  const pass = (type: Type, vectors: number, lanes: number): void => {
    const read = lanes === 4 ? load4 : load;
    const width = vectors * lanes;
    k.while(le(add(column, width), s.columns), () => {
      const at = k.let("at", past(s.x, column, elem));
      const totals = Array.from({ length: vectors }, () => k.let("total", start(type)));
      k.for(0, s.rows, 1, () => {
        totals.forEach((total, v) => k.set(total, combine(total, map(k.let("x", read(elem, at, 0, v * lanes))))));
        k.set(at, add(at, rowBytes));
      });
      totals.forEach((total) => k.set(total, finish(total, s.whole)));
      totals.forEach((total, v) => k.store(elem, s.y, column, total, v * lanes));
      k.set(column, add(column, width));
    });
  };
  const type = rowTypeOf(elem);
  if (type !== scalarOf(elem)) for (const vectors of [16, 4, 1]) pass(type, vectors, 4);
  pass(scalarOf(elem), 1, 1);
}
