// Activations as modules.

import { full } from "../tensor/create.ts";
import * as f from "../tensor/functional/activation.ts";
import { logSoftmax, softmax } from "../tensor/functional/softmax.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";
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
    return f.gelu(x, { approximate: this.approximate });
  }
  override extraRepr(): string {
    return `approximate='${this.approximate}'`;
  }
}

/** `x σ(x)` */
export class SiLU extends Module<[x: Tensor], Tensor> {
  forward(x: Tensor): Tensor {
    return f.silu(x);
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
    return f.logSigmoid(x);
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
    return f.leakyRelu(x, this.negativeSlope);
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
    return f.softplus(x, { beta: this.beta, threshold: this.threshold });
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

/** `min(max(x, 0), 6)` */
export class ReLU6 extends Module<[x: Tensor], Tensor> {
  forward(x: Tensor): Tensor {
    return f.relu6(x);
  }
}

/** x above 0, else `alpha (e^x − 1)`. https://arxiv.org/abs/1511.07289 */
export class ELU extends Module<[x: Tensor], Tensor> {
  readonly alpha: number;
  constructor(alpha = 1) {
    super();
    this.alpha = alpha;
  }
  forward(x: Tensor): Tensor {
    return f.elu(x, this.alpha);
  }
  override extraRepr(): string {
    return `alpha=${pyFloat(this.alpha)}`;
  }
}

/** `scale elu(x)`, self-normalising. https://arxiv.org/abs/1706.02515 */
export class SELU extends Module<[x: Tensor], Tensor> {
  forward(x: Tensor): Tensor {
    return f.selu(x);
  }
}

/** x above 0, else `alpha (e^(x / alpha) − 1)`. https://arxiv.org/abs/1704.07483 */
export class CELU extends Module<[x: Tensor], Tensor> {
  readonly alpha: number;
  constructor(alpha = 1) {
    super();
    this.alpha = alpha;
  }
  forward(x: Tensor): Tensor {
    return f.celu(x, this.alpha);
  }
  override extraRepr(): string {
    return `alpha=${pyFloat(this.alpha)}`;
  }
}

/** `a σ(b)` with a and b the halves of x along `dim`. https://arxiv.org/abs/1612.08083 */
export class GLU extends Module<[x: Tensor], Tensor> {
  readonly dim: number;
  constructor(dim = -1) {
    super();
    this.dim = dim;
  }
  forward(x: Tensor): Tensor {
    return f.glu(x, this.dim);
  }
  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

/** `x tanh(log(1 + e^x))`. https://arxiv.org/abs/1908.08681 */
export class Mish extends Module<[x: Tensor], Tensor> {
  forward(x: Tensor): Tensor {
    return f.mish(x);
  }
}

/** x above 0, else `weight x` with a weight that learns, one for all or one for each channel (dimension 1). https://arxiv.org/abs/1502.01852 */
export class PReLU extends Module<[x: Tensor], Tensor> {
  readonly numParameters: number;
  /** `[numParameters]`, from `init` */
  weight: Parameter;
  constructor(options: { readonly numParameters?: number; readonly init?: number } = {}) {
    super();
    this.numParameters = options.numParameters ?? 1;
    this.weight = new Parameter(full([this.numParameters], options.init ?? 0.25));
  }
  forward(x: Tensor): Tensor {
    return f.prelu(x, this.weight);
  }
  override extraRepr(): string {
    return `num_parameters=${this.numParameters}`;
  }
}

/** `x min(max(x + 3, 0), 6) / 6`. https://arxiv.org/abs/1905.02244 */
export class Hardswish extends Module<[x: Tensor], Tensor> {
  forward(x: Tensor): Tensor {
    return f.hardswish(x);
  }
}

/** `min(max(x + 3, 0), 6) / 6` */
export class Hardsigmoid extends Module<[x: Tensor], Tensor> {
  forward(x: Tensor): Tensor {
    return f.hardsigmoid(x);
  }
}

/** x between two bounds. */
export class Hardtanh extends Module<[x: Tensor], Tensor> {
  readonly minVal: number;
  readonly maxVal: number;
  constructor(minVal = -1, maxVal = 1) {
    super();
    this.minVal = minVal;
    this.maxVal = maxVal;
  }
  forward(x: Tensor): Tensor {
    return f.hardtanh(x, this.minVal, this.maxVal);
  }
  override extraRepr(): string {
    return `min_val=${pyFloat(this.minVal)}, max_val=${pyFloat(this.maxVal)}`;
  }
}

/** `x / (1 + |x|)` */
export class Softsign extends Module<[x: Tensor], Tensor> {
  forward(x: Tensor): Tensor {
    return f.softsign(x);
  }
}

/** `softmax(−x)` along `dim`. */
export class Softmin extends Module<[x: Tensor], Tensor> {
  readonly dim: number;
  constructor(dim: number) {
    super();
    this.dim = dim;
  }
  forward(x: Tensor): Tensor {
    return f.softmin(x, this.dim);
  }
  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

/** x where it is above the threshold, else the value. */
export class Threshold extends Module<[x: Tensor], Tensor> {
  readonly threshold: number;
  readonly value: number;
  constructor(threshold: number, value: number) {
    super();
    this.threshold = threshold;
    this.value = value;
  }
  forward(x: Tensor): Tensor {
    return f.threshold(x, this.threshold, this.value);
  }
  override extraRepr(): string {
    return `threshold=${this.threshold}, value=${this.value}`;
  }
}
