// Rprop: each element has a step of its own, which grows while its gradient keeps the sign and shrinks when that turns.
// https://ieeexplore.ieee.org/document/298623

import { ArgumentError } from "../base/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type BaseOptions, type GroupOptions, Optimizer, type ParamGroup, type ParamState } from "./optimizer.ts";
import { descent } from "./settings.ts";

export interface RpropOptions extends BaseOptions {
  /** The factors by which steps shrink and grow. */
  readonly etas: readonly [number, number];
  /** The shortest step and the longest. */
  readonly stepSizes: readonly [number, number];
  readonly maximize: boolean;
}

interface RpropState extends ParamState {
  step: number;
  /** The gradient before; 0 where the sign turned. */
  prev: Tensor;
  stepSize: Tensor;
}

const defaults: RpropOptions = { lr: 1e-2, etas: [0.5, 1.2], stepSizes: [1e-6, 50], maximize: false };

/** `lr` is the first step. For whole batches: a gradient's size is not looked at. */
export class Rprop extends Optimizer<RpropOptions> {
  constructor(params: readonly Tensor[] | readonly GroupOptions<RpropOptions>[], options: Partial<RpropOptions> = {}) {
    super(params, { ...defaults, ...options });
  }

  protected override check({ etas }: ParamGroup<RpropOptions>): void {
    const [shrink, grow] = etas;
    if (shrink > 0 && shrink < 1 && grow > 1) return;
    throw new ArgumentError(`Rprop: etas ${shrink}, ${grow}; wants the first between 0 and 1, the second above 1.`, {
      etas,
    });
  }

  protected update(group: ParamGroup<RpropOptions>, params: readonly Tensor[]): void {
    const { lr, maximize } = group;
    const [shrink, grow] = group.etas;
    const [min, max] = group.stepSizes;
    for (const p of params) {
      const state = this.stateOf<RpropState>(p, () => {
        return { step: 0, prev: p.zerosLike(), stepSize: p.zerosLike().fill_(lr) };
      });
      state.step++;
      const { prev, stepSize } = state;
      const g = descent(p, { maximize, weightDecay: 0 });
      const sign = g.mul(prev).sign();
      const turned = sign.lt(0);
      const factor = sign.maskedFill(sign.gt(0), grow).maskedFill(turned, shrink).maskedFill(sign.eq(0), 1);
      stepSize.mul_(factor).clamp_({ min, max });
      prev.copy_(g.maskedFill(turned, 0));
      p.addcmul_(prev.sign(), stepSize, { value: -1 });
    }
  }
}
