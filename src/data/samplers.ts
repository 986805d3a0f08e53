// The order of rows, with PyTorch's own draws (docs/random.md). Iterating a sampler gives one epoch's indices.
//
// A random sampler can tell where its stream stood when the order began, and begin the same order once more. So a run that
// stops in the middle of an epoch goes on with the rows it would have had.

import { ArgumentError } from "../base/errors.ts";
import { defaultGenerator, Generator, type GeneratorState } from "../base/random.ts";
import { tensor } from "../tensor/create.ts";
import { tidy } from "../tensor/scope.ts";

export interface Sampler<T = number> extends Iterable<T> {
  /** How many entries an epoch has. */
  readonly length: number;
  /** What the order that was begun last can be begun from again; plain data. */
  stateDict?(): SamplerState;
  /** Makes the next iteration repeat that order. */
  loadStateDict?(state: SamplerState): void;
}
export interface SamplerState {
  readonly generator?: GeneratorState | undefined;
  /** Of a `DistributedSampler`. */
  readonly epoch?: number | undefined;
}

export interface Drawn {
  /** The stream to draw from, instead of the default one. */
  readonly generator?: Generator | undefined;
}

/** One after another. */
export class SequentialSampler implements Sampler {
  readonly length: number;
  constructor(rows: { readonly length: number }) {
    this.length = rows.length;
  }
  *[Symbol.iterator](): IterableIterator<number> {
    for (let i = 0; i < this.length; i++) yield i;
  }
}

abstract class RandomOrder implements Sampler {
  abstract readonly length: number;
  readonly generator: Generator | undefined;
  #began: GeneratorState | undefined;
  #resumed: GeneratorState | undefined;

  constructor(options: Drawn) {
    this.generator = options.generator;
  }

  /** The indices of one epoch. */
  protected abstract draw(stream: Generator): Iterable<number>;
  /** Where they are drawn from when the sampler has no generator of its own. */
  protected sharedStream(): Generator {
    return defaultGenerator;
  }

  *[Symbol.iterator](): IterableIterator<number> {
    const resumed = this.#resumed;
    this.#resumed = undefined;
    // The default stream belongs to everybody, so a repeated order is drawn from a copy.
    const stream = this.generator ?? (resumed === undefined ? this.sharedStream() : new Generator());
    if (resumed !== undefined) stream.state = resumed;
    this.#began = stream.state;
    yield* this.draw(stream);
  }

  stateDict(): SamplerState {
    return { generator: this.#began };
  }
  loadStateDict({ generator }: SamplerState): void {
    this.#resumed = generator;
  }
}

/** Rows in random order, or `numSamples` of them; with `replacement` each on its own. */
export class RandomSampler extends RandomOrder {
  readonly length: number;
  readonly #rows: number;
  readonly #replacement: boolean;

  constructor(
    rows: { readonly length: number },
    options: Drawn & { readonly replacement?: boolean; readonly numSamples?: number | undefined } = {},
  ) {
    super(options);
    const { replacement = false, numSamples = rows.length } = options;
    if (!Number.isInteger(numSamples) || numSamples < 1 || rows.length < 1) {
      throw new ArgumentError(
        `RandomSampler: ${numSamples} samples of ${rows.length} rows; wants at least 1 of each.`,
        {
          numSamples,
          rows: rows.length,
        },
      );
    }
    this.#rows = rows.length;
    this.length = numSamples;
    this.#replacement = replacement;
  }

