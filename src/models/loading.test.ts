// Checkpoints of all kinds become models: with and without prefixes, today's spelling and that of the first releases, in shards;
// what is missing, left over, of another size or broken is told. The folders were written by transformers.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { draw, drawnModel, encoderGolden, inputsOf } from "../../test/encoder-goldens.ts";
import { CheckpointError } from "../base/errors.ts";
import { manualSeed } from "../base/random.ts";
import { joinChunks, readSafetensors, type SafetensorsEntry, writeSafetensors } from "../checkpoint/safetensors.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  AutoConfig,
  AutoModel,
  AutoModelForMaskedLM,
  AutoModelForPreTraining,
  AutoModelForSequenceClassification,
} from "./auto.ts";
import { BertForMaskedLM, BertForSequenceClassification, BertModel } from "./bert.ts";
import type { AnyTransformer } from "./pretrained-transformer.ts";

const fixtures = fileURLToPath(new URL("../../test/fixtures/encoders", import.meta.url));
const whole = join(fixtures, "files/bert");
const golden = encoderGolden("bert");
const quiet = { onWarning: (): void => {} };

function copied(t: TestContext, from: string): string {
  const folder = mkdtempSync(join(tmpdir(), "kindling-encoder-"));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(from, folder, { recursive: true });
  return folder;
}
function editConfig(folder: string, edit: (config: Record<string, unknown>) => void): void {
  const file = join(folder, "config.json");
  const config = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>; // an object, as it was written
  edit(config);
  writeFileSync(file, JSON.stringify(config));
}
function editWeights(folder: string, edit: (entries: SafetensorsEntry[]) => readonly SafetensorsEntry[]): void {
  const file = join(folder, "model.safetensors");
  const entries = [...readSafetensors(new Uint8Array(readFileSync(file))).tensors].map(([name, t]) => ({ name, ...t }));
  writeFileSync(file, joinChunks(writeSafetensors(edit(entries))));
}
function values(model: AnyTransformer, name: string): number[] {
  return [...model.stateDict().get(name)!.toArray()];
}
function drawn(name: string, n: number): number[] {
  return draw(name, n).map((u) => Math.fround(0.6 * u));
}
function logitsOf(model: AnyTransformer): number[] {
  const { logits } = noGrad(() => model(inputsOf(golden.inputs.right))) as { logits: Tensor };
  return [...logits.toArray()];
}

test("a folder that Python wrote gives Python's logits", async () => {
  const model = await AutoModelForMaskedLM.fromPretrained(whole, { onWarning: (text) => assert.fail(text) });
  assert.ok(model instanceof BertForMaskedLM);
  assert.equal(model.training, false);
  assert.deepEqual(model.loadingInfo, { missingKeys: [], unexpectedKeys: [], mismatchedKeys: [] });
  const wanted = golden.heads.find(({ name }) => name === "BertForMaskedLM")!.right.logits.logits!.data;
  logitsOf(model).forEach((x, i) => assert.ok(Math.abs(x - wanted[i]!) <= 1e-5 * Math.max(1, Math.abs(wanted[i]!))));
  assert.equal(model.getOutputEmbeddings()!.weight, model.getInputEmbeddings().weight);
});

for (const name of readdirSync(join(fixtures, "files"))) {
  test(`${name}: the folder that Python wrote, and back`, async (t) => {
    const expected = encoderGolden(name);
    const model = await AutoModelForMaskedLM.fromPretrained(join(fixtures, "files", name), {
      onWarning: (text) => assert.fail(text),
    });
    assert.deepEqual(model.loadingInfo, { missingKeys: [], unexpectedKeys: [], mismatchedKeys: [] });
    const { logits } = noGrad(() => model(inputsOf(expected.inputs.right)));
    const wanted = expected.heads.find((head) => head.name === model.constructor.name)!.right.logits.logits!.data;
    logits.toArray().forEach((x: number, i: number) => {
      assert.ok(Math.abs(x - wanted[i]!) <= 1e-5 * Math.max(1, Math.abs(wanted[i]!)), `${i}: ${x}, not ${wanted[i]}`);
    });
    const folder = copied(t, join(fixtures, "files", name));
    await model.savePretrained(folder);
    const names = (at: string): string[] => [
      ...readSafetensors(new Uint8Array(readFileSync(join(at, "model.safetensors")))).tensors.keys(),
    ];
    assert.deepEqual(names(folder).sort(), names(join(fixtures, "files", name)).sort());
    const again = await AutoModelForMaskedLM.fromPretrained(folder, { onWarning: (text) => assert.fail(text) });
    const same = noGrad(() => again(inputsOf(expected.inputs.right))).logits;
    assert.deepEqual([...same.toArray()], [...logits.toArray()]);
    assert.equal((await AutoConfig.fromPretrained(folder)).modelType, model.config.modelType);
    if (name !== "modernbert") return;
    assert.match(readFileSync(join(folder, "config.json"), "utf8"), /"initializer_cutoff_factor": 2\.0,/); // or Python refuses it
  });
}

