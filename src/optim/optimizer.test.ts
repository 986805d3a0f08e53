// Optimizers: PyTorch's trajectories, states and checkpoints; memory that does not grow.

import { test } from "node:test";
import { closeToGolden, fromGolden, type GoldenTensor } from "../../test/golden.ts";
import { close, deepEqual, equal, fixture, ok, throws } from "../../test/portable/harness.ts";
import { tolerances } from "../../test/tolerances.ts";
import { ArgumentError, CheckpointError } from "../base/errors.ts";
import { snakeCase } from "../base/spelling.ts";
import { load } from "../checkpoint/load.ts";
import * as optim from "../optim.ts";
import { ones, tensor, zeros } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { memoryStats } from "../tensor/memory.ts";
import { persist, scope } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";

interface Problem {
  readonly params: readonly GoldenTensor[];
  readonly grads: readonly (readonly (GoldenTensor | null)[])[];
}
interface Golden {
  readonly name: string;
  readonly optimizer: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly groups?: readonly { readonly params: readonly number[] }[];
  readonly feedback?: boolean;
  readonly trajectory: readonly (readonly (readonly (number | string)[])[])[];
  readonly state: Readonly<Record<string, Readonly<Record<string, GoldenTensor | number>>>>;
}

const problem = (await fixture("optim/problem.json")) as Problem;
const goldens = (await fixture("optim/optimizers.json")) as Golden[];
type AnyOptimizer = optim.Optimizer<optim.BaseOptions>;
const kinds = optim as unknown as Readonly<Record<string, new (params: unknown, options: object) => AnyOptimizer>>; // by name

function start(golden: Golden): { params: Tensor[]; optimizer: AnyOptimizer } {
  const params = problem.params.map((p) => fromGolden(p).requiresGrad_());
  const given = golden.groups?.map((g) => ({ ...g, params: g.params.map((i) => params[i]) })) ?? params;
  return { params, optimizer: new kinds[golden.optimizer]!(given, golden.options) };
}

/** With another rate, where one was given: the state brings the right one. */
function startAnew(golden: Golden): ReturnType<typeof start> {
  return start({ ...golden, options: { ...golden.options, ...("lr" in golden.options ? { lr: 123 } : {}) } });
}

function step(golden: Golden, at: number, params: readonly Tensor[], optimizer: AnyOptimizer): void {
  params.forEach((p, i) => {
    const g = problem.grads[at]![i]!;
    const given = g === null ? undefined : fromGolden(g);
    p.grad = golden.feedback === true && given !== undefined ? given.add(p.detach()) : given;
  });
  optimizer.step();
  params.forEach((p, i) => {
    close(
      p.toArray(),
      golden.trajectory[at]![i]!.map(Number),
      tolerances.float32,
      `parameter ${i} after step ${at + 1}`,
    );
  });
}

const spelled = (g: Golden): Golden => ({
  ...g,
  options: Object.fromEntries(
    Object.entries(g.options).map(([key, value]) => [
      key.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase()),
      value,
    ]),
  ),
});

const states = (await load(new URL("../../test/fixtures/optim/states.pt", import.meta.url))) as unknown as Record<
  // as optim.py says

  string,
  optim.OptimizerState
>;

for (const golden of goldens.map(spelled)) {
  test(`${golden.name}`, () => {
    const { params, optimizer } = start(golden);
    golden.trajectory.forEach((_, at) => {
      step(golden, at, params, optimizer);
    });
    const { state } = optimizer.stateDict();
    deepEqual(Object.keys(state), Object.keys(golden.state));
    for (const [index, entries] of Object.entries(golden.state)) {
      deepEqual(Object.keys(state[index]!).sort(), Object.keys(entries).sort());
      for (const [key, wanted] of Object.entries(entries)) {
        const value = state[index]![key]!;
        const number = typeof wanted === "number" ? wanted : Number(wanted.data[0]);
        if (value instanceof Tensor) closeToGolden(value, wanted as GoldenTensor, `${key} of ${index}`);
        else close([Number(value)], [number], tolerances.float32, `${key} of ${index}`);
      }
    }
  });

  test(`${golden.name}, from PyTorch's own checkpoint`, () => {
    const first = start(golden);
    for (let at = 0; at < 10; at++) step(golden, at, first.params, first.optimizer);
    const second = startAnew(golden);
    noGrad(() => {
      second.params.forEach((p, i) => p.copy_(first.params[i]!));
    });
    second.optimizer.loadStateDict(states[golden.name]!);
    for (let at = 10; at < golden.trajectory.length; at++) step(golden, at, second.params, second.optimizer);
  });

  test(`${golden.name}, from a checkpoint in the middle`, () => {
    const first = start(golden);
    for (let at = 0; at < 7; at++) step(golden, at, first.params, first.optimizer);
    const second = startAnew(golden);
    noGrad(() => {
      second.params.forEach((p, i) => p.copy_(first.params[i]!));
    });
    second.optimizer.loadStateDict(first.optimizer.stateDict());
    for (let at = 7; at < golden.trajectory.length; at++) step(golden, at, second.params, second.optimizer);
  });
}

