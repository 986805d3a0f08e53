// Several streams as one: one after the other, or in turn.

import type { NumpyGenerator, NumpyState } from "../numpy-random.ts";
import type { StoppingStrategy } from "./order.ts";
import type { Row } from "./rows.ts";
import { copyOf, laterGenerator, type Stage, type StageState } from "./stages.ts";

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
