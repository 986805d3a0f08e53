// Softmax and its logarithm over rows of [rows, cols], and their gradients. A row of −∞ only gives NaN, as in PyTorch.
//
//   softmax      y = e^(x−m) / Σ e^(x−m)        dx = y (g − Σ g y)
//   logSoftmax   y = (x−m) − log Σ e^(x−m)      dx = g − e^y Σ g        with m the largest of the row

import type { Block } from "../ir/build.ts";
import { add, constant, div, exp, fma, kernel, log, mul, neg, sub } from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Expr, Kernel, Var } from "../ir/ir.ts";
import type { Real } from "./row-loop.ts";
import { grainOf, past, peaks, RowLoops, rowScratch, sums } from "./row-loop.ts";

interface Rows {
  readonly dtype: Real;
  readonly rows: number;
  readonly cols: number;
}

/** Addresses of [rows, cols]; `y` may be `x`. */
export interface Softmax extends Rows {
  readonly x: number;
  readonly y: number;
}

/** `y` is the forward's result; `dx` may be `g`. */
export interface SoftmaxBackward extends Rows {
  readonly y: number;
  readonly g: number;
  readonly dx: number;
}

export function softmax(device: Device, p: Softmax): void {
  overRows(device, "softmax", softmaxKernel, p, [p.x, p.y]);
}
export function logSoftmax(device: Device, p: Softmax): void {
  overRows(device, "log_softmax", logSoftmaxKernel, p, [p.x, p.y]);
}
export function softmaxBackward(device: Device, p: SoftmaxBackward): void {
  overRows(device, "softmax_backward", softmaxBackwardKernel, p, [p.y, p.g, p.dx]);
}
export function logSoftmaxBackward(device: Device, p: SoftmaxBackward): void {
  overRows(device, "log_softmax_backward", logSoftmaxBackwardKernel, p, [p.y, p.g, p.dx]);
}

type Build = (name: string, real: Real) => Kernel;

function overRows(device: Device, name: string, build: Build, { dtype, rows, cols }: Rows, addresses: number[]): void {
  const compiled = device.compile(`${name}/${dtype}`, () => build(name, dtype));
  device.run(compiled, [...addresses, cols, rowScratch(device)], rows, grainOf(cols));
}

const softmaxKernel: Build = (name, real) =>
  kernel(name, { x: "ptr", y: "ptr", cols: "i32", scratch: "ptr" }, (k, p) => {
    const loops = new RowLoops(k, real, p.scratch);
    k.for(k.begin, k.end, 1, (row) => {
      const [x, y] = rowsAt(k, real, row, p.cols, [p.x, p.y]);
      const peak = largest(loops, p.cols, x!);
      const [total] = loops.fold(p.cols, [sums], (at, [sum]) => {
        const e = k.let("e", exp(sub(at.read(x!), at.spread(peak))));
        at.write(y!, e);
        return [add(sum!, e)];
      });
      const share = k.let("share", div(constant(real, 1), total!));
      loops.over(p.cols, (at) => at.write(y!, mul(at.read(y!), at.spread(share))));
    });
  });

const logSoftmaxKernel: Build = (name, real) =>
  kernel(name, { x: "ptr", y: "ptr", cols: "i32", scratch: "ptr" }, (k, p) => {
    const loops = new RowLoops(k, real, p.scratch);
    k.for(k.begin, k.end, 1, (row) => {
      const [x, y] = rowsAt(k, real, row, p.cols, [p.x, p.y]);
      const peak = largest(loops, p.cols, x!);
      const total = sumOfExp(loops, p.cols, x!, peak);
      const logTotal = k.let("logTotal", log(total));
      loops.over(p.cols, (at) => {
        at.write(y!, sub(sub(at.read(x!), at.spread(peak)), at.spread(logTotal)));
      });
    });
  });

const gradParams = { y: "ptr", g: "ptr", dx: "ptr", cols: "i32", scratch: "ptr" } as const;

const softmaxBackwardKernel: Build = (name, real) =>
  kernel(name, gradParams, (k, p) => {
    const loops = new RowLoops(k, real, p.scratch);
    k.for(k.begin, k.end, 1, (row) => {
      const [y, g, dx] = rowsAt(k, real, row, p.cols, [p.y, p.g, p.dx]);
      const [dot] = loops.fold(p.cols, [sums], (at, [sum]) => [fma(at.read(g!), at.read(y!), sum!)]);
      loops.over(p.cols, (at) => {
        at.write(dx!, mul(at.read(y!), sub(at.read(g!), at.spread(dot!))));
      });
    });
  });

const logSoftmaxBackwardKernel: Build = (name, real) =>
  kernel(name, gradParams, (k, p) => {
    const loops = new RowLoops(k, real, p.scratch);
    k.for(k.begin, k.end, 1, (row) => {
      const [y, g, dx] = rowsAt(k, real, row, p.cols, [p.y, p.g, p.dx]);
      const [total] = loops.fold(p.cols, [sums], (at, [sum]) => [add(sum!, at.read(g!))]);
      const minus = k.let("minus", neg(total!));
      loops.over(p.cols, (at) => {
        at.write(dx!, fma(exp(at.read(y!)), at.spread(minus), at.read(g!)));
      });
    });
  });

/** Addresses of row `row` of operands that have `cols` columns. */
function rowsAt(k: Block, real: Real, row: Expr, cols: Expr, bases: readonly Var[]): Var[] {
  const elements = k.let("rowStart", mul(row, cols));
  return bases.map((base) => k.let(`${base.name}Row`, past(base, elements, real)));
}

export function largest(loops: RowLoops, n: Expr, x: Expr): Var {
  const [peak] = loops.fold(n, [peaks], (at, [most]) => [peaks.combine(most!, at.read(x))]);
  return peak!;
}

/** Σ e^(x−peak) */
export function sumOfExp(loops: RowLoops, n: Expr, x: Expr, peak: Expr): Var {
  const [total] = loops.fold(n, [sums], (at, [sum]) => {
    return [add(sum!, exp(sub(at.read(x), at.spread(peak))))];
  });
  return total!;
}
