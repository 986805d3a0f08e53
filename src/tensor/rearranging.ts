// Further views, and copies in another order, made of the plain ones.

import { bytesOf } from "../base/dtype.ts";
import { ArgumentError, IndexError, ShapeError } from "../base/errors.ts";
import { broadcastShapes, normalizeDim, numel, showShape } from "../base/shape.ts";
import type { Tensor } from "./core.ts";
import { fromArray, full, ones, type TensorOptions, zeros } from "./create.ts";
import { tidy } from "./scope.ts";
import { checkDimensioned, embed, makeView } from "./views.ts";

/** A size or an axis list given as one number means one. */
const list = (x: number | readonly number[]): readonly number[] => (typeof x === "number" ? [x] : x);

/** A copy of one dimension's slices in the order of `ids`. */
function picked(x: Tensor, dim: number, ids: readonly number[]): Tensor {
  return x.indexSelect(dim, fromArray(ids, [ids.length], { dtype: "int32" }));
}

/** `x` with `dim` turned by `shift`: what falls off the end comes in at the front. */
function rolled(x: Tensor, shift: number, dim: number): Tensor {
  const n = x.shape[dim]!;
  const start = n === 0 ? 0 : (((n - shift) % n) + n) % n;
  return start === 0 ? x : x.narrow(dim, start, n - start).catWith([x.narrow(dim, 0, start)], dim);
}

