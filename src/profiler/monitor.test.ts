// The monitor: its numbers by their definitions, what it finds, and that it leaves the training as it is.

import { test } from "node:test";
import { close, deepEqual, equal, ok } from "../../test/portable/harness.ts";
import { tolerances } from "../../test/tolerances.ts";
import { manualSeed } from "../base/random.ts";
import { ReLU, Sigmoid } from "../nn/activation.ts";
import { BatchNorm2d } from "../nn/batch-norm.ts";
import { Sequential } from "../nn/container.ts";
import { Conv1d, Conv2d } from "../nn/convolution.ts";
import { Dropout } from "../nn/dropout.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { MaxPool2d } from "../nn/pooling.ts";
import { GRU } from "../nn/rnn.ts";
import { SGD } from "../optim/sgd.ts";
import { fromArray, ones, tensor } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { memoryStats } from "../tensor/memory.ts";
import { randn } from "../tensor/random.ts";
import { scope } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { monitor } from "./monitor.ts";

/** What a row has; NaN, which nothing is close to, if it has none. */
const has = (...values: readonly (number | undefined)[]): number[] => values.map((x) => x ?? Number.NaN);
const rms = (...x: number[]): number => Math.hypot(...x) / Math.sqrt(x.length);

test("one step of one layer, by hand", () => {
  const layer = new Linear(2, 2, { bias: false });
  noGrad(() =>
    layer.weight.copy_(
      tensor([
        [3, 0],
        [0, -4],
      ]),
    ),
  );
  const model = new Sequential(layer, new ReLU());
  const watch = monitor(model);
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  model(
    tensor([
      [1, 1],
      [2, 1],
    ]),
  )
    .sum()
    .backward(); // [[3, -4], [6, -4]], and [[3, 0], [6, 0]]
  watch.step(optimizer);
  const [linear, relu] = watch.rows;
  deepEqual([linear!.layer, linear!.kind, relu!.layer, relu!.kind], ["0", "Linear", "1", "ReLU"]);
  const gradient = Math.hypot(3, 2); // of the living row: the sums of the inputs
  close(
    has(linear!.activation, linear!.outputGradient, linear!.weight, linear!.gradient, linear!.update),
    [rms(3, -4, 6, -4), rms(1, 0, 1, 0), 5, gradient, (0.1 * gradient) / 5],
    tolerances.float32,
  );
  close(has(relu!.activation, relu!.outputGradient), [rms(3, 0, 6, 0), 1], tolerances.float32);
  deepEqual([linear!.dead, linear!.units, relu!.dead, relu!.units], [0, 2, 1, 2]);
  deepEqual([relu!.weight, relu!.gradient, relu!.update], [undefined, undefined, undefined]);
  equal(watch.firstNonFinite, undefined);
  const [head, first, second] = String(watch).split("\n");
  ok(/^layer +activation +its gradient +weight +its gradient +update +dead$/.test(head!), head);
  ok(/^0 \(Linear\) +4\.4e\+0 +7\.1e-1 +5\.0e\+0 +3\.6e\+0 +7\.2e-2 +0\/2$/.test(first!), first);
  ok(/^1 \(ReLU\) +3\.4e\+0 +1\.0e\+0 +1\/2$/.test(second!), second);
});

/** Weights after some steps. */
function train(watched: boolean): (number | bigint)[] {
  manualSeed(3);
  const model = new Sequential(new Linear(4, 8), new Sigmoid(), new Linear(8, 1));
  const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  const watch = watched ? monitor(model) : undefined;
  for (let i = 0; i < 5; i++) {
    model(randn([6, 4]))
      .square()
      .mean()
      .backward();
    if (watch === undefined) optimizer.step();
    else watch.step(optimizer);
    optimizer.zeroGrad();
  }
  if (watch !== undefined) equal(watch.steps.length, 5);
  return model.parameters().flatMap((p) => [...p.toArray()]);
}

test("training is the same, watched or not", () => {
  deepEqual(train(true), train(false));
});

test("vanishing gradients show: ten sigmoids let little through", () => {
  manualSeed(0);
  const layers = Array.from({ length: 10 }, () => [new Linear(16, 16), new Sigmoid()]).flat();
  const model = new Sequential(...layers);
  const watch = monitor(model);
  model(randn([8, 16]))
    .sum()
    .backward();
  watch.step(new SGD(model.parameters(), { lr: 0.1 }));
  const linears = watch.rows.filter((row) => row.kind === "Linear");
  ok(linears[0]!.gradient! < 1e-3 * linears.at(-1)!.gradient!);
});

