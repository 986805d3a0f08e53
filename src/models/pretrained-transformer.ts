// The base of the transformers: how Hugging Face's checkpoints become models and how their weights begin, the table of words
// that grows and shrinks, memory for time in training, and the two ways to compute attention.

import { type DType, isFloating } from "../base/dtype.ts";
import { ArgumentError, CheckpointError } from "../base/errors.ts";
import { withDevice } from "../devices/default.ts";
import type { PretrainedOptions } from "../hub/pretrained-folder.ts";
import { Embedding } from "../nn/embedding.ts";
import { initIsSkipped, normal_, ones_, withoutInit, zeros_ } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import type { AnyModule } from "../nn/module.ts";
import { LayerNorm } from "../nn/normalization.ts";
import { Parameter } from "../nn/parameter.ts";
import { empty } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { SelfAttention } from "./bert-blocks.ts";
import { type PretrainedConfig, parseConfig } from "./configuration.ts";
import type { AttentionImplementation } from "./encoder-blocks.ts";
import type { LabelConfig } from "./encoder-config.ts";
import { fillModel, type LoadingInfo, loadingWarning } from "./loading.ts";
import { PreTrainedModel, type SaveOptions } from "./pretrained.ts";
import { openPretrained, readPretrainedConfig } from "./pretrained-files.ts";

export interface FromPretrainedOptions extends Partial<LabelConfig>, PretrainedOptions {
  /** What the weights become: float32 if left out; "auto" takes what the configuration or the file says. */
  readonly dtype?: DType | "auto";
  /** Initialise what has another size in the file (a head for other labels) instead of refusing it. */
  readonly ignoreMismatchedSizes?: boolean;
  readonly attnImplementation?: AttentionImplementation;
  /** Fields of the configuration that are to be others than in the file. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Gets what is newly initialised, not used, or of another size, in one sentence; `console.warn` if left out. */
  readonly onWarning?: (message: string) => void;
}

/** A class of models, as `fromPretrained` and the Auto classes need it. */
export interface ModelClass<M> {
  new (config: never): M;
  readonly name: string;
  readonly modelType: string;
  /** What head models call their base model. */
  readonly baseModelPrefix: string;
  /** The whole configuration of given fields; `file` is for the messages. */
  readonly configure: (given: never, file?: string) => PretrainedConfig;
}

/** Which tensors are to be initialised. */
export type Wanted = (t: Tensor) => boolean;

const initialised = new WeakSet<AnyModule>();

/** Tokens of the longest text that the model reads, whatever module holds it. */
export function longestText(model: AnyModule): number {
  return "longestText" in model ? (model.longestText as number) : Number.POSITIVE_INFINITY; // as transformers here name it
}

export abstract class PretrainedTransformer<C extends PretrainedConfig, I, R> extends PreTrainedModel<
  C,
  [inputs: I],
  R
