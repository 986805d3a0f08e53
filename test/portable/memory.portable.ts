// When memory comes back: by hand, at the end of scopes, in backward(). Counted in blocks of the device's allocator.

import { LifetimeError } from "../../src/base/errors.ts";
import { grad } from "../../src/tensor/autograd.ts";
import { arange, ones, tensor, zeros } from "../../src/tensor/create.ts";
import { defineFunction } from "../../src/tensor/function.ts";
import { noGrad } from "../../src/tensor/grad-mode.ts";
import { memoryStats } from "../../src/tensor/memory.ts";
import { randn } from "../../src/tensor/random.ts";
import { persist, scope, tidy } from "../../src/tensor/scope.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import "../../src/tensor/tensor.ts";
import { deepEqual, equal, ok, type Suite, suite, throws } from "./harness.ts";

const blocks = (): number => memoryStats().liveBlocks;
const list = (t: Tensor | undefined): number[] => Array.from(t!.toArray());

/** What `body` leaves live, after a first run in which kernels take what they keep. */
function left(body: () => void): number {
  body();
  const before = blocks();
  body();
  return blocks() - before;
}

export const lifetimes: Suite = suite("memory: lifetimes", (test) => {
  test("dispose gives the memory back, once", () => {
    const before = memoryStats();
    const x = zeros([1000]);
    equal(blocks(), before.liveBlocks + 1);
    ok(memoryStats().liveBytes >= before.liveBytes + 4000);
    x.dispose();
    x.dispose();
    equal(memoryStats().liveBytes, before.liveBytes);
    ok(x.disposed);
  });

  test("`using` disposes at the end of its block", () => {
    const before = blocks();
    {
      using x = zeros([10]);
      using _y = x.add(1);
      equal(blocks(), before + 2);
    }
    equal(blocks(), before);
  });

  test("views hold the memory; the last handle frees it", () => {
    const before = blocks();
    const x = arange(6).view(2, 3);
    const [view, other, cut] = [x.select(0, 1), x.alias(), x.detach()];
    for (const t of [x, other, cut]) t.dispose();
    deepEqual(list(view), [3, 4, 5]);
    equal(blocks(), before + 1);
    view.dispose();
  });

  test("a freed tensor says what freed it, whatever it is used for", () => {
    const x = zeros([2, 3]);
    const y = ones([2, 3]);
    x.dispose();
    const uses: ((t: Tensor) => unknown)[] = [
      (t) => t.add(1),
      (t) => y.add(t),
      (t) => t.t(),
      (t) => t.view(6),
      (t) => t.sum(),
      (t) => t.toArray(),
      (t) => t.tolist(),
      (t) => t.add_(1),
      (t) => y.copy_(t),
      (t) => t.clone(),
      (t) => t.detach(),
      (t) => t.contiguous(),
      (t) => t.float(),
      (t) => t.at(0),
      (t) => t.matmul(y.t()),
      (t) => t.split(1),
    ];
    for (const use of uses) throws(() => use(x), LifetimeError, /\[2, 3\] was freed by dispose\(\)/);
    const s = scope("the test's scope");
    const inner = zeros([1]);
    s.end();
    throws(() => inner.item(), LifetimeError, /freed by the end of the test's scope.*keep.*persist/);
  });
});

export const scopes: Suite = suite("memory: scopes", (test) => {
  test("a scope frees what was made in it, but for what is kept", () => {
    const before = blocks();
    let kept: Tensor;
    {
      using s = scope();
      const x = ones([4]);
      kept = s.keep(x.mul(2));
      x.add(kept).exp();
    }
    equal(blocks(), before + 1);
    deepEqual(list(kept), [2, 2, 2, 2]);
    kept.dispose();
  });

  test("tidy returns tensors from arrays, maps and plain objects", () => {
    const before = blocks();
    const made = tidy(() => {
      const x = ones([2]);
      return { list: [x.add(1), x.add(2)], map: new Map([["a", x.add(3)]]), deep: { x: x.add(4), n: 5, none: null } };
    });
    equal(blocks(), before + 4);
    deepEqual(
      [...made.list, made.map.get("a")!, made.deep.x].map((t) => list(t)[0]!),
      [2, 3, 4, 5],
    );
    for (const t of [...made.list, made.map.get("a")!, made.deep.x]) t.dispose();
    equal(blocks(), before);
  });

  test("a kept view keeps its memory", () => {
    const before = blocks();
    const view = tidy(() => ones([2, 3]).mul(3).select(0, 1));
    deepEqual(list(view), [3, 3, 3]);
    equal(blocks(), before + 1);
    view.dispose();
    equal(blocks(), before);
  });

  test("scopes nest: what the inner one keeps, the outer one frees", () => {
    const before = blocks();
    let inner: Tensor | undefined;
    tidy(() => {
      inner = tidy(() => ones([2]).add(1));
      equal(inner.disposed, false);
    });
    ok(inner!.disposed);
    equal(blocks(), before);
  });

  test("persist takes tensors out of every scope", () => {
    const before = blocks();
    let weights: Tensor[] = [];
    tidy(() => {
      tidy(() => {
        weights = persist([ones([2]), ones([3])]);
      });
    });
    deepEqual(
      weights.map((t) => t.disposed),
      [false, false],
    );
    equal(blocks(), before + 2);
    for (const t of weights) t.dispose();
  });

  test("scopes that end in another order free their own", () => {
    const before = blocks();
    const outer = scope("outer");
    const a = ones([1]);
    const inner = scope("inner");
    const b = ones([1]);
    outer.end();
    deepEqual([a.disposed, b.disposed], [true, false]);
    const c = inner.keep(ones([1]));
    inner.end();
    deepEqual([b.disposed, c.disposed], [true, false]);
    const d = ones([1]);
    tidy(() => void ones([1]));
    equal(d.disposed, false);
    for (const t of [c, d]) t.dispose();
    equal(blocks(), before);
  });

  test("an error ends the scope", () => {
    const before = blocks();
    throws(() => tidy(() => ones([3]).matmul(ones([4]))), Error);
    equal(blocks(), before);
    const after = ones([1]);
    equal(after.disposed, false);
    after.dispose();
  });

  test("a kept result brings what its gradient needs", () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const before = blocks();
    const loss = tidy(() => x.exp().mul(x).sum());
    ok(blocks() > before + 1, "saved tensors");
    loss.backward();
    loss.dispose();
    equal(blocks(), before + 1); // the gradient
    equal(tidy(() => x.mul(2).sum()).gradFn!.name, "SumBackward0");
  });

  test("a graph whose scope has ended says so", () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const s = scope();
    const y = s.keep(x.exp().detach()); // the value alone
    const z = x.exp();
    persist(z.alias());
    const lost = z.sum();
    persist(lost);
    s.end();
    ok(!y.disposed);
    throws(() => lost.backward(), Error, /scope/);
  });
});

