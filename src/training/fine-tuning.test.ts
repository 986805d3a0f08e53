// What a Trainer does for pretrained models and their heads: adapters, smoothed labels, answers with two ends, TensorBoard.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { TinyTagger, tinyRows, tinyTagger, tinyTrainer } from "../../test/tiny-training.ts";
import { ArgumentError } from "../base/errors.ts";
import { manualSeed } from "../base/random.ts";
import { loadTensors } from "../checkpoint/load.ts";
import { classificationMetrics } from "../metrics/trainer-metrics.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { HfAdafactor } from "../optim/hf-adafactor.ts";
import { getPeftModel, PeftModel } from "../peft/peft-model.ts";
import { crossEntropy } from "../tensor/functional/losses.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkArguments } from "./arguments.ts";
import { defaultOptimizer } from "./optimizer.ts";
import { epochBatches } from "./order.ts";
import { fileVersionRecord, scalarsRecord } from "./tfevents.ts";
import { Trainer } from "./trainer.ts";

const root = mkdtempSync(join(tmpdir(), "kindling-fine-tuning-"));
after(() => rmSync(root, { recursive: true, force: true }));

const adapted = (): PeftModel =>
  getPeftModel(tinyTagger(), { r: 2, targetModules: ["output"], modulesToSave: ["embedding"] });

test("an adapter is trained, saved alone, and a run goes on with it bit for bit", async () => {
  const args = { maxSteps: 12, saveSteps: 6, loggingSteps: 1, evalStrategy: "no" } as const;
  const outputDir = join(root, "adapter");
  const whole = tinyTrainer({ ...args, outputDir }, { model: adapted() });
  await whole.trainer.train();
  assert.deepEqual(
    readdirSync(outputDir)
      .filter((name) => /safetensors|config/.test(name))
      .sort(),
    ["adapter_config.json", "adapter_model.safetensors"],
  );
  const saved = await loadTensors(join(outputDir, "adapter_model.safetensors"));
  assert.deepEqual([...saved.keys()].sort(), [
    "base_model.model.embedding.weight",
    "base_model.model.output.lora_A.weight",
    "base_model.model.output.lora_B.weight",
  ]);
  rmSync(join(outputDir, "checkpoint-12"), { recursive: true });
  const rest = tinyTrainer({ ...args, outputDir }, { model: adapted() });
  await rest.trainer.train({ resumeFromCheckpoint: true });
  assert.deepEqual(rest.losses, whole.losses.slice(6));
  const again = await PeftModel.fromPretrained(tinyTagger(), outputDir);
  const values = (model: PeftModel): unknown[] => [...model.adapterState().values()].map((t) => t.tolist());
  assert.deepEqual(values(again), values(rest.trainer.model as PeftModel)); // given above
});

test("a model with two acting adapters is refused", () => {
  const model = adapted();
  model.addAdapter("second", { r: 2, targetModules: ["output"] });
  model.setAdapter(["default", "second"]);
  assert.throws(() => tinyTrainer({}, { model }), /2 adapters act; one at a time/);
});

interface Row {
  readonly x: readonly number[];
  readonly label: number;
}
/** Two numbers to one of three classes; knows nothing of label smoothing. */
class Classifier extends Module<
  [batch: { readonly x: Tensor; readonly labels?: Tensor }],
  { loss?: Tensor; logits: Tensor }
> {
  layer = new Linear(2, 3);
  checkpointing = false;
  forward({ x, labels }: { readonly x: Tensor; readonly labels?: Tensor }): { loss?: Tensor; logits: Tensor } {
    const logits = this.layer(x.to("float32"));
    return labels === undefined ? { logits } : { loss: crossEntropy(logits, labels), logits };
  }
  gradientCheckpointingEnable(): void {
    this.checkpointing = true;
  }
}
const rows: Row[] = Array.from({ length: 30 }, (_, i) => ({ x: [i % 3, (i * 7) % 5], label: i % 3 }));
const classifier = (): Classifier => {
  manualSeed(3);
  return new Classifier();
};

test("smoothed labels are computed from the logits of a model that does not know them", async () => {
  const losses: number[] = [];
  const model = classifier();
  const [w, b] = [model.layer.weight.tolist() as number[][], model.layer.bias!.tolist() as number[]]; // [3, 2] and [3]
  const logits = rows.map(({ x }) => w.map((row, c) => row.reduce((sum, v, k) => sum + v * x[k]!, b[c]!)));
  const trainer = new Trainer<Row>({
    model,
    args: { maxSteps: 1, perDeviceTrainBatchSize: 30, labelSmoothingFactor: 0.2, disableTqdm: true },
    trainDataset: rows,
    callbacks: [{ onStepEnd: ({ loss }) => void losses.push(loss) }],
  });
  await trainer.train();
  // (1 − ε) · −log p(label) + ε / classes · Σ −log p, from the weights before the step
  const wanted = logits.map((row, i) => {
    const sum = Math.log(row.reduce((total, v) => total + Math.exp(v), 0));
    const nll = row.map((v) => sum - v);
    return 0.8 * nll[rows[i]!.label]! + (0.2 / 3) * nll.reduce((total, v) => total + v, 0);
  });
  const mean = wanted.reduce((total, v) => total + v, 0) / wanted.length;
  assert.ok(Math.abs(losses[0]! - mean) < 1e-5, `${losses[0]} for ${mean}`);
});

