// A stream of rows, for data that is read once and never held: nothing is computed before rows are asked for.
//
//     const rows = (await loadDataset("json", { dataFiles, streaming: true })).train.shuffle({ seed: 1, bufferSize: 1000 });
//     for await (const row of rows.take(100)) …

import { ArgumentError, DataError } from "../../base/errors.ts";
import { type Features, sameFeature } from "../features.ts";
import { NumpyGenerator } from "../numpy-random.ts";
import { castValues } from "../table/cast.ts";
import type { Dataset } from "./dataset.ts";
import type { DictOf } from "./dataset-dict.ts";
import { MixStage } from "./mixed-stages.ts";
import { shardRange } from "./order.ts";
import { type BatchOf, batchOfRows, type Merged, type Row, type RowOfBatch, rowsOfBatch } from "./rows.ts";
import {
  BatchStage,
  BufferStage,
  RepeatStage,
  RowStage,
  type Shard,
  SkipStage,
  SourceStage,
  type Stage,
  type StageState,
  TakeStage,
} from "./stages.ts";

/** Where a stream is: plain data, which JSON can hold. */
export interface StreamState {
  readonly epoch: number;
  readonly rows: StageState;
}

export interface StreamMapOptions<C extends string> {
  readonly batched?: boolean;
  /** Rows of a batch, default 1000; 0 for all. */
  readonly batchSize?: number;
  readonly dropLastBatch?: boolean;
  readonly removeColumns?: readonly C[];
  /** These columns become the function's first arguments, in place of the row. */
  readonly inputColumns?: readonly string[];
  readonly fnKwargs?: unknown;
  /** What the result's columns hold, if it is to be known. */
  readonly features?: Features;
}
export interface StreamShuffleOptions {
  readonly seed?: number | bigint;
  /** Rows to choose from, default 1000. */
  readonly bufferSize?: number;
  /** Shards that the buffer is filled from in turn, default 10. */
  readonly maxBufferInputShards?: number;
}
type Without<R, C> = { [K in keyof R as K extends C ? never : K]: R[K] };
type Plain = (...args: unknown[]) => unknown;

export class IterableDataset<R extends object = Row> implements AsyncIterable<R> {
  /** What the columns hold; undefined where nobody knows before the rows come. */
  readonly features: Features | undefined;
  /** The steps that make it; for those who join streams. */
  readonly stage: Stage;
  #epoch = 0;
  #live: StageState | undefined;
  #start: StreamState | undefined;

  constructor(stage: Stage, features?: Features) {
    this.stage = stage;
    this.features = features;
  }
  /** Rows that a function makes whenever they are asked for; each of several functions is a shard. */
  static fromGenerator<R extends object>(
    generator: (() => Iterable<R> | AsyncIterable<R>) | readonly (() => Iterable<R> | AsyncIterable<R>)[],
    options: { readonly features?: Features } = {},
  ): IterableDataset<R> {
    const makers = typeof generator === "function" ? [generator] : generator;
    const stream = new IterableDataset<R>(new SourceStage(makers.map((make) => skipping(make as () => Iterable<Row>)))); // rows are objects
    return options.features === undefined ? stream : stream.cast(options.features);
  }

  get numShards(): number {
    return this.stage.numShards;
  }
  get columnNames(): string[] | undefined {
    return this.features && Object.keys(this.features);
  }
  get epoch(): number {
    return this.#epoch;
  }
  /** Another epoch: shuffled streams come in another order. */
  setEpoch(epoch: number): void {
    this.#epoch = epoch;
  }

  // ── rows, and the place among them ──────────────────────────────────────────────────────────────────────────────

  async *[Symbol.asyncIterator](): AsyncGenerator<R, void, undefined> {
    let { stage } = this;
    const epoch = this.#epoch;
    if (epoch > 0) stage = (stage.shuffled(new NumpyGenerator(epoch)) ?? stage).reseeded(epoch);
    const start = this.#start;
    this.#start = undefined;
    const state = start?.epoch === epoch ? start.rows : stage.begin();
    this.#live = state;
    yield* stage.rows(state) as AsyncGenerator<R, void, undefined>; // the row type describes the stream
  }
  /** Where the iteration begun last is: after the row it gave last. */
  stateDict(): StreamState {
    return { epoch: this.#epoch, rows: structuredClone(this.#live ?? this.stage.begin()) };
  }
  /**
   * The next iteration, if it is of that epoch, begins there. Rows come as they would have, but for those in a shuffle buffer,
   * which are lost.
   */
  loadStateDict(state: StreamState): void {
    const known = Object.keys(this.stage.begin());
    const given = typeof state?.rows === "object" && state.rows !== null ? Object.keys(state.rows) : [];
    if (String(known.sort()) !== String(given.sort())) {
      const names = `it has ${given.join(", ")}, not ${known.join(", ")}`;
      throw new DataError(`loadStateDict: ${names}. The state is of another stream.`, {});
    }
    this.#start = structuredClone(state);
  }
  /** Rows by batches: Hugging Face's `iter`. */
  async *iter(batchSize: number, options: { readonly dropLastBatch?: boolean } = {}): AsyncGenerator<BatchOf<R>> {
    yield* this.batch(batchSize, options);
  }

  // ── steps ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #then<T extends object = R>(stage: Stage): IterableDataset<T> {
    const next = new IterableDataset<T>(stage, this.features);
    next.#epoch = this.#epoch;
    return next;
  }

