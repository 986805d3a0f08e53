// What the heads of all encoders do alike: check labels before anything is computed, run the model, compute the loss, and give
// the output its names. The losses are those of Hugging Face's `…For…` classes.

import { isFloating } from "../base/dtype.ts";
import { DataError, ShapeError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { binaryCrossEntropyWithLogits, crossEntropy, mseLoss } from "../tensor/functional/losses.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { LabelConfig, ProblemType } from "./encoder-config.ts";
import type {
  BaseModelOutput,
  EncoderInputs,
  MaskedLMOutput,
  MultipleChoiceInputs,
  MultipleChoiceModelOutput,
  QuestionAnsweringInputs,
  QuestionAnsweringModelOutput,
  SequenceClassificationInputs,
  SequenceClassifierOutput,
  TokenClassifierOutput,
  TokenLabelInputs,
} from "./outputs.ts";

/** A label for which nothing is learnt. */
const ignored = -100;

/** A head's logits, and what it computed them from. */
export interface Headed {
  readonly logits: Tensor;
  readonly outputs: BaseModelOutput;
}

type Layers = Pick<BaseModelOutput, "hiddenStates" | "attentions">;

/** Hidden states and attentions, where they were asked for. */
export function layersOf({ hiddenStates, attentions }: Layers): Layers {
  return { ...(hiddenStates && { hiddenStates }), ...(attentions && { attentions }) };
}

/** Classes, several labels at once, or numbers. `run` gives logits `[B, numLabels]`. */
export function classifySequences(
  config: LabelConfig,
  inputs: SequenceClassificationInputs,
  run: (inputs: EncoderInputs) => Headed,
): SequenceClassifierOutput {
  const { numLabels } = config;
  const { labels } = inputs;
  const B = (inputs.inputIds ?? inputs.inputsEmbeds)?.shape[0];
  const problem = labels === undefined ? undefined : (config.problemType ?? problemOf(labels, numLabels));
  if (labels !== undefined && problem === "single_label_classification") checkClasses(labels, numLabels);
  const wide = problem === "multi_label_classification" || (problem === "regression" && numLabels > 1);
  const wanted = wide ? B! * numLabels : B;
  if (labels !== undefined && B !== undefined && labels.numel !== wanted) {
    const shape = wide ? [B, numLabels] : [B];
    throw new ShapeError(`labels: ${showShape(labels.shape)}; for ${problem} they are ${showShape(shape)}.`, {
      labels: labels.shape,
      wanted: shape,
    });
  }
  // As in transformers: what the first labels are, all later ones are, and whoever loads the model knows it.
  if (problem !== undefined) Object.assign(config, { problemType: problem });
  const { logits, outputs } = run(inputs);
  const loss = labels === undefined ? {} : { loss: sequenceLoss(problem!, logits, labels) };
  return { ...loss, logits, ...layersOf(outputs) };
}

/** As `classifySequences`, for labels `[B, numLabels]` that say how much of each class a text is. */
export function shareSequences(
  { numLabels }: LabelConfig,
  inputs: SequenceClassificationInputs,
  run: (inputs: EncoderInputs) => Headed,
): SequenceClassifierOutput {
  const labels = inputs.labels!; // as the caller saw
  const wanted = [(inputs.inputIds ?? inputs.inputsEmbeds)?.shape[0] ?? labels.size(0), numLabels];
  if (!sameShape(labels.shape, wanted)) {
    throw new ShapeError(`labels: ${showShape(labels.shape)}; shares of classes are ${showShape(wanted)}.`, {
      labels: labels.shape,
      wanted,
    });
  }
  const { logits, outputs } = run(inputs);
  return { loss: crossEntropy(logits, asFloats(labels, logits)), logits, ...layersOf(outputs) };
}

function problemOf(labels: Tensor, numLabels: number): ProblemType {
  if (numLabels === 1) return "regression";
  return isFloating(labels.dtype) ? "multi_label_classification" : "single_label_classification";
}

function sequenceLoss(problem: ProblemType, logits: Tensor, labels: Tensor): Tensor {
  switch (problem) {
    case "regression":
      return mseLoss(logits, asFloats(labels, logits).reshape(...logits.shape));
    case "single_label_classification":
      return crossEntropy(logits, classesOf(labels));
    case "multi_label_classification":
      return binaryCrossEntropyWithLogits(logits, asFloats(labels, logits).reshape(...logits.shape));
    default:
      throw new DataError(
        `problem_type "${problem satisfies never}" is not known; it is regression, single_label_classification or multi_label_classification.`,
        { problem },
      );
  }
}

/** A class for each token. `run` gives logits `[B, T, numLabels]`. */
export function classifyTokens(
  { numLabels }: LabelConfig,
  inputs: TokenLabelInputs,
  run: (inputs: EncoderInputs) => Headed,
): TokenClassifierOutput {
  return predictTokens(numLabels, inputs, run);
}

/** A word of the vocabulary for each token. `run` gives logits `[B, T, V]`. */
export function maskedLanguage(
  { vocabSize }: { readonly vocabSize: number },
  inputs: TokenLabelInputs,
  run: (inputs: EncoderInputs) => Headed,
): MaskedLMOutput {
  return predictTokens(vocabSize, inputs, run);
}

function predictTokens(classes: number, inputs: TokenLabelInputs, run: (inputs: EncoderInputs) => Headed) {
  const { labels } = inputs;
  if (labels !== undefined) checkTokenLabels(labels, classes, inputs);
  const { logits, outputs } = run(inputs);
  const loss = labels === undefined ? {} : { loss: tokenLoss(logits, labels) };
  return { ...loss, logits, ...layersOf(outputs) };
}

/** Throws unless there is one label in range for each token. */
export function checkTokenLabels(labels: Tensor, classes: number, inputs: EncoderInputs): void {
  const tokens = inputs.inputIds?.shape ?? inputs.inputsEmbeds?.shape.slice(0, 2);
  if (tokens !== undefined && !sameShape(labels.shape, tokens)) {
    throw new ShapeError(`labels: ${showShape(labels.shape)}; there is one for each token, ${showShape(tokens)}.`, {
      labels: labels.shape,
      tokens,
    });
  }
  checkClasses(labels, classes);
}

/** The mean over the labels that are not −100; logits `[…, V]`, labels `[…]`. */
export function tokenLoss(logits: Tensor, labels: Tensor): Tensor {
  return crossEntropy(logits.flatten(0, -2), classesOf(labels));
}

/** Where the answer begins and ends. `run` gives logits `[B, T, 2]`. */
export function answerQuestions(
  inputs: QuestionAnsweringInputs,
  run: (inputs: EncoderInputs) => Headed,
): QuestionAnsweringModelOutput {
  const { startPositions, endPositions } = inputs;
  const B = (inputs.inputIds ?? inputs.inputsEmbeds)?.shape[0];
  for (const [name, positions] of Object.entries({ startPositions, endPositions })) {
    if (positions === undefined || positions.numel === B) continue;
    throw new ShapeError(`${name}: ${showShape(positions.shape)}; there is one for each text, ${B}.`, { B });
  }
  const { logits, outputs } = run(inputs);
  const [startLogits, endLogits] = [0, 1].map((i) => logits.select(-1, i).contiguous()) as [Tensor, Tensor]; // [B, T]
  const loss =
    startPositions === undefined || endPositions === undefined
      ? {}
      : { loss: placeLoss(startLogits, startPositions).add(placeLoss(endLogits, endPositions)).div(2) };
  return { ...loss, startLogits, endLogits, ...layersOf(outputs) };
}

/** Positions beyond the text do not count. */
function placeLoss(logits: Tensor, positions: Tensor): Tensor {
  const T = logits.size(1);
  const target = positions.int().flatten().clamp({ min: 0, max: T });
  return crossEntropy(logits, target, { ignoreIndex: T });
}

/** One of several texts: all inputs have a dimension of choices more. `run` gives logits `[B N, 1]`. */
export function chooseOne(
  inputs: MultipleChoiceInputs,
  run: (inputs: EncoderInputs) => Headed,
): MultipleChoiceModelOutput {
  const { labels, ...rest } = inputs;
  const first = inputs.inputIds ?? inputs.inputsEmbeds;
  if (first === undefined || first.ndim < 3) {
    throw new ShapeError(
      `MultipleChoice: ${first === undefined ? "no inputIds" : showShape(first.shape)}; wants [B, N, T] for N choices.`,
      { shape: first?.shape },
    );
  }
  const N = first.size(1);
  if (labels !== undefined) checkClasses(labels, N);
  const { inputIds, attentionMask, tokenTypeIds, positionIds, inputsEmbeds } = rest;
  const tensors = { inputIds, attentionMask, tokenTypeIds, positionIds, inputsEmbeds };
  const flat = Object.entries(tensors).flatMap(([name, t]) => (t === undefined ? [] : [[name, t.flatten(0, 1)]]));
  const { logits, outputs } = run({ ...rest, ...Object.fromEntries(flat) });
  const choices = logits.reshape(-1, N); // [B, N]
  const loss = labels === undefined ? {} : { loss: crossEntropy(choices, classesOf(labels)) };
  return { ...loss, logits: choices, ...layersOf(outputs) };
}

/** Throws unless all labels are classes below `classes`, or −100. */
export function checkClasses(labels: Tensor, classes: number): void {
  if (isFloating(labels.dtype)) {
    throw new DataError(`labels: they are ${labels.dtype}; classes are whole numbers, { dtype: "int32" }.`, {
      dtype: labels.dtype,
    });
  }
  const values = labels.toArray();
  const at = values.findIndex((label: number) => label !== ignored && !(label >= 0 && label < classes));
  if (at < 0) return;
  throw new DataError(
    `labels: number ${at} is ${values[at]}; there are ${classes} classes, so labels are 0 to ${classes - 1}, or ${ignored} where nothing is learnt. Is numLabels right?`,
    { at, label: values[at], classes },
  );
}

/** Classes as the loss takes them: int32, in one dimension. */
export function classesOf(labels: Tensor): Tensor {
  return labels.int().flatten();
}
function asFloats(labels: Tensor, like: Tensor): Tensor {
  return labels.to(like.dtype);
}
