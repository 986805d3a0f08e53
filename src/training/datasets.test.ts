// The Trainer on Hugging Face's data sets: files to rows, mapped by the tokenizer, to a classifier; grouped by length, streamed, and
// resumed, with losses equal to those of plain arrays of the same rows.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type TinyRow, tinyRows, tinyTagger, tinyTrainer } from "../../test/tiny-training.ts";
import { manualSeed } from "../base/random.ts";
import { padCollate } from "../data/collate.ts";
import { Dataset } from "../data/sets/dataset.ts";
import { DatasetDict } from "../data/sets/dataset-dict.ts";
import { IterableDataset } from "../data/sets/iterable-dataset.ts";
import { classificationMetrics } from "../metrics/trainer-metrics.ts";
import { AutoModelForSequenceClassification } from "../models/auto.ts";
import { BertModel } from "../models/bert.ts";
import type { AnyModule } from "../nn/module.ts";
import { AutoTokenizer } from "../text/tokenizer.node.ts";
import { trainTokenizer } from "../text/train-tokenizer.ts";
import type { TrainingArguments } from "./arguments.ts";
import { loadDataset } from "./load-dataset.ts";
import type { Batch, ModelOutput } from "./step.ts";
import { Trainer } from "./trainer.ts";

const root = mkdtempSync(join(tmpdir(), "kindling-trainer-datasets-"));
const before = process.env["HF_DATASETS_CACHE"];
process.env["HF_DATASETS_CACHE"] = join(root, "cache");
after(() => {
  if (before === undefined) delete process.env["HF_DATASETS_CACHE"];
  else process.env["HF_DATASETS_CACHE"] = before;
  rmSync(root, { recursive: true, force: true });
});

/** Texts of two kinds that a model can tell apart, of very different lengths. */
function reviews(count: number, from = 0): { text: string; label: number; id: string; score: number }[] {
  return Array.from({ length: count }, (_, k) => {
    const i = from + k;
    const word = ["awful", "lovely"][i % 2]!;
    return { text: `${word} `.repeat(1 + ((i * 7) % 12)).trim(), label: i % 2, id: `row ${i}`, score: i };
  });
}
function jsonl(name: string, rows: readonly object[]): string {
  const file = join(root, name);
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return file;
}

/** A folder as the hub has it: a small BERT without a head, and its tokenizer. */
async function savedBert(): Promise<string> {
  const folder = join(root, "bert");
  const tokenizer = trainTokenizer(
    reviews(40).map(({ text }) => text),
    { vocabSize: 280, modelMaxLength: 10 },
  );
  manualSeed(0);
  const model = new BertModel({
    vocabSize: tokenizer.vocabSize,
    hiddenSize: 16,
    numHiddenLayers: 1,
    numAttentionHeads: 2,
    intermediateSize: 16,
    maxPositionEmbeddings: 16,
    padTokenId: tokenizer.padTokenId ?? 0,
  });
  await new Trainer({ model, tokenizer }).saveModel(folder);
  return folder;
}

test("files, a tokenizer and a classifier: the words of the design", async () => {
  const name = await savedBert();
  const files = { train: jsonl("train.jsonl", reviews(48)), validation: jsonl("validation.jsonl", reviews(12, 100)) };
  const outputDir = join(root, "sentiment");
  const computeMetrics = classificationMetrics();
  const onWarning = (): void => {}; // of the head's new weights

  const data = await loadDataset("json", { dataFiles: files });
  const tokenizer = await AutoTokenizer.fromPretrained(name);
  const model = await AutoModelForSequenceClassification.fromPretrained(name, { numLabels: 2, onWarning });
  const trainer = new Trainer({
    model,
    tokenizer,
    args: { outputDir, learningRate: 5e-3, numTrainEpochs: 4, evalStrategy: "epoch", disableTqdm: true },
    trainDataset: data.train.map((row) => tokenizer(row.text, { truncation: true }), { batched: true }),
    evalDataset: data.validation,
    computeMetrics,
  });
  await trainer.train();
  const evaluated = trainer.state.logHistory.filter((entry) => "evalAccuracy" in entry);
  assert.deepEqual(
    evaluated.map(({ step }) => step),
    [6, 12, 18, 24],
  );
  assert.equal(evaluated.at(-1)!["evalAccuracy"], 1);
  const again = await AutoModelForSequenceClassification.fromPretrained(outputDir);
  const { metrics } = await new Trainer({
    model: again,
    tokenizer,
    computeMetrics,
    args: { disableTqdm: true },
  }).predict(data.validation);
  assert.equal(metrics["testAccuracy"], 1);
});

const args = { maxSteps: 24, loggingSteps: 1, saveStrategy: "no", evalStrategy: "no" } as const;
const lists = tinyRows(33);
/** The same rows in columns, beside others: numbers, and what no batch can hold. */
const columns = () =>
  Dataset.fromList(
    lists.map((row, n) => ({ ...row, n, name: `row ${n}`, about: { n }, words: ["a", "b"], at: n % 2 ? null : "x" })),
  );

