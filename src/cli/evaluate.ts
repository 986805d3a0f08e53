// `kindling evaluate summarization`: ROUGE of a model on a file, beside the trivial baseline.

import cliProgress from "cli-progress";
import type { Command } from "commander";
import { readJsonl } from "../data/jsonl.node.ts";
import type { GenerateOptions } from "../generation/options.ts";
import { type RougeScores, rouge } from "../metrics/rouge.ts";
import { pipeline } from "../pipelines/pipeline.ts";
import { wholeNumber } from "./numbers.ts";
import { report } from "./report.ts";
import { addGenerationOptions, generationOptions } from "./run.ts";

interface Options extends GenerateOptions {
  readonly model: string;
  readonly data: string;
  readonly rows?: number;
  readonly batchSize: number;
  readonly json?: boolean;
}

export function addEvaluate(program: Command): void {
  const evaluate = program.command("evaluate").description("Score a trained model on a file.");
  const command = evaluate
    .command("summarization")
    .description("ROUGE-1, -2 and -L of the model's summaries, and of the texts' first 12 words.")
    .requiredOption("--model <folder>", "a folder that `kindling train summarization` wrote")
    .requiredOption("--data <file>", 'JSONL, one {"text": …, "summary": …} a line')
    .option("--rows <n>", "only the first rows", wholeNumber(1))
    .option("--batch-size <n>", "texts decoded together", wholeNumber(1), 32)
    .option("--json", "print the figures as JSON");
  addGenerationOptions(command)
    .addHelpText("after", "\nExample:\n  $ kindling evaluate summarization --model runs/summarizer --data test.jsonl")
    .action((options: Options) => evaluateSummarizer(options).catch(report));
}

/** The first 12 words: what a summary must beat to be worth anything. */
export function leadBaseline(text: string): string {
  return text.split(/\s+/).slice(0, 12).join(" ");
}

async function evaluateSummarizer(o: Options): Promise<void> {
  const rows = (await readJsonl(o.data, { columns: ["text", "summary"] })).slice(0, o.rows);
  const summarize = await pipeline("summarization", o.model);
  const bar = new cliProgress.SingleBar({ format: "{bar} {value}/{total} texts, {eta_formatted} left", noTTYOutput: false });
  if (process.stderr.isTTY) bar.start(rows.length, 0);
  const started = performance.now();
  const made = await summarize(
    rows.map((row) => row.text),
    { ...generationOptions(o), batchSize: o.batchSize, onProgress: (done) => bar.update(done) },
  );
  bar.stop();
  const references = rows.map((row) => row.summary);
  const model = rouge(made.map((m) => m.summary_text), references);
  const baseline = rouge(rows.map((row) => leadBaseline(row.text)), references);
  const seconds = (performance.now() - started) / 1000;
  if (o.json === true) console.log(JSON.stringify({ rows: rows.length, seconds, model, baseline }, null, 2));
  else printTable({ model, "first 12 words": baseline }, rows.length, seconds);
}

export function printTable(results: Readonly<Record<string, RougeScores>>, rows: number, seconds: number): void {
  const line = (cells: readonly string[]): string => cells.map((c, i) => (i === 0 ? c.padEnd(16) : c.padStart(9))).join("");
  console.log(line(["", "ROUGE-1", "ROUGE-2", "ROUGE-L"]));
  for (const [name, scores] of Object.entries(results)) {
    const values = [scores.rouge1, scores.rouge2, scores.rougeL].map((s) => (100 * s.fmeasure).toFixed(2));
    console.log(line([name, ...values]));
  }
  console.log(`${rows} texts in ${seconds.toFixed(1)} s (F-measures, in percent)`);
}
