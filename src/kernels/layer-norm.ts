// Layer norm and RMS norm over rows of [rows, cols], with gradients in one pass over x and g.
//
//   layer norm   n = (x − mean) r,  r = 1/√(var + ε)        RMS norm   n = x r,  r = 1/√(mean x² + ε)
//   y = n w + b        dw = Σ_rows g n        db = Σ_rows g
//   dx = r (g w − mean(g w) − n mean(g w n))     without mean(g w) for the RMS norm
//
// Both may take the norm of x + residual, writing the sum on their first pass and adding its own gradient on their last.
// dw and db are summed over fixed blocks of rows, each by one task, and then over the blocks.

import type { Block } from "../ir/build.ts";
import { add, cast, constant, div, fma, kernel, load, min, mul, neg, sqrt, sub } from "../ir/build.ts";
import type { Device, Launch } from "../ir/device.ts";
import type { Expr, Kernel, ParamType, Var } from "../ir/ir.ts";
import { elemBytes } from "../ir/ir.ts";
import { reduceLaunch } from "./reduce.ts";
import type { At, Real } from "./row-loop.ts";
import { grainOf, past, RowLoops, rowScratch, sums } from "./row-loop.ts";

interface Norm {
  readonly dtype: Real;
  readonly rows: number;
  readonly cols: number;
  /** [rows, cols] */
  readonly x: number;
  /** [cols], or 0 for ones. */
  readonly weight: number;
  /** [rows]: r of each row. */
  readonly rstd: number;
}

export interface RmsNorm extends Norm {
  readonly eps: number;
  /** [rows, cols]; may be `x`. */
  readonly y: number;
  readonly added?: Added | undefined;
}
/** The norm is of `x + residual`. */
export interface Added {
  /** [rows, cols] */
  readonly residual: number;
  /** [rows, cols]: where `x + residual` is written. */
  readonly sum: number;
}
export interface LayerNorm extends RmsNorm {
  /** [cols], or 0 for zeros. */
  readonly bias: number;
  /** [rows] */
  readonly mean: number;
}

export interface RmsNormBackward extends Norm {
  /** [rows, cols] */
  readonly g: number;
  /** [rows, cols], or 0 if not wanted; may be `g`. */
  readonly dx: number;
  /** [cols], or 0 if not wanted. */
  readonly dWeight: number;
  /** [rows, cols]: a further gradient of x, or nothing. */
  readonly gSum?: number | undefined;
}
export interface LayerNormBackward extends RmsNormBackward {
  readonly mean: number;
  readonly dBias: number;
}

export function layerNorm(device: Device, p: LayerNorm): void {
  forward(device, p, true);
}
export function rmsNorm(device: Device, p: RmsNorm): void {
  forward(device, { ...p, mean: 0, bias: 0 }, false);
}
export function layerNormBackward(device: Device, p: LayerNormBackward): void {
  backward(device, p, true);
}
export function rmsNormBackward(device: Device, p: RmsNormBackward): void {
  backward(device, { ...p, mean: 0, dBias: 0 }, false);
}

/** Which optional parts a kernel has; `centred` is the layer norm. */
interface Parts {
  readonly centred: boolean;
  readonly weight: boolean;
  readonly bias: boolean;
  readonly added: boolean;
}

function forward(device: Device, p: LayerNorm, centred: boolean): void {
  const parts = { centred, weight: p.weight !== 0, bias: p.bias !== 0, added: p.added !== undefined };
  const { residual = 0, sum = 0 } = p.added ?? {};
  const compiled = device.compile(`norm/${p.dtype}/${flags(parts)}`, () => forwardKernel(p.dtype, parts));
  device.run(
    compiled,
    [p.x, p.y, p.weight, p.bias, residual, sum, p.mean, p.rstd, p.cols, p.eps, rowScratch(device)],
    p.rows,
    grainOf(p.cols),
  );
}

function flags(parts: object): string {
  return Object.values(parts).map(Number).join("");
}

