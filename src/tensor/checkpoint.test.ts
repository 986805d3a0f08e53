// Checkpoints: the gradients, the draws and the errors are those of the plain run; only the memory is not.

import { test } from "node:test";
import { close, deepEqual, equal, ok, throws } from "../../test/portable/harness.ts";
import { tolerances } from "../../test/tolerances.ts";
import { ArgumentError, AutogradError, LifetimeError, ShapeError, UnsupportedError } from "../base/errors.ts";
import { defaultGenerator, manualSeed } from "../base/random.ts";
import { backward, grad } from "./autograd.ts";
import { checkpoint, checkpointSequential } from "./checkpoint.ts";
import { ones, tensor } from "./create.ts";
import { defineFunction } from "./function.ts";
import { dropout } from "./functional/activation.ts";
import { noGrad } from "./grad-mode.ts";
import { gradcheck, gradgradcheck } from "./gradcheck.ts";
import { memoryStats } from "./memory.ts";
import { randn } from "./random.ts";
import { scope, tidy } from "./scope.ts";
import { Tensor } from "./tensor.ts";

const leaf = (...shape: number[]): Tensor => randn(shape).requiresGrad_();
type Fn = (x: Tensor, w: Tensor) => Tensor;
const runs: readonly [name: string, around: (fn: Fn) => Fn][] = [
  ["plain", (fn) => fn],
  ["checkpoint", (fn) => (x, w) => checkpoint(fn, x, w)],
  ["nested", (fn) => (x, w) => checkpoint((a: Tensor, b: Tensor) => checkpoint(fn, a, b), x, w)],
  [
    "in halves",
    (fn) => (x, w) => checkpoint((a: Tensor, b: Tensor) => checkpoint(fn, a.mul(ones([1])), b).mul(ones([1])), x, w),
  ],
];

/** The result, both gradients, and the state of the stream after the forward pass and after all. */
function outcome(fn: Fn): { numbers: Float32Array[]; words: unknown[] } {
  manualSeed(5);
  const [x, w] = [leaf(4, 3), leaf(3, 5)];
  const y = fn(x, w);
  const after = defaultGenerator.state;
  y.square().sum().backward();
  return {
    numbers: [y, x.grad!, w.grad!].map((t) => t.toArray() as Float32Array), // float32, as drawn
    words: [after, defaultGenerator.state],
  };
}

const functions: Readonly<Record<string, Fn>> = {
  "a layer": (x, w) => x.matmul(w).sigmoid().mul(0.5),
  dropout: (x, w) => dropout(dropout(x, 0.5).matmul(w), 0.3),
  views: (x, w) => x.matmul(w).view(2, 2, 5).transpose(0, 2).softmax(-1).reshape(20).mul(0.5),
  "in place": (x, w) => x.matmul(w).mul_(0.5).sigmoid_(),
};
for (const [what, fn] of Object.entries(functions)) {
  test(`${what}: gradients and draws are those of the plain run`, () => {
    const plain = outcome(fn);
    for (const [name, around] of runs.slice(1)) {
      const got = outcome(around(fn));
      deepEqual(got.numbers, plain.numbers, name);
      deepEqual(got.words, plain.words, name);
    }
  });
}

test("gradients of gradients, by differences", () => {
  const x = tensor([0.3, -0.7], { dtype: "float64", requiresGrad: true });
  const w = tensor([1.5, 0.2], { dtype: "float64", requiresGrad: true });
  const f = (a: Tensor, b: Tensor): Tensor => checkpoint((c: Tensor, d: Tensor) => c.sin().mul(d.exp()).tanh(), a, b);
  ok(gradcheck(f, [x, w]));
  ok(gradgradcheck(f, [x, w]));
});

test("grad(), parameters that are not inputs, several results, arrays and values", () => {
  const w = leaf(3);
  const x = ones([3]);
  const fn = (pair: readonly [Tensor, Tensor], by: number): [Tensor, Tensor] => [
    pair[0].mul(w).exp().mul(by),
    pair[1].mul(w).tanh(),
  ];
  const [a, b] = checkpoint(fn, [x, x] as const, 2);
  const [c, d] = fn([x, x], 2);
  deepEqual(grad(a.add(b).sum(), [w])[0]!.toArray(), grad(c.add(d).sum(), [w])[0]!.toArray());
  ok(w.grad === undefined);
});

test("a graph may be walked twice, if it is retained", () => {
  let calls = 0;
  const x = leaf(3);
  const y = checkpoint((t: Tensor) => {
    calls++;
    return t.exp().square();
  }, x).sum();
  backward(y, undefined, { retainGraph: true });
  const once = x.grad!.toArray();
  y.backward();
  close(
    x.grad!.toArray(),
    once.map((g) => 2 * g),
    tolerances.float32,
  );
  equal(calls, 3);
  throws(() => y.backward(), AutogradError, /saved tensors are gone/);
});

test("without gradients it is only a call", () => {
  const x = ones([2]);
  let calls = 0;
  const double = (t: Tensor): Tensor => {
    calls++;
    return t.mul(2);
  };
  const y = noGrad(() => checkpoint(double, x));
  deepEqual([...y.toArray()], [2, 2]);
  ok(!checkpoint(double, x).requiresGrad);
  equal(calls, 2);
});

