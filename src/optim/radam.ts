// RAdam: Adam whose first steps, when the variance is of few gradients, go without it. https://arxiv.org/abs/1908.03265
//
//   m = β₁ m + (1 − β₁) g,  v = β₂ v + (1 − β₂) g²,  ρ∞ = 2 / (1 − β₂) − 1,  ρ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ)
//   p = p − lr / (1 − β₁ᵗ) · m · (ρ > 5 ? √((ρ − 4)(ρ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρ)) · √(1 − β₂ᵗ) / (√v + ε) : 1)

import type { Tensor } from "../tensor/tensor.ts";
import { type BaseOptions, type GroupOptions, Optimizer, type ParamGroup, type ParamState } from "./optimizer.ts";
import { checkSettings, descent } from "./settings.ts";

export interface RadamOptions extends BaseOptions {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  /** Shrinks p by `lr weightDecay`, as AdamW, in place of adding `weightDecay p` to g. */
  readonly decoupledWeightDecay: boolean;
  readonly maximize: boolean;
}

interface RadamState extends ParamState {
  step: number;
  expAvg: Tensor;
  expAvgSq: Tensor;
}

const defaults: RadamOptions = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  decoupledWeightDecay: false,
  maximize: false,
};

export class RAdam extends Optimizer<RadamOptions> {
  constructor(params: readonly Tensor[] | readonly GroupOptions<RadamOptions>[], options: Partial<RadamOptions> = {}) {
    super(params, { ...defaults, ...options });
  }

  protected override check({ betas, eps, weightDecay }: ParamGroup<RadamOptions>): void {
    checkSettings(this.constructor.name, {
      betas: [betas, "from 0 to below 1"],
      eps: [eps, "at least 0"],
      weightDecay: [weightDecay, "at least 0"],
    });
  }

  protected update(group: ParamGroup<RadamOptions>, params: readonly Tensor[]): void {
    const { lr, eps, weightDecay, decoupledWeightDecay, maximize } = group;
    const [beta1, beta2] = group.betas;
    for (const p of params) {
      const state = this.stateOf<RadamState>(p, () => {
        return { step: 0, expAvg: p.zerosLike(), expAvgSq: p.zerosLike() };
      });
      const { expAvg, expAvgSq } = state;
      const t = ++state.step;
      if (decoupledWeightDecay && weightDecay !== 0) p.mul_(1 - lr * weightDecay);
      const g = descent(p, { maximize, weightDecay: decoupledWeightDecay ? 0 : weightDecay });
      expAvg.lerp_(g, 1 - beta1);
      expAvgSq.mul_(beta2).addcmul_(g, g, { value: 1 - beta2 });
      const rate = lr / (1 - beta1 ** t);
      const rectified = rectification(t, beta2);
      if (rectified === undefined) p.add_(expAvg, { alpha: -rate });
      else p.addcdiv_(expAvg, expAvgSq.sqrt().add_(eps), { value: -rate * rectified * Math.sqrt(1 - beta2 ** t) });
    }
  }
}

/** The factor for the variance of `t` gradients; undefined where they are too few. */
function rectification(t: number, beta2: number): number | undefined {
  const most = 2 / (1 - beta2) - 1;
  const rho = most - (2 * t * beta2 ** t) / (1 - beta2 ** t);
  if (!(rho > 5)) return undefined;
  return Math.sqrt(((rho - 4) * (rho - 2) * most) / ((most - 4) * (most - 2) * rho));
}
