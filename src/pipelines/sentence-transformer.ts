// Texts as vectors whose closeness is closeness of meaning: sentence-transformers' folders, and its words.
// https://arxiv.org/abs/1908.10084
//
//   const model = await SentenceTransformer.fromPretrained("sentence-transformers/all-MiniLM-L6-v2");
//   const [a, b] = [await model.encode(questions), await model.encode(answers)];     [Q, D] and [A, D]
//   model.similarity(a, b)                                                           [Q, A]

import { writeFiles } from "#runtime/training/run-folder";
import { ArgumentError, CheckpointError, UnsupportedError } from "../base/errors.ts";
import { loadTensors } from "../checkpoint/load.ts";
import { readBytes } from "../checkpoint/source.ts";
import type { Folder } from "../checkpoint/weight-files.ts";
import { modelFiles, tokenizerFiles } from "../hub/pretrained-folder.ts";
import { AutoModel } from "../models/auto.ts";
import type { EncoderConfig } from "../models/encoder-config.ts";
import type { BaseModelOutput } from "../models/outputs.ts";
import { AutoTokenizer, openFiles } from "../models/pretrained-files.ts";
import type { FromPretrainedOptions } from "../models/pretrained-transformer.ts";
import { hasNaN } from "../models/weights-source.ts";
import type { AnyModule } from "../nn/module.ts";
import { fromArray } from "../tensor/create.ts";
import { normalize } from "../tensor/functional/distance.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { PreTrainedTokenizer } from "../text/pretrained-tokenizer.ts";
import { modelFiles as modelFilesOf } from "../training/checkpoint.ts";
import { loadAdapted } from "./auto-peft.ts";
import { checkText, type PipelineOptions } from "./calls.ts";
import { lengthLimit, padded, runEncodings, truncationOf } from "./encoder.ts";
import { activationOf, applyModule, pool, poolingOf, type SentenceModule } from "./pooling.ts";
import { type Similarity, similarities } from "./semantic-search.ts";
import { moduleFolders, sentenceSettings } from "./sentence-folder.ts";

export interface SentenceTransformerParts {
  readonly model: AnyModule & { readonly config: EncoderConfig };
  readonly tokenizer: PreTrainedTokenizer;
  /** What follows the model. Default: the mean of the tokens. */
  readonly modules?: readonly SentenceModule[];
  /** Texts to put before others, by name: "query: ". */
  readonly prompts?: Readonly<Record<string, string>>;
  readonly defaultPromptName?: string | null;
  readonly similarityFnName?: Similarity;
  /** Longer texts are cut. Default: what tokenizer and model allow. */
  readonly maxSeqLength?: number;
}

export interface SentenceEncodeOptions extends PipelineOptions {
  /** One of the model's prompts, put before each text. */
  readonly promptName?: string;
  /** A text of one's own, put before each text. */
  readonly prompt?: string;
  /** Scales the vectors to length 1, also where the model does not. */
  readonly normalizeEmbeddings?: boolean;
}

const meanPooling: readonly SentenceModule[] = [{ kind: "pooling", modes: ["mean"], includePrompt: true }];

export class SentenceTransformer {
  readonly model: AnyModule & { readonly config: EncoderConfig };
  readonly tokenizer: PreTrainedTokenizer;
  readonly modules: readonly SentenceModule[];
  readonly prompts: Readonly<Record<string, string>>;
  readonly defaultPromptName: string | null;
  readonly similarityFnName: Similarity;
  maxSeqLength: number;

  constructor(parts: SentenceTransformerParts) {
    const { model, tokenizer, modules = meanPooling, prompts = {} } = parts;
    if (modules[0]?.kind !== "pooling")
      throw new ArgumentError("SentenceTransformer: the first module after the model is a pooling.", {});
    this.model = model;
    this.tokenizer = tokenizer;
    this.modules = modules;
    this.prompts = prompts;
    this.defaultPromptName = parts.defaultPromptName ?? null;
    this.similarityFnName = parts.similarityFnName ?? "cosine";
    this.maxSeqLength = Math.min(parts.maxSeqLength ?? Number.POSITIVE_INFINITY, lengthLimit({ tokenizer, model }));
  }

