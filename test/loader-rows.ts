// The data sets of loader-workers.test.ts, as a module that workers load, often: so it imports little.

import { defaultGenerator } from "../src/base/random.ts";
import { getWorkerInfo } from "../src/base/worker-info.ts";
import { dealRows } from "../src/data/iterable.ts";
import type { IterableStyleDataset, MapStyleDataset } from "../src/data.ts";

export type Row = readonly [index: number, worker: number, seed: string, drawn: number];
export interface Args {
  readonly n: number;
  /** What the rows are; numbers if left out. */
  readonly kind?: "drawn" | "slow" | "stream" | "dealt" | "sharded" | "stateful" | "sizes";
  readonly sizes?: readonly number[];
  readonly failAt?: number;
  readonly exitAt?: number;
}

export function dataset(args: Args): MapStyleDataset<unknown> | IterableStyleDataset<unknown> | readonly unknown[] {
  const { n, kind } = args;
  const count = Array.from({ length: n }, (_, i) => i);
  switch (kind) {
    case undefined:
      return count;
    case "drawn":
      return { length: n, getItem: drawn };
    case "slow": // the first workers take longest
      return { length: n, getItem: (i) => wait(3 * (n - i)).then(() => trouble(args, i)) };
    case "stream":
      return new Counting(args);
    case "dealt":
      return dealRows(new Counting(args), 2);
    case "sharded":
      return new Sharded(count);
    case "stateful":
      return new Stateful(n);
    case "sizes": {
      const { id } = getWorkerInfo() ?? { id: 0 };
      return Array.from({ length: args.sizes![id]! }, (_, i) => 100 * id + i).values() as IterableStyleDataset<number>;
    }
    default:
      kind satisfies never;
      return [];
  }
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function drawn(i: number): Row {
  const { id, seed } = getWorkerInfo()!;
  return [i, id, `${seed}`, defaultGenerator.single() * 2 ** 24];
}

function trouble({ failAt, exitAt }: Args, i: number): number {
  if (i === failAt) throw new RangeError(`row ${i} is broken`);
  if (i === exitAt) process.exit(7); // ends this thread alone
  return i;
}

class Counting implements AsyncIterable<number> {
  readonly length: number;
  readonly #args: Args;
  constructor(args: Args) {
    this.length = args.n;
    this.#args = args;
  }
  async *[Symbol.asyncIterator](): AsyncGenerator<number, void, undefined> {
    for (let i = 0; i < this.length; i++) yield trouble(this.#args, i);
  }
}

class Sharded implements Iterable<number> {
  readonly rows: readonly number[];
  readonly numShards = 2;
  constructor(rows: readonly number[]) {
    this.rows = rows;
  }
  [Symbol.iterator](): Iterator<number> {
    return this.rows[Symbol.iterator]();
  }
  shard(numShards: number, index: number): Sharded {
    if (numShards > this.numShards) throw new Error(`${numShards} parts of ${this.numShards}`);
    return new Sharded(this.rows.filter((_, i) => i % numShards === index));
  }
}

/** Tells how many rows it read in vain: none, as it goes on where its state says. */
class Stateful implements Iterable<readonly [row: number, read: number]> {
  readonly n: number;
  #at = 0;
  #resumed = false;
  #read = 0;
  constructor(n: number) {
    this.n = n;
  }
  *[Symbol.iterator](): Generator<readonly [row: number, read: number], void, undefined> {
    if (!this.#resumed) this.#at = 0;
    this.#resumed = false;
    this.#read = 0;
    while (this.#at < this.n) yield [this.#at++, this.#read++];
  }
  stateDict(): unknown {
    return { at: this.#at };
  }
  loadStateDict(state: unknown): void {
    this.#at = (state as { at: number }).at; // what stateDict gave
    this.#resumed = true;
  }
}
