// What a checkpoint holds, and going on from it. Everything that the next step depends on is in it (weights, the optimizer's
// state, the random stream, the place in the data), so the losses of a resumed run are those of an uninterrupted one, bit for bit.
//
//   config.json, model.safetensors, tokenizer.json …   the model, as its own folder would hold it
//   optimizer.safetensors, optimizer.json              moments, step counts and settings; scheduler.json for a scheduler of the user's
//   rng_state.json                                     the default stream, which dropout draws from
//   trainer_state.json                                 the history and the place in the run; the order of the rows follows from
//   training_args.json                                 this step and the seed

import type { DType } from "../base/dtype.ts";
import { CheckpointError } from "../base/errors.ts";
import { defaultGenerator, type GeneratorState } from "../base/random.ts";
import { mapKeys, snakeCase } from "../base/spelling.ts";
import { type SafetensorsEntry, safetensorsName } from "../checkpoint/safetensors.ts";
import { formatConfig } from "../models/configuration.ts";
import { loadWeights, PreTrainedModel, stateEntries } from "../models/pretrained.ts";
import type { WeightsSource } from "../models/weights-source.ts";
import type { AnyModule } from "../nn/module.ts";
import type { OptimizerState, ParamState } from "../optim/optimizer.ts";
import { adapterConfigName, adapterWeightsName, PeftModel } from "../peft/peft-model.ts";
import { Tensor } from "../tensor/tensor.ts";
import { bytesView } from "../tensor/transfer.ts";
import type { PreTrainedTokenizer } from "../text/pretrained-tokenizer.ts";
import type { CheckedArguments } from "./arguments.ts";
import type { Checkpoint, FolderFiles } from "./run-folder.ts";
import { formatState, parseState, type TrainerState } from "./state.ts";

/** What of an optimizer the Trainer uses. */
export interface TrainedBy {
  readonly paramGroups: readonly { lr: number }[];
  step(): void;
  zeroGrad(): void;
  stateDict(): OptimizerState;
  loadStateDict(state: OptimizerState): void;
}

/** A schedule in place of the Trainer's own. */
export interface ScheduledBy {
  step(): void;
  stateDict(): unknown;
  loadStateDict(state: never): void;
}

/** All that is saved and restored. */
export interface Trained {
  readonly model: AnyModule;
  readonly tokenizer: PreTrainedTokenizer | undefined;
  readonly optimizer: TrainedBy;
  readonly scheduler: ScheduledBy | undefined;
  readonly args: CheckedArguments;
  readonly state: TrainerState;
  /** Rows of the training data; 0 of a stream. */
  readonly trainRows: number;
}

/**
 * The model's and the tokenizer's files: what `pipeline()` reads. Weights come first, so that a folder with a config has them. Of a
 * model with adapters only these, as PEFT has them, and the configuration, which knows the labels.
 */
export function modelFiles(
  model: AnyModule,
  tokenizer: PreTrainedTokenizer | undefined,
): Map<string, string | Uint8Array | readonly SafetensorsEntry[]> {
  const files = new Map<string, string | Uint8Array | readonly SafetensorsEntry[]>();
  if (model instanceof PeftModel) {
    files.set(adapterWeightsName, stateEntries({ stateDict: () => model.adapterState() }));
    files.set(adapterConfigName, model.formatConfig());
    if (model.model instanceof PreTrainedModel) files.set("config.json", formatConfig(model.model.config)); // its labels
  } else {
    files.set("model.safetensors", stateEntries(model));
    if (model instanceof PreTrainedModel) files.set("config.json", formatConfig(model.config));
  }
  for (const [name, content] of tokenizerFiles(tokenizer)) files.set(name, content);
  return files;
}

function tokenizerFiles(tokenizer: PreTrainedTokenizer | undefined): [string, string | Uint8Array][] {
  return Object.entries(tokenizer?.toFiles() ?? {}).map(([name, content]) => [
    name,
    content instanceof Uint8Array ? content : json(content),
  ]);
}

