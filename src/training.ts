// The Trainer, and what surrounds a run of it.

export type { EvalStrategy, SaveStrategy, TrainingArguments } from "./training/arguments.ts";
export {
  type CallbackContext,
  EarlyStoppingCallback,
  type EarlyStoppingOptions,
  type TrainerCallback,
  type TrainerControl,
} from "./training/callbacks.ts";
export type { ModelCard } from "./training/card.ts";
export { type ChartLabels, lossChartSvg, lossChartText, type Point, type Series } from "./training/chart.ts";
export { lossSeries } from "./training/curve.ts";
export type { RowValues } from "./training/evaluation.ts";
export {
  type AnswerCandidate,
  type AnswerOptions,
  answersOfLogits,
  type FoundAnswer,
  nBestAnswers,
} from "./training/recipes/answers.ts";
export { fittingLabels, type LabelMap, labelMap, labelNames, labelsOfHead } from "./training/recipes/labels.ts";
export {
  type GroupOptions,
  groupTexts,
  type MaskedFeature,
  maskedLanguageCollator,
  maskRows,
} from "./training/recipes/masked-language.ts";
export {
  prepareQuestionAnswering,
  type QuestionFeature,
  type QuestionFeatureOptions,
  type QuestionRow,
  questionCollator,
  questionRows,
} from "./training/recipes/question-answering.ts";
export {
  type ClassificationFeature,
  type ClassificationLabels,
  type ClassificationRow,
  classificationCollator,
  classificationLabels,
  tokenizeClassification,
} from "./training/recipes/text-classification.ts";
export {
  type AlignOptions,
  type MarkedSpan,
  parseConll,
  type TaggedFeature,
  type TaggedRow,
  tagNames,
  tagSpans,
  tokenizeAndAlignLabels,
} from "./training/recipes/token-classification.ts";
export type { LogEntry, Metrics, TrainerState } from "./training/state.ts";
export type { Batch, ModelOutput } from "./training/step.ts";
export {
  type ComputeMetrics,
  type EvalPrediction,
  type PredictionOutput,
  Trainer,
  type TrainerOptions,
  type TrainOptions,
  type TrainOutput,
} from "./training/trainer.ts";
