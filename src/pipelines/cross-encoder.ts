// Two texts read together and scored: slower than comparing vectors, and better. sentence-transformers' CrossEncoder.

import { ArgumentError, UnsupportedError } from "../base/errors.ts";
import { pretrainedOptions } from "../hub/pretrained-folder.ts";
import { AutoModelForSequenceClassification } from "../models/auto.ts";
import type { EncoderConfig } from "../models/encoder-config.ts";
import type { SequenceClassifierOutput } from "../models/outputs.ts";
import { AutoTokenizer } from "../models/pretrained-files.ts";
import type { FromPretrainedOptions } from "../models/pretrained-transformer.ts";
import type { AnyModule } from "../nn/module.ts";
import type { PreTrainedTokenizer } from "../text/pretrained-tokenizer.ts";
import { checkText, type PipelineOptions } from "./calls.ts";
import { lengthLimit, rowsOfNumbers, runEncodings, sigmoid, softmax, truncationOf } from "./encoder.ts";

export interface CrossEncoderOptions extends PipelineOptions {
  /** What scores are made of logits by. Default: what the model's configuration says, else "sigmoid" for one label, "none" for several. */
  readonly activation?: "sigmoid" | "softmax" | "none";
}

/** As sentence-transformers spells it. */
export interface RankedDocument {
  readonly corpus_id: number;
  readonly score: number;
  readonly text?: string;
}

export class CrossEncoder {
  readonly model: AnyModule & { readonly config: EncoderConfig };
  readonly tokenizer: PreTrainedTokenizer;
  /** Longer pairs are cut, the longer text first. */
  maxLength: number;

  constructor(parts: {
    readonly model: AnyModule & { readonly config: EncoderConfig };
    readonly tokenizer: PreTrainedTokenizer;
  }) {
    this.model = parts.model;
    this.tokenizer = parts.tokenizer;
    this.maxLength = lengthLimit(parts);
  }

  /** A folder, or the name of a repository on the hub. */
  static async fromPretrained(name: string, options: FromPretrainedOptions = {}): Promise<CrossEncoder> {
    const model = await AutoModelForSequenceClassification.fromPretrained(name, options);
    return new CrossEncoder({ model, tokenizer: await AutoTokenizer.fromPretrained(name, pretrainedOptions(options)) });
  }

  /** A score for each pair; of a model with several labels a list of them. */
  async predict(
    pairs: readonly (readonly [string, string])[],
    options: CrossEncoderOptions = {},
  ): Promise<(number | number[])[]> {
    const { tokenizer } = this;
    await AutoModelForSequenceClassification.checkHead(this.model, "CrossEncoder");
    const single = this.model.config.numLabels === 1;
    const activation = options.activation ?? configured(this.model.config) ?? (single ? "sigmoid" : "none");
    checkActivation(activation);
    const truncation = truncationOf(this, true, { maxLength: this.maxLength });
    const encodings = pairs.map(([a, b], i) => {
      checkText(a, `CrossEncoder: the first text of pair ${i}`);
      checkText(b, `CrossEncoder: the second text of pair ${i}`);
      return tokenizer.backend.encode(a, { pair: b, padding: null, truncation });
    });
    const scores = new Array<number | number[]>(pairs.length);
    const encoder = { task: "CrossEncoder", model: this.model, tokenizer };
    await runEncodings<SequenceClassifierOutput>(
      encoder,
      encodings,
      { batchSize: 32, ...options },
      ({ logits }, rows) => {
        rowsOfNumbers(logits).forEach((row, i) => {
          const values = activation === "sigmoid" ? sigmoid(row) : activation === "softmax" ? softmax(row) : row;
          scores[rows[i]!] = single ? values[0]! : [...values];
        });
      },
    );
    return scores;
  }

  /** The documents by how well they answer the query, best first. */
  async rank(
    query: string,
    documents: readonly string[],
    options: CrossEncoderOptions & { readonly topK?: number; readonly returnDocuments?: boolean } = {},
  ): Promise<RankedDocument[]> {
    const { topK = documents.length, returnDocuments = false } = options;
    if (this.model.config.numLabels !== 1)
      throw new ArgumentError(
        `CrossEncoder: rank wants a model with one label, this has ${this.model.config.numLabels}.`,
        {},
      );
    const scores = (await this.predict(
      documents.map((text) => [query, text]),
      options,
    )) as number[]; // one label each
    return scores
      .map((score, i) => ({ corpus_id: i, score, ...(returnDocuments && { text: documents[i]! }) }))
      .sort((a, b) => b.score - a.score)
      .slice(0, topK);
  }
}

/** What sentence-transformers noted in `config.json`: a class of torch, in today's place or in that of before version 4. */
function configured(config: EncoderConfig): CrossEncoderOptions["activation"] {
  const { sentenceTransformers, sbertCeDefaultActivationFunction: old } = config as EncoderConfig & {
    readonly sentenceTransformers?: { readonly activation_fn?: unknown } | null;
    readonly sbertCeDefaultActivationFunction?: unknown;
  }; // fields of others' files
  const path = sentenceTransformers?.activation_fn ?? old;
  if (typeof path !== "string") return undefined;
  const name = path.split(".").at(-1)!;
  if (Object.hasOwn(classes, name)) return classes[name];
  throw new UnsupportedError(
    `CrossEncoder: the activation ${path} is not known; known are ${Object.keys(classes).join(", ")}. Pass { activation }.`,
    { activation: path },
  );
}
const classes: { readonly [name: string]: NonNullable<CrossEncoderOptions["activation"]> } = {
  Identity: "none",
  Sigmoid: "sigmoid",
  Softmax: "softmax",
};

function checkActivation(name: string): void {
  if (Object.values<string>(classes).includes(name)) return;
  throw new ArgumentError(`CrossEncoder: activation is "${name}"; it is "sigmoid", "softmax" or "none".`, { name });
}