export function checkpointFiles({
  model,
  tokenizer,
  optimizer,
  scheduler,
  args,
  state,
  trainRows,
}: Trained): FolderFiles {
  const files = modelFiles(model, tokenizer);
  const { tensors, rest } = splitState(optimizer.stateDict());
  files.set("optimizer.safetensors", tensors);
  files.set("optimizer.json", json(rest));
  if (scheduler !== undefined) files.set("scheduler.json", json(scheduler.stateDict()));
  files.set("rng_state.json", json({ default: defaultGenerator.state }));
  files.set("trainer_state.json", formatState(state));
  files.set("training_args.json", json(mapKeys({ ...args, trainRows }, snakeCase)));
  return files;
}

/** Puts everything back, and returns the state. Throws before anything is changed if the checkpoint is of another run. */
export async function restore(checkpoint: Checkpoint, trained: Trained): Promise<TrainerState> {
  await checkSameRun(checkpoint, trained);
  const state = parseState(await checkpoint.readJson("trainer_state.json"), checkpoint.file("trainer_state.json"));
  const random = (await checkpoint.readJson("rng_state.json")) as { readonly default: GeneratorState }; // as written above
  await restoreWeights(checkpoint, trained.model);
  await restoreOptimizer(checkpoint, trained.optimizer);
  if (trained.scheduler !== undefined)
    trained.scheduler.loadStateDict((await checkpoint.readJson("scheduler.json")) as never); // its own
  defaultGenerator.state = random.default;
  await findBest(checkpoint, state);
  return state;
}

/** The folder may have been moved, and the best checkpoint be gone: then the next evaluation finds a new best. */
async function findBest(checkpoint: Checkpoint, state: TrainerState): Promise<void> {
  const { bestGlobalStep, bestModelCheckpoint } = state;
  if (bestGlobalStep === null || bestModelCheckpoint === null) return;
  const found = await checkpoint.sibling(bestGlobalStep);
  if (found === undefined) Object.assign(state, { bestMetric: null, bestGlobalStep: null, bestModelCheckpoint: null });
  else state.bestModelCheckpoint = found;
}

export async function restoreWeights(checkpoint: Checkpoint, model: AnyModule): Promise<void> {
  const isAdapter = model instanceof PeftModel;
  const weights = await checkpoint.openWeights(isAdapter ? adapterWeightsName : "model.safetensors");
  try {
    await loadWeights(isAdapter ? { stateDict: () => model.adapterState() } : model, weights);
  } finally {
    await weights.close();
  }
}

/** What decides which rows a step learns from. */
const ofData = [
  "trainRows",
  "perDeviceTrainBatchSize",
  "gradientAccumulationSteps",
  "groupByLength",
  "dataSeed",
] as const;

async function checkSameRun(checkpoint: Checkpoint, { model, tokenizer, args, trainRows }: Trained): Promise<void> {
  if (model instanceof PreTrainedModel) {
    const saved = (await checkpoint.readJson("config.json")) as Readonly<Record<string, unknown>>; // an object, as written above
    const own = JSON.parse(formatConfig(model.config)) as Readonly<Record<string, unknown>>; // as just made
    const { problem_type } = { problem_type: saved["problem_type"], ...own }; // a new model knows it from its first labels on
    refuseDifferences(
      checkpoint.file("config.json"),
      saved,
      problem_type === undefined ? own : { ...own, problem_type },
      "the model's configuration",
    );
  }
  for (const [name, text] of tokenizerFiles(tokenizer)) {
    if (checkpoint.has(name) && (await checkpoint.readText(name)) === text) continue;
    throw new CheckpointError(
      `${checkpoint.file(name)}: the checkpoint has another tokenizer than this run. Load it from the checkpoint's folder.`,
      { file: checkpoint.file(name) },
    );
  }
  const now: Readonly<Record<string, unknown>> = { ...args, trainRows };
  const wanted = mapKeys(Object.fromEntries(ofData.map((name) => [name, now[name]])), snakeCase);
  const saved = (await checkpoint.readJson("training_args.json")) as Readonly<Record<string, unknown>>; // an object, as written above
  const same = Object.fromEntries(Object.keys(wanted as object).map((name) => [name, saved[name]]));
  refuseDifferences(checkpoint.file("training_args.json"), same, wanted, "the training data or its batches");
}

