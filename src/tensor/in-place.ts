// Methods that change a tensor where it lies. Each raises the version of its memory, so that a gradient that needed the old
// values says so instead of being wrong.

import { dtypes, isFloating } from "../base/dtype.ts";
import { AutogradError, DTypeError, ShapeError, UnsupportedError } from "../base/errors.ts";
import { isDense, sameShape, showShape } from "../base/shape.ts";
import { copyInto, fillWith } from "../ops/copy.ts";
import * as e from "../ops/elementwise.ts";
import type { Meta } from "../ops/op.ts";
import type { Operands, PointwiseOp } from "../ops/pointwise.ts";
import type { Tensor } from "./core.ts";
import { execute, OpNode } from "./dispatch.ts";
import type { Operand } from "./elementwise.ts";
import { isGradEnabled, noGrad } from "./grad-mode.ts";
import type { Edge } from "./graph.ts";
import { recordOperation } from "./recorder.ts";
import { tidy } from "./scope.ts";

/** Says that the memory has new values. */
export function touch(tensor: Tensor): void {
  tensor.storage.version++;
}

/** Says that the tensor's values, and with them its gradient, now come from `edge`. */
export function rewrite(tensor: Tensor, edge: Edge | undefined): void {
  tensor.edge = edge;
  tensor.seen = ++tensor.storage.rewrites;
}

/** Throws if `op` may not write into `target` while gradients are recorded; says whether it must be recorded. */
export function checkWrite(op: string, target: Tensor, sources: readonly Tensor[]): boolean {
  for (const t of [target, ...sources]) {
    t.checkRecord(op);
    t.checkDevice(op, target);
  }
  checkMemory(op, target, sources);
  if (!isGradEnabled()) return false;
  const records = target.edge !== undefined || sources.some((t) => t.edge !== undefined);
  if (!records) return false;
  if (target.edge !== undefined && target.isLeaf) {
    throw new AutogradError(
      `${op}: a leaf tensor that requires a gradient cannot be changed in place; wrap the change in noGrad().`,
      { op },
    );
  }
  if (target.base !== undefined) {
    throw new UnsupportedError(
      `${op}: changing a view in place while gradients are recorded is not supported. Use the out-of-place operation, or noGrad().`,
      { op },
    );
  }
  return true;
}

/** Throws where a write would reach an element twice, or change an operand before it is read. */
function checkMemory(op: string, target: Tensor, sources: readonly Tensor[]): void {
  if (target.strides.some((stride, d) => stride === 0 && target.shape[d]! > 1)) {
    throw new UnsupportedError(
      `${op}: several elements of an expanded tensor ${showShape(target.shape)} are one place in memory. clone() it first.`,
      {
        op,
        shape: target.shape,
      },
    );
  }
  for (const source of sources) {
    if (source.storage !== target.storage || !meet(source, target)) continue;
    throw new UnsupportedError(
      `${op}: an operand lies in the memory that is written, in another layout. clone() the operand first.`,
      {
        op,
        operand: source.shape,
        target: target.shape,
      },
    );
  }
}

/** Whether two stretches of one memory overlap without being the same. What is not a stretch is left to the caller. */
function meet(a: Tensor, b: Tensor): boolean {
  if (a.offset === b.offset && sameShape(a.shape, b.shape) && sameShape(a.strides, b.strides)) return false;
  const apart = a.offset + a.numel <= b.offset || b.offset + b.numel <= a.offset;
  return !apart && isDense(a.shape, a.strides) && isDense(b.shape, b.strides);
}

/** `target = compute(target)` by way of a copy, for what is no single pass over the elements. */
export function replace(name: string, target: Tensor, compute: (x: Tensor) => Tensor): Tensor {
  checkWrite(name, target, []);
  // The gradient may need the values from before.
  const made = tidy(() => compute(isGradEnabled() && target.requiresGrad ? target.clone() : target));
  try {
    checkFit(name, made, target);
    assign(name, target, made);
  } finally {
    if (made !== target) made.dispose();
  }
  return target;
}

