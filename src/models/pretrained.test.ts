// A model's folder: what is written there comes back bit by bit, and what does not fit is refused in one clear error that
// leaves everything as it was.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CheckpointError } from "../base/errors.ts";
import { manualSeed } from "../base/random.ts";
import { openSafetensors } from "../checkpoint/safetensors.node.ts";
import { joinChunks, readSafetensors, type SafetensorsEntry, writeSafetensors } from "../checkpoint/safetensors.ts";
import { save } from "../checkpoint/save-file.node.ts";
import { AutoModelForSeq2SeqLM } from "./auto.ts";
import { loadWeights } from "./pretrained.ts";
import { type RnnSeq2SeqConfig, Seq2SeqRnn } from "./rnn-seq2seq.ts";

const small = { vocabSize: 11, embeddingSize: 4, hiddenSize: 6 };

async function saved(
  t: TestContext,
  config: Partial<RnnSeq2SeqConfig> = {},
): Promise<{ folder: string; model: Seq2SeqRnn }> {
  const folder = mkdtempSync(join(tmpdir(), "kindling-model-"));
  t.after(() => rmSync(folder, { recursive: true }));
  manualSeed(1);
  const model = new Seq2SeqRnn({ ...small, ...config });
  await model.savePretrained(folder);
  return { folder, model };
}

function load(folder: string): Promise<Seq2SeqRnn> {
  return AutoModelForSeq2SeqLM.fromPretrained(folder);
}

function bits(model: Seq2SeqRnn): [string, number[]][] {
  return [...model.stateDict()].map(([name, t]) => [
    name,
    [...new Uint8Array(Float32Array.from(t.toArray() as Float32Array).buffer)],
  ]); // weights are float32
}

function editConfig(folder: string, edit: (config: Record<string, unknown>) => unknown): void {
  const file = join(folder, "config.json");
  const config = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>; // an object, as it was written
  writeFileSync(file, JSON.stringify(edit(config) ?? config));
}

function editWeights(folder: string, edit: (entries: SafetensorsEntry[]) => readonly SafetensorsEntry[]): void {
  const file = join(folder, "model.safetensors");
  const entries = [...readSafetensors(new Uint8Array(readFileSync(file))).tensors].map(([name, t]) => ({ name, ...t }));
  writeFileSync(file, joinChunks(writeSafetensors(edit(entries))));
}

async function refused(folder: string, ...messages: readonly RegExp[]): Promise<void> {
  await assert.rejects(load(folder), (error: Error) => {
    assert.ok(error instanceof CheckpointError, `${error.name}: ${error.message}`);
    assert.ok(error.message.startsWith(folder) || error.message.includes(folder), error.message);
    assert.ok(!error.message.includes("\n"));
    for (const message of messages) assert.match(error.message, message);
    return true;
  });
}

test("a folder holds a configuration in Hugging Face's spelling and the weights, and gives the same model", async (t) => {
  for (const config of [
    {},
    { tieWordEmbeddings: false, tieOutputEmbeddings: false, copy: false, rnnType: "gru" },
  ] as const) {
    const { folder, model } = await saved(t, config);
    assert.deepEqual(readdirSync(folder).sort(), ["config.json", "model.safetensors"]);
    const json = JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as Record<string, unknown>;
    assert.equal(json.model_type, "rnn_seq2seq");
    assert.deepEqual(json.architectures, ["Seq2SeqRnn"]);
    assert.deepEqual([json.vocab_size, json.embedding_size, json.hidden_size], [11, 4, 6]);
    assert.equal(json.decoder_start_token_id, 1);
    assert.ok(Object.keys(json).every((key) => /^[a-z0-9_]+$/.test(key)));
    const { tensors, metadata } = readSafetensors(new Uint8Array(readFileSync(join(folder, "model.safetensors"))));
    assert.deepEqual(metadata, { format: "pt" });
    assert.deepEqual(
      [...tensors.keys()].sort(),
      model
        .namedParameters()
        .map(([name]) => name)
        .sort(),
    );
    assert.ok(tensors.has("encoder.rnn.weight_ih_l0") && tensors.has("decoder.attention.query.weight"));

    const loaded = await load(folder);
    assert.ok(loaded instanceof Seq2SeqRnn);
    assert.equal(loaded.training, false);
    assert.deepEqual(bits(loaded), bits(model));
    assert.deepEqual(loaded.config, model.config);
    assert.equal(loaded.parameters().length, model.parameters().length);
  }
});