function refuseDifferences(file: string, saved: unknown, own: unknown, what: string): void {
  const [a, b] = [saved, own] as [Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>]; // JSON objects
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  const differing = names.filter((name) => JSON.stringify(a[name]) !== JSON.stringify(b[name]));
  if (differing.length === 0) return;
  const shown = differing
    .slice(0, 4)
    .map((name) => `${name} is ${JSON.stringify(a[name])} there and ${JSON.stringify(b[name])} here`);
  throw new CheckpointError(
    `${file}: the checkpoint is of another run: ${what} differ${what.endsWith("configuration") ? "s" : ""}: ${shown.join(", ")}. ` +
      "Resume with what it was trained with, or begin a run of its own in another folder.",
    { file, differing },
  );
}

// ── the optimizer's state in two files ──────────────────────────────────────────────────────────────────────────────

interface OptimizerRest {
  readonly param_groups: OptimizerState["param_groups"];
  /** The numbers of each parameter's state; its tensors are `{parameter}.{key}` in the other file. */
  readonly numbers: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

function splitState({ state, param_groups }: OptimizerState): {
  readonly tensors: SafetensorsEntry[];
  readonly rest: OptimizerRest;
} {
  const tensors: SafetensorsEntry[] = [];
  const numbers: Record<string, Record<string, number>> = {};
  for (const [index, entry] of Object.entries(state)) {
    numbers[index] = {};
    for (const [key, value] of Object.entries(entry)) {
      if (typeof value === "number") numbers[index][key] = value;
      else if (!(value instanceof Tensor)) {
        throw new CheckpointError(
          `a checkpoint: ${key} of the optimizer's state is a list, as LBFGS has; it wants tensors and numbers.`,
          { key },
        );
      } else
        tensors.push({
          name: `${index}.${key}`,
          dtype: safetensorsName[value.dtype],
          shape: value.shape,
          bytes: () => bytesView(value),
        });
    }
  }
  return { tensors, rest: { param_groups, numbers } };
}

const dtypeOf = new Map(Object.entries(safetensorsName).map(([dtype, name]) => [name, dtype as DType])); // keys of that table

async function restoreOptimizer(checkpoint: Checkpoint, optimizer: TrainedBy): Promise<void> {
  const rest = (await checkpoint.readJson("optimizer.json")) as OptimizerRest; // as written by splitState
  const weights: WeightsSource & { close(): Promise<void> } = await checkpoint.openWeights("optimizer.safetensors");
  const state: Record<string, ParamState> = Object.fromEntries(
    Object.entries(rest.numbers).map(([index, entry]) => [index, { ...entry }]),
  );
  const read: Tensor[] = [];
  try {
    for (const [name, { dtype, shape }] of weights.tensors) {
      const [index = "", key = ""] = name.split(".");
      const known = dtypeOf.get(dtype);
      if (known === undefined)
        throw new CheckpointError(`${weights.file}: ${name} is ${dtype}, which tensors cannot hold.`, { name });
      const tensor = Tensor.empty(shape, known);
      read.push(tensor);
      await weights.read(name, bytesView(tensor));
      state[index] = { ...state[index], [key]: tensor };
    }
    optimizer.loadStateDict({ state, param_groups: rest.param_groups });
  } finally {
    await weights.close();
    for (const tensor of read) tensor.dispose();
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
