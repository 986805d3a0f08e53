// Steps of optimizers over all parameters in one launch, in PyTorch's order of operations, and the norm of all gradients.
//
//   Adam   g = ±s grad (+ λ p)   p = p (1 − lr λ) if decoupled
//          m = m + (1 − β₁)(g − m)   v = β₂ v + (1 − β₂) g²   v̂ = v, or the largest v so far (amsgrad)
//          p = p − lr / (1 − β₁ᵗ) · m / (√v̂ / √(1 − β₂ᵗ) + ε)
//   SGD    g = ±s grad + λ p   b = g at first, then μ b + (1 − τ) g   p = p − lr (g, or b, or g + μ b: Nesterov)

import type { Block } from "../ir/build.ts";
import { add, cast, constant, div, fma, load, max, mul, ne, neg, select, splat, sqrt, sub } from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Expr, Kernel, Var } from "../ir/ir.ts";
import type { At, Real } from "./row-loop.ts";
import { overRow, RowLoops, rowScratch, sums } from "./row-loop.ts";
import { chunkCount, type Listed, listKernel, runOverList } from "./tensor-list.ts";

interface Settings {
  readonly dtype: Real;
  readonly lr: number;
  readonly weightDecay: number;
  readonly maximize: boolean;
  /** Address of a number that all gradients are multiplied by, or 0. */
  readonly gradScale: number;
}

export interface AdamTensor {
  readonly n: number;
  readonly p: number;
  readonly grad: number;
  readonly m: number;
  readonly v: number;
  /** The largest v so far, with amsgrad. */
  readonly vMax: number;
  /** Which step this is, from 1 on. */
  readonly step: number;
}
export interface Adam extends Settings {
  readonly tensors: readonly AdamTensor[];
  readonly betas: readonly [number, number];
  readonly eps: number;
  /** AdamW: the decay does not pass through the gradient. */
  readonly decoupled: boolean;
  readonly amsgrad: boolean;
}

export function adam(device: Device, a: Adam): void {
  const { dtype, lr, weightDecay, eps } = a;
  const [beta1, beta2] = a.betas;
  const tensors = a.tensors.map(({ n, p, grad, m, v, vMax, step }): Listed => {
    const numbers = [-lr / (1 - beta1 ** step), 1 / Math.sqrt(1 - beta2 ** step)]; // division is the slowest there is
    return { n, operands: [p, grad, m, v, vMax], numbers };
  });
  const form: AdamForm = {
    ...{ dtype, amsgrad: a.amsgrad, maximize: a.maximize, scaled: a.gradScale !== 0 },
    ...{ decay: weightDecay === 0 ? "none" : a.decoupled ? "decoupled" : "added", fromM: 1 - beta1 < 0.5 },
  };
  const decay = a.decoupled ? 1 - lr * weightDecay : weightDecay;
  const args = [a.gradScale, decay, 1 - beta1, beta1, beta2, 1 - beta2, eps];
  const key = `adam/${Object.values(form).join("/")}`;
  runOverList(device, key, () => adamKernel(form), adamEntry, dtype, tensors, args);
}

const adamEntry = { operands: 5, numbers: 2 } as const;

interface AdamForm extends Gradient {
  readonly amsgrad: boolean;
  readonly decay: "none" | "decoupled" | "added";
  /** PyTorch's lerp goes from the nearer end. */
  readonly fromM: boolean;
}

function adamKernel(form: AdamForm): Kernel {
  const { dtype: real, amsgrad, decay, fromM } = form;
  const gains = { gain1: real, beta1: real, beta2: real, gain2: real } as const;
  const params = { gradScale: "ptr", decay: real, ...gains, eps: real } as const;
  return listKernel("adam", adamEntry, params, (k, s) => {
    const gradient = gradientOf(k, form, s.gradScale);
    return ({ operands, n, numbers }) => {
      const [p, grad, m, v, vMax] = operands as unknown as readonly [Var, Var, Var, Var, Var]; // as many as in the entry
      const [stepSize, correction] = numbers.map((value) => k.let("number", cast(real, value))) as [Var, Var]; // likewise
      overRow(
        k,
        real,
        n,
        (at) => {
          const hold = (value: Expr): Var => k.let("held", value);
          const old = hold(at.read(p));
          let g = gradient(at, grad);
          if (decay === "added") g = fma(at.spread(s.decay), old, g);
          g = hold(g);
          const oldM = hold(at.read(m));
          const away = sub(g, oldM);
          const newM = hold(fromM ? fma(at.spread(s.gain1), away, oldM) : sub(g, mul(away, at.spread(s.beta1))));
          const newV = hold(fma(mul(at.spread(s.gain2), g), g, mul(at.read(v), at.spread(s.beta2))));
          const second = amsgrad ? hold(max(at.read(vMax), newV)) : newV;
          const root = fma(sqrt(second), at.spread(correction), at.spread(s.eps));
          const shrunk = decay === "decoupled" ? mul(old, at.spread(s.decay)) : old;
          at.write(p, add(shrunk, div(mul(at.spread(stepSize), newM), root)));
          at.write(m, newM);
          at.write(v, newV);
          if (amsgrad) at.write(vMax, second);
        },
        4,
      );
    };
  });
}

