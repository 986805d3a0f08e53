// Scores of predictions.

export { type RougeScores, type RougeValue, rouge, rougeScore } from "./metrics/rouge.ts";
export { type GeneratedTexts, rougeMetrics } from "./metrics/rouge-metrics.ts";
