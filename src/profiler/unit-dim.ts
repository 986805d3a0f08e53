// Which dimension of a layer's output holds its units: the last one, but of images and of what convolutions give the channels, which
// activations and dropout after them keep.

import { BatchNorm1d, BatchNorm2d } from "../nn/batch-norm.ts";
import { Conv1d, Conv2d } from "../nn/convolution.ts";
import type { AnyModule } from "../nn/module.ts";
import { GroupNorm } from "../nn/normalization.ts";
import * as pooling from "../nn/pooling.ts";
import type { Tensor } from "../tensor/tensor.ts";

const overLines = [Conv1d, pooling.MaxPool1d, pooling.AvgPool1d, pooling.AdaptiveAvgPool1d] as const;
const overImages = [Conv2d, pooling.MaxPool2d, pooling.AvgPool2d, pooling.AdaptiveAvgPool2d] as const;
const ofBatches = [BatchNorm1d, BatchNorm2d, GroupNorm] as const;

/** Follows the outputs of a model's layers. */
export class UnitDims {
  /** Of outputs whose units are not in the last dimension. */
  readonly #known = new WeakMap<Tensor, number>();

  /** Of `output`, which a layer gave for `input`. */
  of(module: AnyModule, input: unknown, output: Tensor): number {
    const dim = this.#find(module, input, output);
    if (dim < output.ndim - 1) this.#known.set(output, dim);
    return dim;
  }

  #find(module: AnyModule, input: unknown, output: Tensor): number {
    const is = (kinds: readonly (abstract new (...args: never) => unknown)[]): boolean =>
      kinds.some((kind) => module instanceof kind);
    if (is(overLines)) return output.ndim - 2; // [N, C, L] or [C, L]
    if (is(overImages)) return output.ndim - 3; // [N, C, H, W] or [C, H, W]
    if (is(ofBatches)) return 1; // [N, C, …]
    const before = isTensor(input) && input.ndim === output.ndim ? this.#known.get(input) : undefined;
    if (before !== undefined && module.parameters().length === 0) return before;
    return output.ndim === 4 && module.parameters().length === 0 ? 1 : output.ndim - 1; // a sum of images is not followed
  }
}

function isTensor(value: unknown): value is Tensor {
  return typeof value === "object" && value !== null && "ndim" in value;
}