  /**
   * A folder of sentence-transformers, or the name of a repository on the hub; one without `modules.json` is a plain model, whose
   * tokens are averaged. Throws CheckpointError or UnsupportedError for modules that are not known.
   */
  static async fromPretrained(name: string, options: FromPretrainedOptions = {}): Promise<SentenceTransformer> {
    const folder = await openFiles(name, sentenceFiles, options);
    const described = folder.has("modules.json") ? modulesOf(await folder.readJson("modules.json"), folder.path) : [];
    const at = described.find(({ kind }) => kind === "Transformer")?.path ?? "";
    const inner = at === "" ? name : `${folder.path}/${at}`;
    const { signal, revision, token, cacheDir, localFilesOnly, endpoint } = options;
    const place = { signal, revision, token, cacheDir, localFilesOnly, endpoint };
    const given = Object.fromEntries(Object.entries(place).filter(([, value]) => value !== undefined));
    const [model, tokenizer] = [
      await loadAdapted(AutoModel, inner, options),
      await AutoTokenizer.fromPretrained(inner, given),
    ];
    const transformer = at === "" ? folder : await openFiles(inner, sentenceFiles, options);
    await lowerCase(transformer, tokenizer);
    const modules: SentenceModule[] = [];
    for (const { kind, path } of described) {
      if (kind !== "Transformer" && kind !== "Dropout") modules.push(await readModule(folder, kind, path));
    }
    return new SentenceTransformer({
      model,
      tokenizer,
      ...(modules.length > 0 && { modules }),
      ...(await settingsOf(folder, transformer)),
    });
  }

  /** Vectors `[N, D]`, one for each text, in their order. An empty list gives `[0, D]`. */
  async encode(texts: readonly string[], options: SentenceEncodeOptions = {}): Promise<Tensor> {
    texts.forEach((text, i) => checkText(text, `SentenceTransformer: text ${i}`));
    await AutoModel.checkHead(this.model, "SentenceTransformer");
    const { tokenizer, maxSeqLength: maxLength } = this;
    const prompt = this.#prompt(options);
    const [pooling, ...after] = this.modules as [
      SentenceModule & { kind: "pooling" },
      ...Exclude<SentenceModule, { kind: "pooling" }>[],
    ]; // as the constructor checked
    const truncation = truncationOf(this, true, { maxLength });
    const encodings = texts.map((text) => tokenizer.backend.encode(prompt + text, { padding: null, truncation }));
    const skipped = pooling.includePrompt || prompt === "" ? 0 : this.#promptTokens(prompt);
    const rows: Float32Array[] = new Array(texts.length);
    await runEncodings<BaseModelOutput>(
      { task: "SentenceTransformer", model: this.model, tokenizer },
      encodings,
      { batchSize: 32, ...options },
      ({ lastHiddenState }, places, width) => {
        const mask = new Int32Array(places.length * width);
        places.forEach((place, row) => {
          const { length } = encodings[place]!;
          const from = row * width + padded(tokenizer, length, width);
          mask.fill(1, from + Math.min(skipped, length), from + length);
        });
        let x = pool(
          lastHiddenState.float(),
          fromArray(mask, [places.length, width], { dtype: "int32" }),
          pooling.modes,
        );
        for (const module of after) x = applyModule(x, module);
        if (options.normalizeEmbeddings === true) x = normalize(x, { dim: 1 });
        const D = x.size(1);
        const data = x.contiguous().toArray() as Float32Array; // float32, as made above
        places.forEach((place, row) => {
          rows[place] = data.slice(row * D, (row + 1) * D);
        });
      },
    );
    const D = rows[0]?.length ?? this.dimension;
    const all = new Float32Array(texts.length * D);
    rows.forEach((row, i) => all.set(row, i * D));
    return fromArray(all, [texts.length, D]);
  }

