// Picking, placing and joining elements.

import { isFloating } from "../base/dtype.ts";
import { ArgumentError, IndexError, ShapeError } from "../base/errors.ts";
import { normalizeDim, normalizeDims, numel, sameShape, showShape } from "../base/shape.ts";
import * as g from "../ops/gather.ts";
import * as j from "../ops/join.ts";
import { Tensor } from "./core.ts";
import { fromArray } from "./create.ts";
import { apply1 } from "./dispatch.ts";
import { where } from "./elementwise.ts";
import { checkWrite, touch } from "./in-place.ts";
import { noGrad } from "./grad-mode.ts";
import { tidy } from "./scope.ts";
import type { ValuesAndIndices } from "./reduce.ts";

/**
 * One entry of an index: a whole number picks (negative counts from the end), `"start:end:step"` slices as in Python, `":"` keeps,
 * `"..."` stands for all that is not named, `null` adds a dimension of 1, an int32 tensor picks many, a bool tensor masks.
 */
export type Index = number | string | null | Tensor;

export const indexingMethods = {
  /** Python's `x[i, 1:, ..., None, mask]` as `x.at(i, "1:", "...", null, mask)`. Numbers, strings and null give views. */
  at(this: Tensor, ...indices: Index[]): Tensor {
    return index(this, indices);
  },
  /** Python's `x[…] = value`: writes into the elements that `at` with numbers, strings and null shows. Returns this tensor. */
  setAt(this: Tensor, indices: readonly Index[], value: Tensor | number): Tensor {
    checkWrite("setAt", this, typeof value === "number" ? [] : [value]);
    noGrad(() =>
      tidy(() => {
        const [only] = indices;
        if (indices.length === 1 && only instanceof Tensor && only.dtype === "bool") {
          this.copy_(where(broadcastMask(only, this), value, this));
          return;
        }
        if (indices.some((i) => i instanceof Tensor)) {
          throw new ArgumentError("setAt: tensors as indices are taken alone, as a bool mask; use indexCopy_ or scatter_.", {});
        }
        const target = index(this, indices);
        if (typeof value === "number") target.fill_(value);
        else target.copy_(value);
      }),
    );
    return this;
  },

  /** This tensor and `others`, one after another along `dim`. */
  catWith(this: Tensor, others: readonly Tensor[], dim = 0): Tensor {
    return cat([this, ...others], dim);
  },
  /** The slices of `dim` named by `indices` (int32 `[n]`), in that order. */
  indexSelect(this: Tensor, dim: number, indices: Tensor): Tensor {
    const d = normalizeDim("indexSelect", dim, this.ndim);
    return apply1(g.indexSelect, [this, indices], d);
  },
  /** `out[i][j] = this[index[i][j]][j]` for `dim` 0, alike for others; the index has as many dimensions and no larger other sizes. */
  gather(this: Tensor, dim: number, indices: Tensor): Tensor {
    const d = normalizeDim("gather", dim, this.ndim);
    return apply1(g.gather, [this, indices], d);
  },
  /** A copy with `source` added where `gather` with the same index would read. */
  scatterAdd(this: Tensor, dim: number, indices: Tensor, source: Tensor): Tensor {
    const d = normalizeDim("scatterAdd", dim, this.ndim);
    return apply1(g.scatterAdd, [this, indices, source], d);
  },
  /** A copy with the slices of `source` added to the slices of `dim` named by `indices`. */
  indexAdd(this: Tensor, dim: number, indices: Tensor, source: Tensor): Tensor {
    const d = normalizeDim("indexAdd", dim, this.ndim);
    return apply1(g.indexAdd, [this, indices, source], d);
  },
  /** The elements where `mask` (bool, broadcast) holds, in one dimension. */
  maskedSelect(this: Tensor, mask: Tensor): Tensor {
    return tidy(() => {
      const whole = broadcastMask(mask, this);
      const flat = this.expand(...whole.shape).reshape(-1);
      return flat.indexSelect(0, whole.reshape(-1).nonzero().squeeze(1));
    });
  },
  /** The indices of elements other than 0, `[n, ndim]`, int32. */
  nonzero(this: Tensor): Tensor {
    const flat = this.toArray();
    const out: number[] = [];
    const at = new Array<number>(this.ndim).fill(0);
    for (let i = 0; i < flat.length; i++) {
      if (flat[i] !== 0) out.push(...at);
      for (let d = this.ndim - 1; d >= 0 && ++at[d]! >= this.shape[d]!; d--) at[d] = 0;
    }
    return fromArray(out, [this.ndim === 0 ? out.length : out.length / this.ndim, this.ndim], { dtype: "int32" });
  },
  /** Padded with `value`: `padding` counts elements before and after the last dimension, then the one before it, …; negative ones cut. */
  pad(this: Tensor, padding: readonly number[], value = 0): Tensor {
    if (padding.length % 2 !== 0 || padding.length > 2 * this.ndim) {
      throw new ArgumentError(`pad: ${showShape(padding)} must hold pairs, at most ${this.ndim} of them.`, { padding, shape: this.shape });
    }
    const before = this.shape.map((_, d) => padding[2 * (this.ndim - 1 - d)] ?? 0);
    const after = this.shape.map((_, d) => padding[2 * (this.ndim - 1 - d) + 1] ?? 0);
    return this.padWith({ before, after, value });
  },
  /** Padding given for every dimension. */
  padWith(this: Tensor, padding: j.Padding): Tensor {
    return apply1(j.pad, [this], padding);
  },
  /** With the order of the named dimensions reversed. */
  flip(this: Tensor, dims: number | readonly number[]): Tensor {
    const none = typeof dims === "object" && dims.length === 0;
    return apply1(j.flip, [this], none ? [] : normalizeDims("flip", dims, this.ndim));
  },
  /** This tensor laid out `repeats` times along each dimension. */
  repeat(this: Tensor, ...repeats: number[]): Tensor {
    const lead = repeats.length - this.ndim;
    if (lead < 0) throw new ShapeError(`repeat: ${showShape(repeats)} names fewer dimensions than ${showShape(this.shape)}.`, { repeats });
    return tidy(() => {
      let x = this.reshape(...new Array<number>(lead).fill(1), ...this.shape);
      repeats.forEach((n, d) => {
        if (n !== 1) x = n === 0 ? x.narrow(d, 0, 0) : cat(new Array<Tensor>(n).fill(x), d);
      });
      return x === this ? x.clone() : x;
    });
  },
  /** Each slice of `dim` `repeats` times in a row. */
  repeatInterleave(this: Tensor, repeats: number, dim: number): Tensor {
    const d = normalizeDim("repeatInterleave", dim, this.ndim);
    const n = this.shape[d]!;
    return this.indexSelect(d, fromArray(Int32Array.from({ length: n * repeats }, (_, i) => Math.floor(i / repeats)), [n * repeats], { dtype: "int32" }));
  },
  /** 0 above the diagonal (shifted up by `diagonal`) of the last two dimensions. */
  tril(this: Tensor, diagonal = 0): Tensor {
    return tidy(() => this.maskedFill(band(this, "tril", (row, column) => column - row > diagonal), 0));
  },
  /** 0 below the diagonal (shifted up by `diagonal`) of the last two dimensions. */
  triu(this: Tensor, diagonal = 0): Tensor {
    return tidy(() => this.maskedFill(band(this, "triu", (row, column) => column - row < diagonal), 0));
  },
  /** The `k` largest (or smallest) of the last dimension with their indices (int32), in order. */
  topk(this: Tensor, k: number, options: { readonly largest?: boolean } = {}): ValuesAndIndices {
    const size = this.shape.at(-1) ?? 1;
    if (!Number.isInteger(k) || k < 0 || k > size) throw new IndexError(`topk: k = ${k}, but the last dimension holds ${size}.`, { k, size });
    return ranked(this, k, options.largest ?? true);
  },
  /** The last dimension in order, with the indices (int32) it had; equal elements keep their order. */
  sort(this: Tensor, options: { readonly descending?: boolean } = {}): ValuesAndIndices {
    return ranked(this, this.shape.at(-1) ?? 1, options.descending ?? false);
  },
  argsort(this: Tensor, options: { readonly descending?: boolean } = {}): Tensor {
    return tidy(() => this.detach().sort(options).indices);
  },
  /** 1 at the index of each element, in a new last dimension of `numClasses`; int32. */
  oneHot(this: Tensor, numClasses: number): Tensor {
    const ids = this.toArray();
    const out = new Int32Array(ids.length * numClasses);
    ids.forEach((id, i) => {
      if (id < 0 || id >= numClasses) throw new IndexError(`oneHot: class ${id} is out of range for ${numClasses} classes.`, { id, numClasses });
      out[i * numClasses + id] = 1;
    });
    return fromArray(out, [...this.shape, numClasses], { dtype: "int32" });
  },
  /** In place: slices of `dim` named by `indices` become those of `source`. */
  indexCopy_(this: Tensor, dim: number, indices: Tensor, source: Tensor): Tensor {
    if (checkWrite("indexCopy_", this, [source])) throw new ArgumentError("indexCopy_: not recorded for gradients; wrap it in noGrad().", {});
    const ids = indices.toArray();
    noGrad(() =>
      tidy(() => {
        ids.forEach((id, i) => {
          this.select(dim, id).copy_(source.select(dim, i));
        });
      }),
    );
    touch(this);
    return this;
  },
};
export type IndexingMethods = typeof indexingMethods;

