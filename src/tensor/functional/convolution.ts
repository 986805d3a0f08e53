// Convolution as one product of matrices: what the kernel meets at each place of the output becomes a row.

import { ArgumentError, DTypeError, ShapeError } from "../../base/errors.ts";
import { numel, showShape } from "../../base/shape.ts";
import type { Tensor } from "../core.ts";
import { cat } from "../indexing.ts";
import { tidy } from "../scope.ts";
import { type Field, outputLengths, padded, type Sizes, sizesOf, span, windows } from "./windows.ts";

export interface ConvOptions {
  readonly bias?: Tensor | undefined;
  readonly stride?: Sizes;
  /** Zeros on both sides; `"same"` (for a stride of 1) keeps the lengths, `"valid"` is none. */
  readonly padding?: Sizes | "same" | "valid";
  readonly dilation?: Sizes;
  /** Each group of output channels sees its own group of input channels. */
  readonly groups?: number;
}

/** x `[N, C, L]` or `[C, L]` with weight `[O, C / groups, K]` and bias `[O]`, to `[N, O, L']` or `[O, L']`. */
export function conv1d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  return convolve("conv1d", 1, x, weight, options);
}
/** x `[N, C, H, W]` or `[C, H, W]` with weight `[O, C / groups, KH, KW]` and bias `[O]`, to `[N, O, H', W']` or `[O, H', W']`. */
export function conv2d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  return convolve("conv2d", 2, x, weight, options);
}

export interface ConvTransposeOptions extends Omit<ConvOptions, "padding"> {
  /** How much of `dilation (kernel − 1)` zeros on both sides is left out: the padding of the convolution that this undoes. */
  readonly padding?: Sizes;
  /** More length at the end, below stride or dilation. */
  readonly outputPadding?: Sizes;
}

/**
 * The transpose of a convolution, as its gradient: x `[N, C, L]` or `[C, L]` with weight `[C, O / groups, K]` and bias `[O]`, to
 * `[N, O, L']` or `[O, L']`, `L' = (L − 1) stride − 2 padding + dilation (K − 1) + outputPadding + 1`.
 */
export function convTranspose1d(x: Tensor, weight: Tensor, options: ConvTransposeOptions = {}): Tensor {
  return transposed("convTranspose1d", 1, x, weight, options);
}
/** `convTranspose1d` over the last two dimensions: x `[N, C, H, W]` or `[C, H, W]`, weight `[C, O / groups, KH, KW]`. */
export function convTranspose2d(x: Tensor, weight: Tensor, options: ConvTransposeOptions = {}): Tensor {
  return transposed("convTranspose2d", 2, x, weight, options);
}

function transposed(op: string, n: number, x: Tensor, weight: Tensor, options: ConvTransposeOptions): Tensor {
  const { bias, groups: G = 1 } = options;
  const [stride, dilation] = [options.stride ?? 1, options.dilation ?? 1].map((s, i) =>
    sizesOf(op, i === 0 ? "stride" : "dilation", s, n, 1),
  ) as [number[], number[]]; // two in, two out
  const padding = sizesOf(op, "padding", options.padding ?? 0, n, 0);
  const more = sizesOf(op, "outputPadding", options.outputPadding ?? 0, n, 0);
  const facts = { input: x.shape, weight: weight.shape, groups: G };
  const said = `${op}: input ${showShape(x.shape)}, weight ${showShape(weight.shape)}`;
  if ((x.ndim !== n + 1 && x.ndim !== n + 2) || weight.ndim !== n + 2)
    throw new ShapeError(
      `${said}: wants ${n + 1} dimensions, or ${n + 2} with a batch, and a weight [in, out / groups, …kernel].`,
      facts,
    );
  if (!Number.isInteger(G) || G < 1 || weight.size(0) % G !== 0 || x.size(-n - 1) !== weight.size(0))
    throw new ShapeError(
      `${said}: ${x.size(-n - 1)} channels for a weight of ${weight.size(0)} in ${G} groups.`,
      facts,
    );
  more.forEach((m, d) => {
    if (m >= Math.max(stride[d]!, dilation[d]!))
      throw new ArgumentError(`${op}: outputPadding ${m} is below stride ${stride[d]} or dilation ${dilation[d]}.`, {
        outputPadding: more,
      });
  });
  const [C, perGroup, ...kernel] = weight.shape as [number, number, ...number[]]; // checked
  return tidy(() => {
    const first = x.ndim - n;
    const apart = stride.reduce((part, s, d) => withZeros(part, first + d, s), x);
    const reach = kernel.map((k, d) => dilation[d]! * (k - 1) - padding[d]!);
    const whole = padded(
      apart,
      first,
      reach,
      reach.map((r, d) => r + more[d]!),
      0,
    );
    const turned = weight // [C, O / G, …K] to [O, C / G, …K], from the other end
      .reshape(G, C / G, perGroup, ...kernel)
      .transpose(1, 2)
      .reshape(G * perGroup, C / G, ...kernel)
      .flip(kernel.map((_, d) => 2 + d));
    return convolve(op, n, whole, turned, { bias, dilation, groups: G });
  });
}

