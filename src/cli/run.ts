// `kindling run`: one command for each task.

import type { Command } from "commander";
import { addRunEncoders } from "./encoders/run.ts";
import { addRunSummarization } from "./summarization/run.ts";

export function addRun(program: Command): void {
  const run = program.command("run").description("Run a trained model.");
  addRunSummarization(run);
  addRunEncoders(run);
}
