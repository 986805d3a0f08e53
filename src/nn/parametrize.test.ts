// Parametrizations against PyTorch: names, numbers, gradients, buffers and print; and what they refuse.

import { test } from "node:test";
import { drawn } from "../../test/drawn.ts";
import { closeToGolden, fromGolden, type GoldenTensor } from "../../test/golden.ts";
import { close, deepEqual, equal, fixture, ok, throws } from "../../test/portable/harness.ts";
import { tolerances } from "../../test/tolerances.ts";
import { ArgumentError, DTypeError, ShapeError, UnsupportedError } from "../base/errors.ts";
import { manualSeed } from "../base/random.ts";
import * as nn from "../nn.ts";
import { ones, tensor, zeros } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { memoryStats } from "../tensor/memory.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";

const { parametrize, parametrizations } = nn.utils;
const { weightNorm, spectralNorm } = parametrizations;

interface Golden {
  readonly name: string;
  readonly keys: readonly string[];
  readonly parameters: readonly string[];
  readonly text: string;
  readonly state: Readonly<Record<string, GoldenTensor>>;
  readonly after: Readonly<Record<string, GoldenTensor>>;
  readonly input: GoldenTensor;
  readonly gradInput?: GoldenTensor;
  readonly output: GoldenTensor;
  readonly evaluated: GoldenTensor;
  readonly grads: Readonly<Record<string, GoldenTensor>>;
}

// As in scripts/goldens/autograd_api.py.
class Symmetric extends nn.Module<[x: Tensor], Tensor> {
  forward(x: Tensor): Tensor {
    return x.triu().add(x.triu(1).t());
  }
  rightInverse(a: Tensor): Tensor {
    return a.triu();
  }
}
class Halved extends nn.Module<[x: Tensor], Tensor> {
  forward(x: Tensor): Tensor {
    return x.div(2);
  }
  rightInverse(x: Tensor): Tensor {
    return x.mul(2);
  }
}

function filled<M extends nn.AnyModule>(module: M): M {
  noGrad(() => module.parameters().forEach((p, i) => p.copy_(drawn(100 + i, p.shape).mul(0.5))));
  return module;
}
function symmetric<M extends nn.AnyModule>(module: M): M {
  parametrize.registerParametrization(module, "weight", new Symmetric());
  return parametrize.registerParametrization(module, "weight", new Halved());
}

const makers: Readonly<Record<string, () => nn.AnyModule>> = {
  "weightNorm of Linear": () => weightNorm(filled(new nn.Linear(4, 3))),
  "weightNorm of Linear, dim 1": () => weightNorm(filled(new nn.Linear(4, 3)), "weight", { dim: 1 }),
  "weightNorm of Linear, all": () => weightNorm(filled(new nn.Linear(4, 3)), "weight", { dim: null }),
  "weightNorm of Conv1d": () => weightNorm(filled(new nn.Conv1d(4, 3, 2))),
  "weightNorm of LSTM": () => weightNorm(filled(new nn.LSTM(4, 2)), "weightHhL0"),
  "symmetric, then halved": () => symmetric(filled(new nn.Linear(4, 4))),
  "spectralNorm of Linear": () => spectralNorm(filled(new nn.Linear(4, 3))),
  "spectralNorm of Conv1d": () => spectralNorm(filled(new nn.Conv1d(4, 3, 2)), "weight", { nPowerIterations: 3 }),
  "spectralNorm of Embedding": () => spectralNorm(filled(new nn.Embedding(5, 4))),
  "spectralNorm of a bias": () => spectralNorm(filled(new nn.Linear(4, 3)), "bias"),
};
const goldens = (await fixture("autograd_api/parametrizations.json")) as readonly Golden[];
deepEqual(
  goldens.map(({ name }) => name),
  Object.keys(makers),
);

function agree(state: Iterable<readonly [string, Tensor]>, wanted: Readonly<Record<string, GoldenTensor>>): void {
  for (const [key, t] of state) closeToGolden(t, wanted[key]!, key);
}

