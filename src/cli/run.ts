// `kindling run summarization`: summaries of texts from the command line, a file, or standard input.

import { readFile } from "node:fs/promises";
import { text as readStream } from "node:stream/consumers";
import type { Command } from "commander";
import { ArgumentError, DataError } from "../base/errors.ts";
import { readJsonl, unreadable } from "../data/jsonl.node.ts";
import { pipeline } from "../pipelines/pipeline.ts";
import { progressBar } from "../training/progress.node.ts";
import { addGenerationOptions, type GenerationFlags, generationOptions } from "./generation.ts";

interface Flags extends GenerationFlags {
  readonly model: string;
  readonly file?: string;
  readonly json?: boolean;
}

export function addRun(program: Command): void {
  const run = program.command("run").description("Run a trained model.");
  const command = run
    .command("summarization")
    .description("Summarize texts: arguments, the lines of a file, or standard input as one text.")
    .argument("[text...]", "texts")
    .requiredOption("--model <folder>", "a folder that `kindling train summarization` wrote")
    .option("--file <file>", 'a file with one text a line, or .jsonl with a "text" on each')
    .option("--json", "print the results as JSON");
  addGenerationOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  $ kindling run summarization --model runs/summarizer "a long text …"
  $ kindling run summarization --model runs/summarizer --file texts.txt --num-beams 8`,
    )
    .action(runSummarizer);
}

async function runSummarizer(given: readonly string[], flags: Flags): Promise<void> {
  const texts = await collect(given, flags.file);
  const summarize = await pipeline("summarization", flags.model);
  const { batchSize } = flags;
  const bar = texts.length > batchSize ? progressBar(texts.length, { label: "texts" }) : undefined;
  try {
    const onProgress = (done: number): void => bar?.update(done);
    const results = await summarize(texts, { ...generationOptions(flags), batchSize, onProgress });
    bar?.stop();
    if (flags.json === true) console.log(JSON.stringify(results, null, 2));
    else for (const { summary_text } of results) console.log(summary_text);
  } finally {
    bar?.stop();
  }
}

async function collect(given: readonly string[], file: string | undefined): Promise<readonly string[]> {
  if (file !== undefined) return [...given, ...(await readTexts(file))];
  if (given.length > 0) return given;
  if (process.stdin.isTTY) {
    throw new ArgumentError("run summarization: no text was given. Pass one as an argument, or a file with --file.");
  }
  return [await readStream(process.stdin)];
}

async function readTexts(file: string): Promise<string[]> {
  if (file.endsWith(".jsonl")) return (await readJsonl(file, { columns: ["text"] })).map((row) => row.text);
  const content = await readFile(file, "utf8").catch((error: unknown) => {
    throw unreadable(file, error);
  });
  const lines = content.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (lines.length === 0) throw new DataError(`read ${file}: the file holds no text. Is it the right one?`, { file });
  return lines;
}
