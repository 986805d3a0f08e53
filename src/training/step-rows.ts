// Which rows each step learns from, in batches. Of rows by number it follows from the seed and the step; of a stream from how far
// its pass is, which the run's state keeps. So either can go on in the middle.

import { ArgumentError, DataError } from "../base/errors.ts";
import type { Dataset } from "../data/dataset.ts";
import type { CheckedArguments } from "./arguments.ts";
import { epochBatches } from "./order.ts";
import { readRows, type Stream } from "./rows.ts";
import { lengthOf } from "./schedule.ts";
import type { TrainerState } from "./state.ts";

export interface StepRows<Row> {
  /** Rows of a pass; undefined where nobody knows. */
  readonly count: number | undefined;
  /** The rows of the step after `step` done ones, by batch. Steps come in their order. */
  ofStep(step: number): Promise<Row[][]>;
  /** No more steps follow. */
  close(): Promise<void>;
}

/** Rows by number, in another random order each epoch. */
export class ShuffledRows<Row> implements StepRows<Row> {
  readonly count: number;
  readonly #rows: Dataset<Row>;
  readonly #args: CheckedArguments;
  /** How long each row is, to group them by. */
  readonly #lengths: readonly number[] | undefined;
  #order: { readonly epoch: number; readonly batches: readonly number[][] } | undefined;

  constructor(rows: Dataset<Row>, args: CheckedArguments, lengths: readonly number[] | undefined) {
    this.#rows = rows;
    this.count = rows.length;
    this.#args = args;
    this.#lengths = lengths;
  }
  async ofStep(step: number): Promise<Row[][]> {
    const { perDeviceTrainBatchSize: batchSize, gradientAccumulationSteps: batches, dataSeed: seed } = this.#args;
    const { dataloaderDropLast: dropLast } = this.#args;
    const { stepsPerEpoch } = lengthOf(this.#args, this.count);
    const epoch = Math.floor(step / stepsPerEpoch);
    if (this.#order?.epoch !== epoch) {
      const options = { batchSize, seed, epoch, lengths: this.#lengths, dropLast };
      this.#order = { epoch, batches: epochBatches(this.count, options) };
    }
    const first = (step % stepsPerEpoch) * batches;
    const chosen = this.#order.batches.slice(first, first + batches);
    return Promise.all(chosen.map((batch) => readRows(this.#rows, batch)));
  }
  async close(): Promise<void> {}
}

/** Rows as they come. A pass that ends in the middle of a step ends the step. */
export class StreamedRows<Row> implements StepRows<Row> {
  readonly count = undefined;
  readonly #stream: Stream<Row>;
  readonly #args: CheckedArguments;
  readonly #state: TrainerState;
  #pass: AsyncGenerator<Row, void, undefined> | undefined;

  constructor(stream: Stream<Row>, args: CheckedArguments, state: TrainerState) {
    this.#stream = stream;
    this.#args = args;
    this.#state = state;
  }
  async ofStep(): Promise<Row[][]> {
    const batches = await this.#batches();
    if (batches.length > 0) return batches;
    const next = await this.#batches();
    if (next.length > 0) return next;
    throw new DataError("Trainer: the stream gives no rows, or less than a batch with dataloaderDropLast.", {});
  }
  async close(): Promise<void> {
    await this.#pass?.return();
  }

  /** The batches of a step, none at the end of a pass. */
  async #batches(): Promise<Row[][]> {
    const { perDeviceTrainBatchSize: size, gradientAccumulationSteps: wanted, dataloaderDropLast } = this.#args;
    const place = (this.#state.stream ??= { pass: 0, rows: 0 });
    this.#pass ??= await this.#passFrom(place);
    const batches: Row[][] = [];
    while (batches.length < wanted) {
      const batch: Row[] = [];
      let done = false;
      while (batch.length < size && !done) {
        const next = await this.#pass.next();
        if (next.done === true) done = true;
        else batch.push(next.value);
      }
      place.rows += batch.length;
      if (batch.length === size || (batch.length > 0 && !dataloaderDropLast)) batches.push(batch);
      if (done) {
        this.#pass = undefined;
        Object.assign(place, { pass: place.pass + 1, rows: 0 });
        break;
      }
    }
    return batches;
  }
  /** A pass without the rows that were learnt before: they are read once more, so that a shuffled stream goes on as it would have. */
  async #passFrom({
    pass,
    rows,
  }: {
    readonly pass: number;
    readonly rows: number;
  }): Promise<AsyncGenerator<Row, void>> {
    const made = this.#stream.pass(pass);
    for (let i = 0; i < rows; i++) {
      if ((await made.next()).done === true)
        throw new DataError(`Trainer: the stream has ${i} rows; the checkpoint stands after row ${rows}.`, { rows });
    }
    return made;
  }
}

/** Throws where a run by these arguments would need to know how many rows a stream has. */
export function checkStreamed(args: CheckedArguments): void {
  const { maxSteps, maxMinutes, groupByLength, evalStrategy, saveStrategy, loggingStrategy } = args;
  if (maxSteps <= 0 && maxMinutes === undefined) {
    throw new ArgumentError(
      "Trainer: trainDataset is a stream, whose length nobody knows. Say how many steps to train by maxSteps.",
      {},
    );
  }
  if (groupByLength) {
    throw new ArgumentError(
      "Trainer: groupByLength needs the lengths of all rows, and trainDataset is a stream. Give a Dataset, or leave it out.",
      {},
    );
  }
  const byEpoch = Object.entries({ evalStrategy, saveStrategy, loggingStrategy }).find(([, how]) => how === "epoch");
  if (byEpoch === undefined) return;
  throw new ArgumentError(
    `Trainer: ${byEpoch[0]} is "epoch", and of a stream nobody knows how long that is. Use "steps".`,
    {},
  );
}
