// Hooks of every kind, against what PyTorch's saw: scripts/goldens/autograd_api.py has the same scenes.

import { test } from "node:test";
import { drawn } from "../../test/drawn.ts";
import { close, deepEqual, equal, fixture, ok, throws } from "../../test/portable/harness.ts";
import { tolerances } from "../../test/tolerances.ts";
import { ArgumentError, AutogradError, CheckpointError, LifetimeError, ShapeError } from "../base/errors.ts";
import * as nn from "../nn.ts";
import { ones, tensor, zeros } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import type { Gradients } from "../tensor/graph.ts";
import { memoryStats } from "../tensor/memory.ts";
import { savedTensorsHooks } from "../tensor/saved-tensors.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";

type Values = readonly number[] | null;
type Log = [what: string, ...values: Values[]][];

const goldens = (await fixture("autograd_api/hooks.json")) as Readonly<Record<string, Log>>;

const valuesOf = (t: Tensor | undefined): Values => (t === undefined ? null : Array.from(t.toArray()));
const seen = (grads: Gradients): Values[] => grads.map(valuesOf);

/** Compares words exactly and numbers within float32's tolerance. */
function agrees(log: Log, name: string): void {
  const wanted = goldens[name]!;
  deepEqual(
    log.map(([what, ...values]) => [what, ...values.map((v) => v?.length ?? null)]),
    wanted.map(([what, ...values]) => [what, ...values.map((v) => v?.length ?? null)]),
  );
  log.forEach(([what, ...values], i) => {
    values.forEach((v, k) => {
      if (v !== null) close(v, wanted[i]![k + 1] as readonly number[], tolerances.float32, what);
    });
  });
}

function fill<M extends nn.AnyModule>(module: M): M {
  noGrad(() => module.parameters().forEach((p, i) => p.copy_(drawn(100 + i, p.shape).mul(0.5))));
  return module;
}

test("hooks of tensors: order, kept gradients, and leaves", () => {
  const log: Log = [];
  const x = drawn(1, [3]).requiresGrad_();
  const y = x.mul(2).retainGrad();
  ok(y.retainsGrad && !x.retainsGrad);
  y.registerHook((g) => g.mul(10));
  y.registerHook((g) => void log.push(["second hook of y", valuesOf(g)]));
  x.registerHook((g) => void log.push(["hook of x", valuesOf(g)]));
  const after = x.registerPostAccumulateGradHook((t) => void log.push(["after x", valuesOf(t.grad)]));
  const loss = y.square().sum();
  loss.backward(undefined, { retainGraph: true });
  log.push(["y.grad", valuesOf(y.grad)]);
  loss.backward();
  log.push(["y.grad again", valuesOf(y.grad)]);
  agrees(log, "tensor");
  after.remove();
  x.sum().backward();
  equal(log.length, goldens["tensor"]!.length + 1); // the other hook of x
  throws(() => y.registerPostAccumulateGradHook(() => {}), AutogradError, /only a leaf/);
  throws(() => ones([1]).retainGrad(), AutogradError, /does not require/);
});

test("a leaf keeps its hooks while it requires no gradient", () => {
  const x = ones([2]).requiresGrad_();
  const sums: number[] = [];
  x.registerHook((g) => void sums.push(g.sum().item()));
  x.requiresGrad = false;
  x.requiresGrad = true;
  x.mul(3).sum().backward();
  deepEqual(sums, [6]);
});

test("hooks of functions see gradients on both sides, and the functions before", () => {
  const log: Log = [];
  const x = drawn(1, [3]).requiresGrad_();
  const y = x.exp();
  y.registerHook((g) => g.mul(2));
  y.gradFn!.registerPrehook((gs) => {
    log.push(["pre", ...seen(gs)]);
    return [gs[0]!.mul(3)];
  });
  y.gradFn!.registerHook((gi, go) => {
    log.push(["post", ...seen(gi), ...seen(go)]);
    return [gi[0]!.add(1)];
  });
  y.mul(1).sum().backward();
  log.push(["x.grad", valuesOf(x.grad)]);
  agrees(log, "node");
  deepEqual(
    y.gradFn!.nextFunctions.map((next) => [next![0].name, next![1]]),
    [["AccumulateGrad", 0]],
  );
});

test("a hook's gradient has to fit", () => {
  const x = ones([2]).requiresGrad_();
  const handle = x.registerHook(() => ones([3]));
  throws(() => x.sum().backward(), ShapeError, /a hook returned float32 \[3\]/);
  handle();
  const y = x.mul(2);
  y.gradFn!.registerHook(() => []);
  throws(() => y.sum().backward(), AutogradError, /returned 0 gradients for/);
});