for (const golden of goldens) {
  test(golden.name, () => {
    const module = makers[golden.name]!();
    deepEqual([...module.stateDict().keys()], golden.keys);
    deepEqual(
      module.namedParameters().map(([name]) => name),
      golden.parameters,
    );
    equal(String(module), golden.text);
    const isRandom = golden.keys.some((key) => key.endsWith("_u"));
    // The vectors of the power method begin with draws, which go on from another place here: those of PyTorch are loaded.
    if (!isRandom) agree(module.stateDict(), golden.state);
    module.loadStateDict(Object.fromEntries(Object.entries(golden.state).map(([key, t]) => [key, fromGolden(t)])));
    const call = (x: Tensor): Tensor => {
      const y = module(x);
      return Array.isArray(y) ? y[0] : y;
    };
    const given = golden.input.dtype === "int64" ? fromGolden(golden.input).int() : fromGolden(golden.input);
    if (golden.gradInput !== undefined) given.requiresGrad = true;
    const y = call(given);
    closeToGolden(y, golden.output, "output");
    y.mul(drawn(9, y.shape)).sum().backward();
    agree(
      module.namedParameters().map(([name, p]) => [name, p.grad!]),
      golden.grads,
    );
    if (golden.gradInput !== undefined) closeToGolden(given.grad!, golden.gradInput, "gradient of the input");
    agree(module.stateDict(), golden.after);
    module.eval();
    closeToGolden(call(given), golden.evaluated, "after eval()");
    agree(module.stateDict(), golden.after);
  });
}

test("spectral norm draws and iterates as PyTorch does", async () => {
  manualSeed(3);
  const module = spectralNorm(new nn.Linear(4, 3));
  agree(
    module.stateDict(),
    (await fixture("autograd_api/spectral_start.json")) as Readonly<Record<string, GoldenTensor>>,
  );
});

test("old names of weight norm are loaded, in a model too", () => {
  const model = new nn.Sequential(weightNorm(new nn.Linear(2, 2)));
  model.loadStateDict({
    "0.weight_g": tensor([[5], [10]]),
    "0.weight_v": tensor([
      [3, 4],
      [0, 2],
    ]),
    "0.bias": zeros([2]),
  });
  close(model(tensor([[1, 1]])).toArray(), [7, 10], tolerances.float32);
});

test("the tensor is read, set and removed like a plain one", () => {
  const layer = new nn.Linear(3, 3);
  const before = layer.weight;
  parametrize.registerParametrization(layer, "weight", new Symmetric());
  ok(layer instanceof nn.Linear && layer.constructor.name === "ParametrizedLinear");
  ok(parametrize.isParametrized(layer) && parametrize.isParametrized(layer, "weight"));
  ok(!parametrize.isParametrized(layer, "bias") && !parametrize.isParametrized(new nn.Linear(1, 1)));
  equal(layer.parameters().includes(before), true); // optimizers know it
  deepEqual(layer.weight.tolist(), layer.weight.t().tolist());
  const value = tensor([
    [1, 2, 3],
    [2, 4, 5],
    [3, 5, 6],
  ]);
  Object.assign(layer, { weight: value });
  deepEqual(layer.weight.tolist(), value.tolist());
  deepEqual(before.tolist(), value.triu().tolist());
  parametrize.removeParametrizations(layer, "weight");
  ok(layer.weight === before && layer.constructor === nn.Linear && !parametrize.isParametrized(layer));
  deepEqual(before.tolist(), value.tolist());
  equal(String(layer), "Linear(in_features=3, out_features=3, bias=True)");
});

test("removing leaves the value, or the original", () => {
  const layer = weightNorm(filled(new nn.Linear(3, 2)));
  const { weight } = layer;
  throws(
    () => parametrize.removeParametrizations(layer, "weight", { leaveParametrized: false }),
    ArgumentError,
    /2 tensors/,
  );
  parametrize.removeParametrizations(layer, "weight");
  ok(layer.weight instanceof nn.Parameter && layer.weight.requiresGrad);
  deepEqual(layer.weight.tolist(), weight.tolist());
  const other = filled(new nn.Linear(2, 2));
  const original = other.weight.tolist();
  parametrize.registerParametrization(other, "weight", new Halved());
  deepEqual(other.weight.tolist(), original); // by the inverse
  parametrize.removeParametrizations(other, "weight", { leaveParametrized: false });
  deepEqual(
    other.weight.tolist(),
    tensor(original as never)
      .mul(2)
      .tolist(),
  );
});

