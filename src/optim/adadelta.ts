// Adadelta: steps as long as the steps before, over the size of the gradients. https://arxiv.org/abs/1212.5701
//
//   v = ρ v + (1 − ρ) g²,  Δ = √(u + ε) / √(v + ε) · g,  u = ρ u + (1 − ρ) Δ²,  p = p − lr Δ

import type { Tensor } from "../tensor/tensor.ts";
import { type BaseOptions, type GroupOptions, Optimizer, type ParamGroup, type ParamState } from "./optimizer.ts";
import { checkSettings, descent } from "./settings.ts";

export interface AdadeltaOptions extends BaseOptions {
  readonly rho: number;
  readonly eps: number;
  readonly weightDecay: number;
  readonly maximize: boolean;
}

interface AdadeltaState extends ParamState {
  step: number;
  squareAvg: Tensor;
  accDelta: Tensor;
}

const defaults: AdadeltaOptions = { lr: 1, rho: 0.9, eps: 1e-6, weightDecay: 0, maximize: false };

export class Adadelta extends Optimizer<AdadeltaOptions> {
  constructor(
    params: readonly Tensor[] | readonly GroupOptions<AdadeltaOptions>[],
    options: Partial<AdadeltaOptions> = {},
  ) {
    super(params, { ...defaults, ...options });
  }

  protected override check({ rho, eps, weightDecay }: ParamGroup<AdadeltaOptions>): void {
    checkSettings(this.constructor.name, {
      rho: [rho, "from 0 to 1"],
      eps: [eps, "at least 0"],
      weightDecay: [weightDecay, "at least 0"],
    });
  }

  protected update(group: ParamGroup<AdadeltaOptions>, params: readonly Tensor[]): void {
    const { lr, rho, eps } = group;
    for (const p of params) {
      const state = this.stateOf<AdadeltaState>(p, () => {
        return { step: 0, squareAvg: p.zerosLike(), accDelta: p.zerosLike() };
      });
      state.step++;
      const g = descent(p, group);
      state.squareAvg.mul_(rho).addcmul_(g, g, { value: 1 - rho });
      const size = state.squareAvg.add(eps).sqrt_();
      const delta = state.accDelta.add(eps).sqrt_().div_(size).mul_(g);
      state.accDelta.mul_(rho).addcmul_(delta, delta, { value: 1 - rho });
      p.add_(delta, { alpha: -lr });
    }
  }
}
