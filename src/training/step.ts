// One step of training on one or more batches, and what a batch and a model's answer are.

import { isFloating } from "../base/dtype.ts";
import { ArgumentError, DataError, NonFiniteError } from "../base/errors.ts";
import { crossEntropy } from "../tensor/functional/losses.ts";
import { tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";

/** What a collator makes of rows: tensors by name, `labels` among them. */
export type Batch = Readonly<Record<string, unknown>>;

/** What a model gives for a batch. The loss is the mean over the labels that are not −100. */
export interface ModelOutput {
  readonly loss?: Tensor | undefined;
  readonly logits?: Tensor | undefined;
  /** Where answers begin and end, `[B, T]` each. */
  readonly startLogits?: Tensor | undefined;
  readonly endLogits?: Tensor | undefined;
}

/** Labels that a class is not learnt for. */
export const ignoreIndex = -100;

/** The columns of a batch that are labels, under the names that the arguments give, or those that the models here have. */
export function labelColumns(batch: Batch, names: readonly string[] = []): Tensor[] {
  const { startPositions: starts, endPositions: ends } = batch;
  const usual = starts instanceof Tensor && ends instanceof Tensor ? ["startPositions", "endPositions"] : ["labels"];
  return (names.length > 0 ? names : usual).flatMap((name) => (batch[name] instanceof Tensor ? [batch[name]] : []));
}

/** How many labels the mean of a batch's loss is over; all elements of labels that are no classes; 1 without labels. */
export function countLabels(batch: Batch, names?: readonly string[]): number {
  const [labels, ...others] = labelColumns(batch, names);
  if (labels === undefined) return 1;
  if (others.length > 0) return labels.numel;
  if (isFloating(labels.dtype)) return labels.numel;
  let count = 0;
  for (const label of labels.toArray()) if (label !== ignoreIndex) count++;
  return count;
}

export function lossOf(output: ModelOutput): Tensor {
  if (output.loss !== undefined) return output.loss;
  throw new ArgumentError(
    "Trainer: the model returned no loss. Does the batch hold labels, and does forward return { loss }?",
    {},
  );
}

/** The loss with a share of each label spread over all classes, the last dimension of the logits: (1 − ε) · NLL + ε · mean(−log p). */
export function smoothedLoss({ logits }: ModelOutput, { labels }: Batch, labelSmoothing: number): Tensor {
  if (logits === undefined || !(labels instanceof Tensor) || isFloating(labels.dtype))
    throw new ArgumentError(
      "Trainer: labelSmoothingFactor needs a model that returns logits, and labels that are classes.",
      { labelSmoothing },
    );
  return crossEntropy(logits.reshape(-1, logits.shape.at(-1)!), labels.reshape(-1), { ignoreIndex, labelSmoothing });
}

/**
 * Adds to the gradients those of the mean loss over all labels of all batches, and returns that loss. Each batch's memory is
 * free before the next begins. Throws before a loss that is not finite touches a gradient.
 */
export function accumulateGradients(
  batches: readonly Batch[],
  forward: (batch: Batch) => ModelOutput,
  step: number,
  labelNames?: readonly string[],
): number {
  const counts = batches.map((batch) => countLabels(batch, labelNames));
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0)
    throw new DataError(
      `Trainer: step ${step}: every label of its rows is ${ignoreIndex}; there is nothing to learn from.`,
      { step },
    );
  let sum = 0;
  batches.forEach((batch, i) => {
    if (counts[i] === 0) return; // its mean would be NaN
    const share = counts[i]! / total;
    tidy(() => {
      const loss = lossOf(forward(batch));
      const value = loss.item();
      if (!Number.isFinite(value)) throw nonFinite("loss", value, step);
      sum += value * share;
      (share === 1 ? loss : loss.mul(share)).backward();
    }, "a training step");
  });
  return sum;
}

/** The error for a run that left the numbers; what was saved before is untouched. */
export function nonFinite(what: string, value: number, step: number): NonFiniteError {
  return new NonFiniteError(
    `Trainer: the ${what} is ${value} at step ${step}. Checkpoints written before are whole. ` +
      "Try a lower learningRate, more warmupSteps or a lower maxGradNorm, and look for broken rows.",
    { step, what, value },
  );
}
