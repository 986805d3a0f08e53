// Views: the same memory under another shape. Nothing is copied; a gradient goes back through the inverse view.

import { IndexError, ShapeError } from "../base/errors.ts";
import {
  broadcastStrides,
  checkSizes,
  isContiguous,
  normalizeDim,
  normalizeDims,
  resolveShape,
  sameShape,
  showShape,
  viewStrides,
} from "../base/shape.ts";
import { Tensor } from "./core.ts";
import { FunctionNode } from "./dispatch.ts";
import { isGradEnabled, noGrad } from "./grad-mode.ts";

export interface Geometry {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset?: number;
}

/** A view of `x`; `inverse` brings a gradient of the view's shape back to that of `x`. */
export function makeView(name: string, x: Tensor, geometry: Geometry, inverse: (g: Tensor) => Tensor): Tensor {
  x.checkRecord(name);
  const view = new Tensor(x.storage.hold(), geometry.shape, geometry.strides, geometry.offset ?? x.offset, x.dtype);
  view.base = x.base ?? x;
  view.seen = x.seen;
  if (x.edge !== undefined && isGradEnabled()) {
    view.edge = { node: new FunctionNode(name, [x], ([g]) => [g === undefined ? undefined : inverse(g)]), index: 0 };
  }
  return view;
}

/** Zeros of `shape` with `g` in the part that `part` shows; the gradient of a view of a part. */
export function embed(g: Tensor, shape: readonly number[], part: (whole: Tensor) => Tensor): Tensor {
  const whole = noGrad(() => {
    const zeros = Tensor.empty(shape, g.dtype, g.device).fill_(0);
    part(zeros).copy_(g.detach());
    return zeros;
  });
  if (g.edge !== undefined && isGradEnabled()) {
    whole.edge = {
      node: new FunctionNode("embed", [g], ([gg]) => [gg === undefined ? undefined : part(gg)]),
      index: 0,
    };
  }
  return whole;
}

/** Several parts of `x` along one dimension, as one node: their gradients come back with a single pass. */
function makeParts(
  name: string,
  x: Tensor,
  parts: readonly Geometry[],
  join: (grads: readonly Tensor[]) => Tensor,
): Tensor[] {
  x.checkRecord(name);
  const views = parts.map((p) => {
    const view = new Tensor(x.storage.hold(), p.shape, p.strides, p.offset ?? x.offset, x.dtype);
    view.base = x.base ?? x;
    view.seen = x.seen;
    return view;
  });
  if (x.edge !== undefined && isGradEnabled()) {
    const { device, dtype } = x;
    const node = new FunctionNode(name, [x], (grads) => [
      join(parts.map((p, i) => grads[i] ?? noGrad(() => Tensor.empty(p.shape, dtype, device).fill_(0)))),
    ]);
    views.forEach((view, index) => {
      view.edge = { node, index };
    });
  }
  return views;
}

function without<T>(list: readonly T[], index: number): T[] {
  return list.filter((_, i) => i !== index);
}
function replaced<T>(list: readonly T[], index: number, value: T): T[] {
  return list.map((item, i) => (i === index ? value : item));
}