test("calls in a step are taken together, evaluation is not, and nothing after remove()", () => {
  const layer = new Linear(1, 1, { bias: false });
  noGrad(() => layer.weight.fill_(1));
  const watch = monitor(layer);
  const optimizer = new SGD(layer.parameters(), { lr: 0 });
  layer(tensor([[3]]))
    .add(layer(tensor([[4]])))
    .sum()
    .backward();
  noGrad(() => layer(tensor([[100]])));
  watch.step(optimizer);
  close(has(watch.rows[0]!.activation), [rms(3, 4)], tolerances.float32);
  watch.step(optimizer);
  equal(watch.rows[0]!.activation, undefined);
  watch.remove();
  layer(tensor([[5]]))
    .sum()
    .backward();
  watch.step(optimizer);
  equal(watch.rows[0]!.activation, undefined);
});

test("of a sequence and its state the sequence counts", () => {
  const gru = new GRU(3, 5);
  const watch = monitor(gru);
  const [y] = gru(randn([7, 2, 3])) as [Tensor, Tensor]; // no packed sequence went in
  y.sum().backward();
  watch.step(new SGD(gru.parameters(), { lr: 0.1 }));
  close(has(watch.rows[0]!.activation), [rms(...Array.from(y.toArray(), Number))], tolerances.float32);
  equal(watch.rows[0]!.units, 5);
});

/** What goes through a convolution, a norm and a ReLU twice, with a sum between that no layer makes. */
class Images extends Module<[x: Tensor], Tensor> {
  readonly conv = new Conv2d(1, 3, 2);
  readonly norm = new BatchNorm2d(3);
  readonly relu = new ReLU();
  readonly pool = new MaxPool2d(2);
  readonly late = new ReLU();
  forward(x: Tensor): Tensor {
    const y = this.pool(this.relu(this.norm(this.conv(x)))); // [N, 3, 2, 2]
    return this.late(y.add(y));
  }
}

test("units of convolutions, and of what follows them, are channels", () => {
  manualSeed(1);
  const model = new Images();
  noGrad(() => {
    model.norm.weight!.fill_(0);
    model.norm.bias!.copy_(tensor([1, -1, 0])); // the second channel's ReLU is dead, the third is 0 before it
  });
  const watch = monitor(model);
  model(randn([2, 1, 5, 5]))
    .sum()
    .backward();
  watch.step(new SGD(model.parameters(), { lr: 0 }));
  const counts = watch.rows.map(({ layer, dead, units }) => [layer, dead, units]);
  deepEqual(counts, [
    ["conv", 0, 3],
    ["norm", 1, 3],
    ["relu", 2, 3],
    ["pool", 2, 3],
    ["late", 2, 3],
  ]);

  const lines = new Sequential(new Conv1d(2, 4, 3), new ReLU(), new Dropout(0));
  noGrad(() => {
    lines.parameters()[0]!.fill_(0);
    lines.parameters()[1]!.copy_(tensor([1, -1, 2, -2]));
  });
  const other = monitor(lines);
  lines(randn([2, 2, 9]))
    .sum()
    .backward(); // [2, 4, 7]
  other.step(new SGD(lines.parameters(), { lr: 0 }));
  deepEqual(
    other.rows.map(({ dead, units }) => [dead, units]),
    [
      [0, 4],
      [2, 4],
      [2, 4],
    ],
  );
});

class Root extends Module<[x: Tensor], Tensor> {
  forward(x: Tensor): Tensor {
    return x.sqrt();
  }
}

test("the first NaN or infinity is found where it arises", () => {
  const found = (model: Sequential, x: Tensor, lr = 0.1): string => {
    const watch = monitor(model);
    model(x).sum().backward();
    watch.step(new SGD(model.parameters(), { lr }));
    const text = String(watch).split("\n").at(-1)!;
    const { step, layer, phase } = watch.firstNonFinite!;
    return `${step} ${layer} ${phase} | ${text}`;
  };
  const filled = (value: number): Linear => {
    const layer = new Linear(1, 1, { bias: false });
    noGrad(() => layer.weight.fill_(value));
    return layer;
  };
  const x = ones([1, 1]);
  equal(
    found(new Sequential(filled(-1), new Root(), filled(1)), x),
    "0 1 forward | first NaN or infinity: step 0, in what came out of 1",
  );
  equal(
    found(new Sequential(filled(0), new Root(), filled(1)), x),
    "0 0 backward | first NaN or infinity: step 0, in the gradient that reached the output of 0",
  );
  ok(found(new Sequential(filled(1e-30), filled(1e30)), fromArray([1e30], [1, 1])).startsWith("0 0 gradient"));
  ok(found(new Sequential(filled(1)), x, 1e39).startsWith("0 0 update"));
});

test("watching holds no memory", () => {
  const model = new Sequential(new Linear(4, 4), new ReLU());
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  const watch = monitor(model);
  const step = (): void => {
    const s = scope();
    model(ones([2, 4]))
      .sum()
      .backward();
    watch.step(optimizer);
    optimizer.zeroGrad();
    s.end();
  };
  step();
  const { liveBlocks } = memoryStats();
  for (let i = 0; i < 20; i++) step();
  equal(memoryStats().liveBlocks, liveBlocks);
});
