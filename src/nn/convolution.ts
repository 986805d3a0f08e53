// Convolution layers.

import { ArgumentError } from "../base/errors.ts";
import { empty } from "../tensor/create.ts";
import { conv1d, conv2d } from "../tensor/functional/convolution.ts";
import { type Sizes, sizesOf } from "../tensor/functional/windows.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { fans, kaimingUniform_, uniform_ } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";
import { pyTuple } from "./python.ts";

export interface ConvLayerOptions {
  readonly stride?: Sizes;
  /** Zeros on both sides; `"same"` (for a stride of 1) keeps the lengths, `"valid"` is none. */
  readonly padding?: Sizes | "same" | "valid";
  readonly dilation?: Sizes;
  /** Each group of output channels sees its own group of input channels. */
  readonly groups?: number;
  readonly bias?: boolean;
}

abstract class Conv extends Module<[x: Tensor], Tensor> {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[] | "same" | "valid";
  readonly dilation: readonly number[];
  readonly groups: number;
  /** `[outChannels, inChannels / groups, …kernelSize]` */
  weight: Parameter;
  /** `[outChannels]` */
  bias: Parameter | undefined;

  constructor(n: number, inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvLayerOptions) {
    super();
    const op = new.target.name;
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true } = options;
    if (!(Number.isInteger(groups) && groups > 0 && inChannels % groups === 0 && outChannels % groups === 0)) {
      throw new ArgumentError(`${op}: ${inChannels} and ${outChannels} channels do not divide into ${groups} groups.`, {
        inChannels,
        outChannels,
        groups,
      });
    }
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = sizesOf(op, "kernelSize", kernelSize, n, 1);
    this.stride = sizesOf(op, "stride", stride, n, 1);
    this.padding = typeof padding === "string" ? padding : sizesOf(op, "padding", padding, n, 0);
    this.dilation = sizesOf(op, "dilation", dilation, n, 1);
    this.groups = groups;
    if (padding === "same" && this.stride.some((s) => s !== 1))
      throw new ArgumentError(`${op}: padding "same" goes with a stride of 1.`, { stride });
    this.weight = new Parameter(empty([outChannels, inChannels / groups, ...this.kernelSize]));
    kaimingUniform_(this.weight, { a: Math.sqrt(5) });
    if (!bias) return;
    this.bias = new Parameter(empty([outChannels]));
    const { fanIn } = fans(this.weight);
    const bound = fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0;
    uniform_(this.bias, -bound, bound);
  }

  override extraRepr(): string {
    const { padding, dilation, groups } = this;
    const parts = [`${this.inChannels}, ${this.outChannels}`, `kernel_size=${pyTuple(this.kernelSize)}`];
    parts.push(`stride=${pyTuple(this.stride)}`);
    if (typeof padding === "string") parts.push(`padding=${padding}`);
    else if (padding.some((p) => p !== 0)) parts.push(`padding=${pyTuple(padding)}`);
    if (dilation.some((d) => d !== 1)) parts.push(`dilation=${pyTuple(dilation)}`);
    if (groups !== 1) parts.push(`groups=${groups}`);
    if (this.bias === undefined) parts.push("bias=False");
    return parts.join(", ");
  }
}

/** Convolution over the last dimension: `[N, inChannels, L]` (or without N) to `[N, outChannels, L']`. */
export class Conv1d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvLayerOptions = {}) {
    super(1, inChannels, outChannels, kernelSize, options);
  }
  forward(x: Tensor): Tensor {
    return conv1d(x, this.weight, this);
  }
}

/** Convolution over the last two dimensions: `[N, inChannels, H, W]` (or without N) to `[N, outChannels, H', W']`. */
export class Conv2d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvLayerOptions = {}) {
    super(2, inChannels, outChannels, kernelSize, options);
  }
  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this);
  }
}
