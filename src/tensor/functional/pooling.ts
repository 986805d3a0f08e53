// Pooling: the largest or the mean of what a window shows.

import { isFloating } from "../../base/dtype.ts";
import { ArgumentError, ShapeError } from "../../base/errors.ts";
import { numel, showShape } from "../../base/shape.ts";
import type { Tensor } from "../core.ts";
import { arange, fromArray } from "../create.ts";
import { stack } from "../indexing.ts";
import type { ValuesAndIndices } from "../reduce.ts";
import { tidy } from "../scope.ts";
import { type Field, padded, places, type Sizes, sizesOf, span, windows } from "./windows.ts";

export interface PoolOptions {
  /** The kernel's size if left out. */
  readonly stride?: Sizes | undefined;
  /** On both sides; at most half of what the kernel spans. */
  readonly padding?: Sizes;
  /** Let the last window stand out over the end. */
  readonly ceilMode?: boolean;
}
export interface MaxPoolOptions extends PoolOptions {
  readonly dilation?: Sizes;
}
export interface AvgPoolOptions extends PoolOptions {
  /** Whether the mean counts the zeros of the padding. */
  readonly countIncludePad?: boolean;
}

/** The largest of each window of `[N, C, L]` or `[C, L]`; the first at a tie gets the gradient. */
export function maxPool1d(x: Tensor, kernelSize: Sizes, options: MaxPoolOptions = {}): Tensor {
  return tidy(() => maxPool("maxPool1d", 1, x, kernelSize, options).values);
}
/** The largest of each window of `[N, C, H, W]` or `[C, H, W]`; the first at a tie gets the gradient. */
export function maxPool2d(x: Tensor, kernelSize: Sizes, options: MaxPoolOptions = {}): Tensor {
  return tidy(() => maxPool("maxPool2d", 2, x, kernelSize, options).values);
}
/** As `maxPool1d`, with the places in L where the largest stood. */
export function maxPool1dWithIndices(x: Tensor, kernelSize: Sizes, options: MaxPoolOptions = {}): ValuesAndIndices {
  return tidy(() => maxPool("maxPool1d", 1, x, kernelSize, options));
}
/** As `maxPool2d`, with the places in the flattened H * W where the largest stood. */
export function maxPool2dWithIndices(x: Tensor, kernelSize: Sizes, options: MaxPoolOptions = {}): ValuesAndIndices {
  return tidy(() => maxPool("maxPool2d", 2, x, kernelSize, options));
}
/** The mean of each window of `[N, C, L]` or `[C, L]`. */
export function avgPool1d(x: Tensor, kernelSize: Sizes, options: AvgPoolOptions = {}): Tensor {
  return avgPool("avgPool1d", 1, x, kernelSize, options);
}
/** The mean of each window of `[N, C, H, W]` or `[C, H, W]`; with `divisorOverride` the sum over that instead. */
export function avgPool2d(
  x: Tensor,
  kernelSize: Sizes,
  options: AvgPoolOptions & { readonly divisorOverride?: number | undefined } = {},
): Tensor {
  return avgPool("avgPool2d", 2, x, kernelSize, options, options.divisorOverride);
}
/** The means of `outputSize` parts of L, of sizes as equal as can be: `[N, C, L]` or `[C, L]` to `[…, outputSize]`. */
export function adaptiveAvgPool1d(x: Tensor, outputSize: Sizes): Tensor {
  return adaptiveAvgPool("adaptiveAvgPool1d", 1, x, typeof outputSize === "number" ? [outputSize] : outputSize);
}
/** The means of parts of H and W: `[N, C, H, W]` or `[C, H, W]` to `[…, OH, OW]`; null keeps a size. */
export function adaptiveAvgPool2d(x: Tensor, outputSize: number | readonly (number | null)[]): Tensor {
  const sizes = typeof outputSize === "number" ? [outputSize, outputSize] : outputSize;
  return adaptiveAvgPool("adaptiveAvgPool2d", 2, x, sizes);
}