/** Tensors one after another along `dim`. Empty one-dimensional tensors are skipped. */
export function cat(tensors: readonly Tensor[], dim = 0): Tensor {
  const used = tensors.filter((t) => !(t.ndim === 1 && t.shape[0] === 0));
  const [first] = used.length > 0 ? used : tensors;
  if (first === undefined) throw new ArgumentError("cat: no tensors were given.", {});
  if (first.ndim === 0) throw new ShapeError("cat: tensors without dimensions do not join; use stack().", {});
  return apply1(j.cat, used.length > 0 ? used : [first], normalizeDim("cat", dim, first.ndim));
}

/** Tensors of one shape side by side along a new dimension. */
export function stack(tensors: readonly Tensor[], dim = 0): Tensor {
  const [first] = tensors;
  if (first === undefined) throw new ArgumentError("stack: no tensors were given.", {});
  for (const t of tensors) {
    if (!sameShape(t.shape, first.shape)) {
      throw new ShapeError(`stack: shapes differ: ${showShape(first.shape)} and ${showShape(t.shape)}.`, { first: first.shape, other: t.shape });
    }
  }
  const d = normalizeDim("stack", dim, first.ndim + 1);
  return tidy(() =>
    cat(
      tensors.map((t) => t.unsqueeze(d)),
      d,
    ),
  );
}

