// The schedule of stochastic weight averaging: from the rate as it is to a constant one, which stays.
// https://arxiv.org/abs/1803.05407

import { ArgumentError } from "../base/errors.ts";
import { type AnyOptimizer, LRScheduler, type Moment, type ScheduledGroup } from "./lr-scheduler.ts";

export interface SwaOptions {
  /** Steps until the constant rate is reached. */
  readonly annealEpochs: number;
  readonly annealStrategy: "cos" | "linear";
}

/** From each group's rate to `swaLr` (one for all groups or one for each), which the group keeps beside its own. */
export class SWALR extends LRScheduler<SwaOptions> {
  constructor(optimizer: AnyOptimizer, options: Partial<SwaOptions> & { readonly swaLr: number | readonly number[] }) {
    const { swaLr, annealEpochs = 10, annealStrategy = "cos" } = options;
    const groups: readonly ScheduledGroup[] = optimizer.paramGroups;
    const rates = typeof swaLr === "number" ? groups.map(() => swaLr) : swaLr;
    if (rates.length !== groups.length) {
      throw new ArgumentError(`SWALR: ${rates.length} rates for ${groups.length} groups.`, { swaLr });
    }
    if (!Number.isInteger(annealEpochs) || annealEpochs < 0) {
      throw new ArgumentError(`SWALR: annealEpochs ${annealEpochs}; wants a whole number from 0.`, { annealEpochs });
    }
    groups.forEach((group, i) => {
      group.swaLr = rates[i]!;
    });
    super(optimizer, { annealEpochs, annealStrategy }, { initial: anneal, next: anneal });
  }
}

/** What lies a share of the way from where the annealing began, which follows from the rate now, to the constant rate. */
function anneal({ epoch, lr, group }: Moment, { annealEpochs, annealStrategy }: SwaOptions): number {
  const swaLr = group.swaLr ?? lr;
  const share = (steps: number): number => {
    const t = Math.max(0, Math.min(1, steps / Math.max(1, annealEpochs)));
    return annealStrategy === "cos" ? (1 - Math.cos(Math.PI * t)) / 2 : t;
  };
  const step = annealEpochs === 0 ? Math.max(1, epoch) : epoch;
  const before = share(step - 1);
  const from = before === 1 ? swaLr : (lr - before * swaLr) / (1 - before);
  return swaLr * share(step) + from * (1 - share(step));
}
