// `kindling train summarization`: from two files of {"text","summary"} lines to a model's folder.

import { type Command, Option } from "commander";
import { manualSeed } from "../../base/random.ts";
import { readJsonl } from "../../data/jsonl.node.ts";
import { rouge } from "../../metrics/rouge.ts";
import { Seq2SeqRnn } from "../../models/rnn-seq2seq.ts";
import { summarization } from "../../pipelines/summarization.ts";
import type { PreTrainedTokenizer } from "../../text/pretrained-tokenizer.ts";
import { AutoTokenizer } from "../../text/tokenizer.node.ts";
import { trainTokenizer } from "../../text/train-tokenizer.ts";
import type { TrainingArguments } from "../../training/arguments.ts";
import { type EvalPrediction, Trainer } from "../../training/trainer.ts";
import { curve, stoppedEarly, untilInterrupted } from "../interrupt.ts";
import { numberAbove, share, wholeNumber } from "../numbers.ts";
import { checkOutput, lastCheckpoint } from "../output.ts";
import { addLengthOptions, addRepeatOptions, type RunFlags, runArguments } from "../run-arguments.ts";

interface Flags extends RunFlags {
  readonly train: string;
  readonly validation: string;
  readonly learningRate: number;
  readonly hiddenSize: number;
  readonly embeddingSize: number;
  readonly layers: number;
  readonly rnn: "lstm" | "gru";
  readonly attention: "dot" | "additive";
  readonly dropout: number;
  readonly vocabSize: number;
  readonly maxSourceTokens: number;
  readonly maxTargetTokens: number;
  readonly evalRows: number;
  readonly saveSteps?: number;
}

export function addTrainSummarization(train: Command): void {
  const command = train
    .command("summarization")
    .description("Train a summarizer from scratch: a recurrent encoder and decoder with attention.")
    .requiredOption("--train <file>", 'JSONL, one {"text": …, "summary": …} a line')
    .requiredOption("--validation <file>", "JSONL of the same form, to watch progress on")
    .requiredOption("--output <folder>", "where the model, its checkpoints and the log go");
  addLengthOptions(command)
    .option("--batch-size <n>", "texts a step", wholeNumber(1), 32)
    .option("--learning-rate <x>", "the peak of the schedule", numberAbove(0), 1e-3)
    .option("--hidden-size <n>", "units of the recurrent layers", wholeNumber(2), 512)
    .option("--embedding-size <n>", "width of a token", wholeNumber(1), 256)
    .option("--layers <n>", "recurrent layers in encoder and decoder", wholeNumber(1), 1)
    .addOption(new Option("--rnn <kind>", "kind of the recurrent layers").choices(["lstm", "gru"]).default("lstm"))
    .addOption(new Option("--attention <kind>", "kind of attention").choices(["dot", "additive"]).default("dot"))
    .option("--dropout <x>", "share of activations dropped in training", share, 0.2)
    .option("--label-smoothing <x>", "share of the target spread over all tokens", share, 0.1)
    .option("--vocab-size <n>", "tokens of the tokenizer, which is trained first", wholeNumber(1), 8000)
    .option("--max-source-tokens <n>", "longer texts are cut", wholeNumber(2), 128)
    .option("--max-target-tokens <n>", "longer summaries are cut", wholeNumber(2), 32)
    .option("--log-steps <n>", "steps between points of the loss curve", wholeNumber(1), 10)
    .option("--eval-steps <n>", "steps between evaluations (default: once an epoch)", wholeNumber(1))
    .option("--eval-rows <n>", "rows of the validation file that are looked at", wholeNumber(1), 200)
    .option(
      "--save-steps <n>",
      "steps between checkpoints, a multiple of --eval-steps (default: at each)",
      wholeNumber(1),
    );
  addRepeatOptions(command)
    .addHelpText(
      "after",
      `
Ctrl-C saves a checkpoint and ends; --resume goes on from there.

Examples:
  $ kindling train summarization --train train.jsonl --validation validation.jsonl --output runs/summarizer
  $ kindling train summarization --train train.jsonl --validation validation.jsonl --output runs/summarizer --resume`,
    )
    .action(trainSummarizer);
}

interface TextSummary {
  readonly text: string;
  readonly summary: string;
}

/** A row as the model reads it; both lists end with the end token. */
interface EncodedRow {
  readonly inputIds: readonly number[];
  readonly labels: readonly number[];
}

