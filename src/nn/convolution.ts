// Convolution layers.

import { ArgumentError } from "../base/errors.ts";
import { empty } from "../tensor/create.ts";
import { conv1d, conv2d, convTranspose1d, convTranspose2d } from "../tensor/functional/convolution.ts";
import { checkGroups } from "../tensor/functional/normalization.ts";
import { type Sizes, sizesOf } from "../tensor/functional/windows.ts";
import type { PadMode } from "../tensor/rearranging.ts";
import { tidy } from "../tensor/scope.ts";
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
  /** What stands in the padding: zeros, or the input's own elements as `pad` takes them. */
  readonly paddingMode?: "zeros" | PadMode;
}

const paddingModes: readonly string[] = ["zeros", "reflect", "replicate", "circular"];

abstract class Conv extends Module<[x: Tensor], Tensor> {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[] | "same" | "valid";
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly paddingMode: "zeros" | PadMode;
  /** `[outChannels, inChannels / groups, …kernelSize]` */
  weight: Parameter;
  /** `[outChannels]` */
  bias: Parameter | undefined;

  constructor(n: number, inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvLayerOptions) {
    super();
    const op = new.target.name;
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true, paddingMode = "zeros" } = options;
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
    this.paddingMode = paddingMode;
    if (!paddingModes.includes(paddingMode))
      throw new ArgumentError(`${op}: paddingMode "${paddingMode}"; there are ${paddingModes.join(", ")}.`, {
        paddingMode,
      });
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
    if (this.paddingMode !== "zeros") parts.push(`padding_mode=${this.paddingMode}`);
    return parts.join(", ");
  }

  /** The input as the convolution takes it, and what is left for that to pad. */
  protected padded(x: Tensor): { readonly x: Tensor; readonly padding: readonly number[] | "same" | "valid" } {
    const { padding, paddingMode } = this;
    if (paddingMode === "zeros" || padding === "valid") return { x, padding };
    const sides = this.kernelSize.map((k, d) => {
      if (padding !== "same") return [padding[d]!, padding[d]!];
      const total = this.dilation[d]! * (k - 1);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    });
    return { x: x.pad(sides.reverse().flat(), paddingMode), padding: "valid" }; // the last dimension first
  }
}

/** Convolution over the last dimension: `[N, inChannels, L]` (or without N) to `[N, outChannels, L']`. */
export class Conv1d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvLayerOptions = {}) {
    super(1, inChannels, outChannels, kernelSize, options);
  }
  forward(x: Tensor): Tensor {
    return tidy(() => {
      const { x: whole, padding } = this.padded(x);
      return conv1d(whole, this.weight, { ...this, padding });
    });
  }
}

/** Convolution over the last two dimensions: `[N, inChannels, H, W]` (or without N) to `[N, outChannels, H', W']`. */
export class Conv2d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvLayerOptions = {}) {
    super(2, inChannels, outChannels, kernelSize, options);
  }
  forward(x: Tensor): Tensor {
    return tidy(() => {
      const { x: whole, padding } = this.padded(x);
      return conv2d(whole, this.weight, { ...this, padding });
    });
  }
}

export interface ConvTransposeLayerOptions extends Omit<ConvLayerOptions, "padding" | "paddingMode"> {
  /** The padding of the convolution that this undoes. */
  readonly padding?: Sizes;
  /** More length at the end, below stride or dilation. */
  readonly outputPadding?: Sizes;
}

abstract class ConvTranspose extends Module<[x: Tensor], Tensor> {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly outputPadding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
  /** `[inChannels, outChannels / groups, …kernelSize]` */
  weight: Parameter;
  /** `[outChannels]` */
  bias: Parameter | undefined;

  constructor(
    n: number,
    inChannels: number,
    outChannels: number,
    kernelSize: Sizes,
    options: ConvTransposeLayerOptions,
  ) {
    super();
    const op = new.target.name;
    const { stride = 1, padding = 0, outputPadding = 0, dilation = 1, groups = 1, bias = true } = options;
    checkGroups(op, inChannels, groups);
    checkGroups(op, outChannels, groups);
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = sizesOf(op, "kernelSize", kernelSize, n, 1);
    this.stride = sizesOf(op, "stride", stride, n, 1);
    this.padding = sizesOf(op, "padding", padding, n, 0);
    this.outputPadding = sizesOf(op, "outputPadding", outputPadding, n, 0);
    this.dilation = sizesOf(op, "dilation", dilation, n, 1);
    this.groups = groups;
    this.weight = new Parameter(empty([inChannels, outChannels / groups, ...this.kernelSize]));
    kaimingUniform_(this.weight, { a: Math.sqrt(5) });
    if (!bias) return;
    this.bias = new Parameter(empty([outChannels]));
    const { fanIn } = fans(this.weight);
    const bound = fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0;
    uniform_(this.bias, -bound, bound);
  }

  override extraRepr(): string {
    const { padding, dilation, outputPadding, groups } = this;
    const parts = [`${this.inChannels}, ${this.outChannels}`, `kernel_size=${pyTuple(this.kernelSize)}`];
    parts.push(`stride=${pyTuple(this.stride)}`);
    if (padding.some((p) => p !== 0)) parts.push(`padding=${pyTuple(padding)}`);
    if (dilation.some((d) => d !== 1)) parts.push(`dilation=${pyTuple(dilation)}`);
    if (outputPadding.some((p) => p !== 0)) parts.push(`output_padding=${pyTuple(outputPadding)}`);
    if (groups !== 1) parts.push(`groups=${groups}`);
    if (this.bias === undefined) parts.push("bias=False");
    return parts.join(", ");
  }
}

/** The transpose of `Conv1d`: `[N, inChannels, L]` (or without N) to `[N, outChannels, L']`. */
export class ConvTranspose1d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvTransposeLayerOptions = {}) {
    super(1, inChannels, outChannels, kernelSize, options);
  }
  forward(x: Tensor): Tensor {
    return convTranspose1d(x, this.weight, this);
  }
}

/** The transpose of `Conv2d`: `[N, inChannels, H, W]` (or without N) to `[N, outChannels, H', W']`. */
export class ConvTranspose2d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvTransposeLayerOptions = {}) {
    super(2, inChannels, outChannels, kernelSize, options);
  }
  forward(x: Tensor): Tensor {
    return convTranspose2d(x, this.weight, this);
  }
}
