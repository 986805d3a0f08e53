// `kindling evaluate summarization`: ROUGE of a model on a file, beside the trivial baseline.

import type { Command } from "commander";
import { readJsonl } from "../../data/jsonl.node.ts";
import { type RougeScores, rouge } from "../../metrics/rouge.ts";
import { pipeline } from "../../pipelines/pipeline.ts";
import { progressBar } from "../../training/progress.node.ts";
import { wholeNumber } from "../numbers.ts";
import { addGenerationOptions, type GenerationFlags, generationOptions } from "./generation.ts";

interface Flags extends GenerationFlags {
  readonly model: string;
  readonly data: string;
  readonly rows?: number;
  readonly json?: boolean;
}

export function addEvaluateSummarization(evaluate: Command): void {
  const command = evaluate
    .command("summarization")
    .description("ROUGE-1, -2 and -L of the model's summaries, and of the texts' first words for comparison.")
    .requiredOption("--model <folder>", "a folder that `kindling train summarization` wrote")
    .requiredOption("--data <file>", 'JSONL, one {"text": …, "summary": …} a line')
    .option("--rows <n>", "only the first rows", wholeNumber(1))
    .option("--json", "print the figures as JSON");
  addGenerationOptions(command)
    .addHelpText("after", "\nExample:\n  $ kindling evaluate summarization --model runs/summarizer --data test.jsonl")
    .action(evaluateSummarizer);
}

const baselineWords = 12;

/** The first words: what a summary must beat to be worth anything. */
function firstWords(text: string): string {
  return text.split(/\s+/).slice(0, baselineWords).join(" ");
}

async function evaluateSummarizer(flags: Flags): Promise<void> {
  const rows = (await readJsonl(flags.data, { columns: ["text", "summary"] })).slice(0, flags.rows);
  const texts = rows.map((row) => row.text);
  const references = rows.map((row) => row.summary);
  const summarize = await pipeline("summarization", flags.model);
  const bar = progressBar(rows.length, { label: "texts" });
  const started = performance.now();
  const onProgress = (done: number): void => bar.update(done);
  const { batchSize } = flags;
  const made = await summarize(texts, { ...generationOptions(flags), batchSize, onProgress }).finally(() => bar.stop());
  const seconds = (performance.now() - started) / 1000;
  const results = {
    model: rouge(
      made.map((one) => one.summary_text),
      references,
    ),
    baseline: rouge(texts.map(firstWords), references),
  };
  if (flags.json === true) console.log(JSON.stringify({ rows: rows.length, seconds, ...results }, null, 2));
  else printTable(results, rows.length, seconds);
}

function printTable(results: Readonly<Record<"model" | "baseline", RougeScores>>, rows: number, seconds: number): void {
  const line = (cells: readonly string[]): void =>
    console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(16) : cell.padStart(9))).join(""));
  const scores = ({ rouge1, rouge2, rougeL }: RougeScores): string[] =>
    [rouge1, rouge2, rougeL].map((score) => (100 * score.fmeasure).toFixed(2));
  line(["", "ROUGE-1", "ROUGE-2", "ROUGE-L"]);
  line(["model", ...scores(results.model)]);
  line([`first ${baselineWords} words`, ...scores(results.baseline)]);
  console.log(`${rows} texts in ${seconds.toFixed(1)} s (F-measures, in percent)`);
}