/** `target = op(...)` where the operands, `target` among them, are given in the operator's order. */
export function write(name: string, op: PointwiseOp, target: Tensor, operands: readonly Operand[]): Tensor {
  const tensors = operands.filter((o): o is Tensor => typeof o !== "number");
  const numbers = operands.map((o) => (typeof o === "number" ? o : undefined));
  const records = checkWrite(name, target, tensors);
  const result = op.infer(tensors, numbers)[0]!;
  checkFit(name, result, target);
  const node = records && op.grad !== undefined ? nodeFor(op, target, tensors, numbers) : undefined;
  execute(op, tensors, [target], numbers);
  touch(target);
  if (records && isFloating(target.dtype)) rewrite(target, node === undefined ? undefined : { node, index: 0 });
  node?.saveOutputs([target]);
  return target;
}

/** Throws for a result that the target cannot hold. */
function checkFit(name: string, result: Meta, target: Tensor): void {
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
}

/** The node of a write. A gradient that needs the values from before gets a copy of them. */
function nodeFor(op: PointwiseOp, target: Tensor, tensors: readonly Tensor[], numbers: Operands): OpNode<Operands> {
  const needs = tensors.map((t) => t.edge !== undefined);
  const saved = op.save?.(numbers, needs).inputs ?? [];
  if (!saved.some((i) => tensors[i] === target)) return new OpNode(op, tensors, numbers);
  const before = noGrad(() => target.clone());
  before.edge = target.edge;
  const node = new OpNode(
    op,
    tensors.map((t) => (t === target ? before : t)),
    numbers,
  );
  before.dispose();
  return node;
}

/** The target takes the values of `source`, broadcast and converted. */
function assign(name: string, target: Tensor, source: Tensor): Tensor {
  const records = checkWrite(name, target, [source]);
  const node = records ? new OpNode(e.copy, [source], [undefined]) : undefined;
  const fits = source.shape.length <= target.shape.length;
  const lead = target.shape.length - source.shape.length;
  if (!fits || source.shape.some((s, d) => s !== 1 && s !== target.shape[d + lead])) {
    throw new ShapeError(`${name}: ${showShape(source.shape)} does not broadcast to ${showShape(target.shape)}.`, {
      source: source.shape,
      target: target.shape,
    });
  }
  recordOperation("copy_", [source], [target], () => copyInto(target.device, source, target));
  touch(target);
  if (node !== undefined) rewrite(target, { node, index: 0 });
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
  div_(this: Tensor, other: Operand, options: { readonly roundingMode?: "floor" | "trunc" } = {}): Tensor {
    const { roundingMode } = options;
    const op = roundingMode === undefined ? e.div : roundingMode === "floor" ? e.floorDivide : e.truncDivide;
    return write("div_", op, this, [this, other]);
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
  clamp_(this: Tensor, options: { readonly min?: Operand | undefined; readonly max?: Operand | undefined }): Tensor {
    if (!isFloating(this.dtype) || typeof options.min === "object" || typeof options.max === "object")
      return replace("clamp_", this, (x) => x.clamp(options));
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
  maskedFill_(this: Tensor, mask: Tensor, value: Operand): Tensor {
    if (typeof value === "object") return replace("maskedFill_", this, (x) => x.maskedFill(mask, value));
    return write("maskedFill_", e.maskedFill, this, [mask, this, value]);
  },

  /** Takes the values of `source`, broadcast and converted to this dtype. */
  copy_(this: Tensor, source: Tensor): Tensor {
    return assign("copy_", this, source);
  },
  /** Every element becomes `value`. */
  fill_(this: Tensor, value: number): Tensor {
    if (checkWrite("fill_", this, [])) rewrite(this, undefined);
    recordOperation("fill_", [], [this], () => fillWith(this.device, value, this));
    touch(this);
    return this;
  },
  zero_(this: Tensor): Tensor {
    return this.fill_(0);
  },
};
export type InPlaceMethods = typeof inPlaceMethods;
