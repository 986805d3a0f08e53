// A data set as Hugging Face's `datasets` has it: typed rows in columns, in memory or on disk, and what is made from them. No
// method changes the data set it is called on.
//
//     const rows = Dataset.fromList([{ text: "good", label: 1 }, { text: "bad", label: 0 }]);
//     const upper = rows.map((row) => ({ text: row.text.toUpperCase() })).shuffle({ seed: 1 });
//     for (const { text, label } of upper) …

import { storage } from "#runtime/data/table/storage";
import { ArgumentError, IndexError } from "../../base/errors.ts";
import { ClassLabel, type Feature, type Features, featuresToJson } from "../features.ts";
import { NumpyGenerator } from "../numpy-random.ts";
import { type Columns, joinColumns, type Table } from "../table/table.ts";
import { functionKey } from "./cache.ts";
import { castTable, checkColumns, encodedColumn, onlyColumns, renamedColumns, withoutColumns } from "./columns.ts";
import type { Format, Formatted } from "./format.ts";
import { tableOfColumns, tableOfRows } from "./in-memory.ts";
import { mappedTable } from "./map-table.ts";
import { type Apply, appliedOf, checkCount, filterSteps, runSteps } from "./mapping.ts";
import type {
  DatasetParts,
  FilterOptions,
  Later,
  MapOptions,
  MappedRow,
  ShuffleOptions,
  SortOptions,
  Without,
} from "./options.ts";
import { type SplitOptions, shardRange, sortedOrder, splitOrder } from "./order.ts";
import type { BatchOf, Merged, Row, RowOfBatch } from "./rows.ts";
import { saveTable, type Written, writeCsv, writeJsonl, writeParquet } from "./save.ts";
import { View } from "./view.ts";

export class Dataset<R extends object = Row> {
  /** The columns as they are stored, in the table's own order. */
  readonly table: Table;
  readonly #parts: DatasetParts;
  readonly #view: View;

  constructor(table: Table, parts: DatasetParts = {}) {
    this.table = table;
    this.#parts = parts;
    this.#view = new View(table, parts);
  }

  // ── made from what is in memory ─────────────────────────────────────────────────────────────────────────────────

  /** Rows given one by one. A key that some rows lack is null there. */
  static fromList<R extends object>(rows: Iterable<R>, options: { readonly features?: Features } = {}): Dataset<R> {
    return new Dataset<R>(tableOfRows(rows, options.features));
  }
  /** Rows given by column. */
  static fromDict<B extends Readonly<Record<string, ArrayLike<unknown>>>>(
    columns: B,
    options: { readonly features?: Features } = {},
  ): Dataset<RowOfBatch<B>> {
    return new Dataset(tableOfColumns(columns, options.features));
  }

  // ── what it is ──────────────────────────────────────────────────────────────────────────────────────────────────

  get length(): number {
    return this.#view.length;
  }
  get numRows(): number {
    return this.length;
  }
  get numColumns(): number {
    return this.table.columns.size;
  }
  get shape(): readonly [rows: number, columns: number] {
    return [this.length, this.numColumns];
  }
  get columnNames(): (keyof R & string)[] {
    return [...this.table.columns.keys()] as (keyof R & string)[]; // the row type names them
  }
  get features(): Features {
    return this.table.features;
  }
  get split(): string | undefined {
    return this.#parts.split;
  }
  get fingerprint(): string | undefined {
    return this.#parts.fingerprint;
  }
  /** What describes it beside its rows; see `DatasetParts`. */
  get parts(): DatasetParts {
    return this.#parts;
  }
  toString(): string {
    return `Dataset({ features: [${this.columnNames.join(", ")}], numRows: ${this.length} })`;
  }

