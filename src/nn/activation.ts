// Activations as modules.

import { gelu, leakyRelu, logSigmoid, silu, softplus } from "../tensor/functional/activation.ts";
import { logSoftmax, softmax } from "../tensor/functional/softmax.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import { pyFloat } from "./python.ts";

/** `max(x, 0)` */
export class ReLU extends Module<[x: Tensor], Tensor> {
  forward(x: Tensor): Tensor {
    return x.relu();
  }
}

/** `x Φ(x)`; `approximate: "tanh"` takes the older formula with tanh. https://arxiv.org/abs/1606.08415 */
export class GELU extends Module<[x: Tensor], Tensor> {
  readonly approximate: "none" | "tanh";
  constructor(options: { readonly approximate?: "none" | "tanh" } = {}) {
    super();
    this.approximate = options.approximate ?? "none";
  }
  forward(x: Tensor): Tensor {
    return gelu(x, { approximate: this.approximate });
  }
  override extraRepr(): string {
    return `approximate='${this.approximate}'`;
  }
}

/** `x σ(x)` */
export class SiLU extends Module<[x: Tensor], Tensor> {
  forward(x: Tensor): Tensor {
    return silu(x);
  }
}

export class Tanh extends Module<[x: Tensor], Tensor> {
  forward(x: Tensor): Tensor {
    return x.tanh();
  }
}

export class Sigmoid extends Module<[x: Tensor], Tensor> {
  forward(x: Tensor): Tensor {
    return x.sigmoid();
  }
}

/** `log σ(x)` */
export class LogSigmoid extends Module<[x: Tensor], Tensor> {
  forward(x: Tensor): Tensor {
    return logSigmoid(x);
  }
}

/** x where it is positive, `negativeSlope · x` elsewhere. */
export class LeakyReLU extends Module<[x: Tensor], Tensor> {
  readonly negativeSlope: number;
  constructor(negativeSlope = 0.01) {
    super();
    this.negativeSlope = negativeSlope;
  }
  forward(x: Tensor): Tensor {
    return leakyRelu(x, this.negativeSlope);
  }
  override extraRepr(): string {
    return `negative_slope=${this.negativeSlope}`;
  }
}

/** `log(1 + e^(βx)) / β`, x itself where βx is above the threshold. */
export class Softplus extends Module<[x: Tensor], Tensor> {
  readonly beta: number;
  readonly threshold: number;
  constructor(options: { readonly beta?: number; readonly threshold?: number } = {}) {
    super();
    this.beta = options.beta ?? 1;
    this.threshold = options.threshold ?? 20;
  }
  forward(x: Tensor): Tensor {
    return softplus(x, { beta: this.beta, threshold: this.threshold });
  }
  override extraRepr(): string {
    return `beta=${pyFloat(this.beta)}, threshold=${pyFloat(this.threshold)}`;
  }
}

export class Softmax extends Module<[x: Tensor], Tensor> {
  readonly dim: number;
  constructor(dim: number) {
    super();
    this.dim = dim;
  }
  forward(x: Tensor): Tensor {
    return softmax(x, this.dim);
  }
  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

export class LogSoftmax extends Module<[x: Tensor], Tensor> {
  readonly dim: number;
  constructor(dim: number) {
    super();
    this.dim = dim;
  }
  forward(x: Tensor): Tensor {
    return logSoftmax(x, this.dim);
  }
  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}