test("fields that are not ours come back as they were", async (t) => {
  const { folder } = await saved(t);
  const foreign = {
    _name_or_path: "somewhere/else",
    transformers_version: "5.18.0",
    id2label: { "0": "LABEL_A", "1": "news_article" },
    label2id: { LABEL_A: 0, news_article: 1, sportsNews: 2 },
    task_specific_params: { summarization: { early_stopping: true, prefix: null } },
    layer_1_norm: 1e-5,
    CamelCase: [1, { an_item: 2 }],
    __two: [],
  };
  editConfig(folder, (config) => ({ ...config, ...foreign }));
  const before = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  const model = await load(folder);
  await model.savePretrained(folder);
  assert.deepEqual(JSON.parse(readFileSync(join(folder, "config.json"), "utf8")), before);
});

test("weights of another dtype are converted", async (t) => {
  const { folder, model } = await saved(t);
  editWeights(folder, (entries) =>
    entries.map((entry) => {
      const { bytes } = entry as { bytes: Uint8Array }; // as they were read
      const values = Float64Array.from(new Float32Array(bytes.slice().buffer));
      return { ...entry, dtype: "F64", bytes: new Uint8Array(values.buffer) };
    }),
  );
  assert.deepEqual(bits(await load(folder)), bits(model));
});

test("weights that do not fit are refused in one error, and the model stays as it was", async (t) => {
  const { folder } = await saved(t);
  editWeights(folder, (entries) => [
    ...entries
      .filter(({ name }) => name !== "decoder.combine.bias")
      .map((entry) => (entry.name === "decoder.output.bias" ? { ...entry, shape: [1, 11] } : entry)),
    { name: "lm_head.weight", dtype: "F32", shape: [1], bytes: new Uint8Array(4) },
  ]);
  await refused(
    folder,
    /missing: decoder\.combine\.bias;/,
    /unexpected: lm_head\.weight;/,
    /other sizes: decoder\.output\.bias is \[1, ?11\], the configuration makes it \[11\]/,
  );
  const model = new Seq2SeqRnn(small);
  const before = bits(model);
  const file = await openSafetensors(join(folder, "model.safetensors"));
  await assert.rejects(loadWeights(model, file), CheckpointError);
  await file.close();
  assert.deepEqual(bits(model), before);
});

test("many missing weights are counted, not listed", async (t) => {
  const { folder } = await saved(t);
  editWeights(folder, () => []);
  await refused(folder, /missing: encoder\.embedding\.weight, .* and \d+ more\./);
});

test("a dtype that no tensor has", async (t) => {
  const { folder } = await saved(t);
  editWeights(folder, (entries) =>
    entries.map((e) => (e.name === "decoder.output.bias" ? { ...e, dtype: "F8_E4M3", bytes: new Uint8Array(11) } : e)),
  );
  await refused(folder, /decoder\.output\.bias is F8_E4M3/);
});

test("weights of another configuration", async (t) => {
  const { folder } = await saved(t);
  editConfig(folder, (config) => ({ ...config, hidden_size: 8 }));
  await refused(folder, /other sizes: .* and \d+ more/, /another configuration/);
  editConfig(folder, (config) => ({ ...config, hidden_size: 6, copy: false }));
  await refused(folder, /unexpected: decoder\.generate\.bias, decoder\.generate\.weight\./);
  editConfig(folder, (config) => ({ ...config, copy: true, tie_word_embeddings: false }));
  await refused(folder, /missing: decoder\.embedding\.weight, decoder\.output\.weight\./);
});

test("weights that were not tied do not become so in silence", async (t) => {
  const { folder } = await saved(t, { tieWordEmbeddings: false, tieOutputEmbeddings: false });
  editConfig(folder, (config) => ({ ...config, tie_word_embeddings: true }));
  await refused(folder, /untied: encoder\.embedding\.weight and decoder\.embedding\.weight differ/);
  editWeights(folder, (entries) => {
    const { bytes } = entries.find(({ name }) => name === "encoder.embedding.weight")!;
    return entries.map((entry) => (entry.name === "decoder.embedding.weight" ? { ...entry, bytes } : entry));
  });
  await load(folder); // equal ones may stand there twice
});