test("a function of one's own saves through it too", () => {
  const cube = defineFunction({
    name: "cube",
    forward: (ctx, t: Tensor) => {
      ctx.save(t);
      return t.mul(t).mul(t);
    },
    backward: (ctx, g) => [g.mul(ctx.saved[0]!.square()).mul(3)],
  });
  const x = tensor([2, 3]).requiresGrad_();
  checkpoint((t: Tensor) => cube(t.mul(2)), x)
    .sum()
    .backward();
  deepEqual([...x.grad!.toArray()], [96, 216]);
});

test("what the function computes is not held, and nothing stays", () => {
  const [x, n] = [leaf(64, 256), 12];
  const block = (t: Tensor): Tensor => t.sin().exp().tanh().sigmoid();
  const run = (around: (t: Tensor) => Tensor): { held: number; left: number } => {
    const before = memoryStats();
    const s = scope();
    let y: Tensor = x;
    for (let i = 0; i < n; i++) y = around(y);
    const held = memoryStats().liveBytes - before.liveBytes;
    y.sum().backward();
    s.end();
    x.grad!.dispose();
    x.grad = undefined;
    return { held, left: memoryStats().liveBlocks - before.liveBlocks };
  };
  const [plain, saving] = [run(block), run((t) => checkpoint(block, t))];
  ok(saving.held <= (n + 1) * x.nbytes, `${saving.held} bytes`);
  ok(plain.held >= 3 * n * x.nbytes, `${plain.held} bytes`);
  equal(saving.left, 0);
  equal(run((t) => checkpoint((u: Tensor) => checkpoint(block, u), t)).left, 0);
});

test("the peak of a step is lower", () => {
  // The peak only ever grows, so the run that saves comes first.
  const x = randn([256, 1024]).requiresGrad_();
  const block = (t: Tensor): Tensor => t.sin().exp().tanh().sigmoid();
  const peak = (around: (t: Tensor) => Tensor): number => {
    const s = scope();
    let y: Tensor = x;
    for (let i = 0; i < 12; i++) y = around(y);
    y.sum().backward();
    s.end();
    x.grad = undefined;
    return memoryStats().peakBytes;
  };
  const saving = peak((t) => checkpoint(block, t));
  ok(saving < 0.6 * peak(block), `${saving} of ${memoryStats().peakBytes} bytes`);
});

test("a result kept from a scope can be walked", () => {
  const w = leaf(3);
  const y = tidy(() => checkpoint((t: Tensor) => t.mul(w).exp(), ones([3]).mul(2)));
  y.sum().backward();
  close(w.grad!.toArray(), noGrad(() => w.mul(2).exp().mul(2)).toArray(), tolerances.float32);
});

test("what cannot work is refused", () => {
  const x = leaf(3);
  const input = ones([3]);
  const changed = checkpoint((t: Tensor, u: Tensor) => t.mul(u).exp(), x, input).sum();
  input.fill_(2);
  throws(() => changed.backward(), LifetimeError, /checkpoint: .*changed in place/);

  const inside = checkpoint((t: Tensor) => t.exp().mul_(2), x).sum();
  throws(() => inside.backward(), LifetimeError, /ExpBackward0: .*changed in place/);

  let size = 3;
  const other = checkpoint((t: Tensor) => t.expand(size, 3).exp(), x).sum();
  size = 2;
  throws(() => other.backward(), AutogradError, /saved tensor 0 was float32 \[3, 3\] the first time, float32 \[2, 3\]/);

  let more = false;
  const longer = checkpoint((t: Tensor) => (more ? t.exp().exp() : t.exp()), x).sum();
  more = true;
  throws(() => longer.backward(), AutogradError, /1 tensors were saved the first time, 2 the second/);

  throws(() => checkpoint((t: Tensor) => grad(t.exp().sum(), [t])[0]!, x), UnsupportedError, /grad\(\) inside/);
  throws(() => checkpoint((t: Tensor) => t.matmul(ones([2, 2])), x), ShapeError);
  x.exp().sum().backward(); // what was thrown inside has left no trace
  ok(x.grad instanceof Tensor);
});

test("checkpointSequential: the same numbers and draws, with the inputs of the parts held", () => {
  const run = (segments: number): { readonly numbers: Float32Array[]; readonly held: number } => {
    manualSeed(7);
    const weights = Array.from({ length: 5 }, () => leaf(8, 8));
    const layers = weights.map((w) => (x: Tensor) => dropout(x.matmul(w).tanh(), 0.3));
    const x = leaf(16, 8);
    const { liveBytes } = memoryStats();
    const y = segments === 0 ? layers.reduce((a, f) => f(a), x) : checkpointSequential(layers, segments, x);
    const held = memoryStats().liveBytes - liveBytes;
    y.sum().backward();
    return { numbers: [y, x.grad!, ...weights.map((w) => w.grad!)].map((t) => t.toArray() as Float32Array), held };
  };
  const plain = tidy(() => run(0));
  for (const segments of [1, 2, 3, 5]) {
    const { numbers, held } = tidy(() => run(segments));
    deepEqual(numbers, plain.numbers, `${segments} segments`);
    ok(segments === 1 || held < plain.held, `${held} of ${plain.held} bytes`);
  }
  throws(() => checkpointSequential([(x) => x], 2, ones([1])), ArgumentError, /2 segments of 1 functions/);
});
