// A run of a Trainer as a person at a terminal sees it: Ctrl-C, and the curve at the end.

import { lossChartText } from "../training/chart.ts";
import { lossSeries } from "../training/curve.ts";
import type { TrainerState } from "../training/state.ts";
import type { Trainer } from "../training/trainer.ts";

type AnyTrainer = Pick<Trainer, "train" | "stop" | "state">;

/** Trains. The first signal ends the run after the step it is in, with a checkpoint; the second ends it at once. */
export async function untilInterrupted(trainer: AnyTrainer, resume: boolean): ReturnType<Trainer["train"]> {
  const signals = ["SIGINT", "SIGTERM"] as const;
  let asked = false;
  const interrupt = (): void => {
    if (asked) process.exit(130);
    asked = true;
    console.error("\nStopping after this step, with a checkpoint. Press Ctrl-C again to end at once.");
    trainer.stop();
  };
  for (const signal of signals) process.on(signal, interrupt);
  try {
    return await trainer.train({ resumeFromCheckpoint: resume });
  } finally {
    for (const signal of signals) process.removeListener(signal, interrupt);
  }
}

/** Says how to go on after a signal, and ends the command as a shell has it for Ctrl-C. */
export function stoppedEarly({ state }: AnyTrainer): void {
  console.error(`Stopped after step ${state.globalStep}, with a checkpoint. Go on with --resume.`);
  process.exitCode = 130;
}

export function curve({ logHistory }: TrainerState): string {
  return lossChartText(lossSeries(logHistory), { columns: Math.min(process.stdout.columns ?? 80, 100), rows: 14 });
}
