// Adamax, Adam with the largest gradient in place of the root of the mean square. https://arxiv.org/abs/1412.6980
//
//   m = β₁ m + (1 − β₁) g,  u = max(β₂ u, |g| + ε),  p = p − lr / (1 − β₁ᵗ) · m / u

import type { Tensor } from "../tensor/tensor.ts";
import { type BaseOptions, type GroupOptions, Optimizer, type ParamGroup, type ParamState } from "./optimizer.ts";
import { checkSettings, descent } from "./settings.ts";

export interface AdamaxOptions extends BaseOptions {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  readonly maximize: boolean;
}

interface AdamaxState extends ParamState {
  step: number;
  expAvg: Tensor;
  expInf: Tensor;
}

const defaults: AdamaxOptions = { lr: 2e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, maximize: false };

export class Adamax extends Optimizer<AdamaxOptions> {
  constructor(
    params: readonly Tensor[] | readonly GroupOptions<AdamaxOptions>[],
    options: Partial<AdamaxOptions> = {},
  ) {
    super(params, { ...defaults, ...options });
  }

  protected override check({ betas, eps, weightDecay }: ParamGroup<AdamaxOptions>): void {
    checkSettings(this.constructor.name, {
      betas: [betas, "from 0 to below 1"],
      eps: [eps, "at least 0"],
      weightDecay: [weightDecay, "at least 0"],
    });
  }

  protected update(group: ParamGroup<AdamaxOptions>, params: readonly Tensor[]): void {
    const { lr, eps } = group;
    const [beta1, beta2] = group.betas;
    for (const p of params) {
      const state = this.stateOf<AdamaxState>(p, () => {
        return { step: 0, expAvg: p.zerosLike(), expInf: p.zerosLike() };
      });
      state.step++;
      const g = descent(p, group);
      const { expAvg, expInf } = state;
      expAvg.lerp_(g, 1 - beta1);
      expInf.copy_(expInf.mul(beta2).maximum(g.abs().add_(eps)));
      p.addcdiv_(expAvg, expInf, { value: -lr / (1 - beta1 ** state.step) });
    }
  }
}
