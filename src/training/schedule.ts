// How long a run is, and the learning rate on the way. transformers' schedules are functions of the step and the number of
// all steps; where only the clock bounds a run, the latter is an estimate that gets better as the run goes on.

import { ArgumentError } from "../base/errors.ts";
import { schedules } from "../optim/schedules.ts";
import type { CheckedArguments } from "./arguments.ts";

/** The bounds of a run. */
export interface Length {
  /** Optimizer steps of one pass over the data; of a stream, whose length nobody knows, those of the run. */
  readonly stepsPerEpoch: number;
  readonly batchesPerEpoch: number;
  /** No step after this one; infinite where only time bounds the run. */
  readonly lastStep: number;
  readonly maxSeconds: number;
}

export function lengthOf(args: CheckedArguments, rows: number | undefined): Length {
  const maxSeconds = (args.maxMinutes ?? Number.POSITIVE_INFINITY) * 60;
  if (rows === undefined) {
    const lastStep = args.maxSteps > 0 ? args.maxSteps : Number.POSITIVE_INFINITY;
    return {
      stepsPerEpoch: lastStep,
      batchesPerEpoch: lastStep * args.gradientAccumulationSteps,
      lastStep,
      maxSeconds,
    };
  }
  const whole = args.dataloaderDropLast ? Math.floor : Math.ceil;
  const batches = whole(rows / args.perDeviceTrainBatchSize);
  if (batches === 0)
    throw new ArgumentError(
      `Trainer: dataloaderDropLast leaves nothing of ${rows} rows in batches of ${args.perDeviceTrainBatchSize}.`,
      { rows },
    );
  const stepsPerEpoch = Math.ceil(batches / args.gradientAccumulationSteps);
  return {
    stepsPerEpoch,
    batchesPerEpoch: batches,
    lastStep: args.maxSteps > 0 ? args.maxSteps : Math.ceil(args.numTrainEpochs * stepsPerEpoch),
    maxSeconds,
  };
}

/** Passes that are done after a step; of one in the middle the share of its batches. */
export function epochAfter(length: Length, batchesPerStep: number, step: number): number {
  const { stepsPerEpoch, batchesPerEpoch } = length;
  if (!Number.isFinite(stepsPerEpoch)) return 0; // of a stream without an end
  return Math.floor(step / stepsPerEpoch) + ((step % stepsPerEpoch) * batchesPerStep) / batchesPerEpoch;
}

/** An argument that counts steps, or below 1 is a share of them all. */
export function countedSteps(steps: number, { lastStep }: Length): number {
  return steps < 1 ? Math.ceil(steps * lastStep) : steps;
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