test("PyTorch's own states load: the count of steps in a tensor, settings in snake case", () => {
  const p = zeros([2]).requiresGrad_();
  const optimizer = new optim.AdamW([p]);
  optimizer.loadStateDict({
    state: { 0: { step: tensor(3), exp_avg: ones([2]), exp_avg_sq: ones([2]) } },
    param_groups: [{ lr: 0.5, betas: [0.8, 0.9], weight_decay: 0, foreach: null, params: [0] }],
  });
  deepEqual(optimizer.paramGroups[0]!.betas, [0.8, 0.9]);
  const { state, param_groups } = optimizer.stateDict();
  equal(state[0]!["step"], 3);
  deepEqual(param_groups[0]!["params"], [0]);
  equal(param_groups[0]!["weight_decay"], 0);
  p.grad = ones([2]);
  optimizer.step();
  const m = 0.8 + 0.2;
  const denominator = Math.sqrt((0.9 + 0.1) / (1 - 0.9 ** 4)) + 1e-8;
  close([p.at(0).item()], [(-0.5 / (1 - 0.8 ** 4)) * (m / denominator)], tolerances.float32);
});

test("numbers of a state may come in tensors; factors have shapes of their own", () => {
  const p = zeros([2, 3]).requiresGrad_();
  const nadam = new optim.NAdam([p]);
  const [{ state: _, param_groups }, moments] = [
    nadam.stateDict(),
    { exp_avg: ones([2, 3]), exp_avg_sq: ones([2, 3]) },
  ];
  nadam.loadStateDict({ state: { 0: { step: tensor(3), mu_product: tensor(0.25), ...moments } }, param_groups });
  equal(nadam.stateDict().state[0]!["mu_product"], 0.25);

  const adafactor = new optim.Adafactor([p]);
  const factors = { step: 1, row_var: ones([2, 1]), col_var: ones([1, 3]) };
  const groups = adafactor.stateDict().param_groups;
  adafactor.loadStateDict({ state: { 0: factors }, param_groups: groups });
  const wrong = { ...factors, row_var: ones([2, 3]) };
  throws(
    () => adafactor.loadStateDict({ state: { 0: wrong }, param_groups: groups }),
    CheckpointError,
    /row_var of parameter 0 is \[2, 3\], wants \[2, 1\]/,
  );
});

test("parameters without dimensions and with many take a step; a NaN gradient stays where it is", () => {
  for (const kind of ["Adadelta", "Adafactor", "Adamax", "NAdam", "RAdam", "ASGD", "Rprop"]) {
    const [scalar, cube] = [tensor(1).requiresGrad_(), ones([2, 3, 2]).requiresGrad_()];
    const optimizer = new kinds[kind]!([scalar, cube], {});
    scalar.grad = tensor(0.5);
    cube.grad = ones([2, 3, 2]);
    optimizer.step();
    ok(scalar.item() < 1, kind);
    ok(
      cube.toArray().every((x) => x < 1),
      kind,
    );
  }
  const p = ones([3]).requiresGrad_();
  p.grad = tensor([1, Number.NaN, 1]);
  new optim.Adafactor([p]).step();
  deepEqual(Array.from(p.toArray(), Number.isNaN), [false, true, false]);
});

