// RMSprop: `v = α v + (1 − α) g²`, `p = p − lr · g / (√v + ε)`, with momentum and a centred variance if asked for.
// https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf

import type { Tensor } from "../tensor/tensor.ts";
import { type BaseOptions, type GroupOptions, Optimizer, type ParamGroup, type ParamState } from "./optimizer.ts";
import { descent } from "./settings.ts";

export interface RmspropOptions extends BaseOptions {
  readonly alpha: number;
  readonly eps: number;
  readonly weightDecay: number;
  readonly momentum: number;
  /** Divides by the deviation from the mean gradient: `√(v − m²)`. */
  readonly centered: boolean;
  readonly maximize: boolean;
}

interface RmspropState extends ParamState {
  step: number;
  squareAvg: Tensor;
}

const defaults: RmspropOptions = {
  lr: 1e-2,
  alpha: 0.99,
  eps: 1e-8,
  weightDecay: 0,
  momentum: 0,
  centered: false,
  maximize: false,
};

export class RMSprop extends Optimizer<RmspropOptions> {
  constructor(
    params: readonly Tensor[] | readonly GroupOptions<RmspropOptions>[],
    options: Partial<RmspropOptions> = {},
  ) {
    super(params, { ...defaults, ...options });
  }

  protected update(group: ParamGroup<RmspropOptions>, params: readonly Tensor[]): void {
    const { lr, alpha, eps, momentum, centered } = group;
    for (const p of params) {
      const state = this.stateOf<RmspropState>(p, () => {
        const zeros = (): Tensor => p.zerosLike();
        return {
          step: 0,
          squareAvg: zeros(),
          ...(momentum > 0 ? { momentumBuffer: zeros() } : {}),
          ...(centered ? { gradAvg: zeros() } : {}),
        };
      });
      state.step++;
      const g = descent(p, group);
      state.squareAvg.mul_(alpha).addcmul_(g, g, { value: 1 - alpha });
      let variance = state.squareAvg;
      if (centered) {
        const mean = (state["gradAvg"] as Tensor).lerp_(g, 1 - alpha); // made above
        variance = variance.addcmul(mean, mean, { value: -1 });
      }
      const deviation = variance.sqrt().add_(eps);
      if (momentum > 0) {
        const buffer = state["momentumBuffer"] as Tensor; // made above
        p.add_(buffer.mul_(momentum).addcdiv_(g, deviation), { alpha: -lr });
      } else p.addcdiv_(g, deviation, { value: -lr });
    }
  }
}
