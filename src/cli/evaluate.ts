// `kindling evaluate`: one command for each task.

import type { Command } from "commander";
import { addEvaluateEncoder } from "./encoders/commands.ts";
import { encoderTasks } from "./encoders/tasks.ts";
import { addEvaluateSummarization } from "./summarization/evaluate.ts";

export function addEvaluate(program: Command): void {
  const evaluate = program.command("evaluate").description("Score a trained model on a file.");
  addEvaluateSummarization(evaluate);
  for (const task of encoderTasks) addEvaluateEncoder(evaluate, task);
}
