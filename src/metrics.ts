// Scores of predictions.

export {
  type Average,
  accuracy,
  type ClassificationReport,
  type ClassRow,
  classificationReport,
  f1,
  matthewsCorrcoef,
  type PrecisionRecallOptions,
  precisionRecallFscore,
} from "./metrics/classification.ts";
export { type ConfusionMatrix, type ConfusionMatrixOptions, confusionMatrix } from "./metrics/confusion-matrix.ts";
export type { Averages, Fscore, FscoreOptions, Label } from "./metrics/counts.ts";
export { averagePrecision, type RocAucOptions, rocAuc } from "./metrics/ranking.ts";
export { meanAbsoluteError, meanSquaredError, pearson, spearman } from "./metrics/regression.ts";
export { type RougeScores, type RougeValue, rouge, rougeScore } from "./metrics/rouge.ts";
export { type GeneratedTexts, rougeMetrics } from "./metrics/rouge-metrics.ts";
export {
  type EntitySpan,
  entitiesOf,
  type SeqevalOptions,
  type SeqevalScores,
  seqeval,
  type TagScheme,
} from "./metrics/seqeval.ts";
export { type SquadScores, type SquadV2Scores, squad, squadV2 } from "./metrics/squad.ts";
export {
  type ComputedMetrics,
  classificationMetrics,
  type Measured,
  multiLabelMetrics,
  perplexity,
  regressionMetrics,
  seqevalMetrics,
  tokenAccuracy,
} from "./metrics/trainer-metrics.ts";