function broadcastMask(mask: Tensor, x: Tensor): Tensor {
  if (mask.dtype !== "bool") throw new ArgumentError(`a mask is bool, got ${mask.dtype}; compare, as in x.gt(0).`, { dtype: mask.dtype });
  const lead = mask.ndim < x.ndim && mask.shape.every((s, d) => s === x.shape[d]) && !sameShape(mask.shape, x.shape.slice(-mask.ndim));
  const aligned = lead ? mask.reshape(...mask.shape, ...new Array<number>(x.ndim - mask.ndim).fill(1)) : mask;
  return aligned.expand(...x.shape);
}

function band(x: Tensor, op: string, outside: (row: number, column: number) => boolean): Tensor {
  if (x.ndim < 2) throw new ShapeError(`${op}: wants at least 2 dimensions, got ${showShape(x.shape)}.`, { shape: x.shape });
  const [rows, columns] = x.shape.slice(-2) as [number, number]; // two sizes, as ndim >= 2
  const mask = Uint8Array.from({ length: rows * columns }, (_, i) => Number(outside(Math.floor(i / columns), i % columns)));
  return fromArray(mask, [rows, columns], { dtype: "bool" });
}

/** The first `k` of each row in order; NaN counts as the largest. */
function ranked(x: Tensor, k: number, descending: boolean): ValuesAndIndices {
  const size = x.shape.at(-1) ?? 1;
  const rows = size === 0 ? 0 : numel(x.shape) / size;
  const flat = x.toArray();
  const indices = new Int32Array(rows * k);
  const before = (a: number, b: number): number => {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(b)) - Number(Number.isNaN(a));
    return a - b;
  };
  for (let r = 0; r < rows; r++) {
    const row = flat.subarray(r * size, (r + 1) * size);
    const compare = descending ? (a: number, b: number): number => before(row[b]!, row[a]!) : (a: number, b: number): number => before(row[a]!, row[b]!);
    indices.set(k <= 16 && size > 64 ? bestOf(row, k, compare) : Array.from(row.keys()).sort(compare).slice(0, k), r * k);
  }
  const shape = x.ndim === 0 ? [] : [...x.shape.slice(0, -1), k];
  const index = fromArray(indices, shape, { dtype: "int32" });
  const values = x.ndim === 0 ? x.clone() : x.gather(-1, index);
  return { values: isFloating(x.dtype) ? values : values.detach(), indices: index };
}

