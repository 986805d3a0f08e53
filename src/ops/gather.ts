// Reading and adding at indices. A tensor is seen as [outer, dim, inner]; an index that lies outside is an error, found before
// anything is read.

import { bytesOf, type DType } from "../base/dtype.ts";
import { DTypeError, ShapeError } from "../base/errors.ts";
import { numel, sameShape, showShape } from "../base/shape.ts";
import type { Device } from "../ir/device.ts";
import { checkIds as checkRange } from "../kernels/ids.ts";
import * as kernels from "../kernels/indexing.ts";
import { copyBytes } from "../kernels/move.ts";
import type { Real } from "../kernels/row-loop.ts";
import { layouts } from "./elements.ts";
import type { Meta, Op, View } from "./op.ts";

function checkIds(op: string, m: Meta): void {
  if (m.dtype !== "int32")
    throw new DTypeError(`${op}: indices are int32, got ${m.dtype}. Convert with .int().`, { op, dtype: m.dtype });
}

function cut(
  shape: readonly number[],
  dim: number,
): { readonly outer: number; readonly dim: number; readonly inner: number } {
  return { outer: numel(shape.slice(0, dim)), dim: shape[dim] ?? 1, inner: numel(shape.slice(dim + 1)) };
}

function elemOf(op: string, dtype: DType): Real | "i32" | "i64" {
  const { elem } = layouts[dtype];
  if (elem === "f32" || elem === "f64" || elem === "i32" || elem === "i64") return elem;
  throw new DTypeError(`${op}: no ${dtype} yet; convert with .float() or .int().`, { op, dtype });
}

function copy(device: Device, from: View, to: View): void {
  copyBytes(device, from.address, to.address, numel(from.shape) * bytesOf(from.dtype));
}

/** Whether the index covers `x` but along `dim`, as the kernels want it; what is smaller goes one by one. */
function covers(ids: View, x: View, dim: number): boolean {
  return ids.shape.every((s, d) => d === dim || s === x.shape[d]);
}

/** Slices of one dimension, by an int32 list. */
export const indexSelect: Op<number> = {
  name: "indexSelect",
  contiguous: true,
  infer([x, ids], dim): readonly Meta[] {
    checkIds("indexSelect", ids!);
    if (ids!.shape.length > 1)
      throw new ShapeError(`indexSelect: indices have 1 dimension, got ${showShape(ids!.shape)}.`, {
        shape: ids!.shape,
      });
    return [{ shape: x!.shape.map((s, d) => (d === dim ? numel(ids!.shape) : s)), dtype: x!.dtype }];
  },
  run(device, [x, ids], [out], dim) {
    const places = { ids: ids!.address, count: numel(ids!.shape) };
    kernels.indexSelect(device, {
      ...cut(x!.shape, dim),
      ...places,
      elem: layouts[x!.dtype].elem,
      x: x!.address,
      y: out!.address,
    });
  },
  save: () => ({ inputs: [1] }),
  grad(k) {
    const { shape } = k.metas[0]!;
    return [k.g.zerosOf(shape).indexAdd(k.attrs, k.input(1), k.g), undefined];
  },
};

/** A copy of the first with slices of the third added at the indices in the second. */
export const indexAdd: Op<number> = {
  name: "indexAdd",
  contiguous: true,
  infer([x, ids, source], dim): readonly Meta[] {
    checkIds("indexAdd", ids!);
    checkSameDType("indexAdd", x!, source!);
    const n = numel(ids!.shape);
    if (source!.shape.length !== x!.shape.length || source!.shape.some((s, d) => s !== (d === dim ? n : x!.shape[d]))) {
      throw new ShapeError(
        `indexAdd: source ${showShape(source!.shape)} does not fit ${n} slices of ${showShape(x!.shape)} along ${dim}.`,
        {
          source: source!.shape,
          shape: x!.shape,
        },
      );
    }
    return [{ shape: x!.shape, dtype: x!.dtype }];
  },
  run(device, [x, ids, source], [out], dim) {
    copy(device, x!, out!);
    const places = { ids: ids!.address, count: numel(ids!.shape) };
    kernels.indexAdd(device, {
      ...cut(x!.shape, dim),
      ...places,
      elem: elemOf("indexAdd", x!.dtype),
      x: source!.address,
      y: out!.address,
    });
  },
  save: () => ({ inputs: [1] }),
  grad: (k) => [k.g, undefined, k.needs[2] === true ? k.g.indexSelect(k.attrs, k.input(1)) : undefined],
};

