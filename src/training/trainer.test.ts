// What a run does on its way: gradients, logs, evaluations, checkpoints, callbacks, and how it ends.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { echoRows, type TinyRow, TinyTagger, tinyRows, tinySeq2Seq, tinyTagger } from "../../test/tiny-training.ts";
import { ArgumentError, DataError, NonFiniteError } from "../base/errors.ts";
import { manualSeed } from "../base/random.ts";
import { AutoModelForSeq2SeqLM } from "../models/auto.ts";
import { LayerNorm } from "../nn/normalization.ts";
import { memoryStats } from "../tensor/memory.ts";
import { rand } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { TrainingArguments } from "./arguments.ts";
import { EarlyStoppingCallback, type TrainerCallback } from "./callbacks.ts";
import { readJsonlLog } from "./jsonl-log.node.ts";
import { defaultOptimizer } from "./optimizer.ts";
import { openCheckpoint } from "./run-folder.node.ts";
import { Trainer, type TrainerOptions } from "./trainer.ts";

const root = mkdtempSync(join(tmpdir(), "kindling-trainer-"));
after(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const freshFolder = (): string => join(root, String(folders++));

const quick: TrainingArguments = { learningRate: 0.02, disableTqdm: true, perDeviceTrainBatchSize: 4 };
const checkpoints = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.startsWith("checkpoint-"))
    .sort();

/** A trainer of the tiny tagger without dropout, with the losses of its steps. */
function tiny(
  args: TrainingArguments,
  more: Partial<TrainerOptions<TinyRow>> = {},
): { trainer: Trainer<TinyRow>; losses: number[] } {
  const losses: number[] = [];
  const watch: TrainerCallback = { onStepEnd: ({ loss }) => void losses.push(loss) };
  const trainer = new Trainer<TinyRow>({
    model: tinyTagger(0, 0),
    trainDataset: tinyRows(33),
    evalDataset: tinyRows(10, 7),
    args: { ...quick, ...args },
    ...more,
    callbacks: [watch, ...(more.callbacks ?? [])],
  });
  return { trainer, losses };
}

test("learns, and writes nothing without an outputDir", async () => {
  const { trainer, losses } = tiny({ numTrainEpochs: 8 });
  const before = (await trainer.evaluate())["evalLoss"]!;
  const { globalStep, trainingLoss, wasStopped } = await trainer.train();
  assert.deepEqual([globalStep, losses.length, wasStopped], [72, 72, false]);
  assert.ok(Math.abs(trainingLoss - losses.reduce((sum, x) => sum + x, 0) / 72) < 1e-9);
  assert.ok((await trainer.evaluate())["evalLoss"]! < before / 2);
  assert.equal(trainer.state.epoch, 8);
});

test("accumulated gradients are those of one large batch, though its parts hold unlike many labels", async () => {
  const run = async (
    perDeviceTrainBatchSize: number,
    gradientAccumulationSteps: number,
  ): Promise<{ losses: number[]; weights: number[] }> => {
    const { trainer, losses } = tiny({ numTrainEpochs: 2, perDeviceTrainBatchSize, gradientAccumulationSteps });
    await trainer.train();
    return { losses, weights: trainer.model.parameters().flatMap((p) => Array.from(p.toArray())) };
  };
  const [large, small] = [await run(12, 1), await run(3, 4)];
  assert.equal(large.losses.length, small.losses.length);
  large.losses.forEach((loss, i) => assert.ok(Math.abs(loss - small.losses[i]!) < 1e-5 * loss, `step ${i}`));
  large.weights.forEach((w, i) => assert.ok(Math.abs(w - small.weights[i]!) < 1e-4, `weight ${i}`));
});

test("a batch without a label to learn is skipped, a step without one is an error", async () => {
  const blank: TinyRow = { inputIds: [3, 4], labels: [-100, -100] };
  const rows = (count: number): TinyRow[] => [...tinyRows(count), blank];
  const args = { perDeviceTrainBatchSize: 1, gradientAccumulationSteps: 2, numTrainEpochs: 3 };
  const { trainer, losses } = tiny(args, { trainDataset: rows(3) });
  await trainer.train();
  assert.ok(losses.every(Number.isFinite));
  await assert.rejects(tiny(args, { trainDataset: rows(0) }).trainer.train(), DataError);
});

