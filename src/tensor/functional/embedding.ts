// Looking up rows of a table, one by one or in bags.

import { ArgumentError, ShapeError } from "../../base/errors.ts";
import { sameShape, showShape } from "../../base/shape.ts";
import * as g from "../../ops/gather.ts";
import { Tensor } from "../core.ts";
import { fromArray } from "../create.ts";
import { apply1 } from "../dispatch.ts";
import { where } from "../elementwise.ts";
import { defineFunction } from "../function.ts";
import { noGrad } from "../grad-mode.ts";
import { stack } from "../indexing.ts";
import { tidy } from "../scope.ts";

export interface RowOptions {
  /** A row whose gradient is 0; negative counts from the end. */
  readonly paddingIdx?: number | undefined;
  /** Rows that are looked up and longer than this are first shortened to it, in `weight` itself. */
  readonly maxNorm?: number | undefined;
  /** Which length `maxNorm` means: the `normType`-norm. */
  readonly normType?: number;
  /** Each row's gradient is divided by how often the ids name it. */
  readonly scaleGradByFreq?: boolean;
}

/** The rows of `weight` `[V, D]` named by `ids` (int32, any shape): `[…ids, D]`. */
export function embedding(ids: Tensor, weight: Tensor, options: RowOptions = {}): Tensor {
  const { paddingIdx, maxNorm, normType = 2, scaleGradByFreq = false } = options;
  const padding = paddingIdx !== undefined && paddingIdx < 0 ? weight.shape[0]! + paddingIdx : paddingIdx;
  if (maxNorm !== undefined) shorten(weight, ids, maxNorm, normType);
  if (!scaleGradByFreq) return apply1(g.embedding, [weight, ids], { paddingIdx: padding });
  return tidy(() => scaledGradient(apply1(g.embedding, [weight, ids], { paddingIdx: padding }), frequencies(ids)));
}

/** Brings the rows that `ids` name to a length of at most `maxNorm`. */
function shorten(weight: Tensor, ids: Tensor, maxNorm: number, normType: number): void {
  noGrad(() =>
    tidy(() => {
      const { values: rows } = ids.unique();
      const taken = weight.indexSelect(0, rows);
      const lengths = taken.norm(normType, { dim: 1, keepdim: true });
      const factors = where(lengths.gt(maxNorm), lengths.add(1e-7).reciprocal().mul(maxNorm), 1);
      weight.indexCopy_(0, rows, taken.mul(factors).to(weight.dtype));
    }),
  );
}

/** For each id, how often it is named, `[…ids, 1]`. */
function frequencies(ids: Tensor): Tensor {
  const { inverse, counts } = ids.unique();
  return counts.indexSelect(0, inverse.reshape(-1)).reshape(...ids.shape, 1);
}

/** The rows as they are, with a gradient divided by `counts`. */
const scaledGradient = defineFunction<[rows: Tensor, counts: Tensor]>({
  name: "embeddingScale",
  forward(ctx, rows, counts) {
    ctx.save(counts);
    return rows;
  },
  backward: (ctx, grad) => [grad.div(ctx.saved[0]!.to(grad.dtype)), undefined],
});

export type BagMode = "sum" | "mean" | "max";

export interface EmbeddingBagOptions {
  /** For ids `[n]`: where each bag begins, int32 `[B]`, the first at 0. */
  readonly offsets?: Tensor | undefined;
  readonly mode?: BagMode;
  /** For `"sum"`: a factor for each id, of their shape. */
  readonly perSampleWeights?: Tensor | undefined;
  /** The last of the offsets is where the last bag ends. */
  readonly includeLastOffset?: boolean;
  /** A row that no bag counts; negative counts from the end. */
  readonly paddingIdx?: number | undefined;
  readonly maxNorm?: RowOptions["maxNorm"];
  readonly normType?: number;
  readonly scaleGradByFreq?: boolean;
}

/**
 * Sum, mean or maximum of the rows of `weight` `[V, D]` in bags of ids (int32): `[B, K]` are B bags of K ids, `[n]` are bags that
 * begin at `offsets`. Gives `[B, D]`; an empty bag gives 0.
 */