export const rearrangingMethods = {
  /** All elements in one dimension. */
  ravel(this: Tensor): Tensor {
    return this.reshape(-1);
  },
  /** The transpose of a matrix, PyTorch's `x.T`. */
  get T(): Tensor {
    const self = this as unknown as Tensor; // a getter on the methods' object is typed by it, and called on a tensor
    return self.t();
  },
  /** At least one dimension: a single number becomes `[1]`. */
  atleast1d(this: Tensor): Tensor {
    return this.ndim === 0 ? this.reshape(1) : this.alias();
  },
  /** At least two dimensions: `[n]` becomes `[1, n]`. */
  atleast2d(this: Tensor): Tensor {
    if (this.ndim >= 2) return this.alias();
    return this.reshape(1, -1);
  },
  /** At least three dimensions: `[n]` becomes `[1, n, 1]`, `[n, m]` becomes `[n, m, 1]`. */
  atleast3d(this: Tensor): Tensor {
    if (this.ndim >= 3) return this.alias();
    return this.ndim === 2 ? this.unsqueeze(-1) : this.reshape(1, -1, 1);
  },
  /** Views of `dim` in so many parts (the first ones larger by one where it does not divide), or cut before each of a list of indices. */
  tensorSplit(this: Tensor, sections: number | readonly number[], dim = 0): Tensor[] {
    checkDimensioned("tensorSplit", this);
    const d = normalizeDim("tensorSplit", dim, this.ndim);
    const size = this.shape[d]!;
    if (typeof sections === "number") {
      if (!Number.isInteger(sections) || sections < 1)
        throw new ArgumentError(`tensorSplit: ${sections} parts; there is at least 1.`, { sections });
      const [least, larger] = [Math.floor(size / sections), size % sections];
      return this.split(
        Array.from({ length: sections }, (_, i) => least + Number(i < larger)),
        d,
      );
    }
    const ends = [...sections, size];
    return ends.map((end, i) => this.slice(d, i === 0 ? 0 : sections[i - 1]!, end));
  },
  /** `repeat` whose counts belong to the last dimensions. */
  tile(this: Tensor, ...repeats: number[]): Tensor {
    return this.repeat(...new Array<number>(Math.max(this.ndim - repeats.length, 0)).fill(1), ...repeats);
  },
  /** Columns (dimension 1) in reverse. */
  fliplr(this: Tensor): Tensor {
    if (this.ndim < 2)
      throw new ShapeError(`fliplr: wants at least 2 dimensions, got ${showShape(this.shape)}.`, { shape: this.shape });
    return this.flip(1);
  },
  /** Rows (dimension 0) in reverse. */
  flipud(this: Tensor): Tensor {
    checkDimensioned("flipud", this);
    return this.flip(0);
  },
  /** Elements moved on by `shifts` along `dims`, the last ones to the front; without `dims` in the flattened tensor. */
  roll(this: Tensor, shifts: number | readonly number[], dims?: number | readonly number[]): Tensor {
    const [by, along] = [list(shifts), dims === undefined ? [] : list(dims)];
    if (by.length === 0 || (along.length !== by.length && !(along.length === 0 && by.length === 1)))
      throw new ArgumentError(`roll: shifts ${showShape(by)} for dims ${showShape(along)}; wants as many.`, {
        shifts: by,
        dims: along,
      });
    return tidy(() => {
      if (along.length === 0)
        return rolled(this.reshape(-1), by[0]!, 0)
          .clone()
          .reshape(...this.shape);
      checkDimensioned("roll", this);
      return along
        .reduce((x, dim, i) => rolled(x, by[i]!, normalizeDim("roll", dim, this.ndim)), this as Tensor)
        .clone();
    });
  },
  /** Turned `k` times by 90 degrees from the first of `dims` towards the second. */
  rot90(this: Tensor, k = 1, dims: readonly number[] = [0, 1]): Tensor {
    if (dims.length !== 2 || this.ndim < 2)
      throw new ShapeError(`rot90: turns 2 dimensions, got ${showShape(dims)} of ${showShape(this.shape)}.`, { dims });
    const [a, b] = dims.map((d) => normalizeDim("rot90", d, this.ndim)) as [number, number]; // two in, two out
    if (a === b) throw new ShapeError(`rot90: dims ${showShape(dims)} are the same dimension.`, { dims });
    const turns = ((k % 4) + 4) % 4;
    if (turns === 0) return this.clone();
    if (turns === 2) return this.flip([a, b]);
    return tidy(() => this.flip(turns === 1 ? b : a).transpose(a, b));
  },
  /** Of a vector the matrix that has it on its diagonal; of a matrix a copy of its diagonal. */
  diag(this: Tensor, diagonal = 0): Tensor {
    if (this.ndim === 1) return this.diagEmbed(diagonal);
    if (this.ndim === 2) return tidy(() => this.diagonal(diagonal).clone());
    throw new ShapeError(`diag: of a vector or a matrix, got ${showShape(this.shape)}.`, { shape: this.shape });
  },
  /** Zeros with the last dimension on the diagonal of two new ones, at `dim1` and `dim2` of the result. */
  diagEmbed(this: Tensor, offset = 0, dim1 = -2, dim2 = -1): Tensor {
    checkDimensioned("diagEmbed", this);
    const rank = this.ndim + 1;
    const [a, b] = [normalizeDim("diagEmbed", dim1, rank), normalizeDim("diagEmbed", dim2, rank)];
    if (a === b)
      throw new ShapeError(`diagEmbed: dim1 ${dim1} and dim2 ${dim2} are the same dimension.`, { dim1, dim2 });
    const size = this.shape.at(-1)! + Math.abs(offset);
    const rest = this.shape.slice(0, -1);
    const shape = Array.from({ length: rank }, (_, d) => (d === a || d === b ? size : rest.shift()!));
    return tidy(() => embed(this, shape, (whole) => whole.diagonal(offset, a, b)));
  },
  /** Windows of `size` along `dim`, one every `step`, as a new last dimension: a view in which elements may come often. */
  unfold(this: Tensor, dim: number, size: number, step: number): Tensor {
    const d = normalizeDim("unfold", dim, this.ndim);
    const n = this.shape[d] ?? 1;
    if (!Number.isInteger(size) || size < 0 || size > n || !Number.isInteger(step) || step < 1)
      throw new ShapeError(`unfold: windows of ${size}, one every ${step}, over a dimension of ${n}.`, {
        size,
        step,
        n,
      });
    if (this.ndim === 0) return this.reshape(1).slice(0, 0, size);
    const windows = Math.floor((n - size) / step) + 1;
    const stride = this.strides[d]!;
    const geometry = {
      shape: [...this.shape.slice(0, d), windows, ...this.shape.slice(d + 1), size],
      strides: [...this.strides.slice(0, d), stride * step, ...this.strides.slice(d + 1), stride],
    };
    const from = this.shape;
    return makeView("unfold", this, geometry, (g) =>
      tidy(() => {
        const places = Array.from({ length: windows * size }, (_, i) => Math.floor(i / size) * step + (i % size));
        const apart = g.movedim(-1, d + 1).reshape(...from.slice(0, d), windows * size, ...from.slice(d + 1));
        return g.zerosOf(from).indexAdd(d, fromArray(places, [places.length], { dtype: "int32" }), apart);
      }),
    );
  },
  /** A view of this tensor's storage with any sizes and strides; `storageOffset` counts from the storage's beginning. */
  asStrided(this: Tensor, size: readonly number[], stride: readonly number[], storageOffset?: number): Tensor {
    const offset = storageOffset ?? this.offset;
    const there = Math.floor(this.storage.bytes / bytesOf(this.dtype));
    const last = size.reduce((at, s, d) => at + (s - 1) * stride[d]!, offset);
    if (size.length !== stride.length || offset < 0 || [...size, ...stride].some((s) => !Number.isInteger(s) || s < 0))
      throw new ShapeError(`asStrided: size ${showShape(size)}, stride ${showShape(stride)}, offset ${offset}.`, {
        size,
        stride,
        offset,
      });
    if (numel(size) > 0 && last >= there)
      throw new IndexError(`asStrided: reaches element ${last} of a storage of ${there}.`, { last, elements: there });
    const own = { shape: this.shape, strides: this.strides, offset: this.offset };
    const view = { shape: size, strides: stride, offset };
    return makeView("asStrided", this, view, (g) =>
      tidy(() => {
        const [mine, seen] = [placesOf(own), placesOf(view)];
        const whole = g.zerosOf([there]).indexAdd(0, seen, g.reshape(-1));
        const counts = g.zerosOf([there]).indexAdd(0, mine, g.zerosOf([numel(own.shape)]).fill_(1));
        return whole
          .div(counts.clamp({ min: 1 }))
          .indexSelect(0, mine)
          .reshape(...own.shape);
      }),
    );
  },
  /** `gather` with an index that broadcasts and may count from the end; without `dim` in the flattened tensor. */
  takeAlongDim(this: Tensor, indices: Tensor, dim?: number): Tensor {
    return tidy(() => {
      if (dim === undefined) return this.reshape(-1).gather(0, fromEnd(indices.reshape(-1), this.numel));
      if (this.ndim !== indices.ndim)
        throw new ShapeError(
          `takeAlongDim: index ${showShape(indices.shape)} must have as many dimensions as ${showShape(this.shape)}.`,
          { index: indices.shape, shape: this.shape },
        );
      const d = normalizeDim("takeAlongDim", dim, this.ndim);
      const single = (shape: readonly number[]): number[] => shape.map((s, at) => (at === d ? 1 : s));
      const common = broadcastShapes("takeAlongDim", single(this.shape), single(indices.shape));
      const stretched = (x: Tensor): Tensor => x.expand(...common.map((s, at) => (at === d ? x.shape[d]! : s)));
      return stretched(this).gather(d, fromEnd(stretched(indices), this.shape[d] ?? 1));
    });
  },
  /** The elements at places of the flattened tensor, in the shape of `indices`; negative ones count from the end. */
  take(this: Tensor, indices: Tensor): Tensor {
    return tidy(() => {
      const places = fromEnd(indices.reshape(-1), this.numel);
      return this.reshape(-1)
        .indexSelect(0, places)
        .reshape(...indices.shape);
    });
  },

  /** Zeros of another shape in this dtype, or the one in the options. */
  newZeros(this: Tensor, shape: readonly number[], options: TensorOptions = {}): Tensor {
    return zeros(shape, { dtype: this.dtype, ...options });
  },
  newOnes(this: Tensor, shape: readonly number[], options: TensorOptions = {}): Tensor {
    return ones(shape, { dtype: this.dtype, ...options });
  },
  newFull(this: Tensor, shape: readonly number[], value: number, options: TensorOptions = {}): Tensor {
    return full(shape, value, { dtype: this.dtype, ...options });
  },
};
export type RearrangingMethods = typeof rearrangingMethods;

