// Cross-entropy of logits [rows, V] with class ids, as torch.nn.functional.cross_entropy: nothing of the size of the
// logits is kept, the gradient comes from the logits and one number a row.
//
//   L = log Σ e^x           loss = (1−ε) w_t (L − x_t) + ε/V Σ_j w_j (L − x_j)
//   dx_j = s ( e^(x_j−L) ((1−ε) w_t + ε/V Σ w) − ε/V w_j − [j = t] (1−ε) w_t )
//
// with ε the label smoothing, w the class weights (or ones), t the row's target and s the gradient of its loss. The
// mean that PyTorch takes is Σ loss / Σ w_t. Rows with the ignored target have loss, weight and gradient 0.

import type { Block } from "../ir/build.ts";
import { add, cast, constant, eq, exp, fma, kernel, load, log, mul, neg, sub } from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Expr, Kernel, Var } from "../ir/ir.ts";
import { checkIds } from "./ids.ts";
import type { Real } from "./row-loop.ts";
import { grainOf, past, RowLoops, rowScratch, sums } from "./row-loop.ts";
import { largest, sumOfExp } from "./softmax.ts";

interface Problem {
  readonly dtype: Real;
  readonly rows: number;
  readonly V: number;
  /** [rows, V] */
  readonly logits: number;
  /** int32 [rows] */
  readonly targets: number;
  readonly ignoreIndex: number;
  readonly labelSmoothing: number;
  /** [V], or 0 for ones. */
  readonly weight: number;
  /** [rows]: L of each row. */
  readonly logSumExp: number;
}

export interface CrossEntropy extends Problem {
  /** [rows] */
  readonly loss: number;
  /** [rows]: w of each row's target. */
  readonly rowWeight: number;
}

export interface CrossEntropyBackward extends Problem {
  /** Gradients of the losses: [rows], or a single one for all. */
  readonly scale: number;
  readonly scalePerRow: boolean;
  /** [rows, V]; may be the logits. */
  readonly dLogits: number;
}

/** Throws IndexError for a target that is not a class. */
export function crossEntropy(device: Device, p: CrossEntropy): void {
  checkIds(device, "crossEntropy: target", { ids: p.targets, count: p.rows, limit: p.V, allowed: p.ignoreIndex });
  const compiled = device.compile(`cross_entropy/${variant(p)}`, () => forwardKernel(p.dtype, p));
  const args = [...shared(device, p), p.loss, p.rowWeight];
  device.run(compiled, args, p.rows, grainOf(p.V));
}

/** The targets must have passed the forward. */
export function crossEntropyBackward(device: Device, p: CrossEntropyBackward): void {
  const compiled = device.compile(`cross_entropy_backward/${variant(p)}`, () => backwardKernel(p.dtype, p));
  const args = [...shared(device, p), p.scale, p.scalePerRow ? 1 : 0, p.dLogits];
  device.run(compiled, args, p.rows, grainOf(p.V));
}

function variant(p: Problem): string {
  return `${p.dtype}${p.weight !== 0 ? "/weight" : ""}${p.labelSmoothing !== 0 ? "/smooth" : ""}`;
}

function params(real: Real) {
  return {
    logits: "ptr",
    targets: "ptr",
    weight: "ptr",
    logSumExp: "ptr",
    V: "i32",
    ignoreIndex: "i32",
    /** 1 − ε and ε/V */
    sharp: real,
    smooth: real,
    scratch: "ptr",
  } as const;
}

function shared(device: Device, p: Problem): number[] {
  const { labelSmoothing, V } = p;
  const numbers = [V, p.ignoreIndex, 1 - labelSmoothing, labelSmoothing / V];
  return [p.logits, p.targets, p.weight, p.logSumExp, ...numbers, rowScratch(device)];
}

type Options = Pick<Problem, "weight" | "labelSmoothing">;

