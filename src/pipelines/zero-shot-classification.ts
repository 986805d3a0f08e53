// Classes that nobody trained for: a model of inference judges whether a text implies "This example is {class}.", as
// transformers 4.57 does it. https://arxiv.org/abs/1909.00161

import { ArgumentError } from "../base/errors.ts";
import type { EncoderConfig } from "../models/encoder-config.ts";
import type { SequenceClassifierOutput } from "../models/outputs.ts";
import { checkText, type PipelineOptions, pipelineCall } from "./calls.ts";
import { type Encoder, rowsOfNumbers, runEncodings, softmax, truncationOf } from "./encoder.ts";

/** Labels and their scores, best first. */
export interface ZeroShotClassification {
  readonly sequence: string;
  readonly labels: string[];
  readonly scores: number[];
}

export interface ZeroShotOptions extends PipelineOptions {
  /** With `{}` where the label goes. Default "This example is {}." */
  readonly hypothesisTemplate?: string;
  /** Whether several labels may apply: then each has a probability of its own, and these do not sum to 1. */
  readonly multiLabel?: boolean;
}

/** Labels are a list, or a text with commas between them. */
export interface ZeroShotClassificationPipeline {
  (
    text: string,
    candidateLabels: string | readonly string[],
    options?: ZeroShotOptions,
  ): Promise<ZeroShotClassification>;
  (
    texts: readonly string[],
    candidateLabels: string | readonly string[],
    options?: ZeroShotOptions,
  ): Promise<ZeroShotClassification[]>;
  (
    texts: AsyncIterable<string> | Generator<string>,
    candidateLabels: string | readonly string[],
    options?: ZeroShotOptions,
  ): AsyncGenerator<ZeroShotClassification>;
}

export function zeroShotClassification(encoder: Encoder<SequenceClassifierOutput>): ZeroShotClassificationPipeline {
  const { task } = encoder;
  return ((input: never, candidateLabels: string | readonly string[], options: ZeroShotOptions = {}) => {
    const labels = labelsOf(task, candidateLabels);
    const template = templateOf(task, options.hypothesisTemplate);
    const call = pipelineCall<string, ZeroShotClassification, ZeroShotOptions>(
      task,
      (texts, given) => classifyAll(encoder, texts, labels, template, given),
      (text, place) => {
        checkText(text, place);
        if (text === "") throw new ArgumentError(`${place} is empty.`, { place });
      },
    );
    return call(input, options);
  }) as ZeroShotClassificationPipeline; // as its signatures say
}

function labelsOf(task: string, given: string | readonly string[]): string[] {
  const labels = typeof given === "string" ? given.split(",").map((label) => label.trim()) : [...(given ?? [])];
  const named = labels.filter((label) => label !== "");
  if (named.length > 0) return named;
  throw new ArgumentError(
    `${task}: there are no candidate labels. Give a list, or a text with commas between them.`,
    {},
  );
}

function templateOf(task: string, template = "This example is {}."): string {
  if (template.includes("{}")) return template;
  throw new ArgumentError(`${task}: hypothesisTemplate "${template}" has no {} for the label.`, { template });
}

async function classifyAll(
  encoder: Encoder<SequenceClassifierOutput>,
  texts: readonly string[],
  labels: readonly string[],
  template: string,
  options: ZeroShotOptions,
): Promise<ZeroShotClassification[]> {
  const { tokenizer, model } = encoder;
  const truncation = truncationOf(encoder, "onlyFirst");
  const pairs = texts.flatMap((text) =>
    labels.map((label) =>
      tokenizer.backend.encode(text, { pair: template.replace("{}", () => label), padding: null, truncation }),
    ),
  );
  const logits = new Array<Float64Array>(pairs.length);
  await runEncodings(encoder, pairs, options, (output, rows) => {
    rowsOfNumbers(output.logits).forEach((row, i) => {
      logits[rows[i]!] = row;
    });
  });
  const entailment = entailmentOf(model.config);
  return texts.map((sequence, i) => {
    const own = logits.slice(i * labels.length, (i + 1) * labels.length);
    const scores =
      options.multiLabel === true || labels.length === 1 ? alone(own, entailment) : together(own, entailment);
    const order = [...labels.keys()].sort((a, b) => scores[b]! - scores[a]! || b - a);
    return { sequence, labels: order.map((l) => labels[l]!), scores: order.map((l) => scores[l]!) };
  });
}

/** Each label's entailment against its contradiction. */
function alone(logits: readonly Float64Array[], entailment: number): Float64Array {
  return Float64Array.from(logits, (row) => {
    const against = entailment === 0 ? row.length - 1 : 0;
    return softmax(Float64Array.of(row[against]!, row.at(entailment)!))[1]!;
  });
}
/** The labels' entailments against each other. */
function together(logits: readonly Float64Array[], entailment: number): Float64Array {
  return softmax(Float64Array.from(logits, (row) => row.at(entailment)!));
}

/** The class that says "implied": the one whose name begins with "entail", or the last, as in Python. */
function entailmentOf({ label2id }: EncoderConfig): number {
  const found = Object.entries(label2id).find(([label]) => label.toLowerCase().startsWith("entail"));
  return found === undefined ? -1 : found[1];
}
