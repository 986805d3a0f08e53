// How long a run is, and the learning rate on the way. transformers' schedules are functions of the step and the number of
// all steps; where only the clock bounds a run, the latter is an estimate that gets better as the run goes on.

import type { CheckedArguments, LrSchedulerType } from "./arguments.ts";

/** What share of the learning rate the step after `step` done ones takes, in a run of `total` steps. */
export function lrFactor(type: LrSchedulerType, step: number, total: number, warmup: number): number {
  if (type === "constant") return 1;
  if (step < warmup) return step / Math.max(1, warmup);
  if (type === "constant_with_warmup") return 1;
  const done = (step - warmup) / Math.max(1, total - warmup);
  switch (type) {
    case "linear":
      return Math.max(0, (total - step) / Math.max(1, total - warmup));
    case "cosine":
      return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * done)));
    default:
      return type satisfies never;
  }
}

/** The bounds of a run. */
export interface Length {
  /** Optimizer steps of one pass over the data. */
  readonly stepsPerEpoch: number;
  /** No step after this one; infinite where only time bounds the run. */
  readonly lastStep: number;
  readonly maxSeconds: number;
}

export function lengthOf(args: CheckedArguments, rows: number): Length {
  const batches = Math.ceil(rows / args.perDeviceTrainBatchSize);
  const stepsPerEpoch = Math.ceil(batches / args.gradientAccumulationSteps);
  return {
    stepsPerEpoch,
    lastStep: args.maxSteps > 0 ? args.maxSteps : Math.ceil(args.numTrainEpochs * stepsPerEpoch),
    maxSeconds: (args.maxMinutes ?? Number.POSITIVE_INFINITY) * 60,
  };
}

/** How many steps the run will have, judged after `step` steps and `seconds`. */
export function expectedSteps(args: CheckedArguments, length: Length, step: number, seconds: number): number {
  if (args.maxSteps > 0 || length.maxSeconds === Number.POSITIVE_INFINITY) return length.lastStep;
  const byClock = (Math.max(1, step) * length.maxSeconds) / Math.max(seconds, 1e-3);
  return Math.min(length.lastStep, Math.max(step, byClock));
}

/** `lrFactor` by a run's arguments. */
export function lrFactorAt({ warmupSteps, lrSchedulerType }: CheckedArguments, step: number, total: number): number {
  const warmup = warmupSteps < 1 ? Math.ceil(warmupSteps * total) : warmupSteps;
  return lrFactor(lrSchedulerType, step, total, warmup);
}
