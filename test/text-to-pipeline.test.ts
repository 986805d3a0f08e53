// From raw text to summaries: a tokenizer, a model and a Trainer make a folder that `pipeline()` reads.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { CheckpointError } from "../src/base/errors.ts";
import { Generator, manualSeed } from "../src/base/random.ts";
import { rougeMetrics } from "../src/metrics/rouge-metrics.ts";
import { Seq2SeqRnn } from "../src/models/rnn-seq2seq.ts";
import { pipeline } from "../src/pipelines/pipeline.ts";
import type { PreTrainedTokenizer } from "../src/text/pretrained-tokenizer.ts";
import { AutoTokenizer } from "../src/text/tokenizer.node.ts";
import { trainTokenizer } from "../src/text/train-tokenizer.ts";
import { Trainer } from "../src/training/trainer.ts";

const root = mkdtempSync(join(tmpdir(), "kindling-text-"));
after(() => rmSync(root, { recursive: true, force: true }));

// "The red fox of Rome sleeps in the old town." → "red fox sleeps"
const g = new Generator(1);
const one = (words: string): string => words.split(" ")[g.integer(0, words.split(" ").length)]!;
const rows = Array.from({ length: 240 }, () => {
  const [colour, animal, does] = [
    one("red green black grey"),
    one("fox owl bear wolf"),
    one("sleeps hunts sings waits"),
  ];
  return {
    text: `The ${colour} ${animal} of ${one("Rome Paris Oslo")} ${does} in the ${one("old new")} town.`,
    summary: `${colour} ${animal} ${does}`,
  };
});
const train = rows.slice(40);
const validation = rows.slice(0, 40);

function trainerFor(tokenizer: PreTrainedTokenizer, folder: string, maxSteps: number): Trainer<object> {
  const encode = (row: { text: string; summary: string }): object => ({
    inputIds: tokenizer(row.text).inputIds,
    labels: tokenizer(row.summary).inputIds,
  });
  manualSeed(0);
  return new Trainer<object>({
    model: new Seq2SeqRnn({ vocabSize: tokenizer.vocabSize, embeddingSize: 16, hiddenSize: 32, dropout: 0.1 }),
    tokenizer,
    args: {
      outputDir: folder,
      maxSteps,
      learningRate: 1e-2,
      evalStrategy: "steps",
      evalSteps: 75,
      saveSteps: 75,
      saveTotalLimit: 1,
      predictWithGenerate: true,
      loadBestModelAtEnd: true,
      metricForBestModel: "rougeL",
      groupByLength: true,
      disableTqdm: true,
    },
    trainDataset: train.map(encode),
    evalDataset: validation.map(encode),
    computeMetrics: rougeMetrics(),
    modelCard: { pipelineTag: "summarization" },
  });
}

test("a Trainer's folder is a pipeline's, and a run's tokenizer goes on with it", async () => {
  const folder = join(root, "summarizer");
  const tokenizer = trainTokenizer(
    train.flatMap((row) => [row.text, row.summary]),
    { vocabSize: 320, modelMaxLength: 64 },
  );
  const trainer = trainerFor(tokenizer, folder, 150);
  const before = await trainer.evaluate();
  await trainer.train();
  const after = await trainer.evaluate();
  assert.ok(
    before["evalRougeL"]! < 0.2 && after["evalRougeL"]! > 0.8,
    `${before["evalRougeL"]} to ${after["evalRougeL"]}`,
  );

  const summarize = await pipeline("summarization", folder);
  const made = await summarize(validation.map((row) => row.text));
  const { decodedPredictions } = await trainer.predict(trainerRows(tokenizer));
  assert.deepEqual(
    made.map((m) => m.summary_text),
    decodedPredictions,
  );
  assert.deepEqual(
    readdirSync(folder)
      .filter((name) => !name.startsWith("checkpoint-"))
      .sort(),
    [
      "README.md",
      "config.json",
      "log.jsonl",
      "loss.svg",
      "model.safetensors",
      "special_tokens_map.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ],
  );
  assert.match(readFileSync(join(folder, "README.md"), "utf8"), /metrics:\n- rouge1\n- rouge2\n- rougeL\n/);

  const saved = await AutoTokenizer.fromPretrained(join(folder, "checkpoint-150"));
  const { globalStep } = await trainerFor(saved, folder, 151).train({ resumeFromCheckpoint: true });
  assert.equal(globalStep, 151);
  const other = trainTokenizer(["other words"], { vocabSize: 280, modelMaxLength: 64 });
  const wrong = new Trainer<object>({
    ...{ model: trainer.model, tokenizer: other },
    args: { ...trainer.args, maxSteps: 152 },
    trainDataset: trainerRows(other),
    evalDataset: [{}],
  });
  await assert.rejects(wrong.train({ resumeFromCheckpoint: true }), (error) => {
    return (
      error instanceof CheckpointError && /tokenizer.json: the checkpoint has another tokenizer/.test(error.message)
    );
  });
});

function trainerRows(tokenizer: PreTrainedTokenizer): object[] {
  return validation.map((row) => ({ inputIds: tokenizer(row.text).inputIds, labels: tokenizer(row.summary).inputIds }));
}
