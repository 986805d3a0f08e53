// The meta device: shapes without memory, models built in no time, and their weights coming later.

import { test } from "node:test";
import { deepEqual, equal, ok, throws } from "../../test/portable/harness.ts";
import { ArgumentError, CheckpointError, DeviceError, ShapeError } from "../base/errors.ts";
import { defaultGenerator, manualSeed } from "../base/random.ts";
import { type DeviceName, withDevice } from "../devices/default.ts";
import * as nn from "../nn.ts";
import { empty, fromArray, ones, tensor, zeros } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { memoryStats } from "../tensor/memory.ts";
import { rand, randint } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Linear } from "./linear.ts";

class Classifier extends nn.Module<[ids: Tensor], Tensor> {
  readonly embedding: nn.Embedding;
  readonly encoder: nn.TransformerEncoder;
  readonly norm: nn.BatchNorm1d;
  readonly head: nn.Linear;
  constructor(width: number) {
    super();
    this.embedding = new nn.Embedding(1000, width, { paddingIdx: 0 });
    this.encoder = new nn.TransformerEncoder(
      new nn.TransformerEncoderLayer(width, 4, { dimFeedforward: 4 * width, batchFirst: true }),
      2,
    );
    this.norm = new nn.BatchNorm1d(width);
    this.head = new nn.Linear(width, 3);
  }
  forward(ids: Tensor): Tensor {
    return this.head(this.norm(this.encoder(this.embedding(ids)).mean({ dim: 1 })));
  }
}

test("a model on meta takes no memory and draws no numbers; calls and gradients have shapes", () => {
  manualSeed(1);
  const state = defaultGenerator.state;
  const { liveBytes, liveBlocks } = memoryStats();
  const model = withDevice("meta", () => new Classifier(4096)); // 1.6 GB
  deepEqual(defaultGenerator.state, state);
  ok(model.parameters().every((p) => p.isMeta));
  model.eval();
  const y = withDevice("meta", () => model(zeros([2, 7], { dtype: "int32" })));
  deepEqual([...y.shape], [2, 3]);
  withDevice("meta", () => y.sum().backward());
  deepEqual([...model.getParameter("embedding.weight").grad!.shape], [1000, 4096]);
  ok(model.parameters().every((p) => p.grad?.isMeta));
  deepEqual([memoryStats().liveBytes, memoryStats().liveBlocks], [liveBytes, liveBlocks]);
});

test("weights come by assign, or into empty memory", () => {
  const given = new Linear(3, 2);
  const assigned = withDevice("meta", () => new Linear(3, 2));
  throws(() => assigned.loadStateDict(given.stateDict()), CheckpointError, /on the meta device.*assign: true/);
  assigned.loadStateDict(given.stateDict(), { assign: true });
  const filled = withDevice("meta", () => new Linear(3, 2)).toEmpty();
  ok(filled.weight instanceof nn.Parameter && !filled.weight.isMeta && filled.weight.requiresGrad);
  filled.loadStateDict(given.stateDict());
  const x = rand([4, 3]);
  deepEqual(assigned(x).toArray(), given(x).toArray());
  deepEqual(filled(x).toArray(), given(x).toArray());
});

test("shared tensors stay shared through toEmpty", () => {
  const both = withDevice("meta", () => new nn.Sequential(new Linear(2, 2), new Linear(2, 2)));
  Object.assign(both.at(1), { weight: both.getParameter("0.weight") });
  both.toEmpty();
  ok(both.getParameter("0.weight") === both.getParameter("1.weight"));
});

test("shapes go through operators, and what does not fit is refused", () => {
  const [a, b] = withDevice("meta", () => [rand([2, 3]), ones([3, 4])] as const);
  deepEqual([...a.matmul(b).softmax(-1).sum({ dim: 0 }).unsqueeze(0).expand(5, 4).shape], [5, 4]);
  deepEqual([...a.add_(1).slice(1, 0, 2).contiguous().shape], [2, 2]);
  equal(a.to("float64").gt(0).dtype, "bool");
  throws(() => a.matmul(a), ShapeError);
  const int = withDevice("meta", () => randint(0, 3, [2]));
  ok(int.isMeta && withDevice("meta", () => fromArray([1, 2], [2])).isMeta);
});

test("values are refused with what to do, and devices do not mix", () => {
  const a = withDevice("meta", () => empty([2]));
  for (const read of [
    () => a.toArray(),
    () => a.tolist(),
    () => a.sum().item(),
    () => noGrad(() => a.multinomial(1)),
  ]) {
    throws(read, DeviceError, /no values\. Give the module memory with toEmpty/);
  }
  throws(() => a.add(ones([2])), DeviceError, /add: one tensor is on the .* device, another on/);
  throws(() => ones([2]).copy_(a), DeviceError, /copy_: one tensor is on/);
  throws(() => withDevice("gpu" as DeviceName, () => 0), ArgumentError, /wants cpu or meta/);
  ok(!withDevice("meta", () => withDevice("cpu", () => ones([1]))).isMeta);
});

test("they print as PyTorch's", () => {
  withDevice("meta", () => {
    equal(String(empty([2, 3])), "tensor(..., device='meta', size=(2, 3))");
    equal(String(empty([2], { dtype: "int32" })), "tensor(..., device='meta', size=(2,), dtype=torch.int32)");
    equal(String(empty([], { dtype: "int64" })), "tensor(..., device='meta', size=(), dtype=torch.int64)");
    equal(String(ones([2], { dtype: "bool" })), "tensor(..., device='meta', size=(2,), dtype=torch.bool)");
    equal(
      String(new Linear(2, 1).weight),
      "Parameter containing:\ntensor(..., device='meta', size=(1, 2), requires_grad=True)",
    );
  });
  equal(tensor([1]).isMeta, false);
});