  #unknown(): IterableDataset<R> {
    const next = new IterableDataset<R>(this.stage);
    next.#epoch = this.#epoch;
    return next;
  }

  /** Rows with what a function of each row, or of batches, adds or replaces; it may be asynchronous. */
  map<Out extends Readonly<Record<string, ArrayLike<unknown>>>, C extends keyof R & string = never>(
    f: (batch: BatchOf<R>, indices: number[], fnKwargs: never) => Out | Promise<Out>,
    options: StreamMapOptions<C> & { readonly batched: true; readonly inputColumns?: never },
  ): IterableDataset<Merged<Without<R, C>, RowOfBatch<Out>>>;
  map<Out extends object, C extends keyof R & string = never>(
    f: (row: R, index: number, fnKwargs: never) => Out | Promise<Out>,
    options?: StreamMapOptions<C> & { readonly batched?: false; readonly inputColumns?: never },
  ): IterableDataset<Merged<Without<R, C>, Out>>;
  map<Out extends object = Row, C extends keyof R & string = never>(
    f: (...args: never[]) => Out | Promise<Out>,
    options: StreamMapOptions<C> & { readonly inputColumns: readonly string[] },
  ): IterableDataset<Merged<Without<R, C>, Out>>;
  map(f: unknown, options: StreamMapOptions<string> = {}): IterableDataset<never> {
    const apply = f as Plain; // as the overloads say
    const { batched = false, batchSize = 1000, dropLastBatch = false, removeColumns = [], features } = options;
    const stage = batched
      ? new BatchStage(
          this.stage,
          async (rows, index) => {
            const batch = batchOfRows(rows);
            const indices = rows.map((_, i) => index + i);
            const made = (await called(apply, batch, indices, options)) as Record<string, ArrayLike<unknown>>; // checked below
            const kept = { ...batch };
            for (const name of removeColumns) delete kept[name];
            return rowsOf({ ...kept, ...made }, made, index);
          },
          { batchSize, dropLastBatch },
        )
      : new RowStage(this.stage, (row, index) => {
          const join = (made: unknown): Row => {
            if (typeof made !== "object" || made === null) {
              throw new DataError(`map: row ${index} became ${String(made)}; wants an object of columns.`, {
                row: index,
              });
            }
            const kept = { ...row };
            for (const name of removeColumns) delete kept[name];
            return Object.assign(kept, made);
          };
          const made = called(apply, row, index, options);
          return made instanceof Promise ? made.then(join) : join(made);
        });
    const mapped = this.#then<never>(stage).#unknown();
    return features === undefined ? mapped : mapped.cast(features);
  }

  /** The rows for which a function says yes; it may be asynchronous. */
  filter(
    f: (row: R, index: number) => boolean | Promise<boolean>,
    options: { readonly inputColumns?: never; readonly fnKwargs?: unknown } = {},
  ): IterableDataset<R> {
    const apply = f as unknown as Plain; // the row type describes the stream
    return this.#then(
      new RowStage(this.stage, (row, index) => {
        const answer = called(apply, row, index, options);
        if (answer instanceof Promise) return answer.then((yes) => (yes === true ? row : undefined));
        return answer === true ? row : undefined;
      }),
    );
  }

  /** In random order within a buffer; shards come in random order too, and several fill the buffer in turn. */
  shuffle(options: StreamShuffleOptions = {}): IterableDataset<R> {
    const { bufferSize = 1000, maxBufferInputShards = 10 } = options;
    count("shuffle", "bufferSize", bufferSize, 1);
    const generator = new NumpyGenerator(options.seed);
    const shuffled = this.stage.shuffled(generator);
    let stage = shuffled ?? this.stage;
    const inputs = shuffled === undefined ? 1 : Math.min(stage.numShards, maxBufferInputShards);
    if (inputs > 1) {
      const parts = Array.from({ length: inputs }, (_, i) => stage.sharded(inputs, i));
      stage = new MixStage(parts, { kind: "cycle" }, "all_exhausted_without_replacement");
    }
    return this.#then(new BufferStage(stage, bufferSize, generator));
  }
  take(n: number): IterableDataset<R> {
    count("take", "n", n, 0);
    return this.#then(new TakeStage(this.stage, n));
  }
  skip(n: number): IterableDataset<R> {
    count("skip", "n", n, 0);
    return this.#then(new SkipStage(this.stage, n));
  }
  repeat(times: number): IterableDataset<R> {
    count("repeat", "times", times, 0);
    return this.#then(new RepeatStage(this.stage, times));
  }
  /** Each `batchSize` rows as one, whose columns are lists. */
  batch(batchSize: number, options: { readonly dropLastBatch?: boolean } = {}): IterableDataset<BatchOf<R>> {
    count("batch", "batchSize", batchSize, 1);
    const { dropLastBatch = false } = options;
    const stage = new BatchStage(this.stage, (rows) => [batchOfRows(rows)], { batchSize, dropLastBatch });
    return this.#then<BatchOf<R>>(stage).#unknown();
  }
  /** The shards of one of several readers. */
  shard(numShards: number, index: number): IterableDataset<R> {
    shardRange(this.numShards, numShards, index); // checks
    if (numShards > this.numShards) {
      throw new ArgumentError(
        `shard: ${numShards} parts of ${this.numShards} shards; a stream has one for each file.`,
        {
          numShards,
        },
      );
    }
    return this.#then(this.stage.sharded(numShards, index));
  }

  // ── columns ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #columns<T extends object>(change: (name: string) => string | undefined): IterableDataset<T> {
    const rename = <V>(row: Readonly<Record<string, V>>): Record<string, V> =>
      Object.fromEntries(
        Object.entries(row).flatMap(([name, value]) => {
          const to = change(name);
          return to === undefined ? [] : [[to, value]];
        }),
      );
    const stage = new RowStage(this.stage, (row) => rename(row));
    return new IterableDataset<T>(stage, this.features && rename(this.features));
  }
  removeColumns<K extends keyof R & string>(columns: K | readonly K[]): IterableDataset<Without<R, K>> {
    const names: readonly string[] = typeof columns === "string" ? [columns] : columns;
    return this.#columns((name) => (names.includes(name) ? undefined : name));
  }
  selectColumns<K extends keyof R & string>(columns: K | readonly K[]): IterableDataset<{ [N in K]: R[N] }> {
    const names: readonly string[] = typeof columns === "string" ? [columns] : columns;
    return this.#columns((name) => (names.includes(name) ? name : undefined));
  }
  renameColumn<K extends keyof R & string, N extends string>(
    from: K,
    to: N,
  ): IterableDataset<{ [P in keyof R as P extends K ? N : P]: R[P] }> {
    return this.#columns((name) => (name === from ? to : name));
  }
  renameColumns(names: Readonly<Record<string, string>>): IterableDataset<Row> {
    return this.#columns((name) => names[name] ?? name);
  }
  /** Values as these features hold them, and null for columns that a row lacks. */
  cast(features: Features): IterableDataset<R> {
    const stage = new RowStage(this.stage, (row, index) =>
      Object.fromEntries(
        Object.entries(features).map(([name, feature]) => {
          const value = Object.hasOwn(row, name) ? row[name] : null;
          return [name, castValues([value], feature, name, index)[0]];
        }),
      ),
    );
    const same =
      this.features !== undefined &&
      Object.entries(features).every(([name, one]) => this.features?.[name] && sameFeature(this.features[name], one));
    return new IterableDataset<R>(same ? this.stage : stage, features);
  }
}

