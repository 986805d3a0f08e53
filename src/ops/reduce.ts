// Reductions over any dimensions. The tensor is brought into the form [outer, reduced, inner] without a copy where its layout
// allows, and the kernels do the rest.

import type { DType } from "../base/dtype.ts";
import { bytesOf } from "../base/dtype.ts";
import { DTypeError, ShapeError } from "../base/errors.ts";
import { contiguousStrides, isContiguous, numel, showShape } from "../base/shape.ts";
import type { Device } from "../ir/device.ts";
import { type Reduce, type Reduction, reduce } from "../kernels/reduce.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { cumulate, reduceArg } from "./along-kernel.ts";
import { copyInto, fillWith } from "./copy.ts";
import { layouts } from "./elements.ts";
import type { Backward, Meta, Op, View } from "./op.ts";

export interface ReduceAttrs {
  /** Sorted, from the front, each once. */
  readonly dims: readonly number[];
  readonly keepdim: boolean;
}

function reducedShape(shape: readonly number[], { dims, keepdim }: ReduceAttrs): number[] {
  return keepdim ? shape.map((s, d) => (dims.includes(d) ? 1 : s)) : shape.filter((_, d) => !dims.includes(d));
}

interface Form {
  readonly address: number;
  readonly outer: number;
  readonly red: number;
  readonly inner: number;
}

/** Calls `use` with the input as [outer, reduced, inner]; a copy is made, and freed, if its layout is another. */
function withForm(device: Device, x: View, dims: readonly number[], use: (form: Form) => void): void {
  const sizes = x.shape;
  const first = dims[0] ?? sizes.length;
  const adjacent = dims.every((d, i) => d === first + i);
  if (adjacent && isContiguous(sizes, x.strides)) {
    const red = dims.reduce((n, d) => n * sizes[d]!, 1);
    const inner = sizes.slice(first + dims.length).reduce((n, s) => n * s, 1);
    return use({ address: x.address, outer: numel(sizes.slice(0, first)), red, inner });
  }
  const kept = sizes.map((_, d) => d).filter((d) => !dims.includes(d));
  const order = [...kept, ...dims];
  const shape = order.map((d) => sizes[d]!);
  const strides = order.map((d) => x.strides[d]!);
  const red = dims.reduce((n, d) => n * sizes[d]!, 1);
  const outer = kept.reduce((n, d) => n * sizes[d]!, 1);
  if (isContiguous(shape, strides)) return use({ address: x.address, outer, red, inner: 1 });
  // The reduced dimensions in front, as in a transposed matrix: the same memory read by columns.
  const turned = [...dims, ...kept];
  if (
    isContiguous(
      turned.map((d) => sizes[d]!),
      turned.map((d) => x.strides[d]!),
    )
  )
    return use({ address: x.address, outer: 1, red, inner: outer });
  const address = device.alloc(Math.max(numel(shape), 1) * bytesOf(x.dtype));
  const from: View = { shape, strides, dtype: x.dtype, address: x.address };
  const to: View = { shape, strides: contiguousStrides(shape), dtype: x.dtype, address };
  copyInto(device, from, to);
  use({ address, outer, red, inner: 1 });
  device.free(address);
}

/** `g` with the dimensions that the reduction took away back in place, as sizes of 1. */
function restored(k: Backward<ReduceAttrs>, t: Tensor): Tensor {
  return t.reshape(...reducedShape(k.metas[0]!.shape, { dims: k.attrs.dims, keepdim: true }));
}
function expanded(k: Backward<ReduceAttrs>): Tensor {
  return restored(k, k.g).expand(...k.metas[0]!.shape);
}
function count(shape: readonly number[], dims: readonly number[]): number {
  return dims.reduce((n, d) => n * shape[d]!, 1);
}

interface ReduceRule {
  readonly kind: Reduction;
  /** The result over no elements; undefined where there is none. */
  readonly empty: number | undefined;
}

function elemOf(op: string, dtype: DType): Reduce["elem"] {
  const { elem } = layouts[dtype];
  if (elem === "i8" || elem === "i16" || elem === "u16")
    throw new DTypeError(`${op}: no ${dtype} yet; convert with .float() or .int().`, { op, dtype });
  return elem;
}

function reduction(name: string, rule: ReduceRule, gradient?: Pick<Op<ReduceAttrs>, "save" | "grad">): Op<ReduceAttrs> {
  return {
    name,
    infer([x], attrs): readonly Meta[] {
      elemOf(name, x!.dtype);
      if (rule.empty === undefined && count(x!.shape, attrs.dims) === 0) {
        throw new ShapeError(`${name}: ${showShape(x!.shape)} has no elements along ${showShape(attrs.dims)}.`, {
          shape: x!.shape,
          dims: attrs.dims,
        });
      }
      return [{ shape: reducedShape(x!.shape, attrs), dtype: x!.dtype }];
    },
    run(device, [x], [out], { dims }) {
      if (count(x!.shape, dims) === 0) {
        fillWith(device, rule.empty ?? 0, out!);
        return;
      }
      withForm(device, x!, dims, ({ address, outer, red, inner }) => {
        reduce(device, {
          op: rule.kind,
          elem: elemOf(name, x!.dtype),
          outer,
          size: red,
          inner,
          x: address,
          y: out!.address,
        });
      });
    },
    ...gradient,
  };
}

