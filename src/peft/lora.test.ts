// LoRA against PEFT: its folders are read, and give its logits and gradients (scripts/goldens/lora.py); ours have its files.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { closeToGolden, fromGolden, type GoldenTensor } from "../../test/golden.ts";
import { ArgumentError, CheckpointError, UnsupportedError } from "../base/errors.ts";
import { manualSeed } from "../base/random.ts";
import { loadTensors } from "../checkpoint/load.ts";
import { Conv1D } from "../models/conv1d.ts";
import { ModuleList } from "../nn/container.ts";
import { Embedding } from "../nn/embedding.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { LayerNorm } from "../nn/normalization.ts";
import { AdamW } from "../optim/adam.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { memoryStats } from "../tensor/memory.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { LoraConfig } from "./lora-config.ts";
import { getPeftModel, PeftModel } from "./peft-model.ts";

class Block extends Module<[x: Tensor], Tensor> {
  query = new Linear(6, 6);
  value = new Linear(6, 6, { bias: false });
  norm = new LayerNorm(6);
  forward(x: Tensor): Tensor {
    return this.norm(x.add(this.query(x).tanh().mul(this.value(x))));
  }
}
class Tiny extends Module<[ids: Tensor], Tensor> {
  embedding = new Embedding(11, 6);
  layers = new ModuleList([new Block(), new Block()]);
  cAttn = new Conv1D(5, 6);
  classifier = new Linear(5, 3);
  forward(ids: Tensor): Tensor {
    let x: Tensor = this.embedding(ids);
    for (const layer of this.layers) x = layer(x);
    return this.classifier(this.cAttn(x).relu());
  }
}

interface Case {
  readonly logits: GoldenTensor;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, GoldenTensor>>;
  /** Logits after one step of AdamW. */
  readonly after: GoldenTensor;
  readonly trainable: number;
  readonly merged: Readonly<Record<string, GoldenTensor>>;
}
const folder = fileURLToPath(new URL("../../test/fixtures/lora", import.meta.url));
const { ids: goldenIds, cases } = JSON.parse(readFileSync(join(folder, "cases.json"), "utf8")) as {
  readonly ids: GoldenTensor;
  readonly cases: Readonly<Record<string, Case>>;
}; // as scripts/goldens/lora.py writes it
const tolerance = { rtol: 1e-4, atol: 2e-5 };

async function base(): Promise<Tiny> {
  const model = new Tiny();
  model.loadStateDict(await loadTensors(join(folder, "base.safetensors")));
  return model;
}
const ids = (): Tensor => fromGolden(goldenIds).to("int32");

for (const [name, golden] of Object.entries(cases)) {
  test(`PEFT's adapter "${name}" gives PEFT's logits and gradients, and merges as PEFT does`, async () => {
    const model = await PeftModel.fromPretrained(await base(), join(folder, name), { isTrainable: true });
    assert.equal(model.trainableParameters().trainable, golden.trainable);
    const logits = model(ids());
    closeToGolden(logits, golden.logits, "logits", tolerance);
    const loss = logits.square().mean();
    assert.ok(Math.abs(loss.item() - golden.loss) < 1e-4 * golden.loss);
    loss.backward();
    const gradients = new Map([...model.adapterState()].map(([key, t]) => [key, t.grad]));
    assert.deepEqual([...gradients.keys()].sort(), Object.keys(golden.gradients).sort());
    for (const [key, gradient] of Object.entries(golden.gradients))
      closeToGolden(gradients.get(key)!, gradient, key, tolerance);

    const weights = new Map([...model.model.stateDict()].map(([key, t]) => [key, t.detach().clone()]));
    noGrad(() => {
      model.mergeAdapter();
      closeToGolden(model(ids()), golden.logits, "merged logits", tolerance);
      model.unmergeAdapter();
    });
    for (const [key, t] of model.model.stateDict())
      assert.ok(t.detach().sub(weights.get(key)!).abs().max().item() <= 1e-6, `${key} comes back`);

    const merged = model.mergeAndUnload();
    for (const [key, t] of Object.entries(golden.merged))
      closeToGolden(merged.stateDict().get(key)!, t, key, tolerance);
    assert.deepEqual([...merged.stateDict().keys()], [...new Tiny().stateDict().keys()]);
    closeToGolden(merged(ids()), golden.logits, "logits of the merged model", tolerance);
  });
}

test("a step of AdamW changes each adapter as PEFT's", async () => {
  for (const [name, golden] of Object.entries(cases)) {
    const model = await PeftModel.fromPretrained(await base(), join(folder, name), { isTrainable: true });
    model(ids()).square().mean().backward();
    new AdamW(
      model.parameters().filter((p) => p.requiresGrad),
      { lr: 0.05 },
    ).step();
    closeToGolden(model(ids()), golden.after, name, { rtol: 1e-3, atol: 1e-3 }); // a step is ±lr where gradients are near 0
  }
});

