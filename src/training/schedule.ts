// How long a run is, and the learning rate on the way. transformers' schedules are functions of the step and the number of
// all steps; where only the clock bounds a run, the latter is an estimate that gets better as the run goes on.

import { schedules } from "../optim/schedules.ts";
import type { CheckedArguments } from "./arguments.ts";

/** The bounds of a run. */
export interface Length {
  /** Optimizer steps of one pass over the data; of a stream, whose length nobody knows, those of the run. */
  readonly stepsPerEpoch: number;
  /** No step after this one; infinite where only time bounds the run. */
  readonly lastStep: number;
  readonly maxSeconds: number;
}

export function lengthOf(args: CheckedArguments, rows: number | undefined): Length {
  const maxSeconds = (args.maxMinutes ?? Number.POSITIVE_INFINITY) * 60;
  if (rows === undefined) {
    const lastStep = args.maxSteps > 0 ? args.maxSteps : Number.POSITIVE_INFINITY;
    return { stepsPerEpoch: lastStep, lastStep, maxSeconds };
  }
  const whole = args.dataloaderDropLast ? Math.floor : Math.ceil;
  const batches = whole(rows / args.perDeviceTrainBatchSize);
  const stepsPerEpoch = Math.ceil(batches / args.gradientAccumulationSteps);
  return {
    stepsPerEpoch,
    lastStep: args.maxSteps > 0 ? args.maxSteps : Math.ceil(args.numTrainEpochs * stepsPerEpoch),
    maxSeconds,
  };
}

/** How many steps the run will have, judged after `step` steps and `seconds`. */
export function expectedSteps(args: CheckedArguments, length: Length, step: number, seconds: number): number {
  if (args.maxSteps > 0 || length.maxSeconds === Number.POSITIVE_INFINITY) return length.lastStep;
  const byClock = (Math.max(1, step) * length.maxSeconds) / Math.max(seconds, 1e-3);
  return Math.min(length.lastStep, Math.max(step, byClock));
}

/** What share of the learning rate the step after `step` done ones takes, in a run of `total` steps. */
export function lrFactorAt(args: CheckedArguments, step: number, total: number): number {
  const { warmupSteps, lrSchedulerType, lrSchedulerKwargs, learningRate } = args;
  const numWarmupSteps = warmupSteps < 1 ? Math.ceil(warmupSteps * total) : warmupSteps;
  return schedules[lrSchedulerType](
    { numWarmupSteps, numTrainingSteps: total, ...lrSchedulerKwargs },
    learningRate,
  )(step);
}
