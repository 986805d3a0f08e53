// Matrix products.

import { ShapeError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import type { Activation } from "../ops/matmul.ts";
import * as m from "../ops/matmul.ts";
import type { Tensor } from "./core.ts";
import { apply, apply1 } from "./dispatch.ts";
import { isGradEnabled } from "./grad-mode.ts";
import { packedWeight, unpackWeight } from "./packed-weights.ts";

export const linearMethods = {
  /**
   * The product of matrices `[…, M, K]` and `[…, K, N]`, batch dimensions broadcasting; a vector counts as a row on the left and as
   * a column on the right, and its dimension goes away.
   */
  matmul(this: Tensor, other: Tensor): Tensor {
    if (this.ndim === 0 || other.ndim === 0) {
      throw new ShapeError(
        `matmul: ${showShape(this.shape)} @ ${showShape(other.shape)}: both sides need at least 1 dimension. Use mul().`,
        {
          a: this.shape,
          b: other.shape,
        },
      );
    }
    if (this.ndim === 1 && other.ndim === 1) return this.unsqueeze(0).matmul(other.unsqueeze(1)).reshape();
    if (this.ndim === 1) return this.unsqueeze(0).matmul(other).squeeze(-2);
    if (other.ndim === 1) return this.matmul(other.unsqueeze(1)).squeeze(-1);
    if (this.ndim > 2 && other.ndim === 2) {
      const lead = this.shape.slice(0, -1); // one large product instead of a batch of small ones
      const rows = lead.reduce((n, size) => n * size, 1);
      return apply1(m.matmul, [this.reshape(rows, this.shape.at(-1)!), other], undefined).reshape(
        ...lead,
        other.shape[1]!,
      );
    }
    return apply1(m.matmul, [this, other], undefined);
  },
  /** The product of two matrices. */
  mm(this: Tensor, other: Tensor): Tensor {
    if (this.ndim !== 2 || other.ndim !== 2) {
      throw new ShapeError(
        `mm: wants two matrices, got ${showShape(this.shape)} and ${showShape(other.shape)}. matmul() broadcasts.`,
        {
          a: this.shape,
          b: other.shape,
        },
      );
    }
    return this.matmul(other);
  },
  /** Products of two batches of matrices. */
  bmm(this: Tensor, other: Tensor): Tensor {
    if (this.ndim !== 3 || other.ndim !== 3 || this.shape[0] !== other.shape[0]) {
      throw new ShapeError(
        `bmm: wants [B, M, K] and [B, K, N], got ${showShape(this.shape)} and ${showShape(other.shape)}.`,
        {
          a: this.shape,
          b: other.shape,
        },
      );
    }
    return this.matmul(other);
  },
  /** `beta * this + alpha * (a @ b)` */
  addmm(this: Tensor, a: Tensor, b: Tensor, options: { readonly beta?: number; readonly alpha?: number } = {}): Tensor {
    const { beta = 1, alpha = 1 } = options;
    const product = a.mm(b);
    return (alpha === 1 ? product : product.mul(alpha)).add(beta === 1 ? this : this.mul(beta));
  },
  /** The sum of products of two vectors. */
  dot(this: Tensor, other: Tensor): Tensor {
    return this.matmul(other);
  },
  /** All products of two vectors' elements, `[n, m]`. */
  outer(this: Tensor, other: Tensor): Tensor {
    return this.unsqueeze(1).mul(other.unsqueeze(0));
  },
};
export type LinearMethods = typeof linearMethods;

export interface LinearOptions {
  /** Applied to `x @ weightᵀ + bias` while it is still in the cache. */
  readonly activation?: Activation | undefined;
  /** Added after the activation: `[…, N]`, the result's shape. */
  readonly residual?: Tensor | undefined;
}

/**
 * `activation(x @ weightᵀ + bias) + residual`: x `[…, K]`, weight `[N, K]`, bias `[N]`, residual `[…, N]`; gives `[…, N]`, in one
 * pass over it. Bias, activation and residual may be left out.
 *
 * All are of one dtype; beside a float32 `x`, weight and bias may be float16 or bfloat16: they are read in their own width,
 * and the result is float32. Throws ShapeError and DTypeError for what does not fit.
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor, options: LinearOptions = {}): Tensor {
  const { activation, residual } = options;
  const K = x.shape.at(-1);
  if (K === undefined || K !== weight.shape[1]) {
    throw new ShapeError(
      `linear: input ${showShape(x.shape)} ends in ${K} features, weight ${showShape(weight.shape)} wants ${weight.shape[1]}.`,
      {
        input: x.shape,
        weight: weight.shape,
      },
    );
  }
  const shape = [...x.shape.slice(0, -1), weight.shape[0]!];
  if (residual !== undefined && !sameShape(residual.shape, shape)) {
    throw new ShapeError(
      `linear: residual ${showShape(residual.shape)} does not fit a result of ${showShape(shape)}.`,
      { residual: residual.shape, result: shape },
    );
  }
  const flat = (t: Tensor): Tensor => (t.ndim === 2 ? t : t.reshape(-1, t.shape.at(-1)!));
  const extras: ("bias" | "residual")[] = [];
  const inputs = [flat(x), weight];
  if (bias !== undefined) {
    extras.push("bias");
    inputs.push(bias);
  }
  if (residual !== undefined) {
    extras.push("residual");
    inputs.push(flat(residual));
  }
  const records = isGradEnabled() && inputs.some((t) => t.requiresGrad);
  if (records) unpackWeight(weight);
  const packed = records ? undefined : packedWeight(weight, x.numel / K);
  const [out] = apply(m.linear, inputs, { activation, extras, keeps: records && activation !== undefined, packed });
  return x.ndim === 2 ? out! : out!.reshape(...shape);
}