/** Indices of which negative ones count from the end of `size`, from the front. */
export function fromEnd(indices: Tensor, size: number): Tensor {
  return indices.where(indices.ge(0), indices.add(size));
}

/** The element of the storage for each element of a view, in order; int32 `[n]`. */
function placesOf(view: {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
}): Tensor {
  let places = [view.offset];
  view.shape.forEach((size, d) => {
    places = places.flatMap((at) => Array.from({ length: size }, (_, i) => at + i * view.strides[d]!));
  });
  return fromArray(places, [places.length], { dtype: "int32" });
}

export type PadMode = "reflect" | "replicate" | "circular";

/** Where the element `i` of a padded dimension of size `n` comes from; `i` may lie outside. */
const sources: { readonly [m in PadMode]: (i: number, n: number) => number } = {
  reflect: (i, n) => (i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i),
  replicate: (i, n) => Math.min(Math.max(i, 0), n - 1),
  circular: (i, n) => ((i % n) + n) % n,
};
const reach: { readonly [m in PadMode]: (n: number) => number } = {
  reflect: (n) => n - 1,
  replicate: (n) => (n === 0 ? 0 : Number.POSITIVE_INFINITY),
  circular: (n) => n,
};

/** `x` with its own elements before and after each dimension, as `mode` says. */
export function padFromWithin(
  x: Tensor,
  { before, after }: { readonly before: readonly number[]; readonly after: readonly number[] },
  mode: PadMode,
): Tensor {
  return tidy(() => {
    let out = x;
    x.shape.forEach((n, d) => {
      const [head, tail] = [before[d]!, after[d]!];
      if (head === 0 && tail === 0) return;
      if (head > reach[mode](n) || tail > reach[mode](n) || n + head + tail < 0)
        throw new ArgumentError(`pad: ${head} and ${tail} by "${mode}" of a dimension of ${n}.`, { head, tail, n });
      const cut = mode === "circular" ? Math.max(-head, 0) : 0; // what is cut off does not come in at the other end
      const left = mode === "circular" ? n - cut - Math.max(-tail, 0) : n;
      const from = (_: unknown, i: number): number => cut + sources[mode](i - head - cut, left);
      out = picked(out, d, Array.from({ length: n + head + tail }, from));
    });
    return out === x ? x.clone() : out;
  });
}
