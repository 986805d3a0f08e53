// What the functions of linear algebra share: matrices, alone or in batches, read as numbers, worked on in float64 on the calling
// thread, and recorded with a gradient in tensor algebra. They are plain, and meant for matrices of up to a few hundred rows.

import { ArgumentError, DTypeError, ShapeError } from "../../base/errors.ts";
import { numel, sameShape, showShape } from "../../base/shape.ts";
import { Tensor } from "../core.ts";
import { FunctionNode } from "../dispatch.ts";
import { isGradEnabled, noGrad } from "../grad-mode.ts";
import { type Gradients, SavedTensor } from "../graph.ts";
import { recordOperation } from "../recorder.ts";
import { writeNumbers } from "../transfer.ts";

/** A batch of matrices: `[…lead, rows, columns]`. */
export interface Matrices {
  readonly lead: readonly number[];
  readonly rows: number;
  readonly columns: number;
  readonly count: number;
  /** The numbers of one of them, row by row. */
  at(index: number): Float64Array;
}

/** Throws unless `x` is a matrix, or a batch of them, of float32 or float64. */
export function checkMatrices(op: string, x: Tensor): void {
  if (x.ndim < 2)
    throw new ShapeError(`${op}: wants a matrix [M, N] or a batch of them, got ${showShape(x.shape)}.`, {
      shape: x.shape,
    });
  if (x.dtype !== "float32" && x.dtype !== "float64")
    throw new DTypeError(`${op}: wants float32 or float64, got ${x.dtype}. Convert with .float().`, { dtype: x.dtype });
}

export function checkSquare(op: string, x: Tensor): void {
  checkMatrices(op, x);
  if (x.shape.at(-1) === x.shape.at(-2)) return;
  throw new ShapeError(`${op}: wants square matrices [N, N], got ${showShape(x.shape)}.`, { shape: x.shape });
}

export function checkSameDType(op: string, a: Tensor, b: Tensor): void {
  if (a.dtype !== b.dtype)
    throw new DTypeError(`${op}: matrices of ${a.dtype} and ${b.dtype}; they are of one dtype. Convert with .to().`, {
      dtypes: [a.dtype, b.dtype],
    });
}

export function matricesOf(x: Tensor): Matrices {
  const [rows, columns] = x.shape.slice(-2) as [number, number]; // checked to be matrices
  const lead = x.shape.slice(0, -2);
  const flat = x.toArray();
  const size = rows * columns;
  return {
    ...{ lead, rows, columns, count: numel(lead) },
    at: (index) => Float64Array.from(flat.subarray(index * size, (index + 1) * size)),
  };
}

/** " (matrix 2 of the batch)", or nothing for a matrix alone. */
export function inBatch({ lead }: Pick<Matrices, "lead">, index: number): string {
  return lead.length === 0 ? "" : ` (matrix ${index} of the batch ${showShape(lead)})`;
}

/** What `of` makes of each matrix: for each, one array of numbers for each of several results. */
export function eachMatrix(
  { count }: Pick<Matrices, "count">,
  of: (index: number) => readonly Float64Array[],
): Float64Array[][] {
  const made: Float64Array[][] = [];
  for (let index = 0; index < count; index++) made.push([...of(index)]);
  return made;
}

/** What a gradient may use. */
export interface Kept {
  /** Gradients of the results; undefined where nothing depends on one. */
  readonly grads: Gradients;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/**
 * Computes the results of a function of `inputs`, in shapes `[…lead, …shape]` and their dtype, and records it. `compute` gives for
 * each matrix of the batch the numbers of each result, and may throw: nothing has been made then.
 */
export function recorded(
  name: string,
  inputs: readonly Tensor[],
  lead: readonly number[],
  shapes: readonly (readonly number[])[],
  compute: () => readonly (readonly Float64Array[])[],
  gradient: (kept: Kept) => Gradients,
): Tensor[] {
  for (const t of inputs) t.checkRecord(name);
  const numbers = noGrad(() => recordOperation(name, inputs, [], compute));
  const outputs = shapes.map((shape, which) => {
    const size = numel(shape);
    const whole = new Float64Array(numel(lead) * size);
    numbers.forEach((results, index) => whole.set(results[which]!, index * size));
    const out = Tensor.empty([...lead, ...shape], inputs[0]!.dtype, inputs[0]!.device);
    writeNumbers(out, whole);
    return out;
  });
  if (!isGradEnabled() || !inputs.some((t) => t.requiresGrad)) return outputs;
  const saved = [...inputs, ...outputs].map((t) => new SavedTensor(t));
  const node = new FunctionNode(
    name,
    inputs,
    (grads) => {
      const tensors = saved.map((s) => s.unpack(name));
      return gradient({ grads, inputs: tensors.slice(0, inputs.length), outputs: tensors.slice(inputs.length) });
    },
    saved,
  );
  outputs.forEach((out, index) => {
    out.edge = { node, index };
    saved[inputs.length + index]!.edge = out.edge;
  });
  return outputs;
}

/** The two batches of a left and a right side, made one. */
export function sameBatch(op: string, a: Tensor, b: Tensor): [Tensor, Tensor] {
  const [left, right] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  if (sameShape(left, right)) return [a, b];
  const rank = Math.max(left.length, right.length);
  const at = (lead: readonly number[], d: number): number => lead[d - rank + lead.length] ?? 1;
  const lead = Array.from({ length: rank }, (_, d) => {
    const [x, y] = [at(left, d), at(right, d)];
    if (x !== y && x !== 1 && y !== 1)
      throw new ShapeError(`${op}: batches ${showShape(left)} and ${showShape(right)} do not broadcast.`, {
        a: a.shape,
        b: b.shape,
      });
    return x === 1 ? y : x;
  });
  return [a.expand(...lead, ...a.shape.slice(-2)), b.expand(...lead, ...b.shape.slice(-2))];
}

/** Throws for a matrix that has no inverse. */
export function singularError(op: string, of: Pick<Matrices, "lead">, index: number, why: string): ArgumentError {
  return new ArgumentError(
    `${op}: the matrix is singular${inBatch(of, index)}: ${why}. pinv() and lstsq() take such matrices.`,
    { index },
  );
}

/** The adjoint's share of both triangles: `(x + xᵀ) / 2`. */
export function symmetric(x: Tensor): Tensor {
  return x.add(x.mT).mul(0.5);
}