test("a base model out of a head's file, a head on a base model's, and both through shards and old spellings", async () => {
  const warnings: string[] = [];
  const onWarning = (text: string): number => warnings.push(text);
  const base = await AutoModel.fromPretrained(whole, { onWarning });
  assert.ok(base instanceof BertModel);
  assert.deepEqual(base.loadingInfo!.missingKeys, ["pooler.dense.weight", "pooler.dense.bias"]);
  assert.deepEqual([...base.loadingInfo!.unexpectedKeys].sort(), [
    "cls.predictions.bias",
    "cls.predictions.transform.LayerNorm.bias",
    "cls.predictions.transform.LayerNorm.weight",
    "cls.predictions.transform.dense.bias",
    "cls.predictions.transform.dense.weight",
  ]);
  assert.match(
    warnings.join("\n"),
    /^BertModel from .*: newly initialised, train them before use: pooler\.dense\.weight, /,
  );
  assert.deepEqual(
    values(base, "embeddings.word_embeddings.weight"),
    drawn("embeddings.word_embeddings.weight", 23 * 12),
  );

  for (const folder of ["legacy", "shards"]) {
    const model = await BertForSequenceClassification.fromPretrained(join(fixtures, folder), {
      ...quiet,
      numLabels: 4,
    });
    assert.deepEqual(
      model.loadingInfo!.missingKeys.filter((name) => !name.startsWith("bert.pooler")),
      ["classifier.weight", "classifier.bias"],
    );
    assert.deepEqual(model.classifier.weight.shape, [4, 12]);
    const name = "encoder.layer.1.attention.output.LayerNorm.weight";
    assert.deepEqual(
      values(model, `bert.${name}`),
      draw(name, 12).map((u) => Math.fround(1 + 0.5 * u)),
    );
    if (folder === "legacy") assert.deepEqual(model.loadingInfo!.unexpectedKeys, []); // position_ids is none
  }
});

test("missing weights begin as in a new model, and only those draw random numbers", async () => {
  manualSeed(3);
  const first = await BertForSequenceClassification.fromPretrained(whole, {
    ...quiet,
    config: { initializerRange: 5 },
  });
  const weight = values(first, "classifier.weight");
  assert.ok(Math.max(...weight.map(Math.abs)) > 2);
  assert.deepEqual(values(first, "classifier.bias"), [0, 0]);
  manualSeed(3);
  const second = await BertForSequenceClassification.fromPretrained(whole, {
    ...quiet,
    config: { initializerRange: 5 },
  });
  assert.deepEqual(values(second, "classifier.weight"), weight);
});

test("a head of another size is refused, or initialised if that is asked for", async (t) => {
  const folder = copied(t, whole);
  editWeights(folder, (entries) => [
    ...entries,
    { name: "classifier.weight", dtype: "F32", shape: [5, 12], bytes: new Uint8Array(240) },
    { name: "classifier.bias", dtype: "F32", shape: [5], bytes: new Uint8Array(20) },
  ]);
  const load = (options: object) => AutoModelForSequenceClassification.fromPretrained(folder, { ...quiet, ...options });
  await assert.rejects(load({}), (error: Error) => {
    assert.ok(error instanceof CheckpointError);
    assert.match(
      error.message,
      /classifier\.weight is \[5, ?12\], the configuration makes it \[2, ?12\].*ignoreMismatchedSizes/,
    );
    return true;
  });
  const model = await load({ ignoreMismatchedSizes: true });
  assert.deepEqual(model.loadingInfo!.mismatchedKeys[0], {
    name: "classifier.weight",
    checkpoint: [5, 12],
    model: [2, 12],
  });
  assert.ok(model.loadingInfo!.missingKeys.includes("classifier.weight"));
  assert.deepEqual((await load({ numLabels: 5 })).loadingInfo!.mismatchedKeys, []);
  const named = await load({ id2label: { 0: "a", 1: "b", 2: "c", 3: "d", 4: "e" } });
  assert.deepEqual(named.config.label2id, { a: 0, b: 1, c: 2, d: 3, e: 4 });
});