  /**
   * Writes the folder as sentence-transformers has it: the model with its tokenizer, `modules.json`, and a folder for each module.
   * Python's SentenceTransformer loads it. Node only.
   */
  async savePretrained(folder: string): Promise<void> {
    await writeFiles(folder, modelFilesOf(this.model, this.tokenizer));
    await writeFiles(folder, sentenceSettings(this));
    for (const [path, files] of moduleFolders(this.modules, this.tokenDimension))
      await writeFiles(`${folder}/${path}`, files);
  }

  /** How long the vectors are. */
  get dimension(): number {
    return this.modules.reduce((size, module) => {
      if (module.kind === "pooling") return size * module.modes.length;
      return module.kind === "dense" ? module.weight.size(0) : size;
    }, this.tokenDimension);
  }
  /** How long the model's vectors of tokens are. */
  get tokenDimension(): number {
    const { hiddenSize = 0, dim = hiddenSize } = this.model.config as {
      readonly hiddenSize?: number;
      readonly dim?: number;
    }; // DistilBERT's "dim"
    return dim;
  }

  /** How alike each of `a` `[N, D]` is to each of `b` `[M, D]`: `[N, M]`. */
  similarity(a: Tensor, b: Tensor): Tensor {
    return similarities[this.similarityFnName](a, b);
  }

  #prompt({ prompt, promptName = this.defaultPromptName ?? undefined }: SentenceEncodeOptions): string {
    if (prompt !== undefined) return prompt;
    if (promptName === undefined) return "";
    const found = Object.hasOwn(this.prompts, promptName) ? this.prompts[promptName] : undefined;
    if (found !== undefined) return found;
    throw new ArgumentError(
      `SentenceTransformer: there is no prompt "${promptName}"; there are ${Object.keys(this.prompts).join(", ") || "none"}.`,
      { promptName },
    );
  }
  /** The tokens of a prompt with the special ones before it, which its pooling leaves out. */
  #promptTokens(prompt: string): number {
    const { ids } = this.tokenizer.backend.encode(prompt, { padding: null, truncation: null });
    const last = ids.at(-1);
    const endsSpecial = last === this.tokenizer.eosTokenId || last === this.tokenizer.sepTokenId;
    return ids.length - (endsSpecial ? 1 : 0);
  }
}

// ── folders ───────────────────────────────────────────────────────────────────────────────────────────────────────

function sentenceFiles(paths: readonly string[]): string[] {
  const own = paths.filter((path) =>
    /^(modules|config_sentence_transformers|sentence_[\w-]+_config)\.json$|^\d+_\w+\//.test(path),
  );
  return [...new Set([...modelFiles(paths), ...tokenizerFiles(paths), ...own])];
}

interface DescribedModule {
  /** The last word of its Python class. */
  readonly kind: string;
  readonly path: string;
}

function modulesOf(json: unknown, path: string): DescribedModule[] {
  if (!Array.isArray(json)) throw new CheckpointError(`${path}/modules.json: it is a list of modules.`, { path });
  return json.map((module: Readonly<Record<string, unknown>>) => ({
    kind: String(module["type"]).split(".").at(-1)!,
    path: String(module["path"] ?? ""),
  }));
}

