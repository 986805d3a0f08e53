// Contrastive training: the loss by its formula, a run that brings partners together, its folder; and adapters in place of models.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { manualSeed } from "../base/random.ts";
import { AutoModel, AutoModelForSequenceClassification } from "../models/auto.ts";
import { getPeftModel } from "../peft/peft-model.ts";
import { tensor } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { trainEncoderTokenizer } from "../text/train-tokenizer.ts";
import { labelMap } from "../training/recipes/labels.ts";
import { Trainer } from "../training/trainer.ts";
import { AutoPeftModelForSequenceClassification } from "./auto-peft.ts";
import { pipeline } from "./pipeline.ts";
import {
  evaluatePairs,
  multipleNegativesRankingLoss,
  retrievalScores,
  SentenceTransformerTrainer,
} from "./sentence-training.ts";
import { SentenceTransformer } from "./sentence-transformer.ts";

const root = mkdtempSync(join(tmpdir(), "kindling-sentences-"));
after(() => rmSync(root, { recursive: true, force: true }));

test("the loss is the cross entropy of scaled cosines", () => {
  const [a, d] = [
    [
      [1, 2],
      [0.5, -1],
    ],
    [
      [2, 1],
      [1, -3],
      [-1, 0.5],
    ],
  ];
  const cosine = (x: number[], y: number[]) => (x[0]! * y[0]! + x[1]! * y[1]!) / (Math.hypot(...x) * Math.hypot(...y));
  const rows = a.map((x, i) => {
    const scores = d.map((y) => 20 * cosine(x, y));
    return Math.log(scores.reduce((sum, s) => sum + Math.exp(s), 0)) - scores[i]!;
  });
  const loss = multipleNegativesRankingLoss(tensor(a), tensor(d)).item();
  assert.ok(Math.abs(loss - (rows[0]! + rows[1]!) / 2) < 1e-5, `${loss}`);
});

test("retrieval is scored by the places of what is right", () => {
  const corpus = tensor([
    [1, 0],
    [0.9, 0.1],
    [0, 1],
  ]);
  const scores = retrievalScores(
    tensor([
      [1, 0],
      [0, 1],
    ]),
    corpus,
    [[1], [2]],
  );
  assert.equal(scores.accuracyAt1, 0.5);
  assert.equal(scores.accuracyAt5, 1);
  assert.equal(scores.mrrAt10, (1 / 2 + 1) / 2);
  assert.ok(Math.abs(scores.ndcgAt10 - (1 / Math.log2(3) + 1) / 2) < 1e-12);
});

const animals = ["cat", "dog", "horse", "bird", "fish", "mouse", "sheep", "goat"];
const pairs = animals.map((name) => ({ anchor: `about a ${name}`, positive: `the ${name} sleeps` }));
const tokenizer = trainEncoderTokenizer(
  pairs.flatMap(({ anchor, positive }) => [anchor, positive, anchor]),
  { vocabSize: 300 },
);
const config = {
  modelType: "bert",
  vocabSize: tokenizer.vocabSize,
  hiddenSize: 16,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 32,
  maxPositionEmbeddings: 32,
};

test("training brings partners together, and its folder gives the same vectors", async () => {
  manualSeed(1);
  const sentences = new SentenceTransformer({ model: await AutoModel.fromConfig(config), tokenizer, maxSeqLength: 16 });
  const outputDir = join(root, "sentences");
  const args = {
    outputDir,
    maxSteps: 30,
    perDeviceTrainBatchSize: 8,
    learningRate: 5e-3,
    disableTqdm: true,
    saveStrategy: "no",
  } as const;
  const trainer = new SentenceTransformerTrainer({ sentences, args, trainDataset: pairs, evalDataset: pairs });
  const before = (await trainer.evaluate())["evalLoss"]!;
  await trainer.train();
  assert.ok((await trainer.evaluate())["evalLoss"]! < before / 2);
  assert.equal((await evaluatePairs(sentences, pairs)).accuracyAt1, 1);
  const again = await SentenceTransformer.fromPretrained(outputDir);
  assert.equal(again.maxSeqLength, 16);
  assert.deepEqual((await again.encode(["the cat"])).tolist(), (await sentences.encode(["the cat"])).tolist());
  const copy = join(root, "copy");
  await again.savePretrained(copy);
  const copied = await SentenceTransformer.fromPretrained(copy);
  assert.deepEqual((await copied.encode(["the cat"])).tolist(), (await sentences.encode(["the cat"])).tolist());
  assert.throws(
    () => new SentenceTransformerTrainer({ sentences, trainDataset: [{ anchor: "a", positive: " " }] }),
    /row 0: its "positive" is no text/,
  );
});

test("an adapter's folder stands for its model in pipelines and Auto classes", async () => {
  manualSeed(2);
  const base = join(root, "base");
  const plain = await AutoModel.fromConfig(config);
  await plain.savePretrained(base);
  const labels = labelMap(["cold", "mild", "warm"]);
  const fresh = await AutoModelForSequenceClassification.fromPretrained(base, { ...labels, onWarning: () => {} });
  const model = getPeftModel(fresh, { r: 2, taskType: "SEQ_CLS", baseModelNameOrPath: base });
  noGrad(() => {
    for (const [name, p] of model.namedParameters()) if (/lora|classifier/i.test(name)) p.uniform_(-0.5, 0.5);
  });
  const folder = join(root, "adapter");
  await new Trainer({ model, tokenizer }).saveModel(folder);
  assert.ok(!existsSync(join(folder, "model.safetensors")));
  const texts = ["about a cat", "the dog sleeps well"];
  const wanted = await (await pipeline("text-classification", { model, tokenizer }))(texts, { topK: null });
  assert.deepEqual(await (await pipeline("text-classification", folder))(texts, { topK: null }), wanted);
  assert.deepEqual(wanted[0]!.map(({ label }) => label).sort(), ["cold", "mild", "warm"]);
  rmSync(join(folder, "config.json")); // as PEFT writes it: the head's width tells how many labels there are
  const numbered = await AutoPeftModelForSequenceClassification.fromPretrained(folder);
  assert.equal((numbered.config as { numLabels: number }).numLabels, 3);
  await assert.rejects(AutoPeftModelForSequenceClassification.fromPretrained(base), /has no adapter_config\.json/);
});
