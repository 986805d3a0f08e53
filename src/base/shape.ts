// Shape and stride algebra: pure arithmetic on lists of sizes, shared by every operator. Strides count elements.

import { IndexError, ShapeError } from "./errors.ts";

export type Shape = readonly number[];

export function numel(shape: Shape): number {
  let n = 1;
  for (const size of shape) n *= size;
  return n;
}

/** Row-major strides. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = step;
    step *= Math.max(shape[d]!, 1);
  }
  return strides;
}

/** Whether the elements lie in row-major order without gaps. Strides of dimensions of size 1 do not matter. */
export function isContiguous(shape: Shape, strides: Shape): boolean {
  let step = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    const size = shape[d]!;
    if (size === 0) return true;
    if (size !== 1) {
      if (strides[d] !== step) return false;
      step *= size;
    }
  }
  return true;
}

/** Whether the elements fill a stretch of memory, each once, in whatever order. */
export function isDense(shape: Shape, strides: Shape): boolean {
  const dims = shape.map((_, d) => d).sort((a, b) => strides[b]! - strides[a]! || shape[b]! - shape[a]!);
  return isContiguous(
    dims.map((d) => shape[d]!),
    dims.map((d) => strides[d]!),
  );
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let d = 0; d < a.length; d++) if (a[d] !== b[d]) return false;
  return true;
}

export function showShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** Throws unless every size is a whole number of at least 0. */
export function checkSizes(op: string, shape: Shape): void {
  for (const size of shape) {
    if (!Number.isInteger(size) || size < 0) {
      throw new ShapeError(`${op}: ${showShape(shape)} is not a shape: sizes are whole numbers of at least 0.`, {
        op,
        shape,
      });
    }
  }
}

/** The shape both broadcast to: sizes are aligned at the end, and 1 stretches. */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let d = 1; d <= rank; d++) {
    const x = d <= a.length ? a[a.length - d]! : 1;
    const y = d <= b.length ? b[b.length - d]! : 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError(
        `${op}: ${showShape(a)} and ${showShape(b)} do not broadcast: sizes ${x} and ${y} differ at dimension ${rank - d}. ` +
          "Aligned at the end, sizes must be equal or 1; unsqueeze() adds a dimension of 1.",
        { op, a, b },
      );
    }
    out[rank - d] = x === 1 ? y : x;
  }
  return out;
}

/** Strides that read a tensor of `shape` as the larger shape `to`: stretched dimensions get stride 0. */
export function broadcastStrides(shape: Shape, strides: Shape, to: Shape): Shape {
  if (shape.length === to.length && sameShape(shape, to)) return strides;
  const out = new Array<number>(to.length).fill(0);
  const shift = to.length - shape.length;
  for (let d = 0; d < shape.length; d++) out[d + shift] = shape[d] === 1 && to[d + shift] !== 1 ? 0 : strides[d]!;
  return out;
}

/** A dimension counted from either end, as one from the front. */
export function normalizeDim(op: string, dim: number, rank: number): number {
  const limit = Math.max(rank, 1);
  if (!Number.isInteger(dim) || dim < -limit || dim >= limit) {
    throw new IndexError(
      `${op}: dim ${dim} is out of range for a tensor of ${rank} dimensions (${-limit} to ${limit - 1}).`,
      {
        op,
        dim,
        rank,
      },
    );
  }
  return dim < 0 ? dim + limit : dim;
}

/** Dimensions from either end, sorted and checked for repeats; `undefined` or an empty list means all. */
export function normalizeDims(op: string, dims: number | readonly number[] | undefined, rank: number): number[] {
  if (dims === undefined) return Array.from({ length: rank }, (_, d) => d);
  const list = typeof dims === "number" ? [dims] : dims;
  if (list.length === 0) return Array.from({ length: rank }, (_, d) => d);
  const out = list.map((d) => normalizeDim(op, d, rank)).sort((x, y) => x - y);
  if (rank === 0) return []; // 0 and -1 are taken there, and name nothing
  for (let i = 1; i < out.length; i++) {
    if (out[i] === out[i - 1])
      throw new ShapeError(`${op}: dim ${out[i]} appears twice in ${showShape(list)}.`, { op, dims: list });
  }
  return out;
}

/** Fills in the one size given as -1, and checks that the count of elements stays. */
export function resolveShape(op: string, shape: Shape, from: Shape): number[] {
  const n = numel(from);
  const out = [...shape];
  const hole = out.indexOf(-1);
  if (hole >= 0) {
    if (out.indexOf(-1, hole + 1) >= 0)
      throw new ShapeError(`${op}: only one size may be -1, got ${showShape(shape)}.`, { op, shape });
    const rest = out.reduce((p, s, d) => (d === hole ? p : p * s), 1);
    if (rest === 0 || n % rest !== 0) {
      throw new ShapeError(`${op}: ${showShape(from)} (${n} elements) does not divide into ${showShape(shape)}.`, {
        op,
        shape,
        from,
      });
    }
    out[hole] = n / rest;
  }
  checkSizes(op, out);
  if (numel(out) !== n) {
    throw new ShapeError(`${op}: ${showShape(from)} holds ${n} elements, ${showShape(shape)} wants ${numel(out)}.`, {
      op,
      shape,
      from,
    });
  }
  return out;
}

/** The strides that show the same elements under another shape without a copy, or undefined if there are none. */
export function viewStrides(shape: Shape, strides: Shape, to: Shape): number[] | undefined {
  if (numel(shape) === 0) return contiguousStrides(to);
  // Runs of old dimensions that lie evenly in memory are each split among new dimensions.
  const out = new Array<number>(to.length);
  let d = to.length - 1;
  let size = 1; //   elements in the current run of old dimensions
  let step = shape.length > 0 ? strides[strides.length - 1]! : 1; // stride of its last element
  let taken = 1; // elements of the run that new dimensions hold
  for (let s = shape.length - 1; s >= 0; s--) {
    size *= shape[s]!;
    if (s === 0 || (shape[s - 1] !== 1 && strides[s - 1] !== size * step)) {
      while (d >= 0 && (taken < size || to[d] === 1)) {
        out[d] = taken * step;
        taken *= to[d]!;
        d--;
      }
      if (taken !== size) return undefined;
      if (s > 0) {
        step = strides[s - 1]!;
        size = 1;
        taken = 1;
      }
    }
  }
  while (d >= 0) {
    if (to[d] !== 1) return undefined;
    out[d--] = 1;
  }
  return out;
}

/** Loop dimensions of several operands at once. */
export interface Loop {
  readonly shape: readonly number[];
  /** One list of strides for each operand. */
  readonly strides: readonly (readonly number[])[];
}

/** Drops dimensions of 1 and merges neighbours that every operand walks evenly; the result has at least one dimension. */
export function collapse(shape: Shape, operands: readonly Shape[]): Loop {
  const sizes: number[] = [];
  const strides: number[][] = operands.map(() => []);
  for (let d = 0; d < shape.length; d++) {
    const size = shape[d]!;
    if (size === 1) continue;
    const last = sizes.length - 1;
    const merges = last >= 0 && operands.every((s, i) => strides[i]![last] === s[d]! * size);
    if (merges) {
      sizes[last]! *= size;
      for (let i = 0; i < operands.length; i++) strides[i]![last] = operands[i]![d]!;
    } else {
      sizes.push(size);
      for (let i = 0; i < operands.length; i++) strides[i]!.push(operands[i]![d]!);
    }
  }
  if (sizes.length === 0) {
    sizes.push(1);
    for (const s of strides) s.push(1);
  }
  return { shape: sizes, strides };
}