async function trainSummarizer(flags: Flags): Promise<void> {
  const columns = ["text", "summary"] as const;
  const resume = flags.resume === true;
  if (!resume) await checkOutput(flags.output, { overwrite: flags.overwrite === true });
  const trainRows = await readJsonl(flags.train, { columns });
  const validationRows = (await readJsonl(flags.validation, { columns })).slice(0, flags.evalRows);
  manualSeed(flags.seed);
  const tokenizer = await tokenizerFor(flags, trainRows);
  const model = new Seq2SeqRnn({
    vocabSize: tokenizer.vocabSize,
    hiddenSize: flags.hiddenSize,
    embeddingSize: flags.embeddingSize,
    numLayers: flags.layers,
    rnnType: flags.rnn,
    attention: flags.attention,
    dropout: flags.dropout,
  });
  const trainer = new Trainer<EncodedRow>({
    model,
    tokenizer,
    args: trainingArguments(flags),
    trainDataset: encode(trainRows, tokenizer, flags.maxTargetTokens),
    evalDataset: encode(validationRows, tokenizer, flags.maxTargetTokens),
    computeMetrics,
    modelCard: { pipelineTag: "summarization" },
  });
  const parameters = model.parameters().reduce((sum, p) => sum + p.numel, 0);
  console.error(`A model of ${parameters.toLocaleString("en-US")} parameters learns from ${trainRows.length} rows.`);
  const { wasStopped } = await untilInterrupted(trainer, resume);
  console.log(curve(trainer.state));
  if (wasStopped) return stoppedEarly(trainer);
  await showSummaries(summarization(model, tokenizer), validationRows.slice(0, 3), flags.maxTargetTokens);
  console.log(`\nThe model is in ${flags.output}, with its loss curve as loss.svg. Try it:`);
  console.log(`  kindling run summarization --model ${flags.output} "a text …"`);
}

/** The tokenizer of the run that goes on, or a new one of the rows' own words. */
async function tokenizerFor(flags: Flags, rows: readonly TextSummary[]): Promise<PreTrainedTokenizer> {
  const checkpoint = flags.resume === true ? await lastCheckpoint(flags.output) : undefined;
  if (checkpoint !== undefined) return AutoTokenizer.fromPretrained(checkpoint);
  console.error(`Training a tokenizer of ${flags.vocabSize} tokens on ${rows.length} rows.`);
  const texts = rows.flatMap((row) => [row.text, row.summary]);
  return trainTokenizer(texts, { vocabSize: flags.vocabSize, modelMaxLength: flags.maxSourceTokens });
}

function trainingArguments(flags: Flags): TrainingArguments {
  const { evalSteps, saveSteps } = flags;
  const byEpoch = evalSteps === undefined && saveSteps === undefined;
  return {
    ...runArguments(flags),
    groupByLength: true,
    learningRate: flags.learningRate,
    lrSchedulerType: "cosine",
    warmupSteps: 0.05,
    weightDecay: 0.01,
    evalStrategy: byEpoch ? "epoch" : "steps",
    saveStrategy: byEpoch ? "epoch" : "steps",
    evalSteps: evalSteps ?? saveSteps ?? 1,
    saveSteps: saveSteps ?? evalSteps ?? 1,
    predictWithGenerate: true,
    generationMaxNewTokens: flags.maxTargetTokens,
    metricForBestModel: "rougeL",
  };
}

/** Texts are cut to the tokenizer's length, summaries to `maxTargetTokens`. */
function encode(rows: readonly TextSummary[], tokenizer: PreTrainedTokenizer, maxTargetTokens: number): EncodedRow[] {
  return rows.map(({ text, summary }) => ({
    inputIds: tokenizer(text, { truncation: true }).inputIds,
    labels: tokenizer(summary, { truncation: true, maxLength: maxTargetTokens }).inputIds,
  }));
}

function computeMetrics({ decodedPredictions = [], decodedLabels = [] }: EvalPrediction): Record<string, number> {
  const { rouge1, rouge2, rougeL } = rouge(decodedPredictions, decodedLabels);
  return { rouge1: rouge1.fmeasure, rouge2: rouge2.fmeasure, rougeL: rougeL.fmeasure };
}

async function showSummaries(
  summarize: ReturnType<typeof summarization>,
  rows: readonly TextSummary[],
  maxNewTokens: number,
): Promise<void> {
  const made = await summarize(
    rows.map((row) => row.text),
    { maxNewTokens, numBeams: 4 },
  );
  rows.forEach(({ text, summary }, i) => {
    const start = text.length > 160 ? `${text.slice(0, 160)}…` : text;
    console.log(`\ntext       ${start}\nsummary    ${made[i]!.summary_text}\nreference  ${summary}`);
  });
}
