// Schedules of the learning rate. A scheduler changes the `lr` of every group once when it is made, and again with each
// `step()`, which is called after the optimizer's. As in PyTorch most rates follow from the one before, so that schedulers
// can be chained and rates be changed by hand on the way.

import { ArgumentError, CheckpointError } from "../base/errors.ts";
import { camelCase } from "../base/spelling.ts";
import type { BaseOptions, Optimizer, ParamGroup } from "./optimizer.ts";

export type AnyOptimizer = Optimizer<BaseOptions>;
/** A group as schedulers see it: some optimizers have a momentum or betas. */
export type ScheduledGroup = ParamGroup<BaseOptions> & {
  /** The rate before any schedule. */
  initialLr?: number;
  /** The rate of `SWALR`. */
  swaLr?: number;
  momentum?: number;
  betas?: readonly [number, number];
};

/** What PyTorch keeps of a scheduler; plain data, without functions. */
export type SchedulerState = Readonly<Record<string, unknown>>;

export interface Scheduler {
  /** Sets the rates of the next optimizer step. */
  step(): void;
  /** The rates now, one for each group. */
  getLastLr(): readonly number[];
  stateDict(): SchedulerState;
  loadStateDict(state: SchedulerState): void;
}

/** One group at one step. */
export interface Moment {
  /** How many steps were taken. */
  readonly epoch: number;
  /** The rate now, and the one before any schedule. */
  readonly lr: number;
  readonly baseLr: number;
  readonly group: ScheduledGroup;
  readonly index: number;
}
/** How rates follow from settings. */
export interface Rule<S> {
  /** The rate before the first step; the group's own if left out. */
  readonly initial?: (at: Moment, settings: S) => number;
  readonly next: (at: Moment, settings: S) => number;
}

export abstract class LRScheduler<S extends object = object> implements Scheduler {
  readonly optimizer: AnyOptimizer;
  readonly settings: S;
  baseLrs: number[];
  /** How many steps were taken. */
  lastEpoch = 0;
  #lastLr: number[] = [];
  #stepCount = 1;
  readonly #rule: Rule<S>;

  constructor(optimizer: AnyOptimizer, settings: S, rule: Rule<S>) {
    this.optimizer = optimizer;
    this.settings = settings;
    this.#rule = rule;
    const groups: readonly ScheduledGroup[] = optimizer.paramGroups;
    this.baseLrs = groups.map((group) => (group.initialLr ??= group.lr));
    this.begin();
  }

  /** Sets the rates before the first step. */
  begin(): void {
    this.lastEpoch = 0;
    this.#stepCount = 1;
    this.#set(this.#rule.initial ?? (({ lr }) => lr));
  }
  /** Begins anew from the rates before any schedule. */
  restart(): void {
    this.optimizer.paramGroups.forEach((group, i) => {
      group.lr = this.baseLrs[i]!;
    });
    this.lastEpoch = 0;
    this.#set(this.#rule.initial ?? (({ lr }) => lr));
  }
  step(): void {
    this.lastEpoch++;
    this.#stepCount++;
    this.#set(this.#rule.next);
  }

  #set(rule: (at: Moment, settings: S) => number): void {
    const groups: readonly ScheduledGroup[] = this.optimizer.paramGroups;
    const rates = groups.map((group, index) => {
      const baseLr = this.baseLrs[index] ?? group.lr;
      return rule({ epoch: this.lastEpoch, lr: group.lr, baseLr, group, index }, this.settings);
    });
    groups.forEach((group, i) => {
      group.lr = rates[i]!;
    });
    this.#lastLr = rates;
  }

  getLastLr(): readonly number[] {
    return this.#lastLr;
  }

  stateDict(): SchedulerState {
    const entries = Object.entries(this.settings).filter(([, value]) => typeof value !== "function");
    return {
      ...Object.fromEntries(entries.map(([key, value]) => [stateKey(key), value])),
      base_lrs: [...this.baseLrs],
      last_epoch: this.lastEpoch,
      _step_count: this.#stepCount,
      _last_lr: [...this.#lastLr],
    };
  }
  /** Takes over the position and the settings. The rates themselves come with the optimizer's state. */
  loadStateDict(state: SchedulerState): void {
    const { base_lrs, last_epoch, _step_count, _last_lr, ...rest } = state;
    const lists = [base_lrs, _last_lr];
    if (
      !lists.every((list) => Array.isArray(list) && list.length === this.baseLrs.length) ||
      !Number.isInteger(last_epoch)
    ) {
      throw new CheckpointError(
        `loading the state of ${this.constructor.name}: it is not of ${this.baseLrs.length} groups.`,
        { state },
      );
    }
    this.baseLrs = [...(base_lrs as number[])]; // lists, as checked, of numbers as saved
    this.#lastLr = [...(_last_lr as number[])];
    this.lastEpoch = last_epoch as number;
    this.#stepCount = Number(_step_count);
    for (const [key, value] of Object.entries(rest)) {
      if (Object.hasOwn(this.settings, camelCase(key))) Object.assign(this.settings, { [camelCase(key)]: value });
    }
  }
}

