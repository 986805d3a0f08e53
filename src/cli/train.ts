// `kindling train summarization`: from two files of {"text","summary"} lines to a model's folder.

import type { Command } from "commander";
import { readJsonl } from "../data/jsonl.node.ts";
import { summarization } from "../pipelines/summarization.ts";
import { manualSeed } from "../base/random.ts";
import { AutoTokenizer } from "../text/tokenizer.node.ts";
import { lossChartText } from "../training/chart.ts";
import { Seq2SeqCollator } from "../training/seq2seq.ts";
import { Trainer } from "../training/trainer.ts";
import { rougeMetrics } from "../training/rouge-metrics.ts";
import { numberAbove, wholeNumber } from "./numbers.ts";
import { report } from "./report.ts";
import { encodeRows, makeModel, trainTokenizer } from "./summarizer.ts";

interface Options {
  readonly train: string;
  readonly validation: string;
  readonly output: string;
  readonly epochs: number;
  readonly maxSteps?: number;
  readonly maxMinutes?: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly hiddenSize: number;
  readonly embeddingSize: number;
  readonly layers: number;
  readonly rnn: "lstm" | "gru";
  readonly attention: "dot" | "additive";
  readonly dropout: number;
  readonly labelSmoothing: number;
  readonly vocabSize: number;
  readonly maxSourceTokens: number;
  readonly maxTargetTokens: number;
  readonly evalSteps?: number;
  readonly evalRows: number;
  readonly saveSteps?: number;
  readonly seed: number;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
}

export function addTrain(program: Command): void {
  const train = program.command("train").description("Train a model from files of text.");
  train
    .command("summarization")
    .description("Train a summarizer: a recurrent encoder and decoder with attention, from scratch.")
    .requiredOption("--train <file>", 'JSONL, one {"text": …, "summary": …} a line')
    .requiredOption("--validation <file>", "JSONL of the same form, to watch progress on")
    .requiredOption("--output <folder>", "where the model, its checkpoints and the log go")
    .option("--epochs <n>", "passes over the data", numberAbove(0), 3)
    .option("--max-steps <n>", "steps in all, instead of epochs", wholeNumber(1))
    .option("--max-minutes <n>", "end after so long, with a checkpoint", numberAbove(0))
    .option("--batch-size <n>", "texts a step", wholeNumber(1), 32)
    .option("--learning-rate <x>", "the peak of the schedule", numberAbove(0), 1e-3)
    .option("--hidden-size <n>", "units of the recurrent layers", wholeNumber(2), 512)
    .option("--embedding-size <n>", "width of a token", wholeNumber(1), 256)
    .option("--layers <n>", "recurrent layers in encoder and decoder", wholeNumber(1), 1)
    .option("--rnn <kind>", "lstm or gru", "lstm")
    .option("--attention <kind>", "dot or additive", "dot")
    .option("--dropout <x>", "share of activations dropped in training", numberAbove(0, true), 0.2)
    .option("--label-smoothing <x>", "share of the target spread over all tokens", numberAbove(0, true), 0.1)
    .option("--vocab-size <n>", "tokens of the tokenizer, which is trained first", wholeNumber(1), 8000)
    .option("--max-source-tokens <n>", "longer texts are cut", wholeNumber(1), 128)
    .option("--max-target-tokens <n>", "longer summaries are cut", wholeNumber(2), 32)
    .option("--eval-steps <n>", "steps between evaluations (default: once an epoch)", wholeNumber(1))
    .option("--eval-rows <n>", "rows of the validation file that are looked at", wholeNumber(1), 200)
    .option("--save-steps <n>", "steps between checkpoints (default: at each evaluation)", wholeNumber(1))
    .option("--seed <n>", "fixes every random draw", wholeNumber(0), 42)
    .option("--resume", "go on from the newest checkpoint in the output folder")
    .option("--overwrite", "start anew in a folder that holds an earlier run")
    .addHelpText(
      "after",
      `
Example:
  $ kindling train summarization --train train.jsonl --validation validation.jsonl \\
      --output runs/summarizer --epochs 3 --batch-size 32`,
    )
    .action((options: Options) => trainSummarizer(options).catch(report));
}