for (const requiresGrad of [true, false]) {
  test(`backward hooks of modules, ${requiresGrad ? "through" : "without gradients of"} the input`, () => {
    const log: Log = [];
    const layers = [new nn.Linear(3, 2), new nn.Tanh(), new nn.Linear(2, 2)] as const;
    const model = fill(new nn.Sequential(...layers));
    const x = drawn(1, [2, 3]).requiresGrad_(requiresGrad);
    layers.forEach((layer, i) => {
      layer.registerFullBackwardPreHook((_, go) => void log.push([`pre ${i}`, ...seen(go)]));
      layer.registerFullBackwardHook((_, gi, go) => void log.push([`post ${i}`, ...seen(gi), ...seen(go)]));
    });
    layers[2].registerFullBackwardPreHook((_, [g]) => [g!.mul(2)]);
    layers[1].registerFullBackwardHook((_, [g]) => [g!.mul(3)]);
    layers[1].registerFullBackwardHook((_, gi, go) => void log.push(["post 1 again", ...seen(gi), ...seen(go)]));
    model.registerFullBackwardHook((_, gi, go) => void log.push(["whole", ...seen(gi), ...seen(go)]));
    model(x).square().sum().backward();
    for (const [name, p] of model.namedParameters()) log.push([name, valuesOf(p.grad)]);
    if (requiresGrad) log.push(["x.grad", valuesOf(x.grad)]);
    agrees(log, requiresGrad ? "module" : "module without gradients of inputs");
  });
}

class Two extends nn.Module<[a: Tensor, n: number, b: Tensor], [Tensor, Tensor, Tensor]> {
  forward(a: Tensor, n: number, b: Tensor): [Tensor, Tensor, Tensor] {
    return [a.mul(n), b.mul(a), b.mul(2)];
  }
}

test("backward hooks of several arguments and results, and of several calls", () => {
  const log: Log = [];
  const [a, b] = [drawn(1, [2]).requiresGrad_(), drawn(2, [2]).requiresGrad_()];
  const two = new Two();
  two.registerFullBackwardPreHook((_, go) => void log.push(["pre", ...seen(go)]));
  two.registerFullBackwardHook((_, gi, go) => void log.push(["post", ...seen(gi), ...seen(go)]));
  const [p, , r] = two(a, 3, b);
  p.sum().add(r.square().sum()).backward();
  two(a, 2, b.detach())[1].sum().backward();
  two(a, 1, b)[0]
    .add(two(a, 5, b)[2])
    .sum()
    .backward();
  log.push(["a.grad", valuesOf(a.grad)], ["b.grad", valuesOf(b.grad)]);
  agrees(log, "several");
  two.registerFullBackwardHook(() => []);
  throws(() => two(a, 1, b)[0].sum().backward(), AutogradError, /0 gradients returned, 3 wanted/);
});

test("what a backward hook keeps stays alive", () => {
  const layer = fill(new nn.Linear(2, 2));
  const kept: Tensor[] = [];
  layer.registerFullBackwardHook((_, gi, go) => void kept.push(gi[0]!, go[0]!));
  const x = ones([1, 2]).requiresGrad_();
  layer(x.mul(1)).sum().backward();
  deepEqual(valuesOf(kept[1]), [1, 1]);
  deepEqual(valuesOf(kept[0]), valuesOf(x.grad));
});

test("state hooks: order and prefixes", () => {
  const log: Log = [];
  const watch = (name: string, module: nn.AnyModule): void => {
    module.registerStateDictPreHook((_, prefix) => void log.push([`${name} before state, ${prefix}`]));
    module.registerStateDictPostHook(
      (_, state, prefix) => void log.push([`${name} after state, ${prefix}: ${[...state.keys()].join(" ")}`]),
    );
    module.registerLoadStateDictPreHook((_, state, prefix) => {
      log.push([`${name} before load, ${prefix}: ${state.has(`${prefix}weight`) ? "True" : "False"}`]);
    });
    module.registerLoadStateDictPostHook(
      (_, { missingKeys }) => void log.push([`${name} after load: ${missingKeys.join(" ")}`]),
    );
  };
  const model = new nn.Sequential(new nn.Linear(2, 2), new nn.Linear(2, 2, { bias: false }));
  watch("whole", model);
  watch("first", model.at(0));
  const state = model.stateDict();
  state.delete("1.weight");
  model.loadStateDict(state, { strict: false });
  // PyTorch's report grows from module to module; ours is whole from the start.
  const wanted = goldens["state"]!.map(([what]) =>
    what === "first after load: " ? "first after load: 1.weight" : what,
  );
  deepEqual(
    log.map(([what]) => what),
    wanted,
  );
});

