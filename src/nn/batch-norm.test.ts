// BatchNorm1d and BatchNorm2d: PyTorch's values, gradients and running statistics over several batches.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fromGolden, type GoldenTensor, matchesGolden } from "../../test/golden.ts";
import { fixture } from "../../test/portable/harness.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { camelCase } from "../base/spelling.ts";
import { BatchNorm1d, BatchNorm2d, functional } from "../nn.ts";
import { grad } from "../tensor/autograd.ts";
import { zeros } from "../tensor/create.ts";
import { memoryStats } from "../tensor/memory.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";

interface Step {
  readonly x: GoldenTensor;
  readonly y: GoldenTensor;
  readonly g: GoldenTensor;
  /** Of x, then of the parameters. */
  readonly grads: readonly GoldenTensor[];
}
interface Golden {
  readonly kind: "BatchNorm1d" | "BatchNorm2d";
  readonly channels: number;
  readonly args: Readonly<Record<string, number | boolean | null>>;
  readonly repr: string;
  readonly start: Readonly<Record<string, GoldenTensor>>;
  readonly steps: readonly Step[];
  readonly after: Readonly<Record<string, GoldenTensor>>;
  readonly evaluation: Step;
}

const goldens = (await fixture("batch_norm/layers.json")) as Golden[];
for (const { kind, channels, args, repr, start, steps, after, evaluation } of goldens) {
  test(`${repr} as PyTorch's`, () => {
    const options = Object.fromEntries(Object.entries(args).map(([name, value]) => [camelCase(name), value]));
    const layer = new { BatchNorm1d, BatchNorm2d }[kind](channels, options);
    assert.equal(String(layer), repr);
    assert.deepEqual([...layer.stateDict().keys()], Object.keys(start));
    layer.loadStateDict(Object.fromEntries(Object.entries(start).map(([name, t]) => [name, fromGolden(t)])));
    const check = (step: Step, what: string): void => {
      const x = fromGolden(step.x).requiresGrad_();
      const y = layer(x);
      matchesGolden(y, step.y, `${what}, value`);
      grad(y, [x, ...layer.parameters()], fromGolden(step.g)).forEach((g, i) => {
        matchesGolden(g, step.grads[i]!, `${what}, gradient ${i}`);
      });
    };
    steps.forEach((step, i) => {
      check(step, `batch ${i}`);
    });
    const state = layer.stateDict();
    for (const [name, want] of Object.entries(after)) matchesGolden(state.get(name)!, want, name);
    layer.eval();
    check(evaluation, "in evaluation");
  });
}

test("training leaves no memory behind", () => {
  const layer = new BatchNorm1d(3);
  const x = zeros([4, 3]);
  const step = (): void => tidy(() => void layer(x));
  step();
  const before = memoryStats().liveBlocks;
  step();
  assert.equal(memoryStats().liveBlocks, before);
});

test("what does not fit is said", () => {
  const throws = (run: () => Tensor, message: RegExp): void =>
    assert.throws(run, (e: Error) => e instanceof ShapeError && message.test(e.message));
  throws(() => new BatchNorm1d(3)(zeros([2, 3, 4, 5])), /BatchNorm1d: .* wants \[N, C\] or \[N, C, L\]/);
  throws(() => new BatchNorm2d(3)(zeros([2, 3])), /BatchNorm2d: .* wants \[N, C, H, W\]/);
  throws(() => new BatchNorm1d(3)(zeros([1, 3])), /1 value for each channel/);
  throws(() => new BatchNorm1d(3)(zeros([2, 4])), /batchNorm: .* does not fit/);
  assert.throws(() => functional.batchNorm(zeros([2, 3]), undefined, undefined), ArgumentError);
});
