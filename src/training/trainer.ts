// Training a model on rows of data, in Hugging Face's words:
//
//   const trainer = new Trainer({ model, tokenizer, args, trainDataset, evalDataset, computeMetrics });
//   await trainer.train();
//
// The model is any module that takes a batch and returns { loss, logits? }. What is wrong with the arguments is said by the
// constructor, before anything is made.

import { progressBar } from "#runtime/training/progress";
import { openCheckpoint, openRun, writeCard, writeFiles } from "#runtime/training/run-folder";
import { TensorBoardCallback } from "#runtime/training/tensorboard";
import { ArgumentError } from "../base/errors.ts";
import { defaultGenerator, manualSeed } from "../base/random.ts";
import { padCollate, seq2seqCollate } from "../data/collate.ts";
import type { Decodable } from "../generation/generate.ts";
import type { AnyModule } from "../nn/module.ts";
import { PeftModel } from "../peft/peft-model.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { PreTrainedTokenizer } from "../text/pretrained-tokenizer.ts";
import { type CheckedArguments, checkArguments, prefixed, type TrainingArguments } from "./arguments.ts";
import type { TrainerCallback } from "./callbacks.ts";
import { formatCard, type ModelCard } from "./card.ts";
import { modelFiles, restore, restoreWeights, type ScheduledBy, type TrainedBy } from "./checkpoint.ts";
import { type Evaluation, evaluateRows, type RowValues, withoutIgnored } from "./evaluation.ts";
import { defaultOptimizer } from "./optimizer.ts";
import { noProgress } from "./progress.ts";
import { checkSource, eachRow, isStream, type RowSource, readRows, rowsOf, tokenizedBy, usedColumns } from "./rows.ts";
import type { RunFolder } from "./run-folder.ts";
import { lrFactorAt } from "./schedule.ts";
import { type Metrics, newState, type TrainerState } from "./state.ts";
import { type Batch, type ModelOutput, smoothedLoss } from "./step.ts";
import { checkStreamed, ShuffledRows, StreamedRows } from "./step-rows.ts";
import { type RunParts, stopReason, TrainingRun } from "./training-run.ts";

/** What `computeMetrics` gets. With `predictWithGenerate` and a tokenizer, the texts too. */
export interface EvalPrediction {
  readonly predictions: readonly RowValues[];
  readonly labelIds: readonly RowValues[];
  readonly decodedPredictions?: readonly string[];
  readonly decodedLabels?: readonly string[];
  /** With `includeForMetrics`: the ids of each row as its batch had them, and the mean loss of its batch. */
  readonly inputs?: readonly RowValues[];
  readonly losses?: readonly number[];
}
export type ComputeMetrics = (prediction: EvalPrediction) => Metrics | Promise<Metrics>;

export interface TrainerOptions<Row extends object> {
  readonly model: AnyModule;
  /** Saved with the model; pads batches and decodes what evaluation generates. */
  readonly tokenizer?: PreTrainedTokenizer;
  readonly args?: TrainingArguments;
  /**
   * Rows: an array, a `Dataset`, or a stream, which is read in its order and wants `maxSteps`. What a batch cannot hold, as texts,
   * the default collator leaves out; a row with a `text` and no `inputIds` it tokenizes and truncates.
   */
  readonly trainDataset?: RowSource<Row>;
  /** Rows likewise; of a stream all are read and held. */
  readonly evalDataset?: RowSource<Row>;
  /** Makes a batch of rows, which come as they are. Default: pads what the tokenizer gave. */
  readonly dataCollator?: (rows: readonly Row[]) => Batch;
  /** Numbers by name; evaluation reports `rougeL` as `evalRougeL`. */
  readonly computeMetrics?: ComputeMetrics;
  /** What is kept of each batch's logits for `computeMetrics`. */
  readonly preprocessLogitsForMetrics?: (logits: Tensor, labels: Tensor | undefined) => Tensor;
  readonly callbacks?: readonly TrainerCallback[];
  /** In place of AdamW and of the schedule that the arguments name. */
  readonly optimizers?: { readonly optimizer?: TrainedBy; readonly scheduler?: ScheduledBy };
  /** For the README.md of the model's folder. */
  readonly modelCard?: ModelCard;
}

export interface TrainOptions {
  /** `true`: from the newest checkpoint of `outputDir`, or from the beginning if it has none. A text: from that checkpoint. */
  readonly resumeFromCheckpoint?: boolean | string;
}

export interface TrainOutput {
  readonly globalStep: number;
  /** The mean loss of the steps of this call. */
  readonly trainingLoss: number;
  readonly metrics: Metrics;
  /** Whether `stop()` ended it. */
  readonly wasStopped: boolean;
}