> {
  /** How attention is computed; `outputAttentions` needs, and takes, "eager". */
  attnImplementation: AttentionImplementation = "sdpa";
  /** Whether layers keep nothing but their inputs for backward. */
  gradientCheckpointing = false;
  /** What did not fit, if the model was loaded. */
  loadingInfo: LoadingInfo | undefined;

  /**
   * The model in a folder or of a repository, in evaluation mode: `config.json` with `model.safetensors` or `pytorch_model.bin`, or their shards. Weights
   * that the file lacks are initialised and named in a warning. Throws CheckpointError for a file that does not fit.
   */
  static fromPretrained<M extends AnyTransformer>(
    this: ModelClass<M>,
    folder: string,
    options: FromPretrainedOptions = {},
  ): Promise<M> {
    // biome-ignore lint/complexity/noThisInStatic: the class that it is called on
    return loadTransformer(folder, chooserOf(this), options);
  }

  /** As PreTrainedModel's, the configuration naming the dtype of the weights. */
  override async savePretrained(folder: string, options: SaveOptions = {}): Promise<void> {
    const dtype = this.parameters().find((p) => isFloating(p.dtype))?.dtype ?? "float32";
    this.config = { ...this.config, dtype };
    await super.savePretrained(folder, options);
  }

  /** Tokens of the longest text that the model reads, special ones included. */
  get longestText(): number {
    const { maxPositionEmbeddings: rows } = this.config as { readonly maxPositionEmbeddings?: number }; // those with a table
    return rows ?? Number.POSITIVE_INFINITY;
  }

  // ── words ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The table of word embeddings. */
  abstract getInputEmbeddings(): Embedding;
  /** What scores words, in models that have it. */
  getOutputEmbeddings(): Linear | undefined {
    return undefined;
  }
  /** Makes tensors one that are to be one. */
  tieWeights(): void {}
  /** Names that an old file may hold and no model misses. */
  ignoredOnLoad(): readonly RegExp[] {
    return [];
  }

  /**
   * Gives the table of words `newSize` rows, or a multiple of `padToMultipleOf`, and the head that scores words with it. New rows begin as
   * the mean of the old (Hugging Face blurs it by a billionth of their covariance), or with `meanResizing: false` as in a new model.
   */
  resizeTokenEmbeddings(
    newSize: number = this.getInputEmbeddings().numEmbeddings,
    options: { readonly padToMultipleOf?: number; readonly meanResizing?: boolean } = {},
  ): Embedding {
    const { padToMultipleOf: multiple = 1, meanResizing = true } = options;
    if (!Number.isSafeInteger(newSize) || newSize < 1 || !Number.isSafeInteger(multiple) || multiple < 1) {
      throw new ArgumentError(
        `resizeTokenEmbeddings: ${newSize} words in multiples of ${multiple}; both are whole numbers from 1.`,
        { newSize, multiple },
      );
    }
    const size = Math.ceil(newSize / multiple) * multiple;
    const words = this.getInputEmbeddings();
    if (size === words.numEmbeddings) return words;
    const std = meanResizing ? undefined : stdOf(this.config);
    const head = this.getOutputEmbeddings();
    const isTied = head?.weight === words.weight;
    replaceRows(words, "weight", size, std);
    Object.assign(words, { numEmbeddings: size });
    if (words.paddingIdx !== undefined && words.paddingIdx >= size) Object.assign(words, { paddingIdx: undefined });
    if (head !== undefined) {
      if (isTied) head.weight = words.weight;
      else replaceRows(head, "weight", size, std);
      if (head.bias !== undefined) replaceRows(head, "bias", size, std === undefined ? undefined : 0);
      Object.assign(head, { outFeatures: size });
    }
    for (const module of this.modules()) {
      if (module instanceof PreTrainedModel) module.config = { ...module.config, vocabSize: size };
    }
    this.tieWeights();
    return words;
  }

  // ── ways to run ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** In training, computes each layer again in backward instead of keeping what it made. */
  gradientCheckpointingEnable(): void {
    this.#everywhere((model) => {
      model.gradientCheckpointing = true;
    });
  }
  gradientCheckpointingDisable(): void {
    this.#everywhere((model) => {
      model.gradientCheckpointing = false;
    });
  }
  setAttnImplementation(implementation: AttentionImplementation): void {
    this.#everywhere((model) => {
      model.attnImplementation = implementation;
    });
  }
  #everywhere(change: (model: AnyTransformer) => void): void {
    for (const module of this.modules()) if (module instanceof PretrainedTransformer) change(module);
  }

  /** How many numbers are trained, shared ones once. */
  numParameters(): number {
    return this.parameters().reduce((sum, p) => sum + p.numel, 0);
  }

  // ── how weights begin ───────────────────────────────────────────────────────────────────────────────────────────

  /** The last thing a constructor does: ties weights, and draws those of a new model as Hugging Face does. */
  protected postInit(): void {
    const fresh = initIsSkipped() ? [] : this.modules().filter((module) => !initialised.has(module));
    for (const module of fresh) {
      initialised.add(module);
      this.initWeights(module, () => true);
    }
    this.tieWeights();
  }
  /** Draws the wanted weights anew. */
  initialize(wanted: Wanted): void {
    for (const module of this.modules()) this.initWeights(module, wanted);
  }
  /** Draws one module's own weights: normal with the configuration's deviation, biases zero, norms one. */
  protected initWeights(module: AnyModule, wanted: Wanted): void {
    initDefault(module, wanted, stdOf(this.config));
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a transformer of any signature
export type AnyTransformer = PretrainedTransformer<any, any, any>;

function stdOf(config: PretrainedConfig): number {
  return "initializerRange" in config && typeof config.initializerRange === "number" ? config.initializerRange : 0.02;
}

/** Hugging Face's default for layers and tables. */
export function initDefault(module: AnyModule, wanted: Wanted, std: number): void {
  const fill = (t: Tensor | undefined, how: (t: Tensor) => void): void => {
    if (t !== undefined && wanted(t)) how(t);
  };
  if (module instanceof Linear) {
    fill(module.weight, (t) => normal_(t, 0, std));
    fill(module.bias, zeros_);
  } else if (module instanceof Embedding) {
    const { paddingIdx } = module;
    fill(module.weight, (t) => {
      normal_(t, 0, std);
      if (paddingIdx !== undefined) noGrad(() => t.select(0, paddingIdx).fill_(0));
    });
  } else if (module instanceof LayerNorm) {
    fill(module.weight, ones_);
    fill(module.bias, zeros_);
  } else if ("bias" in module && module.bias instanceof Parameter) fill(module.bias, zeros_); // of a head, beside its layers
}

/** A parameter with `rows` rows, the new ones being the mean of the old or drawn with `std`. */
export function replaceRows(module: AnyModule, name: "weight" | "bias", rows: number, std: number | undefined): void {
  const old = (module as unknown as Record<string, Parameter>)[name]!; // the caller's layer has it
  const made = noGrad(() =>
    tidy(() => {
      const [n, ...rest] = old.shape as [number, ...number[]]; // a table or a bias
      const whole = empty([rows, ...rest], { dtype: old.dtype });
      const kept = Math.min(n, rows);
      whole.narrow(0, 0, kept).copy_(old.narrow(0, 0, kept));
      if (rows > n) {
        const fresh = whole.narrow(0, n, rows - n);
        if (std === undefined) fresh.copy_(old.mean({ dim: 0, keepdim: true }).expand(...fresh.shape));
        else normal_(fresh, 0, std);
      }
      return whole;
    }),
  );
  Object.assign(module, { [name]: new Parameter(made, old.requiresGrad) });
  made.dispose();
}

// ── loading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** How a configuration leads to a class. */
export interface Chooser<M> {
  readonly choose: (config: PretrainedConfig, file: string) => Promise<ModelClass<M>>;
  /** The type of a file that does not name it, from the class that wrote the weights. */
  readonly modelTypeOf: (architecture: string | undefined) => string | undefined;
}

function chooserOf<M>(Model: ModelClass<M>): Chooser<M> {
  return { choose: async () => Model, modelTypeOf: () => Model.modelType };
}

/** The model in a folder, or of a repository of the hub. */
export async function loadTransformer<M extends AnyTransformer>(
  name: string,
  { choose, modelTypeOf }: Chooser<M>,
  options: FromPretrainedOptions,
): Promise<M> {
  const { configFile, config: json, weights } = await openPretrained(name, options);
  try {
    const parsed = parseConfig(json, configFile, modelTypeOf);
    const found = await choose(parsed, configFile);
    const config = found.configure(overridden(parsed, options) as never, configFile); // its own function checks the fields
    const dtypes = [...weights.tensors.values()].map(({ dtype }) => dtype);
    const dtype = dtypeFor(options.dtype, config, dtypes, configFile);
    const model = withDevice("meta", () => withoutInit(() => new found({ ...config, dtype } as never))); // as configured
    materialize(model, dtype);
    const { ignoreMismatchedSizes = false } = options;
    const ignored = model.ignoredOnLoad();
    const info = await fillModel(model, weights, { prefix: found.baseModelPrefix, ignored, ignoreMismatchedSizes });
    const state = model.stateDict();
    const fresh = new Set(info.missingKeys.map((name) => state.get(name)));
    model.initialize((t: Tensor) => fresh.has(t));
    model.loadingInfo = info;
    const warning = loadingWarning(found.name, weights.file, info, config.architectures?.[0] === found.name);
    if (warning !== undefined) (options.onWarning ?? console.warn)(warning);
    if (options.attnImplementation !== undefined) model.setAttnImplementation(options.attnImplementation);
    return model.eval();
  } finally {
    await weights.close();
  }
}

/** The configuration of such a model, whole. */
export async function loadConfig(
  name: string,
  { choose, modelTypeOf }: Chooser<AnyTransformer>,
  options: PretrainedOptions = {},
): Promise<PretrainedConfig> {
  const { configFile, config: json } = await readPretrainedConfig(name, options);
  const parsed = parseConfig(json, configFile, modelTypeOf);
  return (await choose(parsed, configFile)).configure(parsed as never, configFile); // its own function checks the fields
}

/** The configuration with what the caller wants otherwise. Other labels go together, or their names would be those of before. */
function overridden(parsed: PretrainedConfig, options: FromPretrainedOptions): Record<string, unknown> {
  const { numLabels, id2label, label2id, problemType, config = {} } = options;
  const fields: Record<string, unknown> = { ...parsed, ...config };
  if (numLabels !== undefined || id2label !== undefined || label2id !== undefined) {
    for (const name of ["numLabels", "id2label", "label2id"]) delete fields[name];
    const names = id2label ?? (label2id === undefined ? undefined : byNumber(label2id));
    Object.assign(fields, { ...(numLabels !== undefined && { numLabels }), ...(names && { id2label: names }) });
    if (label2id !== undefined) fields.label2id = label2id;
  }
  if (problemType !== undefined) fields.problemType = problemType;
  return fields;
}

function byNumber(label2id: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(label2id).map(([label, id]) => [String(id), label]));
}

