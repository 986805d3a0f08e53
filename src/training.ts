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
