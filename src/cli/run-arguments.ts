// What all `kindling train` commands ask and tell a Trainer alike.

import type { Command } from "commander";
import type { TrainingArguments } from "../training/arguments.ts";
import { numberAbove, wholeNumber } from "./numbers.ts";

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

/** How long a run is. */
export function addLengthOptions(command: Command): Command {
  return command
    .option("--epochs <n>", "passes over the data (default: 3)", numberAbove(0))
    .option("--max-steps <n>", "steps in all, instead of epochs", wholeNumber(1))
    .option("--max-minutes <n>", "the time that the run has, instead of epochs or as their bound", numberAbove(0));
}

/** What makes a run again, or goes on with it. */
export function addRepeatOptions(command: Command): Command {
  return command
    .option("--seed <n>", "fixes every random draw", wholeNumber(0), 42)
    .option("--resume", "go on from the newest checkpoint in the output folder, with the same options as before")
    .option("--overwrite", "begin anew in a folder that holds an earlier run");
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