test("adapters of other ranks, targets and heads stand on one model as PEFT's", async () => {
  const { logits, merged } = JSON.parse(readFileSync(join(folder, "several.json"), "utf8")) as {
    readonly logits: Readonly<Record<string, GoldenTensor>>;
    readonly merged: Readonly<Record<string, GoldenTensor>>;
  }; // as scripts/goldens/lora.py writes it
  const at = (name: string): string => join(folder, "several", name);
  const model = await PeftModel.fromPretrained(await base(), at("one"), { adapterName: "one" });
  for (const name of ["two", "three"]) await model.loadAdapter(at(name), name);
  const gives = (name: string): void =>
    closeToGolden(
      noGrad(() => model(ids())),
      logits[name]!,
      name,
      tolerance,
    );
  for (const name of ["three", "one", "two"]) {
    model.setAdapter(name);
    gives(name);
  }
  model.setAdapter(["one", "two"]);
  gives("one and two");
  model.disableAdapter(() => gives("none"));
  model.mergeAdapter();
  gives("one and two");
  const weights = new Map([...model.model.stateDict()].map(([key, t]) => [key.replace(".base_layer", ""), t]));
  for (const [key, wanted] of Object.entries(merged)) closeToGolden(weights.get(key)!, wanted, key, tolerance);
  model.unmergeAdapter();
  model.deleteAdapter("one");
  model.setAdapter("two");
  gives("two without one");
  const out = mkdtempSync(join(tmpdir(), "kindling-lora-"));
  try {
    await model.savePretrained(out);
    for (const name of ["two", "three"])
      await sameTensors(join(out, name, "adapter_model.safetensors"), join(at(name), "adapter_model.safetensors"));
  } finally {
    rmSync(out, { recursive: true });
  }
});

/** Whether two folders have the same tensors. */
async function sameTensors(a: string, b: string): Promise<void> {
  const [left, right] = [await loadTensors(a), await loadTensors(b)];
  assert.deepEqual([...left.keys()].sort(), [...right.keys()].sort());
  for (const [key, t] of left) assert.deepEqual(t.tolist(), right.get(key)!.tolist(), key);
}

test("what is saved has PEFT's names and values, and is read again", async () => {
  const out = mkdtempSync(join(tmpdir(), "kindling-lora-"));
  try {
    for (const name of Object.keys(cases)) {
      const model = await PeftModel.fromPretrained(await base(), join(folder, name));
      await model.savePretrained(join(out, name));
      await sameTensors(join(out, name, "adapter_model.safetensors"), join(folder, name, "adapter_model.safetensors"));
      const config = JSON.parse(readFileSync(join(out, name, "adapter_config.json"), "utf8")) as Record<
        string,
        unknown
      >;
      const theirs = JSON.parse(readFileSync(join(folder, name, "adapter_config.json"), "utf8")) as typeof config;
      for (const key of ["peft_type", "r", "lora_alpha", "bias", "use_rslora", "rank_pattern", "target_modules"])
        assert.deepEqual(config[key], theirs[key], `${name}: ${key}`);
      const again = await PeftModel.fromPretrained(await base(), join(out, name));
      closeToGolden(again(ids()), cases[name]!.logits, name, tolerance);
    }
  } finally {
    rmSync(out, { recursive: true });
  }
});

const config: LoraConfig = { r: 2, targetModules: ["query", "value"] };

test("a new adapter changes nothing until it is trained, and only it is trained", async () => {
  manualSeed(0);
  const plain = await base();
  const before = noGrad(() => plain(ids()).tolist());
  const model = getPeftModel(plain, { ...config, modulesToSave: ["classifier"] });
  assert.deepEqual(
    noGrad(() => model(ids()).tolist()),
    before,
  );
  const trained = model.namedParameters().filter(([, p]) => p.requiresGrad);
  assert.ok(trained.every(([name]) => /lora_[AB]\.default|modules_to_save\.default/.test(name)));
  assert.equal(trained.length, 2 * 4 + 2);
  model(ids()).square().mean().backward();
  assert.ok(model.parameters().every((p) => p.requiresGrad === (p.grad !== undefined)));
  assert.match(model.trainableParameters().text, /^trainable params: 114 \|\| all params: \d+ \|\| trainable%: /);
});

test("several adapters: chosen, added together, switched off, deleted", async () => {
  manualSeed(1);
  const model = getPeftModel(await base(), { ...config, initLoraWeights: false }, "one");
  const out = (): number[] => [...noGrad(() => model(ids()).toArray())].map(Number);
  const off = model.disableAdapter(out);
  model.addAdapter("two", { r: 3, targetModules: ["query"], initLoraWeights: false });
  const one = out();
  model.setAdapter("two");
  const two = out();
  model.setAdapter(["one", "two"]);
  const both = out();
  for (const [a, b] of [
    [off, one],
    [one, two],
    [two, both],
  ] as const)
    assert.notDeepEqual(a, b);
  model.mergeAdapter();
  out().forEach((value, i) => assert.ok(Math.abs(value - both[i]!) < 1e-4));
  model.disableAdapter(out).forEach((value, i) => assert.ok(Math.abs(value - off[i]!) < 1e-4));
  model.unmergeAdapter();
  model.setAdapter("one");
  model.deleteAdapter("two");
  out().forEach((value, i) => assert.ok(Math.abs(value - one[i]!) < 1e-5)); // merging and back rounds
  assert.throws(() => model.setAdapter("two"), /there is no adapter "two"; there are one/);
  model.unload()(ids());
  assert.ok([...model.stateDict().keys()].every((key) => !key.includes("lora")));
});

