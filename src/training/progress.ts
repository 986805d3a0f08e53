// How far training is, as a bar or as lines.

export interface ProgressValues {
  readonly loss?: number;
  readonly tokensPerSecond?: number;
  readonly learningRate?: number;
  /** How many steps there will be, where that has changed. */
  readonly total?: number;
}

export interface ProgressBar {
  /** `step` steps are done. Values not given stay as they were. Cheap enough to call at every step. */
  update(step: number, values?: ProgressValues): void;
  /** Prints a line above the bar. */
  log(line: string): void;
  /** Shows the last state and leaves it standing. Call it in a `finally`. */
  stop(): void;
}

export interface ProgressOptions {
  readonly label: string;
  /** Where a resumed run goes on; the time left is judged by the steps since. */
  readonly startStep?: number;
}

/** Shows nothing. */
export const noProgress: ProgressBar = { update: () => {}, log: () => {}, stop: () => {} };
