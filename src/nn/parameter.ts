// Tensors that belong to a module: parameters are trained, buffers are kept beside them.

import { isFloating } from "../base/dtype.ts";
import { persist } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Shares the memory of the given tensor (or of a contiguous copy of it), outside of every scope and without its history. */
class Owned extends Tensor {
  constructor(data: Tensor) {
    const own = data.isContiguous() ? data.detach() : data.detach().clone();
    super(own.storage.hold(), own.shape, own.strides, own.offset, own.dtype);
    own.dispose();
    persist(this);
  }
}

/** A tensor that a module trains. It requires a gradient (unless told otherwise) and outlives every scope. */
export class Parameter extends Owned {
  constructor(data: Tensor, requiresGrad: boolean = isFloating(data.dtype)) {
    super(data);
    this.requiresGrad = requiresGrad;
  }
  override toString(): string {
    return `Parameter containing:\n${super.toString()}`;
  }
}

/** A tensor that a module keeps but does not train. Only persistent ones are saved. */
export class Buffer extends Owned {
  readonly persistent: boolean;
  constructor(data: Tensor, persistent = true) {
    super(data);
    this.persistent = persistent;
  }
}
