// Tables of vectors that ids look up.

import { IndexError, ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { empty } from "../tensor/create.ts";
import { type BagMode, embedding, embeddingBag } from "../tensor/functional/embedding.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { normal_ } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

export interface EmbeddingOptions {
  /** The row of padding (negative counts from the end): it begins as zeros and gets no gradient. */
  readonly paddingIdx?: number | undefined;
  /** Rows that are looked up and longer than this are shortened to it in the table. */
  readonly maxNorm?: number | undefined;
  /** Which length `maxNorm` means: the `normType`-norm. */
  readonly normType?: number | undefined;
  /** Each row's gradient is divided by how often the ids name it. */
  readonly scaleGradByFreq?: boolean | undefined;
}

/** Ids (int32, any shape) to rows of a table, `[…]` to `[…, embeddingDim]`. */
export class Embedding extends Module<[ids: Tensor], Tensor> {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly paddingIdx: number | undefined;
  readonly maxNorm: number | undefined;
  readonly normType: number;
  readonly scaleGradByFreq: boolean;
  /** `[numEmbeddings, embeddingDim]` */
  weight: Parameter;

  constructor(
    numEmbeddings: number,
    embeddingDim: number,
    options: EmbeddingOptions & { readonly weight?: Tensor } = {},
  ) {
    super();
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    this.paddingIdx = rowIndex(options.paddingIdx, numEmbeddings);
    this.maxNorm = options.maxNorm;
    this.normType = options.normType ?? 2;
    this.scaleGradByFreq = options.scaleGradByFreq ?? false;
    if (options.weight !== undefined) {
      this.weight = new Parameter(options.weight);
      return;
    }
    this.weight = new Parameter(empty([numEmbeddings, embeddingDim]));
    normal_(this.weight);
    const { paddingIdx } = this;
    if (paddingIdx !== undefined) noGrad(() => this.weight.select(0, paddingIdx).fill_(0));
  }

  /** A table of given vectors `[numEmbeddings, embeddingDim]`, whose memory it shares; not trained unless `freeze` is false. */
  static fromPretrained(weight: Tensor, options: EmbeddingOptions & { readonly freeze?: boolean } = {}): Embedding {
    const { freeze = true, ...rows } = options;
    if (weight.ndim !== 2)
      throw new ShapeError(`Embedding: a table is [V, D], got ${showShape(weight.shape)}.`, { shape: weight.shape });
    const [V, D] = weight.dims(2, "Embedding") as [number, number]; // two sizes, as checked
    const made = new Embedding(V, D, { ...rows, weight });
    made.weight.requiresGrad = !freeze;
    return made;
  }

  forward(ids: Tensor): Tensor {
    const { paddingIdx, maxNorm, normType, scaleGradByFreq } = this;
    return embedding(ids, this.weight, { paddingIdx, maxNorm, normType, scaleGradByFreq });
  }
  override extraRepr(): string {
    return `${this.numEmbeddings}, ${this.embeddingDim}${rowText(this)}`;
  }
}

export interface EmbeddingBagLayerOptions extends EmbeddingOptions {
  readonly mode?: BagMode;
  /** The last of the offsets is where the last bag ends. */
  readonly includeLastOffset?: boolean;
  /** The table `[numEmbeddings, embeddingDim]`, instead of one that is drawn. */
  readonly weight?: Tensor;
}

/**
 * Sum, mean or maximum of rows of a table in bags of ids (int32): `[B, K]`, or `[n]` with the offsets `[B]` at which bags begin; to
 * `[B, embeddingDim]`.
 */
export class EmbeddingBag extends Module<[ids: Tensor, offsets?: Tensor, perSampleWeights?: Tensor], Tensor> {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly mode: BagMode;
  readonly includeLastOffset: boolean;
  readonly paddingIdx: number | undefined;
  readonly maxNorm: number | undefined;
  readonly normType: number;
  readonly scaleGradByFreq: boolean;
  /** `[numEmbeddings, embeddingDim]` */
  weight: Parameter;

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingBagLayerOptions = {}) {
    super();
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    this.mode = options.mode ?? "mean";
    this.includeLastOffset = options.includeLastOffset ?? false;
    this.paddingIdx = rowIndex(options.paddingIdx, numEmbeddings);
    this.maxNorm = options.maxNorm;
    this.normType = options.normType ?? 2;
    this.scaleGradByFreq = options.scaleGradByFreq ?? false;
    this.weight = new Parameter(options.weight ?? empty([numEmbeddings, embeddingDim]));
    if (options.weight !== undefined) return;
    normal_(this.weight);
    const { paddingIdx } = this;
    if (paddingIdx !== undefined) noGrad(() => this.weight.select(0, paddingIdx).fill_(0));
  }

  forward(ids: Tensor, offsets?: Tensor, perSampleWeights?: Tensor): Tensor {
    const { mode, includeLastOffset, paddingIdx, maxNorm, normType, scaleGradByFreq } = this;
    const rows = { paddingIdx, maxNorm, normType, scaleGradByFreq };
    return embeddingBag(ids, this.weight, { offsets, perSampleWeights, mode, includeLastOffset, ...rows });
  }
  override extraRepr(): string {
    const padding = this.paddingIdx === undefined ? "" : `, padding_idx=${this.paddingIdx}`;
    return `${this.numEmbeddings}, ${this.embeddingDim}, mode='${this.mode}'${padding}`;
  }
}

/** What differs from the defaults, as PyTorch prints it. */
function rowText({ paddingIdx, maxNorm, normType, scaleGradByFreq }: Embedding): string {
  const parts = [paddingIdx === undefined ? "" : `, padding_idx=${paddingIdx}`];
  if (maxNorm !== undefined) parts.push(`, max_norm=${maxNorm}`);
  if (normType !== 2) parts.push(`, norm_type=${normType}`);
  if (scaleGradByFreq) parts.push(", scale_grad_by_freq=True");
  return parts.join("");
}

function rowIndex(row: number | undefined, rows: number): number | undefined {
  if (row === undefined) return undefined;
  if (!Number.isInteger(row) || row < -rows || row >= rows) {
    throw new IndexError(`Embedding: paddingIdx ${row} is out of range for ${rows} rows.`, { paddingIdx: row, rows });
  }
  return row < 0 ? row + rows : row;
}
