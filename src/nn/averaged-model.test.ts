// Averaged models: PyTorch's means and states; what the copy keeps and what is refused.

import { test } from "node:test";
import { fromGolden, type GoldenTensor, matchesGolden } from "../../test/golden.ts";
import { deepEqual, equal, fixture, ok, throws } from "../../test/portable/harness.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import * as optim from "../optim.ts";
import { full, ones } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { memoryStats } from "../tensor/memory.ts";
import { scope } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { BatchNorm1d } from "./batch-norm.ts";
import { Sequential } from "./container.ts";
import { Dropout } from "./dropout.ts";
import { Linear } from "./linear.ts";

interface Golden {
  readonly name: string;
  readonly average: "swa" | "ema";
  readonly multi: boolean;
  readonly useBuffers: boolean;
  readonly states: readonly (readonly GoldenTensor[])[];
  readonly averaged: readonly Readonly<Record<string, GoldenTensor>>[];
}

const make = (): Sequential => new Sequential(new Linear(3, 2), new BatchNorm1d(2));
const options: { readonly [average in Golden["average"]]: readonly [optim.AveragingOptions, optim.AveragingOptions] } =
  {
    swa: [{}, { multiAvgFn: optim.getSwaMultiAvgFn() }],
    ema: [{ avgFn: optim.getEmaAvgFn(0.9) }, { multiAvgFn: optim.getEmaMultiAvgFn(0.9) }],
  };
const set = (tensors: readonly Tensor[], to: (i: number) => Tensor): void =>
  noGrad(() => {
    tensors.forEach((t, i) => t.copy_(to(i)));
  });

for (const golden of (await fixture("optim/averaging.json")) as Golden[]) {
  test(golden.name, () => {
    const model = make();
    const { useBuffers } = golden;
    const averaged = new optim.AveragedModel(model, make, {
      ...options[golden.average][Number(golden.multi)],
      useBuffers,
    });
    golden.states.forEach((state, step) => {
      set([...model.parameters(), ...model.buffers()], (i) => fromGolden(state[i]!));
      averaged.updateParameters(model);
      const own = averaged.stateDict();
      deepEqual([...own.keys()], Object.keys(golden.averaged[step]!));
      for (const [key, t] of own) matchesGolden(t, golden.averaged[step]![key]!, `${key} after ${step + 1}`);
    });
    const again = new optim.AveragedModel(model, make, { useBuffers });
    again.loadStateDict(averaged.stateDict());
    equal(Number(again.nAveraged.item()), golden.states.length);
  });
}

test("the copy starts as the model is, and goes its own way", () => {
  const build = (): Sequential => new Sequential(new Linear(2, 2), new Dropout(0.5));
  const model = build();
  model.children()[1]!.eval();
  model.parameters()[1]!.requiresGrad = false;
  const averaged = new optim.AveragedModel(model, build);
  deepEqual(
    averaged.module.modules().map((m) => m.training),
    [true, true, false],
  );
  deepEqual(
    averaged.parameters().map((p) => p.requiresGrad),
    [true, false],
  );
  const x = ones([1, 2]);
  const before = averaged(x).toArray();
  deepEqual(before, model(x).toArray());
  set(model.parameters(), () => full([1], 7));
  deepEqual(averaged(x).toArray(), before);
  averaged.eval();
  equal(model.training, true);
});

test("a model of another kind, two functions, a decay out of range and the model itself are refused", () => {
  const model = make();
  const averaged = new optim.AveragedModel(model, make);
  const other = new Sequential(new Linear(3, 2), new BatchNorm1d(2, { affine: false }));
  throws(() => averaged.updateParameters(other), ShapeError, /the models differ/);
  throws(() => new optim.AveragedModel(model, () => other), ShapeError, /\[2, 3\]/);
  throws(() => new optim.AveragedModel(model, () => model), ArgumentError, /the model itself/);
  const [avgFn, multiAvgFn] = [optim.getSwaAvgFn(), optim.getSwaMultiAvgFn()];
  throws(() => new optim.AveragedModel(model, make, { avgFn, multiAvgFn }), ArgumentError, /one at most/);
  throws(() => optim.getEmaAvgFn(1.1), ArgumentError, /decay 1.1/);
  throws(() => optim.getEmaMultiAvgFn(Number.NaN), ArgumentError, /decay NaN/);
});

test("updates hold no memory", () => {
  const model = make();
  for (const given of [
    {},
    { multiAvgFn: optim.getEmaMultiAvgFn() },
    { avgFn: optim.getEmaAvgFn(), useBuffers: true },
  ]) {
    const averaged = new optim.AveragedModel(model, make, given);
    const update = (): void => {
      const s = scope();
      averaged.updateParameters(model);
      s.end();
    };
    update();
    const { liveBlocks } = memoryStats();
    for (let i = 0; i < 100; i++) update();
    equal(memoryStats().liveBlocks, liveBlocks);
    ok(Number(averaged.nAveraged.item()) === 101);
  }
});
