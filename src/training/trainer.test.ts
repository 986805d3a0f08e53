// What a run does on its way: gradients, logs, evaluations, checkpoints, callbacks, and how it ends.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  echoRows,
  quick,
  type TinyRow,
  TinyTagger,
  tinyRows,
  tinySeq2Seq,
  tinyTagger,
  tinyTrainer,
} from "../../test/tiny-training.ts";
import { ArgumentError, DataError, NonFiniteError } from "../base/errors.ts";
import { manualSeed } from "../base/random.ts";
import { AutoModelForSeq2SeqLM } from "../models/auto.ts";
import { LayerNorm } from "../nn/normalization.ts";
import { AdamW } from "../optim/adam.ts";
import { memoryStats } from "../tensor/memory.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { TrainingArguments } from "./arguments.ts";
import type { TrainerCallback } from "./callbacks.ts";
import { readJsonlLog } from "./jsonl-log.node.ts";
import { defaultOptimizer } from "./optimizer.ts";
import { openCheckpoint } from "./run-folder.node.ts";
import { Trainer, type TrainerOptions } from "./trainer.ts";

const root = mkdtempSync(join(tmpdir(), "kindling-trainer-"));
after(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const freshFolder = (): string => join(root, String(folders++));

const checkpoints = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.startsWith("checkpoint-"))
    .sort();

test("learns, and writes nothing without an outputDir", async () => {
  const { trainer, losses } = tinyTrainer({ numTrainEpochs: 8 });
  const before = (await trainer.evaluate())["evalLoss"]!;
  const { globalStep, trainingLoss, wasStopped } = await trainer.train();
  assert.deepEqual([globalStep, losses.length, wasStopped], [72, 72, false]);
  assert.ok(Math.abs(trainingLoss - losses.reduce((sum, x) => sum + x, 0) / 72) < 1e-9);
  assert.ok((await trainer.evaluate())["evalLoss"]! < before / 2);
  assert.equal(trainer.state.epoch, 8);
});

test("takes a dataset whose rows come later, and gives its rows to the collator", async () => {
  const rows = tinyRows(33);
  const plain = tinyTrainer({ maxSteps: 4, groupByLength: true });
  const later = tinyTrainer(
    { maxSteps: 4, groupByLength: true },
    {
      trainDataset: { length: 33, getItem: async (i) => rows[i]! },
      evalDataset: { length: 33, getItem: (i) => rows[i]! },
    },
  );
  await plain.trainer.train();
  await later.trainer.train();
  assert.deepEqual(later.losses, plain.losses);
  const mixed = tinyTrainer({ maxSteps: 4 });
  await mixed.trainer.train();
  assert.notDeepEqual(mixed.losses, plain.losses);
  assert.equal((await later.trainer.evaluate())["evalLoss"], (await plain.trainer.evaluate(rows))["evalLoss"]);
});

test("accumulated gradients are those of one large batch, though its parts hold unlike many labels", async () => {
  const run = async (
    perDeviceTrainBatchSize: number,
    gradientAccumulationSteps: number,
  ): Promise<{ losses: number[]; weights: number[] }> => {
    const { trainer, losses } = tinyTrainer({ numTrainEpochs: 2, perDeviceTrainBatchSize, gradientAccumulationSteps });
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
  const { trainer, losses } = tinyTrainer(args, { trainDataset: rows(3) });
  await trainer.train();
  assert.ok(losses.every(Number.isFinite));
  await assert.rejects(tinyTrainer(args, { trainDataset: rows(0) }).trainer.train(), DataError);
});

test("biases and norms do not decay", () => {
  class Normed extends TinyTagger {
    readonly norm = new LayerNorm(8);
  }
  const model = new Normed();
  const { args } = tinyTrainer({ weightDecay: 0.3, adamBeta2: 0.9 }).trainer;
  const optimizer = defaultOptimizer(model, args);
  assert.ok(optimizer instanceof AdamW);
  const { paramGroups } = optimizer;
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
  const { trainer, losses } = tinyTrainer({
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

test("what to save: by steps, epochs, only the best, the newest few", async () => {
  const saved = async (args: TrainingArguments): Promise<string[]> => {
    const folder = freshFolder();
    await tinyTrainer({ maxSteps: 20, outputDir: folder, ...args }).trainer.train();
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
  const { trainer } = tinyTrainer(
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
    const { trainer } = tinyTrainer({ outputDir: folder, maxSteps: 10, saveSteps: 2, loggingSteps: 1 }, { model });
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
  const { trainer } = tinyTrainer({
    outputDir: folder,
    maxMinutes: 1.5 / 60,
    evalStrategy: "steps",
    evalSteps: 1e6,
    saveSteps: 1e6,
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
      () => tinyTrainer(args, more),
      (error) => error instanceof ArgumentError && message.test(error.message),
    );
  };
  wrong({ perDeviceTrainBatchSize: 0 }, {}, /perDeviceTrainBatchSize/);
  wrong({}, { trainDataset: [] }, /trainDataset has no rows/);
  wrong({}, { evalDataset: [] }, /evalDataset has no rows/);
  wrong({ predictWithGenerate: true }, {}, /TinyTagger cannot generate/);
  wrong({}, { model: tinyTagger().requiresGrad_(false) as TinyTagger }, /no parameter/);
  assert.throws(() => new Trainer({ model: tinyTagger(), args: { evalStrategy: "epoch" } }), /there is no evalDataset/);
});

test("what is wrong with a batch is said", async () => {
  const run = (rows: readonly object[], args: TrainingArguments = {}): Promise<unknown> =>
    new Trainer<object>({ model: tinyTagger(), args: { ...quick, ...args }, trainDataset: rows }).train();
  await assert.rejects(run([{ text: "not tokenized" }]), /no column of text holds numbers/);
  await assert.rejects(run([{ text: "not tokenized" }], { groupByLength: true }), /row 0 has no inputIds/);
  await assert.rejects(
    run([
      { inputIds: [3], labels: [4] },
      { inputIds: 3, labels: [4] },
    ]),
    /"inputIds" is a list of numbers in some rows/,
  );
  await assert.rejects(new Trainer({ model: tinyTagger(), args: quick }).train(), /needs a trainDataset/);
  const silent = new Trainer<object>({
    model: tinySeq2Seq(),
    args: quick,
    trainDataset: [{ inputIds: [3], decoderInputIds: [1] }],
  });
  await assert.rejects(silent.train(), /returned no loss/);
});

test("a stop between steps, as from a signal, saves too; one before the first step leaves nothing behind", async () => {
  const folder = freshFolder();
  const { trainer } = tinyTrainer({ outputDir: folder, maxSteps: 100_000, saveStrategy: "no" });
  setTimeout(() => trainer.stop(), 300);
  const { globalStep, wasStopped } = await trainer.train();
  assert.equal(wasStopped, true);
  assert.deepEqual(checkpoints(folder), [`checkpoint-${globalStep}`]);
  assert.ok(existsSync(join(folder, "model.safetensors")));

  const other = freshFolder();
  const early: Trainer<TinyRow> = tinyTrainer(
    { outputDir: other, maxSteps: 3 },
    { callbacks: [{ onTrainBegin: (): void => early.stop() }] },
  ).trainer;
  await early.train();
  assert.deepEqual(readdirSync(other), ["log.jsonl"]);
  await early.train({ resumeFromCheckpoint: true });
});

test("one run at a time; stop() before it has begun does nothing", async () => {
  const { trainer } = tinyTrainer({ maxSteps: 3 });
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
  const { trainer } = tinyTrainer(
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