/** The first `k` indices in order, by insertion: for small `k`. */
function bestOf(row: ArrayLike<number>, k: number, compare: (a: number, b: number) => number): number[] {
  const best: number[] = [];
  for (let i = 0; i < row.length; i++) {
    if (best.length === k && (k === 0 || compare(best[k - 1]!, i) <= 0)) continue;
    let at = best.length;
    while (at > 0 && compare(best[at - 1]!, i) > 0) at--;
    best.splice(at, 0, i);
    if (best.length > k) best.pop();
  }
  return best;
}

function index(x: Tensor, indices: readonly Index[]): Tensor {
  const named = indices.filter((i) => i !== null && i !== "...").reduce<number>((n, i) => n + (i instanceof Tensor && i.dtype === "bool" ? i.ndim : 1), 0);
  if (named > x.ndim) throw new IndexError(`at: ${named} indices for ${x.ndim} dimensions.`, { indices: named, shape: x.shape });
  if (indices.filter((i) => i === "...").length > 1) throw new IndexError('at: "..." may stand once.', {});
  let out = x;
  let d = 0;
  for (const i of indices) {
    if (i === null) out = out.unsqueeze(d++);
    else if (i === "...") d += x.ndim - named;
    else if (typeof i === "number") out = out.select(d, i);
    else if (typeof i === "string") {
      const [start, end, step] = parseSlice(i);
      out = out.slice(d++, start, end, step);
    } else if (i.dtype === "bool") out = maskDims(out, d++, i);
    else {
      const picked = out.indexSelect(d, wrapNegative(i.reshape(-1), out.shape[d]!));
      out = i.ndim === 1 ? picked : picked.reshape(...out.shape.slice(0, d), ...i.shape, ...out.shape.slice(d + 1));
      d += i.ndim;
    }
  }
  return out === x ? x.alias() : out;
}

function wrapNegative(ids: Tensor, size: number): Tensor {
  return where(ids.lt(0), ids.add(size), ids);
}

/** A mask over dimensions `d …` picks; they become one. */
function maskDims(x: Tensor, d: number, mask: Tensor): Tensor {
  const covered = x.shape.slice(d, d + mask.ndim);
  if (!sameShape(covered, mask.shape)) {
    throw new ShapeError(`at: a mask of ${showShape(mask.shape)} does not fit dimensions of ${showShape(covered)}.`, { mask: mask.shape, covered });
  }
  const flat = x.reshape(...x.shape.slice(0, d), numel(covered), ...x.shape.slice(d + mask.ndim));
  return flat.indexSelect(d, mask.reshape(-1).nonzero().squeeze(1));
}

function parseSlice(text: string): [number | undefined, number | undefined, number] {
  const match = /^\s*(-?\d+)?\s*:\s*(-?\d+)?\s*(?::\s*(-?\d+)?\s*)?$/.exec(text);
  if (match === null) throw new IndexError(`at: "${text}" is no slice; write "start:end:step", any of them left out.`, { text });
  const [start, end, step] = match.slice(1, 4).map((s) => (s === undefined ? undefined : Number(s)));
  return [start, end, step ?? 1];
}
