// What a stream of rows is made of: a source and the steps on it. Each step knows where it is in a plain state, which it keeps up
// to date while rows come; rows go on from any state that was copied at a row. Orders are those of Python's `datasets`.

import { DataError } from "../../base/errors.ts";
import { NumpyGenerator, type NumpyState } from "../numpy-random.ts";
import { type StoppingStrategy, shardRange } from "./order.ts";
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

const copyOf = <S extends StageState>(state: S): S => structuredClone(state);
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

/** How many of `n` fall to one of several shards. */
function share(n: number, shard: readonly [numShards: number, index: number] | undefined): number {
  if (shard === undefined) return n;
  const [from, to] = shardRange(n, ...shard);
  return to - from;
}

/** Leaves out the first rows; the order of shards is fixed from here on. */
export class SkipStage extends Step {
  readonly #n: number;
  constructor(source: Stage, n: number) {
    super(source);
    this.#n = n;
  }
  protected override fresh(): StageState {
    return { skipped: 0 };
  }
  async *rows(state: StageState): AsyncGenerator<Row> {
    const place = state as StageState & { skipped: number }; // made by fresh
    for await (const row of this.source.rows(inner(state))) {
      if (place.skipped < this.#n) place.skipped++;
      else yield row;
    }
  }
  override shuffled(): undefined {}
  on(source: Stage, shard?: readonly [number, number]): Stage {
    return new SkipStage(source, share(this.#n, shard));
  }
}

/** The first rows; the order of shards is fixed from here on. */
export class TakeStage extends Step {
  readonly #n: number;
  constructor(source: Stage, n: number) {
    super(source);
    this.#n = n;
  }
  protected override fresh(): StageState {
    return { taken: 0 };
  }
  async *rows(state: StageState): AsyncGenerator<Row> {
    const place = state as StageState & { taken: number }; // made by fresh
    if (place.taken >= this.#n) return;
    for await (const row of this.source.rows(inner(state))) {
      place.taken++;
      yield row;
      if (place.taken >= this.#n) return;
    }
  }
  override shuffled(): undefined {}
  on(source: Stage, shard?: readonly [number, number]): Stage {
    return new TakeStage(source, share(this.#n, shard));
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
function laterGenerator(generator: NumpyGenerator, epoch: number): NumpyGenerator {
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

/** One stream after another. */
export class ConcatStage implements Stage {
  readonly #sources: readonly Stage[];
  constructor(sources: readonly Stage[]) {
    this.#sources = sources;
  }
  get numShards(): number {
    return this.#sources.reduce((sum, { numShards }) => sum + numShards, 0);
  }
  begin(): StageState {
    return { at: 0, sources: this.#sources.map((source) => source.begin()) };
  }
  async *rows(state: StageState): AsyncGenerator<Row> {
    const place = state as { at: number; sources: StageState[] }; // made by begin
    for (; place.at < this.#sources.length; place.at++) yield* this.#sources[place.at]!.rows(place.sources[place.at]!);
  }
  shuffled(generator: NumpyGenerator): Stage | undefined {
    const order = generator.copy().shuffle([...this.#sources]);
    const shuffled = order.map((source) => source.shuffled(generator)).filter((source) => source !== undefined);
    return shuffled.length === order.length ? new ConcatStage(shuffled) : undefined;
  }
  sharded(numShards: number, index: number): Stage {
    return new ConcatStage(this.#sources.map((source) => source.sharded(numShards, index)));
  }
  reseeded(epoch: number): Stage {
    return new ConcatStage(this.#sources.map((source) => source.reseeded(epoch)));
  }
}

/** How the sources of a mixed stream take turns: one after the other, or by lot. */
export type Turns =
  | { readonly kind: "cycle" }
  | { readonly kind: "drawn"; readonly generator: NumpyGenerator; readonly probabilities: readonly number[] };

interface MixState extends StageState {
  /** Before the row that is looked at ahead; null where it begins anew. */
  sources: (StageState | null)[];
  exhausted: boolean[];
  /** Turns taken since the generator stood as it does here. */
  turn: number;
  generator: NumpyState | null;
}

const drawnAtOnce = 1000;

/** Several streams in turn. Each is looked one row ahead, to know when it ends. */
export class MixStage implements Stage {
  readonly #sources: readonly Stage[];
  readonly #turns: Turns;
  readonly #strategy: StoppingStrategy;
  constructor(sources: readonly Stage[], turns: Turns, strategy: StoppingStrategy) {
    this.#sources = sources;
    this.#turns = turns;
    this.#strategy = strategy;
  }
  get numShards(): number {
    return this.#sources.reduce((least, { numShards }) => Math.min(least, numShards), Number.POSITIVE_INFINITY);
  }
  begin(): MixState {
    return {
      sources: this.#sources.map(() => null),
      exhausted: this.#sources.map(() => false),
      turn: 0,
      generator: this.#turns.kind === "drawn" ? this.#turns.generator.state : null,
    };
  }

  async *rows(state: StageState): AsyncGenerator<Row> {
    const place = state as MixState; // made by begin
    const { exhausted } = place;
    const once = this.#strategy === "all_exhausted_without_replacement";
    const stops = (): boolean =>
      this.#strategy === "first_exhausted" ? exhausted.some(Boolean) : exhausted.every(Boolean);
    const heads = this.#sources.map((source, i) => new Head(source, place.sources[i] ?? source.begin()));
    for (const i of this.#order(place)) {
      if (stops()) return;
      if (once && exhausted[i]) continue;
      const head = heads[i]!;
      const result = await head.take();
      const { before, done } = await head.look();
      place.sources[i] = before;
      if (done) {
        exhausted[i] = true;
        if (!once) {
          heads[i] = new Head(this.#sources[i]!, this.#sources[i]!.begin());
          place.sources[i] = null;
        }
      }
      if (result.done !== true) yield result.value;
      else if (exhausted.every(Boolean)) return; // all are empty
    }
  }
  *#order(place: MixState): Generator<number, void> {
    const turns = this.#turns;
    if (turns.kind === "cycle") {
      for (;;) {
        const i = place.turn;
        place.turn = (place.turn + 1) % this.#sources.length;
        yield i;
      }
    }
    const generator = turns.generator.copy();
    for (;;) {
      generator.state = place.generator!;
      const drawn = generator.weighted(turns.probabilities, drawnAtOnce);
      while (place.turn < drawnAtOnce) yield drawn[place.turn++]!;
      place.turn = 0;
      place.generator = generator.state;
    }
  }

  shuffled(generator: NumpyGenerator): Stage | undefined {
    const shuffled = this.#sources.map((source) => source.shuffled(generator)).filter((source) => source !== undefined);
    if (shuffled.length < this.#sources.length) return undefined;
    const turns: Turns = this.#turns.kind === "drawn" ? { ...this.#turns, generator } : this.#turns;
    return new MixStage(shuffled, turns, this.#strategy);
  }
  sharded(numShards: number, index: number): Stage {
    return new MixStage(
      this.#sources.map((source) => source.sharded(numShards, index)),
      this.#turns,
      this.#strategy,
    );
  }
  reseeded(epoch: number): Stage {
    const turns = this.#turns;
    const later: Turns =
      turns.kind === "drawn" ? { ...turns, generator: laterGenerator(turns.generator, epoch) } : turns;
    return new MixStage(
      this.#sources.map((source) => source.reseeded(epoch)),
      later,
      this.#strategy,
    );
  }
}

/** A stream with its next row known. */
class Head {
  readonly #rows: AsyncGenerator<Row>;
  readonly #live: StageState;
  #before: StageState;
  #next: IteratorResult<Row> | undefined;
  constructor(source: Stage, state: StageState) {
    this.#live = copyOf(state);
    this.#before = state;
    this.#rows = source.rows(this.#live);
  }
  async take(): Promise<IteratorResult<Row>> {
    const next = this.#next ?? (await this.#rows.next());
    this.#next = undefined;
    return next;
  }
  /** Where the next row comes from, and whether there is none. */
  async look(): Promise<{ readonly before: StageState; readonly done: boolean }> {
    this.#before = copyOf(this.#live);
    this.#next = await this.#rows.next();
    return { before: this.#before, done: this.#next.done === true };
  }
}

export function badState(what: string): DataError {
  return new DataError(`loadStateDict: ${what}. The state is of another stream.`, {});
}
