// Graphs, gradients and hooks. The gradients of single operators are in contract.portable.ts and autograd-ops.portable.ts.

import { AutogradError, LifetimeError, ShapeError } from "../../src/base/errors.ts";
import { backward, grad } from "../../src/tensor/autograd.ts";
import { full, ones, tensor, zeros } from "../../src/tensor/create.ts";
import { defineFunction } from "../../src/tensor/function.ts";
import { enableGrad, isGradEnabled, noGrad } from "../../src/tensor/grad-mode.ts";
import { gradcheck, gradgradcheck } from "../../src/tensor/gradcheck.ts";
import { AccumulateGrad } from "../../src/tensor/graph.ts";
import { cat } from "../../src/tensor/indexing.ts";
import { tidy } from "../../src/tensor/scope.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { close, deepEqual, equal, ok, type Suite, suite, throws } from "./harness.ts";

const leaf = (...values: number[]): Tensor => tensor(values, { requiresGrad: true });
const list = (t: Tensor | undefined): number[] => Array.from(t!.toArray());

export const graphs: Suite = suite("autograd: graphs", (test) => {
  test("a leaf's gradients add up over calls, and over uses in one call", () => {
    const x = leaf(1, 2);
    x.mul(x).add(x).sum().backward();
    deepEqual(list(x.grad), [3, 5]);
    x.sum().backward();
    deepEqual(list(x.grad), [4, 6]);
    const { grad: held } = x;
    x.grad = undefined;
    x.sum().backward();
    deepEqual(list(x.grad), [1, 1]);
    deepEqual(list(held), [4, 6]);
  });

  test("a diamond is walked once, its branches joined", () => {
    const x = leaf(2);
    let calls = 0;
    const shared = x.mul(3);
    shared.registerHook(() => {
      calls++;
    });
    shared.square().add(shared).mul(shared.exp()).sum().backward();
    equal(calls, 1);
    const [u, e] = [6, Math.exp(6)];
    close(list(x.grad), [3 * ((2 * u + 1) * e + (u * u + u) * e)], { rtol: 1e-6, atol: 0 });
  });

  test("a long chain needs no deep stack", () => {
    const x = leaf(1);
    let y: Tensor = x;
    for (let i = 0; i < 20_000; i++) y = y.add(1);
    y.backward();
    deepEqual(list(x.grad), [1]);
  });

  test("what needs no gradient makes no graph", () => {
    const x = leaf(1, 2);
    const c = tensor([3, 4]);
    equal(c.mul(2).gradFn, undefined);
    equal(noGrad(() => x.mul(2)).requiresGrad, false);
    equal(noGrad(() => enableGrad(() => x.mul(2))).requiresGrad, true);
    equal(x.gt(1).requiresGrad, false);
    equal(x.int().requiresGrad, false);
    ok(x.isLeaf && c.isLeaf && !x.mul(c).isLeaf);
    const { name } = x.mul(c).gradFn!;
    equal(name, "MulBackward0");
  });

  test("the mode comes back after an error", () => {
    throws(() => noGrad(() => tensor([1]).matmul(tensor([1, 2]))), ShapeError);
    ok(isGradEnabled());
  });

  test("weights for outputs that are not single numbers", () => {
    const x = leaf(1, 2, 3);
    const y = x.square();
    throws(() => y.backward(), AutogradError, /no single gradient/);
    throws(() => y.backward(ones([2])), ShapeError);
    y.backward(tensor([1, 0, -1]));
    deepEqual(list(x.grad), [2, 0, -6]);
    throws(() => tensor([1]).backward(), AutogradError, /no gradient function/);
  });

  test("several outputs at once", () => {
    const x = leaf(1, 2);
    backward([x.sum(), x.square()], [undefined, tensor([10, 100])]);
    deepEqual(list(x.grad), [21, 401]);
    const [g] = grad([x.sum(), x.mul(3).sum()], [x]);
    deepEqual(list(g), [4, 4]);
  });

  test("a graph is walked once, unless it is retained", () => {
    const x = leaf(3);
    const y = x.square();
    y.backward(undefined, { retainGraph: true });
    y.backward();
    deepEqual(list(x.grad), [12]);
    throws(() => y.backward(), AutogradError, /retainGraph/);
    const linear = x.mul(2).sum(); // saves nothing of x
    linear.backward();
    linear.backward();
    deepEqual(list(x.grad), [16]);
  });

  test("grad leaves every `grad` alone and walks only what it must", () => {
    const [x, w] = [leaf(2), leaf(5)];
    const inner = x.mul(w);
    let walked = 0;
    x.registerHook(() => {
      walked++;
    });
    const [gi, gw] = grad(inner.square().sum(), [inner, w]);
    deepEqual([list(gi), list(gw)], [[20], [40]]);
    equal(x.grad, undefined);
    equal(w.grad, undefined);
    equal(walked, 0);
  });

  test("grad of an input that takes no part", () => {
    const [x, unused] = [leaf(1), leaf(1)];
    throws(() => grad(x.sum(), [unused]), AutogradError, /allowUnused/);
    const [g] = grad(x.sum(), [unused], undefined, { allowUnused: true });
    equal(g, undefined);
    throws(() => grad(x.sum(), [tensor([1])]), AutogradError, /does not require/);
  });

  test("an output may be the input itself", () => {
    const x = leaf(1, 2);
    const [g] = grad(x, [x], tensor([5, 7]));
    deepEqual(list(g), [5, 7]);
    x.backward(tensor([1, 2]));
    deepEqual(list(x.grad), [1, 2]);
  });

  test("gradients have the dtype of what they belong to", () => {
    const half = tensor([1, 2], { dtype: "float16", requiresGrad: true });
    const double = tensor([3, 4], { dtype: "float64", requiresGrad: true });
    half.mul(double).sum().backward();
    equal(half.grad!.dtype, "float16");
    equal(double.grad!.dtype, "float64");
    deepEqual(
      [list(half.grad), list(double.grad)],
      [
        [3, 4],
        [1, 2],
      ],
    );
    const x = leaf(1.5);
    x.double().to("bfloat16").float().sum().backward();
    deepEqual(list(x.grad), [1]);
  });

  test("broadcast gradients are summed back", () => {
    const [a, b] = [ones([2, 1, 3], { requiresGrad: true }), ones([4, 1], { requiresGrad: true })];
    a.mul(b).sum().backward();
    deepEqual(a.grad!.shape, [2, 1, 3]);
    deepEqual(list(a.grad), new Array(6).fill(4));
    deepEqual(list(b.grad), new Array(4).fill(6));
    const s = tensor(2, { requiresGrad: true });
    ones([3, 2]).mul(s).sum().backward();
    deepEqual(s.grad!.tolist(), 6);
  });

  test("changing whether a leaf requires a gradient", () => {
    const x = tensor([1, 2]);
    x.requiresGrad = true;
    x.sum().backward();
    deepEqual(list(x.grad), [1, 1]);
    x.requiresGrad_(false);
    equal(x.mul(2).requiresGrad, false);
    const y = leaf(1).mul(2);
    throws(
      () => {
        y.requiresGrad = false;
      },
      AutogradError,
      /leaf/,
    );
    throws(() => tensor([1], { dtype: "int32" }).requiresGrad_(), AutogradError, /int32/);
  });

  test("detach cuts the graph and shares the memory", () => {
    const x = leaf(1, 2);
    const y = x.mul(2);
    const cut = y.detach();
    equal(cut.requiresGrad, false);
    equal(cut.storage, y.storage);
    y.mul(cut).sum().backward();
    deepEqual(list(x.grad), [4, 8]);
    cut.requiresGrad_();
    cut.sum().backward();
    deepEqual(list(cut.grad), [1, 1]);
  });

  test("dead ends and unused outputs do not disturb", () => {
    const x = leaf(3, 1, 2);
    const { values } = x.sort();
    const [first, , third] = x.unbind();
    first!.add(third!).backward();
    deepEqual(list(x.grad), [1, 0, 1]);
    values.select(0, 0).backward();
    deepEqual(list(x.grad), [1, 1, 1]);
  });
});

