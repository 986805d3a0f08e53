// Adam and AdamW.
//
//   m = β₁ m + (1 − β₁) g,  v = β₂ v + (1 − β₂) g²
//   p = p − lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
//
// Adam adds `weightDecay p` to g; AdamW shrinks p by `lr weightDecay` before, apart from g.

import { ArgumentError } from "../base/errors.ts";
import type { Device } from "../ir/device.ts";
import { type AdamTensor, adam } from "../kernels/optimizer.ts";
import { touch } from "../tensor/in-place.ts";
import { recordOperation } from "../tensor/recorder.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { splitForList } from "./lists.ts";
import { type BaseOptions, type GroupOptions, Optimizer, type ParamGroup, type ParamState } from "./optimizer.ts";

export interface AdamOptions extends BaseOptions {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  /** Divides by the largest v so far. https://openreview.net/forum?id=ryQu7f-RZ */
  readonly amsgrad: boolean;
  /** Goes up the gradient instead of down. */
  readonly maximize: boolean;
}

type AdamState = ParamState & {
  step: number;
  expAvg: Tensor;
  expAvgSq: Tensor;
  /** With amsgrad. */
  maxExpAvgSq?: Tensor;
};

type Params = readonly Tensor[] | readonly GroupOptions<AdamOptions>[];
const defaults: AdamOptions = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  amsgrad: false,
  maximize: false,
};

/** https://arxiv.org/abs/1412.6980 */
export class Adam extends Optimizer<AdamOptions> {
  readonly #decoupled: boolean;

  constructor(params: Params, options: Partial<AdamOptions> = {}, decoupled = false) {
    super(params, { ...defaults, ...options });
    this.#decoupled = decoupled;
  }

  protected override check({ betas, eps, weightDecay }: ParamGroup<AdamOptions>): void {
    if (betas.some((beta) => !(beta >= 0 && beta < 1)) || !(eps >= 0) || !(weightDecay >= 0)) {
      throw new ArgumentError(
        `${this.constructor.name}: betas ${betas.join(", ")}, eps ${eps}, weightDecay ${weightDecay}; ` +
          "betas lie from 0 to below 1, the others are at least 0.",
        { betas, eps, weightDecay },
      );
    }
  }

  protected update(group: ParamGroup<AdamOptions>, params: readonly Tensor[]): void {
    const items = params.map((p): Item => {
      const state = this.stateOf<AdamState>(p, () => {
        const zeros = (): Tensor => p.zerosLike();
        return { step: 0, expAvg: zeros(), expAvgSq: zeros(), ...(group.amsgrad ? { maxExpAvgSq: zeros() } : {}) };
      });
      state.step++;
      return { p, grad: p.grad!, state };
    });
    const { device, together, alone } = splitForList(items, ({ p, grad, state }) => {
      const { expAvg, expAvgSq, maxExpAvgSq } = state;
      return [p, grad, expAvg, expAvgSq, ...(group.amsgrad ? [maxExpAvgSq!] : [])];
    });
    if (device !== undefined) updateTogether(device, group, this.#decoupled, together);
    for (const item of alone) updateAlone(group, this.#decoupled, item);
  }
}

interface Item {
  readonly p: Tensor;
  readonly grad: Tensor;
  readonly state: AdamState;
}

/** One launch over all. */
function updateTogether(
  device: Device,
  group: ParamGroup<AdamOptions>,
  decoupled: boolean,
  items: readonly Item[],
): void {
  const { lr, eps, betas, weightDecay, amsgrad, maximize } = group;
  const tensors = items.map(({ p, grad, state }): AdamTensor => {
    const { step, expAvg, expAvgSq, maxExpAvgSq } = state;
    const [m, v, vMax] = [expAvg.address, expAvgSq.address, amsgrad ? maxExpAvgSq!.address : 0];
    return { n: p.numel, p: p.address, grad: grad.address, m, v, vMax, step };
  });
  const settings = { lr, eps, betas, weightDecay, amsgrad, maximize, decoupled, gradScale: 0 };
  const written = items.flatMap(({ p, state }) => [
    p,
    state.expAvg,
    state.expAvgSq,
    ...(amsgrad ? [state.maxExpAvgSq!] : []),
  ]);
  recordOperation(decoupled ? "fusedAdamw_" : "fusedAdam_", [...items.map((i) => i.grad), ...written], written, () =>
    adam(device, { dtype: "f32", tensors, ...settings }),
  );
  for (const { p, state } of items) {
    touch(p);
    touch(state.expAvg);
    touch(state.expAvgSq);
    if (amsgrad) touch(state.maxExpAvgSq!);
  }
}

/** The same in tensor algebra. */
function updateAlone(group: ParamGroup<AdamOptions>, decoupled: boolean, { p, grad, state }: Item): void {
  const { lr, eps, weightDecay, amsgrad, maximize } = group;
  const [beta1, beta2] = group.betas;
  let g = maximize ? grad.neg() : grad;
  if (weightDecay !== 0) {
    if (decoupled) p.mul_(1 - lr * weightDecay);
    else g = g.add(p, { alpha: weightDecay });
  }
  state.expAvg.lerp_(g, 1 - beta1);
  state.expAvgSq.mul_(beta2).addcmul_(g, g, { value: 1 - beta2 });
  let second = state.expAvgSq;
  if (amsgrad) {
    const largest = state.maxExpAvgSq!;
    largest.copy_(largest.maximum(state.expAvgSq));
    second = largest;
  }
  const denominator = second
    .sqrt()
    .div(Math.sqrt(1 - beta2 ** state.step))
    .add_(eps);
  p.addcdiv_(state.expAvg, denominator, { value: -lr / (1 - beta1 ** state.step) });
}

/** https://arxiv.org/abs/1711.05101 */
export class AdamW extends Adam {
  constructor(params: Params, options: Partial<AdamOptions> = {}) {
    super(params, { weightDecay: 1e-2, ...options }, true);
  }
}