function forwardKernel(real: Real, parts: Parts): Kernel {
  const params = {
    x: "ptr",
    y: "ptr",
    weight: "ptr",
    bias: "ptr",
    residual: "ptr",
    sum: "ptr",
    mean: "ptr",
    rstd: "ptr",
    cols: "i32",
    eps: real,
    scratch: "ptr",
  } as const;
  return kernel(parts.centred ? "layer_norm" : "rms_norm", params, (k, p) => {
    const loops = new RowLoops(k, real, p.scratch);
    const size = k.let("size", cast(real, p.cols));
    k.for(k.begin, k.end, 1, (row) => {
      const start = k.let("rowStart", mul(row, p.cols));
      const given = k.let("xRow", past(p.x, start, real));
      const y = k.let("yRow", past(p.y, start, real));
      const x = parts.added ? k.let("sumRow", past(p.sum, start, real)) : given;
      const residual = k.let("residualRow", past(p.residual, start, real));
      /** Adds the residual as the elements are first met. */
      const meet = (at: At): Expr => {
        if (!parts.added) return at.read(x);
        const sum = k.let("sum", add(at.read(given), at.read(residual)));
        at.write(x, sum);
        return sum;
      };
      let mean: Var | undefined;
      if (parts.centred) {
        const [total] = loops.fold(p.cols, [sums], (at, [sum]) => [add(sum!, meet(at))]);
        mean = k.let("meanValue", div(total!, size));
        k.store(real, p.mean, row, mean);
      }
      const centred = (value: Expr, spread: (e: Expr) => Expr): Expr => (mean ? sub(value, spread(mean)) : value);
      const [squares] = loops.fold(p.cols, [sums], (at, [sum]) => {
        const away = k.let("away", centred(parts.centred ? at.read(x) : meet(at), at.spread));
        return [fma(away, away, sum!)];
      });
      const rstd = k.let("rstdValue", div(constant(real, 1), sqrt(add(div(squares!, size), p.eps))));
      k.store(real, p.rstd, row, rstd);
      loops.over(p.cols, (at) => {
        const normal = mul(centred(at.read(x), at.spread), at.spread(rstd));
        const scaled = parts.weight ? mul(normal, at.read(p.weight)) : normal;
        at.write(y, parts.bias ? add(scaled, at.read(p.bias)) : scaled);
      });
    });
  });
}

/** Which gradients are wanted. */
interface Wanted {
  readonly centred: boolean;
  readonly weight: boolean;
  readonly dx: boolean;
  readonly dWeight: boolean;
  readonly dBias: boolean;
  readonly gSum: boolean;
}

/** At most this many partial sums of dw and db, of at least so many rows each. */
const mostBlocks = 64;
const leastRows = 16;

function backward(device: Device, p: LayerNormBackward, centred: boolean): void {
  const { dtype, rows, cols } = p;
  const { gSum = 0 } = p;
  const wanted = {
    ...{ centred, weight: p.weight !== 0, dx: p.dx !== 0, dWeight: p.dWeight !== 0, dBias: p.dBias !== 0 },
    gSum: gSum !== 0,
  };
  const blockRows = Math.max(leastRows, Math.ceil(rows / mostBlocks));
  const blocks = Math.ceil(rows / blockRows);
  const bytes = blocks * cols * elemBytes[dtype];
  const partial = device.alloc(2 * bytes);
  try {
    const main: Launch = {
      kernel: device.compile(`norm_backward/${dtype}/${flags(wanted)}`, () => backwardKernel(dtype, wanted)),
      args: [
        p.x,
        p.g,
        p.weight,
        p.mean,
        p.rstd,
        p.dx,
        gSum,
        partial,
        partial + bytes,
        rows,
        cols,
        blockRows,
        rowScratch(device),
      ],
      tasks: blocks,
      grain: grainOf(blockRows * cols),
    };
    const launches = [main];
    const sum = (from: number, to: number): void => {
      launches.push(
        reduceLaunch(device, { op: "sum", elem: dtype, outer: 1, size: blocks, inner: cols, x: from, y: to }),
      );
    };
    if (wanted.dWeight) sum(partial, p.dWeight);
    if (wanted.dBias) sum(partial + bytes, p.dBias);
    device.runAll(launches);
  } finally {
    device.free(partial);
  }
}

