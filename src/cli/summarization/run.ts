// `kindling run summarization`: summaries of texts from the command line, a file, or standard input.

import type { Command } from "commander";
import { pipeline } from "../../pipelines/pipeline.ts";
import { progressBar } from "../../training/progress.node.ts";
import { collectTexts } from "../texts.ts";
import { addGenerationOptions, type GenerationFlags, generationOptions } from "./generation.ts";

interface Flags extends GenerationFlags {
  readonly model: string;
  readonly file?: string;
  readonly json?: boolean;
}

export function addRunSummarization(run: Command): void {
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
  const texts = await collectTexts("summarization", given, flags.file);
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
