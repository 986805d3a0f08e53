// detectAnomaly: the line that is named is the caller's, so these tests stand outside of the package.

import { test } from "node:test";
import { NonFiniteError } from "../src/base/errors.ts";
import { detectAnomaly } from "../src/tensor/anomaly.ts";
import { backward } from "../src/tensor/autograd.ts";
import { tensor } from "../src/tensor/create.ts";
import { defineFunction } from "../src/tensor/function.ts";
import { memoryStats } from "../src/tensor/memory.ts";
import { scope } from "../src/tensor/scope.ts";
import { Tensor } from "../src/tensor/tensor.ts";
import { deepEqual, equal, ok, throws } from "./portable/harness.ts";

const broken = defineFunction({
  name: "broken",
  forward: (_, x: Tensor) => x.mul(2),
  backward: (_, g) => [g.mul(Number.NaN)],
});
/** Fails in the gradient of the square root, which is 0 · ∞. */
function unfortunate(x: Tensor): Tensor {
  return x.sub(x).sqrt().mul(0);
}

function caught(body: () => void): NonFiniteError {
  try {
    body();
  } catch (error) {
    if (error instanceof NonFiniteError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

test("the first NaN is named with the line of its forward call, the caller's first", () => {
  const x = tensor([1, 2]).requiresGrad_();
  const error = caught(() => detectAnomaly(() => unfortunate(x.exp()).sum().backward()));
  ok(/^SqrtBackward0: the gradient of its input 0 is the first with a NaN/.test(error.message), error.message);
  ok(/ran here:\n +at unfortunate \(.*anomaly\.test\.ts:\d+:\d+\)\n/.test(error.message), error.message);
  equal(error.facts["node"], "SqrtBackward0");
});

test("a function of one's own, and which input it was", () => {
  const [x, y] = [tensor([1]).requiresGrad_(), tensor([0]).requiresGrad_()];
  equal(caught(() => detectAnomaly(() => broken(x).sum().backward())).facts["node"], "BrokenBackward0");
  const power = caught(() => detectAnomaly(() => tensor([-1]).requiresGrad_().pow(y.add(0.5)).sum().backward()));
  equal(power.facts["node"], "PowBackward0");
});

test("what was computed before is found too, without its line", () => {
  const y = unfortunate(tensor([1]).requiresGrad_()).sum();
  const error = caught(() => detectAnomaly(() => y.backward()));
  ok(/SqrtBackward0.*It ran outside of detectAnomaly\(\)/.test(error.message), error.message);
});

test("infinities and gradients without a NaN pass; the mode ends with the body, thrown out of or not", () => {
  const x = tensor([0, 1]).requiresGrad_();
  equal(
    detectAnomaly(() => {
      x.sqrt().sum().backward();
      return 3;
    }),
    3,
  );
  deepEqual([...x.grad!.toArray()], [Number.POSITIVE_INFINITY, 0.5]);
  throws(
    () =>
      detectAnomaly(() => {
        throw new RangeError("mine");
      }),
    RangeError,
  );
  unfortunate(x).sum().backward();
  ok(x.grad instanceof Tensor && Number.isNaN(x.grad.at(0).item()));
  equal(x.exp().gradFn!.lines, undefined);
});

test("looking holds no memory", () => {
  const x = tensor([1, 2]).requiresGrad_();
  const step = (): void => {
    const s = scope();
    detectAnomaly(() => backward(x.exp().square().sum()));
    s.end();
  };
  step();
  const { liveBlocks } = memoryStats();
  step();
  equal(memoryStats().liveBlocks, liveBlocks);
});
