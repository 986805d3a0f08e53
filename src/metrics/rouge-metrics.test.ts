import assert from "node:assert/strict";
import { test } from "node:test";
import { ArgumentError } from "../base/errors.ts";
import { rouge } from "./rouge.ts";
import { rougeMetrics } from "./rouge-metrics.ts";

test("scores the texts that a Trainer decoded, and counts tokens", () => {
  const decodedPredictions = ["a cat sat", "dogs run"];
  const decodedLabels = ["the cat sat down", "dogs ran"];
  const metrics = rougeMetrics()({
    predictions: [[4, 5, 6], [7]],
    labelIds: [[1], [2]],
    decodedPredictions,
    decodedLabels,
  });
  const scores = rouge(decodedPredictions, decodedLabels);
  assert.deepEqual(metrics, {
    rouge1: scores.rouge1.fmeasure,
    rouge2: scores.rouge2.fmeasure,
    rougeL: scores.rougeL.fmeasure,
    rougeLsum: scores.rougeLsum.fmeasure,
    genLen: 2,
  });
});

test("says what is missing where there are no texts", () => {
  assert.throws(() => rougeMetrics()({ predictions: [[1]], labelIds: [[1]] }), ArgumentError);
  const decoded = { decodedPredictions: ["a"], decodedLabels: ["a"] };
  assert.throws(() => rougeMetrics()({ predictions: [[[0.5]]], labelIds: [[1]], ...decoded }), /predictWithGenerate/);
});
