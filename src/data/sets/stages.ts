// What a stream of rows is made of: a source and the steps on it (mixed-stages.ts has those on several). Each step knows where it is in a plain state, which it keeps up
// to date while rows come; rows go on from any state that was copied at a row. Orders are those of Python's `datasets`.

import { NumpyGenerator } from "../numpy-random.ts";
import { shardRange } from "./order.ts";
import type { Row } from "./rows.ts";

/** Where a step is; what it holds is the step's own business. */
export interface StageState {
  [name: string]: unknown;
}

export interface Stage {
  readonly numShards: number;
  /** Where it begins. */
  begin(): StageState;
  /** The rows from a state on; the state moves with them. */
  rows(state: StageState): AsyncGenerator<Row>;
  /** With the sources' shards in another order; undefined where their order is fixed. */
  shuffled(generator: NumpyGenerator): Stage | undefined;
  /** A part of the shards. */
  sharded(numShards: number, index: number): Stage;
  /** With other random draws, for another epoch. */
  reseeded(epoch: number): Stage;
}

/** Rows of one file, or another part of a source, without the first `skip`. */
export type Shard = (skip: number) => Iterable<Row> | AsyncIterable<Row>;

interface SourceState extends StageState {
  shard: number;
  row: number;
}

export class SourceStage implements Stage {
  readonly #shards: readonly Shard[];
  constructor(shards: readonly Shard[]) {
    this.#shards = shards;
  }
  get numShards(): number {
    return this.#shards.length;
  }
  begin(): SourceState {
    return { shard: 0, row: 0 };
  }
  async *rows(state: StageState): AsyncGenerator<Row> {
    const place = state as SourceState; // made by begin
    for (; place.shard < this.#shards.length; place.shard++) {
      for await (const row of this.#shards[place.shard]!(place.row)) {
        place.row++;
        yield row;
      }
      place.row = 0;
    }
  }
  shuffled(generator: NumpyGenerator): Stage {
    return new SourceStage(generator.copy().shuffle([...this.#shards]));
  }
  sharded(numShards: number, index: number): Stage {
    const [from, to] = shardRange(this.#shards.length, numShards, index);
    return new SourceStage(this.#shards.slice(from, to));
  }
  reseeded(): Stage {
    return this;
  }
}

export const copyOf = <S extends StageState>(state: S): S => structuredClone(state);
const inner = (state: StageState): StageState => state["source"] as StageState; // what `begin` put there

/** A step on one other. */
abstract class Step implements Stage {
  readonly source: Stage;
  constructor(source: Stage) {
    this.source = source;
  }
  get numShards(): number {
    return this.source.numShards;
  }
  begin(): StageState {
    return { source: this.source.begin(), ...this.fresh() };
  }
  /** What it remembers beside the source's state. */
  protected fresh(): StageState {
    return {};
  }
  abstract rows(state: StageState): AsyncGenerator<Row>;
  /** The same step on another source. */
  abstract on(source: Stage, share?: readonly [numShards: number, index: number]): Stage;
  shuffled(generator: NumpyGenerator): Stage | undefined {
    const source = this.source.shuffled(generator);
    return source && this.on(source);
  }
  sharded(numShards: number, index: number): Stage {
    return this.on(this.source.sharded(numShards, index), [numShards, index]);
  }
  reseeded(epoch: number): Stage {
    return this.on(this.source.reseeded(epoch));
  }
}

/** A function of single rows; it gives the row that follows, or undefined to leave it out. */
export type RowFunction = (row: Row, index: number) => Row | undefined | Promise<Row | undefined>;

export class RowStage extends Step {
  readonly #f: RowFunction;
  constructor(source: Stage, f: RowFunction) {
    super(source);
    this.#f = f;
  }
  protected override fresh(): StageState {
    return { index: 0 };
  }
  async *rows(state: StageState): AsyncGenerator<Row> {
    const place = state as StageState & { index: number }; // made by fresh
    for await (const row of this.source.rows(inner(state))) {
      const made = this.#f(row, place.index++);
      const kept = made instanceof Promise ? await made : made;
      if (kept !== undefined) yield kept;
    }
  }
  on(source: Stage): Stage {
    return new RowStage(source, this.#f);
  }
}

export type BatchFunction = (rows: Row[], firstIndex: number) => readonly Row[] | Promise<readonly Row[]>;

export interface BatchOptions {
  /** Rows a batch; 0 for all of them. */
  readonly batchSize: number;
  readonly dropLastBatch: boolean;
}

/** A function of batches. It goes on at the beginning of a batch, and leaves out what it gave before. */
export class BatchStage extends Step {
  readonly #f: BatchFunction;
  readonly #options: BatchOptions;
  constructor(source: Stage, f: BatchFunction, options: BatchOptions) {
    super(source);
    this.#f = f;
    this.#options = options;
  }
  protected override fresh(): StageState {
    return { index: 0, given: 0 };
  }
  async *rows(state: StageState): AsyncGenerator<Row> {
    const place = state as StageState & { index: number; given: number }; // made by fresh
    const { batchSize, dropLastBatch } = this.#options;
    const live = copyOf(inner(state));
    const source = this.source.rows(live);
    for (let skip = place.given; ; skip = 0) {
      const batch: Row[] = [];
      while (batchSize === 0 || batch.length < batchSize) {
        const { value, done } = await source.next();
        if (done === true) break;
        batch.push(value);
      }
      if (batch.length === 0 || (dropLastBatch && batch.length < batchSize)) return;
      const made = await this.#f(batch, place.index);
      for (let i = skip; i < made.length; i++) {
        place.given = i + 1;
        yield made[i]!;
      }
      place.index += batch.length;
      place.given = 0;
      place["source"] = copyOf(live);
    }
  }
  on(source: Stage): Stage {
    return new BatchStage(source, this.#f, this.#options);
  }
}

/** A step that counts rows up to `n`, each shard its part of them; the order of shards is fixed from here on. */
abstract class CountingStage extends Step {
  readonly n: number;
  constructor(source: Stage, n: number) {
    super(source);
    this.n = n;
  }
  protected override fresh(): { count: number } {
    return { count: 0 };
  }
  override shuffled(): undefined {}
  protected abstract of(source: Stage, n: number): Stage;
  on(source: Stage, shard?: readonly [numShards: number, index: number]): Stage {
    const [from, to] = shard === undefined ? [0, this.n] : shardRange(this.n, ...shard);
    return this.of(source, to - from);
  }
}

/** Leaves out the first rows. */
export class SkipStage extends CountingStage {
  async *rows(state: StageState): AsyncGenerator<Row> {
    const place = state as StageState & { count: number }; // made by fresh
    for await (const row of this.source.rows(inner(state))) {
      if (place.count < this.n) place.count++;
      else yield row;
    }
  }
  of(source: Stage, n: number): Stage {
    return new SkipStage(source, n);
  }
}

/** The first rows. */
export class TakeStage extends CountingStage {
  async *rows(state: StageState): AsyncGenerator<Row> {
    const place = state as StageState & { count: number }; // made by fresh
    if (place.count >= this.n) return;
    for await (const row of this.source.rows(inner(state))) {
      place.count++;
      yield row;
      if (place.count >= this.n) return;
    }
  }
  of(source: Stage, n: number): Stage {
    return new TakeStage(source, n);
  }
}

/** All rows again and again. */
export class RepeatStage extends Step {
  readonly #times: number;
  constructor(source: Stage, times: number) {
    super(source);
    this.#times = times;
  }
  protected override fresh(): StageState {
    return { repeated: 0 };
  }
  async *rows(state: StageState): AsyncGenerator<Row> {
    const place = state as StageState & { repeated: number }; // made by fresh
    for (; place.repeated < this.#times; place.repeated++) {
      yield* this.source.rows(inner(state));
      place["source"] = this.source.begin();
    }
  }
  on(source: Stage): Stage {
    return new RepeatStage(source, this.#times);
  }
}

/** The generator of another epoch: a new seed from the old stream, less the epoch. */
export function laterGenerator(generator: NumpyGenerator, epoch: number): NumpyGenerator {
  const seed = generator.copy().seed63() - BigInt(epoch);
  return new NumpyGenerator(seed < 0n ? -seed : seed);
}

/**
 * Rows by a buffer: each comes from a random place, which the next row of the source takes. The buffer is not part of the state:
 * rows in it are lost when a stream goes on elsewhere, as in `datasets`.
 */
export class BufferStage extends Step {
  readonly #size: number;
  readonly #generator: NumpyGenerator;
  constructor(source: Stage, size: number, generator: NumpyGenerator) {
    super(source);
    this.#size = size;
    this.#generator = generator;
  }
  async *rows(state: StageState): AsyncGenerator<Row> {
    const generator = this.#generator.copy();
    const buffer: Row[] = [];
    let places: number[] = [];
    for await (const row of this.source.rows(inner(state))) {
      if (buffer.length < this.#size) {
        buffer.push(row);
        continue;
      }
      // Places are drawn a thousand at a time: what is shuffled at the end depends on it.
      if (places.length === 0) places = Array.from({ length: 1000 }, () => generator.upTo(this.#size - 1)).reverse();
      const place = places.pop()!;
      yield buffer[place]!;
      buffer[place] = row;
    }
    yield* generator.shuffle(buffer);
  }
  on(source: Stage): Stage {
    return new BufferStage(source, this.#size, this.#generator);
  }
  override reseeded(epoch: number): Stage {
    return new BufferStage(this.source.reseeded(epoch), this.#size, laterGenerator(this.#generator, epoch));
  }
}