test("two tensors of one module, a buffer, and names as checkpoints have them", () => {
  const lstm = weightNorm(weightNorm(new nn.LSTM(2, 2), "weight_hh_l0"), "weightIhL0");
  ok(parametrize.isParametrized(lstm, "weight_ih_l0") && parametrize.isParametrized(lstm, "weightHhL0"));
  parametrize.removeParametrizations(lstm, "weightHhL0");
  ok(lstm.constructor.name === "ParametrizedLSTM" && lstm.weightHhL0 instanceof nn.Parameter);
  const norm = new nn.BatchNorm1d(2);
  parametrize.registerParametrization(norm, "running_var", new Halved());
  deepEqual(
    norm.namedBuffers().map(([name]) => name),
    ["running_mean", "num_batches_tracked", "parametrizations.running_var.original"],
  );
  deepEqual([...norm.runningVar!.toArray()], [1, 1]);
});

test("functionalCall, train and to reach through", () => {
  const layer = spectralNorm(new nn.Linear(2, 2, { bias: false }));
  layer.eval();
  const { _u } = layer.getSubmodule("parametrizations.weight.0") as unknown as { readonly _u: nn.Buffer };
  const before = [..._u.toArray()];
  layer(ones([1, 2]));
  deepEqual([..._u.toArray()], before);
  const name = "parametrizations.weight.original";
  const original = layer.getParameter(name);
  const doubled = nn.functionalCall(layer, { [name]: original.mul(2) }, [ones([1, 2])]);
  close(doubled.toArray(), layer(ones([1, 2])).toArray(), { rtol: 0.01, atol: 1e-3 }); // the length is divided away
  layer.to("float64");
  equal(layer(ones([1, 2], { dtype: "float64" })).dtype, "float64");
});

test("cached computes once, and not beyond its block", () => {
  const layer = weightNorm(new nn.Linear(2, 2));
  const readings = (): Set<Tensor> => new Set([layer.weight, layer.weight]);
  equal(parametrize.cached(readings).size, 1);
  equal(readings().size, 2);
});

test("steps leave no memory behind", () => {
  const layer = spectralNorm(weightNorm(new nn.Linear(4, 4)));
  const step = (): void =>
    tidy(() => {
      layer(ones([2, 4]))
        .sum()
        .backward();
      layer.zeroGrad();
    });
  step();
  const { liveBlocks } = memoryStats();
  for (let i = 0; i < 3; i++) step();
  equal(memoryStats().liveBlocks, liveBlocks);
});

class Row extends nn.Module<[x: Tensor], Tensor> {
  forward(x: Tensor): Tensor {
    return x.select(0, 0);
  }
}
class Wide extends nn.Module<[x: Tensor], Tensor> {
  forward(x: Tensor): Tensor {
    return x.double();
  }
}

test("what does not fit is refused", () => {
  const layer = new nn.Linear(2, 2);
  throws(
    () => parametrize.registerParametrization(layer, "weight", new Row()),
    ShapeError,
    /is \[2\], the tensor \[2, 2\]/,
  );
  throws(
    () => parametrize.registerParametrization(layer, "weight", new Wide()),
    DTypeError,
    /float64, the tensor float32/,
  );
  ok(layer.weight instanceof nn.Parameter && layer.constructor === nn.Linear); // nothing has happened
  throws(
    () => parametrize.registerParametrization(layer, "wait", new Halved()),
    ArgumentError,
    /no parameter or buffer "wait"/,
  );
  throws(() => parametrize.removeParametrizations(layer, "weight"), ArgumentError, /no parametrization of "weight"/);
  parametrize.registerParametrization(layer, "weight", new Row(), { unsafe: true });
  throws(() => Object.assign(layer, { weight: ones([2]) }), UnsupportedError, /Row has no rightInverse/);
  throws(() => spectralNorm(layer, "wait"), ArgumentError, /"wait"/);
});

// ── parameters as a vector ──────────────────────────────────────────────────────────────────────────────────────────

test("parameters as one vector, and back", () => {
  const { parametersToVector, vectorToParameters } = nn.utils;
  const layer = new nn.Linear(2, 1);
  const vector = parametersToVector(layer.parameters());
  vector.square().sum().backward();
  deepEqual([...layer.weight.grad!.toArray()], [...layer.weight.mul(2).toArray()]);
  vectorToParameters(tensor([1, 2, 3]), layer.parameters());
  deepEqual([layer.weight.tolist(), layer.bias!.tolist()], [[[1, 2]], [3]]);
  throws(() => vectorToParameters(zeros([2]), layer.parameters()), ShapeError, /\[2\] for 2 parameters of 3 elements/);
});
