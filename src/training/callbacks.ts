// What a run tells others as it goes, and how they steer it: a callback sees the state and may set the control's wishes, which
// the Trainer looks at after each step.

import { ArgumentError } from "../base/errors.ts";
import type { CheckedArguments } from "./arguments.ts";
import type { LogEntry, Metrics, TrainerState } from "./state.ts";

/** Wishes; the Trainer takes them back when they are fulfilled. */
export interface TrainerControl {
  shouldTrainingStop: boolean;
  shouldEvaluate: boolean;
  shouldSave: boolean;
  shouldLog: boolean;
}

export interface CallbackContext {
  readonly args: CheckedArguments;
  readonly state: TrainerState;
  readonly control: TrainerControl;
}

type Told<Extra = unknown> = (context: CallbackContext & Extra) => void | Promise<void>;

/** Each is waited for. What it throws ends the run. */
export interface TrainerCallback {
  /** At the end of the Trainer's constructor: the place to refuse arguments. */
  readonly onInitEnd?: (context: Pick<CallbackContext, "args">) => void;
  readonly onTrainBegin?: Told;
  readonly onEpochBegin?: Told;
  /** After the optimizer's step, before logging, evaluation and saving. */
  readonly onStepEnd?: Told<{ readonly loss: number }>;
  readonly onEpochEnd?: Told;
  readonly onLog?: Told<{ readonly logs: LogEntry }>;
  readonly onEvaluate?: Told<{ readonly metrics: Metrics }>;
  readonly onSave?: Told<{ readonly checkpoint: string }>;
  readonly onTrainEnd?: Told;
}

export interface EarlyStoppingOptions {
  /** Evaluations in a row without a better metric that end the run. */
  readonly earlyStoppingPatience?: number;
  /** How much better it must be to count. */
  readonly earlyStoppingThreshold?: number;
}

/** Ends the run when `metricForBestModel` no longer gets better. It counts in the history, so a resumed run counts on. */
export class EarlyStoppingCallback implements TrainerCallback {
  readonly patience: number;
  readonly threshold: number;

  constructor(options: EarlyStoppingOptions = {}) {
    const { earlyStoppingPatience = 1, earlyStoppingThreshold = 0 } = options;
    if (!Number.isInteger(earlyStoppingPatience) || earlyStoppingPatience < 1 || !(earlyStoppingThreshold >= 0)) {
      throw new ArgumentError(
        `EarlyStoppingCallback: patience ${earlyStoppingPatience}, threshold ${earlyStoppingThreshold}; ` +
          "wants a whole number of at least 1 and a number of at least 0.",
        { earlyStoppingPatience, earlyStoppingThreshold },
      );
    }
    this.patience = earlyStoppingPatience;
    this.threshold = earlyStoppingThreshold;
  }

  onInitEnd({ args }: Pick<CallbackContext, "args">): void {
    if (args.evalStrategy === "no") {
      throw new ArgumentError(
        "EarlyStoppingCallback: without evaluations there is nothing to watch; set evalStrategy.",
        {},
      );
    }
  }

  onEvaluate({ args, state, control }: CallbackContext): void {
    const { metricForBestModel: name, greaterIsBetter } = args;
    let best: number | undefined;
    let worse = 0; // evaluations since the best one
    for (const entry of state.logHistory) {
      const value = entry[name];
      if (value === undefined) continue;
      const gain = best === undefined ? Number.POSITIVE_INFINITY : greaterIsBetter ? value - best : best - value;
      worse = gain > this.threshold ? 0 : worse + 1;
      if (gain > 0) best = value;
    }
    if (best === undefined)
      throw new ArgumentError(`EarlyStoppingCallback: no evaluation reports "${name}".`, { metric: name });
    if (worse >= this.patience) control.shouldTrainingStop = true;
  }
}
