// The orders of rows: sorted, split, sharded, mixed. They are NumPy's and Hugging Face's, index by index.

import { ArgumentError } from "../../base/errors.ts";
import { NumpyGenerator } from "../numpy-random.ts";

// ── sorting ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface SortKey {
  readonly values: readonly unknown[];
  readonly reverse: boolean;
}

/** The places of rows in sorted order; equal rows stay as they were. Texts go by their code points, as bytes of UTF-8 do. */
export function sortedOrder(keys: readonly SortKey[], rows: number, nulls: "atStart" | "atEnd"): Uint32Array {
  const order = Uint32Array.from({ length: rows }, (_, i) => i);
  const nullSign = nulls === "atEnd" ? 1 : -1;
  return order.sort((a, b) => {
    for (const { values, reverse } of keys) {
      const [x, y] = [values[a], values[b]];
      const [emptyX, emptyY] = [isEmpty(x), isEmpty(y)];
      if (emptyX || emptyY) {
        if (emptyX && emptyY) continue;
        return emptyX ? nullSign : -nullSign;
      }
      const sign = compare(x, y);
      if (sign !== 0) return reverse ? -sign : sign;
    }
    return a - b;
  });
}
const isEmpty = (value: unknown): boolean => value === null || Number.isNaN(value);

function compare(x: unknown, y: unknown): number {
  if (typeof x === "string" && typeof y === "string") return compareTexts(x, y);
  const [a, b] = [x as number, y as number]; // numbers, bigints, booleans and dates compare alike
  return a < b ? -1 : a > b ? 1 : 0;
}
function compareTexts(a: string, b: string): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    // Surrogates stand below U+E000 in UTF-16, but for code points above.
    const [surrogateX, surrogateY] = [(x & 0xf800) === 0xd800, (y & 0xf800) === 0xd800];
    if (surrogateX !== surrogateY) return surrogateX ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

// ── splitting ───────────────────────────────────────────────────────────────────────────────────────────────────────

export interface SplitOptions {
  /** A number of rows, or a share below 1. */
  readonly testSize?: number;
  readonly trainSize?: number;
  /** Default true. */
  readonly shuffle?: boolean;
  readonly seed?: number | bigint;
  readonly generator?: NumpyGenerator;
}

/** How many rows each part has. */
export function splitSizes(rows: number, options: SplitOptions): { readonly train: number; readonly test: number } {
  const { testSize = options.trainSize === undefined ? 0.25 : undefined, trainSize } = options;
  for (const [name, size] of [
    ["testSize", testSize],
    ["trainSize", trainSize],
  ] as const) {
    const isWrong = size !== undefined && !(size > 0 && (size < 1 ? rows > 0 : Number.isInteger(size) && size < rows));
    if (isWrong) {
      throw new ArgumentError(
        `trainTestSplit: ${name} ${size} of ${rows} rows; it is a share between 0 and 1, or a whole number below the rows.`,
        { [name]: size, rows },
      );
    }
  }
  const test = testSize === undefined ? undefined : testSize < 1 ? Math.ceil(testSize * rows) : testSize;
  const train = trainSize === undefined ? undefined : trainSize < 1 ? Math.floor(trainSize * rows) : trainSize;
  const sizes = { train: train ?? rows - test!, test: test ?? rows - train! };
  if (sizes.train + sizes.test > rows || sizes.train < 1) {
    throw new ArgumentError(
      `trainTestSplit: ${sizes.train} + ${sizes.test} rows of ${rows}; leave at least one to train on.`,
      {
        ...sizes,
        rows,
      },
    );
  }
  return sizes;
}

export interface SplitOrder {
  readonly train: Uint32Array;
  readonly test: Uint32Array;
}

export function splitOrder(rows: number, options: SplitOptions, classes?: readonly unknown[]): SplitOrder {
  const { train, test } = splitSizes(rows, options);
  if (options.shuffle === false) {
    if (classes !== undefined) throw new ArgumentError("trainTestSplit: a stratified split is always shuffled.", {});
    const order = Uint32Array.from({ length: train + test }, (_, i) => i);
    return { train: order.subarray(0, train), test: order.subarray(train) };
  }
  const generator = options.generator ?? new NumpyGenerator(options.seed);
  if (classes !== undefined) return stratified(classes as number[], train, test, generator);
  const order = generator.permutation(rows);
  return { test: order.slice(0, test), train: order.slice(test, test + train) };
}

