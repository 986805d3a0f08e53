// Which rows each batch of an epoch holds. It follows from the seed and the epoch alone, so a run can go on in the middle.

import { Generator } from "../base/random.ts";
import { BatchSampler, LengthGroupedSampler, RandomSampler } from "../data/samplers.ts";

export interface OrderOptions {
  readonly batchSize: number;
  readonly seed: number;
  readonly epoch: number;
  /** Group rows of like length, given the length of each. */
  readonly lengths?: readonly number[] | undefined;
  /** Leave out the batch that is not full. */
  readonly dropLast?: boolean;
}

/** Row numbers by batch, in random order. */
export function epochBatches(rows: number, options: OrderOptions): number[][] {
  const { batchSize, seed, epoch, lengths, dropLast = false } = options;
  const generator = new Generator(seed + epoch);
  if (lengths === undefined)
    return [...new BatchSampler(new RandomSampler({ length: rows }, { generator }), { batchSize, dropLast })];
  // The sampler's groups run from long to short; here the batches change places, so that lengths come mixed. The first one,
  // which has the longest row, stays.
  const batches = [
    ...new BatchSampler(new LengthGroupedSampler(lengths, { batchSize, generator }), { batchSize, dropLast }),
  ];
  const places = generator.permutation(batches.length - 1);
  return batches.map((batch, i) => (i === 0 ? batch : batches[1 + places[i - 1]!]!));
}
