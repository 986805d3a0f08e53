// Conversions: to other dtypes, to JavaScript values, to text.

import type { DType } from "../base/dtype.ts";
import { ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import * as c from "../ops/convert.ts";
import { type BackwardOptions, backward } from "./autograd.ts";
import { Tensor } from "./core.ts";
import { apply1 } from "./dispatch.ts";
import { noGrad } from "./grad-mode.ts";
import { formatTensor } from "./print.ts";
import { type NumberArray, readNumbers } from "./transfer.ts";

/** Nested lists, as deep as the tensor has dimensions. */
export type NestedList = number | boolean | NestedList[];

export const convertMethods = {
  /** The values in another dtype; the tensor itself if it has it already. */
  to(this: Tensor, dtype: DType): Tensor {
    this.check("to");
    return dtype === this.dtype ? this : apply1(c.toDType, [this], dtype);
  },
  float(this: Tensor): Tensor {
    return this.to("float32");
  },
  double(this: Tensor): Tensor {
    return this.to("float64");
  },
  int(this: Tensor): Tensor {
    return this.to("int32");
  },
  long(this: Tensor): Tensor {
    return this.to("int64");
  },
  bool(this: Tensor): Tensor {
    return this.to("bool");
  },
  /** A copy in row-major order. */
  clone(this: Tensor): Tensor {
    return apply1(c.clone, [this], undefined);
  },
  zerosLike(this: Tensor): Tensor {
    return Tensor.empty(this.shape, this.dtype, this.device).fill_(0);
  },
  /** Zeros of another shape, of this dtype. */
  zerosOf(this: Tensor, shape: readonly number[]): Tensor {
    return Tensor.empty(shape, this.dtype, this.device).fill_(0);
  },
  onesLike(this: Tensor): Tensor {
    return Tensor.empty(this.shape, this.dtype, this.device).fill_(1);
  },

  /** The one number of a tensor with one element. */
  item(this: Tensor): number {
    if (this.numel !== 1) {
      throw new ShapeError(
        `item: a tensor of shape ${showShape(this.shape)} holds ${this.numel} numbers, not one. tolist() gives all.`,
        {
          shape: this.shape,
        },
      );
    }
    return readNumbers(this)[0]!;
  },
  /** A copy of the numbers in row-major order, as a typed array (booleans as 0 and 1, halves as float32, int64 as doubles). */
  toArray(this: Tensor): NumberArray {
    this.check("toArray");
    if (this.isContiguous()) return readNumbers(this);
    const copy = noGrad(() => this.clone());
    const out = readNumbers(copy);
    copy.dispose();
    return out;
  },
  /** The values as nested lists; a number for a tensor without dimensions. */
  tolist(this: Tensor): NestedList {
    const flat = this.toArray();
    const bools = this.dtype === "bool";
    const build = (dim: number, start: number, size: number): NestedList => {
      if (dim === this.ndim) return bools ? flat[start] !== 0 : flat[start]!;
      const count = this.shape[dim]!;
      const part = count === 0 ? 0 : size / count;
      return Array.from({ length: count }, (_, i) => build(dim + 1, start + i * part, part));
    };
    return build(0, 0, flat.length);
  },
  /** As PyTorch prints it. */
  toString(this: Tensor): string {
    if (this.disposed) return `tensor(<freed>, shape=${showShape(this.shape)}, dtype=${this.dtype})`;
    return noGrad(() => formatTensor(this));
  },

  /**
   * Adds to each leaf's `grad` the gradient of this tensor: of its single element, or weighted by `gradient` of the same
   * shape. Frees the graph unless `retainGraph`.
   */
  backward(this: Tensor, gradient?: Tensor, options: BackwardOptions = {}): void {
    backward(this, gradient, options);
  },
};
export type ConvertMethods = typeof convertMethods;
