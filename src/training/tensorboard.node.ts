// A run's numbers for TensorBoard: `tensorboard --logdir runs` draws them. A run that is resumed begins another file, which
// TensorBoard joins to the ones before by the steps.

import { appendFileSync, mkdirSync, readdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { snakeCase } from "../base/spelling.ts";
import type { CallbackContext, TrainerCallback } from "./callbacks.ts";
import type { LogEntry } from "./state.ts";
import { fileVersionRecord, scalarsRecord } from "./tfevents.ts";

/**
 * Writes what the Trainer logs into an event file in `folder` (default: `runs` in the run's `outputDir`), tagged as transformers
 * tags it: `train/loss`, `train/learning_rate`, `eval/accuracy`.
 */
export class TensorBoardCallback implements TrainerCallback {
  readonly #given: string | undefined;
  #file: string | undefined;

  constructor(folder?: string) {
    this.#given = folder;
  }

  onTrainBegin({ args }: Pick<CallbackContext, "args">): void {
    const folder = this.#given ?? (args.outputDir === undefined ? undefined : join(args.outputDir, "runs"));
    if (folder === undefined) return;
    mkdirSync(folder, { recursive: true });
    const seconds = Date.now() / 1000;
    const name = `events.out.tfevents.${Math.floor(seconds)}.${hostname()}.${process.pid}`;
    const taken = readdirSync(folder).filter((other) => other.startsWith(name)).length;
    this.#file = join(folder, `${name}.${taken}`);
    appendFileSync(this.#file, fileVersionRecord(seconds));
  }

  onLog({ logs }: { readonly logs: LogEntry }): void {
    if (this.#file === undefined) return;
    const { step, ...values } = logs;
    const scalars = Object.fromEntries(Object.entries(values).map(([name, value]) => [tagOf(name), value]));
    appendFileSync(this.#file, scalarsRecord(scalars, step, Date.now() / 1000));
  }
}

/** `evalLoss` is `eval/loss`, `gradNorm` is `train/grad_norm`. */
function tagOf(name: string): string {
  const spelled = snakeCase(name);
  const [, kind, rest] = /^(eval|test)_(.+)$/.exec(spelled) ?? [];
  return kind === undefined ? `train/${spelled}` : `${kind}/${rest}`;
}