export interface SgdTensor {
  readonly n: number;
  readonly p: number;
  readonly grad: number;
  /** With momentum. */
  readonly buffer: number;
  /** The buffer has no values yet. */
  readonly isFirst: boolean;
}
export interface Sgd extends Settings {
  readonly tensors: readonly SgdTensor[];
  readonly momentum: number;
  readonly dampening: number;
  readonly nesterov: boolean;
}

export function sgd(device: Device, a: Sgd): void {
  const { dtype, lr, weightDecay, momentum, dampening, nesterov, maximize, gradScale } = a;
  const tensors = a.tensors.map(({ n, p, grad, buffer, isFirst }): Listed => {
    return { n, operands: [p, grad, buffer], numbers: [isFirst ? 1 : 0] };
  });
  const form: SgdForm = {
    ...{ dtype, maximize, scaled: gradScale !== 0, decays: weightDecay !== 0 },
    step: momentum === 0 ? "plain" : nesterov ? "nesterov" : "momentum",
  };
  const args = [gradScale, -lr, weightDecay, momentum, 1 - dampening];
  const key = `sgd/${Object.values(form).join("/")}`;
  runOverList(device, key, () => sgdKernel(form), sgdEntry, dtype, tensors, args);
}

const sgdEntry = { operands: 3, numbers: 1 } as const;

interface SgdForm extends Gradient {
  readonly decays: boolean;
  readonly step: "plain" | "momentum" | "nesterov";
}

function sgdKernel(form: SgdForm): Kernel {
  const { dtype: real, decays, step } = form;
  const params = { gradScale: "ptr", minusLr: real, decay: real, momentum: real, gain: real } as const;
  return listKernel("sgd", sgdEntry, params, (k, s) => {
    const gradient = gradientOf(k, form, s.gradScale);
    return ({ operands, n, numbers }) => {
      const [p, grad, buffer] = operands as unknown as readonly [Var, Var, Var]; // as many as in the entry
      const isFirst = k.let("isFirst", ne(numbers[0]!, 0));
      overRow(k, real, n, (at) => {
        const old = k.let("old", at.read(p));
        const g = k.let("g", decays ? fma(at.spread(s.decay), old, gradient(at, grad)) : gradient(at, grad));
        let direction: Expr = g;
        if (step !== "plain") {
          const moved = fma(at.spread(s.gain), g, mul(at.read(buffer), at.spread(s.momentum)));
          const first = real === "f32" ? splat(isFirst) : isFirst;
          const b = k.let("b", select(first, g, moved));
          at.write(buffer, b);
          direction = step === "nesterov" ? fma(at.spread(s.momentum), b, g) : b;
        }
        at.write(p, fma(at.spread(s.minusLr), direction, old));
      });
    };
  });
}

/** How a gradient is read. */
interface Gradient {
  readonly dtype: Real;
  readonly maximize: boolean;
  readonly scaled: boolean;
}

function gradientOf(k: Block, { dtype, maximize, scaled }: Gradient, at: Var): (place: At, grad: Var) => Expr {
  const scale = k.let("scale", scaled ? load(dtype, at, 0) : constant(dtype, 1));
  return (place, grad) => {
    const g = scaled ? mul(place.read(grad), place.spread(scale)) : place.read(grad);
    return maximize ? neg(g) : g;
  };
}

/** A tensor's address and size. */
export interface Span {
  readonly at: number;
  readonly n: number;
}

/** √Σx² over all elements of all tensors. */
export function globalNorm(device: Device, dtype: Real, tensors: readonly Span[]): number {
  const listed = tensors.map(({ at, n }): Listed => ({ n, operands: [at] }));
  const chunks = chunkCount(listed);
  const partials = device.alloc(Math.max(1, chunks) * 8);
  try {
    const args = [partials, rowScratch(device)];
    runOverList(device, `sum_of_squares/${dtype}`, () => squaresKernel(dtype), spanEntry, dtype, listed, args);
    let total = 0;
    for (let i = 0; i < chunks; i++) total += device.f64[partials / 8 + i]!;
    return Math.sqrt(total);
  } finally {
    device.free(partials);
  }
}

const spanEntry = { operands: 1, numbers: 0 } as const;

function squaresKernel(real: Real): Kernel {
  return listKernel("sum_of_squares", spanEntry, { partials: "ptr", scratch: "ptr" }, (k, p) => {
    const loops = new RowLoops(k, real, p.scratch);
    return ({ index, operands, n }) => {
      const step = (at: At, [sum]: readonly Var[]): readonly Expr[] => {
        const x = k.let("x", at.read(operands[0]!));
        return [fma(x, x, sum!)];
      };
      const [total] = loops.fold(n, [sums], step, 8);
      k.store("f64", p.partials, index, cast("f64", total!));
    };
  });
}

/** x = factor x for all elements of all tensors. */
export function scaleAll(device: Device, dtype: Real, tensors: readonly Span[], factor: number): void {
  const listed = tensors.map(({ at, n }): Listed => ({ n, operands: [at] }));
  runOverList(device, `scale_all/${dtype}`, () => scaleKernel(dtype), spanEntry, dtype, listed, [factor]);
}

function scaleKernel(real: Real): Kernel {
  return listKernel("scale_all", spanEntry, { factor: real }, (k, p) => ({ operands, n }) => {
    const [x] = operands as readonly [Var]; // as many as in the entry
    overRow(k, real, n, (at) => at.write(x, mul(at.read(x), at.spread(p.factor))));
  });
}
