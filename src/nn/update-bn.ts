// The statistics of batch norms for weights that never trained with them, as averaged ones: one pass over the data.

import { noGrad } from "../tensor/grad-mode.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { BatchNorm1d, BatchNorm2d } from "./batch-norm.ts";
import type { Module } from "./module.ts";

/**
 * Sets the running mean and variance of every batch norm in `model` to those over all batches, each counting alike. A batch is what
 * the model is called with, or a list that begins with it.
 */
export async function updateBn<X extends Tensor>(
  batches: Iterable<X | readonly [X, ...unknown[]]> | AsyncIterable<X | readonly [X, ...unknown[]]>,
  model: Module<[x: X], unknown>,
): Promise<void> {
  const norms = model.modules().filter((m) => m instanceof BatchNorm1d || m instanceof BatchNorm2d);
  if (norms.length === 0) return;
  const momenta = norms.map((norm) => norm.momentum);
  const wasTraining = model.modules().map((module) => module.training);
  for (const norm of norms) {
    norm.resetRunningStats();
    norm.momentum = null; // the mean of all
  }
  model.train();
  try {
    for await (const batch of batches) {
      const x = Array.isArray(batch) ? (batch[0] as X) : (batch as X); // one or the other
      noGrad(() => tidy(() => void model(x)));
    }
  } finally {
    norms.forEach((norm, i) => {
      norm.momentum = momenta[i]!;
    });
    model.modules().forEach((module, i) => {
      module.training = wasTraining[i]!;
    });
  }
}
