// Models and tokenizers by their names on a hub.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startHub } from "../../test/hub/server.ts";
import { manualSeed } from "../base/random.ts";
import { EntryNotFoundError, LocalEntryNotFoundError, RepositoryNotFoundError } from "../hub/errors.ts";
import { modelFiles, tokenizerFiles } from "../hub/pretrained-folder.ts";
import { pipeline } from "../pipelines/pipeline.ts";
import { savePretrained } from "../text/tokenizer.node.ts";
import { trainTokenizer } from "../text/train-tokenizer.ts";
import { AutoModelForSeq2SeqLM } from "./auto.ts";
import { AutoTokenizer } from "./pretrained-files.ts";
import { Seq2SeqRnn } from "./rnn-seq2seq.ts";

test("fromPretrained and pipeline take a hub's name as they take a folder", async (t) => {
  const scratch = mkdtempSync(join(tmpdir(), "kindling-hub-"));
  const hub = await startHub();
  t.after(() => {
    hub.close();
    rmSync(scratch, { recursive: true, force: true });
  });
  manualSeed(3);
  const saved = join(scratch, "saved");
  const tokenizer = await trainTokenizer(["a cat sat on the mat", "a dog ran"], { vocabSize: 270, modelMaxLength: 16 });
  const model = new Seq2SeqRnn({ vocabSize: tokenizer.vocabSize, hiddenSize: 8, embeddingSize: 8, numLayers: 1 });
  await model.savePretrained(saved);
  await savePretrained(tokenizer, saved);
  const files = Object.fromEntries(readdirSync(saved).map((name) => [name, readFileSync(join(saved, name))]));
  hub.add("org/tiny", { files: { ...files, "pytorch_model.bin": "never fetched", "README.md": "nor this" } });

  const options = { endpoint: hub.endpoint, cacheDir: join(scratch, "cache"), token: false };
  const found = await AutoModelForSeq2SeqLM.fromPretrained("org/tiny", options);
  for (const [name, value] of model.stateDict()) {
    assert.deepEqual(found.stateDict().get(name)?.tolist(), value.tolist(), name);
  }
  const again = await AutoTokenizer.fromPretrained("org/tiny", { ...options, modelMaxLength: 7 });
  assert.deepEqual(again("a cat ran").inputIds, tokenizer("a cat ran").inputIds);
  assert.equal(again.modelMaxLength, 7);
  const fetched = hub.requests
    .filter(({ path }) => path.includes("/resolve/"))
    .map(({ path }) => path.split("/").at(-1));
  assert.ok(!fetched.includes("pytorch_model.bin") && !fetched.includes("README.md"), String(fetched));

  hub.close();
  process.env["HF_HUB_CACHE"] = options.cacheDir;
  process.env["HF_HUB_OFFLINE"] = "1";
  t.after(() => {
    delete process.env["HF_HUB_CACHE"];
    delete process.env["HF_HUB_OFFLINE"];
  });
  const summarize = await pipeline("summarization", "org/tiny");
  assert.equal((await summarize("a cat sat", { maxNewTokens: 3 })).length, 1);
  await assert.rejects(pipeline("summarization", "org/other"), (error: Error) => {
    assert.ok(error instanceof LocalEntryNotFoundError);
    assert.match(error.message, /"org\/other" is no folder here/);
    return true;
  });
});

test("a name that the hub does not have either", async (t) => {
  const hub = await startHub();
  t.after(hub.close);
  const cacheDir = mkdtempSync(join(tmpdir(), "kindling-hub-"));
  t.after(() => rmSync(cacheDir, { recursive: true, force: true }));
  const options = { endpoint: hub.endpoint, cacheDir, token: false } as const;
  await assert.rejects(AutoTokenizer.fromPretrained("org/none", options), RepositoryNotFoundError);
  hub.add("org/empty", { files: { "README.md": "x" } });
  await assert.rejects(AutoTokenizer.fromPretrained("org/empty", options), EntryNotFoundError);
});

test("of several formats the first is taken, with all its shards", () => {
  const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
  const others = ["README.md", "onnx/model.onnx", "sub/model-1.safetensors", "tf_model.h5", "pytorch_model.bin"];
  assert.deepEqual(modelFiles(["config.json", "model.safetensors.index.json", ...shards, ...others]), [
    "config.json",
    "model.safetensors.index.json",
    ...shards,
  ]);
  assert.deepEqual(modelFiles(["config.json", "model.safetensors", ...others]), ["config.json", "model.safetensors"]);
  assert.deepEqual(modelFiles(["config.json", ...others]), ["config.json", "pytorch_model.bin"]);
  const tokens = [
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "merges.txt",
    "spiece.model",
    "chat_template.jinja",
  ];
  assert.deepEqual(tokenizerFiles([...tokens, ...others, "model.safetensors"]), tokens);
});