test("a state replaces the whole old one, or nothing at all", () => {
  const params = [zeros([2]).requiresGrad_(), zeros([3]).requiresGrad_()];
  const optimizer = new optim.SGD(params, { lr: 0.1, momentum: 0.9 });
  for (const p of params) p.grad = p.detach().onesLike();
  optimizer.step();
  const { param_groups } = optimizer.stateDict();
  const wrong = { 1: { momentum_buffer: zeros([2]) } };
  throws(
    () => optimizer.loadStateDict({ state: wrong, param_groups }),
    CheckpointError,
    /momentum_buffer of parameter 1/,
  );
  throws(() => optimizer.loadStateDict({ state: {}, param_groups: [] }), CheckpointError, /groups of \[\]/);
  optimizer.loadStateDict(optimizer.stateDict());
  deepEqual(Object.keys(optimizer.stateDict().state), ["0", "1"]);
  optimizer.loadStateDict({ state: {}, param_groups });
  deepEqual(optimizer.stateDict().state, {});
});

test("groups may be added; what cannot work is refused", () => {
  const [a, b] = [zeros([1]).requiresGrad_(), zeros([1]).requiresGrad_()];
  const optimizer = new optim.SGD([a], { lr: 0.1 });
  optimizer.addParamGroup({ params: [b], lr: 0.2 });
  deepEqual(
    optimizer.paramGroups.map(({ lr, momentum }) => [lr, momentum]),
    [
      [0.1, 0],
      [0.2, 0],
    ],
  );
  throws(() => optimizer.addParamGroup({ params: [a] }), ArgumentError, /two groups/);
  throws(() => new optim.SGD([]), ArgumentError, /no parameters/);
  throws(() => new optim.SGD([a], { lr: -1 }), ArgumentError, /learning rate -1/);
  throws(() => new optim.SGD([a], { nesterov: true }), ArgumentError, /momentum/);
  throws(() => new optim.Adam([a], { betas: [1, 0.9] }), ArgumentError, /betas/);
  equal(snakeCase("expAvgSq"), "exp_avg_sq");
  const refused: readonly [optimizer: string, options: object, message: RegExp][] = [
    ["Adadelta", { rho: 1.1 }, /Adadelta: rho 1.1; wants from 0 to 1/],
    ["Adadelta", { eps: -1 }, /eps -1/],
    ["Adafactor", { beta2Decay: 0.1 }, /beta2Decay 0.1; wants at most 0/],
    ["Adafactor", { d: 0.5 }, /d 0.5/],
    ["Adafactor", { eps: [-1, 0] }, /eps -1, 0/],
    ["HfAdafactor", { lr: 0.1 }, /lr 0.1 with relativeStep true/],
    ["HfAdafactor", { relativeStep: false }, /lr 0 with relativeStep false/],
    ["HfAdafactor", { lr: 0.1, relativeStep: false, warmupInit: true }, /warmupInit/],
    ["Adamax", { betas: [0.9, 1] }, /betas 0.9, 1; wants from 0 to below 1/],
    ["NAdam", { momentumDecay: -1 }, /momentumDecay -1/],
    ["RAdam", { weightDecay: Number.NaN }, /weightDecay NaN/],
    ["ASGD", { weightDecay: -1 }, /weightDecay -1/],
    ["Rprop", { etas: [0.5, 1] }, /etas 0.5, 1/],
  ];
  for (const [kind, options, message] of refused) throws(() => new kinds[kind]!([a], options), ArgumentError, message);
});

test("memory stays the same over thousands of steps", () => {
  const p = persist(ones([8, 8])).requiresGrad_();
  const optimizers: AnyOptimizer[] = [
    new optim.AdamW([p], { amsgrad: true }),
    new optim.SGD([p], { momentum: 0.9, nesterov: true, weightDecay: 0.1 }),
  ];
  const train = (optimizer: AnyOptimizer): void => {
    const s = scope();
    p.square().sum().backward();
    optim.clipGradNorm_([p], 1);
    optimizer.step();
    optimizer.zeroGrad();
    s.end();
  };
  for (const optimizer of optimizers) {
    train(optimizer);
    const { liveBlocks, reservedBytes } = memoryStats();
    for (let i = 0; i < 2000; i++) train(optimizer);
    equal(memoryStats().liveBlocks, liveBlocks);
    equal(memoryStats().reservedBytes, reservedBytes);
  }
  ok(p.grad === undefined);
});
