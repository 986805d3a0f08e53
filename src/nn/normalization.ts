// Normalisation layers.

import { empty } from "../tensor/create.ts";
import { checkGroups, groupNorm, layerNorm, rmsNorm } from "../tensor/functional/normalization.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ones_, zeros_ } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";
import { pyBool, pyFloat, pyTuple } from "./python.ts";

const listOf = (shape: number | readonly number[]): readonly number[] =>
  typeof shape === "number" ? [shape] : [...shape];

/** `(x − mean) / √(var + eps) · weight + bias` over the last dimensions. https://arxiv.org/abs/1607.06450 */
export class LayerNorm extends Module<[x: Tensor], Tensor> {
  readonly normalizedShape: readonly number[];
  readonly eps: number;
  /** `[…normalizedShape]`, from ones */
  weight: Parameter | undefined;
  /** `[…normalizedShape]`, from zeros */
  bias: Parameter | undefined;

  constructor(
    normalizedShape: number | readonly number[],
    options: { readonly eps?: number; readonly elementwiseAffine?: boolean; readonly bias?: boolean } = {},
  ) {
    super();
    const { eps = 1e-5, elementwiseAffine = true, bias = true } = options;
    this.normalizedShape = listOf(normalizedShape);
    this.eps = eps;
    if (!elementwiseAffine) return;
    this.weight = new Parameter(empty(this.normalizedShape));
    ones_(this.weight);
    if (!bias) return;
    this.bias = new Parameter(empty(this.normalizedShape));
    zeros_(this.bias);
  }

  forward(x: Tensor): Tensor {
    return layerNorm(x, this.normalizedShape, { weight: this.weight, bias: this.bias, eps: this.eps });
  }
  override extraRepr(): string {
    const [affine, bias] = [this.weight !== undefined, this.bias !== undefined];
    return `${pyTuple(this.normalizedShape)}, eps=${pyFloat(this.eps)}, elementwise_affine=${pyBool(affine)}, bias=${pyBool(bias)}`;
  }
}

/** `x / √(mean x² + eps) · weight` over the last dimensions. https://arxiv.org/abs/1910.07467 */
export class RMSNorm extends Module<[x: Tensor], Tensor> {
  readonly normalizedShape: readonly number[];
  /** Undefined stands for the smallest step of the dtype at 1. */
  readonly eps: number | undefined;
  /** `[…normalizedShape]`, from ones */
  weight: Parameter | undefined;

  constructor(
    normalizedShape: number | readonly number[],
    options: { readonly eps?: number | undefined; readonly elementwiseAffine?: boolean } = {},
  ) {
    super();
    this.normalizedShape = listOf(normalizedShape);
    this.eps = options.eps;
    if (options.elementwiseAffine === false) return;
    this.weight = new Parameter(empty(this.normalizedShape));
    ones_(this.weight);
  }

  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.normalizedShape, { weight: this.weight, eps: this.eps });
  }
  override extraRepr(): string {
    const eps = this.eps === undefined ? "None" : pyFloat(this.eps);
    return `${pyTuple(this.normalizedShape)}, eps=${eps}, elementwise_affine=${pyBool(this.weight !== undefined)}`;
  }
}

/** `(x − mean) / √(var + eps) · weight + bias` over groups of the channels of `[N, C, …]`. https://arxiv.org/abs/1803.08494 */
export class GroupNorm extends Module<[x: Tensor], Tensor> {
  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;
  /** `[C]`, from ones */
  weight: Parameter | undefined;
  /** `[C]`, from zeros */
  bias: Parameter | undefined;

  constructor(
    numGroups: number,
    numChannels: number,
    options: { readonly eps?: number; readonly affine?: boolean; readonly bias?: boolean } = {},
  ) {
    super();
    const { eps = 1e-5, affine = true, bias = true } = options;
    checkGroups("GroupNorm", numChannels, numGroups);
    this.numGroups = numGroups;
    this.numChannels = numChannels;
    this.eps = eps;
    if (!affine) return;
    this.weight = new Parameter(empty([numChannels]));
    ones_(this.weight);
    if (!bias) return;
    this.bias = new Parameter(empty([numChannels]));
    zeros_(this.bias);
  }

  forward(x: Tensor): Tensor {
    return groupNorm(x, this.numGroups, { weight: this.weight, bias: this.bias, eps: this.eps });
  }
  override extraRepr(): string {
    const [affine, bias] = [this.weight !== undefined, this.bias !== undefined];
    return `${this.numGroups}, ${this.numChannels}, eps=${pyFloat(this.eps)}, affine=${pyBool(affine)}, bias=${pyBool(bias)}`;
  }
}
