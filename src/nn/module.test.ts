// Modules: calling, naming, state, modes, hooks, memory, and printing as PyTorch prints.

import { test } from "node:test";
import { inspect } from "node:util";
import { close, deepEqual, equal, fixture, ok, throws } from "../../test/portable/harness.ts";
import { ArgumentError, CheckpointError, IndexError } from "../base/errors.ts";
import * as nn from "../nn.ts";
import { ones, tensor, zeros } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { memoryStats } from "../tensor/memory.ts";
import type { Tensor } from "../tensor/tensor.ts";

class Block extends nn.Module<[x: Tensor], Tensor> {
  readonly inProj = new nn.Linear(3, 4);
  readonly norm1 = new nn.LayerNorm(4);
  readonly runningMean = new nn.Buffer(zeros([4]));
  readonly scratch = new nn.Buffer(zeros([2]), false);
  readonly layers = new nn.ModuleList([new nn.Linear(4, 4, { bias: false })]);
  forward(x: Tensor): Tensor {
    return this.layers.at(0)(this.norm1(this.inProj(x)));
  }
}

test("parameters, buffers and modules have PyTorch's names in the order of the constructor", () => {
  const block = new Block();
  const names = ["running_mean", "in_proj.weight", "in_proj.bias", "norm1.weight", "norm1.bias", "layers.0.weight"];
  deepEqual([...block.stateDict().keys()], names);
  deepEqual(
    block.namedParameters().map(([name]) => name),
    names.slice(1),
  );
  deepEqual(
    block.namedBuffers().map(([name]) => name),
    ["running_mean", "scratch"],
  );
  deepEqual(
    block.namedModules().map(([name]) => name),
    ["", "in_proj", "norm1", "layers", "layers.0"],
  );
  equal(block.getSubmodule("layers.0"), block.layers.at(0));
  throws(() => block.getSubmodule("layers.1"), CheckpointError, /no submodule "layers.1"/);
});

test("a module is called, an instance of its class, and has no properties beside its own", () => {
  const block = new Block();
  deepEqual([...block(ones([2, 3])).shape], [2, 4]);
  ok(block instanceof Block && block instanceof nn.Module && typeof block === "function");
  deepEqual(Object.keys(block), ["training", "inProj", "norm1", "runningMean", "scratch", "layers"]);
});

test("a shared parameter appears once among parameters, twice in the state", () => {
  const a = new nn.Linear(2, 2, { bias: false });
  const b = new nn.Linear(2, 2, { bias: false });
  b.weight = a.weight;
  const both = new nn.Sequential(a, b);
  equal(both.parameters().length, 1);
  deepEqual([...both.stateDict().keys()], ["0.weight", "1.weight"]);
  both.to("float64");
  equal(a.weight.dtype, "float64");
  equal(b.weight, a.weight);
});

test("everything that is wrong with a state is in one error, and nothing is changed", () => {
  const linear = new nn.Linear(3, 2);
  const before = linear.weight.toArray();
  const error = throws(
    () => linear.loadStateDict({ weight: zeros([2, 4]), wait: zeros([1]) }),
    CheckpointError,
    /missing: bias; unexpected: wait; weight: the checkpoint has \[2, 4\], the model \[2, 3\]/,
  );
  deepEqual(error.facts["missingKeys"], ["bias"]);
  deepEqual(linear.weight.toArray(), before);
  const report = linear.loadStateDict(new Map([["weight", ones([2, 3], { dtype: "float64" })]]), { strict: false });
  deepEqual(report, { missingKeys: ["bias"], unexpectedKeys: [] });
  deepEqual(Array.from(linear.weight.toArray()), [1, 1, 1, 1, 1, 1]);
});

test("train, eval, requiresGrad_ and zeroGrad reach every module", () => {
  const model = new nn.Sequential(new nn.Linear(2, 2), new nn.Dropout(0.9));
  equal(model.eval().at(1).training, false);
  const x = ones([4, 2]);
  deepEqual(model(x).toArray(), model.at(0)(x).toArray());
  equal(model.train().at(1).training, true);
  model(x).sum().backward();
  ok(model.parameters().every((p) => p.grad !== undefined));
  model.zeroGrad();
  ok(model.parameters().every((p) => p.grad === undefined));
  model.requiresGrad_(false);
  ok(!model(x).requiresGrad);
});

test("Node shows a module as it prints, in lists too", () => {
  const list = new nn.ModuleList([new nn.Tanh(), new nn.Tanh()]);
  equal(inspect([list]), "[\n  ModuleList(\n    (0-1): 2 x Tanh()\n  )\n]");
});