/** Rows of a table `[V, D]` for ids of any shape; the gradient of row `paddingIdx` is 0. */
export const embedding: Op<{ readonly paddingIdx: number | undefined }> = {
  name: "embedding",
  contiguous: true,
  infer([weight, ids]): readonly Meta[] {
    checkIds("embedding", ids!);
    if (weight!.shape.length !== 2)
      throw new ShapeError(`embedding: the table is [V, D], got ${showShape(weight!.shape)}.`, {
        shape: weight!.shape,
      });
    return [{ shape: [...ids!.shape, weight!.shape[1]!], dtype: weight!.dtype }];
  },
  run(device, [weight, ids], [out]) {
    const places = { ids: ids!.address, count: numel(ids!.shape) };
    kernels.indexSelect(device, {
      ...cut(weight!.shape, 0),
      ...places,
      elem: layouts[weight!.dtype].elem,
      x: weight!.address,
      y: out!.address,
    });
  },
  save: () => ({ inputs: [1] }),
  grad(k) {
    return [k.g.applyOp(embeddingBackward, [k.input(1)], { ...k.attrs, V: k.metas[0]!.shape[0]! }), undefined];
  },
};

/** The rows of `g` added up by id, `[V, D]`. */
const embeddingBackward: Op<{ readonly paddingIdx: number | undefined; readonly V: number }> = {
  name: "embeddingDenseBackward",
  contiguous: true,
  infer: ([g], { V }) => [{ shape: [V, g!.shape.at(-1)!], dtype: g!.dtype }],
  run(device, [g, ids], [out], { paddingIdx, V }) {
    const places = { ids: ids!.address, count: numel(ids!.shape) };
    const sizes = { dim: V, inner: g!.shape.at(-1)! };
    kernels.embeddingBackward(device, {
      ...sizes,
      ...places,
      elem: elemOf("embedding", g!.dtype),
      x: g!.address,
      y: out!.address,
      skip: paddingIdx,
    });
  },
  save: () => ({ inputs: [1] }),
  grad(k) {
    const { paddingIdx } = k.attrs;
    const ids = k.input(1);
    const rows = k.g.applyOp(embedding, [ids], { paddingIdx: undefined });
    return [paddingIdx === undefined ? rows : rows.maskedFill(ids.eq(paddingIdx).unsqueeze(-1), 0), undefined];
  },
};

/** A single number is walked as a list of one. */
const listed = (shape: readonly number[]): readonly number[] => (shape.length === 0 ? [1] : shape);

/**
 * The form of gather and scatter: the index's own sizes, walked over a tensor whose other sizes may be larger. An index of nothing
 * has any shape.
 */
function checkIndexShape(op: string, x: Meta, ids: Meta, dim: number): void {
  checkIds(op, ids);
  if (numel(ids.shape) === 0) return;
  const [sizes, limits] = [listed(ids.shape), listed(x.shape)];
  if (sizes.length !== limits.length || sizes.some((s, d) => d !== dim && s > limits[d]!)) {
    throw new ShapeError(
      `${op}: index ${showShape(ids.shape)} must have as many dimensions as ${showShape(x.shape)} and, but for dimension ${dim}, no larger sizes.`,
      { index: ids.shape, shape: x.shape, dim },
    );
  }
}

/** Walks an index tensor with the places in `x` that it names; plain, on the calling thread. */
function walk(device: Device, x: View, ids: View, dim: number, visit: (at: number, place: number) => void): void {
  const n = numel(ids.shape);
  const index = new Int32Array(device.u8.buffer, ids.address, n);
  const sizes = listed(ids.shape);
  const strides = x.shape.length === 0 ? [1] : x.strides;
  const at = new Array<number>(sizes.length).fill(0);
  for (let i = 0; i < n; i++) {
    let place = 0;
    for (let d = 0; d < at.length; d++) place += (d === dim ? index[i]! : at[d]!) * strides[d]!;
    visit(i, place);
    for (let d = at.length - 1; d >= 0 && ++at[d]! >= sizes[d]!; d--) at[d] = 0;
  }
}

/** Elements that are only moved: words of their size, whatever they mean. */
function wordsOf(device: Device, v: View): Uint8Array | Uint16Array | Uint32Array | BigUint64Array {
  const { buffer } = device.u8;
  const bytes = bytesOf(v.dtype);
  if (bytes === 8) return new BigUint64Array(buffer, v.address);
  if (bytes === 4) return new Uint32Array(buffer, v.address);
  return bytes === 2 ? new Uint16Array(buffer, v.address) : new Uint8Array(buffer, v.address);
}

