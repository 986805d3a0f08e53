// L-BFGS: PyTorch's trajectories and states, with and without line search; memory.

import { test } from "node:test";
import { fromGolden, type GoldenTensor } from "../../test/golden.ts";
import { close, deepEqual, equal, fixture, throws } from "../../test/portable/harness.ts";
import { ArgumentError, CheckpointError } from "../base/errors.ts";
import { load } from "../checkpoint/load.ts";
import * as optim from "../optim.ts";
import { zeros } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { cat } from "../tensor/indexing.ts";
import { memoryStats } from "../tensor/memory.ts";
import { persist, scope } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";

interface Step {
  readonly loss: number;
  readonly x: readonly number[];
  readonly funcEvals: number;
  readonly nIter: number;
}
interface Golden {
  readonly name: string;
  readonly options: Partial<optim.LbfgsOptions>;
  readonly start: GoldenTensor;
  readonly steps: readonly Step[];
}
const goldens = (await fixture("optim/lbfgs.json")) as Golden[];
const states = (await load(new URL("../../test/fixtures/optim/states.pt", import.meta.url))) as unknown as Record<
  // as optim.py says

  string,
  optim.OptimizerState
>;

/** The Rosenbrock function's chain of all parameters. */
function rosenbrock(params: readonly Tensor[]): Tensor {
  const x = cat(params);
  const n = x.numel;
  const [left, right] = [x.narrow(0, 0, n - 1), x.narrow(0, 1, n - 1)];
  return right.sub(left.square()).square().mul(10).add(left.neg().add(1).square()).sum();
}
function start({ start: from, options }: Golden): { params: Tensor[]; optimizer: optim.LBFGS; closure: () => Tensor } {
  const x = fromGolden(from);
  const params = [x.narrow(0, 0, 2).clone().requiresGrad_(), x.narrow(0, 2, 2).clone().requiresGrad_()];
  const optimizer = new optim.LBFGS(params, options);
  const closure = (): Tensor => {
    optimizer.zeroGrad();
    const loss = rosenbrock(params);
    loss.backward();
    return loss;
  };
  return { params, optimizer, closure };
}
/** In float64: valleys amplify what rounding adds at each of dozens of evaluations. */
const tolerance = { rtol: 1e-9, atol: 1e-9 };
function check(run: ReturnType<typeof start>, { loss, x, funcEvals, nIter }: Step, at: number): void {
  close([run.optimizer.step(run.closure).item()], [loss], tolerance, `loss of step ${at + 1}`);
  close(cat(run.params).toArray(), x, tolerance, `parameters after step ${at + 1}`);
  const { func_evals, n_iter } = run.optimizer.stateDict().state[0]!;
  deepEqual([func_evals, n_iter], [funcEvals, nIter]);
}

for (const golden of goldens) {
  test(golden.name, () => {
    const run = start(golden);
    golden.steps.forEach((step, at) => {
      check(run, step, at);
    });
  });

  test(`${golden.name}, from our state and from PyTorch's`, () => {
    for (const torchs of [false, true]) {
      const first = start(golden);
      for (let at = 0; at < 3; at++) first.optimizer.step(first.closure);
      const second = start(golden);
      noGrad(() => {
        second.params.forEach((p, i) => p.copy_(first.params[i]!));
      });
      second.optimizer.loadStateDict(torchs ? states[golden.name]! : first.optimizer.stateDict());
      for (let at = 3; at < golden.steps.length; at++) check(second, golden.steps[at]!, at);
    }
  });
}

test("every optimizer's step takes a closure and returns its loss", () => {
  const { params, closure } = start(goldens[0]!);
  const sgd = new optim.SGD(params, { lr: 0 });
  close([sgd.step(closure)!.item()], [goldens[0]!.steps[0]!.loss], tolerance);
  equal(sgd.step(), undefined);
});

test("what cannot work is refused", () => {
  const { params, optimizer } = start(goldens[0]!);
  throws(() => optimizer.step(), ArgumentError, /closure/);
  throws(
    () => optimizer.addParamGroup({ params: [zeros([1]).requiresGrad_()] }),
    ArgumentError,
    /second parameter group/,
  );
  throws(() => new optim.LBFGS(params, { maxIter: 0 }), ArgumentError, /maxIter 0/);
  const { state, param_groups } = optim.LBFGS.prototype.stateDict.call(ran());
  throws(
    () => new optim.SGD(params).loadStateDict({ state, param_groups }),
    CheckpointError,
    /is a list.*LBFGS|groups of/,
  );
  const other = new optim.LBFGS([zeros([3]).requiresGrad_(), zeros([2]).requiresGrad_()]);
  throws(() => other.loadStateDict({ state, param_groups }), CheckpointError, /d is \[4\], wants \[5\]/);
});

function ran(): optim.LBFGS {
  const run = start(goldens[1]!);
  run.optimizer.step(run.closure);
  return run.optimizer;
}

test("memory stays the same once the history is full", () => {
  const golden = {
    ...goldens[2]!,
    options: { ...goldens[2]!.options, lr: 1e-3, lineSearchFn: null, toleranceChange: 0 },
  };
  const run = start(golden);
  for (const p of run.params) persist(p);
  const train = (): void => {
    const s = scope();
    run.optimizer.step(run.closure);
    run.optimizer.zeroGrad();
    s.end();
  };
  for (let i = 0; i < 5; i++) train();
  const { liveBlocks } = memoryStats();
  for (let i = 0; i < 100; i++) train();
  equal(memoryStats().liveBlocks, liveBlocks);
});
