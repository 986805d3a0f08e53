// Reading and adding at indices. A tensor is seen as [outer, dim, inner]; an index that lies outside is an error, found before
// anything is read.

import { bytesOf, type DType } from "../base/dtype.ts";
import { DTypeError, IndexError, ShapeError } from "../base/errors.ts";
import { numel, showShape } from "../base/shape.ts";
import { add, type Block, div as divide, kernel, load, lt, mul, rem } from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Expr, Kernel } from "../ir/ir.ts";
import { hasVector, read, write } from "./elements.ts";
import type { Meta, Op, View } from "./op.ts";

/** Throws if an index is outside of `0 … size-1`. */
function checkIndices(device: Device, op: string, indices: View, size: number): void {
  const n = numel(indices.shape);
  const view = new Int32Array(device.u8.buffer, indices.address, n);
  for (let i = 0; i < n; i++) {
    const id = view[i]!;
    if (id < 0 || id >= size) throw new IndexError(`${op}: index ${id} (element ${i}) is out of range for size ${size}.`, { op, index: id, size });
  }
}

function checkIds(op: string, m: Meta): void {
  if (m.dtype !== "int32") throw new DTypeError(`${op}: indices are int32, got ${m.dtype}. Convert with .int().`, { op, dtype: m.dtype });
}

interface Cut {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
}
function cut(shape: readonly number[], dim: number): Cut {
  return { outer: numel(shape.slice(0, dim)), size: shape[dim] ?? 1, inner: numel(shape.slice(dim + 1)) };
}

/** Copies `count` adjacent elements, adding to what is there if `adds`. */
function moveRow(k: Block, dtype: DType, from: Expr, to: Expr, count: Expr, adds: boolean): void {
  const i = k.let("i", { k: "const", type: "i32", value: 0 });
  const move = (width: "one" | "four", offset: number): Expr => {
    const value = read(dtype, from, i, width, offset);
    return adds ? add(read(dtype, to, i, width, offset), value) : value;
  };
  if (hasVector(dtype) && !(adds && dtype === "bool")) {
    const end = k.let("end", add(count, -15));
    k.while(lt(i, end), () => {
      const values = [0, 4, 8, 12].map((offset) => k.let("v", move("four", offset)));
      values.forEach((v, n) => write(k, dtype, to, i, v, 4 * n, 4));
      k.set(i, add(i, 16));
    });
  }
  k.while(lt(i, count), () => {
    write(k, dtype, to, i, move("one", 0));
    k.set(i, add(i, 1));
  });
}

/** out[o, i, :] = x[o, ids[i], :] */
function selectKernel(dtype: DType): Kernel {
  return kernel("indexSelect", { x: "ptr", ids: "ptr", out: "ptr", size: "i32", n: "i32", inner: "i32" }, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const id = load("i32", p.ids, rem(task, p.n));
      const row = add(mul(divide(task, p.n), p.size), id);
      const bytes = mul(p.inner, bytesOf(dtype));
      const from = k.let("from", add(p.x, mul(row, bytes)));
      const to = k.let("to", add(p.out, mul(task, bytes)));
      moveRow(k, dtype, from, to, p.inner, false);
    });
  });
}

/** out[o, ids[i], :] += x[o, i, :], one task a block of columns of one outer index, so that no two threads meet. */
function addKernel(dtype: DType): Kernel {
  const types = { x: "ptr", ids: "ptr", out: "ptr", size: "i32", n: "i32", inner: "i32", block: "i32", blocks: "i32" } as const;
  return kernel("indexAdd", types, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const outer = k.let("outer", divide(task, p.blocks));
      const column = k.let("column", mul(rem(task, p.blocks), p.block));
      const left = k.let("left", add(p.inner, mul(column, -1)));
      const width = k.let("width", { k: "select", type: "i32", c: lt(left, p.block), a: left, b: p.block });
      const at = (base: Expr, row: Expr): Expr => add(base, mul(add(mul(row, p.inner), column), bytesOf(dtype)));
      k.for(0, p.n, 1, (i) => {
        const id = load("i32", p.ids, i);
        const from = k.let("from", at(p.x, add(mul(outer, p.n), i)));
        const to = k.let("to", at(p.out, add(mul(outer, p.size), id)));
        moveRow(k, dtype, from, to, width, true);
      });
    });
  });
}

function runSelect(device: Device, x: View, ids: View, out: View, dim: number): void {
  const { outer, size, inner } = cut(x.shape, dim);
  checkIndices(device, "indexSelect", ids, size);
  const n = numel(ids.shape);
  const compiled = device.compile(`indexSelect|${x.dtype}`, () => selectKernel(x.dtype));
  device.run(compiled, [x.address, ids.address, out.address, size, n, inner], outer * n, Math.max(1, Math.ceil(16384 / Math.max(inner, 1))));
}

function runAdd(device: Device, ids: View, source: View, out: View, dim: number): void {
  const { outer, size, inner } = cut(out.shape, dim);
  checkIndices(device, "indexAdd", ids, size);
  const n = numel(ids.shape);
  const block = inner >= 128 && outer === 1 ? Math.ceil(inner / 2 / 16) * 16 : inner;
  const blocks = block === 0 ? 0 : Math.ceil(inner / block);
  const compiled = device.compile(`indexAdd|${out.dtype}`, () => addKernel(out.dtype));
  const grain = n * block > 8192 ? 1 : Math.max(1, outer * blocks);
  device.run(compiled, [source.address, ids.address, out.address, size, n, inner, block, blocks], outer * blocks, grain);
}

function copyBytes(device: Device, from: View, to: View): void {
  const bytes = numel(from.shape) * bytesOf(from.dtype);
  device.u8.copyWithin(to.address, from.address, from.address + bytes);
}

