// A data set as Hugging Face's `datasets` has it: typed rows in columns, in memory or on disk, and what is made from them. No
// method changes the data set it is called on.
//
//     const rows = Dataset.fromList([{ text: "good", label: 1 }, { text: "bad", label: 0 }]);
//     const upper = rows.map((row) => ({ text: row.text.toUpperCase() })).shuffle({ seed: 1 });
//     for (const { text, label } of upper) …

import { storage } from "#runtime/data/table/storage";
import { ArgumentError, DataError, IndexError } from "../../base/errors.ts";
import {
  ClassLabel,
  type Feature,
  type Features,
  featuresToJson,
  inferFeatures,
  sameFeature,
  Value,
} from "../features.ts";
import { NumpyGenerator } from "../numpy-random.ts";
import { type ByteSink, MemorySink } from "../table/bytes.ts";
import { blockRows, type Column, type Columns, joinColumns, type Table } from "../table/table.ts";
import { TableWriter } from "../table/writer.ts";
import { cachedTable, functionKey } from "./cache.ts";
import { encodeClasses } from "./class-names.ts";
import { type Format, type Formatted, formatColumns } from "./format.ts";
import { mapInWorkers } from "./map-workers.ts";
import { type Applied, type Apply, checkColumns, filterSteps, mapSteps, type RowSource, runSteps } from "./mapping.ts";
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
import { type BatchOf, type Merged, type Row, type RowOfBatch, rowsOfBatch } from "./rows.ts";
import { saveTable, type Written, writeCsv, writeJsonl, writeParquet } from "./save.ts";

export class Dataset<R extends object = Row> {
  /** The columns as they are stored, in the table's own order. */
  readonly table: Table;
  readonly #parts: DatasetParts;

  constructor(table: Table, parts: DatasetParts = {}) {
    this.table = table;
    this.#parts = parts;
  }

  // ── made from what is in memory ─────────────────────────────────────────────────────────────────────────────────

  /** Rows given one by one. A key that some rows lack is null there. */
  static fromList<R extends object>(rows: Iterable<R>, options: { readonly features?: Features } = {}): Dataset<R> {
    const writer = new TableWriter(() => new MemorySink(), options);
    for (const row of rows) writer.write(row);
    return new Dataset<R>(writer.finish());
  }
  /** Rows given by column. */
  static fromDict<B extends Readonly<Record<string, ArrayLike<unknown>>>>(
    columns: B,
    options: { readonly features?: Features } = {},
  ): Dataset<RowOfBatch<B>> {
    const writer = new TableWriter(() => new MemorySink(), options);
    const rows = Object.values(columns)[0]?.length ?? 0;
    for (const [name, { length }] of Object.entries(columns)) {
      if (length !== rows)
        throw new DataError(`fromDict: "${name}" has ${length} values, others ${rows}.`, { column: name });
    }
    for (let from = 0; from < rows; from += blockRows) {
      const to = Math.min(rows, from + blockRows);
      const part = Object.entries(columns).map(([name, values]) => [
        name,
        Array.prototype.slice.call(values, from, to),
      ]);
      writer.writeColumns(Object.fromEntries(part), to - from);
    }
    if (rows === 0)
      return new Dataset(
        emptyTable(
          options.features ?? inferFeatures(Object.fromEntries(Object.keys(columns).map((name) => [name, []]))),
        ),
      );
    return new Dataset(writer.finish());
  }

  // ── what it is ──────────────────────────────────────────────────────────────────────────────────────────────────