/** scikit-learn's StratifiedShuffleSplit, draw for draw: each class in its share in either part. */
function stratified(classes: readonly number[], train: number, test: number, generator: NumpyGenerator): SplitOrder {
  const names = [...new Set(classes)].sort((a, b) => a - b);
  const rowsOf = new Map<number, number[]>(names.map((name) => [name, []]));
  classes.forEach((name, row) => rowsOf.get(name)!.push(row));
  const counts = names.map((name) => rowsOf.get(name)!.length);
  const rare = counts.findIndex((count) => count < 2);
  if (rare >= 0) {
    throw new ArgumentError(
      `trainTestSplit: class ${names[rare]} has ${counts[rare]} row; stratifying wants two of each.`,
      {
        class: names[rare],
      },
    );
  }
  if (Math.min(train, test) < names.length) {
    throw new ArgumentError(
      `trainTestSplit: ${names.length} classes do not fit into a part of ${Math.min(train, test)} rows.`,
      { classes: names.length, train, test },
    );
  }
  const toTrain = shares(counts, train, generator);
  const toTest = shares(
    counts.map((count, i) => count - toTrain[i]!),
    test,
    generator,
  ); // prettier-ignore
  const parts: { readonly train: number[]; readonly test: number[] } = { train: [], test: [] };
  names.forEach((name, i) => {
    const rows = rowsOf.get(name)!;
    const order = Array.from(generator.permutation(rows.length), (place) => rows[place]!);
    parts.train.push(...order.slice(0, toTrain[i]));
    parts.test.push(...order.slice(toTrain[i], toTrain[i]! + toTest[i]!));
  });
  const trainOrder = generator.permutation(parts.train.length).map((place) => parts.train[place]!);
  const testOrder = generator.permutation(parts.test.length).map((place) => parts.test[place]!);
  return { train: trainOrder, test: testOrder };
}

/** `draws` given to classes by their counts; what rounding leaves goes to those who lost most, ties by lot. */
function shares(counts: readonly number[], draws: number, generator: NumpyGenerator): number[] {
  const sum = counts.reduce((a, b) => a + b, 0);
  const exact = counts.map((count) => (count / sum) * draws);
  const given = exact.map(Math.floor);
  let left = draws - given.reduce((a, b) => a + b, 0);
  const lost = exact.map((share, i) => share - given[i]!);
  for (const value of [...new Set(lost)].sort((a, b) => b - a)) {
    if (left <= 0) break;
    const equal = lost.flatMap((one, i) => (one === value ? [i] : []));
    const now = Math.min(equal.length, left);
    for (const place of generator.choice(equal.length, now)) given[equal[place]!]!++;
    left -= now;
  }
  return given;
}

/** The rows of one of several shards, in one stretch or every n-th. */
export function shardRange(rows: number, numShards: number, index: number): readonly [from: number, to: number] {
  if (!(Number.isInteger(numShards) && Number.isInteger(index) && index >= 0 && index < numShards)) {
    throw new ArgumentError(`shard: index ${index} of ${numShards} shards.`, { index, numShards });
  }
  const [size, more] = [Math.floor(rows / numShards), rows % numShards];
  const from = size * index + Math.min(index, more);
  return [from, from + size + (index < more ? 1 : 0)];
}

// ── mixing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export type StoppingStrategy = "first_exhausted" | "all_exhausted" | "all_exhausted_without_replacement";

/** Rows of sources that stand one below the other, in turn, or drawn by probabilities. */
export function interleavedOrder(
  lengths: readonly number[],
  strategy: StoppingStrategy,
  probabilities: readonly number[] | undefined,
  seed: number | bigint | undefined,
): Uint32Array {
  const order: number[] = [];
  let sum = 0;
  const starts = lengths.map((length) => (sum += length) - length);
  const next = lengths.map(() => 0);
  const exhausted = lengths.map(() => false);
  const once = strategy === "all_exhausted_without_replacement";
  const stops = (): boolean => (strategy === "first_exhausted" ? exhausted.some(Boolean) : exhausted.every(Boolean));
  if (probabilities === undefined) return cycledOrder(lengths, starts, strategy);
  if (lengths.some((length) => length === 0)) throw new ArgumentError("interleaveDatasets: a data set is empty.", {});
  for (const i of drawnSources(lengths.length, probabilities, new NumpyGenerator(seed))) {
    if (stops()) break;
    if (once && exhausted[i]) continue;
    order.push(starts[i]! + next[i]!++);
    if (next[i] === lengths[i]) {
      exhausted[i] = true;
      next[i] = 0;
    }
  }
  return Uint32Array.from(order);
}

function cycledOrder(lengths: readonly number[], starts: readonly number[], strategy: StoppingStrategy): Uint32Array {
  const turns = strategy === "first_exhausted" ? Math.min(...lengths) : Math.max(...lengths);
  const order: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    lengths.forEach((length, i) => {
      if (turn < length) order.push(starts[i]! + turn);
      else if (strategy === "all_exhausted" && length > 0) order.push(starts[i]! + (turn % length));
    });
  }
  return Uint32Array.from(order);
}

/** Sources without end, a thousand drawn at a time. */
export function* drawnSources(
  count: number,
  probabilities: readonly number[],
  generator: NumpyGenerator,
): Generator<number, never> {
  checkProbabilities(count, probabilities);
  for (;;) yield* generator.weighted(probabilities, 1000);
}
export function checkProbabilities(count: number, probabilities: readonly number[]): void {
  const sum = probabilities.reduce((a, b) => a + b, 0);
  if (probabilities.length === count && Math.abs(sum - 1) < 1e-8 && probabilities.every((p) => p >= 0)) return;
  throw new ArgumentError(
    `interleaveDatasets: probabilities ${probabilities.join(", ")} for ${count} data sets; one each, adding up to 1.`,
    { probabilities },
  );
}
