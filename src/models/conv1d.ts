// GPT-2's fully connected layer, whose weights lie the other way round than a Linear's.

import { normal_ } from "../nn/init.ts";
import { Module } from "../nn/module.ts";
import { Parameter } from "../nn/parameter.ts";
import { empty, zeros } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** `x W + b`, `[…, nx]` to `[…, nf]`: transformers' `Conv1D(nf, nx)`. */
export class Conv1D extends Module<[x: Tensor], Tensor> {
  readonly nf: number;
  readonly nx: number;
  /** `[nx, nf]` */
  weight: Parameter;
  /** `[nf]` */
  bias: Parameter;

  constructor(nf: number, nx: number) {
    super();
    this.nf = nf;
    this.nx = nx;
    this.weight = new Parameter(empty([nx, nf]));
    this.bias = new Parameter(zeros([nf]));
    normal_(this.weight, 0, 0.02);
  }

  forward(x: Tensor): Tensor {
    return x.matmul(this.weight).add(this.bias);
  }
  override extraRepr(): string {
    return `nf=${this.nf}, nx=${this.nx}`;
  }
}