/** Slices of one dimension, by an int32 list. */
export const indexSelect: Op<number> = {
  name: "indexSelect",
  contiguous: true,
  infer([x, ids], dim): readonly Meta[] {
    checkIds("indexSelect", ids!);
    if (ids!.shape.length > 1) throw new ShapeError(`indexSelect: indices have 1 dimension, got ${showShape(ids!.shape)}.`, { shape: ids!.shape });
    return [{ shape: x!.shape.map((s, d) => (d === dim ? numel(ids!.shape) : s)), dtype: x!.dtype }];
  },
  run: (device, [x, ids], [out], dim) => runSelect(device, x!, ids!, out!, dim),
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
    const n = numel(ids!.shape);
    if (source!.shape.length !== x!.shape.length || source!.shape.some((s, d) => s !== (d === dim ? n : x!.shape[d]))) {
      throw new ShapeError(`indexAdd: source ${showShape(source!.shape)} does not fit ${n} slices of ${showShape(x!.shape)} along ${dim}.`, {
        source: source!.shape,
        shape: x!.shape,
      });
    }
    return [{ shape: x!.shape, dtype: x!.dtype }];
  },
  run(device, [x, ids, source], [out], dim) {
    copyBytes(device, x!, out!);
    runAdd(device, ids!, source!, out!, dim);
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
    if (weight!.shape.length !== 2) throw new ShapeError(`embedding: the table is [V, D], got ${showShape(weight!.shape)}.`, { shape: weight!.shape });
    return [{ shape: [...ids!.shape, weight!.shape[1]!], dtype: weight!.dtype }];
  },
  run: (device, [weight, ids], [out]) => runSelect(device, weight!, ids!, out!, 0),
  save: () => ({ inputs: [1] }),
  grad(k) {
    const [V, D] = k.metas[0]!.shape as [number, number]; // checked when it ran
    const { paddingIdx } = k.attrs;
    const ids = k.input(1).reshape(-1);
    const rows = k.g.reshape(-1, D);
    const kept = paddingIdx === undefined ? rows : rows.maskedFill(ids.eq(paddingIdx).unsqueeze(1), 0);
    return [k.g.zerosOf([V, D]).indexAdd(0, ids, kept), undefined];
  },
};

/** The form of gather and scatter: the index's own sizes, walked over a tensor whose other sizes may be larger. */
function checkIndexShape(op: string, x: Meta, ids: Meta, dim: number): void {
  checkIds(op, ids);
  if (ids.shape.length !== x.shape.length || ids.shape.some((s, d) => d !== dim && s > x.shape[d]!)) {
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
  const at = new Array<number>(ids.shape.length).fill(0);
  for (let i = 0; i < n; i++) {
    let place = 0;
    for (let d = 0; d < at.length; d++) place += (d === dim ? index[i]! : at[d]!) * x.strides[d]!;
    visit(i, place);
    for (let d = at.length - 1; d >= 0 && ++at[d]! >= ids.shape[d]!; d--) at[d] = 0;
  }
}

type Numbers = { [index: number]: number };
function numbersOf(device: Device, v: View): Numbers {
  const views: { readonly [d in DType]?: () => Numbers } = {
    float32: () => new Float32Array(device.u8.buffer, v.address),
    float64: () => new Float64Array(device.u8.buffer, v.address),
    int32: () => new Int32Array(device.u8.buffer, v.address),
    bool: () => new Uint8Array(device.u8.buffer, v.address),
    uint8: () => new Uint8Array(device.u8.buffer, v.address),
  };
  const view = views[v.dtype];
  if (view === undefined) throw new DTypeError(`gather: no ${v.dtype} yet; wants float32, float64, int32, uint8 or bool.`, { dtype: v.dtype });
  return view();
}

export const gather: Op<number> = {
  name: "gather",
  contiguous: true,
  infer([x, ids], dim): readonly Meta[] {
    checkIndexShape("gather", x!, ids!, dim);
    return [{ shape: ids!.shape, dtype: x!.dtype }];
  },
  run(device, [x, ids], [out], dim) {
    checkIndices(device, "gather", ids!, x!.shape[dim] ?? 1);
    const [from, to] = [numbersOf(device, x!), numbersOf(device, out!)];
    walk(device, x!, ids!, dim, (at, place) => {
      to[at] = from[place]!;
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
    if (source!.shape.length !== ids!.shape.length || ids!.shape.some((s, d) => s > source!.shape[d]!)) {
      throw new ShapeError(`scatterAdd: source ${showShape(source!.shape)} is smaller than the index ${showShape(ids!.shape)}.`, {
        source: source!.shape,
        index: ids!.shape,
      });
    }
    return [{ shape: x!.shape, dtype: x!.dtype }];
  },
  run(device, [x, ids, source], [out], dim) {
    checkIndices(device, "scatterAdd", ids!, x!.shape[dim] ?? 1);
    copyBytes(device, x!, out!);
    const [from, to] = [numbersOf(device, source!), numbersOf(device, out!)];
    const places: number[] = [];
    walk(device, out!, ids!, dim, (_, place) => places.push(place));
    walk(device, source!, ids!, -1, (at, place) => {
      to[places[at]!]! += from[place]!;
    });
  },
  save: () => ({ inputs: [1] }),
  grad(k) {
    const { shape } = k.metas[1]!;
    const g = k.needs[2] === true ? k.g.gather(k.attrs, k.input(1)) : undefined;
    const source = k.metas[2]!.shape;
    const padding = source.map((s, d) => s - shape[d]!);
    return [k.g, undefined, g?.padWith({ before: padding.map(() => 0), after: padding, value: 0 })];
  },
};