export const hooks: Suite = suite("autograd: hooks", (test) => {
  test("see and replace a gradient, in order, until they are removed", () => {
    const x = leaf(1);
    const y = x.mul(2);
    const seen: number[] = [];
    const remove = y.registerHook((g) => {
      seen.push(g.item());
      return g.mul(10);
    });
    y.registerHook((g) => {
      seen.push(g.item());
    });
    y.sum().backward(undefined, { retainGraph: true });
    deepEqual(seen, [1, 10]);
    deepEqual(list(x.grad), [20]);
    remove();
    y.sum().backward();
    deepEqual(seen, [1, 10, 1]);
    deepEqual(list(x.grad), [22]);
    throws(() => tensor([1]).registerHook(() => {}), AutogradError);
  });

  test("of a leaf run before its gradient is added", () => {
    const x = leaf(2);
    x.registerHook((g) => g.neg());
    x.square().sum().backward();
    deepEqual(list(x.grad), [-4]);
  });

  test("what a hook keeps stays alive", () => {
    const x = leaf(1, 2);
    const y = x.exp();
    const kept: Tensor[] = [];
    y.registerHook((g) => {
      kept.push(g);
    });
    y.sum().backward();
    deepEqual(list(kept[0]), [1, 1]);
  });

  test("retainGrad keeps the gradient of an inner tensor", () => {
    const x = leaf(1, 2);
    const y = x.mul(3).retainGrad();
    const z = y.square();
    z.sum().backward();
    deepEqual(list(y.grad), [6, 12]);
    equal(z.grad, undefined);
    equal(x.retainGrad(), x);
  });

  test("retained gradients outlive the scope of the step", () => {
    const x = leaf(2);
    const y = x.mul(3).retainGrad();
    tidy(() => {
      y.square().sum().backward();
    });
    deepEqual([list(y.grad), list(x.grad)], [[12], [36]]);
  });

  test("after a leaf's gradient has been added", () => {
    const x = leaf(1);
    const { node } = x.edge!;
    const seen: number[] = [];
    ok(node instanceof AccumulateGrad);
    const remove = node.after((t) => seen.push(t.grad!.item()));
    x.mul(2).sum().backward();
    x.mul(2).sum().backward();
    remove();
    x.sum().backward();
    deepEqual(seen, [2, 4]);
  });
});