test("biases and norms do not decay", () => {
  class Normed extends TinyTagger {
    readonly norm = new LayerNorm(8);
  }
  const model = new Normed();
  const { args } = tiny({ weightDecay: 0.3, adamBeta2: 0.9 }).trainer;
  const { paramGroups } = defaultOptimizer(model, args);
  assert.deepEqual(
    paramGroups.map((g) => [g.weightDecay, g.lr, g.betas[1], g.params.length]),
    [
      [0.3, 0.02, 0.9, 2],
      [0, 0.02, 0.9, 3],
    ],
  );
});

test("logs the mean loss since the last entry, the rate and the norm; the last step always", async () => {
  const folder = freshFolder();
  const { trainer, losses } = tiny({
    maxSteps: 8,
    loggingSteps: 3,
    outputDir: folder,
    warmupSteps: 2,
    saveStrategy: "no",
  });
  await trainer.train();
  const rows = readJsonlLog(join(folder, "log.jsonl"));
  const mean = (from: number, to: number): number =>
    losses.slice(from, to).reduce((sum, x) => sum + x, 0) / (to - from);
  assert.deepEqual(
    rows.map(({ step, loss }) => [step, loss]),
    [
      [3, mean(0, 3)],
      [6, mean(3, 6)],
      [8, mean(6, 8)],
      [8, undefined],
    ],
  );
  assert.deepEqual(Object.keys(rows[0]!), ["loss", "grad_norm", "learning_rate", "tokens_per_second", "epoch", "step"]);
  assert.ok(
    Math.abs((rows[0]!["learning_rate"] as number) - 0.02) < 1e-12,
    "the third step is the first after the warm-up",
  );
  assert.match(readFileSync(join(folder, "loss.svg"), "utf8"), /<svg.*training loss/s);
  assert.deepEqual(trainer.state.logHistory.length, 4);
  assert.deepEqual(readdirSync(folder).sort(), ["README.md", "log.jsonl", "loss.svg", "model.safetensors"]);
});

