// What a user can ask of generation, with Hugging Face's words and defaults.

import { ArgumentError } from "../base/errors.ts";

export interface GenerateOptions {
  /** At most so many tokens are made, the end token included. Default 20. */
  readonly maxNewTokens?: number;
  /** The end token is not taken before so many others. */
  readonly minNewTokens?: number;
  /** Beams that are followed; 1 is greedy search. */
  readonly numBeams?: number;
  /** Scores are divided by the length to this power: above 0 longer texts gain, below 0 they lose. Only with beams. */
  readonly lengthPenalty?: number;
  /** When beams stop: at the first `numBeams` finished (true), when no better one is likely (false), or is possible ("never"). */
  readonly earlyStopping?: boolean | "never";
  /** No sequence of so many tokens comes twice; 0 allows all. */
  readonly noRepeatNgramSize?: number;
  /** Above 1, tokens that were made already become less likely. https://arxiv.org/abs/1909.05858 */
  readonly repetitionPenalty?: number;
  /** Ends the generation between two tokens; the promise is rejected with its reason. */
  readonly signal?: AbortSignal;
}

export type CheckedOptions = Required<Omit<GenerateOptions, "signal">> & Pick<GenerateOptions, "signal">;

/** Fills in defaults and refuses what makes no sense. */
export function checkOptions(options: GenerateOptions): CheckedOptions {
  const { maxNewTokens = 20, minNewTokens = 0, numBeams = 1, lengthPenalty = 1, earlyStopping = false } = options;
  const { noRepeatNgramSize = 0, repetitionPenalty = 1, signal } = options;
  const whole = (name: string, value: number, least: number): void => {
    if (!Number.isInteger(value) || value < least) {
      throw new ArgumentError(`generate: ${name} is ${value}; it is a whole number of at least ${least}.`, {
        [name]: value,
      });
    }
  };
  whole("maxNewTokens", maxNewTokens, 1);
  whole("minNewTokens", minNewTokens, 0);
  whole("numBeams", numBeams, 1);
  whole("noRepeatNgramSize", noRepeatNgramSize, 0);
  if (minNewTokens > maxNewTokens) {
    throw new ArgumentError(`generate: minNewTokens ${minNewTokens} is more than maxNewTokens ${maxNewTokens}.`, {
      minNewTokens,
      maxNewTokens,
    });
  }
  if (earlyStopping !== "never" && typeof earlyStopping !== "boolean")
    throw new ArgumentError(`generate: earlyStopping is ${earlyStopping}; it is true, false or "never".`, {
      earlyStopping,
    });
  if (!Number.isFinite(lengthPenalty))
    throw new ArgumentError(`generate: lengthPenalty is ${lengthPenalty}; it is a finite number.`, { lengthPenalty });
  if (!(repetitionPenalty > 0 && Number.isFinite(repetitionPenalty)))
    throw new ArgumentError(`generate: repetitionPenalty is ${repetitionPenalty}; it is a finite number above 0.`, {
      repetitionPenalty,
    });
  const checked = {
    maxNewTokens,
    minNewTokens,
    numBeams,
    lengthPenalty,
    earlyStopping,
    noRepeatNgramSize,
    repetitionPenalty,
  };
  return signal === undefined ? checked : { ...checked, signal };
}
