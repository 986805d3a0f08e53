// States coming in, and the ways to walk over what belongs to a module.

import { test } from "node:test";
import { deepEqual, equal, ok, throws } from "../../test/portable/harness.ts";
import { CheckpointError } from "../base/errors.ts";
import * as nn from "../nn.ts";
import { ones, tensor, zeros } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Two linear layers with one weight, and one module under two names. */
class Tied extends nn.Module<[], void> {
  readonly a = new nn.Linear(2, 2);
  readonly b = new nn.Linear(2, 2, { bias: false });
  readonly again = this.a;
  constructor() {
    super();
    this.b.weight = this.a.weight;
  }
  forward(): void {}
}

test("all that does not fit is told at once, and nothing is changed", () => {
  const model = new nn.Sequential(new nn.Linear(2, 3), new nn.BatchNorm1d(3));
  const before = model.parameters().map((p) => [...p.toArray()]);
  const state = model.stateDict();
  state
    .set("0.weight", zeros([3, 3]))
    .set("1.weight", zeros([4]))
    .set("1.extra", zeros([1]))
    .delete("1.bias");
  state.set("0.bias", 3 as unknown as Tensor);
  const error = throws(
    () => model.loadStateDict(state),
    CheckpointError,
    /missing: 1\.bias; unexpected: 1\.extra; 0\.weight: the checkpoint has \[3, 3\], the model \[3, 2\]; 0\.bias: the checkpoint has no tensor there but number; 1\.weight: .*\[4\], the model \[3\]/,
  );
  equal((error.facts["mismatched"] as unknown[]).length, 3);
  throws(() => model.loadStateDict(state, { strict: false }), CheckpointError, /^(?!.*missing)/);
  deepEqual(
    model.parameters().map((p) => [...p.toArray()]),
    before,
  );
});

test("a list of one fills a number, as old checkpoints have it", () => {
  const norm = new nn.BatchNorm1d(2);
  const state = norm.stateDict();
  state.set("num_batches_tracked", tensor([7], { dtype: "int64" }));
  norm.loadStateDict(state);
  equal(norm.numBatchesTracked!.item(), 7);
});

test("assign takes the given tensors, with their dtypes; what was frozen or tied stays so", () => {
  const model = new Tied();
  model.a.bias!.requiresGrad = false;
  const given = {
    "a.weight": ones([2, 2], { dtype: "float64" }),
    "a.bias": zeros([2]),
    "again.weight": ones([2, 2], { dtype: "float64" }),
    "again.bias": zeros([2]),
    "b.weight": ones([2, 2], { dtype: "float64" }).mul(3),
  };
  model.loadStateDict(given, { assign: true });
  equal(model.a.weight.address, given["again.weight"].address); // the last of its names
  ok(model.a.weight === model.b.weight);
  equal(model.a.weight.dtype, "float64");
  ok(model.a.weight instanceof nn.Parameter && model.a.weight.requiresGrad && !model.a.bias!.requiresGrad);
  const norm = new nn.BatchNorm1d(2);
  norm.loadStateDict({ ...Object.fromEntries(norm.stateDict()), running_mean: ones([2]) }, { assign: true });
  ok(norm.runningMean instanceof nn.Buffer && norm.runningMean.persistent);
  deepEqual([...norm.runningMean.toArray()], [1, 1]);
});

test("walks take a prefix, stay at the top, or tell every name", () => {
  const model = new Tied();
  const names = (entries: readonly (readonly [string, unknown])[]): string[] => entries.map(([name]) => name);
  deepEqual(names(model.namedParameters()), ["a.weight", "a.bias"]);
  deepEqual(names(model.namedParameters({ removeDuplicate: false })), [
    "a.weight",
    "a.bias",
    "b.weight",
    "again.weight",
    "again.bias",
  ]);
  deepEqual(names(model.namedParameters({ recurse: false })), []);
  deepEqual(names(model.a.namedParameters({ prefix: "x", recurse: false })), ["x.weight", "x.bias"]);
  deepEqual(model.a.parameters({ recurse: false }), [model.a.weight, model.a.bias]);
  deepEqual(names(model.namedModules()), ["", "a", "b"]);
  deepEqual(names(model.namedModules({ prefix: "m", removeDuplicate: false })), ["m", "m.a", "m.b", "m.again"]);
  deepEqual(names(new nn.BatchNorm1d(2).namedBuffers({ prefix: "n" })), [
    "n.running_mean",
    "n.running_var",
    "n.num_batches_tracked",
  ]);
});

test("parameters and buffers are found by their names", () => {
  const model = new nn.Sequential(new nn.Linear(2, 2), new nn.BatchNorm1d(2));
  equal(model.getParameter("0.weight"), model.parameters()[0]);
  equal(model.getBuffer("1.running_mean"), model.buffers()[0]);
  equal(new Tied().getParameter("again.bias").numel, 2);
  throws(() => model.getParameter("1.running_mean"), CheckpointError, /no parameter "1.running_mean"/);
  throws(() => model.getBuffer("0.weight"), CheckpointError, /no buffer "0.weight"/);
});

test("the short words for dtypes", () => {
  const layer = new nn.Linear(1, 1);
  equal(layer.double().weight.dtype, "float64");
  equal(layer.half().weight.dtype, "float16");
  equal(layer.bfloat16().weight.dtype, "bfloat16");
  equal(layer.float().weight.dtype, "float32");
});
