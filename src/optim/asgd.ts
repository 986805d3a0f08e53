// Averaged stochastic gradient descent: beside the parameter its mean over the steps after `t0`, in the state's `ax`.
// https://dl.acm.org/doi/10.1137/0330046
//
//   p = (1 − λ η) p − η g,  ax = ax + μ (p − ax),  η = lr / (1 + λ lr t)^α,  μ = 1 / max(1, t − t0)

import type { Tensor } from "../tensor/tensor.ts";
import { type BaseOptions, type GroupOptions, Optimizer, type ParamGroup, type ParamState } from "./optimizer.ts";
import { checkSettings, descent } from "./settings.ts";

export interface AsgdOptions extends BaseOptions {
  /** λ, by which parameters and rate shrink. */
  readonly lambd: number;
  /** The power by which η falls. */
  readonly alpha: number;
  /** The step after which the mean begins. */
  readonly t0: number;
  readonly weightDecay: number;
  readonly maximize: boolean;
}

interface AsgdState extends ParamState {
  step: number;
  eta: number;
  mu: number;
  ax: Tensor;
}

const defaults: AsgdOptions = { lr: 1e-2, lambd: 1e-4, alpha: 0.75, t0: 1e6, weightDecay: 0, maximize: false };

export class ASGD extends Optimizer<AsgdOptions> {
  constructor(params: readonly Tensor[] | readonly GroupOptions<AsgdOptions>[], options: Partial<AsgdOptions> = {}) {
    super(params, { ...defaults, ...options });
  }

  protected override check({ weightDecay }: ParamGroup<AsgdOptions>): void {
    checkSettings(this.constructor.name, { weightDecay: [weightDecay, "at least 0"] });
  }

  protected update(group: ParamGroup<AsgdOptions>, params: readonly Tensor[]): void {
    const { lr, lambd, alpha, t0 } = group;
    for (const p of params) {
      const state = this.stateOf<AsgdState>(p, () => {
        return { step: 0, eta: Math.fround(lr), mu: 1, ax: p.zerosLike() }; // PyTorch keeps the numbers in float32
      });
      const t = ++state.step;
      const g = descent(p, group);
      p.mul_(1 - lambd * state.eta).add_(g, { alpha: -state.eta });
      if (state.mu === 1) state.ax.copy_(p);
      else state.ax.add_(p.sub(state.ax), { alpha: state.mu });
      state.eta = Math.fround(lr / (1 + lambd * lr * t) ** alpha);
      state.mu = Math.fround(1 / Math.max(1, t - t0));
    }
  }
}