test("dropout acts in training only", async () => {
  manualSeed(2);
  const model = getPeftModel(await base(), { ...config, loraDropout: 0.5, initLoraWeights: false });
  const out = (): unknown => noGrad(() => model(ids()).tolist());
  model.eval();
  assert.deepEqual(out(), out());
  model.train();
  assert.notDeepEqual(out(), out());
});

test("many steps hold the live bytes", async () => {
  const model = getPeftModel(await base(), config);
  const step = (): void => {
    model(ids()).square().mean().backward();
    model.zeroGrad();
    model.mergeAdapter();
    noGrad(() => model(ids()));
    model.unmergeAdapter();
  };
  const { scope } = await import("../tensor/scope.ts");
  const scoped = (): number => {
    using _ = scope();
    step();
    return 0;
  };
  scoped();
  const before = memoryStats().liveBytes;
  for (let i = 0; i < 50; i++) scoped();
  assert.equal(memoryStats().liveBytes, before);
});

test("what does not fit is an error before anything is changed", async () => {
  const model = await base();
  const keys = [...model.stateDict().keys()];
  assert.throws(() => getPeftModel(model, { targetModules: ["qeury"] }), /no module is meant .* layers\.0\.query/);
  assert.throws(() => getPeftModel(model, { targetModules: ["norm"] }), /is a LayerNorm/);
  assert.throws(() => getPeftModel(model, { r: 0, targetModules: ["query"] }), ArgumentError);
  assert.throws(() => getPeftModel(model, {}), /Set targetModules/);
  assert.throws(() => getPeftModel(model, { rank: 4 } as LoraConfig), /no option "rank"/);
  assert.deepEqual([...model.stateDict().keys()], keys);
  assert.ok(model.parameters().every((p) => p.requiresGrad));

  class Other extends Module<[x: Tensor], Tensor> {
    query = new Linear(4, 4);
    forward(x: Tensor): Tensor {
      return this.query(x);
    }
  }
  const other = new Other();
  await assert.rejects(PeftModel.fromPretrained(other, join(folder, "plain")), (error) => {
    assert.ok(error instanceof CheckpointError);
    assert.match(error.message, /missing: base_model\.model\.query\.lora_A\.weight.*unexpected: .*layers\.0\.query/);
    return true;
  });
  assert.ok(other.query instanceof Linear);
  const damaged = mkdtempSync(join(tmpdir(), "kindling-lora-"));
  try {
    const adapter = getPeftModel(await base(), config);
    const name = "base_model.model.layers.0.query.lora_A.weight";
    noGrad(() => adapter.adapterState().get(name)!.select(0, 1).fill_(Number.NaN));
    await adapter.savePretrained(damaged);
    await assert.rejects(PeftModel.fromPretrained(await base(), damaged), /layers\.0\.query\.lora_A\.weight holds NaN/);
  } finally {
    rmSync(damaged, { recursive: true });
  }
  const { parseLoraConfig } = await import("./lora-config.ts");
  assert.throws(() => parseLoraConfig({ peft_type: "LORA", use_dora: true }, "c.json"), UnsupportedError);
  assert.throws(() => parseLoraConfig({ peft_type: "IA3" }, "c.json"), /known is LORA/);
});

test("without adapters means until a promise is settled; biases belong to one adapter", async () => {
  const model = await PeftModel.fromPretrained(await base(), join(folder, Object.keys(cases)[0]!));
  const adapted = noGrad(() => model(ids())).tolist();
  const plain = noGrad(() => model.disableAdapter(() => model(ids()))).tolist();
  const later = model.disableAdapter(async () => {
    await new Promise((done) => setTimeout(done));
    return noGrad(() => model(ids())).tolist();
  });
  assert.deepEqual(await later, plain);
  assert.notDeepEqual(plain, adapted);
  assert.deepEqual(noGrad(() => model(ids())).tolist(), adapted);
  assert.throws(() => model.disableAdapter(() => assert.fail("stop")), /stop/);
  assert.deepEqual(noGrad(() => model(ids())).tolist(), adapted);
  const biased = getPeftModel(await base(), { targetModules: ["query"], bias: "all" });
  assert.throws(() => biased.addAdapter("other", { targetModules: ["query"] }), /only a single adapter can train them/);
  assert.deepEqual([...biased.peftConfig.keys()], ["default"]);
});
