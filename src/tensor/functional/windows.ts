// What convolution and pooling share: a kernel that moves over the last dimensions of its input. Along each of them
//
//     length of the output = ⌊(length + before + after − dilation (kernel − 1) − 1) / stride⌋ + 1

import { ArgumentError, ShapeError } from "../../base/errors.ts";
import { showShape } from "../../base/shape.ts";
import type { Tensor } from "../core.ts";

/** One number for all dimensions, or one for each. */
export type Sizes = number | readonly number[];

/** One number for each of `n` dimensions, none below `least`. */
export function sizesOf(op: string, name: string, given: Sizes, n: number, least: number): number[] {
  const list = typeof given === "number" ? [given] : [...given];
  const sizes = list.length === 1 ? new Array<number>(n).fill(list[0]!) : list;
  if (sizes.length !== n || sizes.some((s) => !Number.isInteger(s) || s < least)) {
    const wanted = n === 1 ? "a whole number" : `${n} whole numbers`;
    throw new ArgumentError(`${op}: ${name} ${showShape(list)}; wants ${wanted} from ${least} on.`, { [name]: given });
  }
  return sizes;
}

/** The movement of a kernel; one number for each dimension. */
export interface Field {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
}

/** How many numbers a kernel spans along a dimension. */
export function span({ kernel, dilation }: Field, d: number): number {
  return dilation[d]! * (kernel[d]! - 1) + 1;
}

/** The lengths of the output for padded lengths. */
export function outputLengths(op: string, field: Field, lengths: readonly number[]): number[] {
  return lengths.map((length, d) => {
    const room = length - span(field, d);
    if (room < 0) {
      throw new ShapeError(
        `${op}: a kernel that spans ${span(field, d)} does not fit into a length of ${length}, padding included.`,
        { lengths, kernel: field.kernel },
      );
    }
    return Math.floor(room / field.stride[d]!) + 1;
  });
}

/** The places of a kernel in row-major order. */
export function places(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (all, size) => all.flatMap((place) => Array.from({ length: size }, (_, k) => [...place, k])),
    [[]],
  );
}

/** What each place of the kernel meets: slices of x, whose dimensions from `first` on are moved over. */
export function windows(x: Tensor, first: number, field: Field, output: readonly number[]): Tensor[] {
  return places(field.kernel).map((place) =>
    place.reduce((part, k, d) => {
      const [start, stride] = [k * field.dilation[d]!, field.stride[d]!];
      return part.slice(first + d, start, start + (output[d]! - 1) * stride + 1, stride);
    }, x),
  );
}

/** x with more before and after each dimension from `first` on. */
export function padded(
  x: Tensor,
  first: number,
  before: readonly number[],
  after: readonly number[],
  value: number,
): Tensor {
  if ([...before, ...after].every((n) => n === 0)) return x;
  const lead = new Array<number>(first).fill(0);
  return x.padWith({ before: [...lead, ...before], after: [...lead, ...after], value });
}
