// Schedules: the rates of PyTorch and transformers, step by step, and the same after a restart from saved states.

import { test } from "node:test";
import { close, deepEqual, equal, fixture, throws } from "../../test/portable/harness.ts";
import { ArgumentError, CheckpointError } from "../base/errors.ts";
import * as optim from "../optim.ts";
import { zeros } from "../tensor/create.ts";

interface Golden {
  readonly name: string;
  readonly from: "torch" | "transformers";
  readonly schedule: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly lr: number;
  readonly groups: number;
  readonly lrs: readonly (number | readonly number[])[];
  readonly momentums?: readonly number[];
  readonly metrics?: readonly number[];
}
type Inner = readonly [name: string, args: object][];
type AnyScheduler = optim.Scheduler | optim.ReduceLROnPlateau;

const kinds = optim as unknown as Readonly<Record<string, new (...args: unknown[]) => optim.LRScheduler>>; // by name

function build({ from, schedule, args, lr, groups, momentums }: Golden): {
  optimizer: optim.SGD;
  scheduler: AnyScheduler;
} {
  const params = Array.from({ length: groups }, (_, i) => ({ params: [zeros([1]).requiresGrad_()], lr: lr / 2 ** i }));
  const optimizer = new optim.SGD(params, { lr, momentum: momentums === undefined ? 0 : 0.9 });
  const inner = ((args["schedules"] ?? []) as Inner).map(
    ([name, options]) =>
      () =>
        new kinds[name]!(optimizer, options),
  );
  const made = inner.map((make) => make());
  if (from === "transformers") {
    return { optimizer, scheduler: optim.getScheduler(schedule as optim.SchedulerName, optimizer, args) };
  }
  switch (schedule) {
    case "SequentialLR":
      return {
        optimizer,
        scheduler: new optim.SequentialLR(optimizer, made, { milestones: args["milestones"] as number[] }),
      };
    case "ChainedScheduler":
      return { optimizer, scheduler: new optim.ChainedScheduler(made) };
    case "ReduceLROnPlateau":
      return { optimizer, scheduler: new optim.ReduceLROnPlateau(optimizer, args) };
    case "LambdaLR":
      return { optimizer, scheduler: new optim.LambdaLR(optimizer, (step) => 0.95 ** step) };
    case "MultiplicativeLR":
      return { optimizer, scheduler: new optim.MultiplicativeLR(optimizer, () => 0.95) };
    default:
      return { optimizer, scheduler: new kinds[schedule]!(optimizer, args) };
  }
}

const tolerance = { rtol: 1e-12, atol: 1e-15 };
function check(golden: Golden, { optimizer, scheduler }: ReturnType<typeof build>, at: number): void {
  const wanted = golden.lrs[at]!;
  const rates = optimizer.paramGroups.map(({ lr }) => lr);
  close(rates, typeof wanted === "number" ? [wanted] : wanted, tolerance, `rate after ${at} steps`);
  deepEqual([...scheduler.getLastLr()], rates);
  if (golden.momentums !== undefined) {
    close([optimizer.paramGroups[0]!.momentum], [golden.momentums[at]!], tolerance, `momentum after ${at} steps`);
  }
}
function advance({ metrics }: Golden, { scheduler }: ReturnType<typeof build>, at: number): void {
  scheduler.step(metrics?.[at] ?? Number.NaN);
}

for (const golden of (await fixture("optim/schedules.json")) as Golden[]) {
  test(golden.name, () => {
    const run = build(golden);
    check(golden, run, 0);
    for (let at = 1; at < golden.lrs.length; at++) {
      advance(golden, run, at - 1);
      check(golden, run, at);
    }
  });

  test(`${golden.name}, from a checkpoint`, () => {
    const middle = 11;
    const first = build(golden);
    for (let at = 0; at < middle; at++) advance(golden, first, at);
    const saved = JSON.parse(JSON.stringify([first.optimizer.stateDict(), first.scheduler.stateDict()]));
    const second = build(golden);
    second.optimizer.loadStateDict(saved[0]);
    second.scheduler.loadStateDict(saved[1]);
    check(golden, second, middle);
    for (let at = middle + 1; at < golden.lrs.length; at++) {
      advance(golden, second, at - 1);
      check(golden, second, at);
    }
  });
}

const optimizer = (): optim.SGD => new optim.SGD([zeros([1]).requiresGrad_()], { lr: 0.1 });

test("states have PyTorch's names", () => {
  const scheduler = new optim.CosineAnnealingLR(optimizer(), { TMax: 5 });
  scheduler.step();
  const { _last_lr, ...rest } = scheduler.stateDict();
  deepEqual(rest, { eta_min: 0, T_max: 5, base_lrs: [0.1], last_epoch: 1, _step_count: 2 });
  equal((_last_lr as number[]).length, 1);
  deepEqual(Object.keys(new optim.StepLR(optimizer(), { stepSize: 3 }).stateDict()), [
    "gamma",
    "step_size",
    "base_lrs",
    "last_epoch",
    "_step_count",
    "_last_lr",
  ]);
});

test("what cannot work is refused", () => {
  const one = optimizer();
  throws(() => new optim.LambdaLR(one, [() => 1, () => 1]), ArgumentError, /2 functions for 1 groups/);
  throws(() => new optim.OneCycleLR(one, { maxLr: 1 }), ArgumentError, /totalSteps/);
  throws(() => new optim.ConstantLR(one, { factor: 2 }), ArgumentError, /factor 2/);
  throws(() => optim.getScheduler("linear", one, { numWarmupSteps: 3 }), ArgumentError, /needs numTrainingSteps/);
  throws(() => optim.getScheduler("lineal" as "linear", one), ArgumentError, /there are linear|there is no "lineal"/);
  throws(
    () => optim.getScheduler("cosine_with_min_lr", one, { numWarmupSteps: 0, numTrainingSteps: 1 }),
    ArgumentError,
    /minLr/,
  );
  throws(() => new optim.SequentialLR(one, [], { milestones: [] }), ArgumentError, /0 schedulers/);
  throws(() => new optim.SWALR(one, { swaLr: [0.1, 0.2] }), ArgumentError, /2 rates for 1 groups/);
  throws(() => new optim.SWALR(one, { swaLr: 0.1, annealEpochs: -1 }), ArgumentError, /annealEpochs -1/);
  const scheduler = new optim.ExponentialLR(one, { gamma: 0.9 });
  throws(() => scheduler.loadStateDict({ last_epoch: 3 }), CheckpointError, /1 groups/);
});