  // ── its rows ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A row; −1 is the last. */
  at(index: number): R {
    const place = index < 0 ? index + this.length : index;
    if (!Number.isInteger(place) || place < 0 || place >= this.length) {
      throw new IndexError(`Dataset: row ${index} of ${this.length}.`, { index, rows: this.length });
    }
    return this.#view.at(place) as R; // the row type describes the table
  }
  /** As `at`; PyTorch's `__getitem__`, which loaders call. */
  getItem(index: number): R {
    return this.at(index);
  }
  /** Rows `from … to` by column, `to` left out; counted from the end where negative. */
  slice(from = 0, to: number = this.length): BatchOf<R> {
    const place = (at: number): number => Math.max(0, Math.min(this.length, at < 0 ? at + this.length : at));
    const columns = this.#view.block(place(from), Math.max(place(from), place(to)));
    return this.#view.format(columns, false) as BatchOf<R>; // the row type describes the table
  }
  /** All values of a column. */
  column<K extends keyof R & string>(name: K): R[K][] {
    checkColumns("column", [name], this.table.columns);
    const columns = { [name]: this.#stored(name) };
    return this.#view.format(columns, false)[name] as R[K][]; // the row type describes the column
  }
  /** All values of a column, which there is, without a format. */
  #stored(name: string): unknown[] {
    const column = onlyColumns(this.table, [name]);
    return new View(column, this.#parts).block(0, this.length)[name]!;
  }
  /** Rows by batches: Hugging Face's `iter`. */
  *iter(batchSize: number, options: { readonly dropLastBatch?: boolean } = {}): Generator<BatchOf<R>> {
    checkCount("iter", "batchSize", batchSize);
    const end = options.dropLastBatch === true ? this.length - (this.length % batchSize) : this.length;
    for (let from = 0; from < end; from += batchSize) yield this.slice(from, Math.min(end, from + batchSize));
  }
  [Symbol.iterator](): Generator<R, void, undefined> {
    return this.#view.rows() as Generator<R, void, undefined>; // the row type describes the table
  }
  /** All rows. */
  toList(): R[] {
    return [...this];
  }
  /** All rows by column. */
  toDict(): BatchOf<R> {
    return this.slice();
  }

  // ── the same rows, some of them, or in another order ────────────────────────────────────────────────────────────

  #derived<T extends object = R>(
    change: Partial<DatasetParts> & { readonly table?: Table },
    step: unknown,
  ): Dataset<T> {
    const { table = this.table, ...parts } = change;
    const { fingerprint } = this.#parts;
    const next = fingerprint === undefined ? undefined : storage.digest(`${fingerprint} ${JSON.stringify(step)}`);
    return new Dataset<T>(table, { ...this.#parts, fingerprint: next, ...parts });
  }
  #ordered(order: Uint32Array, step: unknown): Dataset<R> {
    return this.#derived({ indices: this.#view.places(order) }, step);
  }

  /** Rows by their numbers, in that order; −1 is the last. */
  select(indices: Iterable<number>): Dataset<R> {
    const order = Uint32Array.from(indices, (index) => {
      const place = index < 0 ? index + this.length : index;
      if (Number.isInteger(place) && place >= 0 && place < this.length) return place;
      throw new IndexError(`select: row ${index} of ${this.length}.`, { index, rows: this.length });
    });
    return this.#ordered(order, ["select", storage.hasFiles ? storage.digest(order.join()) : 0]);
  }
  #range(from: number, to: number, step: readonly unknown[]): Dataset<R> {
    const order = Uint32Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
    return this.#ordered(order, step);
  }
  take(n: number): Dataset<R> {
    return this.#range(0, Math.min(n, this.length), ["take", n]);
  }
  skip(n: number): Dataset<R> {
    return this.#range(Math.min(n, this.length), this.length, ["skip", n]);
  }
  repeat(times: number): Dataset<R> {
    const rows = this.length;
    const order = Uint32Array.from({ length: rows * times }, (_, i) => i % rows);
    return this.#ordered(order, ["repeat", times]);
  }
  /** Sorted by columns, equal rows as they were. */
  sort(columns: (keyof R & string) | readonly (keyof R & string)[], options: SortOptions = {}): Dataset<R> {
    const names: readonly (keyof R & string)[] = typeof columns === "string" ? [columns] : columns;
    const { reverse = false, nullPlacement = "atEnd" } = options;
    checkColumns("sort", names, this.table.columns);
    const keys = names.map((name, i) => ({
      values: this.#stored(name),
      reverse: typeof reverse === "boolean" ? reverse : (reverse[i] ?? false),
    }));
    return this.#ordered(sortedOrder(keys, this.length, nullPlacement), ["sort", names, reverse, nullPlacement]);
  }
  /** In the random order that Python's `datasets` draws with the same seed. Without one it follows `manualSeed`. */
  shuffle(options: ShuffleOptions = {}): Dataset<R> {
    const generator = options.generator ?? new NumpyGenerator(options.seed);
    const begun = generator.state;
    return this.#ordered(generator.permutation(this.length), ["shuffle", begun]);
  }
  /** One of several parts of equal size: in one stretch, or every n-th row. */
  shard(numShards: number, index: number, options: { readonly contiguous?: boolean } = {}): Dataset<R> {
    const [from, to] = shardRange(this.length, numShards, index);
    if (options.contiguous !== false) return this.#range(from, to, ["shard", numShards, index]);
    const rows = Math.ceil((this.length - index) / numShards);
    const order = Uint32Array.from({ length: rows }, (_, i) => index + i * numShards);
    return this.#ordered(order, ["shard", numShards, index, 0]);
  }
  /**
   * Two parts without overlap, the very rows of Python's `train_test_split`. `stratifyByColumn` names a column of class labels,
   * whose classes have their shares in both parts.
   */
  trainTestSplit(options: SplitOptions & { readonly stratifyByColumn?: keyof R & string } = {}): {
    readonly train: Dataset<R>;
    readonly test: Dataset<R>;
  } {
    const { stratifyByColumn, ...plain } = options;
    if (this.length === 0) throw new ArgumentError("trainTestSplit: the data set has no rows.", {});
    let classes: unknown[] | undefined;
    if (stratifyByColumn !== undefined) {
      checkColumns("trainTestSplit", [stratifyByColumn], this.table.columns);
      if (!(this.features[stratifyByColumn] instanceof ClassLabel)) {
        throw new ArgumentError(
          `trainTestSplit: column "${stratifyByColumn}" holds no class labels. classEncodeColumn("${stratifyByColumn}") makes them.`,
          { column: stratifyByColumn },
        );
      }
      classes = this.#stored(stratifyByColumn);
    }
    const generator = plain.generator ?? new NumpyGenerator(plain.seed);
    const step = ["split", generator.state, plain.testSize, plain.trainSize, plain.shuffle, stratifyByColumn];
    const { train, test } = splitOrder(this.length, { ...plain, generator }, classes);
    return { train: this.#ordered(train, [...step, "train"]), test: this.#ordered(test, [...step, "test"]) };
  }

  // ── other columns ───────────────────────────────────────────────────────────────────────────────────────────────

  removeColumns<K extends keyof R & string>(columns: K | readonly K[]): Dataset<Without<R, K>> {
    const names: readonly string[] = typeof columns === "string" ? [columns] : columns;
    return this.#derived({ table: withoutColumns(this.table, names) }, ["remove", names]);
  }
  selectColumns<K extends keyof R & string>(columns: K | readonly K[]): Dataset<{ [N in K]: R[N] }> {
    const names: readonly string[] = typeof columns === "string" ? [columns] : columns;
    return this.#derived({ table: onlyColumns(this.table, names) }, ["select columns", names]);
  }
  renameColumn<K extends keyof R & string, N extends string>(
    from: K,
    to: N,
  ): Dataset<{ [P in keyof R as P extends K ? N : P]: R[P] }> {
    return this.renameColumns({ [from]: to }) as never; // one of the names changes
  }
  renameColumns(names: Readonly<Record<string, string>>): Dataset<Row> {
    return this.#derived<Row>({ table: renamedColumns(this.table, names) }, ["rename", names]);
  }
  /** A column more, with a value for each row. */
  addColumn<N extends string, V>(
    name: N,
    values: ArrayLike<V>,
    feature?: Feature,
  ): Dataset<Merged<R, { [K in N]: V }>> {
    if (this.table.columns.has(name))
      throw new ArgumentError(`addColumn: there is a column "${name}" already.`, { name });
    if (values.length !== this.length) {
      throw new ArgumentError(`addColumn: ${values.length} values for ${this.length} rows.`, { name });
    }
    const added = tableOfColumns({ [name]: values }, feature && { [name]: feature });
    const table = joinColumns([this.#view.flat(), added]);
    const made: Dataset<never> = this.#derived({ table, indices: undefined, fingerprint: undefined }, []);
    return made as never; // with the column's name and kind
  }
  /** Rows written in their order, where they were only pointed to; reading them is faster then. */
  flattenIndices(): Dataset<R> {
    if (this.#parts.indices === undefined) return this;
    return new Dataset<R>(this.#view.flat(), { ...this.#parts, indices: undefined });
  }
  /** Structures become columns of their own, "outer.inner". */
  flatten(): Dataset<Row> {
    return this.#derived<Row>({ table: this.table.flatten() }, ["flatten"]);
  }
  /** The features of all columns. Values are turned where they are stored differently: "3" to 3, names to class numbers. */
  cast(features: Features): Dataset<R> {
    const table = castTable(this.table, features);
    return table === this.table ? this : this.#derived({ table }, ["cast", featuresToJson(features)]);
  }
  castColumn(name: keyof R & string, feature: Feature): Dataset<R> {
    checkColumns("castColumn", [name], this.table.columns);
    return this.cast({ ...this.features, [name]: feature });
  }
  /** The values of a column become classes, whose names are the values in the order of their texts. */
  classEncodeColumn(name: keyof R & string, options: { readonly includeNulls?: boolean } = {}): Dataset<R> {
    const table = encodedColumn(this.table, name, this.#parts.indices, options.includeNulls ?? false);
    return this.#derived({ table }, ["encode", name]);
  }
  /** The different values of a column, in the order of their first rows. */
  unique<K extends keyof R & string>(name: K): R[K][] {
    checkColumns("unique", [name], this.table.columns);
    return [...new Set(this.#stored(name) as R[K][])]; // the row type describes the column
  }

  /** How rows are shown: `"tensor"` makes tensors of numbers and lists of numbers; `undefined` plain values. */
  withFormat(type: undefined): Dataset<R>;
  withFormat(
    type: "tensor",
    options?: { readonly columns?: readonly string[]; readonly outputAllColumns?: boolean },
  ): Dataset<Formatted<R>>;
  withFormat(
    type: "tensor" | undefined,
    options: { readonly columns?: readonly string[]; readonly outputAllColumns?: boolean } = {},
  ): Dataset<Formatted<R>> | Dataset<R> {
    if (options.columns !== undefined) checkColumns("withFormat", options.columns, this.table.columns);
    const format: Format | undefined = type === undefined ? undefined : { type, ...options };
    return new Dataset<R>(this.table, { ...this.#parts, format });
  }
  /** Rows are shown through a function of batches, each time they are asked for; nothing is kept. */
  withTransform<B extends Readonly<Record<string, ArrayLike<unknown>>>>(
    transform: (batch: BatchOf<R>) => B,
  ): Dataset<RowOfBatch<B>> {
    const apply = transform as (batch: Columns) => B; // the row type describes the columns
    return new Dataset<RowOfBatch<B>>(this.table, { ...this.#parts, format: { type: "transform", transform: apply } });
  }

  // ── as files ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A folder that `loadFromDisk`, here or in Python, reads. */
  saveToDisk(folder: string, options: { readonly numShards?: number } = {}): void {
    saveTable(this.#written(), folder, options.numShards);
  }
  /** JSONL: one object a line. Gives the number of rows. */
  toJson(path: string): number {
    return writeJsonl(this.#written(), path);
  }
  toCsv(path: string): number {
    return writeCsv(this.#written(), path);
  }
  toParquet(path: string): Promise<number> {
    return writeParquet(this.#written(), path);
  }
  #written(): Written {
    const { features, length, split } = this;
    const { blockRows } = this.table;
    return { features, length, split, blockRows, block: (from, to) => this.#view.block(from, to) };
  }

  // ── functions of rows ───────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Rows with what a function of each row, or of batches, adds or replaces. A function that gives promises makes `map` give
   * one. Functions get the index (or the batch's indices) second, and `fnKwargs` third. A function given by the address of
   * its module, which exports it as `map`, runs in `numProc` threads.
   */
  map<Out extends Readonly<Record<string, ArrayLike<unknown>>> | void, C extends keyof R & string = never>(
    f: (batch: BatchOf<R>, indices: number[], fnKwargs: never) => Out,
    options: MapOptions<C> & { readonly batched: true; readonly inputColumns?: never },
  ): Dataset<Out extends object ? Merged<Without<R, C>, RowOfBatch<Out>> : R>;
  map<Out extends Readonly<Record<string, ArrayLike<unknown>>>, C extends keyof R & string = never>(
    f: (batch: BatchOf<R>, indices: number[], fnKwargs: never) => Promise<Out>,
    options: MapOptions<C> & { readonly batched: true; readonly inputColumns?: never },
  ): Promise<Dataset<Merged<Without<R, C>, RowOfBatch<Out>>>>;
  map<Out extends object | void | Promise<object> | Promise<void>, C extends keyof R & string = never>(
    f: (row: R, index: number, fnKwargs: never) => Out,
    options?: MapOptions<C> & { readonly batched?: false; readonly inputColumns?: never },
  ): Later<Out, Dataset<MappedRow<R, C, Out>>>;
  map<Out extends object = Row, C extends keyof R & string = never>(
    f: URL,
    options?: MapOptions<C>,
  ): Promise<Dataset<Merged<Without<R, C>, Out>>>;
  map<Out extends object = Row, C extends keyof R & string = never>(
    f: (...args: never[]) => Out,
    options: MapOptions<C> & { readonly inputColumns: readonly string[] },
  ): Dataset<Merged<Without<R, C>, Out>>;
  map(f: unknown, options: MapOptions<string> = {}): unknown {
    const { removeColumns = [], inputColumns, cacheKey, fnKwargs } = options;
    checkColumns("map", [...removeColumns, ...(inputColumns ?? [])], this.table.columns);
    if (this.length === 0 && !(f instanceof URL)) return this;
    const step = [
      "map",
      functionKey(f, cacheKey, fnKwargs),
      options.batched ?? false,
      options.batchSize ?? 1000,
      removeColumns,
      inputColumns,
      options.features && featuresToJson(options.features),
    ];
    const fingerprint = step[1] === undefined ? undefined : this.#derived({}, step).fingerprint;
    const made = (table: Table | undefined): Dataset<Row> | this =>
      table === undefined
        ? this
        : new Dataset<Row>(table, { ...this.#parts, indices: undefined, format: undefined, fingerprint });
    const table = mappedTable(this.#view, f as Apply | URL, options, { fingerprint, cacheDir: this.#parts.cacheDir }); // as the overloads say
    return table instanceof Promise ? table.then(made) : made(table);
  }

  /** The rows for which a function, of rows or of batches, says yes. */
  filter(
    f: (row: R, index: number, fnKwargs: never) => boolean,
    options?: FilterOptions & { readonly batched?: false; readonly inputColumns?: never },
  ): Dataset<R>;
  filter(
    f: (row: R, index: number, fnKwargs: never) => Promise<boolean>,
    options?: FilterOptions & { readonly batched?: false; readonly inputColumns?: never },
  ): Promise<Dataset<R>>;
  filter(
    f: (batch: BatchOf<R>, indices: number[], fnKwargs: never) => ArrayLike<boolean>,
    options: FilterOptions & { readonly batched: true; readonly inputColumns?: never },
  ): Dataset<R>;
  filter(
    f: (...args: never[]) => boolean,
    options: FilterOptions & { readonly inputColumns: readonly string[] },
  ): Dataset<R>;
  filter(f: unknown, options: FilterOptions = {}): unknown {
    checkColumns("filter", options.inputColumns ?? [], this.table.columns);
    const how = appliedOf("filter", f as Apply, options); // as the overloads say
    const made = functionKey(how.apply, options.cacheKey, options.fnKwargs);
    const step = ["filter", made, options.inputColumns];
    const kept = (order: Uint32Array): Dataset<R> => {
      const ordered = this.#ordered(order, step);
      return made === undefined ? new Dataset<R>(ordered.table, { ...ordered.parts, fingerprint: undefined }) : ordered;
    };
    const order = runSteps(filterSteps(this.#view, how));
    return order instanceof Promise ? order.then(kept) : kept(order);
  }
}
