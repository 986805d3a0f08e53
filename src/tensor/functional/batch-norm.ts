// Batch normalisation as a function.

import { ArgumentError, ShapeError } from "../../base/errors.ts";
import { showShape } from "../../base/shape.ts";
import * as b from "../../ops/batch-norm.ts";
import type { Tensor } from "../core.ts";
import { apply } from "../dispatch.ts";
import { noGrad } from "../grad-mode.ts";
import { tidy } from "../scope.ts";

export interface BatchNormOptions {
  /** `[C]` */
  readonly weight?: Tensor | undefined;
  /** `[C]` */
  readonly bias?: Tensor | undefined;
  /** Normalise by the batch's own statistics, and move the running ones towards them. */
  readonly training?: boolean;
  /** The share of the batch in the new running statistics. */
  readonly momentum?: number;
  readonly eps?: number;
}

/**
 * `(x − mean) / √(var + eps) · weight + bias` for each channel of `[N, C]`, `[N, C, L]` or `[N, C, H, W]`: with the running
 * statistics `[C]`, or in training with the batch's own. https://arxiv.org/abs/1502.03167
 */
export function batchNorm(
  x: Tensor,
  runningMean: Tensor | undefined,
  runningVar: Tensor | undefined,
  options: BatchNormOptions = {},
): Tensor {
  const { weight, bias, training = false, momentum = 0.1, eps = 1e-5 } = options;
  if (x.ndim < 2) throw new ShapeError(`batchNorm: ${showShape(x.shape)}; wants [N, C, …].`, { shape: x.shape });
  if (!training && (runningMean === undefined || runningVar === undefined))
    throw new ArgumentError("batchNorm: outside of training it needs runningMean and runningVar.", {});
  const [N, C, ...rest] = x.shape as [number, number, ...number[]]; // checked above
  const count = x.numel / Math.max(C, 1); // of each channel
  if (training && count === 1) {
    throw new ShapeError(`batchNorm: ${showShape(x.shape)} has 1 value for each channel; training needs more.`, {
      shape: x.shape,
    });
  }
  return tidy(() => {
    // Parts of a channel that are single numbers become one long part.
    const flat = x.ndim === 2 ? x.t().unsqueeze(0) : x.reshape(N, C, x.numel === 0 ? 0 : count / N); // [N, C, L]
    const affine = weight === undefined ? "none" : bias === undefined ? "weight" : "both";
    const statistics = training ? [] : [runningMean!, runningVar!];
    const parameters = [...statistics, weight, bias].filter((t) => t !== undefined);
    const [y, mean, variance] = apply(b.batchNorm, [flat, ...parameters], { eps, affine, given: !training });
    if (training && x.numel > 0) {
      noGrad(() => {
        runningMean?.lerp_(mean!.detach(), momentum);
        runningVar?.lerp_(variance!.detach().mul(count / (count - 1)), momentum);
      });
    }
    return x.ndim === 2 ? y!.squeeze(0).t().contiguous() : y!.reshape(N, C, ...rest);
  });
}

export interface InstanceNormOptions extends Omit<BatchNormOptions, "training"> {
  /** `[C]`, moved towards the mean over the samples of their statistics. */
  readonly runningMean?: Tensor | undefined;
  /** `[C]` */
  readonly runningVar?: Tensor | undefined;
  /** Normalise by each sample's own statistics (the default), or by the running ones. */
  readonly useInputStats?: boolean;
}

/**
 * `(x − mean) / √(var + eps) · weight + bias` for each channel of each sample of `[N, C, …]`, by the statistics of its own.
 * https://arxiv.org/abs/1607.08022
 */
export function instanceNorm(x: Tensor, options: InstanceNormOptions = {}): Tensor {
  const { weight, bias, runningMean, runningVar, useInputStats = true, momentum, eps } = options;
  if (x.ndim < 3) throw new ShapeError(`instanceNorm: ${showShape(x.shape)}; wants [N, C, L, …].`, { shape: x.shape });
  const [N, C, ...rest] = x.shape as [number, number, ...number[]]; // checked above
  return tidy(() => {
    // Every channel of every sample is a channel of one sample: [1, N * C, …].
    const [mean, variance, w, b] = [runningMean, runningVar, weight, bias].map((t) => t?.repeat(N));
    const y = batchNorm(x.reshape(1, N * C, ...rest), mean, variance, {
      weight: w,
      bias: b,
      training: useInputStats,
      ...(momentum === undefined ? {} : { momentum }),
      ...(eps === undefined ? {} : { eps }),
    });
    noGrad(() => {
      if (mean !== undefined && useInputStats) runningMean?.copy_(mean.reshape(N, C).mean({ dim: 0 }));
      if (variance !== undefined && useInputStats) runningVar?.copy_(variance.reshape(N, C).mean({ dim: 0 }));
    });
    return y.reshape(N, C, ...rest);
  });
}
