// functionalCall: the module's own numbers with other tensors, and gradients that go to these.

import { test } from "node:test";
import { close, deepEqual, equal, ok, throws } from "../../test/portable/harness.ts";
import { tolerances } from "../../test/tolerances.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { grad } from "../tensor/autograd.ts";
import { ones, tensor, zeros } from "../tensor/create.ts";
import { enableGrad } from "../tensor/grad-mode.ts";
import { gradcheck } from "../tensor/gradcheck.ts";
import { randn } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Tanh } from "./activation.ts";
import { BatchNorm1d } from "./batch-norm.ts";
import { Sequential } from "./container.ts";
import { functionalCall } from "./functional-call.ts";
import { Linear } from "./linear.ts";
import { Module } from "./module.ts";
import { GRU } from "./rnn.ts";

const make = (): Sequential => new Sequential(new Linear(3, 4), new Tanh(), new Linear(4, 2));

test("another model's tensors give its result, and get its gradients", () => {
  const [model, other, x] = [make(), make(), randn([5, 3])];
  const before = model.parameters();
  const y = functionalCall(model, other.stateDict(), [x]);
  deepEqual(y.toArray(), other(x).toArray());
  y.sum().backward();
  const got = other.parameters().map((p) => p.grad!.toArray());
  other.zeroGrad();
  other(x).sum().backward();
  deepEqual(
    got,
    other.parameters().map((p) => p.grad!.toArray()),
  );
  ok(model.parameters().every((p, i) => p === before[i] && p.grad === undefined));
});

test("what is not named is the module's own; names of a list are positions, recurrent weights are PyTorch's", () => {
  const [model, x] = [make(), randn([5, 3])];
  const y = functionalCall(model, { "2.weight": zeros([2, 4]) }, [x]);
  deepEqual(y.at(0).toArray(), model.parameters()[3]!.toArray());
  const [a, b] = [new GRU(3, 4), new GRU(3, 4)];
  const tensors = Object.fromEntries(b.namedParameters());
  ok("weight_ih_l0" in tensors);
  const sequence = randn([6, 2, 3]);
  deepEqual(
    (functionalCall(a, tensors, [sequence])[0] as Tensor).toArray(),
    (b(sequence)[0] as Tensor).toArray(), // no packed sequence went in
  );
});

test("a gradient goes through a step of training", () => {
  const layer = new Linear(2, 1).to("float64");
  const x = randn([4, 2], { dtype: "float64" });
  const afterStep = (given: Tensor): Tensor =>
    enableGrad(() => {
      const weight = given.requiresGrad ? given : given.detach().requiresGrad_(); // differences ask without gradients
      const bias = zeros([1], { dtype: "float64" });
      const inner = functionalCall(layer, { weight, bias }, [x]).square().mean();
      const [g] = grad(inner, [weight], undefined, { createGraph: true }) as [Tensor]; // one for one
      const stepped = { weight: weight.sub(g.mul(0.1)), bias };
      return functionalCall(layer, stepped, [x.mul(2)])
        .square()
        .mean();
    });
  ok(gradcheck(afterStep, [tensor([[0.5, -0.3]], { dtype: "float64", requiresGrad: true })]));
});

test("running statistics are written into the given buffers", () => {
  const norm = new BatchNorm1d(3);
  const [own, given] = [
    norm.runningMean,
    { running_mean: zeros([3]), num_batches_tracked: zeros([], { dtype: "int64" }) },
  ];
  functionalCall(norm, given, [ones([4, 3])]);
  close(given.running_mean.toArray(), [0.1, 0.1, 0.1], tolerances.float32);
  equal(Number(given.num_batches_tracked.item()), 1);
  equal(norm.runningMean, own);
  deepEqual([...norm.runningMean!.toArray()], [0, 0, 0]);
});

class Tied extends Module<[x: Tensor], Tensor> {
  readonly a = new Linear(2, 2, { bias: false });
  readonly b = new Linear(2, 2, { bias: false });
  constructor() {
    super();
    Object.assign(this.b, { weight: this.a.weight });
  }
  forward(x: Tensor): Tensor {
    return this.b(this.a(x));
  }
}

test("one tensor stands for all that are tied", () => {
  const [model, two, x] = [
    new Tied(),
    tensor([
      [2, 0],
      [0, 2],
    ]),
    ones([1, 2]),
  ];
  deepEqual([...functionalCall(model, { "b.weight": two }, [x]).toArray()], [4, 4]);
  const alone = functionalCall(model, { "b.weight": two }, [x], { tieWeights: false });
  deepEqual(alone.toArray(), model.a(x).mul(2).toArray());
  const both = { "a.weight": two, "b.weight": two.mul(1) };
  throws(() => functionalCall(model, both, [x]), ArgumentError, /a\.weight and b\.weight are one tensor/);
  deepEqual([...functionalCall(model, both, [x], { tieWeights: false }).toArray()], [4, 4]);
  equal(model.a.weight, model.b.weight);
});

test("after an error the module is as it was; strict reports everything at once", () => {
  const [model, x] = [make(), randn([5, 3])];
  const weight = model.parameters()[0]!;
  throws(() => functionalCall(model, { "0.weight": ones([4, 7]) }, [x]), ShapeError);
  equal(model.parameters()[0], weight);
  deepEqual(functionalCall(model, { other: x }, [x]).toArray(), model(x).toArray());
  throws(
    () => functionalCall(model, { "0.weight": weight, other: x }, [x], { strict: true }),
    ArgumentError,
    /Sequential: missing: 0\.bias, 2\.weight, 2\.bias; unexpected: other/,
  );
  throws(
    () => functionalCall(model, { "0.weight": 3 as unknown as Tensor }, [x]),
    ArgumentError,
    /no tensors: 0\.weight/,
  );
});
