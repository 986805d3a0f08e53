// Picking, placing and joining elements.

import type { DType } from "../base/dtype.ts";
import { ArgumentError, IndexError, ShapeError } from "../base/errors.ts";
import { broadcastShapes, normalizeDim, normalizeDims, sameShape, showShape } from "../base/shape.ts";
import { nonzero } from "../kernels/nonzero.ts";
import * as g from "../ops/gather.ts";
import * as j from "../ops/join.ts";
import { Tensor } from "./core.ts";
import { arange, fromArray, zeros } from "./create.ts";
import { apply1 } from "./dispatch.ts";
import { noGrad } from "./grad-mode.ts";
import { checkWrite, touch } from "./in-place.ts";
import { type PadMode, padFromWithin } from "./rearranging.ts";
import { tidy } from "./scope.ts";

export const indexingMethods = {
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
  /** A copy with `source` (of this dtype) added where `gather` with the same index would read; bools are or-ed. */
  scatterAdd(this: Tensor, dim: number, indices: Tensor, source: Tensor): Tensor {
    const d = normalizeDim("scatterAdd", dim, this.ndim);
    return summed(this, source, (x, y) => apply1(g.scatterAdd, [x, indices, y], d));
  },
  /** A copy with the slices of `source` (of this dtype), times `alpha`, added to the slices of `dim` named by `indices`; bools are or-ed. */
  indexAdd(
    this: Tensor,
    dim: number,
    indices: Tensor,
    source: Tensor,
    options: { readonly alpha?: number } = {},
  ): Tensor {
    const d = normalizeDim("indexAdd", dim, this.ndim);
    const { alpha = 1 } = options;
    if (alpha !== 1) return tidy(() => this.indexAdd(d, indices, source.mul(alpha).to(source.dtype)));
    return summed(this, source, (x, y) => apply1(g.indexAdd, [x, indices, y], d));
  },
  /** The elements where `mask` (bool) holds, in one dimension; both broadcast. */
  maskedSelect(this: Tensor, mask: Tensor): Tensor {
    return tidy(() => {
      const aligned = alignsAtEnd(mask, this) && mask.dtype === "bool" ? mask : alignMask(mask, this);
      const shape = broadcastShapes("maskedSelect", this.shape, aligned.shape);
      const places = aligned
        .expand(...shape)
        .reshape(-1)
        .nonzero()
        .squeeze(1);
      return this.expand(...shape)
        .reshape(-1)
        .indexSelect(0, places);
    });
  },
  /** The indices of elements other than 0, `[n, ndim]`, int32; with `asTuple` one tensor `[n]` for each dimension, as `at` takes them. */
  nonzero: function nonzero(this: Tensor, options: { readonly asTuple?: boolean } = {}): Tensor | Tensor[] {
    if (options.asTuple === true) return tidy(() => indicesOf(this.atleast1d()).unbind(1));
    return indicesOf(this);
  } as Nonzero, // a function expression cannot declare overloads
  /**
   * Padded with `value`, or with this tensor's own elements: mirrored ("reflect"), the outermost ones ("replicate") or those of the
   * other end ("circular"). `padding` counts elements before and after the last dimension, then the one before it, …; negative ones
   * cut.
   */
  pad(this: Tensor, padding: readonly number[], value: number | PadMode = 0): Tensor {
    if (padding.length % 2 !== 0 || padding.length > 2 * this.ndim) {
      throw new ArgumentError(`pad: ${showShape(padding)} must hold pairs, at most ${this.ndim} of them.`, {
        padding,
        shape: this.shape,
      });
    }
    const before = this.shape.map((_, d) => padding[2 * (this.ndim - 1 - d)] ?? 0);
    const after = this.shape.map((_, d) => padding[2 * (this.ndim - 1 - d) + 1] ?? 0);
    return typeof value === "string"
      ? padFromWithin(this, { before, after }, value)
      : this.padWith({ before, after, value });
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
    if (lead < 0)
      throw new ShapeError(`repeat: ${showShape(repeats)} names fewer dimensions than ${showShape(this.shape)}.`, {
        repeats,
      });
    return tidy(() => {
      let x = this.reshape(...new Array<number>(lead).fill(1), ...this.shape);
      repeats.forEach((n, d) => {
        if (n !== 1) x = n === 0 ? x.narrow(d, 0, 0) : cat(new Array<Tensor>(n).fill(x), d);
      });
      return x === this ? x.clone() : x;
    });
  },
  /** Each slice of `dim` (or each element of the flattened tensor) `repeats` times in a row; a tensor says for each how often. */
  repeatInterleave(this: Tensor, repeats: number | Tensor, dim?: number): Tensor {
    if (dim === undefined || this.ndim === 0) return tidy(() => this.reshape(-1).repeatInterleave(repeats, 0));
    const d = normalizeDim("repeatInterleave", dim, this.ndim);
    const n = this.shape[d]!;
    const given = typeof repeats === "number" ? [repeats] : Array.from(repeats.toArray(), Number);
    const times = given.length === 1 ? new Array<number>(n).fill(given[0]!) : given;
    if (times.length !== n)
      throw new ShapeError(`repeatInterleave: ${times.length} counts for ${n} slices.`, {
        counts: times.length,
        slices: n,
      });
    const ids = times.flatMap((count, i) => new Array<number>(count).fill(i));
    return tidy(() => this.indexSelect(d, fromArray(ids, [ids.length], { dtype: "int32" })));
  },
  /** 0 above the diagonal (shifted up by `diagonal`) of the last two dimensions. */
  tril(this: Tensor, diagonal = 0): Tensor {
    return tidy(() => {
      const { rows, columns } = places(this, "tril");
      return this.maskedFill(columns.gt(rows.add(diagonal)), 0);
    });
  },
  /** 0 below the diagonal (shifted up by `diagonal`) of the last two dimensions. */
  triu(this: Tensor, diagonal = 0): Tensor {
    return tidy(() => {
      const { rows, columns } = places(this, "triu");
      return this.maskedFill(columns.lt(rows.add(diagonal)), 0);
    });
  },
  /** 1 at the index of each element, in a new last dimension of `numClasses` (just enough if left out); int32. */
  oneHot(this: Tensor, classes?: number): Tensor {
    const ids = this.toArray();
    const numClasses = classes ?? Array.from(ids).reduce((n, id) => Math.max(n, id + 1), 0);
    const bad = ids.findIndex((id) => id < 0 || id >= numClasses);
    if (bad >= 0) {
      const id = ids[bad]!;
      throw new IndexError(`oneHot: class ${id} is out of range for ${numClasses} classes.`, { id, numClasses });
    }
    const out = zeros([...this.shape, numClasses], { dtype: "int32" });
    const { i32 } = out.device;
    const first = out.address / 4;
    ids.forEach((id, i) => {
      i32[first + i * numClasses + id] = 1;
    });
    return out;
  },
  /** In place: slices of `dim` named by `indices` become those of `source`. */
  indexCopy_(this: Tensor, dim: number, indices: Tensor, source: Tensor): Tensor {
    if (checkWrite("indexCopy_", this, [source]))
      throw new ArgumentError("indexCopy_: not recorded for gradients; wrap it in noGrad().", {});
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

interface Nonzero {
  (this: Tensor): Tensor;
  (this: Tensor, options: { readonly asTuple: true }): Tensor[];
}

function indicesOf(t: Tensor): Tensor {
  return tidy(() => {
    const x = t.detach().bool().contiguous();
    let out: Tensor | undefined;
    nonzero(x.device, { x: x.address, shape: x.shape }, (count) => {
      out = Tensor.empty([count, x.ndim], "int32", x.device);
      return out.address;
    });
    return out!; // which `nonzero` asked for
  });
}

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
      throw new ShapeError(`stack: shapes differ: ${showShape(first.shape)} and ${showShape(t.shape)}.`, {
        first: first.shape,
        other: t.shape,
      });
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

/** What the kernels add narrow elements up in; the result comes back in the tensor's own dtype. */
const wider: { readonly [d in DType]?: DType } = {
  ...{ float16: "float32", bfloat16: "float32" },
  ...{ int8: "int32", int16: "int32", uint8: "int32", bool: "int32" },
};

/** Adds `source` to `x` with `add`, in a dtype that has a kernel. */
function summed(x: Tensor, source: Tensor, add: (x: Tensor, source: Tensor) => Tensor): Tensor {
  const wide = wider[x.dtype];
  if (wide === undefined || source.dtype !== x.dtype) return add(x, source);
  return tidy(() => add(x.to(wide), source.to(wide)).to(x.dtype));
}

/** Whether sizes, aligned at the end, are equal or 1. */
function alignsAtEnd(a: Tensor, b: Tensor): boolean {
  return a.shape.every((s, d) => {
    const other = b.shape[d + b.ndim - a.ndim];
    return other === undefined || s === other || s === 1 || other === 1;
  });
}

/** A bool mask with the shape of `x`: aligned at the end, or at the front where only that fits. */
export function alignMask(mask: Tensor, x: Tensor): Tensor {
  if (mask.dtype !== "bool")
    throw new ArgumentError(`a mask is bool, got ${mask.dtype}; compare, as in x.gt(0).`, { dtype: mask.dtype });
  const lead =
    mask.ndim < x.ndim &&
    mask.shape.every((s, d) => s === x.shape[d]) &&
    !sameShape(mask.shape, x.shape.slice(-mask.ndim));
  const aligned = lead ? mask.reshape(...mask.shape, ...new Array<number>(x.ndim - mask.ndim).fill(1)) : mask;
  return aligned.expand(...x.shape);
}

/** The row `[R, 1]` and the column `[C]` of each element of the last two dimensions. */
function places(x: Tensor, op: string): { readonly rows: Tensor; readonly columns: Tensor } {
  if (x.ndim < 2)
    throw new ShapeError(`${op}: wants at least 2 dimensions, got ${showShape(x.shape)}.`, { shape: x.shape });
  const [R, C] = x.shape.slice(-2) as [number, number]; // two sizes, as ndim >= 2
  return { rows: arange(R).unsqueeze(1), columns: arange(C) };
}