export type IterableDatasetDict<R extends object = Row, S extends string = string> = DictOf<S, IterableDataset<R>>;

function count(who: string, name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new ArgumentError(`${who}: ${name} ${value}; it is a whole number of at least ${least}.`, { [name]: value });
}

function called(
  apply: Plain,
  input: Readonly<Record<string, unknown>>,
  index: unknown,
  { inputColumns, fnKwargs }: { readonly inputColumns?: readonly string[] | undefined; readonly fnKwargs?: unknown },
): unknown {
  const inputs = inputColumns === undefined ? [input] : inputColumns.map((name) => input[name]);
  return fnKwargs === undefined ? apply(...inputs, index) : apply(...inputs, index, fnKwargs);
}

function rowsOf(
  columns: Readonly<Record<string, ArrayLike<unknown>>>,
  made: Readonly<Record<string, ArrayLike<unknown>>>,
  index: number,
): Row[] {
  const rows = Object.values(made)[0]?.length ?? Object.values(columns)[0]?.length ?? 0;
  const wrong = Object.entries(columns).find(([, { length }]) => length !== rows);
  if (wrong === undefined) return rowsOfBatch(columns, rows);
  throw new DataError(
    `map: the batch from row ${index} on has ${wrong[1].length} values of "${wrong[0]}" and ${rows} of others. ` +
      "Give all columns, or remove the others by removeColumns.",
    { column: wrong[0], row: index },
  );
}

/** A source that can only begin at its beginning. */
export function skipping(make: () => Iterable<Row> | AsyncIterable<Row>): Shard {
  return async function* (skip) {
    let left = skip;
    for await (const row of make()) {
      if (left > 0) left--;
      else yield row;
    }
  };
}

/** A data set as a stream, in `numShards` parts. */
export function toIterableDataset<R extends object>(
  dataset: Dataset<R>,
  options: { readonly numShards?: number } = {},
): IterableDataset<R> {
  const { numShards = 1 } = options;
  const shards = Array.from({ length: numShards }, (_, index): Shard => {
    const part = dataset.shard(numShards, index);
    return (skip) => part.skip(skip) as unknown as Iterable<Row>; // rows are objects
  });
  return new IterableDataset<R>(new SourceStage(shards), dataset.features);
}