/** The largest of each of `outputSize` parts of L; as `adaptiveAvgPool1d`. */
export function adaptiveMaxPool1d(x: Tensor, outputSize: Sizes): Tensor {
  return tidy(() => adaptiveMaxPool1dWithIndices(x, outputSize).values);
}
/** As `adaptiveMaxPool1d`, with the places in L where the largest stood. */
export function adaptiveMaxPool1dWithIndices(x: Tensor, outputSize: Sizes): ValuesAndIndices {
  return adaptiveMaxPool("adaptiveMaxPool1d", 1, x, typeof outputSize === "number" ? [outputSize] : outputSize);
}
/** The largest of each part of H and W; null keeps a size. */
export function adaptiveMaxPool2d(x: Tensor, outputSize: number | readonly (number | null)[]): Tensor {
  return tidy(() => adaptiveMaxPool2dWithIndices(x, outputSize).values);
}
/** As `adaptiveMaxPool2d`, with the places in the flattened H * W where the largest stood. */
export function adaptiveMaxPool2dWithIndices(
  x: Tensor,
  outputSize: number | readonly (number | null)[],
): ValuesAndIndices {
  const sizes = typeof outputSize === "number" ? [outputSize, outputSize] : outputSize;
  return adaptiveMaxPool("adaptiveMaxPool2d", 2, x, sizes);
}

function maxPool(op: string, n: number, x: Tensor, kernelSize: Sizes, options: MaxPoolOptions): ValuesAndIndices {
  const { field, lengths, padding, output, after } = poolOf(op, n, x, kernelSize, options);
  const first = x.ndim - n;
  const whole = padded(x, first, padding, after, Number.NEGATIVE_INFINITY);
  const { values, indices } = stack(windows(whole, first, field, output)).max({ dim: 0 });
  // A window's place in the input, and what each place of the kernel adds to it.
  const flat = (at: readonly number[]): number => at.reduce((sum, i, d) => sum * lengths[d]! + i, 0);
  const starts = places(output).map((o) => flat(o.map((i, d) => i * field.stride[d]! - padding[d]!)));
  const offsets = places(field.kernel).map((place) => flat(place.map((k, d) => k * field.dilation[d]!)));
  const ids = fromArray(offsets, [offsets.length], { dtype: "int32" }).indexSelect(0, indices.reshape(-1));
  return { values, indices: ids.reshape(...indices.shape).add(fromArray(starts, output, { dtype: "int32" })) };
}

function avgPool(
  op: string,
  n: number,
  x: Tensor,
  kernelSize: Sizes,
  options: AvgPoolOptions,
  divisor?: number,
): Tensor {
  const { field, lengths, padding, output, after } = poolOf(op, n, x, kernelSize, options);
  if (divisor === 0) throw new ArgumentError(`${op}: divisorOverride is not 0.`, { divisor });
  const { countIncludePad = true } = options;
  const first = x.ndim - n;
  // How much of each window counts: within the padding, or within the input.
  const counts = places(output).map((o) =>
    o.reduce((product, i, d) => {
      const start = i * field.stride[d]! - padding[d]!;
      const end = Math.min(start + field.kernel[d]!, lengths[d]! + padding[d]!);
      return product * (countIncludePad ? end - start : Math.min(end, lengths[d]!) - Math.max(start, 0));
    }, 1),
  );
  return tidy(() => {
    const whole = padded(x, first, padding, after, 0);
    const sum = windows(whole, first, field, output).reduce((total, part) => total.add(part));
    const size = divisor ?? fromArray(counts, output, { dtype: x.dtype });
    return isFloating(x.dtype) ? sum.div(size) : sum.div(size, { roundingMode: "trunc" });
  });
}

function adaptiveAvgPool(op: string, n: number, x: Tensor, outputSize: readonly (number | null)[]): Tensor {
  const lengths = checkInput(op, n, x);
  checkOutputSize(op, n, outputSize);
  return tidy(() =>
    lengths.reduce((y, length, d) => {
      const [dim, size] = [x.ndim - n + d, outputSize[d] ?? length];
      if (size === 0) return y.narrow(dim, 0, 0);
      return stack(
        partsOf(length, size).map(({ start, count }) => y.narrow(dim, start, count).mean({ dim })),
        dim,
      );
    }, x),
  );
}

function checkOutputSize(op: string, n: number, outputSize: readonly (number | null)[]): void {
  if (outputSize.length === n && outputSize.every((s) => s === null || (Number.isInteger(s) && s >= 0))) return;
  const wanted = n === 1 ? "one whole number" : `${n} whole numbers`;
  throw new ArgumentError(`${op}: outputSize [${outputSize.join(", ")}]; wants ${wanted} from 0 on.`, { outputSize });
}

