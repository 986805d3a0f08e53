// What the commands that make summaries share: how tokens are chosen.

import type { Command } from "commander";
import type { GenerateOptions } from "../../generation/options.ts";
import { anyNumber, wholeNumber } from "../numbers.ts";

export interface GenerationFlags {
  readonly maxNewTokens: number;
  readonly minNewTokens: number;
  readonly numBeams: number;
  readonly lengthPenalty: number;
  readonly batchSize: number;
}

export function addGenerationOptions(command: Command): Command {
  return command
    .option("--max-new-tokens <n>", "longest summary", wholeNumber(1), 32)
    .option("--min-new-tokens <n>", "shortest summary", wholeNumber(0), 0)
    .option("--num-beams <n>", "beams that are followed; 1 takes the likeliest token each time", wholeNumber(1), 4)
    .option("--length-penalty <x>", "above 0 longer summaries gain, below 0 they lose", anyNumber, 1)
    .option("--batch-size <n>", "texts decoded together", wholeNumber(1), 32);
}

export function generationOptions(flags: GenerationFlags): GenerateOptions {
  const { maxNewTokens, minNewTokens, numBeams, lengthPenalty } = flags;
  return { maxNewTokens, minNewTokens, numBeams, lengthPenalty };
}
