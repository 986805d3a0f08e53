// What all `kindling train` commands tell a Trainer alike.

import type { TrainingArguments } from "../training/arguments.ts";

export interface RunFlags {
  readonly output: string;
  readonly overwrite?: boolean;
  readonly epochs?: number;
  readonly maxSteps?: number;
  readonly maxMinutes?: number;
  readonly batchSize: number;
  readonly labelSmoothing: number;
  readonly logSteps: number;
  readonly evalSteps?: number;
  readonly seed: number;
  readonly resume?: boolean;
}

export function runArguments(flags: RunFlags): TrainingArguments {
  const { epochs, maxSteps, maxMinutes } = flags;
  return {
    outputDir: flags.output,
    overwriteOutputDir: flags.overwrite === true,
    ...(epochs !== undefined && { numTrainEpochs: epochs }),
    ...(maxSteps !== undefined && { maxSteps }),
    ...(maxMinutes !== undefined && { maxMinutes }),
    perDeviceTrainBatchSize: flags.batchSize,
    perDeviceEvalBatchSize: flags.batchSize,
    seed: flags.seed,
    labelSmoothingFactor: flags.labelSmoothing,
    loggingSteps: flags.logSteps,
    saveTotalLimit: 2,
    loadBestModelAtEnd: true,
  };
}
