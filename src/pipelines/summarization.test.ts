import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ArgumentError, CheckpointError, UnsupportedError } from "../base/errors.ts";
import { manualSeed } from "../base/random.ts";
import { Seq2SeqRnn } from "../models/rnn-seq2seq.ts";
import { normal_ } from "../nn/init.ts";
import { memoryStats } from "../tensor/memory.ts";
import { savePretrained } from "../text/tokenizer.node.ts";
import { trainTokenizer } from "../text/train-tokenizer.ts";
import { pipeline } from "./pipeline.ts";
import { summarization } from "./summarization.ts";

const texts = [
  "a program that draws maps of the sky, for those who watch stars",
  "fonts",
  "a library for reading and writing files of many kinds, with a small interface",
];
const tokenizer = trainTokenizer(texts, { vocabSize: 300, modelMaxLength: 24 });

function randomModel(): Seq2SeqRnn {
  manualSeed(3);
  const model = new Seq2SeqRnn({ vocabSize: tokenizer.vocabSize, embeddingSize: 12, hiddenSize: 16 });
  for (const parameter of model.parameters()) normal_(parameter, 0, 0.6); // so that texts differ in what is said of them
  return model;
}

test("summaries stand in the texts' order, however they are batched", async () => {
  const summarize = summarization(randomModel(), tokenizer);
  const alone = [];
  for (const text of texts) alone.push(...(await summarize(text, { maxNewTokens: 8 })));
  assert.equal(new Set(alone.map((one) => one.summary_text)).size, 3);
  for (const numBeams of [1, 3]) {
    const each = await summarize(texts, { maxNewTokens: 8, numBeams, batchSize: 1 });
    const progress: number[] = [];
    const together = await summarize(texts, {
      maxNewTokens: 8,
      numBeams,
      batchSize: 2,
      onProgress: (n) => progress.push(n),
    });
    assert.deepEqual(together, each);
    assert.deepEqual(progress, [2, 3]);
    if (numBeams === 1) assert.deepEqual(together, alone);
  }
});

test("a model that was training goes on training, and no memory stays behind", async () => {
  const model = randomModel().train();
  const summarize = summarization(model, tokenizer);
  await summarize(texts, { maxNewTokens: 4, numBeams: 2 });
  const before = memoryStats().liveBlocks;
  for (let call = 0; call < 5; call++) await summarize(texts, { maxNewTokens: 6, numBeams: 2 });
  const after = memoryStats().liveBlocks;
  assert.ok(after <= before, `${after} blocks, ${before} before`); // less where another test's garbage was found
  assert.equal(model.training, true);
});

test("a folder gives the same summaries as the model that was saved there", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "kindling-pipeline-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const model = randomModel();
  await model.savePretrained(folder);
  await savePretrained(tokenizer, folder);
  const summarize = await pipeline("summarization", folder);
  const options = { maxNewTokens: 10, numBeams: 2, minNewTokens: 3 };
  assert.deepEqual(await summarize(texts, options), await summarization(model, tokenizer)(texts, options));
});

test("what cannot be is refused", async () => {
  const summarize = summarization(randomModel(), tokenizer);
  await assert.rejects(summarize(["fine", " "]), ArgumentError);
  await assert.rejects(summarize([5 as unknown as string]), ArgumentError);
  await assert.rejects(summarize("text", { maxNewTokens: 0 }), ArgumentError);
  await assert.rejects(summarize("text", { batchSize: 0 }), ArgumentError);
  await assert.rejects(summarize("text", { numBeams: 1.5 }), ArgumentError);
  await assert.rejects(pipeline("translation" as "summarization", "nowhere"), UnsupportedError);
  await assert.rejects(pipeline("summarization", "./no/where"), CheckpointError);
  assert.deepEqual(await summarize([]), []);
});
