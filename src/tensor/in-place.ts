// Methods that change a tensor where it lies. Each raises the version of its memory, so that a gradient that needed the old
// values says so instead of being wrong.

import { AutogradError, DTypeError, ShapeError, UnsupportedError } from "../base/errors.ts";
import { dtypes, isFloating } from "../base/dtype.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { copyInto, fillWith } from "../ops/copy.ts";
import * as e from "../ops/elementwise.ts";
import type { PointwiseOp } from "../ops/pointwise.ts";
import { Tensor } from "./core.ts";
import { execute, OpNode } from "./dispatch.ts";
import type { Operand } from "./elementwise.ts";
import { isGradEnabled } from "./grad-mode.ts";

/** Says that the memory has new values. */
export function touch(tensor: Tensor): void {
  tensor.storage.version++;
}

/** Throws if `op` may not write into `target` while gradients are recorded; says whether it must be recorded. */
export function checkWrite(op: string, target: Tensor, sources: readonly Tensor[]): boolean {
  target.check(op);
  for (const source of sources) source.check(op);
  if (!isGradEnabled()) return false;
  const records = target.edge !== undefined || sources.some((t) => t.edge !== undefined);
  if (!records) return false;
  if (target.edge !== undefined && target.isLeaf) {
    throw new AutogradError(`${op}: a leaf tensor that requires a gradient cannot be changed in place; wrap the change in noGrad().`, { op });
  }
  if (target.base !== undefined) {
    throw new UnsupportedError(
      `${op}: changing a view in place while gradients are recorded is not supported. Use the out-of-place operation, or noGrad().`,
      { op },
    );
  }
  return true;
}

/** `target = op(...)` where the operands, `target` among them, are given in the operator's order. */
function write(name: string, op: PointwiseOp, target: Tensor, operands: readonly Operand[]): Tensor {
  const tensors = operands.filter((o): o is Tensor => typeof o !== "number");
  const numbers = operands.map((o) => (typeof o === "number" ? o : undefined));
  const records = checkWrite(name, target, tensors);
  const result = op.infer(tensors, numbers)[0]!;
  if (!sameShape(result.shape, target.shape)) {
    throw new ShapeError(
      `${name}: the result has shape ${showShape(result.shape)}, which does not fit into ${showShape(target.shape)} in place.`,
      { op: name, result: result.shape, target: target.shape },
    );
  }
  const rank = { bool: 0, integer: 1, float: 2 };
  if (rank[dtypes[result.dtype].category] > rank[dtypes[target.dtype].category]) {
    throw new DTypeError(`${name}: the result is ${result.dtype}, which a ${target.dtype} tensor cannot hold.`, {
      op: name,
      result: result.dtype,
      target: target.dtype,
    });
  }
  const node = records ? new OpNode(op, tensors, numbers) : undefined;
  execute(op, tensors, [target], numbers);
  touch(target);
  if (node !== undefined) {
    node.saveOutputs([target]);
    if (isFloating(target.dtype)) target.edge = { node, index: 0 };
  }
  return target;
}

export const inPlaceMethods = {
  add_(this: Tensor, other: Operand, options: { readonly alpha?: number } = {}): Tensor {
    const { alpha = 1 } = options;
    if (alpha === 1) return write("add_", e.add, this, [this, other]);
    return write("add_", e.addScaled, this, [this, other, alpha]);
  },
  sub_(this: Tensor, other: Operand, options: { readonly alpha?: number } = {}): Tensor {
    const { alpha = 1 } = options;
    if (alpha === 1) return write("sub_", e.sub, this, [this, other]);
    return write("sub_", e.addScaled, this, [this, other, -alpha]);
  },
  mul_(this: Tensor, other: Operand): Tensor {
    return write("mul_", e.mul, this, [this, other]);
  },
  div_(this: Tensor, other: Operand): Tensor {
    return write("div_", e.div, this, [this, other]);
  },
  pow_(this: Tensor, exponent: Operand): Tensor {
    return write("pow_", e.pow, this, [this, exponent]);
  },
  neg_(this: Tensor): Tensor {
    return write("neg_", e.neg, this, [this]);
  },
  exp_(this: Tensor): Tensor {
    return write("exp_", e.exp, this, [this]);
  },
  sqrt_(this: Tensor): Tensor {
    return write("sqrt_", e.sqrt, this, [this]);
  },
  tanh_(this: Tensor): Tensor {
    return write("tanh_", e.tanh, this, [this]);
  },
  sigmoid_(this: Tensor): Tensor {
    return write("sigmoid_", e.sigmoid, this, [this]);
  },
  relu_(this: Tensor): Tensor {
    return write("relu_", e.relu, this, [this]);
  },
  clamp_(this: Tensor, options: { readonly min?: number; readonly max?: number }): Tensor {
    const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = options;
    return write("clamp_", e.clamp, this, [this, min, max]);
  },
  addcmul_(this: Tensor, a: Tensor, b: Tensor, options: { readonly value?: number } = {}): Tensor {
    return write("addcmul_", e.addcmul, this, [this, a, b, options.value ?? 1]);
  },
  addcdiv_(this: Tensor, a: Tensor, b: Tensor, options: { readonly value?: number } = {}): Tensor {
    return write("addcdiv_", e.addcdiv, this, [this, a, b, options.value ?? 1]);
  },
  lerp_(this: Tensor, end: Tensor, weight: Operand): Tensor {
    return write("lerp_", e.lerp, this, [this, end, weight]);
  },
  maskedFill_(this: Tensor, mask: Tensor, value: number): Tensor {
    return write("maskedFill_", e.maskedFill, this, [mask, this, value]);
  },

  /** Takes the values of `source`, broadcast and converted to this dtype. */
  copy_(this: Tensor, source: Tensor): Tensor {
    const records = checkWrite("copy_", this, [source]);
    const node = records ? new OpNode(e.copy, [source], [undefined]) : undefined;
    const fits = source.shape.length <= this.shape.length;
    const lead = this.shape.length - source.shape.length;
    if (!fits || source.shape.some((s, d) => s !== 1 && s !== this.shape[d + lead])) {
      throw new ShapeError(`copy_: ${showShape(source.shape)} does not broadcast to ${showShape(this.shape)}.`, {
        source: source.shape,
        target: this.shape,
      });
    }
    copyInto(this.device, source, this);
    touch(this);
    if (node !== undefined) this.edge = { node, index: 0 };
    return this;
  },
  /** Every element becomes `value`. */
  fill_(this: Tensor, value: number): Tensor {
    if (checkWrite("fill_", this, [])) this.edge = undefined;
    fillWith(this.device, value, this);
    touch(this);
    return this;
  },
  zero_(this: Tensor): Tensor {
    return this.fill_(0);
  },
};
export type InPlaceMethods = typeof inPlaceMethods;
