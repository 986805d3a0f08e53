// What tensors have of linear algebra as methods; the rest are functions of `kindling/linalg`.

import type { Tensor } from "../core.ts";
import { type MatrixNorm, type MatrixNormOptions, matrixNorm } from "./norms.ts";
import { det, inv, logdet, matrixPower, type SignAndLog, slogdet } from "./solve.ts";
import { pinv, type RankOptions } from "./svd.ts";
import { cholesky } from "./triangular.ts";

export const linalgMethods = {
  /** `linalg.cholesky` */
  cholesky(this: Tensor, options: { readonly upper?: boolean } = {}): Tensor {
    return cholesky(this, options);
  },
  /** `linalg.det` */
  det(this: Tensor): Tensor {
    return det(this);
  },
  /** `linalg.inv` */
  inverse(this: Tensor): Tensor {
    return inv(this);
  },
  /** `linalg.logdet` */
  logdet(this: Tensor): Tensor {
    return logdet(this);
  },
  /** `linalg.slogdet` */
  slogdet(this: Tensor): SignAndLog {
    return slogdet(this);
  },
  /** `linalg.matrixNorm` */
  matrixNorm(this: Tensor, ord: MatrixNorm = "fro", options: MatrixNormOptions = {}): Tensor {
    return matrixNorm(this, ord, options);
  },
  /** `linalg.matrixPower` */
  matrixPower(this: Tensor, n: number): Tensor {
    return matrixPower(this, n);
  },
  /** `linalg.pinv` */
  pinverse(this: Tensor, options: RankOptions = {}): Tensor {
    return pinv(this, options);
  },
};
export type LinalgMethods = typeof linalgMethods;
