// `kindling run summarization`: summaries of texts from the command line, a file, or standard input.

import { readFile } from "node:fs/promises";
import { text as readStream } from "node:stream/consumers";
import type { Command } from "commander";
import { ArgumentError, DataError } from "../base/errors.ts";
import type { GenerateOptions } from "../generation/options.ts";
import { pipeline } from "../pipelines/pipeline.ts";
import { anyNumber, wholeNumber } from "./numbers.ts";
import { report } from "./report.ts";

interface Options extends GenerateOptions {
  readonly model: string;
  readonly file?: string;
  readonly json?: boolean;
}

/** What a summarizer's commands share. */
export function addGenerationOptions(command: Command): Command {
  return command
    .option("--max-new-tokens <n>", "longest summary", wholeNumber(1), 32)
    .option("--min-new-tokens <n>", "shortest summary", wholeNumber(0), 0)
    .option("--num-beams <n>", "beams that are followed; 1 takes the likeliest token each time", wholeNumber(1), 4)
    .option("--length-penalty <x>", "above 0 longer summaries gain, below 0 they lose", anyNumber, 1);
}

export function generationOptions(o: GenerateOptions): GenerateOptions {
  const { maxNewTokens = 32, minNewTokens = 0, numBeams = 4, lengthPenalty = 1 } = o;
  return { maxNewTokens, minNewTokens, numBeams, lengthPenalty };
}

export function addRun(program: Command): void {
  const run = program.command("run").description("Run a trained model.");
  const command = run
    .command("summarization")
    .description("Summarize texts: arguments, the lines of a file, or standard input as one text.")
    .argument("[text...]", "texts")
    .requiredOption("--model <folder>", "a folder that `kindling train summarization` wrote")
    .option("--file <file>", "a file with one text a line")
    .option("--json", "print results as JSON");
  addGenerationOptions(command)
    .addHelpText("after", '\nExample:\n  $ kindling run summarization --model runs/summarizer "a long text …"')
    .action((texts: string[], options: Options) => runSummarizer(texts, options).catch(report));
}

async function runSummarizer(given: readonly string[], options: Options): Promise<void> {
  const texts = await collect(given, options.file);
  const summarize = await pipeline("summarization", options.model);
  const results = await summarize(texts, generationOptions(options));
  if (options.json === true) console.log(JSON.stringify(results, null, 2));
  else for (const { summary_text } of results) console.log(summary_text);
}

async function collect(given: readonly string[], file: string | undefined): Promise<readonly string[]> {
  if (file !== undefined) {
    const content = await readFile(file, "utf8").catch((error: Error) => {
      throw new DataError(`${file}: it cannot be read: ${error.message}.`, { file }, { cause: error });
    });
    const lines = content.split(/\r?\n/).filter((line) => line.trim() !== "");
    if (lines.length === 0) throw new DataError(`${file}: it holds no text.`, { file });
    return [...given, ...lines];
  }
  if (given.length > 0) return given;
  if (process.stdin.isTTY) throw new ArgumentError("run summarization: no text was given. Pass one as an argument, or --file.", {});
  return [await readStream(process.stdin)];
}