export const twice: Suite = suite("autograd: gradients of gradients", (test) => {
  test("by createGraph", () => {
    const x = tensor([2], { dtype: "float64", requiresGrad: true });
    let y = x.pow(4).sum();
    const derivatives: number[] = [];
    for (let order = 0; order < 4; order++) {
      const [g] = grad(y, [x], undefined, { createGraph: true });
      derivatives.push(g!.item());
      y = g!.sum();
    }
    close(derivatives, [32, 48, 48, 24], { rtol: 1e-12, atol: 1e-12 });
  });

  test("backward with createGraph leaves a gradient that has a graph", () => {
    const x = leaf(3);
    x.square().mul(x).sum().backward(undefined, { createGraph: true });
    ok(x.grad!.requiresGrad);
    const [second] = grad(x.grad!.sum(), [x]);
    deepEqual(list(second), [18]);
  });

  test("a gradient penalty reaches the weights", () => {
    const w = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { dtype: "float64", requiresGrad: true },
    );
    const x = tensor([[1, -1]], { dtype: "float64", requiresGrad: true });
    const penalty = (at: Tensor, weight: Tensor): Tensor => {
      const [g] = grad(at.matmul(weight).tanh().sum(), [at], undefined, { createGraph: true });
      return g!.square().sum();
    };
    penalty(x, w).backward();
    ok(w.grad !== undefined && list(w.grad).some((v) => v !== 0));
    gradcheck((weight) => enableGrad(() => penalty(x.detach().requiresGrad_(), weight)), [w]);
  });

  test("gradcheck and gradgradcheck find wrong gradients", () => {
    const wrong = defineFunction({
      name: "wrong",
      forward: (ctx, x) => {
        ctx.save(x);
        return x.square();
      },
      backward: (ctx, g) => [g.mul(ctx.saved[0]!).mul(3)],
    });
    const wrongSecond = defineFunction({
      name: "wrongSecond",
      forward: (ctx, x) => {
        ctx.save(x);
        return x.square();
      },
      backward: (ctx, g) => [g.mul(ctx.saved[0]!.detach()).mul(2)],
    });
    const x = tensor([1.5, -2], { dtype: "float64", requiresGrad: true });
    throws(() => gradcheck(wrong, [x]), AutogradError, /4.5 by backward/);
    ok(gradcheck(wrongSecond, [x]));
    throws(() => gradgradcheck(wrongSecond, [x]), AutogradError, /by backward/);
    throws(() => gradcheck((t) => t.square(), [leaf(1)]), AutogradError, /float64/);
    throws(() => gradcheck((t) => t.square(), [x.detach()]), AutogradError, /no input/);
  });
});

