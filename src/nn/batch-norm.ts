// Batch normalisation layers: https://arxiv.org/abs/1502.03167

import { ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { empty, zeros } from "../tensor/create.ts";
import { batchNorm } from "../tensor/functional/batch-norm.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ones_, zeros_ } from "./init.ts";
import { Module } from "./module.ts";
import { Buffer, Parameter } from "./parameter.ts";
import { pyBool, pyFloat } from "./python.ts";

export interface BatchNormLayerOptions {
  readonly eps?: number;
  /** The share of a batch in the new running statistics; null takes the mean over all batches. */
  readonly momentum?: number | null;
  readonly affine?: boolean;
  /** Of `affine`: false leaves the bias out. */
  readonly bias?: boolean;
  /** Without running statistics a batch's own are used in evaluation too. */
  readonly trackRunningStats?: boolean;
}

/** `(x − mean) / √(var + eps) · weight + bias` for each of C channels. In evaluation the statistics are the running ones. */
abstract class BatchNorm extends Module<[x: Tensor], Tensor> {
  readonly numFeatures: number;
  readonly eps: number;
  /** The share of a new batch in the running statistics; null: all batches count alike. */
  momentum: number | null;
  readonly affine: boolean;
  readonly trackRunningStats: boolean;
  /** `[C]`, from ones */
  weight: Parameter | undefined;
  /** `[C]`, from zeros */
  bias: Parameter | undefined;
  /** `[C]`, from zeros */
  runningMean: Buffer | undefined;
  /** `[C]`, from ones; of n values, their squares' sum over n − 1 */
  runningVar: Buffer | undefined;
  /** `[]` int64 */
  numBatchesTracked: Buffer | undefined;

  constructor(numFeatures: number, options: BatchNormLayerOptions = {}) {
    super();
    const { eps = 1e-5, momentum = 0.1, affine = true, bias = true, trackRunningStats = true } = options;
    this.numFeatures = numFeatures;
    this.eps = eps;
    this.momentum = momentum;
    this.affine = affine;
    this.trackRunningStats = trackRunningStats;
    if (affine) {
      this.weight = new Parameter(empty([numFeatures]));
      if (bias) this.bias = new Parameter(empty([numFeatures]));
    }
    if (trackRunningStats) {
      this.runningMean = new Buffer(empty([numFeatures]));
      this.runningVar = new Buffer(empty([numFeatures]));
      this.numBatchesTracked = new Buffer(zeros([], { dtype: "int64" }));
    }
    this.resetParameters();
  }

  resetParameters(): void {
    this.resetRunningStats();
    if (this.weight !== undefined) ones_(this.weight);
    if (this.bias !== undefined) zeros_(this.bias);
  }
  resetRunningStats(): void {
    if (this.runningMean !== undefined) zeros_(this.runningMean);
    if (this.runningVar !== undefined) ones_(this.runningVar);
    if (this.numBatchesTracked !== undefined) zeros_(this.numBatchesTracked);
  }

  forward(x: Tensor): Tensor {
    this.checkInput(x);
    const { weight, bias, eps, training, runningMean, runningVar } = this;
    const own = training || runningMean === undefined;
    const momentum = training ? this.#countBatch() : 0;
    return batchNorm(x, runningMean, runningVar, { weight, bias, eps, training: own, momentum });
  }
  protected abstract checkInput(x: Tensor): void;

  /** The share that this batch has in the running statistics. */
  #countBatch(): number {
    if (this.numBatchesTracked === undefined) return this.momentum ?? 0;
    const batches = noGrad(() => this.numBatchesTracked!.add_(1));
    return this.momentum ?? 1 / Number(batches.item());
  }

  override extraRepr(): string {
    const momentum = this.momentum === null ? "None" : pyFloat(this.momentum);
    const flags = `affine=${pyBool(this.affine)}, bias=${pyBool(this.bias !== undefined)}, track_running_stats=${pyBool(this.trackRunningStats)}`;
    return `${this.numFeatures}, eps=${pyFloat(this.eps)}, momentum=${momentum}, ${flags}`;
  }
}

function checkDims(layer: string, x: Tensor, wanted: string, dims: readonly number[]): void {
  if (dims.includes(x.ndim)) return;
  throw new ShapeError(`${layer}: ${showShape(x.shape)}; wants ${wanted}.`, { shape: x.shape });
}

/** Batch norm of `[N, C]` or `[N, C, L]`. */
export class BatchNorm1d extends BatchNorm {
  protected checkInput(x: Tensor): void {
    checkDims("BatchNorm1d", x, "[N, C] or [N, C, L]", [2, 3]);
  }
}
/** Batch norm of `[N, C, H, W]`. */
export class BatchNorm2d extends BatchNorm {
  protected checkInput(x: Tensor): void {
    checkDims("BatchNorm2d", x, "[N, C, H, W]", [4]);
  }
}