export const sum: Op<ReduceAttrs> = reduction("sum", { kind: "sum", empty: 0 }, { grad: (k) => [expanded(k)] });
export const mean: Op<ReduceAttrs> = reduction(
  "mean",
  { kind: "mean", empty: Number.NaN },
  { grad: (k) => [restored(k, k.g.div(count(k.metas[0]!.shape, k.attrs.dims))).expand(...k.metas[0]!.shape)] },
);
const tied: Pick<Op<ReduceAttrs>, "save" | "grad"> = {
  save: () => ({ inputs: [0], outputs: [0] }),
  grad(k) {
    const best = k
      .input(0)
      .eq(restored(k, k.output(0)))
      .to(k.metas[0]!.dtype);
    const share = restored(k, k.g).div(best.sum({ dim: k.attrs.dims, keepdim: true }));
    return [best.mul(share)];
  },
};
export const amax: Op<ReduceAttrs> = reduction("amax", { kind: "max", empty: undefined }, tied);
export const amin: Op<ReduceAttrs> = reduction("amin", { kind: "min", empty: undefined }, tied);
export const prod: Op<ReduceAttrs> = reduction(
  "prod",
  { kind: "prod", empty: 1 },
  {
    save: () => ({ inputs: [0] }),
    // The product of all others, taken as the running products from both sides, so that zeros do not divide.
    grad: (k) => [expanded(k).mul(productOfOthers(k.input(0), k.attrs.dims))],
  },
);
/** Of bools: whether one is true. */
export const any: Op<ReduceAttrs> = reduction("any", { kind: "max", empty: 0 });
/** Of bools: whether none is false. */
export const all: Op<ReduceAttrs> = reduction("all", { kind: "min", empty: 1 });

/** `√Σx²`, with gradient 0 where the norm is 0. */
export const norm2: Op<ReduceAttrs> = reduction(
  "linalgVectorNorm",
  { kind: "norm2", empty: 0 },
  {
    save: () => ({ inputs: [0], outputs: [0] }),
    grad(k) {
      const norm = restored(k, k.output(0));
      return [
        k
          .input(0)
          .mul(restored(k, k.g))
          .div(norm)
          .maskedFill(norm.eq(0).expand(...k.metas[0]!.shape), 0),
      ];
    },
  },
);

function productOfOthers(x: Tensor, dims: readonly number[]): Tensor {
  const [dim, ...rest] = dims;
  if (dim === undefined) return x.onesLike();
  if (rest.length > 0) {
    // several dimensions as one, in front
    const kept = x.shape.map((_, d) => d).filter((d) => !dims.includes(d));
    const order = [...dims, ...kept];
    const moved = x.permute(...order);
    const flat = moved.reshape(-1, ...kept.map((d) => x.shape[d]!));
    return productOfOthers(flat, [0])
      .reshape(...moved.shape)
      .permute(...x.shape.map((_, d) => order.indexOf(d)));
  }
  const parts = x.unbind(dim);
  const ones = parts[0]?.onesLike();
  const before: Tensor[] = [];
  const after: Tensor[] = [];
  parts.forEach((_, i) => {
    before.push(i === 0 ? ones! : before[i - 1]!.mul(parts[i - 1]!));
    const j = parts.length - i;
    after.unshift(i === 0 ? ones! : after[0]!.mul(parts[j]!));
  });
  const products = parts.map((_, i) => before[i]!.mul(after[i]!).unsqueeze(dim));
  return products.length === 0 ? x : products[0]!.catWith(products.slice(1), dim);
}

function extremum(kind: "max" | "min"): Op<ReduceAttrs> {
  return {
    name: kind,
    infer([x], attrs): readonly Meta[] {
      const shape = reducedShape(x!.shape, attrs);
      return [
        { shape, dtype: x!.dtype },
        { shape, dtype: "int32" },
      ];
    },
    run(device, [x], [values, indices], { dims }) {
      withForm(device, x!, dims, ({ address, outer, red, inner }) => {
        reduceArg(device, {
          kind,
          dtype: x!.dtype,
          x: address,
          out: values!.address,
          indices: indices!.address,
          outer,
          red,
          inner,
        });
      });
    },
    save: () => ({ outputs: [1] }),
    grad(k) {
      const dim = k.attrs.dims[0] ?? 0;
      const { shape } = k.metas[0]!;
      if (shape.length === 0) return [k.g];
      return [
        k.g
          .zerosLike()
          .reshape(...reducedShape(shape, { dims: [dim], keepdim: true }))
          .expand(...shape)
          .scatterAdd(dim, restored(k, k.output(1)), restored(k, k.g)),
      ];
    },
  };
}
/** The largest along one dimension, and where it is. */
export const maxDim: Op<ReduceAttrs> = extremum("max");
export const minDim: Op<ReduceAttrs> = extremum("min");

export interface CumulateAttrs {
  readonly dim: number;
  readonly reverse: boolean;
}
export const cumsum: Op<CumulateAttrs> = {
  name: "cumsum",
  contiguous: true,
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  run(device, [x], [out], { dim, reverse }) {
    const { shape } = x!;
    const red = shape[dim] ?? 1;
    const outer = numel(shape.slice(0, dim));
    const inner = numel(shape.slice(dim + 1));
    cumulate(device, { dtype: x!.dtype, x: x!.address, out: out!.address, outer, red, inner, reverse });
  },
  grad: (k) => [k.g.cumulate({ dim: k.attrs.dim, reverse: !k.attrs.reverse })],
};
