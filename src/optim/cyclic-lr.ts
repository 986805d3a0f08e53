// Schedules that go up before they come down, with momentum going the other way.

import { ArgumentError } from "../base/errors.ts";
import { type AnyOptimizer, LRScheduler, type Moment, type ScheduledGroup } from "./lr-scheduler.ts";

/** A number for all groups or one for each. */
type PerGroup = number | readonly number[];
const of = (value: PerGroup, index: number): number => (typeof value === "number" ? value : value[index]!);

/** Sets the momentum, or the first beta. */
function setMomentum(group: ScheduledGroup, momentum: number): void {
  if (group.betas !== undefined) group.betas = [momentum, group.betas[1]];
  else group.momentum = momentum;
}
function checkMomentum(who: string, optimizer: AnyOptimizer, cycles: boolean): void {
  const groups: readonly ScheduledGroup[] = optimizer.paramGroups;
  if (!cycles || groups.every((group) => group.betas !== undefined || group.momentum !== undefined)) return;
  throw new ArgumentError(`${who}: the optimizer has no momentum; pass cycleMomentum: false.`, {});
}

export interface OneCycleOptions {
  readonly maxLr: PerGroup;
  /** All steps; or `epochs` times `stepsPerEpoch`. */
  readonly totalSteps?: number;
  readonly epochs?: number;
  readonly stepsPerEpoch?: number;
  /** The share of steps that go up. */
  readonly pctStart: number;
  readonly annealStrategy: "cos" | "linear";
  readonly cycleMomentum: boolean;
  readonly baseMomentum: PerGroup;
  readonly maxMomentum: PerGroup;
  /** `maxLr` over the first rate. */
  readonly divFactor: number;
  /** The first rate over the last. */
  readonly finalDivFactor: number;
  /** Comes down to the first rate as it went up, and only then to the last. */
  readonly threePhase: boolean;
}

/** Up to `maxLr` and down to almost 0. https://arxiv.org/abs/1708.07120 */
export class OneCycleLR extends LRScheduler<OneCycleOptions> {
  constructor(optimizer: AnyOptimizer, options: Partial<OneCycleOptions> & Pick<OneCycleOptions, "maxLr">) {
    const whole: OneCycleOptions = {
      pctStart: 0.3,
      annealStrategy: "cos",
      cycleMomentum: true,
      baseMomentum: 0.85,
      maxMomentum: 0.95,
      divFactor: 25,
      finalDivFactor: 1e4,
      threePhase: false,
      ...options,
    };
    if (!(stepsOf(whole) > 0)) {
      throw new ArgumentError("OneCycleLR: wants totalSteps, or epochs and stepsPerEpoch, above 0.", { ...options });
    }
    checkMomentum("OneCycleLR", optimizer, whole.cycleMomentum);
    const groups: ScheduledGroup[] = optimizer.paramGroups;
    groups.forEach((group, i) => {
      group.initialLr = of(whole.maxLr, i) / whole.divFactor;
    });
    super(optimizer, whole, { initial: oneCycle, next: oneCycle });
  }
}

const stepsOf = ({ totalSteps, epochs = 0, stepsPerEpoch = 0 }: OneCycleOptions): number =>
  totalSteps ?? epochs * stepsPerEpoch;

function oneCycle({ epoch, group, index }: Moment, s: OneCycleOptions): number {
  const total = stepsOf(s);
  if (epoch > total) throw new ArgumentError(`OneCycleLR: step ${epoch} of ${total}.`, { step: epoch, total });
  const max = of(s.maxLr, index);
  const first = max / s.divFactor;
  const [low, high] = [of(s.baseMomentum, index), of(s.maxMomentum, index)];
  const up = { end: s.pctStart * total - 1, lr: [first, max], momentum: [high, low] } as const;
  const last = first / s.finalDivFactor;
  const phases = s.threePhase
    ? [
        up,
        { end: 2 * s.pctStart * total - 2, lr: [max, first], momentum: [low, high] } as const,
        { end: total - 1, lr: [first, last], momentum: [high, high] } as const,
      ]
    : [up, { end: total - 1, lr: [max, last], momentum: [low, high] } as const];
  const n = phases.findIndex(({ end }, i) => epoch <= end || i === phases.length - 1);
  const start = phases[n - 1]?.end ?? 0;
  const { end, lr, momentum } = phases[n]!;
  const done = (epoch - start) / (end - start);
  const anneal = ([from, to]: readonly [number, number]): number =>
    s.annealStrategy === "cos" ? to + ((from - to) / 2) * (1 + Math.cos(Math.PI * done)) : (to - from) * done + from;
  if (s.cycleMomentum) setMomentum(group, anneal(momentum));
  return anneal(lr);
}

export interface CyclicOptions {
  readonly baseLr: PerGroup;
  readonly maxLr: PerGroup;
  readonly stepSizeUp: number;
  /** As many as up, if left out. */
  readonly stepSizeDown?: number;
  /** Waves of one height, each half as high as the one before, or shrinking with `gamma ^ step`. */
  readonly mode: "triangular" | "triangular2" | "exp_range";
  readonly gamma: number;
  readonly cycleMomentum: boolean;
  readonly baseMomentum: PerGroup;
  readonly maxMomentum: PerGroup;
}

/** Between `baseLr` and `maxLr`, up and down, again and again. https://arxiv.org/abs/1506.01186 */
export class CyclicLR extends LRScheduler<CyclicOptions> {
  constructor(optimizer: AnyOptimizer, options: Partial<CyclicOptions> & Pick<CyclicOptions, "baseLr" | "maxLr">) {
    const whole: CyclicOptions = {
      stepSizeUp: 2000,
      mode: "triangular",
      gamma: 1,
      cycleMomentum: true,
      baseMomentum: 0.8,
      maxMomentum: 0.9,
      ...options,
    };
    checkMomentum("CyclicLR", optimizer, whole.cycleMomentum);
    const groups: ScheduledGroup[] = optimizer.paramGroups;
    groups.forEach((group, i) => {
      group.initialLr ??= of(whole.baseLr, i);
    });
    super(optimizer, whole, { initial: cyclic, next: cyclic });
  }
}

function cyclic({ epoch, group, index }: Moment, s: CyclicOptions): number {
  const size = s.stepSizeUp + (s.stepSizeDown ?? s.stepSizeUp);
  const ratio = s.stepSizeUp / size;
  const cycle = Math.floor(1 + epoch / size);
  const x = 1 + epoch / size - cycle;
  const height = x <= ratio ? x / ratio : (x - 1) / (ratio - 1);
  const scales: { readonly [mode in CyclicOptions["mode"]]: () => number } = {
    triangular: () => 1,
    triangular2: () => 1 / 2 ** (cycle - 1),
    exp_range: () => s.gamma ** epoch,
  };
  const scale = scales[s.mode]();
  const [low, high] = [of(s.baseMomentum, index), of(s.maxMomentum, index)];
  if (s.cycleMomentum) setMomentum(group, high - (high - low) * height * scale);
  const base = of(s.baseLr, index);
  return base + (of(s.maxLr, index) - base) * height * scale;
}
