import assert from "node:assert/strict";
import { test } from "node:test";
import { ArgumentError } from "../base/errors.ts";
import { checkArguments, prefixed, type TrainingArguments } from "./arguments.ts";

test("the defaults are transformers'", () => {
  const { learningRate, numTrainEpochs, maxSteps, perDeviceTrainBatchSize, adamBeta2, adamEpsilon, maxGradNorm, seed } =
    checkArguments({});
  assert.deepEqual(
    { learningRate, numTrainEpochs, maxSteps, perDeviceTrainBatchSize, adamBeta2, adamEpsilon, maxGradNorm, seed },
    {
      learningRate: 5e-5,
      numTrainEpochs: 3,
      maxSteps: -1,
      perDeviceTrainBatchSize: 8,
      adamBeta2: 0.999,
      adamEpsilon: 1e-8,
      maxGradNorm: 1,
      seed: 42,
    },
  );
  assert.equal(checkArguments({ loggingSteps: 7 }).evalSteps, 7);
  assert.equal(checkArguments({ seed: 3 }).dataSeed, 3);
  const shares = {
    evalStrategy: "steps",
    evalSteps: 0.1,
    saveSteps: 0.3,
    loadBestModelAtEnd: true,
    outputDir: "x",
  } as const;
  assert.equal(checkArguments(shares).saveSteps, 0.3);
  const best = checkArguments({ metricForBestModel: "rougeL" });
  assert.deepEqual(
    [best.metricForBestModel, best.greaterIsBetter, checkArguments({}).greaterIsBetter],
    ["evalRougeL", true, false],
  );
});

const wrong: readonly (readonly [args: object, message: RegExp])[] = [
  [{ perDeviceTrainBatchSize: 0 }, /perDeviceTrainBatchSize is 0; it must be a whole number of at least 1/],
  [{ perDeviceEvalBatchSize: 1.5 }, /at least 1/],
  [{ gradientAccumulationSteps: -1 }, /at least 1/],
  [{ learningRate: -1e-3 }, /learningRate is -0.001; it must be a number of at least 0/],
  [{ learningRate: Number.NaN }, /learningRate is NaN/],
  [{ numTrainEpochs: 0 }, /above 0/],
  [{ maxSteps: 0 }, /at least 1, or -1/],
  [{ maxSteps: -2 }, /at least 1, or -1/],
  [{ maxMinutes: 0 }, /above 0/],
  [{ warmupSteps: 2.5 }, /whole number/],
  [{ warmupSteps: -1 }, /at least 0/],
  [{ adamBeta1: 1 }, /below 1/],
  [{ labelSmoothingFactor: 1 }, /below 1/],
  [{ lrSchedulerType: "linnear" }, /"linnear"; it must be .*"linear" or "cosine"/],
  [{ loggingSteps: 1.5 }, /a whole number of at least 1, or a share of all steps below 1/],
  [{ evalSteps: 0.1, maxMinutes: 1 }, /a share of all steps wants maxSteps or numTrainEpochs/],
  [
    { loadBestModelAtEnd: true, outputDir: "x", evalStrategy: "steps", evalSteps: 0.2, saveSteps: 0.5 },
    /a multiple of evalSteps/,
  ],
  [{ includeForMetrics: ["logits"] }, /a list of "inputs" and "loss"/],
  [{ labelNames: "labels" }, /a list of names of columns/],
  [{ saveTotalLimit: 0 }, /at least 1/],
  [{ outputDir: "" }, /outputDir/],
  [{ outputDir: 5 }, /outputDir is 5; it must be a text/],
  [{ seed: 1.5 }, /seed/],
  [{ learning_rate: 1 }, /no argument "learning_rate". Did you mean learningRate\?/],
  [{ epochs: 1 }, /no argument "epochs"/],
  [{ loadBestModelAtEnd: true, outputDir: "x" }, /needs evaluations/],
  [{ saveStrategy: "best" }, /needs evaluations/],
  [{ loadBestModelAtEnd: true, evalStrategy: "steps", saveStrategy: "best" }, /needs an outputDir/],
  [{ loadBestModelAtEnd: true, outputDir: "x", evalStrategy: "epoch" }, /every saved model to be evaluated/],
  [{ loadBestModelAtEnd: true, outputDir: "x", evalStrategy: "steps", evalSteps: 300 }, /a multiple of evalSteps/],
];
for (const [args, message] of wrong) {
  test(`refuses ${JSON.stringify(args)}`, () => {
    assert.throws(
      () => checkArguments(args as TrainingArguments), // wrong on purpose
      (error) => error instanceof ArgumentError && message.test(error.message),
    );
  });
}

test("names of metrics", () => {
  assert.deepEqual(
    ["loss", "rougeL", "eval_rougeL", "evalLoss", "my_score", "f1", "evaluation"].map((name) => prefixed("eval", name)),
    ["evalLoss", "evalRougeL", "evalRougeL", "evalLoss", "evalMyScore", "evalF1", "evalEvaluation"],
  );
});