  protected override sharedStream(): Generator {
    return new Generator(BigInt.asUintN(63, defaultGenerator.u64()));
  }
  protected *draw(stream: Generator): Iterable<number> {
    const n = this.#rows;
    if (this.#replacement) {
      for (let i = 0; i < this.length; i++) yield stream.integer(0, n);
      return;
    }
    for (let i = 0; i < Math.floor(this.length / n); i++) yield* stream.permutation(n);
    yield* stream.permutation(n).subarray(0, this.length % n);
  }
}

/** Given rows in random order. */
export class SubsetRandomSampler extends RandomOrder {
  readonly length: number;
  readonly #indices: readonly number[];
  constructor(indices: readonly number[], options: Drawn = {}) {
    super(options);
    this.#indices = indices;
    this.length = indices.length;
  }
  protected *draw(stream: Generator): Iterable<number> {
    for (const i of stream.permutation(this.length)) yield this.#indices[i]!;
  }
}

/** Rows by weights, which need not add up to 1. */
export class WeightedRandomSampler extends RandomOrder {
  readonly length: number;
  readonly #weights: readonly number[];
  readonly #replacement: boolean;
  constructor(
    weights: readonly number[],
    numSamples: number,
    options: Drawn & { readonly replacement?: boolean } = {},
  ) {
    super(options);
    if (!Number.isInteger(numSamples) || numSamples < 1) {
      throw new ArgumentError(`WeightedRandomSampler: ${numSamples} samples; wants at least 1.`, { numSamples });
    }
    this.#weights = weights;
    this.length = numSamples;
    this.#replacement = options.replacement ?? true;
  }
  protected draw(generator: Generator): Iterable<number> {
    return tidy(() => {
      const weights = tensor(Float64Array.from(this.#weights));
      return weights.multinomial(this.length, { replacement: this.#replacement, generator }).toArray();
    });
  }
}

/**
 * Batches of like length, as transformers makes them with `groupByLength`: rows in random order, sorted within groups of many
 * batches, the longest row first of all, so that too little memory shows at once.
 */
export class LengthGroupedSampler extends RandomOrder {
  readonly length: number;
  readonly #lengths: readonly number[];
  readonly #group: number;
  constructor(lengths: readonly number[], options: Drawn & { readonly batchSize: number }) {
    super(options);
    const { batchSize } = options;
    checkBatchSize("LengthGroupedSampler", batchSize);
    this.#lengths = lengths;
    this.length = lengths.length;
    this.#group = batchSize * Math.max(1, Math.min(50, Math.floor(lengths.length / (batchSize * 4))));
  }
  protected draw(stream: Generator): Iterable<number> {
    const lengths = this.#lengths;
    const order = Array.from(stream.permutation(this.length));
    const sorted: number[] = [];
    const firsts: number[] = []; // where groups begin
    for (let at = 0; at < order.length; at += this.#group) {
      firsts.push(at);
      sorted.push(...order.slice(at, at + this.#group).sort((a, b) => lengths[b]! - lengths[a]!));
    }
    const longest = firsts.reduce((best, at) => (lengths[sorted[at]!]! > lengths[sorted[best]!]! ? at : best), 0);
    if (sorted.length > 0) [sorted[0], sorted[longest]] = [sorted[longest]!, sorted[0]!];
    return sorted;
  }
}

export interface DistributedOptions {
  /** How many processes share the rows, and which of them this is. */
  readonly numReplicas: number;
  readonly rank: number;
  readonly shuffle?: boolean;
  readonly seed?: number;
  /** Leaves out rows that do not fill a round of all processes; without it some rows are had twice. */
  readonly dropLast?: boolean;
}

/** Every `numReplicas`th row, in an order that follows from the seed and the epoch alone: all processes agree on it. */
export class DistributedSampler implements Sampler {
  readonly length: number;
  readonly #rows: number;
  readonly #options: Required<DistributedOptions>;
  #epoch = 0;

  constructor(rows: { readonly length: number }, options: DistributedOptions) {
    const { numReplicas, rank, dropLast = false } = options;
    if (
      !Number.isInteger(numReplicas) ||
      numReplicas < 1 ||
      !Number.isInteger(rank) ||
      rank < 0 ||
      rank >= numReplicas
    ) {
      throw new ArgumentError(
        `DistributedSampler: rank ${rank} of ${numReplicas} replicas; ranks go from 0 to numReplicas − 1.`,
        { rank, numReplicas },
      );
    }
    this.#rows = rows.length;
    this.#options = { shuffle: true, seed: 0, ...options, dropLast };
    this.length = dropLast ? Math.floor(rows.length / numReplicas) : Math.ceil(rows.length / numReplicas);
  }

  /** To be called before each epoch, or all epochs have one order. */
  setEpoch(epoch: number): void {
    this.#epoch = epoch;
  }

  *[Symbol.iterator](): IterableIterator<number> {
    const { numReplicas, rank, shuffle, seed } = this.#options;
    const order = shuffle ? new Generator(seed + this.#epoch).permutation(this.#rows) : undefined;
    for (let i = rank; i < this.length * numReplicas; i += numReplicas) {
      const at = i % this.#rows; // what is missing at the end is taken from the start
      yield order === undefined ? at : order[at]!;
    }
  }

  stateDict(): SamplerState {
    return { epoch: this.#epoch };
  }
  loadStateDict({ epoch = 0 }: SamplerState): void {
    this.#epoch = epoch;
  }
}

/** The indices of another sampler in batches. */
export class BatchSampler implements Sampler<number[]> {
  readonly sampler: Sampler;
  readonly batchSize: number;
  readonly dropLast: boolean;
  constructor(sampler: Sampler, options: { readonly batchSize: number; readonly dropLast?: boolean }) {
    checkBatchSize("BatchSampler", options.batchSize);
    this.sampler = sampler;
    this.batchSize = options.batchSize;
    this.dropLast = options.dropLast ?? false;
  }
  get length(): number {
    const batches = this.sampler.length / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }
  *[Symbol.iterator](): IterableIterator<number[]> {
    let batch: number[] = [];
    for (const index of this.sampler) {
      batch.push(index);
      if (batch.length < this.batchSize) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0 && !this.dropLast) yield batch;
  }
  stateDict(): SamplerState {
    return this.sampler.stateDict?.() ?? {};
  }
  loadStateDict(state: SamplerState): void {
    this.sampler.loadStateDict?.(state);
  }
}

export function checkBatchSize(who: string, batchSize: number): void {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new ArgumentError(`${who}: batchSize ${batchSize}; it is a whole number of at least 1.`, { batchSize });
  }
}
