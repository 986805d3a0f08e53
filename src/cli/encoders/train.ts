// Training of an encoder for a task: a model from a name or from scratch, perhaps with an adapter, then the Trainer and a report.

import { join } from "node:path";
import { ArgumentError } from "../../base/errors.ts";
import { manualSeed } from "../../base/random.ts";
import { writeFileAtomic } from "../../checkpoint/files.node.ts";
import { AutoConfig } from "../../models/auto.ts";
import type { LabelConfig } from "../../models/encoder-config.ts";
import { AutoTokenizer } from "../../models/pretrained-files.ts";
import type { AnyModule } from "../../nn/module.ts";
import { getPeftModel } from "../../peft/peft-model.ts";
import { lengthLimit } from "../../pipelines/encoder.ts";
import type { PreTrainedTokenizer } from "../../text/pretrained-tokenizer.ts";
import { trainEncoderTokenizer } from "../../text/train-tokenizer.ts";
import type { TrainingArguments } from "../../training/arguments.ts";
import { EarlyStoppingCallback } from "../../training/callbacks.ts";
import { curve, stoppedEarly, untilInterrupted } from "../interrupt.ts";
import { checkOutput, lastCheckpoint } from "../output.ts";
import { type RunFlags, runArguments } from "../run-arguments.ts";
import type { AnyEncoder, AnyRecipe, DataFlags, Tools } from "./recipe.ts";
import { inFile } from "./rows.ts";
import type { EncoderTask } from "./tasks.ts";

export interface TrainFlags extends DataFlags, RunFlags {
  readonly train: string;
  readonly validation: string;
  readonly model?: string;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads?: number;
  readonly vocabSize: number;
  readonly lora?: number;
  readonly loraAlpha?: number;
  readonly loraDropout: number;
  readonly loraTargets?: string;
  readonly learningRate?: number;
  readonly weightDecay: number;
  readonly warmup: number;
  readonly gradientAccumulation: number;
  readonly gradientCheckpointing?: boolean;
  readonly earlyStopping?: number;
  readonly reportTo?: "tensorboard";
}

export async function trainEncoder(task: EncoderTask, flags: TrainFlags): Promise<void> {
  const recipe = await task.recipe();
  checkFlags(flags);
  const resume = flags.resume === true;
  if (!resume) await checkOutput(flags.output, { overwrite: flags.overwrite === true });
  const train = await recipe.read(flags.train, flags);
  const validation = await recipe.read(flags.validation, flags);
  const checkpoint = flags.model === undefined ? undefined : await AutoConfig.fromPretrained(flags.model);
  const labels = inFile(flags.train, () => recipe.labels?.(train, validation, flags, checkpoint) ?? {});
  manualSeed(flags.seed);
  const tokenizer = await tokenizerFor(recipe, flags, train);
  const base = await modelFor(recipe, flags, tokenizer, labels);
  const limited = { ...flags, maxLength: Math.min(flags.maxLength, lengthLimit({ tokenizer, model: base })) };
  const tools: Tools = { tokenizer, config: base.config, flags: limited };
  const evaluation = {
    rows: validation,
    features: inFile(flags.validation, () => recipe.features(validation, tools, false)),
  };
  const features = inFile(flags.train, () => recipe.features(train, tools, true));
  const model = adapted(base, recipe, flags);
  const trainer = recipe.trainer(
    {
      model,
      args: trainingArguments(flags, recipe),
      trainDataset: features,
      evalDataset: evaluation.features,
      callbacks:
        flags.earlyStopping === undefined
          ? []
          : [new EarlyStoppingCallback({ earlyStoppingPatience: flags.earlyStopping })],
      modelCard: { pipelineTag: task.name === "embeddings" ? "sentence-similarity" : task.name },
    },
    tools,
    evaluation,
  );
  const learnt = model
    .parameters()
    .filter((p) => p.requiresGrad)
    .reduce((sum, p) => sum + p.numel, 0);
  console.error(
    `${base.constructor.name}: ${learnt.toLocaleString("en-US")} parameters learn from ${train.length} rows.`,
  );
  const { wasStopped } = await untilInterrupted(trainer, resume);
  console.log(curve(trainer.state));
  if (wasStopped) return stoppedEarly(trainer);
  const report = await recipe.report(trainer, evaluation, tools);
  for (const [name, content] of Object.entries(report.files ?? {}))
    await writeFileAtomic(join(flags.output, name), content);
  console.log(`\n${report.text}\n`);
  const files = ["loss.svg", ...Object.keys(report.files ?? {})].join(" and ");
  console.log(`The model is in ${flags.output}, with ${files}. Try it:\n  ${usage[task.name](flags.output)}`);
}