async function readModule(folder: Folder, kind: string, path: string): Promise<SentenceModule> {
  const file = `${path}/config.json`;
  const config = kind === "Normalize" ? {} : await folder.readJson(file);
  switch (kind) {
    case "Pooling":
      return poolingOf(config, `${folder.path}/${file}`);
    case "Normalize":
      return { kind: "normalize" };
    case "Dense": {
      const fields = config as Readonly<Record<string, unknown>>; // read by name
      const reads = fields["module_input_name"] ?? "sentence_embedding";
      if (reads !== "sentence_embedding" || (fields["module_output_name"] ?? reads) !== reads)
        throw new UnsupportedError(
          `${folder.path}/${file}: the dense layer reads or writes something else than "sentence_embedding", which is all that is known.`,
          { file },
        );
      const weights = await loadDense(folder, path, fields["use_residual"] === true);
      const activation = activationOf(fields["activation_function"], `${folder.path}/${file}`);
      return { kind: "dense", activation, ...weights };
    }
    default:
      throw new UnsupportedError(
        `${folder.path}/modules.json: the module ${kind} is not known; known are Transformer, Pooling, Dense, Normalize and Dropout.`,
        { kind },
      );
  }
}

async function loadDense(
  folder: Folder,
  path: string,
  isResidual: boolean,
): Promise<Pick<SentenceModule & { kind: "dense" }, "weight" | "bias" | "residual">> {
  const open = async (name: string) => folder.open(`${path}/${name}`);
  const source = await open("model.safetensors").catch(() => open("pytorch_model.bin"));
  try {
    const tensors = await loadTensors(await readBytes(source, 0, source.size));
    const weight = tensors.get("linear.weight");
    if (weight === undefined)
      throw new CheckpointError(`${folder.path}/${path}: its weights hold no "linear.weight".`, { path });
    for (const [name, t] of tensors)
      if (hasNaN(t))
        throw new CheckpointError(`${folder.path}/${path}: ${name} holds NaN. The file was damaged.`, { path, name });
    const residual = isResidual ? (tensors.get("residual.weight") ?? "input") : undefined;
    return { weight, bias: tensors.get("linear.bias"), residual };
  } finally {
    await source.close();
  }
}

/** The file that says how texts are read: today's name, or the first of the older ones that is there. */
function textSettings(folder: Folder): string {
  const kinds = ["bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"];
  const names = kinds.map((kind) => `sentence_${kind}_config.json`);
  return names.find((name) => folder.has(name)) ?? names[0]!;
}

/** Texts in small letters, which some older folders ask for beside their tokenizer. */
async function lowerCase(folder: Folder, tokenizer: PreTrainedTokenizer): Promise<void> {
  const file = textSettings(folder);
  const settings = folder.has(file) ? ((await folder.readJson(file)) as Readonly<Record<string, unknown>>) : {}; // read by name
  if (settings["do_lower_case"] !== true) return;
  const { normalizer } = tokenizer.backend;
  const before = normalizer === null ? [] : normalizer.type === "Sequence" ? normalizer.normalizers : [normalizer];
  tokenizer.backend.normalizer = { type: "Sequence", normalizers: [{ type: "Lowercase" }, ...before] };
}

/** Prompts, the measure of likeness and the length, where the folder says them. */
async function settingsOf(
  folder: Folder,
  transformer: Folder,
): Promise<Pick<SentenceTransformerParts, "prompts" | "defaultPromptName" | "similarityFnName" | "maxSeqLength">> {
  const read = async (name: string, from = folder): Promise<Readonly<Record<string, unknown>>> =>
    from.has(name) ? ((await from.readJson(name)) as Readonly<Record<string, unknown>>) : {}; // read by name
  const own = await read("config_sentence_transformers.json");
  const { max_seq_length: maxSeqLength } = await read(textSettings(transformer), transformer);
  const name = own["similarity_fn_name"];
  if (typeof name === "string" && !Object.hasOwn(similarities, name))
    throw new UnsupportedError(`${folder.path}: the similarity "${name}" is not known.`, { name });
  return {
    ...(typeof own["prompts"] === "object" && { prompts: own["prompts"] as Readonly<Record<string, string>> }), // as written by Python
    ...(typeof own["default_prompt_name"] === "string" && { defaultPromptName: own["default_prompt_name"] }),
    ...(typeof name === "string" && { similarityFnName: name as Similarity }), // one of them, as checked
    ...(typeof maxSeqLength === "number" && { maxSeqLength }),
  };
}
