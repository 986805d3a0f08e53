// What goes through one launch equals what goes through the plain loop: parameters in row-major order against the same numbers
// with strides, which no list takes.

import { test } from "node:test";
import { close, deepEqual, equal, throws } from "../../test/portable/harness.ts";
import { tolerances } from "../../test/tolerances.ts";
import { manualSeed } from "../base/random.ts";
import { Adam, AdamW, clipGradNorm_, SGD } from "../optim.ts";
import { ones, zeros } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { randn } from "../tensor/random.ts";
import { persist, tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { splitForList } from "./lists.ts";

const shapes = [[3, 5], [1], [0], [129, 131], [17, 1000], []];

/** The same values with a gap after each. */
function strided(t: Tensor): Tensor {
  const gapped = zeros([...t.shape, 2]);
  const view = noGrad(() => gapped.select(-1, 1).copy_(t)).detach();
  return view;
}

const optimizers: Readonly<Record<string, (params: readonly Tensor[]) => { step(): void; zeroGrad(): void }>> = {
  adam: (p) => new Adam(p, { weightDecay: 0.1, amsgrad: true }),
  "adam up": (p) => new Adam(p, { maximize: true, betas: [0.3, 0.9] }),
  adamw: (p) => new AdamW(p, { weightDecay: 0.1, lr: 0.01 }),
  sgd: (p) => new SGD(p, { lr: 0.1, weightDecay: 0.1 }),
  "sgd with momentum": (p) => new SGD(p, { lr: 0.1, momentum: 0.9, dampening: 0.2, maximize: true }),
  "sgd of Nesterov": (p) => new SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true }),
};

for (const [name, make] of Object.entries(optimizers)) {
  test(`${name}: together and alone are the same`, () => {
    manualSeed(3);
    const dense = shapes.map((shape) => randn(shape));
    const gapped = dense.map((t) => strided(t).requiresGrad_());
    for (const t of dense) t.requiresGrad_();
    const both = [make(dense), make(gapped)];
    for (let at = 0; at < 4; at++) {
      dense.forEach((p, i) => {
        if (i === at) return; // a step without a gradient
        p.grad = randn(p.shape);
        gapped[i]!.grad = p.grad.clone();
      });
      const norms = [clipGradNorm_(dense, 2), clipGradNorm_(gapped.toReversed(), 2)];
      close([norms[0]!], [norms[1]!], tolerances.float32);
      for (const optimizer of both) optimizer.step();
      for (const optimizer of both) optimizer.zeroGrad();
    }
    dense.forEach((p, i) => {
      close(p.toArray(), gapped[i]!.toArray(), tolerances.float32, `parameter of shape [${p.shape.join(", ")}]`);
    });
  });
}

test("a list takes what is float32, in row-major order, and alone in its memory", () => {
  const flat = zeros([6]);
  const [a, b] = [flat.slice(0, 0, 3), flat.slice(0, 3)];
  const [transposed, double, scalar] = [zeros([2, 3]).t(), zeros([2], { dtype: "float64" }), zeros([])];
  const { together, alone } = splitForList([transposed, a, b, double, scalar], (t) => [t]);
  deepEqual([together.indexOf(a), together.indexOf(scalar), together.length], [0, 1, 2]);
  deepEqual(
    [transposed, b, double].map((t) => alone.indexOf(t)),
    [0, 1, 2],
  );
  equal(splitForList([double], (t) => [t]).device, undefined);
});

test("gradients and parameters of other dtypes and layouts are clipped with the rest", () => {
  const params = [zeros([2]), zeros([2], { dtype: "float64" }), zeros([2, 1])].map((p) => p.requiresGrad_());
  params[0]!.grad = ones([2]).mul(3);
  params[1]!.grad = ones([2], { dtype: "float64" }).mul(4);
  params[2]!.grad = ones([1, 4]).slice(1, 0, 4, 2).t().mul(0);
  close([clipGradNorm_(params, 1)], [Math.sqrt(50)], tolerances.float32);
  close(
    params.flatMap((p) => [...p.grad!.toArray()].map(Number)),
    [3, 3, 4, 4, 0, 0].map((g) => g / Math.sqrt(50)),
    tolerances.float32,
  );
});

test("a step is noticed by a graph that was recorded before it", () => {
  const p = persist(ones([2])).requiresGrad_();
  const loss = p.square().sum();
  p.grad = ones([2]);
  new SGD([p], { lr: 0.1 }).step();
  throws(() => loss.backward(), Error, /changed in place/);
  tidy(() => {
    const next = p.square().sum();
    clipGradNorm_([p], 0.1);
    next.backward();
  });
});