const usage: { readonly [task in EncoderTask["name"]]: (folder: string) => string } = {
  "text-classification": (folder) => `kindling run text-classification --model ${folder} "a text …"`,
  "token-classification": (folder) => `kindling run token-classification --model ${folder} "a text …"`,
  "question-answering": (folder) => `kindling run question-answering --model ${folder} --question "…" --context "…"`,
  "fill-mask": (folder) => `kindling run fill-mask --model ${folder} "a text with a [MASK] …"`,
  embeddings: (folder) => `kindling run embeddings --model ${folder} --search "…" --corpus texts.txt`,
};

function checkFlags({ model, lora, loraAlpha, loraTargets, hiddenSize, heads }: TrainFlags): void {
  if (lora !== undefined && model === undefined)
    throw new ArgumentError("--lora adapts a model that is there: name it with --model.", {});
  if (lora === undefined && (loraAlpha !== undefined || loraTargets !== undefined))
    throw new ArgumentError("--lora-alpha and --lora-targets go with --lora <rank>.", {});
  if (model === undefined && hiddenSize % (heads ?? headsFor(hiddenSize)) !== 0)
    throw new ArgumentError(`--heads ${heads}: they do not divide --hidden-size ${hiddenSize}.`, { hiddenSize, heads });
}

/** Heads of 64 or, of small models, 32 numbers. */
function headsFor(hiddenSize: number): number {
  const size = [64, 32, 16, 8].find((each) => hiddenSize % each === 0 && hiddenSize / each >= 2);
  return size === undefined ? 1 : hiddenSize / size;
}

/** That of the model, of the run that goes on, or a new one of the rows' own words. */
async function tokenizerFor(
  recipe: AnyRecipe,
  flags: TrainFlags,
  rows: readonly unknown[],
): Promise<PreTrainedTokenizer> {
  const checkpoint = flags.resume === true ? await lastCheckpoint(flags.output) : undefined;
  const from = checkpoint ?? flags.model;
  if (from !== undefined) return AutoTokenizer.fromPretrained(from);
  console.error(`Training a tokenizer of ${flags.vocabSize} tokens on ${rows.length} rows.`);
  const { trainTokenizer = trainEncoderTokenizer } = recipe;
  return trainTokenizer(recipe.texts(rows), { vocabSize: flags.vocabSize, modelMaxLength: flags.maxLength });
}

async function modelFor(
  recipe: AnyRecipe,
  flags: TrainFlags,
  tokenizer: PreTrainedTokenizer,
  labels: Partial<LabelConfig>,
): Promise<AnyEncoder> {
  if (flags.model !== undefined) {
    const ignoreMismatchedSizes = flags.ignoreMismatchedSizes === true;
    const onWarning = (message: string): void => console.error(message);
    return recipe.auto.fromPretrained(flags.model, { ...labels, ignoreMismatchedSizes, onWarning });
  }
  const { hiddenSize, layers, maxLength } = flags;
  const config = {
    modelType: "bert",
    vocabSize: tokenizer.vocabSize,
    hiddenSize,
    numHiddenLayers: layers,
    numAttentionHeads: flags.heads ?? headsFor(hiddenSize),
    intermediateSize: 4 * hiddenSize,
    maxPositionEmbeddings: maxLength,
    padTokenId: tokenizer.padTokenId,
    ...labels,
  };
  return recipe.auto.fromConfig(config);
}

function adapted(base: AnyEncoder, recipe: AnyRecipe, flags: TrainFlags): AnyModule {
  if (flags.lora === undefined || flags.model === undefined) return base;
  const { loraTargets } = flags;
  return getPeftModel(base, {
    r: flags.lora,
    loraAlpha: flags.loraAlpha ?? 2 * flags.lora,
    loraDropout: flags.loraDropout,
    baseModelNameOrPath: flags.model,
    ...(recipe.loraTask !== undefined && { taskType: recipe.loraTask }),
    ...(loraTargets !== undefined && {
      targetModules: loraTargets === "all-linear" ? loraTargets : loraTargets.split(","),
    }),
  });
}

function trainingArguments(flags: TrainFlags, recipe: AnyRecipe): TrainingArguments {
  const { evalSteps, reportTo } = flags;
  const usual = flags.lora !== undefined ? 2e-4 : flags.model === undefined ? 5e-4 : 5e-5;
  const strategy = evalSteps === undefined ? "epoch" : "steps";
  return {
    ...runArguments(flags),
    gradientAccumulationSteps: flags.gradientAccumulation,
    gradientCheckpointing: flags.gradientCheckpointing === true,
    learningRate: flags.learningRate ?? usual,
    warmupSteps: flags.warmup,
    weightDecay: flags.weightDecay,
    evalStrategy: strategy,
    saveStrategy: strategy,
    ...(evalSteps !== undefined && { evalSteps, saveSteps: evalSteps }),
    metricForBestModel: recipe.best,
    ...(reportTo !== undefined && { reportTo: [reportTo] }),
  };
}