/** `stepSize` is `step_size`, `TMax` is `T_max`. */
function stateKey(name: string): string {
  return name
    .replace(/^T([A-Z0-9])/, (_, c: string) => `T_${c.toLowerCase()}`)
    .replace(/(?<!^)[A-Z]/g, (c) => `_${c.toLowerCase()}`);
}

/** A function of the number of steps, one for all groups or one for each. */
export type LrLambda = ((step: number) => number) | readonly ((step: number) => number)[];

function lambdas(who: string, optimizer: AnyOptimizer, lambda: LrLambda): readonly ((step: number) => number)[] {
  const groups = optimizer.paramGroups.length;
  const list = typeof lambda === "function" ? new Array<(step: number) => number>(groups).fill(lambda) : lambda;
  if (list.length !== groups) {
    throw new ArgumentError(`${who}: ${list.length} functions for ${groups} groups.`, {
      functions: list.length,
      groups,
    });
  }
  return list;
}

/** The initial rate times a function of the step. */
export class LambdaLR extends LRScheduler {
  constructor(optimizer: AnyOptimizer, lrLambda: LrLambda) {
    const list = lambdas("LambdaLR", optimizer, lrLambda);
    const at = ({ epoch, baseLr, index }: Moment): number => baseLr * list[index]!(epoch);
    super(optimizer, {}, { initial: at, next: at });
  }
}

/** The rate before times a function of the step. */
export class MultiplicativeLR extends LRScheduler {
  constructor(optimizer: AnyOptimizer, lrLambda: LrLambda) {
    const list = lambdas("MultiplicativeLR", optimizer, lrLambda);
    super(optimizer, {}, { next: ({ epoch, lr, index }) => lr * list[index]!(epoch) });
  }
}

export interface StepOptions {
  readonly stepSize: number;
  readonly gamma: number;
}
/** Times `gamma` every `stepSize` steps. */
export class StepLR extends LRScheduler<StepOptions> {
  constructor(optimizer: AnyOptimizer, options: Partial<StepOptions> & Pick<StepOptions, "stepSize">) {
    super(
      optimizer,
      { gamma: 0.1, ...options },
      { next: ({ epoch, lr }, s) => (epoch % s.stepSize === 0 ? lr * s.gamma : lr) },
    );
  }
}

export interface MultiStepOptions {
  readonly milestones: readonly number[];
  readonly gamma: number;
}
/** Times `gamma` at each milestone. */
export class MultiStepLR extends LRScheduler<MultiStepOptions> {
  constructor(optimizer: AnyOptimizer, options: Partial<MultiStepOptions> & Pick<MultiStepOptions, "milestones">) {
    super(
      optimizer,
      { gamma: 0.1, ...options },
      { next: ({ epoch, lr }, s) => lr * s.gamma ** s.milestones.filter((milestone) => milestone === epoch).length },
    );
  }
}

export interface ExponentialOptions {
  readonly gamma: number;
}
/** Times `gamma` every step. */
export class ExponentialLR extends LRScheduler<ExponentialOptions> {
  constructor(optimizer: AnyOptimizer, options: ExponentialOptions) {
    super(optimizer, { ...options }, { next: ({ lr }, { gamma }) => lr * gamma });
  }
}

export interface ConstantOptions {
  readonly factor: number;
  readonly totalIters: number;
}
/** Times `factor` for the first `totalIters` steps. */
export class ConstantLR extends LRScheduler<ConstantOptions> {
  constructor(optimizer: AnyOptimizer, options: Partial<ConstantOptions> = {}) {
    checkFactor("ConstantLR", options.factor);
    super(
      optimizer,
      { factor: 1 / 3, totalIters: 5, ...options },
      {
        initial: ({ lr }, { factor }) => lr * factor,
        next: ({ epoch, lr }, { factor, totalIters }) => (epoch === totalIters ? lr * (1 / factor) : lr),
      },
    );
  }
}

