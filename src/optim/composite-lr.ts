// Schedulers made of others, and the one that watches a metric.

import { ArgumentError, CheckpointError } from "../base/errors.ts";
import { camelCase, snakeCase } from "../base/spelling.ts";
import type { AnyOptimizer, LRScheduler, ScheduledGroup, Scheduler, SchedulerState } from "./lr-scheduler.ts";

function loadAll(who: string, schedulers: readonly Scheduler[], state: SchedulerState): void {
  const states = state["_schedulers"];
  if (!Array.isArray(states) || states.length !== schedulers.length) {
    throw new CheckpointError(`loading the state of ${who}: it is not of ${schedulers.length} schedulers.`, { state });
  }
  schedulers.forEach((scheduler, i) => {
    scheduler.loadStateDict(states[i]);
  });
}

/** One scheduler after another, the next one from each milestone on. */
export class SequentialLR implements Scheduler {
  readonly #schedulers: readonly LRScheduler[];
  #milestones: readonly number[];
  lastEpoch = 0;

  constructor(
    optimizer: AnyOptimizer,
    schedulers: readonly LRScheduler[],
    options: { readonly milestones: readonly number[] },
  ) {
    const { milestones } = options;
    if (
      schedulers.length === 0 ||
      milestones.length !== schedulers.length - 1 ||
      schedulers.some((s) => s.optimizer !== optimizer)
    ) {
      throw new ArgumentError(
        `SequentialLR: ${schedulers.length} schedulers and ${milestones.length} milestones; wants schedulers of this optimizer, ` +
          "and one milestone less than schedulers.",
        { schedulers: schedulers.length, milestones },
      );
    }
    this.#schedulers = schedulers;
    this.#milestones = milestones;
    // Those that come later have already changed the rates.
    const groups: ScheduledGroup[] = optimizer.paramGroups;
    for (const group of groups) group.lr = group.initialLr ?? group.lr;
    this.#current().begin();
  }

  #current(): LRScheduler {
    return this.#schedulers[this.#milestones.filter((milestone) => milestone <= this.lastEpoch).length]!;
  }
  step(): void {
    this.lastEpoch++;
    if (this.#milestones.includes(this.lastEpoch)) this.#current().restart();
    else this.#current().step();
  }
  getLastLr(): readonly number[] {
    return this.#current().getLastLr();
  }
  stateDict(): SchedulerState {
    return {
      _milestones: [...this.#milestones],
      last_epoch: this.lastEpoch,
      _last_lr: [...this.getLastLr()],
      _schedulers: this.#schedulers.map((scheduler) => scheduler.stateDict()),
    };
  }
  loadStateDict(state: SchedulerState): void {
    loadAll("SequentialLR", this.#schedulers, state);
    this.#milestones = state["_milestones"] as number[]; // as saved
    this.lastEpoch = state["last_epoch"] as number;
  }
}

/** All schedulers at every step, each from what the one before has left. */
export class ChainedScheduler implements Scheduler {
  readonly #schedulers: readonly LRScheduler[];

  constructor(schedulers: readonly LRScheduler[]) {
    if (schedulers.length === 0 || schedulers.some((s) => s.optimizer !== schedulers[0]!.optimizer)) {
      throw new ArgumentError("ChainedScheduler: wants schedulers of one optimizer.", {
        schedulers: schedulers.length,
      });
    }
    this.#schedulers = schedulers;
  }
  step(): void {
    for (const scheduler of this.#schedulers) scheduler.step();
  }
  getLastLr(): readonly number[] {
    return this.#schedulers.at(-1)!.getLastLr();
  }
  stateDict(): SchedulerState {
    return { _last_lr: [...this.getLastLr()], _schedulers: this.#schedulers.map((scheduler) => scheduler.stateDict()) };
  }
  loadStateDict(state: SchedulerState): void {
    loadAll("ChainedScheduler", this.#schedulers, state);
  }
}

export interface PlateauOptions {
  /** Whether the metric should fall or rise. */
  readonly mode: "min" | "max";
  readonly factor: number;
  /** How many steps without improvement are borne. */
  readonly patience: number;
  readonly threshold: number;
  /** Whether an improvement is a share of the best or a difference. */
  readonly thresholdMode: "rel" | "abs";
  /** Steps after a reduction that do not count. */
  readonly cooldown: number;
  readonly minLr: number | readonly number[];
  /** A smaller change is not made. */
  readonly eps: number;
}
interface PlateauPosition {
  /** Undefined before the first metric. */
  best: number | undefined;
  cooldownCounter: number;
  numBadEpochs: number;
  lastEpoch: number;
}

/** Times `factor` when a metric has stopped getting better. `step` takes the metric. */
export class ReduceLROnPlateau {
  readonly optimizer: AnyOptimizer;
  readonly settings: PlateauOptions;
  readonly #at: PlateauPosition = { best: undefined, cooldownCounter: 0, numBadEpochs: 0, lastEpoch: 0 };

  constructor(optimizer: AnyOptimizer, options: Partial<PlateauOptions> = {}) {
    this.optimizer = optimizer;
    this.settings = {
      mode: "min",
      factor: 0.1,
      patience: 10,
      threshold: 1e-4,
      thresholdMode: "rel",
      cooldown: 0,
      minLr: 0,
      eps: 1e-8,
      ...options,
    };
    if (!(this.settings.factor < 1)) {
      throw new ArgumentError(`ReduceLROnPlateau: factor ${this.settings.factor}; it is below 1.`, {
        factor: this.settings.factor,
      });
    }
  }

  step(metric: number): void {
    const { patience, cooldown, factor, minLr, eps } = this.settings;
    const at = this.#at;
    at.lastEpoch++;
    if (this.#isBetter(metric)) {
      at.best = metric;
      at.numBadEpochs = 0;
    } else at.numBadEpochs++;
    if (at.cooldownCounter > 0) {
      at.cooldownCounter--;
      at.numBadEpochs = 0;
    }
    if (at.numBadEpochs <= patience) return;
    this.optimizer.paramGroups.forEach((group, i) => {
      const lr = Math.max(group.lr * factor, typeof minLr === "number" ? minLr : minLr[i]!);
      if (group.lr - lr > eps) group.lr = lr;
    });
    at.cooldownCounter = cooldown;
    at.numBadEpochs = 0;
  }

  #isBetter(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.settings;
    const { best } = this.#at;
    if (best === undefined) return !Number.isNaN(metric);
    const sign = mode === "min" ? -1 : 1;
    const bar = thresholdMode === "rel" ? best * (1 + sign * threshold) : best + sign * threshold;
    return sign * metric > sign * bar;
  }

  getLastLr(): readonly number[] {
    return this.optimizer.paramGroups.map(({ lr }) => lr);
  }
  stateDict(): SchedulerState {
    const entries = Object.entries({ ...this.settings, ...this.#at });
    return {
      ...Object.fromEntries(entries.map(([key, value]) => [snakeCase(key), value])),
      _last_lr: [...this.getLastLr()],
    };
  }
  loadStateDict(state: SchedulerState): void {
    for (const [name, value] of Object.entries(state)) {
      const key = camelCase(name);
      if (Object.hasOwn(this.#at, key)) Object.assign(this.#at, { [key]: Number.isFinite(value) ? value : undefined });
      else if (Object.hasOwn(this.settings, key)) Object.assign(this.settings, { [key]: value });
    }
  }
}