/** `to[place] += from[at]`, in the elements of the dtype. */
function adder(device: Device, from: View, to: View): (place: number, at: number) => void {
  const { buffer } = device.u8;
  const elem = elemOf("scatterAdd", to.dtype);
  if (elem === "i64") {
    const [source, target] = [new BigInt64Array(buffer, from.address), new BigInt64Array(buffer, to.address)];
    return (place, at) => {
      target[place]! += source[at]!;
    };
  }
  const numbers = (v: View): Float64Array | Float32Array | Int32Array => {
    if (elem === "f64") return new Float64Array(buffer, v.address);
    return elem === "f32" ? new Float32Array(buffer, v.address) : new Int32Array(buffer, v.address);
  };
  const [source, target] = [numbers(from), numbers(to)];
  return (place, at) => {
    target[place]! += source[at]!;
  };
}

function checkSameDType(op: string, x: Meta, source: Meta): void {
  if (x.dtype === source.dtype) return;
  throw new DTypeError(`${op}: a source of ${source.dtype} for ${x.dtype}. Convert with .to("${x.dtype}").`, {
    dtype: x.dtype,
    source: source.dtype,
  });
}

export const gather: Op<number> = {
  name: "gather",
  contiguous: true,
  infer([x, ids], dim): readonly Meta[] {
    checkIndexShape("gather", x!, ids!, dim);
    return [{ shape: ids!.shape, dtype: x!.dtype }];
  },
  run(device, [x, ids], [out], dim) {
    if (numel(ids!.shape) === 0) return;
    if (covers(ids!, x!, dim)) {
      const places = { ids: ids!.address, count: ids!.shape[dim] ?? 1, elem: layouts[x!.dtype].elem };
      kernels.gather(device, { ...cut(x!.shape, dim), ...places, x: x!.address, y: out!.address });
      return;
    }
    checkRange(device, "gather: index", { ids: ids!.address, count: numel(ids!.shape), limit: x!.shape[dim] ?? 1 });
    const [from, to] = [wordsOf(device, x!), wordsOf(device, out!)];
    walk(device, x!, ids!, dim, (at, place) => {
      to[at] = from[place]!; // both of one kind
    });
  },
  save: () => ({ inputs: [1] }),
  grad: (k) => [k.g.zerosOf(k.metas[0]!.shape).scatterAdd(k.attrs, k.input(1), k.g), undefined],
};

export const scatterAdd: Op<number> = {
  name: "scatterAdd",
  contiguous: true,
  infer([x, ids, source], dim): readonly Meta[] {
    checkIndexShape("scatterAdd", x!, ids!, dim);
    checkSameDType("scatterAdd", x!, source!);
    const [sizes, given] = [listed(ids!.shape), listed(source!.shape)];
    if (numel(sizes) > 0 && (given.length !== sizes.length || sizes.some((s, d) => s > given[d]!))) {
      throw new ShapeError(
        `scatterAdd: source ${showShape(source!.shape)} is smaller than the index ${showShape(ids!.shape)}.`,
        {
          source: source!.shape,
          index: ids!.shape,
        },
      );
    }
    return [{ shape: x!.shape, dtype: x!.dtype }];
  },
  run(device, [x, ids, source], [out], dim) {
    checkRange(device, "scatterAdd: index", { ids: ids!.address, count: numel(ids!.shape), limit: x!.shape[dim] ?? 1 });
    copy(device, x!, out!);
    if (numel(ids!.shape) === 0) return;
    if (covers(ids!, x!, dim) && sameShape(ids!.shape, source!.shape)) {
      const places = { ids: ids!.address, count: ids!.shape[dim] ?? 1, elem: elemOf("scatterAdd", x!.dtype) };
      kernels.scatterAdd(device, { ...cut(x!.shape, dim), ...places, x: source!.address, y: out!.address });
      return;
    }
    const addAt = adder(device, source!, out!);
    const places: number[] = [];
    walk(device, out!, ids!, dim, (_, place) => places.push(place));
    walk(device, source!, ids!, -1, (at, place) => addAt(places[at]!, place));
  },
  save: () => ({ inputs: [1] }),
  grad(k) {
    if (k.needs[2] !== true) return [k.g, undefined, undefined];
    const { shape } = k.metas[2]!;
    const sizes = listed(k.metas[1]!.shape);
    if (numel(sizes) === 0) return [k.g, undefined, k.g.zerosOf(shape)];
    const after = listed(shape).map((s, d) => s - sizes[d]!);
    const g = k.g.gather(k.attrs, k.input(1)).reshape(...sizes);
    return [k.g, undefined, g.padWith({ before: after.map(() => 0), after, value: 0 }).reshape(...shape)];
  },
};
