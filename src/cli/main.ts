#!/usr/bin/env node
// The command `kindling`: each subcommand is a file, loaded when it is called.

import { Command } from "commander";
import { addDoctor } from "./doctor.ts";
import { addEvaluate } from "./evaluate.ts";
import { report } from "./report.ts";
import { addRun } from "./run.ts";
import { addTrain } from "./train.ts";

const program = new Command("kindling")
  .description("Train and run language models from text, in TypeScript.")
  .showHelpAfterError("(--help shows what it takes)")
  .addHelpText(
    "after",
    `
Examples:
  $ kindling train summarization --train train.jsonl --validation validation.jsonl --output runs/summarizer
  $ kindling run summarization --model runs/summarizer "a long text …"
  $ kindling doctor`,
  );

addTrain(program);
addEvaluate(program);
addRun(program);
addDoctor(program);

try {
  await program.parseAsync();
} catch (error) {
  report(error);
}
