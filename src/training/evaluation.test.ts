// What evaluation measures, and what a run does with it: the best model, early stopping.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type TinyRow, tinyRows, tinyTagger, tinyTrainer } from "../../test/tiny-training.ts";
import { ArgumentError } from "../base/errors.ts";
import { manualSeed } from "../base/random.ts";
import { DataCollatorForTokenClassification } from "../data/collators.ts";
import { Module } from "../nn/module.ts";
import { rand } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { TrainingArguments } from "./arguments.ts";
import { EarlyStoppingCallback } from "./callbacks.ts";
import { type EvalPrediction, Trainer } from "./trainer.ts";

const folder = mkdtempSync(join(tmpdir(), "kindling-evaluation-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const checkpoints = (): string[] =>
  readdirSync(folder)
    .filter((name) => name.startsWith("checkpoint-"))
    .sort();

test("evaluation: the mean over labels, whatever the batches; rows in their order; nothing of training is touched", async () => {
  const rows = tinyRows(23, 9);
  const seen: unknown[] = [];
  const measure = async (perDeviceEvalBatchSize: number): Promise<number> => {
    const { trainer } = tinyTrainer({ perDeviceEvalBatchSize });
    const { predictions, labelIds, metrics } = await trainer.predict(rows);
    seen.push(predictions);
    labelIds.forEach((labels, i) =>
      assert.deepEqual((labels as number[]).slice(0, rows[i]!.labels.length), rows[i]!.labels),
    );
    assert.deepEqual(Object.keys(metrics), ["testLoss", "testRuntime", "testSamplesPerSecond"]);
    return metrics["testLoss"]!;
  };
  const [one, all] = [await measure(1), await measure(100)];
  assert.ok(Math.abs(one - all) < 1e-5);
  const [ones, alls] = seen as number[][][][]; // logits: rows, positions, classes
  ones!.forEach((row, i) =>
    row.forEach((scores, t) => scores.forEach((x, v) => assert.ok(Math.abs(x - alls![i]![t]![v]!) < 1e-5))),
  );

  const { trainer } = tinyTrainer({}, { model: tinyTagger(0, 0.5) });
  trainer.model.train();
  manualSeed(4);
  const next = rand([1]).item();
  manualSeed(4);
  await trainer.evaluate();
  assert.equal(rand([1]).item(), next);
  assert.equal(trainer.model.training, true);
});

test("computeMetrics gets what preprocessLogitsForMetrics keeps, and its numbers are reported", async () => {
  const { trainer } = tinyTrainer(
    { numTrainEpochs: 8 },
    {
      preprocessLogitsForMetrics: (logits: Tensor) => logits.argmax({ dim: -1 }),
      computeMetrics: ({ predictions, labelIds }) => {
        const pairs = labelIds.flatMap((row, i) =>
          (row as number[]).map((label, t) => [label, (predictions[i] as number[])[t]]),
        );
        const learnt = pairs.filter(([label]) => label !== -100);
        return { accuracy: learnt.filter(([label, said]) => label === said).length / learnt.length };
      },
    },
  );
  const before = (await trainer.evaluate())["evalAccuracy"]!;
  await trainer.train();
  const after = (await trainer.evaluate())["evalAccuracy"]!;
  assert.ok(before < 0.3 && after > 0.6, `${before} to ${after}`);
  const broken = tinyTrainer({}, { computeMetrics: () => ({ score: "good" }) as never }); // wrong on purpose
  await assert.rejects(broken.trainer.evaluate(), /"score" is string/);
});

test("the best model is kept, loaded at the end, and never deleted", async () => {
  const scores = [0.2, 0.9, 0.5, 0.9, 0.1];
  const weights: number[][] = [];
  let at = 0;
  const { trainer } = tinyTrainer(
    {
      outputDir: folder,
      maxSteps: 10,
      evalStrategy: "steps",
      evalSteps: 2,
      saveSteps: 2,
      saveTotalLimit: 1,
      loadBestModelAtEnd: true,
      metricForBestModel: "score",
    },
    {
      computeMetrics: () => ({ score: scores[at++]! }),
      callbacks: [{ onEvaluate: () => void weights.push(Array.from(trainer.model.parameters()[0]!.toArray())) }],
    },
  );
  await trainer.train();
  const { bestMetric, bestGlobalStep, bestModelCheckpoint } = trainer.state;
  assert.deepEqual([bestMetric, bestGlobalStep, bestModelCheckpoint], [0.9, 4, join(folder, "checkpoint-4")]);
  assert.deepEqual(checkpoints(), ["checkpoint-10", "checkpoint-4"]);
  assert.deepEqual(Array.from(trainer.model.parameters()[0]!.toArray()), weights[1]);
  const svg = readFileSync(join(folder, "loss.svg"), "utf8");
  assert.match(svg, /evalScore \(right\)/);
  const card = readFileSync(join(folder, "README.md"), "utf8");
  assert.match(card, /^---\nlibrary_name: kindling\n/);
  assert.match(card, /- score: 0.9\n/);
  assert.match(card, /\| training loss \| epoch \| step \| evaluation loss \| score \|\n(.*\n){6}/);
});

test("early stopping counts the evaluations since the best", async () => {
  const stoppedAt = async (
    scores: readonly number[],
    earlyStoppingPatience: number,
    earlyStoppingThreshold = 0,
  ): Promise<number> => {
    let at = 0;
    const { trainer } = tinyTrainer(
      { maxSteps: 10, evalStrategy: "steps", evalSteps: 1, metricForBestModel: "score" },
      {
        computeMetrics: () => ({ score: scores[at++]! }),
        callbacks: [new EarlyStoppingCallback({ earlyStoppingPatience, earlyStoppingThreshold })],
      },
    );
    return (await trainer.train()).globalStep;
  };
  assert.equal(await stoppedAt([1, 2, 1.5, 3, 2, 2.5, 4, 1, 1, 1], 1), 3);
  assert.equal(await stoppedAt([1, 2, 1.5, 3, 2, 2.5, 4, 1, 1, 1], 2), 6);
  assert.equal(await stoppedAt([1, 1.1, 1.2, 3, 3, 3, 3, 3, 3, 3], 2, 0.5), 3);
  assert.equal(await stoppedAt([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 1), 10);
  assert.throws(() => tinyTrainer({}, { callbacks: [new EarlyStoppingCallback()] }), /set evalStrategy/);
  assert.throws(() => new EarlyStoppingCallback({ earlyStoppingPatience: 0 }), ArgumentError);
});

test("a run that was moved finds its best model again; without it, a new best", async () => {
  const [moved, robbed] = [`${folder}-moved`, `${folder}-robbed`];
  after(() => [moved, robbed].forEach((path) => rmSync(path, { recursive: true, force: true })));
  for (const path of [moved, robbed]) cpSync(folder, path, { recursive: true });
  rmSync(join(robbed, "checkpoint-4"), { recursive: true });
  for (const [outputDir, best] of [
    [moved, 4],
    [robbed, 12],
  ] as const) {
    const args = {
      outputDir,
      maxSteps: 14,
      evalStrategy: "steps",
      evalSteps: 2,
      saveSteps: 2,
      loadBestModelAtEnd: true,
    } as const;
    const scores = [0.5, Number.NaN];
    const { trainer } = tinyTrainer(
      { ...args, metricForBestModel: "score", saveTotalLimit: 1 },
      { computeMetrics: () => ({ score: scores.shift()! }) },
    );
    await trainer.train({ resumeFromCheckpoint: true });
    assert.deepEqual(
      [trainer.state.bestGlobalStep, trainer.state.bestModelCheckpoint],
      [best, join(outputDir, `checkpoint-${best}`)],
    );
  }
});

test("labels may have another name; computeMetrics gets inputs and losses if asked", async () => {
  class Renamed extends Module<[batch: { inputIds: Tensor; wanted: Tensor }], { loss: Tensor; logits: Tensor }> {
    readonly tagger = tinyTagger(0, 0);
    forward({ inputIds, wanted: labels }: { inputIds: Tensor; wanted: Tensor }): { loss: Tensor; logits: Tensor } {
      return this.tagger({ inputIds, labels });
    }
  }
  const rows = tinyRows(7, 9);
  const measure = async (
    args: TrainingArguments,
  ): Promise<{ loss: number | undefined; given: EvalPrediction | undefined }> => {
    let given: EvalPrediction | undefined;
    const collate = DataCollatorForTokenClassification({ tokenizer: { padTokenId: 0 } });
    const trainer = new Trainer<TinyRow>({
      model: new Renamed(),
      args: { perDeviceEvalBatchSize: 3, disableTqdm: true, ...args },
      dataCollator: (batch) => {
        const { inputIds, labels: wanted } = collate(
          batch.map((row) => ({ ...row, attentionMask: row.inputIds.map(() => 1) })),
        );
        return { inputIds, wanted };
      },
      computeMetrics: (prediction) => {
        given = prediction;
        return {};
      },
    });
    return { loss: (await trainer.predict(rows)).metrics["testLoss"], given };
  };
  const { trainer: usual } = tinyTrainer({}, { model: tinyTagger(0, 0) });
  const { metrics, labelIds } = await usual.predict(rows);
  const { loss, given } = await measure({ labelNames: ["wanted"], includeForMetrics: ["inputs", "loss"] });
  assert.ok(Math.abs(loss! - metrics["testLoss"]!) < 1e-6, "the mean over labels, not over batches");
  given!.labelIds.forEach((row, i) =>
    assert.deepEqual((row as number[]).slice(0, rows[i]!.labels.length), rows[i]!.labels),
  );
  given!.inputs!.forEach((row, i) =>
    assert.deepEqual((row as number[]).slice(0, rows[i]!.inputIds.length), rows[i]!.inputIds),
  );
  assert.ok(given!.losses!.every(Number.isFinite));
  assert.equal(new Set(given!.losses).size, 3, "one a batch");
  assert.equal(labelIds.length, given!.labelIds.length);
  assert.deepEqual((await measure({})).given, undefined, "without their name there are no labels");
});