test("metrics of a classifier come from its logits", async () => {
  const trainer = new Trainer<Row>({
    model: classifier(),
    args: { learningRate: 0.1, numTrainEpochs: 30, gradientCheckpointing: true, optim: "adafactor", disableTqdm: true },
    trainDataset: rows,
    evalDataset: rows,
    computeMetrics: classificationMetrics(),
  });
  const before = await trainer.evaluate();
  await trainer.train();
  const { evalAccuracy, evalF1 } = await trainer.evaluate();
  assert.ok(evalAccuracy! > before["evalAccuracy"]! && evalAccuracy! > 0.7 && evalF1! > 0.6, `${evalAccuracy}`);
  assert.equal((trainer.model as Classifier).checkpointing, true);
  assert.ok(defaultOptimizer(classifier(), checkArguments({ optim: "adafactor" })) instanceof HfAdafactor);
});

interface Answer {
  readonly x: readonly number[];
  readonly startPositions: number;
  readonly endPositions: number;
}

test("answers are predicted as two rows of logits, and their labels are both ends", async () => {
  class Reader extends Module<
    [batch: { readonly x: Tensor; readonly startPositions: Tensor; readonly endPositions: Tensor }],
    object
  > {
    layer = new Linear(1, 2);
    forward(batch: { readonly x: Tensor; readonly startPositions: Tensor; readonly endPositions: Tensor }): object {
      const logits = this.layer(batch.x.to("float32").unsqueeze(-1)); // [B, T, 2]
      const [startLogits, endLogits] = [logits.select(-1, 0), logits.select(-1, 1)];
      const loss = crossEntropy(startLogits, batch.startPositions)
        .add(crossEntropy(endLogits, batch.endPositions))
        .div(2);
      return { loss, startLogits, endLogits };
    }
  }
  const answers: Answer[] = [
    { x: [5, 1, 2], startPositions: 0, endPositions: 1 },
    { x: [1, 2, 9], startPositions: 2, endPositions: 2 },
  ];
  manualSeed(0);
  const trainer = new Trainer<Answer>({ model: new Reader(), args: { disableTqdm: true }, evalDataset: answers });
  const { predictions, labelIds, metrics } = await trainer.predict(answers);
  assert.deepEqual(labelIds, [
    [0, 1],
    [2, 2],
  ]);
  assert.deepEqual(
    predictions.map((row) => (row as number[][]).map(({ length }) => length)),
    [
      [3, 3],
      [3, 3],
    ],
  );
  assert.ok(metrics["testLoss"]! > 0);
});

test("event files have the bytes of TensorBoard's own writer", () => {
  const golden = JSON.parse(
    readFileSync(new URL("../../test/fixtures/training/events.json", import.meta.url), "utf8"),
  ) as string[]; // as scripts/goldens/tfevents.py writes it
  const values = { "train/loss": 2.5, "train/learning_rate": 5e-5, "eval/f1": 0.875 };
  const made = [
    fileVersionRecord(1700000000.25),
    scalarsRecord(values, 1, 1700000001.5),
    scalarsRecord({ "train/loss": Number.POSITIVE_INFINITY }, 300000, 1700000002),
  ];
  assert.deepEqual(
    made.map((bytes) => Buffer.from(bytes).toString("hex")),
    golden,
  );
});

test("a run reports to TensorBoard beside its log", async () => {
  const outputDir = join(root, "board");
  const { trainer } = tinyTrainer({
    outputDir,
    maxSteps: 4,
    loggingSteps: 2,
    reportTo: ["tensorboard"],
    evalStrategy: "steps",
  });
  await trainer.train();
  const [file] = readdirSync(join(outputDir, "runs"));
  const text = readFileSync(join(outputDir, "runs", file!), "latin1");
  for (const tag of ["train/loss", "train/learning_rate", "train/grad_norm", "eval/loss"])
    assert.ok(text.includes(tag), tag);
  assert.ok(existsSync(join(outputDir, "log.jsonl")));
});

test("evaluation can wait, come first, and the first step be logged", async () => {
  const steps = async (args: object): Promise<(readonly [number, boolean])[]> => {
    const { trainer } = tinyTrainer({ maxSteps: 6, loggingSteps: 3, evalStrategy: "steps", evalSteps: 2, ...args });
    await trainer.train();
    return trainer.state.logHistory.map((entry) => [entry.step, "evalLoss" in entry] as const);
  };
  const evaluated = (entries: (readonly [number, boolean])[]): number[] =>
    entries.flatMap(([s, isEval]) => (isEval ? [s] : []));
  assert.deepEqual(evaluated(await steps({})), [2, 4, 6]);
  assert.deepEqual(evaluated(await steps({ evalDelay: 3 })), [4, 6]);
  assert.deepEqual(evaluated(await steps({ evalOnStart: true })), [0, 2, 4, 6]);
  const logged = (await steps({ loggingFirstStep: true, loggingStrategy: "no" })).flatMap(([s, isEval]) =>
    isEval ? [] : [s],
  );
  assert.deepEqual(logged, [1, 6, 6]);
});

test("a batch that is not full is left out on request", async () => {
  assert.deepEqual(
    epochBatches(10, { batchSize: 4, seed: 0, epoch: 0, dropLast: true }).map(({ length }) => length),
    [4, 4],
  );
  const { trainer } = tinyTrainer(
    { numTrainEpochs: 2, dataloaderDropLast: true, perDeviceTrainBatchSize: 4 },
    { trainDataset: tinyRows(10) },
  );
  assert.equal((await trainer.train()).globalStep, 4);
});

test("what a model or a run cannot do is refused before it begins", () => {
  assert.throws(() => tinyTrainer({ gradientCheckpointing: true }), /TinyTagger has no gradientCheckpointingEnable/);
  assert.throws(() => new Trainer({ model: new TinyTagger(), args: { evalOnStart: true } }), /evalOnStart/);
  assert.throws(() => checkArguments({ reportTo: ["wandb"] as never }), ArgumentError);
  assert.throws(() => checkArguments({ optim: "lion" as never }), /"adamw" or "adam"/);
});