export const graphs: Suite = suite("memory: graphs", (test) => {
  const x = tensor(
    [
      [0.5, -1],
      [2, 0.25],
    ],
    { requiresGrad: true },
  );
  const w = tensor(
    [
      [1, 2],
      [3, 4],
    ],
    { requiresGrad: true },
  );

  test("backward lets go of what was saved, and of its own temporaries", () => {
    const leaves = left(() => {
      const loss = x.matmul(w).tanh().square().mean();
      loss.backward();
      loss.dispose();
    });
    // The chain's inner handles are the collector's; what was saved and each gradient on the way are gone with backward().
    ok(leaves <= 3, `${leaves} blocks`);
  });

  test("within a scope nothing is left of a step but the leaves' gradients", () => {
    for (const t of [x, w]) t.grad = zeros([2, 2]);
    const step = (): void => {
      using _ = scope();
      const h = x.matmul(w).tanh();
      const [a, b] = h.split(1);
      a!.mul(b!).exp().add(h.sort().values.sum()).sum().backward();
    };
    equal(left(step), 0);
  });

  test("neither grad nor createGraph nor hooks leave anything in a scope", () => {
    const step = (): void => {
      using _ = scope();
      const [g] = grad(x.matmul(w).exp().sum(), [x], undefined, { createGraph: true });
      g!.registerHook((h) => h.mul(2));
      g!.square().sum().backward();
      const y = x.mul(3).retainGrad();
      y.square().sum().backward();
      y.grad?.dispose();
    };
    equal(left(step), 0);
  });

  test("a graph that is never walked goes with its scope", () => {
    equal(
      left(() => tidy(() => void x.matmul(w).exp().sum())),
      0,
    );
    equal(
      left(() => noGrad(() => tidy(() => void x.matmul(w).exp().sum()))),
      0,
    );
  });

  test("a function's saved tensors go too", () => {
    const f = defineFunction({
      name: "f",
      forward: (ctx, t: Tensor) => {
        ctx.save(t, t.exp());
        return t.square();
      },
      backward: (ctx, g) => [g.mul(ctx.saved[1]!)],
    });
    const step = (): void => {
      using _ = scope();
      f(x).sum().backward();
    };
    equal(left(step), 0);
  });

  test("thousands of training steps hold the same bytes", () => {
    const parameters = [randn([8, 16]), randn([16]), randn([16, 1])].map((t) => t.requiresGrad_());
    const [w1, b1, w2] = parameters as [Tensor, Tensor, Tensor];
    const data = randn([32, 8]);
    const momentum = parameters.map((p) => zeros(p.shape));
    const step = (): void => {
      using _ = scope();
      const loss = data.matmul(w1).add(b1).relu().matmul(w2).square().mean();
      loss.backward();
      noGrad(() => {
        parameters.forEach((p, i) => {
          momentum[i]!.mul_(0.9).add_(p.grad!);
          p.sub_(momentum[i]!, { alpha: 1e-4 });
          p.grad!.dispose();
          p.grad = undefined;
        });
      });
    };
    for (let i = 0; i < 20; i++) step();
    const before = memoryStats();
    for (let i = 0; i < 3000; i++) step();
    const after = memoryStats();
    ok(after.liveBlocks <= before.liveBlocks, `${after.liveBlocks} blocks, ${before.liveBlocks} before`); // less where garbage was found
    ok(after.liveBytes <= before.liveBytes, `${after.liveBytes} bytes, ${before.liveBytes} before`);
    equal(after.reservedBytes, before.reservedBytes);
  });
});