test("NaN, another architecture, an unknown type, labels that contradict each other", async (t) => {
  const folder = copied(t, whole);
  const refused = (message: RegExp, options = {}) =>
    assert.rejects(AutoModelForMaskedLM.fromPretrained(folder, { ...quiet, ...options }), (error: Error) => {
      assert.ok(error instanceof CheckpointError, `${error.name}: ${error.message}`);
      assert.match(error.message, message);
      return true;
    });
  await refused(/3 labels, but id2label names 1/, { numLabels: 3, id2label: { 0: "only" } });
  await refused(/"hidden_act" is "tahn"; it must be one of gelu, /, { config: { hiddenAct: "tahn" } });
  await refused(/hidden size of 12 does not divide into 5 heads/, { config: { numAttentionHeads: 5 } });
  editWeights(folder, (entries) =>
    entries.map((e) =>
      e.name.endsWith("word_embeddings.weight")
        ? { ...e, bytes: new Uint8Array(new Float32Array(276).fill(NaN).buffer) }
        : e,
    ),
  );
  await refused(/bert\.embeddings\.word_embeddings\.weight holds NaN/);
  editWeights(folder, (entries) => entries.map((e) => ({ ...e, name: `other.${e.name}` })));
  await refused(/none of its \d+ tensors has a name that BertForMaskedLM knows/);
  editConfig(folder, (config) => {
    config.model_type = "brt";
  });
  await refused(/the model type "brt" is not known here; known are bert.*Did you mean bert\?/);
  editConfig(folder, (config) => {
    config.model_type = "rnn_seq2seq";
  });
  await refused(/the model type "rnn_seq2seq" has no such head here/);
  editConfig(folder, (config) => {
    delete config.model_type;
    config.architectures = ["BertForMaskedLM"];
  });
  await refused(/none of its \d+ tensors/); // the class named the type
  editConfig(folder, (config) => {
    delete config.architectures;
  });
  await refused(/it has no "model_type"/);
});

test("half weights: read in their width, computed in float32, saved as they are", async (t) => {
  const full = logitsOf(await AutoModelForMaskedLM.fromPretrained(whole));
  for (const dtype of ["bfloat16", "float16"] as const) {
    const model = await AutoModelForMaskedLM.fromPretrained(whole, { dtype });
    assert.ok([...model.stateDict().values()].every((w) => w.dtype === dtype));
    const step = dtype === "bfloat16" ? 2 ** -8 : 2 ** -11;
    logitsOf(model).forEach((x, i) => assert.ok(Math.abs(x - full[i]!) < 40 * step, `${x}, not ${full[i]}`));
    const folder = copied(t, whole);
    await model.savePretrained(folder);
    const again = await AutoModelForMaskedLM.fromPretrained(folder, { dtype: "auto" });
    assert.equal(again.getInputEmbeddings().weight.dtype, dtype);
    assert.deepEqual(logitsOf(again), logitsOf(model));
    const wide = await AutoModelForMaskedLM.fromPretrained(folder);
    assert.equal(wide.getInputEmbeddings().weight.dtype, "float32");
  }
  await assert.rejects(AutoModelForMaskedLM.fromPretrained(whole, { dtype: "int8" }), /weights of int8/);
});

