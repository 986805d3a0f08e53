// `kindling train`: one command for each task.

import type { Command } from "commander";
import { addTrainEncoder } from "./encoders/commands.ts";
import { encoderTasks } from "./encoders/tasks.ts";
import { addTrainSummarization } from "./summarization/train.ts";

export function addTrain(program: Command): void {
  const train = program.command("train").description("Train a model on files of text.");
  addTrainSummarization(train);
  for (const task of encoderTasks) addTrainEncoder(train, task);
}
