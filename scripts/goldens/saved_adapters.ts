// Adapters as Kindling writes them, for check_saved_adapters.py to read: `node --conditions=kindling-source saved_adapters.ts FOLDER`.
// Prints the logits that each gives on the ids 0 to 10, as JSON.

import { arange, manualSeed, nn, noGrad, optim, type Tensor } from "kindling";
import { save } from "kindling/checkpoint";
import { Conv1D } from "kindling/models";
import { getPeftModel, type LoraConfig } from "kindling/peft";

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("saved_adapters.ts FOLDER");

class Tiny extends nn.Module<[ids: Tensor], Tensor> {
  embedding = new nn.Embedding(11, 6);
  query = new nn.Linear(6, 6);
  cAttn = new Conv1D(5, 6);
  classifier = new nn.Linear(5, 3);
  forward(ids: Tensor): Tensor {
    const x = this.embedding(ids);
    return this.classifier(this.cAttn(this.query(x).tanh().add(x)).relu());
  }
}

const configs: Readonly<Record<string, LoraConfig>> = {
  everything: { r: 2, loraAlpha: 3, targetModules: ["embedding", "query", "c_attn"], modulesToSave: ["classifier"] },
  scaled: { r: 4, useRslora: true, targetModules: "all-linear", rankPattern: { query: 2 } },
  tables: { r: 3, targetModules: ["embedding", "c_attn"], fanInFanOut: true, loraDropout: 0.2 },
  biases: { r: 2, targetModules: ["query"], bias: "lora_only" },
};
const logits: Record<string, unknown> = {};
for (const [name, config] of Object.entries(configs)) {
  manualSeed(3);
  const base = new Tiny();
  await save(base.stateDict(), `${folder}/base.safetensors`);
  const model = getPeftModel(base, { ...config, initLoraWeights: false });
  const trained = model.parameters().filter((p) => p.requiresGrad);
  const optimizer = new optim.AdamW(trained, { lr: 0.05 });
  for (let step = 0; step < 3; step++) {
    model(arange(11)).square().mean().backward();
    optimizer.step();
    optimizer.zeroGrad();
  }
  model.eval();
  logits[name] = noGrad(() => model(arange(11)).tolist());
  await model.savePretrained(`${folder}/${name}`);
}
console.log(JSON.stringify(logits));
