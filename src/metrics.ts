// Scores of predictions.

export { type RougeScores, type RougeValue, rouge, rougeScore } from "./metrics/rouge.ts";
