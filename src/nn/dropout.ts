// Dropout: https://jmlr.org/papers/v15/srivastava14a.html

import { ArgumentError } from "../base/errors.ts";
import { dropout, dropout1d, dropout2d } from "../tensor/functional/activation.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import { pyFloat } from "./python.ts";

abstract class DropoutBase extends Module<[x: Tensor], Tensor> {
  readonly p: number;
  constructor(p = 0.5) {
    super();
    if (!(p >= 0 && p <= 1))
      throw new ArgumentError(`${new.target.name}: probability ${p}; it lies from 0 to 1.`, { p });
    this.p = p;
  }
  override extraRepr(): string {
    return `p=${pyFloat(this.p)}, inplace=False`;
  }
}

/** In training, each element is 0 with probability `p` and the others are divided by 1 − p. */
export class Dropout extends DropoutBase {
  forward(x: Tensor): Tensor {
    return dropout(x, this.p, { training: this.training });
  }
}
/** Dropout of whole channels of `[N, C, L]` or `[C, L]`. https://arxiv.org/abs/1411.4280 */
export class Dropout1d extends DropoutBase {
  forward(x: Tensor): Tensor {
    return dropout1d(x, this.p, { training: this.training });
  }
}
/** Dropout of whole channels of `[N, C, H, W]`. https://arxiv.org/abs/1411.4280 */
export class Dropout2d extends DropoutBase {
  forward(x: Tensor): Tensor {
    return dropout2d(x, this.p, { training: this.training });
  }
}