test("load hooks rename what comes, and excuse what is missing", () => {
  const layer = new nn.Linear(2, 1);
  const rename = layer.registerLoadStateDictPreHook((_, state, prefix) => {
    const gamma = state.get(`${prefix}gamma`);
    if (gamma === undefined) return;
    state.delete(`${prefix}gamma`);
    state.set(`${prefix}weight`, gamma);
  });
  const excuse = layer.registerLoadStateDictPostHook((_, report) => void report.missingKeys.splice(0));
  const given = { gamma: ones([1, 2]) };
  deepEqual(layer.loadStateDict(given), { missingKeys: [], unexpectedKeys: [] });
  deepEqual(valuesOf(layer.weight), [1, 1]);
  deepEqual(Object.keys(given), ["gamma"]);
  rename();
  excuse();
  throws(() => layer.loadStateDict(given), CheckpointError, /missing: weight, bias; unexpected: gamma/);
});

test("hooks of calls: order, and always", () => {
  const log: Log = [];
  const say = (what: string) => (): void => void log.push([what]);
  const m = new nn.Identity();
  m.registerForwardPreHook(say("pre 1"));
  m.registerForwardPreHook(say("pre 0"), { prepend: true });
  m.registerForwardHook(say("post 1"));
  m.registerForwardHook(say("post 0"), { prepend: true });
  m(ones([1]));
  class Fails extends nn.Module<[x: Tensor], Tensor> {
    forward(): Tensor {
      throw new ArgumentError("no");
    }
  }
  const fails = new Fails();
  fails.registerForwardHook(say("never"));
  fails.registerForwardHook((_, __, r) => void log.push([`always, ${r === undefined ? "None" : r}`]), {
    alwaysCall: true,
  });
  throws(() => fails(ones([1])), ArgumentError, /no/);
  log.push(["thrown"]);
  agrees(log, "call");
});

test("one function registered twice is two hooks, and a block ends its own", () => {
  let calls = 0;
  const count = (): void => void calls++;
  const m = new nn.Identity();
  const first = m.registerForwardHook(count);
  {
    using _ = m.registerForwardHook(count);
    m(ones([1]));
    equal(calls, 2);
  }
  m(ones([1]));
  equal(calls, 3);
  first.remove();
  first.remove();
  m(ones([1]));
  equal(calls, 3);
});

// ── what is saved for backward ──────────────────────────────────────────────────────────────────────────────────────

test("saved tensors go through pack and unpack", () => {
  const x = tensor([1, 2, 3]).requiresGrad_();
  let packs = 0;
  const y = savedTensorsHooks(
    {
      pack(t) {
        packs++;
        return [...t.toArray()];
      },
      unpack: (numbers) => tensor(numbers).add(1),
    },
    () => x.square(),
  );
  y.sum().backward();
  equal(packs, 1);
  deepEqual(valuesOf(x.grad), [4, 6, 8]); // 2 (x + 1)
});

test("packed tensors live as long as the graph, and what pack gives back is freed with it", () => {
  const x = ones([64]).requiresGrad_();
  const round = (): void =>
    tidy(() => {
      const y = tidy(() =>
        savedTensorsHooks({ pack: (t) => t.to("float64"), unpack: (t) => t.float() }, () => x.exp()),
      );
      y.square().sum().backward();
      const z = savedTensorsHooks({ pack: (t) => t, unpack: (t) => t }, () => x.exp().exp());
      z.sum().backward();
    });
  round();
  const { liveBytes } = memoryStats();
  for (let i = 0; i < 3; i++) round();
  equal(memoryStats().liveBytes, liveBytes);
  close(x.grad!.slice(0, 0, 1).toArray(), [4 * (2 * Math.E ** 2 + Math.E * Math.exp(Math.E))], tolerances.float32);
});

test("unpack gives what was saved, or an error; a graph that was walked is gone", () => {
  const x = ones([2]).requiresGrad_();
  const y = savedTensorsHooks({ pack: () => 0, unpack: () => zeros([3]) }, () => x.square());
  throws(() => y.sum().backward(), AutogradError, /unpack returned \[3\] for what was \[2\]/);
  const z = savedTensorsHooks({ pack: (t) => t, unpack: (t) => t }, () => x.square());
  z.sum().backward();
  throws(() => z.sum().backward(), AutogradError, /already went through/);
  const w = x.mul(1);
  const v = w.square();
  w.add_(1);
  throws(() => v.sum().backward(), LifetimeError, /changed in place/);
});
