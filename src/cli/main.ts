#!/usr/bin/env node
// The command `kindling`. Each subcommand is a file; what it throws ends here.

import { readFileSync } from "node:fs";
import { Command } from "commander";
import { addCache } from "./cache.ts";
import { addData } from "./data.ts";
import { addDoctor } from "./doctor.ts";
import { addDownload } from "./download.ts";
import { addEvaluate } from "./evaluate.ts";
import { oneLine, report } from "./report.ts";
import { addRun } from "./run.ts";
import { addTokenize } from "./tokenize.ts";
import { addTokenizer } from "./tokenizer.ts";
import { addTrain } from "./train.ts";

const { version }: { version: string } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
);

const program = new Command("kindling")
  .description("Train and run language models from text, in TypeScript.")
  .version(version)
  .configureOutput({ outputError: (text, write) => write(`kindling: ${oneLine(text.replace(/^error: /, ""))}\n`) })
  .addHelpText(
    "after",
    `
Examples:
  $ kindling train summarization --train train.jsonl --validation validation.jsonl --output runs/summarizer
  $ kindling evaluate summarization --model runs/summarizer --data test.jsonl
  $ kindling run summarization --model runs/summarizer "a long text …"
  $ kindling train text-classification --train train.jsonl --validation validation.jsonl --output runs/topics
  $ kindling run embeddings --model runs/sentences --search "fast parser" --corpus texts.txt
  $ kindling download openai-community/gpt2 --include "*.json" model.safetensors
  $ kindling cache ls
  $ kindling tokenizer train train.jsonl --vocab-size 8000 --output my-tokenizer
  $ kindling tokenize --model google-bert/bert-base-uncased "a text"
  $ kindling doctor`,
  );

addTrain(program);
addEvaluate(program);
addRun(program);
addTokenize(program);
addTokenizer(program);
addDownload(program);
addCache(program);
addData(program);
addDoctor(program);

// `kindling … | head` closes the pipe before all is written, which is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

try {
  await program.parseAsync();
} catch (error) {
  report(error);
}