/** `stride − 1` zeros between the elements of a dimension. */
function withZeros(x: Tensor, dim: number, stride: number): Tensor {
  if (stride === 1) return x;
  const zeros = new Array<number>(x.ndim + 1).fill(0);
  const after = zeros.map((_, d) => (d === dim + 1 ? stride - 1 : 0));
  const wide = x
    .unsqueeze(dim + 1)
    .padWith({ before: zeros, after, value: 0 })
    .flatten(dim, dim + 1);
  return wide.narrow(dim, 0, Math.max(wide.size(dim) - stride + 1, 0));
}

function convolve(op: string, n: number, x: Tensor, weight: Tensor, options: ConvOptions): Tensor {
  const { bias, groups: G = 1 } = options;
  checkShapes(op, n, x, weight, bias, G);
  const field: Field = {
    kernel: weight.shape.slice(2),
    stride: sizesOf(op, "stride", options.stride ?? 1, n, 1),
    dilation: sizesOf(op, "dilation", options.dilation ?? 1, n, 1),
  };
  const { before, after } = paddingOf(op, n, options.padding ?? 0, field);
  const lengths = x.shape.slice(-n);
  const output = outputLengths(
    op,
    field,
    lengths.map((length, d) => length + before[d]! + after[d]!),
  );
  const [O, perGroup] = weight.shape as [number, number, ...number[]]; // checked
  const N = x.ndim === n + 1 ? 1 : x.size(0);
  const [places, outputs] = [numel(field.kernel), numel(output)];
  return tidy(() => {
    const whole = padded(x.ndim === n + 1 ? x.unsqueeze(0) : x, 2, before, after, 0); //                [N, C, …L]
    const last = whole.movedim(1, -1).contiguous(); //                                                  [N, …L, C]
    const rows = cat(windows(last, 1, field, output), -1) //                                            [N, …L', P * C]
      .reshape(N * outputs, places, G, perGroup)
      .permute(2, 0, 1, 3)
      .reshape(G, N * outputs, places * perGroup);
    const kernel = weight
      .reshape(G, O / G, perGroup, places)
      .permute(0, 3, 2, 1)
      .reshape(G, places * perGroup, O / G);
    const y = rows
      .matmul(kernel) //                                                                                [G, N * L', O / G]
      .reshape(G, N, outputs, O / G)
      .permute(1, 0, 3, 2)
      .reshape(N, O, ...output);
    const sum = bias === undefined ? y : y.add(bias.reshape(O, ...output.map(() => 1)));
    return x.ndim === n + 1 ? sum.squeeze(0) : sum;
  });
}

function paddingOf(
  op: string,
  n: number,
  padding: Sizes | "same" | "valid",
  field: Field,
): { readonly before: number[]; readonly after: number[] } {
  if (padding === "same") {
    if (field.stride.some((s) => s !== 1))
      throw new ArgumentError(`${op}: padding "same" goes with a stride of 1, got ${showShape(field.stride)}.`, {
        stride: field.stride,
      });
    const total = field.kernel.map((_, d) => span(field, d) - 1);
    const before = total.map((t) => Math.floor(t / 2));
    return { before, after: total.map((t, d) => t - before[d]!) };
  }
  if (typeof padding === "string" && padding !== "valid")
    throw new ArgumentError(`${op}: padding is numbers, "same" or "valid", got "${padding as string}".`, { padding });
  const sizes = sizesOf(op, "padding", padding === "valid" ? 0 : padding, n, 0);
  return { before: sizes, after: sizes };
}

function checkShapes(op: string, n: number, x: Tensor, weight: Tensor, bias: Tensor | undefined, groups: number): void {
  const facts = { input: x.shape, weight: weight.shape, groups };
  const fail = (why: string): never => {
    throw new ShapeError(`${op}: input ${showShape(x.shape)}, weight ${showShape(weight.shape)}: ${why}.`, facts);
  };
  if (x.ndim !== n + 1 && x.ndim !== n + 2) fail(`the input has ${n + 1} dimensions, or ${n + 2} with a batch`);
  if (weight.ndim !== n + 2) fail(`the weight has ${n + 2} dimensions, [out, in / groups, …kernel]`);
  if (!Number.isInteger(groups) || groups < 1)
    throw new ArgumentError(`${op}: ${groups} groups; there is at least one.`, { groups });
  const [O, perGroup] = weight.shape as [number, number, ...number[]]; // checked above
  if (O % groups !== 0 || O === 0) fail(`${O} output channels do not divide into ${groups} groups`);
  if (x.size(-n - 1) !== perGroup * groups)
    fail(`${x.size(-n - 1)} channels where the weight wants ${perGroup} for each of ${groups} groups`);
  if (weight.shape.slice(2).includes(0)) fail("the kernel is empty");
  if (bias !== undefined && (bias.ndim !== 1 || bias.size(0) !== O))
    fail(`bias ${showShape(bias.shape)} for ${O} output channels`);
  for (const t of [weight, bias]) {
    if (t !== undefined && t.dtype !== x.dtype)
      throw new DTypeError(`${op}: input of ${x.dtype}, weight or bias of ${t.dtype}; they are the same.`, {});
  }
}
