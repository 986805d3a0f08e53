// Python's brackets. Numbers, slices and null make views; tensors pick copies, several of them together as in NumPy:
//
//     x[i, 1:, ..., None]   x.at(i, "1:", "...", null)
//     x[rows, columns]      x.at(rows, columns)      one element for each pair
//     x[mask]               x.at(mask)

import { IndexError, ShapeError, UnsupportedError } from "../base/errors.ts";
import { broadcastShapes, numel, showShape } from "../base/shape.ts";
import { Tensor } from "./core.ts";
import { fromArray } from "./create.ts";
import { where } from "./elementwise.ts";
import { noGrad } from "./grad-mode.ts";
import { checkWrite } from "./in-place.ts";
import { alignMask } from "./indexing.ts";
import { tidy } from "./scope.ts";

/**
 * One entry of an index: a whole number picks (negative counts from the end), `"start:end:step"` slices as in Python, `":"` keeps,
 * `"..."` stands for all that is not named, `null` adds a dimension of 1, an integer tensor picks many, a bool tensor masks.
 */
export type Index = number | string | null | Tensor;

export const atMethods = {
  /** Python's `x[i, 1:, ..., None, mask]` as `x.at(i, "1:", "...", null, mask)`. Without tensors among the indices it is a view. */
  at(this: Tensor, ...indices: Index[]): Tensor {
    const { view, picks } = basic(this, indices);
    if (picks.length > 0) return tidy(() => pick(view, picks));
    return view === this ? this.alias() : view;
  },
  /** Python's `x[…] = value`: writes into the elements that `at` with the same indices reads. Returns this tensor. */
  setAt(this: Tensor, indices: readonly Index[], value: Tensor | number): Tensor {
    if (checkWrite("setAt", this, typeof value === "number" ? [] : [value])) {
      throw new UnsupportedError(
        "setAt: it is not recorded for gradients. Use indexPut(), where() or maskedFill(), or wrap it in noGrad().",
        {},
      );
    }
    noGrad(() =>
      tidy(() => {
        const [only] = indices;
        if (indices.length === 1 && only instanceof Tensor && only.dtype === "bool") {
          this.copy_(where(alignMask(only, this), value, this));
          return;
        }
        if (indices.some((i) => i instanceof Tensor)) {
          const values = typeof value === "number" ? this.zerosOf([]).fill_(value) : value.to(this.dtype);
          this.copy_(this.indexPut(indices, values));
          return;
        }
        const { view } = basic(this, indices);
        if (typeof value === "number") view.fill_(value);
        else view.copy_(value);
      }),
    );
    return this;
  },
};
export type AtMethods = typeof atMethods;

/** Whole numbers that pick along one dimension. */
interface Pick {
  readonly dim: number;
  readonly shape: readonly number[];
  readonly numbers: ArrayLike<number>;
}

/** The view that numbers, slices and null make, and what is to be picked of it. */
function basic(x: Tensor, indices: readonly Index[]): { readonly view: Tensor; readonly picks: readonly Pick[] } {
  const named = indices.reduce<number>((n, i) => n + dimsOf(i), 0);
  if (named > x.ndim)
    throw new IndexError(`at: ${named} indices for ${x.ndim} dimensions.`, { indices: named, shape: x.shape });
  if (indices.filter((i) => i === "...").length > 1) throw new IndexError('at: "..." may stand once.', {});
  const picks: Pick[] = [];
  let view = x;
  let d = 0;
  for (const i of indices) {
    if (i === null) view = view.unsqueeze(d++);
    else if (i === "...") d += x.ndim - named;
    else if (typeof i === "number") view = view.select(d, i);
    else if (typeof i === "string") view = view.slice(d++, ...parseSlice(i));
    else {
      picks.push(...picksOf(view, d, i));
      d += dimsOf(i);
    }
  }
  return { view, picks };
}

function dimsOf(i: Index): number {
  if (i === null || i === "...") return 0;
  return i instanceof Tensor && i.dtype === "bool" ? i.ndim : 1;
}

function parseSlice(text: string): [number | undefined, number | undefined, number] {
  const match = /^\s*(-?\d+)?\s*:\s*(-?\d+)?\s*(?::\s*(-?\d+)?\s*)?$/.exec(text);
  if (match === null)
    throw new IndexError(`at: "${text}" is no slice; write "start:end:step", any of them left out.`, { text });
  const [start, end, step] = match.slice(1, 4).map((s) => (s === undefined ? undefined : Number(s)));
  return [start, end, step ?? 1];
}

/** A mask picks along each of its dimensions, where it holds. */
function picksOf(x: Tensor, dim: number, index: Tensor): Pick[] {
  if (index.dtype.includes("float"))
    throw new IndexError(`at: an index is of integers or bools, got ${index.dtype}.`, { dtype: index.dtype });
  if (index.dtype !== "bool") return [{ dim, shape: index.shape, numbers: index.toArray() }];
  const covered = x.shape.slice(dim, dim + index.ndim);
  if (covered.some((size, d) => size !== index.shape[d])) {
    throw new ShapeError(`at: a mask of ${showShape(index.shape)} does not fit dimensions of ${showShape(covered)}.`, {
      mask: index.shape,
      covered,
    });
  }
  const places = index.nonzero();
  const [count] = places.shape as [number, number];
  return covered.map((_, d) => ({ dim: dim + d, shape: [count], numbers: places.select(1, d).toArray() }));
}

/** The picked dimensions go away; those of the indices, broadcast, stand in their place, or in front if they are not adjacent. */
function pick(x: Tensor, picks: readonly Pick[]): Tensor {
  const shape = picks.map((p) => p.shape).reduce((a, b) => broadcastShapes("at", a, b));
  const dims = picks.map((p) => p.dim);
  const front = dims.every((d, i) => d === dims[0]! + i) ? dims[0]! : 0;
  const rest = x.shape.map((_, d) => d).filter((d) => !dims.includes(d));
  const [before, after] = [rest.slice(0, front), rest.slice(front)];
  const sizes = (list: readonly number[]): number[] => list.map((d) => x.shape[d]!);
  const flat = x.permute(...before, ...dims, ...after).reshape(...sizes(before), numel(sizes(dims)), ...sizes(after));
  const places = flatten(picks, sizes(dims), shape);
  return flat
    .indexSelect(front, fromArray(places, [places.length], { dtype: "int32" }))
    .reshape(...sizes(before), ...shape, ...sizes(after));
}

/** Each tuple of picked numbers as one, counted in row-major order over dimensions of `sizes`. */
function flatten(picks: readonly Pick[], sizes: readonly number[], shape: readonly number[]): Int32Array {
  const places = new Int32Array(numel(shape));
  picks.forEach(({ dim, numbers, shape: own }, at) => {
    const size = sizes[at]!;
    const spread = tidy(() =>
      fromArray(numbers, own, { dtype: "int32" })
        .expand(...shape)
        .toArray(),
    );
    spread.forEach((i, n) => {
      if (i < -size || i >= size)
        throw new IndexError(`at: index ${i} is out of range for dimension ${dim} of size ${size}.`, {
          index: i,
          dim,
          size,
        });
      places[n] = places[n]! * size + (i < 0 ? i + size : i);
    });
  });
  return places;
}