export const viewMethods = {
  /** The same elements under another shape, without a copy; one size may be -1. Throws if the layout does not allow it. */
  view(this: Tensor, ...shape: number[]): Tensor {
    const to = resolveShape("view", shape, this.shape);
    const strides = viewStrides(this.shape, this.strides, to);
    if (strides === undefined) {
      throw new ShapeError(
        `view: ${showShape(this.shape)} with strides ${showShape(this.strides)} cannot be seen as ${showShape(to)} without a copy. Use reshape().`,
        { shape: this.shape, strides: this.strides, to },
      );
    }
    const from = this.shape;
    return makeView("view", this, { shape: to, strides }, (g) => g.reshape(...from));
  },
  /** `view` where the layout allows it, otherwise of a copy. */
  reshape(this: Tensor, ...shape: number[]): Tensor {
    const to = resolveShape("reshape", shape, this.shape);
    const strides = viewStrides(this.shape, this.strides, to);
    if (strides === undefined) return this.contiguous().view(...to);
    const from = this.shape;
    return makeView("reshape", this, { shape: to, strides }, (g) => g.reshape(...from));
  },
  viewAs(this: Tensor, other: Tensor): Tensor {
    return this.view(...other.shape);
  },
  reshapeAs(this: Tensor, other: Tensor): Tensor {
    return this.reshape(...other.shape);
  },
  /** One dimension in place of `startDim … endDim`. */
  flatten(this: Tensor, startDim = 0, endDim = -1): Tensor {
    if (this.ndim === 0) return this.reshape(1);
    const start = normalizeDim("flatten", startDim, this.ndim);
    const end = normalizeDim("flatten", endDim, this.ndim);
    if (start > end)
      throw new ShapeError(`flatten: startDim ${startDim} comes after endDim ${endDim}.`, { startDim, endDim });
    const middle = this.shape.slice(start, end + 1).reduce((p, s) => p * s, 1);
    return this.reshape(...this.shape.slice(0, start), middle, ...this.shape.slice(end + 1));
  },
  /** Several dimensions in place of one; one of `sizes` may be -1. */
  unflatten(this: Tensor, dim: number, sizes: readonly number[]): Tensor {
    const d = normalizeDim("unflatten", dim, this.ndim);
    const inner = resolveShape("unflatten", sizes, [this.shape[d]!]);
    return this.view(...this.shape.slice(0, d), ...inner, ...this.shape.slice(d + 1));
  },
  /** Dimensions in another order: `permute(1, 0)` is the transpose. */
  permute(this: Tensor, ...dims: number[]): Tensor {
    const order = dims.map((d) => normalizeDim("permute", d, this.ndim));
    if (new Set(order).size !== this.ndim || order.length !== this.ndim) {
      throw new ShapeError(`permute: ${showShape(dims)} does not name each of ${this.ndim} dimensions once.`, {
        dims,
        shape: this.shape,
      });
    }
    const inverse = new Array<number>(order.length);
    order.forEach((from, to) => {
      inverse[from] = to;
    });
    const geometry = { shape: order.map((d) => this.shape[d]!), strides: order.map((d) => this.strides[d]!) };
    return makeView("permute", this, geometry, (g) => g.permute(...inverse));
  },
  transpose(this: Tensor, dim0: number, dim1: number): Tensor {
    const a = normalizeDim("transpose", dim0, this.ndim);
    const b = normalizeDim("transpose", dim1, this.ndim);
    const swap = <T>(list: readonly T[]): T[] => {
      const out = [...list];
      [out[a], out[b]] = [list[b]!, list[a]!];
      return out;
    };
    if (this.ndim === 0) return this.alias();
    const geometry = { shape: swap(this.shape), strides: swap(this.strides) };
    return makeView("transpose", this, geometry, (g) => g.transpose(a, b));
  },
  /** The transpose of a matrix. */
  t(this: Tensor): Tensor {
    if (this.ndim > 2)
      throw new ShapeError(`t: wants at most 2 dimensions, got ${showShape(this.shape)}; use mT.`, {
        shape: this.shape,
      });
    return this.ndim < 2 ? this.alias() : this.transpose(0, 1);
  },
  /** The last two dimensions exchanged. */
  get mT(): Tensor {
    const self = this as unknown as Tensor; // a getter on the methods' object is typed by it, and called on a tensor
    if (self.ndim < 2)
      throw new ShapeError(`mT: wants at least 2 dimensions, got ${showShape(self.shape)}.`, { shape: self.shape });
    return self.transpose(-2, -1);
  },
  /** One dimension, or several, moved to other places; the rest keep their order. */
  movedim(this: Tensor, source: number | readonly number[], destination: number | readonly number[]): Tensor {
    const from = [source].flat().map((d) => normalizeDim("movedim", d, this.ndim));
    const to = [destination].flat().map((d) => normalizeDim("movedim", d, this.ndim));
    if (from.length !== to.length || new Set(from).size !== from.length || new Set(to).size !== to.length) {
      throw new ShapeError(`movedim: dimensions ${showShape(from)} to ${showShape(to)}; wants as many, each once.`, {
        from,
        to,
      });
    }
    const rest = this.shape.map((_, d) => d).filter((d) => !from.includes(d));
    return this.permute(...this.shape.map((_, d) => (to.includes(d) ? from[to.indexOf(d)]! : rest.shift()!)));
  },
  /** Without dimensions of size 1: all of them, or the named ones. */
  squeeze(this: Tensor, dim?: number | readonly number[]): Tensor {
    const none = Array.isArray(dim) && dim.length === 0; // squeezes nothing, as in PyTorch
    const named = none ? [] : normalizeDims("squeeze", dim, this.ndim);
    const keep = this.shape.map((_, d) => d).filter((d) => this.shape[d] !== 1 || !named.includes(d));
    const from = this.shape;
    const geometry = { shape: keep.map((d) => this.shape[d]!), strides: keep.map((d) => this.strides[d]!) };
    return makeView("squeeze", this, geometry, (g) => g.reshape(...from));
  },
  /** With a new dimension of size 1 at `dim`. */
  unsqueeze(this: Tensor, dim: number): Tensor {
    const d = normalizeDim("unsqueeze", dim, this.ndim + 1);
    const step = d < this.ndim ? this.shape[d]! * this.strides[d]! : 1;
    const from = this.shape;
    const geometry = {
      shape: [...this.shape.slice(0, d), 1, ...this.shape.slice(d)],
      strides: [...this.strides.slice(0, d), step, ...this.strides.slice(d)],
    };
    return makeView("unsqueeze", this, geometry, (g) => g.reshape(...from));
  },
  /** Dimensions of size 1 stretched to `shape` without a copy; -1 keeps a size. */
  expand(this: Tensor, ...shape: number[]): Tensor {
    const lead = shape.length - this.ndim;
    const to = shape.map((s, d) => (s === -1 && d >= lead ? this.shape[d - lead]! : s));
    checkSizes("expand", to);
    if (lead < 0 || this.shape.some((s, d) => s !== 1 && s !== to[d + lead])) {
      throw new ShapeError(
        `expand: ${showShape(this.shape)} does not stretch to ${showShape(shape)}: only sizes of 1 do.`,
        {
          shape: this.shape,
          to: shape,
        },
      );
    }
    const from = this.shape;
    return makeView("expand", this, { shape: to, strides: broadcastStrides(this.shape, this.strides, to) }, (g) =>
      g.sumTo(from),
    );
  },
  expandAs(this: Tensor, other: Tensor): Tensor {
    return this.expand(...other.shape);
  },
  /** The slice at one index of `dim`, which goes away. */
  select(this: Tensor, dim: number, index: number): Tensor {
    const d = normalizeDim("select", dim, this.ndim);
    const size = this.shape[d]!;
    if (!Number.isInteger(index) || index < -size || index >= size) {
      throw new IndexError(`select: index ${index} is out of range for dimension ${d} of size ${size}.`, {
        index,
        dim: d,
        size,
      });
    }
    const at = index < 0 ? index + size : index;
    const from = this.shape;
    const geometry = {
      shape: without(this.shape, d),
      strides: without(this.strides, d),
      offset: this.offset + at * this.strides[d]!,
    };
    return makeView("select", this, geometry, (g) => embed(g, from, (whole) => whole.select(d, at)));
  },
  /** Elements `start … end` (end left out) of `dim` in steps; negative bounds count from the end, larger ones are cut, as in Python. */
  slice(this: Tensor, dim: number, start?: number, end?: number, step = 1): Tensor {
    const d = normalizeDim("slice", dim, this.ndim);
    if (!Number.isInteger(step) || step < 1)
      throw new IndexError(`slice: step ${step}; steps are at least 1. flip() turns around.`, { step });
    const size = this.shape[d]!;
    const clip = (x: number): number => Math.min(Math.max(x < 0 ? x + size : x, 0), size);
    const from = clip(start ?? 0);
    const to = Math.max(clip(end ?? size), from);
    const count = Math.ceil((to - from) / step);
    const whole = this.shape;
    const geometry = {
      shape: replaced(this.shape, d, count),
      strides: replaced(this.strides, d, this.strides[d]! * step),
      offset: this.offset + from * this.strides[d]!,
    };
    return makeView("slice", this, geometry, (g) => embed(g, whole, (w) => w.slice(d, from, to, step)));
  },
  /** `length` elements of `dim` from `start`. */
  narrow(this: Tensor, dim: number, start: number, length: number): Tensor {
    checkDimensioned("narrow", this);
    const d = normalizeDim("narrow", dim, this.ndim);
    const size = this.shape[d]!;
    const from = start < 0 ? start + size : start;
    if (from < 0 || length < 0 || from + length > size) {
      throw new IndexError(`narrow: ${start} + ${length} does not lie within dimension ${d} of size ${size}.`, {
        start,
        length,
        size,
      });
    }
    return this.slice(d, from, from + length);
  },
  /** Parts of `sizes` along `dim`, or of equal size with a smaller last one. */
  split(this: Tensor, sizes: number | readonly number[], dim = 0): Tensor[] {
    const d = normalizeDim("split", dim, this.ndim);
    const size = this.shape[d]!;
    const list = typeof sizes === "number" ? equalParts(size, sizes) : sizes;
    if (list.reduce((a, b) => a + b, 0) !== size) {
      throw new ShapeError(`split: sizes ${showShape(list)} do not add up to ${size}.`, { sizes: list, size });
    }
    let at = 0;
    const parts = list.map((length) => {
      const part = {
        shape: replaced(this.shape, d, length),
        strides: this.strides,
        offset: this.offset + at * this.strides[d]!,
      };
      at += length;
      return part;
    });
    return makeParts("split", this, parts, ([first, ...rest]) => first!.catWith(rest, d));
  },
  /** At most `chunks` parts of equal size along `dim`, the last one perhaps smaller. */
  chunk(this: Tensor, chunks: number, dim = 0): Tensor[] {
    const d = normalizeDim("chunk", dim, this.ndim);
    return this.split(Math.max(Math.ceil(this.shape[d]! / chunks), 1), d);
  },
  /** One tensor for each index of `dim`. */
  unbind(this: Tensor, dim = 0): Tensor[] {
    checkDimensioned("unbind", this);
    const d = normalizeDim("unbind", dim, this.ndim);
    const parts = Array.from({ length: this.shape[d]! }, (_, i) => {
      return {
        shape: without(this.shape, d),
        strides: without(this.strides, d),
        offset: this.offset + i * this.strides[d]!,
      };
    });
    return makeParts("unbind", this, parts, (grads) => {
      const [first, ...rest] = grads.map((g) => g.unsqueeze(d));
      return first!.catWith(rest, d);
    });
  },
  /** The elements whose indices along two dimensions are equal, as a new last dimension. */
  diagonal(this: Tensor, offset = 0, dim1 = 0, dim2 = 1): Tensor {
    const a = normalizeDim("diagonal", dim1, this.ndim);
    const b = normalizeDim("diagonal", dim2, this.ndim);
    if (a === b)
      throw new ShapeError(`diagonal: dim1 ${dim1} and dim2 ${dim2} are the same dimension.`, { dim1, dim2 });
    const [rows, columns] = [this.shape[a]!, this.shape[b]!];
    const length = Math.max(0, offset >= 0 ? Math.min(rows, columns - offset) : Math.min(rows + offset, columns));
    const skip = length === 0 ? 0 : offset >= 0 ? offset * this.strides[b]! : -offset * this.strides[a]!;
    const rest = this.shape.map((_, d) => d).filter((d) => d !== a && d !== b);
    const from = this.shape;
    const geometry = {
      shape: [...rest.map((d) => this.shape[d]!), length],
      strides: [...rest.map((d) => this.strides[d]!), this.strides[a]! + this.strides[b]!],
      offset: this.offset + skip,
    };
    return makeView("diagonal", this, geometry, (g) => embed(g, from, (whole) => whole.diagonal(offset, a, b)));
  },
  /** This tensor if it lies in row-major order, otherwise a copy that does. */
  contiguous(this: Tensor): Tensor {
    this.check("contiguous");
    return isContiguous(this.shape, this.strides) ? this : this.clone();
  },
  /** Summed over the dimensions that broadcasting has stretched, so that the result has `shape`: broadcasting's gradient. */
  sumTo(this: Tensor, shape: readonly number[]): Tensor {
    if (sameShape(this.shape, shape)) return this;
    const lead = this.ndim - shape.length;
    const dims = this.shape.map((_, d) => d).filter((d) => d < lead || (shape[d - lead] === 1 && this.shape[d] !== 1));
    return this.sum({ dim: dims, keepdim: true }).reshape(...shape);
  },
};
export type ViewMethods = typeof viewMethods;

/** A single number has no dimension to take from. */
export function checkDimensioned(op: string, x: Tensor): void {
  if (x.ndim === 0) throw new ShapeError(`${op}: a tensor of shape [] has no dimensions.`, { shape: x.shape });
}

function equalParts(size: number, part: number): number[] {
  if (!Number.isInteger(part) || part < 1)
    throw new ShapeError(`split: parts of ${part}; they hold at least 1.`, { part });
  const list: number[] = [];
  for (let at = 0; at < size; at += part) list.push(Math.min(part, size - at));
  return list.length === 0 ? [0] : list;
}
