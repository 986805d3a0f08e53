// A page has its own ways to show progress: a callback sees every step.

import { noProgress, type ProgressBar, type ProgressOptions } from "./progress.ts";

export function progressBar(_total: number, _options: ProgressOptions): ProgressBar {
  return noProgress;
}
