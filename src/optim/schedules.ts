// The schedules of transformers, by their names in training arguments: a factor of the initial rate as a function of the
// step, that rises to 1 over the warmup.

import { ArgumentError } from "../base/errors.ts";
import { ReduceLROnPlateau } from "./composite-lr.ts";
import { type AnyOptimizer, LambdaLR } from "./lr-scheduler.ts";

export type Curve = "linear" | "cosine" | "1-sqrt";

export interface ScheduleOptions {
  readonly numWarmupSteps?: number;
  readonly numTrainingSteps?: number;
  /** Waves of a cosine; half a one if left out. With restarts, how many times it starts. */
  readonly numCycles?: number;
  /** polynomial: the last rate and the exponent. */
  readonly lrEnd?: number;
  readonly power?: number;
  /** inverse_sqrt: the step from which the factor falls from 1; the warmup's end if left out. */
  readonly timescale?: number;
  /** cosine_with_min_lr: the last rate, or its share of the first. */
  readonly minLr?: number;
  readonly minLrRate?: number;
  /** cosine_warmup_with_min_lr: the share that the warmup begins with. */
  readonly warmupLrRate?: number;
  /** warmup_stable_decay: steps at full rate (what is left of all steps, if left out) and of the fall after them. */
  readonly numStableSteps?: number;
  readonly numDecaySteps?: number;
  readonly minLrRatio?: number;
  readonly warmupType?: Curve;
  readonly decayType?: Curve;
}

type Factor = (step: number) => number;
/** `lr` is the optimizer's rate. */
type Schedule = (options: ScheduleOptions, lr: number) => Factor;

export type SchedulerName =
  | "linear"
  | "cosine"
  | "cosine_with_restarts"
  | "polynomial"
  | "constant"
  | "constant_with_warmup"
  | "inverse_sqrt"
  | "cosine_with_min_lr"
  | "cosine_warmup_with_min_lr"
  | "warmup_stable_decay";

const wave = (x: number): number => 0.5 * (1 + Math.cos(Math.PI * x));
const warmupOf = (options: ScheduleOptions): number => needed("numWarmupSteps", options.numWarmupSteps);
const totalOf = (options: ScheduleOptions): number => needed("numTrainingSteps", options.numTrainingSteps);

/** From 0 to 1 over the warmup; then `after` of the share of the remaining steps that are done. */
function warmed(options: ScheduleOptions, after: (done: number, step: number) => number): Factor {
  const warmup = warmupOf(options);
  const rest = Math.max(1, (options.numTrainingSteps ?? 0) - warmup);
  return (step) => (step < warmup ? step / Math.max(1, warmup) : after((step - warmup) / rest, step));
}

/** The factor of each schedule. */
export const schedules: { readonly [name in SchedulerName]: Schedule } = {
  constant: () => () => 1,
  constant_with_warmup: (options) => warmed(options, () => 1),
  linear(options) {
    const total = totalOf(options);
    const rest = Math.max(1, total - warmupOf(options));
    return warmed(options, (_, step) => Math.max(0, (total - step) / rest));
  },
  cosine(options) {
    totalOf(options);
    const { numCycles = 0.5 } = options;
    return warmed(options, (done) => Math.max(0, wave(numCycles * 2 * done)));
  },
  cosine_with_restarts(options) {
    totalOf(options);
    const { numCycles = 1 } = options;
    return warmed(options, (done) => (done >= 1 ? 0 : Math.max(0, wave((numCycles * done) % 1))));
  },
  polynomial(options, lr) {
    const total = totalOf(options);
    const { lrEnd = 1e-7, power = 1 } = options;
    if (!(lr > lrEnd))
      throw new ArgumentError(`polynomial schedule: lrEnd ${lrEnd} is not below the rate ${lr}.`, { lrEnd, lr });
    const warmup = warmupOf(options);
    return warmed(options, (_, step) => {
      if (step > total) return lrEnd / lr;
      return ((lr - lrEnd) * (1 - (step - warmup) / (total - warmup)) ** power + lrEnd) / lr;
    });
  },
  inverse_sqrt(options) {
    const warmup = warmupOf(options);
    const timescale = options.timescale ?? (warmup === 0 ? 10_000 : warmup);
    return warmed(options, (_, step) => 1 / Math.sqrt((step + timescale - warmup) / timescale));
  },
  cosine_with_min_lr(options, lr) {
    totalOf(options);
    const { numCycles = 0.5 } = options;
    const least = leastShare(options, lr);
    return warmed(options, (done) => Math.max(0, wave(numCycles * 2 * done) * (1 - least) + least));
  },
  cosine_warmup_with_min_lr(options, lr) {
    const [warmup, total] = [warmupOf(options), totalOf(options)];
    const { numCycles = 0.5, warmupLrRate } = options;
    const least = leastShare(options, lr);
    return (step) => {
      if (step < warmup) {
        if (warmupLrRate === undefined) return (step + 1) / Math.max(1, warmup);
        return warmupLrRate + ((1 - warmupLrRate) * step) / Math.max(1, warmup - 1);
      }
      const done = (step - warmup + 1) / Math.max(1, total - warmup);
      return Math.max(0, wave(numCycles * 2 * done) * (1 - least) + least);
    };
  },
  warmup_stable_decay(options) {
    const warmup = warmupOf(options);
    const decay = needed("numDecaySteps", options.numDecaySteps);
    const stable = options.numStableSteps ?? totalOf(options) - warmup - decay;
    const { minLrRatio: least = 0, warmupType = "linear", decayType = "cosine", numCycles = 0.5 } = options;
    const lifted = (factor: number): number => Math.max(0, factor * (1 - least) + least);
    const rise: { readonly [c in Curve]: Factor } = {
      linear: (x) => x,
      cosine: (x) => wave(1 - x),
      "1-sqrt": (x) => 1 - Math.sqrt(1 - x),
    };
    const fall: { readonly [c in Curve]: Factor } = {
      linear: (x) => 1 - x,
      cosine: (x) => wave(numCycles * 2 * x),
      "1-sqrt": (x) => 1 - Math.sqrt(x),
    };
    return (step) => {
      if (step < warmup) return lifted(rise[warmupType](step / Math.max(1, warmup)));
      if (step < warmup + stable) return 1;
      if (step < warmup + stable + decay) return lifted(fall[decayType]((step - warmup - stable) / Math.max(1, decay)));
      return least;
    };
  },
};