/** `size` parts of `length`, as equal as can be; neighbours may share an element. */
function partsOf(length: number, size: number): { readonly start: number; readonly count: number }[] {
  return Array.from({ length: size }, (_, i) => {
    const start = Math.floor((i * length) / size);
    return { start, count: Math.ceil(((i + 1) * length) / size) - start };
  });
}

function adaptiveMaxPool(op: string, n: number, x: Tensor, outputSize: readonly (number | null)[]): ValuesAndIndices {
  const lengths = checkInput(op, n, x);
  checkOutputSize(op, n, outputSize);
  const sizes = outputSize.map((size, d) => size ?? lengths[d]!);
  const lead = x.shape.slice(0, -n);
  if (sizes.includes(0)) {
    const none = x.zerosOf([...lead, ...sizes]);
    return { values: none, indices: none.int() };
  }
  return tidy(() => {
    const places = arange(numel(lengths)).reshape(...lengths); // in the flattened lengths
    // One part of each length after another, in row-major order.
    const windows = sizes.reduce<{ readonly part: Tensor; readonly at: Tensor }[]>(
      (all, size, d) =>
        all.flatMap(({ part, at }) =>
          partsOf(lengths[d]!, size).map(({ start, count }) => ({
            part: part.narrow(lead.length + d, start, count),
            at: at.narrow(d, start, count),
          })),
        ),
      [{ part: x, at: places }],
    );
    const found = windows.map(({ part, at }) => {
      const { values, indices } = part.flatten(lead.length).max({ dim: lead.length }); // [...lead]
      return {
        values,
        indices: at
          .reshape(-1)
          .indexSelect(0, indices.reshape(-1))
          .reshape(...lead),
      };
    });
    const joined = (parts: readonly Tensor[]): Tensor => stack(parts, lead.length).reshape(...lead, ...sizes);
    return { values: joined(found.map((f) => f.values)), indices: joined(found.map((f) => f.indices)) };
  });
}

/** The lengths of the last `n` dimensions, none of them 0, nor the channels. */
function checkInput(op: string, n: number, x: Tensor): readonly number[] {
  if ((x.ndim !== n + 1 && x.ndim !== n + 2) || x.shape.slice(-n - 1).includes(0)) {
    throw new ShapeError(
      `${op}: ${showShape(x.shape)}; wants ${n + 1} dimensions, or ${n + 2} with a batch, and only the batch may be 0.`,
      { shape: x.shape },
    );
  }
  return x.shape.slice(-n);
}

interface Pool {
  readonly field: Field;
  readonly lengths: readonly number[];
  readonly padding: readonly number[];
  readonly output: readonly number[];
  /** Padding behind, with what a last window needs that stands out. */
  readonly after: readonly number[];
}

function poolOf(op: string, n: number, x: Tensor, kernelSize: Sizes, options: MaxPoolOptions): Pool {
  const kernel = sizesOf(op, "kernelSize", kernelSize, n, 1);
  const stride = options.stride === undefined ? kernel : sizesOf(op, "stride", options.stride, n, 1);
  const dilation = sizesOf(op, "dilation", options.dilation ?? 1, n, 1);
  const padding = sizesOf(op, "padding", options.padding ?? 0, n, 0);
  const field: Field = { kernel, stride, dilation };
  padding.forEach((p, d) => {
    if (2 * p > span(field, d))
      throw new ArgumentError(`${op}: padding ${p} is more than half of what the kernel spans, ${span(field, d)}.`, {
        padding,
      });
  });
  const lengths = checkInput(op, n, x);
  const output = lengths.map((length, d) => {
    const room = (length + 2 * padding[d]! - span(field, d)) / stride[d]!;
    const windows = (options.ceilMode === true ? Math.ceil(room) : Math.floor(room)) + 1;
    // The last window begins in the input or in the padding before it.
    return options.ceilMode === true && (windows - 1) * stride[d]! >= length + padding[d]! ? windows - 1 : windows;
  });
  if (numel(output.map((o) => Math.max(o, 0))) === 0) {
    throw new ShapeError(`${op}: a kernel of ${showShape(kernel)} does not fit into ${showShape(lengths)}.`, {
      kernel,
      lengths,
    });
  }
  const after = output.map((o, d) => Math.max((o - 1) * stride[d]! + span(field, d) - lengths[d]! - padding[d]!, 0));
  return { field, lengths, padding, output, after };
}