test("a data set trains as an array of its rows does, grouped by length or not", async () => {
  for (const groupByLength of [false, true]) {
    const plain = tinyTrainer({ ...args, groupByLength });
    await plain.trainer.train();
    const tensors = columns().withFormat("tensor") as unknown as Dataset<TinyRow>; // shown to others, not to the collator
    for (const trainDataset of [columns(), tensors]) {
      const set = tinyTrainer({ ...args, groupByLength }, { trainDataset });
      await set.trainer.train();
      assert.deepEqual(set.losses, plain.losses);
    }
  }
});

test("a batch has the columns of numbers, or those that the format chooses", async () => {
  const seen = new Set<string>();
  class Watched extends Trainer<object> {
    override computeLoss(model: AnyModule, batch: Batch): ModelOutput {
      seen.add(Object.keys(batch).sort().join());
      return super.computeLoss(model, batch);
    }
  }
  const chosen = columns().withFormat("tensor", { columns: ["inputIds", "labels"] });
  for (const trainDataset of [columns(), chosen]) {
    const model = tinyTagger();
    await new Watched({ model, trainDataset, args: { maxSteps: 2, disableTqdm: true } }).train();
  }
  assert.deepEqual([...seen], ["attentionMask,inputIds,labels,n", "attentionMask,inputIds,labels"]);
});

/** Rows as they come, and how many were read. */
function counted(rows: readonly TinyRow[]): { readonly stream: IterableDataset<TinyRow>; reads: number } {
  const seen = {
    reads: 0,
    stream: IterableDataset.fromGenerator(function* () {
      for (const row of rows) {
        seen.reads++;
        yield row;
      }
    }),
  };
  return seen;
}

test("a stream is read in its order, pass after pass, no further than needed", async () => {
  const seen = counted(lists);
  const batches: number[][] = [];
  const { trainer } = tinyTrainer(
    { ...args, maxSteps: 12 },
    {
      trainDataset: seen.stream,
      dataCollator: (rows) => {
        batches.push(rows.map((row) => lists.findIndex((one) => String(one.inputIds) === String(row.inputIds))));
        return padCollate()(rows);
      },
    },
  );
  await trainer.train();
  const first = (row: TinyRow): number => lists.findIndex((one) => String(one.inputIds) === String(row.inputIds));
  const order = lists.map(first);
  const passes = [...batchesOf(order, 4), ...batchesOf(order, 4)]; // nine each, the last of one row
  assert.deepEqual(batches, passes.slice(0, 12));
  assert.deepEqual(trainer.state.stream, { pass: 1, rows: 12 });
  assert.equal(seen.reads, 33 + 12);
});
function batchesOf<T>(rows: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, i) => rows.slice(i * size, (i + 1) * size));
}

test("a shuffled stream that is stopped goes on bit for bit, in any pass", async () => {
  const stream = (): IterableDataset<TinyRow> => counted(lists).stream.shuffle({ seed: 4, bufferSize: 6 });
  const how = { ...args, gradientAccumulationSteps: 2 };
  const whole = tinyTrainer(how, { trainDataset: stream(), model: tinyTagger() });
  await whole.trainer.train();
  assert.notDeepEqual(whole.losses.slice(0, 5), whole.losses.slice(5, 10)); // another order each pass
  for (const stopAt of [3, 5, 13]) {
    const outputDir = join(root, `stream-${stopAt}`);
    const part = tinyTrainer(
      { ...how, outputDir },
      {
        trainDataset: stream(),
        model: tinyTagger(),
        callbacks: [{ onStepEnd: ({ state }) => void (state.globalStep === stopAt && part.trainer.stop()) }],
      },
    );
    await part.trainer.train();
    const rest = tinyTrainer({ ...how, outputDir }, { trainDataset: stream(), model: tinyTagger(9) });
    await rest.trainer.train({ resumeFromCheckpoint: true });
    assert.deepEqual([...part.losses, ...rest.losses], whole.losses, `stopped at ${stopAt}`);
  }
});

test("what a stream cannot do is said before anything is done", async () => {
  const { stream } = counted(lists);
  const refuses = (more: TrainingArguments, pattern: RegExp): void => {
    assert.throws(() => tinyTrainer(more, { trainDataset: stream }), { name: "ArgumentError", message: pattern });
  };
  refuses({}, /a stream, whose length nobody knows.*maxSteps/);
  refuses({ maxSteps: 3, groupByLength: true }, /groupByLength needs the lengths/);
  refuses({ maxSteps: 3, evalStrategy: "epoch" }, /evalStrategy is "epoch".*"steps"/);
  const { trainer } = tinyTrainer(args, { trainDataset: counted([]).stream });
  await assert.rejects(trainer.train(), /the stream gives no rows/);
});

test("rows of the evaluation may be a stream; a dict or a promise is none", async () => {
  const [a, b] = [tinyTrainer({}, { evalDataset: lists }), tinyTrainer({}, { evalDataset: counted(lists).stream })];
  assert.equal((await a.trainer.evaluate())["evalLoss"], (await b.trainer.evaluate())["evalLoss"]);
  const dict = DatasetDict({ train: columns(), test: columns() }) as unknown as Dataset<TinyRow>; // what types forbid
  assert.throws(() => tinyTrainer({}, { trainDataset: dict }), /trainDataset is a DatasetDict of train, test/);
  const later = Promise.resolve(columns()) as unknown as Dataset<TinyRow>; // likewise
  assert.throws(() => tinyTrainer({}, { evalDataset: later }), /evalDataset is a promise. Await it/);
});