function needed(name: string, value: number | undefined): number {
  if (value === undefined || !(value >= 0))
    throw new ArgumentError(`this schedule needs ${name}, at least 0; got ${value}.`, { [name]: value });
  return value;
}
function leastShare({ minLr, minLrRate }: ScheduleOptions, lr: number): number {
  if ((minLr === undefined) === (minLrRate === undefined)) {
    throw new ArgumentError("this schedule needs minLr or minLrRate, and not both.", { minLr, minLrRate });
  }
  return minLrRate ?? minLr! / lr;
}

/** The schedule of a name, as a scheduler. */
export function getScheduler(name: SchedulerName, optimizer: AnyOptimizer, options: ScheduleOptions = {}): LambdaLR {
  if (!Object.hasOwn(schedules, name)) {
    throw new ArgumentError(`getScheduler: there is no "${name}"; there are ${Object.keys(schedules).join(", ")}.`, {
      name,
    });
  }
  return new LambdaLR(optimizer, schedules[name](options, optimizer.defaults.lr));
}

type Warmup = ScheduleOptions & { readonly numWarmupSteps: number };
type Whole = Warmup & { readonly numTrainingSteps: number };

export function getConstantSchedule(optimizer: AnyOptimizer): LambdaLR {
  return getScheduler("constant", optimizer);
}
export function getConstantScheduleWithWarmup(optimizer: AnyOptimizer, options: Warmup): LambdaLR {
  return getScheduler("constant_with_warmup", optimizer, options);
}
/** Up over the warmup, then evenly down to 0. */
export function getLinearScheduleWithWarmup(optimizer: AnyOptimizer, options: Whole): LambdaLR {
  return getScheduler("linear", optimizer, options);
}
/** Up over the warmup, then along a cosine wave down to 0. */
export function getCosineScheduleWithWarmup(optimizer: AnyOptimizer, options: Whole): LambdaLR {
  return getScheduler("cosine", optimizer, options);
}
export function getPolynomialDecayScheduleWithWarmup(optimizer: AnyOptimizer, options: Whole): LambdaLR {
  return getScheduler("polynomial", optimizer, options);
}
export function getInverseSqrtSchedule(optimizer: AnyOptimizer, options: Warmup): LambdaLR {
  return getScheduler("inverse_sqrt", optimizer, options);
}
/** Cosine waves that start anew `numCycles` times. */
export function getCosineWithHardRestartsScheduleWithWarmup(optimizer: AnyOptimizer, options: Whole): LambdaLR {
  return getScheduler("cosine_with_restarts", optimizer, options);
}
/** Along a cosine wave down to `minLr`, or `minLrRate` of the first rate. */
export function getCosineWithMinLrScheduleWithWarmup(optimizer: AnyOptimizer, options: Whole): LambdaLR {
  return getScheduler("cosine_with_min_lr", optimizer, options);
}
/** Up, level, and down over the last `numDecaySteps`. */
export function getWsdSchedule(
  optimizer: AnyOptimizer,
  options: Warmup & { readonly numDecaySteps: number },
): LambdaLR {
  return getScheduler("warmup_stable_decay", optimizer, options);
}
/** transformers' `reduce_lr_on_plateau`: its `step()` wants a metric, so `getScheduler` does not make it. */
export function getReduceOnPlateauSchedule(
  optimizer: AnyOptimizer,
  options: ConstructorParameters<typeof ReduceLROnPlateau>[1] = {},
): ReduceLROnPlateau {
  return new ReduceLROnPlateau(optimizer, options);
}
