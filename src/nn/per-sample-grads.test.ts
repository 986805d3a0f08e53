// Gradients of single samples, against torch.func's vmap over grad.

import { test } from "node:test";
import { drawn } from "../../test/drawn.ts";
import { closeToGolden, fromGolden, type GoldenTensor } from "../../test/golden.ts";
import { deepEqual, equal, fixture, throws } from "../../test/portable/harness.ts";
import { ArgumentError, AutogradError, ShapeError } from "../base/errors.ts";
import * as nn from "../nn.ts";
import { ones } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { memoryStats } from "../tensor/memory.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { grad, vmap } from "../tensor/transforms.ts";
import { functionalCall } from "./functional-call.ts";
import { perSampleGrads } from "./per-sample-grads.ts";

interface Golden {
  readonly name: string;
  readonly input: GoldenTensor;
  readonly grads: Readonly<Record<string, GoldenTensor>>;
}

/** Gives the first of what the inner module gives, as in scripts/goldens/autograd_api.py. */
class FirstOf extends nn.Module<[x: Tensor], Tensor> {
  readonly inner: nn.AnyModule;
  readonly #times: number;
  constructor(inner: nn.AnyModule, times = 1) {
    super();
    this.inner = inner;
    this.#times = times;
  }
  forward(x: Tensor): Tensor {
    return this.inner(...new Array<Tensor>(this.#times).fill(x))[0];
  }
}

const batchFirst = true;
const makers: Readonly<Record<string, () => nn.Module<[x: Tensor], Tensor>>> = {
  Linear: () => new nn.Linear(6, 5),
  Embedding: () => new nn.Embedding(5, 3),
  LayerNorm: () => new nn.LayerNorm(6),
  RMSNorm: () => new nn.RMSNorm(6),
  GroupNorm: () => new nn.GroupNorm(2, 4),
  Conv1d: () => new nn.Conv1d(4, 3, 2, { padding: 1 }),
  RNN: () => new FirstOf(new nn.RNN(6, 3, { batchFirst })),
  LSTM: () => new FirstOf(new nn.LSTM(6, 3, { numLayers: 2, bidirectional: true, batchFirst })),
  GRU: () => new FirstOf(new nn.GRU(6, 3, { batchFirst })),
  MultiheadAttention: () => new FirstOf(new nn.MultiheadAttention(6, 2, { batchFirst }), 3),
};

const goldens = (await fixture("autograd_api/per_sample.json")) as readonly Golden[];
deepEqual(
  goldens.map(({ name }) => name),
  Object.keys(makers),
);

for (const { name, input, grads } of goldens) {
  test(`per-sample gradients of ${name}`, () => {
    const model = makers[name]!();
    noGrad(() => model.parameters().forEach((p, i) => p.copy_(drawn(100 + i, p.shape).mul(0.5))));
    const given = name === "Embedding" ? fromGolden(input).int() : fromGolden(input);
    const loss = (y: Tensor): Tensor => y.mul(drawn(9, y.shape)).square().mean();
    const got = perSampleGrads(model, (x) => loss(model(x)), [given]);
    deepEqual([...got.keys()], Object.keys(grads));
    for (const [key, g] of got) closeToGolden(g, grads[key]!, key);

    const parameters = Object.fromEntries(model.namedParameters());
    const ofOne = (p: typeof parameters, x: Tensor): Tensor => loss(functionalCall(model, p, [x.unsqueeze(0)]));
    const mapped = noGrad(() => vmap(grad(ofOne), { inDims: [null, 0] })(parameters, given));
    for (const [key, g] of got) deepEqual(mapped[key]!.toArray(), g.toArray(), `${key} by vmap over grad`);
  });
}

test("frozen parameters have none, unused ones zeros; nothing else is left", () => {
  const model = new nn.Sequential(new nn.Linear(2, 2), new nn.Linear(2, 1));
  model.at(0).requiresGrad_(false);
  const x = ones([3, 2]);
  const got = perSampleGrads(model, (row) => model.at(0)(row).sum().add(model.getParameter("1.bias").sum()), [x]);
  deepEqual([...got.keys()], ["1.weight", "1.bias"]);
  deepEqual(got.get("1.weight")!.tolist(), [[[0, 0]], [[0, 0]], [[0, 0]]]);
  deepEqual(got.get("1.bias")!.tolist(), [[1], [1], [1]]);
  equal(model.getParameter("1.bias").grad, undefined);
  for (const g of got.values()) g.dispose();
  const round = (): void => perSampleGrads(model, (row) => model(row).sum(), [x]).forEach((g) => void g.dispose());
  round();
  const { liveBlocks } = memoryStats();
  round();
  equal(memoryStats().liveBlocks, liveBlocks);
});

test("what does not fit is refused", () => {
  const model = new nn.Linear(2, 1);
  throws(
    () => perSampleGrads(model, (x, y) => model(x).mul(y).sum(), [ones([3, 2]), ones([2])]),
    ArgumentError,
    /\[3, 2\], \[2\]/,
  );
  throws(() => perSampleGrads(model, (x) => model(x).expand(1, 4), [ones([3, 2])]), ShapeError, /is \[1, 4\]/);
  throws(
    () => perSampleGrads(model.requiresGrad_(false), (x) => model(x), [ones([3, 2])]),
    AutogradError,
    /no parameter/,
  );
});