test("hooks see and replace arguments and results, and can be removed", () => {
  const linear = new nn.Identity();
  const before = linear.registerForwardPreHook((_, [x]) => [x.add(1)]);
  const after = linear.registerForwardHook((_, __, y) => y.mul(10));
  equal(linear(tensor([2])).item(), 30);
  before();
  after();
  equal(linear(tensor([2])).item(), 2);
});

test("a call without gradients leaves nothing but its result", () => {
  const model = new nn.Sequential(new nn.Linear(8, 8), new nn.GELU(), new nn.LayerNorm(8), new nn.Softmax(-1));
  const x = ones([2, 8]);
  noGrad(() => model(x).dispose());
  const { liveBlocks } = memoryStats();
  noGrad(() => model(x).dispose());
  equal(memoryStats().liveBlocks, liveBlocks);
});

test("lists and dicts hold modules by place and by name", () => {
  const list = new nn.ModuleList([new nn.ReLU(), new nn.Tanh()]);
  equal(list.size, 2);
  ok(list.at(-1) instanceof nn.Tanh);
  throws(() => list.at(2), IndexError, /out of range for 2/);
  Object.assign(list, { 0: new nn.SiLU() });
  deepEqual(
    [...list].map((m) => m.constructor.name),
    ["SiLU", "Tanh"],
  );
  throws(() => (list as unknown as () => void)(), ArgumentError, /not called/);
  const dict = new nn.ModuleDict<nn.AnyModule>({ lora_A: new nn.Linear(1, 1, { bias: false }), inProj: new nn.ReLU() });
  deepEqual([...dict.stateDict().keys()], ["lora_A.weight"]);
  deepEqual(dict.keys(), ["lora_A", "inProj"]);
  equal(dict.delete("inProj"), true);
  equal(dict.has("inProj"), false);
  throws(() => dict.get("x"), IndexError, /there are lora_A/);
  throws(() => dict.set("training", new nn.ReLU()), ArgumentError, /every module has/);
});

test("embeddings: padding, frozen tables, indices from the end", () => {
  const table = new nn.Embedding(4, 2, { paddingIdx: -1 });
  equal(table.paddingIdx, 3);
  const ids = tensor([0, 3, 3], { dtype: "int32" });
  table(ids).sum().backward();
  deepEqual(Array.from(table.weight.grad!.toArray()), [1, 1, 0, 0, 0, 0, 0, 0]);
  deepEqual(Array.from(table.weight.select(0, 3).toArray()), [0, 0]);
  const frozen = nn.Embedding.fromPretrained(
    tensor([
      [1, 2],
      [3, 4],
    ]),
  );
  ok(!frozen.weight.requiresGrad);
  deepEqual(frozen(tensor([1], { dtype: "int32" })).tolist(), [[3, 4]]);
  throws(() => new nn.Embedding(4, 2, { paddingIdx: 4 }), IndexError, /out of range/);
  throws(() => table(tensor([4], { dtype: "int32" })), IndexError);
});

test("losses as modules take their options once and keep weights as buffers", () => {
  const weight = tensor([1, 2, 3]);
  const loss = new nn.CrossEntropyLoss({ weight, reduction: "sum", ignoreIndex: 1 });
  deepEqual([...loss.stateDict().keys()], ["weight"]);
  const logits = tensor([
    [0, 0, 0],
    [0, 0, 0],
  ]);
  close([loss(logits, tensor([2, 1], { dtype: "int32" })).item()], [3 * Math.log(3)], { rtol: 1e-6, atol: 0 });
  close([new nn.MSELoss()(tensor([1, 2]), tensor([3, 2])).item()], [2], { rtol: 0, atol: 0 });
});

class Encoder extends nn.Module<[], void> {
  readonly embedding = new nn.Embedding(100, 8, { paddingIdx: 0 });
  readonly rnn = new nn.LSTM(8, 16, {
    numLayers: 2,
    batchFirst: true,
    dropout: 0.1,
    bidirectional: true,
  });
  readonly head = new nn.Sequential(new nn.Linear(32, 4), new nn.ReLU(), new nn.Dropout(0.5));
  readonly layers = new nn.ModuleList<nn.AnyModule>([
    new nn.LayerNorm(4),
    new nn.LayerNorm(4),
    new nn.Linear(4, 2, { bias: false }),
  ]);
  forward(): void {}
}

for (const { name, text } of (await fixture("printing/modules.json")) as { name: string; text: string }[]) {
  test(`prints ${name}`, () => {
    const module = name === "Encoder" ? new Encoder() : new Function("nn", `return ${name}`)(nn);
    equal(String(module), text);
  });
}