  get length(): number {
    return this.#parts.indices?.length ?? this.table.numRows;
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
    const row = this.table.at(this.#parts.indices?.[place] ?? place);
    if (this.#parts.format === undefined) return row as R; // the row type describes the table
    const columns = Object.fromEntries(Object.entries(row).map(([name, value]) => [name, [value]]));
    return rowsOfBatch(this.#format(columns, true) as Columns, 1)[0] as R; // lists of one row; the row type describes it
  }
  /** As `at`; PyTorch's `__getitem__`, which loaders call. */
  getItem(index: number): R {
    return this.at(index);
  }
  /** Rows `from … to` by column, `to` left out; counted from the end where negative. */
  slice(from = 0, to: number = this.length): BatchOf<R> {
    const place = (at: number): number => Math.max(0, Math.min(this.length, at < 0 ? at + this.length : at));
    const columns = this.#block(place(from), Math.max(place(from), place(to)));
    return this.#format(columns, false) as BatchOf<R>; // the row type describes the table
  }
  /** All values of a column. */
  column<K extends keyof R & string>(name: K): R[K][] {
    checkColumns("column", [name], this.table.columns);
    const one = new Dataset(this.table.with([[name, this.table.columns.get(name)!]]), this.#parts);
    return one.slice()[name as never] as R[K][]; // the one column
  }
  /** Rows by batches: Hugging Face's `iter`. */
  *iter(batchSize: number, options: { readonly dropLastBatch?: boolean } = {}): Generator<BatchOf<R>> {
    checkCount("iter", "batchSize", batchSize);
    const end = options.dropLastBatch === true ? this.length - (this.length % batchSize) : this.length;
    for (let from = 0; from < end; from += batchSize) yield this.slice(from, Math.min(end, from + batchSize));
  }
  *[Symbol.iterator](): Generator<R, void, undefined> {
    const size = this.table.blockRows;
    for (let from = 0; from < this.length; from += size) {
      const to = Math.min(this.length, from + size);
      const { format } = this.#parts;
      if (format === undefined)
        yield* rowsOfBatch(this.#block(from, to), to - from) as R[]; // the row type describes it
      else for (let i = from; i < to; i++) yield this.at(i);
    }
  }
  /** All rows. */
  toList(): R[] {
    return [...this];
  }
  /** All rows by column. */
  toDict(): BatchOf<R> {
    return this.slice();
  }

  #block(from: number, to: number): Columns {
    const { indices } = this.#parts;
    if (indices === undefined) return this.table.slice(from, to);
    const places = indices.subarray(from, to);
    const [first, last] = [places[0] ?? 0, places.at(-1) ?? 0];
    // Rows in one stretch are read as one.
    const isStretch = last - first === places.length - 1 && places.every((place, i) => place === first + i);
    if (isStretch && places.length > 0) return this.table.slice(first, last + 1);
    const columns = Array.from(this.table.columns, ([name, column]) => [
      name,
      Array.from(places, (place) => column.at(place)),
    ]);
    return Object.fromEntries(columns);
  }
  #format(columns: Columns, rows: boolean): Readonly<Record<string, unknown>> {
    const { format } = this.#parts;
    return format === undefined ? columns : formatColumns(columns, format, this.features, rows);
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
    const { indices } = this.#parts;
    return this.#derived({ indices: indices === undefined ? order : order.map((place) => indices[place]!) }, step);
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
    return this.#ordered(
      Uint32Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i),
      step,
    );
  }
  take(n: number): Dataset<R> {
    return this.#range(0, Math.min(n, this.length), ["take", n]);
  }
  skip(n: number): Dataset<R> {
    return this.#range(Math.min(n, this.length), this.length, ["skip", n]);
  }
  repeat(times: number): Dataset<R> {
    const rows = this.length;
    return this.#ordered(
      Uint32Array.from({ length: rows * times }, (_, i) => i % rows),
      ["repeat", times],
    );
  }
  /** Sorted by columns, equal rows as they were. */
  sort(columns: (keyof R & string) | readonly (keyof R & string)[], options: SortOptions = {}): Dataset<R> {
    const names: readonly (keyof R & string)[] = typeof columns === "string" ? [columns] : columns;
    const { reverse = false, nullPlacement = "atEnd" } = options;
    checkColumns("sort", names, this.table.columns);
    const plain = this.withFormat(undefined);
    const keys = names.map((name, i) => ({
      values: plain.column(name as never) as unknown[], // a column, as just checked
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
    return this.#ordered(
      Uint32Array.from({ length: rows }, (_, i) => index + i * numShards),
      ["shard", numShards, index, 0],
    ); // prettier-ignore
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
      classes = this.withFormat(undefined).column(stratifyByColumn as never);
    }
    const generator = plain.generator ?? new NumpyGenerator(plain.seed);
    const step = ["split", generator.state, plain.testSize, plain.trainSize, plain.shuffle, stratifyByColumn];
    const { train, test } = splitOrder(this.length, { ...plain, generator }, classes);
    return { train: this.#ordered(train, [...step, "train"]), test: this.#ordered(test, [...step, "test"]) };
  }

  // ── other columns ───────────────────────────────────────────────────────────────────────────────────────────────

  removeColumns<K extends keyof R & string>(columns: K | readonly K[]): Dataset<Without<R, K>> {
    const names: readonly string[] = typeof columns === "string" ? [columns] : columns;
    checkColumns("removeColumns", names, this.table.columns);
    const kept = [...this.table.columns].filter(([name]) => !names.includes(name));
    return this.#derived({ table: this.table.with(kept) }, ["remove", names]);
  }
  selectColumns<K extends keyof R & string>(columns: K | readonly K[]): Dataset<{ [N in K]: R[N] }> {
    const names: readonly string[] = typeof columns === "string" ? [columns] : columns;
    checkColumns("selectColumns", names, this.table.columns);
    const kept = names.map((name) => [name, this.table.columns.get(name)!] as const);
    return this.#derived({ table: this.table.with(kept) }, ["select columns", names]);
  }
  renameColumn<K extends keyof R & string, N extends string>(
    from: K,
    to: N,
  ): Dataset<{ [P in keyof R as P extends K ? N : P]: R[P] }> {
    return this.renameColumns({ [from]: to }) as never; // one of the names changes
  }
  renameColumns(names: Readonly<Record<string, string>>): Dataset<Row> {
    checkColumns("renameColumns", Object.keys(names), this.table.columns);
    const renamed = Array.from(this.table.columns, ([name, column]) => [names[name] ?? name, column] as const);
    const twice = renamed.find(([name], i) => renamed.findIndex(([other]) => other === name) < i);
    if (twice !== undefined) {
      throw new ArgumentError(`renameColumns: there would be two columns "${twice[0]}".`, { column: twice[0] });
    }
    return this.#derived<Row>({ table: this.table.with(renamed) }, ["rename", names]);
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
    const features = feature === undefined ? {} : { features: { [name]: feature } };
    const added = Dataset.fromDict({ [name]: values }, features);
    const table = joinColumns([this.#flatIndices().table, added.table]);
    const made: Dataset<never> = this.#derived({ table, indices: undefined, fingerprint: undefined }, []);
    return made as never; // with the column's name and kind
  }
  /** The table in the order of the rows, so that others can stand beside it. */
  #flatIndices(): Dataset<R> {
    if (this.#parts.indices === undefined) return this;
    const writer = new TableWriter(this.#sink(), { features: this.features });
    for (let from = 0, size = this.table.blockRows; from < this.length; from += size) {
      const to = Math.min(this.length, from + size);
      writer.writeColumns(this.#block(from, to), to - from);
    }
    return new Dataset<R>(writer.finish(), { ...this.#parts, indices: undefined });
  }
  /** Rows written in their order, where they were only pointed to; reading them is faster then. */
  flattenIndices(): Dataset<R> {
    return this.#flatIndices();
  }
  #sink(): () => ByteSink {
    return this.table.onDisk ? () => storage.temporaryFile() : () => new MemorySink();
  }
  /** Structures become columns of their own, "outer.inner". */
  flatten(): Dataset<Row> {
    return this.#derived<Row>({ table: this.table.flatten() }, ["flatten"]);
  }
  /** The features of all columns. Values are turned where they are stored differently: "3" to 3, names to class numbers. */
  cast(features: Features): Dataset<R> {
    const names = Object.keys(features);
    const own = this.columnNames;
    if (names.length !== own.length || !names.every((name) => this.table.columns.has(name))) {
      throw new ArgumentError(`cast: features for ${names.join(", ")}; the columns are ${own.join(", ")}.`, {});
    }
    const changed = names.filter((name) => !sameFeature(this.features[name]!, features[name]!));
    if (changed.length === 0) return this;
    const columns = new Map(this.table.columns);
    const rewritten = changed.filter((name) => !sameStorage(columns.get(name)!, features[name]!));
    for (const name of changed) columns.set(name, columns.get(name)!.withFeature(features[name]!));
    if (rewritten.length > 0) {
      const writer = new TableWriter(this.#sink(), {
        features: Object.fromEntries(rewritten.map((name) => [name, features[name]!])),
      });
      const { numRows } = this.table;
      for (let from = 0, size = this.table.blockRows; from < numRows; from += size) {
        const to = Math.min(numRows, from + size);
        const part = rewritten.map((name) => [name, this.table.columns.get(name)!.slice(from, to)]);
        writer.writeColumns(Object.fromEntries(part), to - from);
      }
      for (const [name, column] of writer.finish().columns) columns.set(name, column);
    }
    return this.#derived({ table: this.table.with(columns) }, ["cast", featuresToJson(features)]);
  }
  castColumn(name: keyof R & string, feature: Feature): Dataset<R> {
    checkColumns("castColumn", [name], this.table.columns);
    return this.cast({ ...this.features, [name]: feature });
  }
  /** The values of a column become classes, whose names are the values in the order of their texts. */
  classEncodeColumn(name: keyof R & string, options: { readonly includeNulls?: boolean } = {}): Dataset<R> {
    checkColumns("classEncodeColumn", [name], this.table.columns);
    const { indices } = this.#parts;
    const column = this.table.columns.get(name)!;
    const { label, classes } = encodeClasses(name, column, indices, options.includeNulls ?? false);
    const writer = new TableWriter(this.#sink(), { features: { [name]: label } });
    writer.writeColumns({ [name]: classes }, classes.length);
    const encoded = writer.finish().columns.get(name)!;
    return this.#derived({ table: this.table.with(new Map(this.table.columns).set(name, encoded)) }, ["encode", name]);
  }
  /** The different values of a column, in the order of their first rows. */
  unique<K extends keyof R & string>(name: K): R[K][] {
    return [...new Set(this.withFormat(undefined).column(name as never) as R[K][])];
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
    return { features, length, split, blockRows: this.table.blockRows, block: (from, to) => this.#block(from, to) };
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
    const how = this.#applied(f instanceof URL ? () => undefined : (f as Apply), options); // URL's is not called
    const made = functionKey(f, cacheKey, fnKwargs);
    const step = [
      "map",
      made,
      how.batched,
      how.batchSize,
      removeColumns,
      inputColumns,
      options.features && featuresToJson(options.features),
    ];
    const next = this.#derived({}, step).fingerprint;
    const fingerprint = made === undefined ? undefined : next;
    return cachedTable(
      {
        fingerprint,
        cacheDir: this.#parts.cacheDir,
        inMemory: options.keepInMemory ?? !this.table.onDisk,
        mayLoad: options.loadFromCacheFile ?? true,
      },
      (openSink) => {
        const { features, writerBatchSize } = options;
        // Columns that the function does not touch keep what they were.
        const expected = Object.fromEntries(
          Object.entries(this.features).filter(([name]) => !removeColumns.includes(name)),
        );
        const writer = new TableWriter(openSink, { features, writerBatchSize, expected });
        const finish = (updated: boolean): Table | undefined => {
          if (updated) return writer.finish();
          writer.abandon();
          return undefined;
        };
        if (f instanceof URL)
          return mapInWorkers(this.#source(), how, removeColumns, writer, f, options.numProc).then(finish);
        const updated = runSteps(mapSteps(this.#source(), how, removeColumns, writer));
        return updated instanceof Promise ? updated.then(finish) : finish(updated);
      },
      (table) =>
        table === undefined
          ? this
          : new Dataset<Row>(table, { ...this.#parts, indices: undefined, format: undefined, fingerprint }),
    );
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
    const how = this.#applied(f as Apply, options); // as the overloads say
    const made = functionKey(how.apply, options.cacheKey, options.fnKwargs);
    const step = ["filter", made, options.inputColumns];
    const kept = (order: Uint32Array): Dataset<R> => {
      const ordered = this.#ordered(order, step);
      return made === undefined ? new Dataset<R>(ordered.table, { ...ordered.parts, fingerprint: undefined }) : ordered;
    };
    const order = runSteps(filterSteps(this.#source(), how));
    return order instanceof Promise ? order.then(kept) : kept(order);
  }

  #applied(apply: Apply, options: FilterOptions): Applied {
    const { batched = false, batchSize = 1000, inputColumns, fnKwargs } = options;
    if (batchSize !== 0) checkCount("map", "batchSize", batchSize);
    return { apply, batched, batchSize, inputColumns, fnKwargs };
  }
  #source(): RowSource {
    return {
      length: this.length,
      blockRows: this.table.blockRows,
      block: (from, to) => this.#block(from, to),
      format: (columns, rows) => this.#format(columns, rows),
    };
  }
}

function checkCount(who: string, name: string, value: number): void {
  if (Number.isInteger(value) && value > 0) return;
  throw new ArgumentError(`${who}: ${name} ${value}; it is a whole number of at least 1.`, { [name]: value });
}

export function emptyTable(features: Features): Table {
  const writer = new TableWriter(() => new MemorySink(), { features });
  return writer.finish();
}

/** The same bytes can be read as either: class numbers and whole numbers. */
function sameStorage(column: Column, feature: Feature): boolean {
  const from = column.feature;
  return from instanceof ClassLabel && feature instanceof Value && feature.dtype === "int64";
}
