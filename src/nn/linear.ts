// Fully connected layers, of one input and of two.

import { ArgumentError } from "../base/errors.ts";
import type { Activation } from "../ops/matmul.ts";
import { empty } from "../tensor/create.ts";
import { gelu, relu, silu } from "../tensor/functional/activation.ts";
import { type LinearOptions, linear } from "../tensor/linear.ts";
import { bilinear } from "../tensor/products.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { kaimingUniform_, uniform_ } from "./init.ts";
import { Module } from "./module.ts";
import { isWatched } from "./module-hooks.ts";
import { Parameter } from "./parameter.ts";

/** `x Wᵀ + b`, `[…, inFeatures]` to `[…, outFeatures]`. */
export class Linear extends Module<[x: Tensor], Tensor> {
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** `[outFeatures, inFeatures]` */
  weight: Parameter;
  /** `[outFeatures]` */
  bias: Parameter | undefined;

  constructor(inFeatures: number, outFeatures: number, options: { readonly bias?: boolean } = {}) {
    super();
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.weight = new Parameter(empty([outFeatures, inFeatures]));
    kaimingUniform_(this.weight, { a: Math.sqrt(5) });
    if (options.bias ?? true) {
      this.bias = new Parameter(empty([outFeatures]));
      const bound = inFeatures > 0 ? 1 / Math.sqrt(inFeatures) : 0;
      uniform_(this.bias, -bound, bound);
    }
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }
  override extraRepr(): string {
    const bias = this.bias === undefined ? "False" : "True";
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}, bias=${bias}`;
  }
}

/**
 * `activation(layer(x)) + residual` in one pass over the result. A layer that something watches by hooks, or that another module has
 * replaced (as adapters do), is called, and the rest follows it.
 */
export function callLinear(layer: Module<[x: Tensor], Tensor>, x: Tensor, options: LinearOptions = {}): Tensor {
  if (layer.constructor === Linear && !isWatched(layer)) {
    const { weight, bias } = layer as Linear; // its class is checked
    return linear(x, weight, bias, options);
  }
  const { activation, residual } = options;
  const y = activation === undefined ? layer(x) : activate(layer(x), activation);
  return residual === undefined ? y : y.add(residual);
}

/** One of the activations that `linear` applies, alone. */
export function activate(x: Tensor, activation: Activation): Tensor {
  return activations[activation](x);
}

const activations: { readonly [a in Activation]: (x: Tensor) => Tensor } = {
  relu,
  gelu: (x) => gelu(x),
  geluTanh: (x) => gelu(x, { approximate: "tanh" }),
  silu,
  tanh: (x) => x.tanh(),
  sigmoid: (x) => x.sigmoid(),
};

/** `x1ᵀ W_k x2 + b_k`: `[…, in1Features]` and `[…, in2Features]` to `[…, outFeatures]`. */
export class Bilinear extends Module<[x1: Tensor, x2: Tensor], Tensor> {
  readonly in1Features: number;
  readonly in2Features: number;
  readonly outFeatures: number;
  /** `[outFeatures, in1Features, in2Features]` */
  weight: Parameter;
  /** `[outFeatures]` */
  bias: Parameter | undefined;

  constructor(
    in1Features: number,
    in2Features: number,
    outFeatures: number,
    options: { readonly bias?: boolean } = {},
  ) {
    super();
    if (!(in1Features > 0)) throw new ArgumentError(`Bilinear: ${in1Features} features; at least 1.`, { in1Features });
    this.in1Features = in1Features;
    this.in2Features = in2Features;
    this.outFeatures = outFeatures;
    const bound = 1 / Math.sqrt(in1Features);
    this.weight = new Parameter(empty([outFeatures, in1Features, in2Features]));
    uniform_(this.weight, -bound, bound);
    if (options.bias === false) return;
    this.bias = new Parameter(empty([outFeatures]));
    uniform_(this.bias, -bound, bound);
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return bilinear(x1, x2, this.weight, this.bias);
  }
  override extraRepr(): string {
    const bias = this.bias === undefined ? "False" : "True";
    return `in1_features=${this.in1Features}, in2_features=${this.in2Features}, out_features=${this.outFeatures}, bias=${bias}`;
  }
}
