// Dropout: https://jmlr.org/papers/v15/srivastava14a.html

import { ArgumentError } from "../base/errors.ts";
import { dropout } from "../tensor/functional/activation.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import { pyFloat } from "./python.ts";

/** In training, each element is 0 with probability `p` and the others are divided by 1 − p. */
export class Dropout extends Module<[x: Tensor], Tensor> {
  readonly p: number;
  constructor(p = 0.5) {
    super();
    if (!(p >= 0 && p <= 1)) throw new ArgumentError(`Dropout: probability ${p}; it lies from 0 to 1.`, { p });
    this.p = p;
  }
  forward(x: Tensor): Tensor {
    return dropout(x, this.p, { training: this.training });
  }
  override extraRepr(): string {
    return `p=${pyFloat(this.p)}, inplace=False`;
  }
}
