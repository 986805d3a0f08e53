// Stochastic gradient descent with momentum: `b = momentum b + (1 − dampening) g`, `p = p − lr b`.

import { ArgumentError } from "../base/errors.ts";
import type { Device } from "../ir/device.ts";
import { type SgdTensor, sgd } from "../kernels/optimizer.ts";
import { touch } from "../tensor/in-place.ts";
import { recordOperation } from "../tensor/recorder.ts";
import { Tensor } from "../tensor/tensor.ts";
import { splitForList } from "./lists.ts";
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
    const { momentum } = group;
    const items = params.map((p): Item => {
      const grad = p.grad!;
      if (momentum === 0) return { p, grad, buffer: undefined, isFirst: false };
      const isFirst = !this.state.has(p);
      const { momentumBuffer } = this.stateOf<SgdState>(p, () => {
        return { momentumBuffer: Tensor.empty(p.shape, p.dtype, p.device) };
      });
      return { p, grad, buffer: momentumBuffer, isFirst };
    });
    const { device, together, alone } = splitForList(items, ({ p, grad, buffer }) => {
      return buffer === undefined ? [p, grad] : [p, grad, buffer];
    });
    if (device !== undefined) updateTogether(device, group, together);
    for (const item of alone) updateAlone(group, item);
  }
}

type SgdState = ParamState & { momentumBuffer: Tensor };

interface Item {
  readonly p: Tensor;
  readonly grad: Tensor;
  /** With momentum. */
  readonly buffer: Tensor | undefined;
  /** The buffer has no values yet. */
  readonly isFirst: boolean;
}

/** One launch over all. */
function updateTogether(device: Device, group: ParamGroup<SgdOptions>, items: readonly Item[]): void {
  const { lr, momentum, dampening, weightDecay, nesterov, maximize } = group;
  const tensors = items.map(({ p, grad, buffer, isFirst }): SgdTensor => {
    return { n: p.numel, p: p.address, grad: grad.address, buffer: buffer?.address ?? 0, isFirst };
  });
  const settings = { lr, momentum, dampening, weightDecay, nesterov, maximize, gradScale: 0 };
  const written = items.flatMap(({ p, buffer }) => (buffer === undefined ? [p] : [p, buffer]));
  recordOperation("fusedSgd_", [...items.map((i) => i.grad), ...written], written, () =>
    sgd(device, { dtype: "f32", tensors, ...settings }),
  );
  for (const { p, buffer } of items) {
    touch(p);
    if (buffer !== undefined) touch(buffer);
  }
}

/** The same in tensor algebra. */
function updateAlone(group: ParamGroup<SgdOptions>, { p, grad, buffer, isFirst }: Item): void {
  const { lr, momentum, dampening, weightDecay, nesterov, maximize } = group;
  let g = maximize ? grad.neg() : grad;
  if (weightDecay !== 0) g = g.add(p, { alpha: weightDecay });
  if (buffer !== undefined) {
    if (isFirst) buffer.copy_(g);
    else buffer.mul_(momentum).add_(g, { alpha: 1 - dampening });
    g = nesterov ? g.add(buffer, { alpha: momentum }) : buffer;
  }
  p.add_(g, { alpha: -lr });
}
