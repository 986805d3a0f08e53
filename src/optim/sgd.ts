// Stochastic gradient descent with momentum: `b = momentum b + (1 − dampening) g`, `p = p − lr b`.

import { ArgumentError } from "../base/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type BaseOptions, type GroupOptions, Optimizer, type ParamGroup, type ParamState } from "./optimizer.ts";

export interface SgdOptions extends BaseOptions {
  readonly momentum: number;
  readonly dampening: number;
  readonly weightDecay: number;
  /** Steps along `g + momentum b`. */
  readonly nesterov: boolean;
  readonly maximize: boolean;
}

const defaults: SgdOptions = { lr: 1e-3, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, maximize: false };

export class SGD extends Optimizer<SgdOptions> {
  constructor(params: readonly Tensor[] | readonly GroupOptions<SgdOptions>[], options: Partial<SgdOptions> = {}) {
    super(params, { ...defaults, ...options });
  }

  protected override check({ nesterov, momentum, dampening }: ParamGroup<SgdOptions>): void {
    if (nesterov && (momentum <= 0 || dampening !== 0)) {
      throw new ArgumentError("SGD: nesterov needs a momentum above 0 and no dampening.", { momentum, dampening });
    }
  }

  protected update(group: ParamGroup<SgdOptions>, params: readonly Tensor[]): void {
    const { lr, momentum, dampening, weightDecay, nesterov, maximize } = group;
    for (const p of params) {
      let g = maximize ? p.grad!.neg() : p.grad!;
      if (weightDecay !== 0) g = g.add(p, { alpha: weightDecay });
      if (momentum !== 0) {
        const fresh = !this.state.has(p);
        const state = this.stateOf<ParamState & { momentumBuffer: Tensor }>(p, () => ({ momentumBuffer: g.clone() }));
        if (!fresh) state.momentumBuffer.mul_(momentum).add_(g, { alpha: 1 - dampening });
        g = nesterov ? g.add(state.momentumBuffer, { alpha: momentum }) : state.momentumBuffer;
      }
      p.add_(g, { alpha: -lr });
    }
  }
}
