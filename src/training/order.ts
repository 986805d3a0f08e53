// Which rows each batch of an epoch holds. It follows from the seed and the epoch alone, so a run can go on in the middle.

import { Generator } from "../base/random.ts";

export interface OrderOptions {
  readonly batchSize: number;
  readonly seed: number;
  readonly epoch: number;
  /** Group rows of like length, given the length of each. */
  readonly lengths?: readonly number[] | undefined;
}

/** Row numbers by batch, in random order. */
export function epochBatches(rows: number, { batchSize, seed, epoch, lengths }: OrderOptions): number[][] {
  const generator = new Generator(seed + epoch);
  const order = Array.from(generator.permutation(rows));
  if (lengths === undefined) return split(order, batchSize);
  // As in transformers, neighbours in a random order are sorted in large groups; the batches then change places, so that
  // lengths come mixed. The one with the longest row comes first: if memory is too small, that shows at once.
  const groupSize = batchSize * Math.max(1, Math.min(50, Math.floor(rows / (batchSize * 4))));
  const batches = split(order, groupSize).flatMap((group) =>
    split(
      group.sort((a, b) => lengths[b]! - lengths[a]!),
      batchSize,
    ),
  );
  const mixed = Array.from(generator.permutation(batches.length), (i) => batches[i]!);
  const longest = mixed.reduce((best, batch, i) => (lengths[batch[0]!]! > lengths[mixed[best]![0]!]! ? i : best), 0);
  return [mixed[longest]!, ...mixed.filter((_, i) => i !== longest)];
}

function split<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