export interface PredictionOutput extends EvalPrediction {
  readonly metrics: Metrics;
}

export class Trainer<Row extends object = Record<string, unknown>> {
  readonly model: AnyModule;
  readonly tokenizer: PreTrainedTokenizer | undefined;
  readonly args: CheckedArguments;
  /** How far training is; a new one for each call of `train()`. */
  state: TrainerState = newState();
  readonly #options: TrainerOptions<Row>;
  readonly #collate: (rows: readonly Row[]) => Batch;
  #stop: AbortController | undefined;

  constructor(options: TrainerOptions<Row>) {
    this.args = checkArguments(options.args ?? {});
    this.model = options.model;
    this.tokenizer = options.tokenizer;
    this.#options = options;
    this.#collate = options.dataCollator ?? defaultCollator(options);
    this.#check();
  }

  #check(): void {
    const { trainDataset, evalDataset } = this.#options;
    const { args, model } = this;
    checkSource("trainDataset", trainDataset);
    checkSource("evalDataset", evalDataset);
    if (trainDataset !== undefined && isStream(this.#rowsOf(trainDataset))) checkStreamed(args);
    lrFactorAt(args, 0, 1); // throws if the schedule lacks a setting
    for (const callback of this.#options.callbacks ?? []) callback.onInitEnd?.({ args });
    if (trainDataset?.length === 0) throw new ArgumentError("Trainer: trainDataset has no rows.", {});
    if (evalDataset?.length === 0) throw new ArgumentError("Trainer: evalDataset has no rows.", {});
    if (args.evalStrategy !== "no" && evalDataset === undefined) {
      throw new ArgumentError(`Trainer: evalStrategy is "${args.evalStrategy}", but there is no evalDataset.`, {});
    }
    if (args.predictWithGenerate && !isDecodable(model)) {
      throw new ArgumentError(
        `Trainer: predictWithGenerate: ${model.constructor.name} cannot generate; it has no decodeStep().`,
        {},
      );
    }
    if (args.evalOnStart && evalDataset === undefined)
      throw new ArgumentError("Trainer: evalOnStart is set, but there is no evalDataset.", {});
    if (args.gradientCheckpointing && checkpointed(model) === undefined)
      throw new ArgumentError(
        `Trainer: gradientCheckpointing: ${model.constructor.name} has no gradientCheckpointingEnable().`,
        {},
      );
    if (model instanceof PeftModel && model.activeAdapters.length !== 1)
      throw new ArgumentError(
        `Trainer: ${model.activeAdapters.length} adapters act; one at a time is trained. Call setAdapter() with its name.`,
        { adapters: model.activeAdapters },
      );
    if (trainDataset !== undefined && !model.parameters().some((p) => p.requiresGrad))
      throw new ArgumentError("Trainer: no parameter of the model requires a gradient.", {});
  }

  /** What the model says to a batch. A subclass can compute its own loss here. */
  computeLoss(model: AnyModule, batch: Batch): ModelOutput {
    const { labelSmoothing, ...rest } = batch;
    if (typeof labelSmoothing !== "number" || "takesLabelSmoothing" in model) return model(batch) as ModelOutput; // any module may be given; `lossOf` checks
    const output = model(rest) as ModelOutput; // likewise
    return { ...output, loss: smoothedLoss(output, rest, labelSmoothing) };
  }

  // ── training ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Trains to the end, or until `stop()`; then the model's files are in `outputDir`. */
  async train(options: TrainOptions = {}): Promise<TrainOutput> {
    const { trainDataset, optimizers = {} } = this.#options;
    const { resumeFromCheckpoint: resume = false } = options;
    const { model, tokenizer, args } = this;
    const { outputDir, overwriteOutputDir: overwrite } = args;
    if (trainDataset === undefined) throw new ArgumentError("Trainer: train() needs a trainDataset.", {});
    if (this.#stop !== undefined) throw new ArgumentError("Trainer: train() is running already.", {});
    if (resume !== false && outputDir === undefined)
      throw new ArgumentError("Trainer: to resume, it needs the run's outputDir.", {});
    const stop = new AbortController();
    this.#stop = stop;
    let folder: RunFolder | undefined;
    try {
      const rows = this.#rowsOf(trainDataset);
      const lengths = args.groupByLength && !isStream(rows) ? await eachRow(rows, measuredLength) : undefined;
      const opened = outputDir === undefined ? undefined : await openRun(outputDir, { resume, overwrite });
      folder = opened?.folder;
      const { optimizer = defaultOptimizer(model, args), scheduler } = optimizers;
      const rates = optimizer.paramGroups.map((group) => group.lr);
      const trained = { model, tokenizer, optimizer, scheduler, args, trainRows: isStream(rows) ? 0 : rows.length };
      manualSeed(args.seed);
      if (args.gradientCheckpointing) checkpointed(model)?.gradientCheckpointingEnable();
      this.state = newState();
      if (opened?.checkpoint !== undefined)
        this.state = await restore(opened.checkpoint, { ...trained, state: this.state });
      const { state } = this;
      await folder?.begin();
      const run = new TrainingRun({
        ...trained,
        state,
        rows: isStream(rows) ? new StreamedRows(rows, args, state) : new ShuffledRows(rows, args, lengths),
        rates,
        ...this.#measures(),
        callbacks: this.#callbacks(),
        folder,
        bar: (total) =>
          args.disableTqdm ? noProgress : progressBar(total, { label: "train", startStep: state.globalStep }),
        signal: stop.signal,
      });
      await run.run();
      return await this.#finish(run, folder);
    } finally {
      this.#stop = undefined;
      folder?.close();
    }
  }

  #callbacks(): TrainerCallback[] {
    const reports = this.args.reportTo.map(() => new TensorBoardCallback());
    return [...(this.#options.callbacks ?? []), ...reports];
  }

  /** Ends `train()` after the step it is in: a checkpoint is saved, and the model as it is then. */
  stop(): void {
    this.#stop?.abort(stopReason);
  }

  #measures(): Pick<RunParts<Row>, "collate" | "forward" | "tokensOf" | "evaluate"> {
    return {
      collate: this.#collate,
      forward: (batch) => this.computeLoss(this.model, batch),
      tokensOf: (row) => Math.max(1, tokensOf(row)),
      evaluate: async (signal) =>
        (await this.#measure(this.#evalRows(), "eval", this.#options.computeMetrics !== undefined, signal)).metrics,
    };
  }

  /** The best weights if they are wanted, the model's files, and the last entry of the log. */
  async #finish(run: TrainingRun<Row>, folder: RunFolder | undefined): Promise<TrainOutput> {
    const { state, args, model } = this;
    if (args.loadBestModelAtEnd && state.bestModelCheckpoint !== null)
      await restoreWeights(await openCheckpoint(state.bestModelCheckpoint), model);
    const metrics = {
      trainRuntime: run.seconds,
      trainStepsPerSecond: run.steps / run.seconds,
      trainLoss: run.meanLoss,
    };
    if (run.steps > 0 && !run.wasStopped) await run.log(metrics);
    if (folder !== undefined && state.globalStep > 0) await this.saveModel(folder.path);
    await run.tell("onTrainEnd");
    return { globalStep: state.globalStep, trainingLoss: run.meanLoss, metrics, wasStopped: run.wasStopped };
  }

  /** Writes the model, the tokenizer and a README.md into a folder (`outputDir` by default), as `pipeline()` reads them. */
  async saveModel(folder: string | undefined = this.args.outputDir): Promise<void> {
    if (folder === undefined)
      throw new ArgumentError("Trainer: saveModel() needs a folder, for there is no outputDir.", {});
    const { model, tokenizer, args, state } = this;
    const parameters = model.parameters().reduce((sum, p) => sum + p.numel, 0);
    const card = formatCard({
      folder,
      modelName: model.constructor.name,
      parameters,
      args,
      state,
      card: this.#options.modelCard ?? {},
    });
    await writeFiles(folder, modelFiles(model, tokenizer));
    await writeCard(folder, card);
  }

  // ── measuring ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** The loss on the evaluation rows and what `computeMetrics` says, each under its name with "eval". */
  async evaluate(rows: RowSource<Row> = this.#evalRows()): Promise<Metrics> {
    return (await this.#measure(rows, "eval", this.#options.computeMetrics !== undefined)).metrics;
  }

  /** What the model says to each row, and metrics with "test" if the rows have labels. */
  async predict(rows: RowSource<Row>): Promise<PredictionOutput> {
    return this.#measure(rows, "test", true);
  }

  #evalRows(): RowSource<Row> {
    const { evalDataset } = this.#options;
    if (evalDataset === undefined) throw new ArgumentError("Trainer: there is no evalDataset.", {});
    return evalDataset;
  }

  /** What the collator gets: with the default one, tokenized and without what no batch can hold. */
  #rowsOf(source: RowSource<Row>): ReturnType<typeof rowsOf<Row>> {
    if (this.#options.dataCollator !== undefined) return rowsOf(source, (row) => row);
    const columns = this.args.removeUnusedColumns ? usedColumns(source) : source;
    return rowsOf(columns, tokenizedBy(this.tokenizer));
  }

  /** Leaves the model's mode and the default random stream as they were, so that training does not depend on it. */
  async #measure(
    source: RowSource<Row>,
    prefix: string,
    collect: boolean,
    signal?: AbortSignal,
  ): Promise<PredictionOutput> {
    const { model, args } = this;
    const { computeMetrics, preprocessLogitsForMetrics: preprocessLogits } = this.#options;
    const {
      predictWithGenerate,
      perDeviceEvalBatchSize: batchSize,
      generationMaxNewTokens: maxNewTokens,
      generationNumBeams: numBeams,
    } = args;
    const generation = predictWithGenerate && isDecodable(model) ? { model, maxNewTokens, numBeams } : undefined;
    const [wasTraining, random, start] = [model.training, defaultGenerator.state, performance.now()];
    model.eval();
    try {
      const { collate, forward } = this.#measures();
      const rows = await readRows(this.#rowsOf(source));
      const evaluation = await evaluateRows(rows, {
        batchSize,
        collate,
        forward,
        lengthOf: (row) => lengthOf(row) ?? 0,
        collect,
        generation,
        preprocessLogits,
        labelNames: args.labelNames,
        include: args.includeForMetrics,
        signal,
      });
      const prediction = this.#decoded(evaluation, generation !== undefined);
      const hasLabels = evaluation.labelIds.some((labels) => labels !== undefined);
      const computed = computeMetrics !== undefined && hasLabels ? await computeMetrics(prediction) : {};
      const seconds = (performance.now() - start) / 1000;
      const measured = {
        ...(evaluation.loss !== undefined && { loss: evaluation.loss }),
        ...computed,
        runtime: seconds,
        samplesPerSecond: rows.length / seconds,
      };
      return { ...prediction, metrics: named(measured, prefix) };
    } finally {
      model.train(wasTraining);
      defaultGenerator.state = random;
    }
  }

  #decoded({ loss: _, ...kept }: Evaluation, areIds: boolean): EvalPrediction {
    const { tokenizer } = this;
    const { predictions, labelIds } = kept;
    if (!areIds || tokenizer === undefined) return kept;
    const texts = (rows: readonly RowValues[]): string[] =>
      tokenizer.batchDecode(withoutIgnored(rows), { skipSpecialTokens: true }).map((text) => text.trim());
    return { ...kept, decodedPredictions: texts(predictions), decodedLabels: texts(labelIds) };
  }
}

/** Metrics under their full names; each must be a number. */
function named(metrics: Readonly<Record<string, unknown>>, prefix: string): Metrics {
  const entries = Object.entries(metrics).map(([name, value]): [string, number] => {
    if (typeof value !== "number")
      throw new ArgumentError(`computeMetrics: "${name}" is ${typeof value}; metrics are numbers.`, { name });
    return [prefixed(prefix, name), value];
  });
  return Object.fromEntries(entries);
}

/** Pads; the labels of a model that generates are texts of their own. */
function defaultCollator({
  model,
  tokenizer,
}: Pick<TrainerOptions<never>, "model" | "tokenizer">): (rows: readonly object[]) => Batch {
  const options = { padTokenId: tokenizer?.padTokenId ?? 0, paddingSide: tokenizer?.paddingSide ?? "right" };
  return (isDecodable(model) ? seq2seqCollate : padCollate)(options);
}

interface Checkpointed {
  gradientCheckpointingEnable(): void;
}
/** The model, or what has adapters in it, if it can compute activations again. */
function checkpointed(model: AnyModule): Checkpointed | undefined {
  const inner: AnyModule = model instanceof PeftModel ? model.model : model;
  return "gradientCheckpointingEnable" in inner ? (inner as AnyModule & Checkpointed) : undefined; // transformers' name
}

function isDecodable(model: object): model is Decodable<unknown> {
  return "encode" in model && "decodeStep" in model && "config" in model;
}

/** How many items a column of the row has; undefined if it is no list. */
function sizeOf(row: object, column: string): number | undefined {
  const value = (row as Readonly<Record<string, unknown>>)[column]; // rows are read by name
  return Array.isArray(value) || ArrayBuffer.isView(value) ? (value as { readonly length: number }).length : undefined;
}

/** Tokens of a row and of its labels; of rows that hold tokenized texts in columns, of all of these. */
function tokensOf(row: object): number {
  const own = lengthOf(row);
  if (own !== undefined) return own + (sizeOf(row, "labels") ?? 0);
  const texts = Object.values(row).filter((value) => typeof value === "object" && value !== null);
  return texts.reduce((sum, text) => sum + (lengthOf(text) ?? 0), 0);
}

function measuredLength(row: object, i: number): number {
  const length = lengthOf(row);
  if (length === undefined)
    throw new ArgumentError(`Trainer: groupByLength: row ${i} has no inputIds to measure.`, { row: i });
  return length;
}

function lengthOf(row: object): number | undefined {
  return sizeOf(row, "inputIds");
}