export function embeddingBag(ids: Tensor, weight: Tensor, options: EmbeddingBagOptions = {}): Tensor {
  const { mode = "mean", perSampleWeights, paddingIdx } = options;
  if (mode !== "sum" && mode !== "mean" && mode !== "max")
    throw new ArgumentError(`embeddingBag: mode is "sum", "mean" or "max", got "${mode as string}".`, { mode });
  if (perSampleWeights !== undefined && (mode !== "sum" || !sameShape(perSampleWeights.shape, ids.shape))) {
    throw new ArgumentError(
      `embeddingBag: perSampleWeights ${showShape(perSampleWeights.shape)} for ids ${showShape(ids.shape)} and mode "${mode}"; they go with "sum" and have the shape of the ids.`,
      { weights: perSampleWeights.shape, ids: ids.shape, mode },
    );
  }
  const bags = bagsOf(ids, options);
  const V = weight.size(0);
  const padding = paddingIdx !== undefined && paddingIdx < 0 ? V + paddingIdx : paddingIdx;
  const values = ids.toArray();
  const kept = bags.map((bag) => bag.filter((i) => values[i] !== padding));
  return tidy(() => {
    const places = int32(kept.flat());
    if (options.maxNorm !== undefined) shorten(weight, ids.reshape(-1), options.maxNorm, options.normType ?? 2);
    const scaleGradByFreq = options.scaleGradByFreq ?? false;
    const rows = embedding(ids.reshape(-1).indexSelect(0, places), weight, { scaleGradByFreq }); // [kept, D]
    if (mode === "max") return maximum(rows, kept);
    const factors = perSampleWeights?.reshape(-1).indexSelect(0, places).unsqueeze(1); // [kept, 1]
    const bagOf = int32(kept.flatMap((bag, b) => bag.map(() => b)));
    const zeros = Tensor.empty([bags.length, weight.size(1)], weight.dtype, weight.device).fill_(0);
    const sum = zeros.indexAdd(0, bagOf, factors === undefined ? rows : rows.mul(factors)); // [B, D]
    if (mode === "sum") return sum;
    const sizes = kept.map((bag) => Math.max(bag.length, 1));
    return sum.div(fromArray(sizes, [sizes.length, 1], { dtype: weight.dtype }));
  });
}

function int32(values: readonly number[]): Tensor {
  return fromArray(values, [values.length], { dtype: "int32" });
}

function maximum(rows: Tensor, bags: readonly (readonly number[])[]): Tensor {
  let start = 0;
  const parts = bags.map((bag) => {
    const part = rows.narrow(0, start, bag.length);
    start += bag.length;
    return bag.length === 0 ? part.sum({ dim: 0 }) : part.max({ dim: 0 }).values; // [D]
  });
  return parts.length === 0 ? rows.narrow(0, 0, 0) : stack(parts);
}

/** The places of each bag's ids in the flattened ids. */
function bagsOf(ids: Tensor, { offsets, includeLastOffset = false }: EmbeddingBagOptions): number[][] {
  const fail = (why: string): never => {
    throw new ShapeError(`embeddingBag: ids ${showShape(ids.shape)}: ${why}.`, {
      ids: ids.shape,
      offsets: offsets?.shape,
    });
  };
  const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
  if (ids.ndim === 2) {
    if (offsets !== undefined) fail("bags of one size take no offsets");
    const [B, K] = ids.shape as [number, number]; // two sizes, as checked
    return Array.from({ length: B }, (_, b) => range(b * K, (b + 1) * K));
  }
  if (ids.ndim !== 1) fail("they are [B, K], or [n] with offsets");
  if (offsets?.ndim !== 1) return fail("they need offsets [B], which say where each bag begins");
  const begins = Array.from(offsets.toArray(), Number);
  const ends = includeLastOffset ? begins.slice(1) : [...begins.slice(1), ids.size(0)];
  if (includeLastOffset && begins.length === 0) fail("includeLastOffset wants one offset at least");
  if (begins.length > 0 && begins[0] !== 0) fail(`the first offset is 0, not ${begins[0]}`);
  const bad = ends.findIndex((end, b) => end < begins[b]! || end > ids.size(0));
  if (bad >= 0) fail(`a bag from ${begins[bad]} to ${ends[bad]}; offsets do not fall and end within the ids`);
  return ends.map((end, b) => range(begins[b]!, end));
}
