// What encoders take and give. The names are Hugging Face's, in camelCase.

import type { Tensor } from "../tensor/tensor.ts";

/** Ids are int32. */
export interface EncoderInputs {
  /** `[B, T]`; either these or `inputsEmbeds`. */
  readonly inputIds?: Tensor | undefined;
  /** `[B, T]`, 1 where there is a token and 0 where there is padding; `[B, T, T]`, which each token sees; or `[B, 1 or H, T, T]`: bool, or floats that are added to the scores. */
  readonly attentionMask?: Tensor | undefined;
  /** `[B, T]`, which of the two texts a token is of; zeros if left out. */
  readonly tokenTypeIds?: Tensor | undefined;
  /** `[B, T]` or `[1, T]`; counted by the model if left out. */
  readonly positionIds?: Tensor | undefined;
  /** `[B, T, C]` in place of the word embeddings. */
  readonly inputsEmbeds?: Tensor | undefined;
  /** Give what each layer got and the last one gave. */
  readonly outputHiddenStates?: boolean | undefined;
  /** Give the weights of attention, which then are computed as a whole. */
  readonly outputAttentions?: boolean | undefined;
}

interface LayerOutputs {
  /** Embeddings and then each layer's result, `[B, T, C]`; with `outputHiddenStates`. */
  readonly hiddenStates?: readonly Tensor[];
  /** Each layer's weights `[B, H, T, T]`; with `outputAttentions`. */
  readonly attentions?: readonly Tensor[];
}

export interface BaseModelOutput extends LayerOutputs {
  /** `[B, T, C]` */
  readonly lastHiddenState: Tensor;
  /** What stands for the whole text, `[B, C]`, where the model has a pooler. */
  readonly poolerOutput?: Tensor;
}

/** `[B]` classes or numbers, or `[B, numLabels]`. */
export interface SequenceClassificationInputs extends EncoderInputs {
  readonly labels?: Tensor | undefined;
}
/** `[B, T]`, −100 where nothing is to be learnt. */
export interface TokenLabelInputs extends EncoderInputs {
  readonly labels?: Tensor | undefined;
}
/** Each input has a dimension of choices more, `[B, N, T]`; labels `[B]` are the right ones. */
export interface MultipleChoiceInputs extends EncoderInputs {
  readonly labels?: Tensor | undefined;
}
export interface QuestionAnsweringInputs extends EncoderInputs {
  /** `[B]`, the first token of the answer; one beyond the text is not learnt. */
  readonly startPositions?: Tensor | undefined;
  /** `[B]`, the last token of the answer. */
  readonly endPositions?: Tensor | undefined;
}
export interface PreTrainingInputs extends TokenLabelInputs {
  /** `[B]`, 0 where the second text follows the first. */
  readonly nextSentenceLabel?: Tensor | undefined;
  /** `[B]`, 0 where the two texts stand in their order (ALBERT). */
  readonly sentenceOrderLabel?: Tensor | undefined;
}

interface HeadOutput extends LayerOutputs {
  readonly loss?: Tensor;
}
/** Logits `[B, numLabels]`. */
export interface SequenceClassifierOutput extends HeadOutput {
  readonly logits: Tensor;
}
/** Logits `[B, T, numLabels]`. */
export interface TokenClassifierOutput extends HeadOutput {
  readonly logits: Tensor;
}
/** Logits `[B, T, V]`. */
export interface MaskedLMOutput extends HeadOutput {
  readonly logits: Tensor;
}
/** Logits `[B, N]`. */
export interface MultipleChoiceModelOutput extends HeadOutput {
  readonly logits: Tensor;
}
/** Logits `[B, 2]`. */
export interface NextSentencePredictorOutput extends HeadOutput {
  readonly logits: Tensor;
}
export interface QuestionAnsweringModelOutput extends HeadOutput {
  /** `[B, T]` */
  readonly startLogits: Tensor;
  /** `[B, T]` */
  readonly endLogits: Tensor;
}
/** What a model was trained on first. */
export interface PreTrainingOutput extends HeadOutput {
  /** `[B, T, V]` (BERT, ALBERT) */
  readonly predictionLogits?: Tensor;
  /** `[B, 2]`, whether the second text follows the first (BERT) */
  readonly seqRelationshipLogits?: Tensor;
  /** `[B, 2]`, whether the two texts are in order (ALBERT) */
  readonly sopLogits?: Tensor;
  /** `[B, T]`, above 0 where a token was replaced (ELECTRA) */
  readonly logits?: Tensor;
}
