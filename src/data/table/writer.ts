// Writing a table of rows whose features may not be known beforehand: they are found from the first block, and widened when a
// later one does not fit. What was written before is then written anew.

import { DataError } from "../../base/errors.ts";
import {
  describeFeature,
  type Feature,
  type Features,
  inferFeature,
  mergeFeatures,
  sameFeature,
  Value,
} from "../features.ts";
import { StreamWriter } from "./arrow.ts";
import type { ByteSink } from "./bytes.ts";
import { castValues } from "./cast.ts";
import { Misfit } from "./encode.ts";
import { blockBytes, blockRows, Table } from "./table.ts";

export interface TableWriterOptions {
  /** What the columns must hold; values are cast. Without, features follow the values. */
  readonly features?: Features | undefined;
  /** Features to begin with, which may be widened. */
  readonly expected?: Features | undefined;
  readonly writerBatchSize?: number | undefined;
}

export class TableWriter {
  readonly #openSink: () => ByteSink;
  readonly #fixed: Features | undefined;
  readonly #batchRows: number;
  #features: Features | undefined;
  #open: { readonly writer: StreamWriter; readonly sink: ByteSink } | undefined;
  #pending: Map<string, unknown[]> = new Map();
  #pendingRows = 0;
  #pendingBytes = 0;
  /** Rows written and pending. */
  rows = 0;

  constructor(openSink: () => ByteSink, options: TableWriterOptions = {}) {
    this.#openSink = openSink;
    this.#fixed = options.features;
    this.#features = options.features ?? options.expected;
    this.#batchRows = options.writerBatchSize ?? blockRows;
  }

  /** Adds rows given by column, each of `rows` values. A column that is new, or left out, is null in the other rows. */
  writeColumns(columns: Readonly<Record<string, ArrayLike<unknown>>>, rows: number): void {
    for (const [name, values] of Object.entries(columns)) {
      let list = this.#pending.get(name);
      if (list === undefined) this.#pending.set(name, (list = new Array<null>(this.#pendingRows).fill(null)));
      for (let i = 0; i < rows; i++) {
        list.push(values[i]);
        this.#pendingBytes += roughBytes(values[i]);
      }
    }
    this.#added(rows);
  }
  /** Adds one row. */
  write(row: object): void {
    for (const [name, value] of Object.entries(row)) {
      let list = this.#pending.get(name);
      if (list === undefined) this.#pending.set(name, (list = new Array<null>(this.#pendingRows).fill(null)));
      list.push(value);
      this.#pendingBytes += roughBytes(value);
    }
    this.#added(1);
  }
  #added(rows: number): void {
    this.#pendingRows += rows;
    this.rows += rows;
    for (const list of this.#pending.values()) while (list.length < this.#pendingRows) list.push(null);
    if (this.#pendingRows >= this.#batchRows || this.#pendingBytes >= blockBytes) this.#flush();
  }

  #flush(): void {
    const rows = this.#pendingRows;
    const columns = Object.fromEntries(this.#pending);
    this.#pending = new Map();
    this.#pendingRows = 0;
    this.#pendingBytes = 0;
    if (rows > 0) this.#put(columns, rows);
  }

  #put(columns: Record<string, unknown[]>, rows: number): void {
    const known = this.#features;
    const nulls = (): null[] => new Array<null>(rows).fill(null);
    if (this.#fixed !== undefined) {
      const extra = Object.keys(columns).find((name) => !Object.hasOwn(this.#fixed ?? {}, name));
      if (extra !== undefined) {
        const names = Object.keys(this.#fixed).join(", ");
        throw new DataError(`column "${extra}" is not among the features ${names}. Add it, or remove the column.`, {
          column: extra,
        });
      }
      const cast = Object.entries(this.#fixed).map(([name, feature]) => [
        name,
        castValues(columns[name] ?? nulls(), feature, name, this.rows - rows),
      ]);
      this.#stream(this.#fixed).write(Object.fromEntries(cast), rows);
      return;
    }
    const isNew = Object.keys(columns).some((name) => known === undefined || !Object.hasOwn(known, name));
    if (isNew) return this.#widen(columns, rows);
    for (const name of Object.keys(known ?? {})) columns[name] ??= nulls();
    try {
      this.#stream(known ?? {}).write(columns, rows);
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      this.#widen(columns, rows, error);
    }
  }

  #widen(columns: Record<string, unknown[]>, rows: number, misfit?: Misfit): void {
    const before = this.#features ?? {};
    const wider: Record<string, Feature> = { ...before };
    for (const [name, values] of Object.entries(columns)) {
      const found = inferFeature(values);
      const own = Object.hasOwn(before, name) ? before[name] : undefined;
      wider[name] = own === undefined ? found : mergeFeatures(own, found);
    }
    if (misfit !== undefined && Object.entries(before).every(([name, own]) => sameFeature(own, wider[name]!))) {
      const { column } = misfit.facts;
      throw new DataError(
        `${misfit.message}. The column was ${describeFeature(before[String(column)] ?? new Value("null"))} before; name wider features.`,
        misfit.facts,
      );
    }
    this.#features = wider;
    const old = this.#open;
    this.#open = undefined;
    if (old !== undefined) {
      old.writer.end();
      const written = Table.read(old.sink.readBack());
      const size = written.blockRows;
      for (let from = 0; from < written.numRows; from += size) {
        const to = Math.min(written.numRows, from + size);
        this.#put(written.slice(from, to), to - from);
      }
      old.sink.abandon();
    }
    this.#put(columns, rows);
  }

  #stream(features: Features): StreamWriter {
    if (this.#open === undefined) {
      const sink = this.#openSink();
      this.#open = { writer: new StreamWriter(features, sink), sink };
    }
    return this.#open.writer;
  }

  /** Writes what is pending and gives the table. */
  finish(): Table {
    try {
      this.#flush();
      this.#stream(this.#features ?? {}).end();
      return Table.read(this.#open!.sink.finish());
    } catch (error) {
      this.abandon();
      throw error;
    }
  }
  /** Takes back what was written. */
  abandon(): void {
    this.#open?.sink.abandon();
    this.#open = undefined;
  }
}

function roughBytes(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 8;
  if ("length" in value && typeof value.length === "number") {
    const first: unknown = (value as unknown as ArrayLike<unknown>)[0]; // lists and arrays of numbers
    return value.length * (typeof first === "number" ? 8 : 16 + (value.length > 0 ? roughBytes(first) : 0));
  }
  return 64;
}