const backwardParams = {
  x: "ptr",
  g: "ptr",
  weight: "ptr",
  mean: "ptr",
  rstd: "ptr",
  dx: "ptr",
  gSum: "ptr",
  dWeight: "ptr",
  dBias: "ptr",
  rows: "i32",
  cols: "i32",
  blockRows: "i32",
  scratch: "ptr",
} as const satisfies Readonly<Record<string, ParamType>>;

function backwardKernel(real: Real, wanted: Wanted): Kernel {
  return kernel(wanted.centred ? "layer_norm_backward" : "rms_norm_backward", backwardParams, (k, p) => {
    const loops = new RowLoops(k, real, p.scratch);
    const size = k.let("size", cast(real, p.cols));
    k.for(k.begin, k.end, 1, (block) => {
      const first = k.let("firstRow", mul(block, p.blockRows));
      const end = k.let("endRow", min(add(first, p.blockRows), p.rows));
      const partials = mul(block, p.cols);
      const dw = k.let("dw", past(p.dWeight, partials, real));
      const db = k.let("db", past(p.dBias, partials, real));
      loops.over(p.cols, (at) => {
        const zero = at.spread(constant(real, 0));
        if (wanted.dWeight) at.write(dw, zero);
        if (wanted.dBias) at.write(db, zero);
      });
      k.for(first, end, 1, (row) => rowGradient(k, loops, real, wanted, p, { row, size, dw, db }));
    });
  });
}

interface Row {
  readonly row: Var;
  readonly size: Var;
  readonly dw: Var;
  readonly db: Var;
}

function rowGradient(
  k: Block,
  loops: RowLoops,
  real: Real,
  wanted: Wanted,
  p: { readonly [key in keyof typeof backwardParams]: Var },
  { row, size, dw, db }: Row,
): void {
  const start = k.let("rowStart", mul(row, p.cols));
  const x = k.let("xRow", past(p.x, start, real));
  const g = k.let("gRow", past(p.g, start, real));
  const dx = k.let("dxRow", past(p.dx, start, real));
  const gSum = k.let("gSumRow", past(p.gSum, start, real));
  const rstd = k.let("rstdValue", load(real, p.rstd, row));
  const mean = k.let("meanValue", wanted.centred ? load(real, p.mean, row) : constant(real, 0));
  const normal = (at: At): Expr => {
    const away = wanted.centred ? sub(at.read(x), at.spread(mean)) : at.read(x);
    return mul(away, at.spread(rstd));
  };
  const weighted = (at: At, value: Expr): Expr => (wanted.weight ? mul(value, at.read(p.weight)) : value);

  let slope: Var | undefined; // of dx along n
  let level: Var | undefined;
  if (wanted.dx) {
    const [dot, total] = loops.fold(p.cols, [sums, sums], (at, [dots, totals]) => {
      const gw = k.let("gw", weighted(at, at.read(g)));
      return [fma(gw, normal(at), dots!), add(totals!, gw)];
    });
    const scale = k.let("scale", div(rstd, size));
    slope = k.let("slope", neg(mul(dot!, scale)));
    level = k.let("level", wanted.centred ? neg(mul(total!, scale)) : constant(real, 0));
  }
  loops.over(p.cols, (at) => {
    const gradient = k.let("gradient", at.read(g));
    const n = k.let("n", normal(at));
    if (wanted.dWeight) at.write(dw, fma(gradient, n, at.read(dw)));
    if (wanted.dBias) at.write(db, add(at.read(db), gradient));
    if (slope === undefined || level === undefined) return;
    const through = fma(n, at.spread(slope), at.spread(level));
    const rest = wanted.gSum ? add(through, at.read(gSum)) : through;
    at.write(dx, fma(weighted(at, gradient), at.spread(rstd), rest));
  });
}
