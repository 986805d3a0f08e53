// Adagrad: `s = s + g²`, `p = p − lr / (1 + (t − 1) lrDecay) · g / (√s + ε)`. https://jmlr.org/papers/v12/duchi11a.html

import type { Tensor } from "../tensor/tensor.ts";
import { type BaseOptions, type GroupOptions, Optimizer, type ParamGroup, type ParamState } from "./optimizer.ts";
import { descent } from "./settings.ts";

export interface AdagradOptions extends BaseOptions {
  readonly lrDecay: number;
  readonly weightDecay: number;
  /** Where the sums of squares begin. */
  readonly initialAccumulatorValue: number;
  readonly eps: number;
  readonly maximize: boolean;
}

interface AdagradState extends ParamState {
  step: number;
  sum: Tensor;
}

const defaults: AdagradOptions = {
  lr: 1e-2,
  lrDecay: 0,
  weightDecay: 0,
  initialAccumulatorValue: 0,
  eps: 1e-10,
  maximize: false,
};

export class Adagrad extends Optimizer<AdagradOptions> {
  constructor(
    params: readonly Tensor[] | readonly GroupOptions<AdagradOptions>[],
    options: Partial<AdagradOptions> = {},
  ) {
    super(params, { ...defaults, ...options });
  }

  protected update(group: ParamGroup<AdagradOptions>, params: readonly Tensor[]): void {
    const { lr, lrDecay, initialAccumulatorValue, eps } = group;
    for (const p of params) {
      const state = this.stateOf<AdagradState>(p, () => {
        return { step: 0, sum: p.zerosLike().fill_(initialAccumulatorValue) };
      });
      state.step++;
      const g = descent(p, group);
      state.sum.addcmul_(g, g);
      p.addcdiv_(g, state.sum.sqrt().add_(eps), { value: -lr / (1 + (state.step - 1) * lrDecay) });
    }
  }
}
