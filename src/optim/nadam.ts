// NAdam, Adam with Nesterov's momentum. https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ
//
//   μₜ = β₁ (1 − ½ 0.96^(t ψ)),  m = β₁ m + (1 − β₁) g,  v = β₂ v + (1 − β₂) g²
//   p = p − lr ((1 − μₜ) / (1 − ∏ᵢ₌₁ᵗ μᵢ) · g + μₜ₊₁ / (1 − ∏ᵢ₌₁ᵗ⁺¹ μᵢ) · m) / (√(v / (1 − β₂ᵗ)) + ε)

import type { Tensor } from "../tensor/tensor.ts";
import { type BaseOptions, type GroupOptions, Optimizer, type ParamGroup, type ParamState } from "./optimizer.ts";
import { checkSettings, descent } from "./settings.ts";

export interface NadamOptions extends BaseOptions {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  /** ψ, by which μ grows to β₁. */
  readonly momentumDecay: number;
  /** Shrinks p by `lr weightDecay`, as AdamW, in place of adding `weightDecay p` to g. */
  readonly decoupledWeightDecay: boolean;
  readonly maximize: boolean;
}

interface NadamState extends ParamState {
  step: number;
  /** The product of all μ. */
  muProduct: number;
  expAvg: Tensor;
  expAvgSq: Tensor;
}

const defaults: NadamOptions = {
  lr: 2e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  momentumDecay: 4e-3,
  decoupledWeightDecay: false,
  maximize: false,
};

export class NAdam extends Optimizer<NadamOptions> {
  constructor(params: readonly Tensor[] | readonly GroupOptions<NadamOptions>[], options: Partial<NadamOptions> = {}) {
    super(params, { ...defaults, ...options });
  }

  protected override check({ betas, eps, weightDecay, momentumDecay }: ParamGroup<NadamOptions>): void {
    checkSettings(this.constructor.name, {
      betas: [betas, "from 0 to below 1"],
      eps: [eps, "at least 0"],
      weightDecay: [weightDecay, "at least 0"],
      momentumDecay: [momentumDecay, "at least 0"],
    });
  }

  protected update(group: ParamGroup<NadamOptions>, params: readonly Tensor[]): void {
    const { lr, eps, weightDecay, momentumDecay, decoupledWeightDecay, maximize } = group;
    const [beta1, beta2] = group.betas;
    const mu = (t: number): number => beta1 * (1 - 0.5 * 0.96 ** (t * momentumDecay));
    for (const p of params) {
      const state = this.stateOf<NadamState>(p, () => {
        return { step: 0, muProduct: 1, expAvg: p.zerosLike(), expAvgSq: p.zerosLike() };
      });
      const { expAvg, expAvgSq } = state;
      const t = ++state.step;
      if (decoupledWeightDecay && weightDecay !== 0) p.mul_(1 - lr * weightDecay);
      const g = descent(p, { maximize, weightDecay: decoupledWeightDecay ? 0 : weightDecay });
      state.muProduct = Math.fround(state.muProduct * mu(t)); // PyTorch keeps it in float32
      expAvg.lerp_(g, 1 - beta1);
      expAvgSq.mul_(beta2).addcmul_(g, g, { value: 1 - beta2 });
      const size = expAvgSq
        .div(1 - beta2 ** t)
        .sqrt_()
        .add_(eps);
      p.addcdiv_(g, size, { value: (-lr * (1 - mu(t))) / (1 - state.muProduct) });
      p.addcdiv_(expAvg, size, { value: (-lr * mu(t + 1)) / (1 - state.muProduct * mu(t + 1)) });
    }
  }
}