async function trainSummarizer(o: Options): Promise<void> {
  const columns = ["text", "summary"] as const;
  const trainRows = await readJsonl(o.train, { columns });
  const validationRows = (await readJsonl(o.validation, { columns })).slice(0, o.evalRows);
  manualSeed(o.seed);
  const tokenizer =
    o.resume === true ? await AutoTokenizer.fromPretrained(o.output) : trainTokenizer(trainRows, o.vocabSize, o.maxSourceTokens);
  const model = makeModel(tokenizer, {
    hiddenSize: o.hiddenSize,
    embeddingSize: o.embeddingSize,
    numLayers: o.layers,
    rnnType: o.rnn,
    attention: o.attention,
    dropout: o.dropout,
  });
  const every = o.evalSteps === undefined ? ({ evalStrategy: "epoch" } as const) : ({ evalStrategy: "steps", evalSteps: o.evalSteps } as const);
  const trainer = new Trainer({
    model,
    tokenizer,
    args: {
      outputDir: o.output,
      numTrainEpochs: o.epochs,
      ...(o.maxSteps === undefined ? {} : { maxSteps: o.maxSteps }),
      ...(o.maxMinutes === undefined ? {} : { maxMinutes: o.maxMinutes }),
      perDeviceTrainBatchSize: o.batchSize,
      perDeviceEvalBatchSize: o.batchSize,
      learningRate: o.learningRate,
      lrSchedulerType: "cosine",
      warmupSteps: 0.05,
      weightDecay: 0.01,
      groupByLength: true,
      labelSmoothingFactor: o.labelSmoothing,
      ...every,
      ...(o.saveSteps === undefined ? { saveStrategy: every.evalStrategy } : { saveStrategy: "steps", saveSteps: o.saveSteps }),
      ...(o.saveSteps === undefined && o.evalSteps !== undefined ? { saveSteps: o.evalSteps } : {}),
      saveTotalLimit: 2,
      predictWithGenerate: true,
      generationMaxNewTokens: o.maxTargetTokens,
      loadBestModelAtEnd: true,
      metricForBestModel: "rougeL",
      greaterIsBetter: true,
      seed: o.seed,
      overwriteOutputDir: o.overwrite === true,
    },
    trainDataset: encodeRows(trainRows, tokenizer, o.maxTargetTokens),
    evalDataset: encodeRows(validationRows, tokenizer, o.maxTargetTokens),
    dataCollator: new Seq2SeqCollator(tokenizer),
    computeMetrics: rougeMetrics(tokenizer),
  });
  console.error(`${trainRows.length} rows to train on, ${validationRows.length} to watch; ${countParameters(model).toLocaleString("en")} parameters.`);
  const interrupt = (): void => {
    console.error("\nStopping after this step; a checkpoint is saved. Press Ctrl-C again to end at once.");
    trainer.stop();
    process.once("SIGINT", () => process.exit(130));
  };
  process.once("SIGINT", interrupt);
  try {
    await trainer.train({ resumeFromCheckpoint: o.resume === true });
  } finally {
    process.removeListener("SIGINT", interrupt);
  }
  show(trainer);
  const summarize = summarization(model, tokenizer);
  const shown = validationRows.slice(0, 3);
  const made = await summarize(shown.map((row) => row.text), { maxNewTokens: o.maxTargetTokens });
  shown.forEach((row, i) => console.log(`\ntext       ${row.text.slice(0, 160)}\nsummary    ${made[i]!.summary_text}\nreference  ${row.summary}`));
}

function countParameters(model: { parameters(): { readonly numel: number }[] }): number {
  return model.parameters().reduce((n, p) => n + p.numel, 0);
}

/** The loss curve, and where everything is. */
function show(trainer: Trainer): void {
  const points = (key: "loss" | "evalLoss"): { x: number; y: number }[] =>
    trainer.state.logHistory.flatMap((row) => {
      const y = row[key];
      return typeof y === "number" ? [{ x: row.step, y }] : [];
    });
  const series = [
    { name: "training loss", points: points("loss") },
    { name: "validation loss", points: points("evalLoss") },
  ].filter((s) => s.points.length > 1);
  if (series.length > 0) console.log(lossChartText(series, { columns: Math.min(process.stdout.columns ?? 80, 100), rows: 14 }));
  console.log(`\nThe model is in ${trainer.args.outputDir}; its loss curve in ${trainer.args.outputDir}/loss.svg.`);
}