function forwardKernel(real: Real, { weight, labelSmoothing }: Options): Kernel {
  return kernel("cross_entropy", { ...params(real), loss: "ptr", rowWeight: "ptr" }, (k, p) => {
    const loops = new RowLoops(k, real, p.scratch);
    const weightSum = labelSmoothing !== 0 ? sumOfWeights(k, loops, real, p.V, p.weight, weight) : undefined;
    k.for(k.begin, k.end, 1, (row) => {
      const target = k.let("target", load("i32", p.targets, row));
      const store = (loss: Expr, logSumExp: Expr, rowWeight: Expr): void => {
        k.store(real, p.loss, row, loss);
        k.store(real, p.logSumExp, row, logSumExp);
        k.store(real, p.rowWeight, row, rowWeight);
      };
      const compute = (): void => {
        const x = k.let("x", past(p.logits, mul(row, p.V), real));
        const peak = largest(loops, p.V, x);
        const total = k.let("L", add(peak, log(sumOfExp(loops, p.V, x, peak))));
        const w = weight !== 0 ? k.let("w", load(real, p.weight, target)) : constant(real, 1);
        const sharp = mul(mul(p.sharp, w), sub(total, load(real, x, target)));
        if (weightSum === undefined) return store(sharp, total, w);
        const [weighted] = loops.fold(p.V, [sums], (at, [sum]) => {
          const away = sub(at.spread(total), at.read(x));
          return [weight !== 0 ? fma(at.read(p.weight), away, sum!) : add(sum!, away)];
        });
        store(fma(p.smooth, weighted!, sharp), total, w);
      };
      const zero = constant(real, 0);
      k.if(eq(target, p.ignoreIndex), () => store(zero, zero, zero), compute);
    });
  });
}

function backwardKernel(real: Real, { weight, labelSmoothing }: Options): Kernel {
  const own = { scale: "ptr", scaleStep: "i32", dLogits: "ptr" } as const;
  return kernel("cross_entropy_backward", { ...params(real), ...own }, (k, p) => {
    const loops = new RowLoops(k, real, p.scratch);
    const weightSum = labelSmoothing !== 0 ? sumOfWeights(k, loops, real, p.V, p.weight, weight) : undefined;
    k.for(k.begin, k.end, 1, (row) => {
      const target = k.let("target", load("i32", p.targets, row));
      const start = mul(row, p.V);
      const dx = k.let("dx", past(p.dLogits, start, real));
      const clear = (): void => loops.over(p.V, (at) => at.write(dx, at.spread(constant(real, 0))));
      const compute = (): void => {
        const x = k.let("x", past(p.logits, start, real));
        const scale = k.let("scale", load(real, p.scale, mul(row, p.scaleStep)));
        const total = k.let("L", load(real, p.logSumExp, row));
        const w = weight !== 0 ? load(real, p.weight, target) : constant(real, 1);
        const hit = k.let("hit", mul(scale, mul(p.sharp, w)));
        const even = k.let("even", mul(scale, p.smooth));
        const share = k.let("share", weightSum === undefined ? hit : fma(even, weightSum, hit));
        loops.over(p.V, (at) => {
          const probability = exp(sub(at.read(x), at.spread(total)));
          const pull = mul(probability, at.spread(share));
          if (labelSmoothing === 0) return at.write(dx, pull);
          const push = at.spread(neg(even));
          at.write(dx, weight !== 0 ? fma(push, at.read(p.weight), pull) : add(pull, push));
        });
        k.store(real, dx, target, sub(load(real, dx, target), hit));
      };
      k.if(eq(target, p.ignoreIndex), clear, compute);
    });
  });
}

function sumOfWeights(k: Block, loops: RowLoops, real: Real, V: Expr, weight: Var, given: number): Expr {
  if (given === 0) return k.let("weightSum", cast(real, V));
  const [sum] = loops.fold(V, [sums], (at, [partial]) => [add(partial!, at.read(weight))]);
  return sum!;
}
