// Adafactor: a matrix's second moments as the product of a row's and a column's, n + m numbers in place of n m.
// https://arxiv.org/abs/1804.04235
//
//   r = lerp(r, mean(g², -1), tᵝ),  c = lerp(c, mean(g², -2), tᵝ),  v = r c / mean(r)        (of a vector: v itself)
//   u = g / √v,  p = p − max(ε₂, rms(p)) min(lr, 1 / √t) · u / max(1, rms(u) / d)

import type { DType } from "../base/dtype.ts";
import { UnsupportedError } from "../base/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type BaseOptions, type GroupOptions, Optimizer, type ParamGroup, type ParamState } from "./optimizer.ts";
import { checkSettings } from "./settings.ts";

export interface AdafactorOptions extends BaseOptions {
  /** β, the power of t; at most 0. */
  readonly beta2Decay: number;
  /** What v is at least (null: the dtype's own epsilon), and what rms(p) is. */
  readonly eps: readonly [number | null, number];
  /** Updates with a larger root mean square are shortened to it. */
  readonly d: number;
  readonly weightDecay: number;
  readonly maximize: boolean;
}

/** `[…, n, 1]` and `[…, 1, m]` of a parameter `[…, n, m]`; of one with fewer dimensions its own shape. */
type AdafactorState = ParamState & { step: number } & (
    | { rowVar: Tensor; colVar: Tensor }
    | { variance: Tensor; rowVar?: never; colVar?: never }
  );

const defaults: AdafactorOptions = {
  lr: 1e-2,
  beta2Decay: -0.8,
  eps: [null, 1e-3],
  d: 1,
  weightDecay: 0,
  maximize: false,
};

export class Adafactor extends Optimizer<AdafactorOptions> {
  constructor(
    params: readonly Tensor[] | readonly GroupOptions<AdafactorOptions>[],
    options: Partial<AdafactorOptions> = {},
  ) {
    super(params, { ...defaults, ...options });
  }

  protected override check({ beta2Decay, eps, d, weightDecay }: ParamGroup<AdafactorOptions>): void {
    checkSettings(this.constructor.name, {
      beta2Decay: [beta2Decay, "at most 0"],
      eps: [[eps[0] ?? 0, eps[1]], "at least 0"],
      d: [d, "at least 1"],
      weightDecay: [weightDecay, "at least 0"],
    });
  }

  protected override stateShape(key: string, p: Tensor): readonly number[] {
    if (key === "rowVar") return p.shape.with(-1, 1);
    if (key === "colVar") return p.shape.with(-2, 1);
    return p.shape;
  }

  protected update(group: ParamGroup<AdafactorOptions>, params: readonly Tensor[]): void {
    const { lr, beta2Decay, d, weightDecay, maximize } = group;
    for (const p of params) {
      const state = this.#stateOf(p);
      const t = ++state.step;
      const g = maximize ? p.grad!.neg() : p.grad!;
      const eps1 = group.eps[0] ?? epsilonOf(p.dtype);
      const rate = larger(group.eps[1], rms(p)) * Math.min(lr, 1 / Math.sqrt(t));
      if (weightDecay !== 0) p.mul_(1 - lr * weightDecay);
      const update = variance(state, g, t ** beta2Decay, eps1)
        .clamp_({ min: eps1 * eps1 })
        .rsqrt()
        .mul_(g);
      p.add_(update, { alpha: -rate / larger(1, rms(update) / d) });
    }
  }

  #stateOf(p: Tensor): AdafactorState {
    const zeros = (key: string): Tensor => Tensor.empty(this.stateShape(key, p), p.dtype, p.device).zero_();
    return this.stateOf<AdafactorState>(p, () => {
      if (p.ndim > 1) return { step: 0, rowVar: zeros("rowVar"), colVar: zeros("colVar") };
      return { step: 0, variance: zeros("variance") };
    });
  }
}

/** Takes `g²` into the state by `weight`, and gives the second moments, in the shape of `g`. */
function variance(state: AdafactorState, g: Tensor, weight: number, eps: number): Tensor {
  if (state.rowVar === undefined) return state.variance.lerp_(g.mul(g), weight).clone();
  const meanSquare = (dim: number): Tensor => g.norm(2, { dim, keepdim: true }).square().div_(g.size(dim));
  const rows = state.rowVar.lerp_(meanSquare(-1), weight); //    [..., n, 1]
  const columns = state.colVar.lerp_(meanSquare(-2), weight); // [..., 1, m]
  return rows.matmul(columns).div_(rows.mean({ dim: -2, keepdim: true }).clamp_({ min: eps })); // [..., n, m]
}

const rms = (t: Tensor): number => Number(t.norm().item()) / Math.sqrt(t.numel);

/** `value` if it is above `floor`; a NaN is not. */
const larger = (floor: number, value: number): number => (value > floor ? value : floor);

function epsilonOf(dtype: DType): number {
  if (dtype === "float64") return 2 ** -52;
  if (dtype === "float32") return 2 ** -23;
  if (dtype === "float16") return 2 ** -10;
  if (dtype === "bfloat16") return 2 ** -7;
  throw new UnsupportedError(`Adafactor: parameters of ${dtype}; wants floating-point ones.`, { dtype });
}
