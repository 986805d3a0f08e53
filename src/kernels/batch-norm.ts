// Batch norm of [N, C, L]: each channel is brought to mean 0 and variance 1 over N and L. A channel is one task, so no sum
// depends on the threads; its parts of length L are read as rows.
//
//   n = (x − mean) r,  r = 1/√(var + ε)      y = n w + b      dw = Σ g n      db = Σ g
//   dx = w r (g − mean(g) − n mean(g n)), or w r g where the statistics are given

import type { Block } from "../ir/build.ts";
import { add, cast, constant, div, fma, kernel, load, mul, neg, sqrt, sub } from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Expr, Kernel, Var } from "../ir/ir.ts";
import type { At, Real } from "./row-loop.ts";
import { grainOf, past, RowLoops, rowScratch, sums } from "./row-loop.ts";

interface Batch {
  readonly dtype: Real;
  readonly N: number;
  readonly C: number;
  readonly L: number;
  /** [N, C, L] */
  readonly x: number;
  /** [C], or 0 for ones. */
  readonly weight: number;
  /** [C] */
  readonly mean: number;
  /** [C]: r of each channel. */
  readonly rstd: number;
  /** The statistics are those of x itself: the forward writes them, the backward goes through them. */
  readonly own: boolean;
}

export interface BatchNorm extends Batch {
  readonly eps: number;
  /** [C], or 0 for zeros. */
  readonly bias: number;
  /** [C]: mean of (x − mean)², written or, if the statistics are given, read. */
  readonly variance: number;
  /** [N, C, L]; may be `x`. */
  readonly y: number;
}

export interface BatchNormBackward extends Batch {
  /** [N, C, L] */
  readonly g: number;
  /** [N, C, L]; may be `g`. */
  readonly dx: number;
  /** [C] each */
  readonly dWeight: number;
  readonly dBias: number;
}

export function batchNorm(device: Device, p: BatchNorm): void {
  const { dtype, N, C, L, own } = p;
  const key = `batch_norm/${dtype}/${[own, p.weight !== 0, p.bias !== 0].map(Number).join("")}`;
  const compiled = device.compile(key, () => forwardKernel(dtype, own, p.weight !== 0, p.bias !== 0));
  const args = [p.x, p.y, p.weight, p.bias, p.mean, p.variance, p.rstd, p.eps, N, C, L, rowScratch(device)];
  device.run(compiled, args, C, grainOf(N * L));
}

export function batchNormBackward(device: Device, p: BatchNormBackward): void {
  const { dtype, N, C, L, own } = p;
  const key = `batch_norm_backward/${dtype}/${[own, p.weight !== 0].map(Number).join("")}`;
  const compiled = device.compile(key, () => backwardKernel(dtype, own, p.weight !== 0));
  const args = [p.x, p.g, p.dx, p.weight, p.mean, p.rstd, p.dWeight, p.dBias, N, C, L, rowScratch(device)];
  device.run(compiled, args, C, grainOf(N * L));
}

const sizes = { N: "i32", C: "i32", L: "i32", scratch: "ptr" } as const;