/** The files' names of dtypes that weights can be of. */
const floats: { readonly [stored: string]: DType | undefined } = {
  F64: "float64",
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
};

/** What was asked for; for "auto", what the configuration says, or what most of the file's tensors are. */
function dtypeFor(wanted: DType | "auto" = "float32", config: object, stored: readonly string[], file: string): DType {
  const said = "dtype" in config ? config.dtype : "torchDtype" in config ? config.torchDtype : undefined;
  const dtype = wanted !== "auto" ? wanted : (said ?? floats[stored[0] ?? "F32"] ?? "float32");
  if (Object.values(floats).includes(dtype as DType)) return dtype as DType; // one of them
  throw new CheckpointError(`${file}: weights of ${String(dtype)}; they are float32, float16, bfloat16 or float64.`, {
    file,
    dtype,
  });
}

/** Gives the weights of a model that was built without memory theirs, in the dtype that they are to have. */
function materialize(model: AnyModule, dtype: DType): void {
  const made = new Map<Tensor, Parameter>();
  for (const module of model.modules()) {
    for (const [name, t] of Object.entries(module)) {
      if (!(t instanceof Parameter)) continue;
      const real = made.get(t) ?? emptyParameter(t.shape, isFloating(t.dtype) ? dtype : t.dtype);
      real.requiresGrad = t.requiresGrad;
      made.set(t, real);
      Object.assign(module, { [name]: real });
    }
  }
  for (const module of model.modules()) {
    if (module instanceof SelfAttention) module.arrange();
  }
}

/** Nothing else holds its memory, so that it goes when the parameter is disposed of. */
function emptyParameter(shape: readonly number[], dtype: DType): Parameter {
  const made = empty(shape, { dtype });
  const parameter = new Parameter(made);
  made.dispose();
  return parameter;
}