test("a configuration that is none", async (t) => {
  const { folder } = await saved(t);
  const cases: readonly [edit: (config: Record<string, unknown>) => unknown, message: RegExp][] = [
    [
      (config) => ({ ...config, model_type: "t6" }),
      /config\.json: the model type "t6" is not known here; known are rnn_seq2seq/,
    ],
    [(config) => ({ ...config, model_type: "constructor" }), /model type "constructor" is not known/],
    [({ model_type: _, ...config }) => config, /config\.json: it has no "model_type"/],
    [(config) => ({ ...config, model_type: 7 }), /it has no "model_type"/],
    [() => [1], /config\.json: a model's configuration is a JSON object/],
    [
      (config) => ({ ...config, model_type: "rnn_seq2seq", vocab_size: "many" }),
      /config\.json: "vocab_size" is "many"; it must be a whole/,
    ],
    [(config) => ({ ...config, vocab_size: null }), /"vocab_size" is null/],
    [(config) => ({ ...config, vocab_size: 11, eos_token_id: 11 }), /"eos_token_id" is 11; .* size of 11/],
    [(config) => ({ ...config, eos_token_id: 2, hidden_size: 7 }), /"hidden_size" 7 is odd/],
  ];
  const before = readFileSync(join(folder, "config.json"));
  for (const [edit, message] of cases) {
    writeFileSync(join(folder, "config.json"), before);
    editConfig(folder, edit);
    await refused(folder, message);
  }
  writeFileSync(join(folder, "config.json"), before.subarray(0, 40));
  await refused(folder, /config\.json: not valid JSON/);
  rmSync(join(folder, "config.json"));
  await refused(folder, /config\.json: there is no such file/);
});

test("weights that are cut off, missing, or something else", async (t) => {
  const { folder } = await saved(t);
  const file = join(folder, "model.safetensors");
  const { length } = readFileSync(file);
  for (const bytes of [length - 4, 100, 3, 0]) {
    truncateSync(file, bytes);
    await refused(folder, /model\.safetensors (holds|ends|is) .*cut off/);
  }
  writeFileSync(file, "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
  await refused(folder, /Git LFS pointer/);
  rmSync(file);
  await refused(folder, /model\.safetensors/);
  await refused(join(folder, "config.json"), /it is a file/);
  await refused(join(folder, "nowhere"), /there is no such folder/);
});

test("a folder that cannot be written says so, and one that is written again holds the new weights", async (t) => {
  const { folder, model } = await saved(t);
  await assert.rejects(model.savePretrained(join(folder, "config.json", "below")), (error: Error) => {
    assert.ok(error instanceof CheckpointError, `${error.name}: ${error.message}`);
    return true;
  });
  manualSeed(2);
  const other = new Seq2SeqRnn({ ...small, hiddenSize: 8 });
  await other.savePretrained(folder);
  assert.deepEqual(bits(await load(folder)), bits(other));
  assert.deepEqual(readdirSync(folder).sort(), ["config.json", "model.safetensors"]);
});

test("weights in shards, and in PyTorch's own format, give the same model", async (t) => {
  const { folder, model } = await saved(t);
  await model.savePretrained(folder, { maxShardSize: 600 });
  const names = readdirSync(folder).filter((name) => name.endsWith(".safetensors"));
  assert.ok(names.length > 1 && names[0]?.startsWith("model-00001-of-"), names.join(" "));
  assert.deepEqual(bits(await load(folder)), bits(model));
  rmSync(join(folder, names[1] ?? ""));
  await refused(folder, /of its \d+ files of weights model-00002-of-\d+\.safetensors is missing/);
  await model.savePretrained(folder);
  assert.deepEqual(readdirSync(folder).sort(), ["config.json", "model.safetensors"]);
  rmSync(join(folder, "model.safetensors"));
  await save(model.stateDict(), join(folder, "pytorch_model.bin"));
  assert.deepEqual(bits(await load(folder)), bits(model));
  await save({ epoch: 1 }, join(folder, "pytorch_model.bin"));
  await refused(folder, /pytorch_model\.bin: "epoch" in it is no tensor/);
});