test("what is saved is what Hugging Face writes: names, tied tensors once, and it comes back", async (t) => {
  const folder = copied(t, whole);
  const before = readSafetensors(new Uint8Array(readFileSync(join(whole, "model.safetensors"))));
  const model = await AutoModelForMaskedLM.fromPretrained(whole);
  await model.savePretrained(folder);
  const after = readSafetensors(new Uint8Array(readFileSync(join(folder, "model.safetensors"))));
  assert.deepEqual([...after.tensors.keys()].sort(), [...before.tensors.keys()].sort());
  const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as Record<string, unknown>;
  assert.deepEqual([config.model_type, config.architectures], ["bert", ["BertForMaskedLM"]]);
  assert.deepEqual([config.hidden_size, config.transformers_version], [12, "5.18.0"]);
  await model.savePretrained(folder, { maxShardSize: "8KB" });
  assert.deepEqual(logitsOf(await AutoModelForMaskedLM.fromPretrained(folder)), logitsOf(model));
  const pre = await AutoModelForPreTraining.fromPretrained(folder, quiet);
  assert.ok(pre.loadingInfo!.missingKeys.includes("cls.seq_relationship.weight"));
});

test("words are added and taken away, in the head too", async () => {
  for (const tieWordEmbeddings of [true, false]) {
    const model = drawnModel(BertForMaskedLM, golden, { tie_word_embeddings: tieWordEmbeddings });
    const before = logitsOf(model);
    const words = model.resizeTokenEmbeddings(25, { padToMultipleOf: 16 });
    assert.equal(words.numEmbeddings, 32);
    assert.deepEqual([model.config.vocabSize, model.bert.config.vocabSize], [32, 32]);
    const head = model.getOutputEmbeddings();
    assert.equal(head.weight === words.weight, tieWordEmbeddings);
    assert.deepEqual([head.bias!.shape, model.cls.predictions!.bias], [[32], head.bias]);
    const mean = drawn("embeddings.word_embeddings.weight", 276).reduce<number[]>((sum, x, i) => {
      sum[i % 12] = (sum[i % 12] ?? 0) + x / 23;
      return sum;
    }, []);
    words.weight
      .select(0, 31)
      .toArray()
      .forEach((x: number, i: number) => assert.ok(Math.abs(x - mean[i]!) < 1e-6));
    const after = logitsOf(model);
    before.forEach((x, i) => assert.ok(Math.abs(after[Math.floor(i / 23) * 32 + (i % 23)]! - x) < 1e-6));
    model.resizeTokenEmbeddings(23);
    assert.deepEqual(logitsOf(model), before);
    assert.throws(() => model.resizeTokenEmbeddings(0), /0 words in multiples of 1/);
  }
});

test("bad inputs are told before work starts", () => {
  const model = drawnModel(BertForSequenceClassification, golden, { num_labels: 3 });
  const { inputIds, attentionMask } = inputsOf(golden.inputs.right);
  const labels = (data: number[]) => inputsOf({ labels: { shape: [data.length], data } }).labels;
  const fails = (inputs: object, message: RegExp): void => {
    assert.throws(() => model(inputs), message);
  };
  fails({}, /neither inputIds nor inputsEmbeds/);
  fails(
    { inputIds: inputsOf({ i: { shape: [1, 12], data: Array(12).fill(5) } }).i },
    /a text of 12 tokens; the model takes 11/,
  );
  fails({ inputIds, labels: labels([0, 3, 1]) }, /labels: number 1 is 3; there are 3 classes.*Is numLabels right\?/);
  fails({ inputIds, labels: labels([0, 1]) }, /labels: \[2\]; for single_label_classification they are \[3\]/);
  fails({ inputIds, attentionMask: attentionMask!.narrow(1, 0, 5) }, /attentionMask \[3, ?5\] for 3 texts of 7 tokens/);
});

test("gradient checkpointing gives the same gradients", () => {
  const grads = [false, true].map((on) => {
    const model = drawnModel(BertForSequenceClassification, golden, { num_labels: 3 }).train();
    if (on) model.gradientCheckpointingEnable();
    assert.equal(model.bert.gradientCheckpointing, on);
    const labels = inputsOf({ labels: { shape: [3], data: [0, 2, 1] } });
    model({ ...inputsOf(golden.inputs.right), ...labels }).loss!.backward();
    return model.namedParameters().map(([name, p]) => [name, p.grad === undefined ? [] : [...p.grad.toArray()]]);
  });
  assert.deepEqual(grads[0], grads[1]);
});