export const functions: Suite = suite("autograd: functions of one's own", (test) => {
  const scaledExp = defineFunction({
    name: "scaledExp",
    forward: (ctx, x: Tensor, scale: Tensor) => {
      const y = x.exp();
      ctx.save(y, scale);
      ctx.state["calls"] = 1;
      return y.mul(scale);
    },
    backward: (ctx, g) => {
      const [y, scale] = ctx.saved as [Tensor, Tensor]; // the two that forward saves
      return [g.mul(y).mul(scale), ctx.needsInputGrad[1] === true ? g.mul(y).sumTo(scale.shape) : undefined];
    },
  });

  test("have their gradient, checked by differences", () => {
    const x = tensor([0.5, -1], { dtype: "float64", requiresGrad: true });
    const s = tensor(2, { dtype: "float64", requiresGrad: true });
    ok(gradcheck(scaledExp, [x, s]));
    const { name } = scaledExp(x, s).gradFn!;
    equal(name, "ScaledExpBackward0");
    ok(!scaledExp(x.detach(), s.detach()).requiresGrad);
    ok(!noGrad(() => scaledExp(x, s)).requiresGrad);
  });

  test("can be differentiated twice when written in tensor algebra", () => {
    const cube = defineFunction({
      name: "cube",
      forward: (ctx, x: Tensor) => {
        ctx.save(x);
        return x.mul(x).mul(x);
      },
      backward: (ctx, g) => [g.mul(ctx.saved[0]!.square()).mul(3)],
    });
    const x = tensor([1.5, -2], { dtype: "float64", requiresGrad: true });
    ok(gradgradcheck(cube, [x]));
  });

  test("may return their input, and must return a gradient for each", () => {
    const identity = defineFunction({ name: "identity", forward: (_, x: Tensor) => x, backward: (_, g) => [g.mul(2)] });
    const x = leaf(1);
    const y = identity(x);
    ok(y !== x && y.gradFn !== undefined);
    y.backward();
    deepEqual(list(x.grad), [2]);
    const careless = defineFunction({
      name: "careless",
      forward: (_, a: Tensor, b: Tensor) => a.add(b),
      backward: (_, g) => [g],
    });
    throws(() => careless(x, leaf(1)).sum().backward(), AutogradError, /1 gradients for 2 inputs/);
  });

  test("notice saved tensors that changed", () => {
    const x = leaf(1, 2);
    const s = tensor(2);
    const y = scaledExp(x, s).sum();
    s.fill_(3);
    throws(() => y.backward(), LifetimeError, /changed in place/);
  });

  test("inside a longer graph", () => {
    const x = leaf(1, 2);
    const parts = cat([scaledExp(x.mul(2), full([], 0.5)), zeros([1])]);
    parts.sum().backward();
    close(list(x.grad), [Math.exp(2), Math.exp(4)], { rtol: 1e-6, atol: 0 });
  });
});