export interface LinearOptions {
  readonly startFactor: number;
  readonly endFactor: number;
  readonly totalIters: number;
}
/** From `startFactor` to `endFactor` times the rate, evenly over `totalIters` steps. */
export class LinearLR extends LRScheduler<LinearOptions> {
  constructor(optimizer: AnyOptimizer, options: Partial<LinearOptions> = {}) {
    checkFactor("LinearLR", options.startFactor);
    checkFactor("LinearLR", options.endFactor === 0 ? 1 : options.endFactor); // it may end at 0
    super(
      optimizer,
      { startFactor: 1 / 3, endFactor: 1, totalIters: 5, ...options },
      {
        initial: ({ lr }, { startFactor }) => lr * startFactor,
        next({ epoch, lr }, { startFactor, endFactor, totalIters }) {
          if (epoch > totalIters) return lr;
          const rise = endFactor - startFactor;
          return lr * (1 + rise / (totalIters * startFactor + (epoch - 1) * rise));
        },
      },
    );
  }
}

export interface PolynomialOptions {
  readonly totalIters: number;
  readonly power: number;
}
/** `(1 − step / totalIters) ^ power` times the rate. */
export class PolynomialLR extends LRScheduler<PolynomialOptions> {
  constructor(optimizer: AnyOptimizer, options: Partial<PolynomialOptions> = {}) {
    super(
      optimizer,
      { totalIters: 5, power: 1, ...options },
      {
        next({ epoch, lr }, { totalIters, power }) {
          if (epoch > totalIters) return lr;
          return lr * ((1 - epoch / totalIters) / (1 - (epoch - 1) / totalIters)) ** power;
        },
      },
    );
  }
}

export interface CosineOptions {
  /** Steps of half a wave. */
  readonly TMax: number;
  readonly etaMin: number;
}
/** Half a cosine wave from the rate down to `etaMin`, and back up. https://arxiv.org/abs/1608.03983 */
export class CosineAnnealingLR extends LRScheduler<CosineOptions> {
  constructor(optimizer: AnyOptimizer, options: Partial<CosineOptions> & Pick<CosineOptions, "TMax">) {
    super(
      optimizer,
      { etaMin: 0, ...options },
      {
        next({ epoch, lr, baseLr }, { TMax, etaMin }) {
          if ((epoch - 1 - TMax) % (2 * TMax) === 0)
            return lr + ((baseLr - etaMin) * (1 - Math.cos(Math.PI / TMax))) / 2;
          const now = 1 + Math.cos((Math.PI * epoch) / TMax);
          const before = 1 + Math.cos((Math.PI * (epoch - 1)) / TMax);
          return (now / before) * (lr - etaMin) + etaMin;
        },
      },
    );
  }
}

export interface WarmRestartOptions {
  /** Steps of the first wave. */
  readonly T0: number;
  /** How much longer each wave is than the one before. */
  readonly TMult: number;
  readonly etaMin: number;
}
/** Half cosine waves from the rate down to `etaMin`, one after another. https://arxiv.org/abs/1608.03983 */
export class CosineAnnealingWarmRestarts extends LRScheduler<WarmRestartOptions> {
  constructor(optimizer: AnyOptimizer, options: Partial<WarmRestartOptions> & Pick<WarmRestartOptions, "T0">) {
    const whole = { TMult: 1, etaMin: 0, ...options };
    if (!(whole.T0 >= 1) || !(whole.TMult >= 1)) {
      throw new ArgumentError(
        `CosineAnnealingWarmRestarts: T0 ${whole.T0}, TMult ${whole.TMult}; both are at least 1.`,
        whole,
      );
    }
    const at = ({ epoch, baseLr }: Moment, { T0, TMult, etaMin }: WarmRestartOptions): number => {
      let [done, length] = [epoch, T0];
      while (done >= length) {
        done -= length;
        length *= TMult;
      }
      return etaMin + ((baseLr - etaMin) * (1 + Math.cos((Math.PI * done) / length))) / 2;
    };
    super(optimizer, whole, { initial: at, next: at });
  }
}

function checkFactor(who: string, factor: number | undefined): void {
  if (factor !== undefined && !(factor > 0 && factor <= 1)) {
    throw new ArgumentError(`${who}: factor ${factor}; it lies above 0 and at most at 1.`, { factor });
  }
}