function forwardKernel(real: Real, own: boolean, weight: boolean, bias: boolean): Kernel {
  const pointers = {
    x: "ptr",
    y: "ptr",
    weight: "ptr",
    bias: "ptr",
    mean: "ptr",
    variance: "ptr",
    rstd: "ptr",
  } as const;
  return kernel("batch_norm", { ...pointers, eps: real, ...sizes }, (k, p) => {
    const loops = new RowLoops(k, real, p.scratch);
    const count = k.let("count", cast(real, mul(p.N, p.L)));
    k.for(k.begin, k.end, 1, (channel) => {
      const parts = (visit: (start: Var) => void): void => eachPart(k, p, channel, visit);
      /** Σ of what `term` makes of each element. */
      const total = (term: (at: At, x: Expr, sum: Expr) => Expr): Var => {
        const sum = k.let("total", constant(real, 0));
        parts((start) => {
          const x = k.let("xPart", past(p.x, start, real));
          const [part] = loops.fold(p.L, [sums], (at, [s]) => [term(at, at.read(x), s!)]);
          k.set(sum, add(sum, part!));
        });
        return sum;
      };
      if (own) {
        k.store(
          real,
          p.mean,
          channel,
          div(
            total((_, x, sum) => add(sum, x)),
            count,
          ),
        );
        const centre = k.let("centre", load(real, p.mean, channel));
        const squares = total((at, x, sum) => {
          const away = k.let("away", sub(x, at.spread(centre)));
          return fma(away, away, sum);
        });
        k.store(real, p.variance, channel, div(squares, count));
      }
      const mean = k.let("meanValue", load(real, p.mean, channel));
      const root = sqrt(add(load(real, p.variance, channel), p.eps));
      const rstd = k.let("rstdValue", div(constant(real, 1), root));
      k.store(real, p.rstd, channel, rstd);
      const scale = k.let("scale", weight ? mul(rstd, load(real, p.weight, channel)) : rstd);
      const shift = k.let("shift", bias ? load(real, p.bias, channel) : constant(real, 0));
      parts((start) => {
        const [x, y] = [p.x, p.y].map((base) => k.let("part", past(base, start, real))) as [Var, Var]; // two
        loops.over(p.L, (at) => {
          at.write(y, fma(sub(at.read(x), at.spread(mean)), at.spread(scale), at.spread(shift)));
        });
      });
    });
  });
}

function backwardKernel(real: Real, own: boolean, weight: boolean): Kernel {
  const pointers = { x: "ptr", g: "ptr", dx: "ptr", weight: "ptr", mean: "ptr", rstd: "ptr" } as const;
  return kernel("batch_norm_backward", { ...pointers, dWeight: "ptr", dBias: "ptr", ...sizes }, (k, p) => {
    const loops = new RowLoops(k, real, p.scratch);
    const count = k.let("count", cast(real, mul(p.N, p.L)));
    k.for(k.begin, k.end, 1, (channel) => {
      const mean = k.let("meanValue", load(real, p.mean, channel));
      const rstd = k.let("rstdValue", load(real, p.rstd, channel));
      const [dot, total] = ["dot", "total"].map((name) => k.let(name, constant(real, 0))) as [Var, Var]; // two
      eachPart(k, p, channel, (start) => {
        const [x, g] = [p.x, p.g].map((base) => k.let("part", past(base, start, real))) as [Var, Var]; // two
        const [dots, totals] = loops.fold(p.L, [sums, sums], (at, [d, t]) => {
          const slope = k.let("g", at.read(g));
          return [fma(slope, sub(at.read(x), at.spread(mean)), d!), add(t!, slope)];
        });
        k.set(dot, add(dot, dots!));
        k.set(total, add(total, totals!));
      });
      k.set(dot, mul(dot, rstd)); // Σ g n
      k.store(real, p.dWeight, channel, dot);
      k.store(real, p.dBias, channel, total);
      const scale = k.let("scale", weight ? mul(rstd, load(real, p.weight, channel)) : rstd);
      const each = k.let("each", neg(div(scale, count)));
      const level = k.let("level", mul(total, each));
      const slope = k.let("slope", mul(mul(dot, rstd), each)); // along x − mean
      eachPart(k, p, channel, (start) => {
        const [x, g, dx] = [p.x, p.g, p.dx].map((b) => k.let("part", past(b, start, real))) as [Var, Var, Var]; // three
        loops.over(p.L, (at) => {
          const through = mul(at.read(g), at.spread(scale));
          if (!own) return at.write(dx, through);
          const away = sub(at.read(x), at.spread(mean));
          at.write(dx, add(through, fma(away, at.spread(slope), at.spread(level))));
        });
      });
    });
  });
}

/** Calls `visit` with where each of the channel's N parts starts, in elements. */
function eachPart(
  k: Block,
  p: { readonly [s in "N" | "C" | "L"]: Var },
  channel: Var,
  visit: (start: Var) => void,
): void {
  k.for(0, p.N, 1, (n) => visit(k.let("start", mul(add(mul(n, p.C), channel), p.L))));
}