test("evaluation: the mean over labels, whatever the batches; rows in their order; nothing of training is touched", async () => {
  const rows = tinyRows(23, 9);
  const seen: unknown[] = [];
  const measure = async (perDeviceEvalBatchSize: number): Promise<number> => {
    const { trainer } = tiny({ perDeviceEvalBatchSize });
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

  const { trainer } = tiny({}, { model: tinyTagger(0, 0.5) });
  trainer.model.train();
  manualSeed(4);
  const next = rand([1]).item();
  manualSeed(4);
  await trainer.evaluate();
  assert.equal(rand([1]).item(), next);
  assert.equal(trainer.model.training, true);
});

test("computeMetrics gets what preprocessLogitsForMetrics keeps, and its numbers are reported", async () => {
  const { trainer } = tiny(
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
  const broken = tiny({}, { computeMetrics: () => ({ score: "good" }) as never }); // wrong on purpose
  await assert.rejects(broken.trainer.evaluate(), /"score" is string/);
});

test("the best model is kept, loaded at the end, and never deleted", async () => {
  const folder = freshFolder();
  const scores = [0.2, 0.9, 0.5, 0.9, 0.1];
  const weights: number[][] = [];
  let at = 0;
  const { trainer } = tiny(
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
  assert.deepEqual(checkpoints(folder), ["checkpoint-10", "checkpoint-4"]);
  assert.deepEqual(Array.from(trainer.model.parameters()[0]!.toArray()), weights[1]);
  const svg = readFileSync(join(folder, "loss.svg"), "utf8");
  assert.match(svg, /evalScore \(right\)/);
  const card = readFileSync(join(folder, "README.md"), "utf8");
  assert.match(card, /^---\nlibrary_name: kindling\n/);
  assert.match(card, /- score: 0.9\n/);
  assert.match(card, /\| training loss \| epoch \| step \| evaluation loss \| score \|\n(.*\n){6}/);
});

test("what to save: by steps, epochs, only the best, the newest few", async () => {
  const saved = async (args: TrainingArguments): Promise<string[]> => {
    const folder = freshFolder();
    await tiny({ maxSteps: 20, outputDir: folder, ...args }).trainer.train();
    return checkpoints(folder);
  };
  const named = (...steps: number[]): string[] => steps.map((step) => `checkpoint-${step}`).sort();
  assert.deepEqual(await saved({ saveSteps: 8 }), named(8, 16, 20));
  assert.deepEqual(await saved({ saveStrategy: "epoch" }), named(9, 18, 20));
  assert.deepEqual(await saved({ saveSteps: 4, saveTotalLimit: 2 }), named(16, 20));
  assert.deepEqual(await saved({ saveStrategy: "no" }), []);
  const best = await saved({
    saveStrategy: "best",
    evalStrategy: "steps",
    evalSteps: 5,
    learningRate: 1e-5,
    saveTotalLimit: 3,
  });
  assert.ok(best.length > 0);
});

test("early stopping counts the evaluations since the best", async () => {
  const stoppedAt = async (
    scores: readonly number[],
    earlyStoppingPatience: number,
    earlyStoppingThreshold = 0,
  ): Promise<number> => {
    let at = 0;
    const { trainer } = tiny(
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
  await assert.rejects(tiny({}, { callbacks: [new EarlyStoppingCallback()] }).trainer.train(), /set evalStrategy/);
  assert.throws(() => new EarlyStoppingCallback({ earlyStoppingPatience: 0 }), ArgumentError);
});

test("callbacks are told in order, and their wishes are fulfilled once", async () => {
  const folder = freshFolder();
  const told: string[] = [];
  const tell =
    (event: string): (() => void) =>
    () =>
      void told.push(event);
  const wishes: TrainerCallback = {
    onTrainBegin: tell("begin"),
    onEpochBegin: tell("epoch"),
    onStepEnd: ({ state, control }) => {
      told.push(`step ${state.globalStep}`);
      if (state.globalStep === 2) Object.assign(control, { shouldLog: true, shouldEvaluate: true, shouldSave: true });
      if (state.globalStep === 4) control.shouldTrainingStop = true;
    },
    onEpochEnd: tell("epoch end"),
    onLog: tell("log"),
    onEvaluate: tell("evaluate"),
    onSave: tell("save"),
    onTrainEnd: tell("end"),
  };
  const { trainer } = tiny(
    { outputDir: folder, perDeviceTrainBatchSize: 11, saveStrategy: "no" },
    { callbacks: [wishes] },
  );
  await trainer.train();
  const first = ["begin", "epoch", "step 1", "step 2", "log", "log", "evaluate", "save", "step 3", "epoch end"];
  assert.deepEqual(told, [...first, "epoch", "step 4", "log", "log", "end"]);
  assert.deepEqual(checkpoints(folder), ["checkpoint-2"]);
});

test("a loss or a gradient that is not finite ends the run, and what was saved stays", async () => {
  for (const [what, factor] of [
    ["loss", Number.NaN],
    ["gradients' norm", Number.POSITIVE_INFINITY],
  ] as const) {
    const folder = freshFolder();
    class Breaking extends TinyTagger {
      calls = 0;
      override forward(batch: never): { loss: Tensor; logits: Tensor } {
        const { loss, logits } = super.forward(batch);
        if (++this.calls < 6) return { loss, logits };
        return {
          loss: what === "loss" ? loss.mul(factor) : loss.sub(loss.detach()).mul(3e38).mul(1e10).add(1),
          logits,
        };
      }
    }
    manualSeed(0);
    const model = new Breaking(0);
    const { trainer } = tiny({ outputDir: folder, maxSteps: 10, saveSteps: 2, loggingSteps: 1 }, { model });
    await assert.rejects(trainer.train(), (error) => {
      assert.ok(error instanceof NonFiniteError);
      assert.match(error.message, new RegExp(`the ${what} is .* at step 6`));
      return true;
    });
    assert.deepEqual(checkpoints(folder), ["checkpoint-2", "checkpoint-4"]);
    await openCheckpoint(join(folder, "checkpoint-4"));
    assert.ok(!existsSync(join(folder, "model.safetensors")));
    assert.ok(model.parameters().every((p) => p.grad === undefined && p.toArray().every(Number.isFinite)));
    const { loss, step } = readJsonlLog(join(folder, "log.jsonl")).at(-1)!;
    assert.deepEqual([loss, step], [Number.NaN, 6]);
    assert.match(readFileSync(join(folder, "loss.svg"), "utf8"), /×/);
  }
});

test("a run that time ends goes down the schedule all the same, and is evaluated and saved", async () => {
  const folder = freshFolder();
  const { trainer } = tiny({
    outputDir: folder,
    maxMinutes: 1.5 / 60,
    evalStrategy: "steps",
    evalSteps: 1e6,
    loggingSteps: 1,
  });
  const start = performance.now();
  const { wasStopped, globalStep } = await trainer.train();
  assert.ok(performance.now() - start > 1500);
  assert.equal(wasStopped, false);
  const rates = trainer.state.logHistory.flatMap((entry) => entry["learningRate"] ?? []);
  assert.equal(rates.length, globalStep);
  assert.ok(rates.at(-1)! < 0.25 * rates[0]!, `${rates[0]} to ${rates.at(-1)}`);
  assert.equal(trainer.state.logHistory.filter((entry) => Object.hasOwn(entry, "evalLoss")).length, 1);
  assert.deepEqual(checkpoints(folder), [`checkpoint-${globalStep}`]);
});

test("what is wrong is said by the constructor", () => {
  const wrong = (args: TrainingArguments, more: Partial<TrainerOptions<TinyRow>>, message: RegExp): void => {
    assert.throws(
      () => tiny(args, more),
      (error) => error instanceof ArgumentError && message.test(error.message),
    );
  };
  wrong({ perDeviceTrainBatchSize: 0 }, {}, /perDeviceTrainBatchSize/);
  wrong({}, { trainDataset: [] }, /trainDataset has no rows/);
  wrong({}, { evalDataset: [] }, /evalDataset has no rows/);
  wrong({ predictWithGenerate: true }, {}, /TinyTagger cannot generate/);
  wrong({ groupByLength: true }, { trainDataset: [{ text: "a" } as unknown as TinyRow] }, /row 0 has no inputIds/);
  wrong({}, { model: tinyTagger().requiresGrad_(false) as TinyTagger }, /no parameter/);
  assert.throws(() => new Trainer({ model: tinyTagger(), args: { evalStrategy: "epoch" } }), /there is no evalDataset/);
});

test("what is wrong with a batch is said", async () => {
  const run = (rows: readonly object[]): Promise<unknown> =>
    new Trainer<object>({ model: tinyTagger(), args: quick, trainDataset: rows }).train();
  await assert.rejects(run([{ text: "not tokenized" }]), /no column of text holds numbers/);
  await assert.rejects(
    run([
      { inputIds: [3], labels: [4] },
      { inputIds: 3, labels: [4] },
    ]),
    /"inputIds" is a list in some rows/,
  );
  await assert.rejects(new Trainer({ model: tinyTagger(), args: quick }).train(), /needs a trainDataset/);
  const silent = new Trainer<object>({
    model: tinySeq2Seq(),
    args: quick,
    trainDataset: [{ inputIds: [3], decoderInputIds: [1] }],
  });
  await assert.rejects(silent.train(), /returned no loss/);
});

test("one run at a time; stop() before it has begun does nothing", async () => {
  const { trainer } = tiny({ maxSteps: 3 });
  trainer.stop();
  const running = trainer.train();
  await assert.rejects(trainer.train(), /running already/);
  assert.equal((await running).globalStep, 3);
});

test("saves a folder that the model can be loaded from, and a README.md that is not somebody else's", async () => {
  const folder = freshFolder();
  const rows = echoRows(64);
  const options = {
    model: tinySeq2Seq(),
    trainDataset: rows,
    evalDataset: rows,
    modelCard: { pipelineTag: "summarization", license: "mit" },
  };
  const args = {
    ...quick,
    maxSteps: 150,
    saveStrategy: "no",
    predictWithGenerate: true,
    generationMaxNewTokens: 5,
  } as const;
  const trainer = new Trainer<object>({ ...options, args: { ...args, outputDir: folder } });
  await trainer.train();
  const { predictions } = await trainer.predict(rows.slice(0, 9));
  const loaded = new Trainer<object>({ model: await AutoModelForSeq2SeqLM.fromPretrained(folder), args });
  assert.deepEqual((await loaded.predict(rows.slice(0, 9))).predictions, predictions);
  assert.ok(predictions.some((ids) => (ids as number[]).length > 0));

  assert.match(
    readFileSync(join(folder, "README.md"), "utf8"),
    /pipeline_tag: summarization\nlicense: mit\n(.*\n)*.*await pipeline\("summarization"/,
  );
  await trainer.saveModel(folder);
  writeFileSync(join(folder, "README.md"), "mine");
  await trainer.saveModel(folder);
  assert.equal(readFileSync(join(folder, "README.md"), "utf8"), "mine");
});

test("a run holds live bytes constant", async () => {
  const live: number[] = [];
  const { trainer } = tiny(
    { maxSteps: 600, evalStrategy: "steps", evalSteps: 100, gradientAccumulationSteps: 2, perDeviceTrainBatchSize: 8 },
    {
      model: tinyTagger(0, 0.3),
      callbacks: [
        { onStepEnd: ({ state }) => void (state.globalStep % 100 === 50 && live.push(memoryStats().liveBytes)) },
      ],
    },
  );
  await trainer.train();
  assert.equal(live.length, 6);
  assert.ok(
    live.every((bytes) => bytes <= live[0]!),
    live.join(" "),
  );
});
