// A table: columns of equal length, each of pieces that lie in memory or on disk. Columns are chosen, renamed, joined and
// taken apart without touching the rows.

import { DataError, IndexError } from "../../base/errors.ts";
import { type Feature, type Features, isStruct } from "../features.ts";
import { readStream, type TableFields } from "./arrow.ts";
import type { ByteSource } from "./bytes.ts";
import { type Batch, decode } from "./decode.ts";
import type { Layout } from "./layout.ts";

/** Some rows of a column. */
interface Piece {
  readonly rows: number;
  /** All of it, roughly. */
  readonly bytes: number;
  readonly onDisk: boolean;
  read(from: number, to: number): unknown[];
}

/** Rows of a batch, by the layout of one of its columns. */
class BatchPiece implements Piece {
  readonly batch: Batch;
  readonly layout: Layout;
  constructor(batch: Batch, layout: Layout) {
    this.batch = batch;
    this.layout = layout;
  }
  get rows(): number {
    return this.batch.rows;
  }
  get bytes(): number {
    const { layout } = this;
    let bytes = 0;
    const next = Math.min(this.batch.buffers.length / 2, lastBuffer(layout) + 1);
    for (let i = layout.buffer; i < next; i++) bytes += this.batch.buffers[2 * i + 1]!;
    return bytes;
  }
  get onDisk(): boolean {
    return this.batch.source.onDisk;
  }
  read(from: number, to: number): unknown[] {
    return decode(this.batch, this.layout, from, to);
  }
}

function lastBuffer(layout: Layout): number {
  switch (layout.kind) {
    case "null":
      return layout.buffer - 1;
    case "bool":
    case "number":
    case "time":
      return layout.buffer + 1;
    case "bytes":
      return layout.buffer + 2;
    case "list":
    case "fixed":
      return lastBuffer(layout.element);
    case "struct":
      return layout.parts.reduce((last, [, part]) => Math.max(last, lastBuffer(part)), layout.buffer);
    default:
      return layout satisfies never;
  }
}

/** A column that another table does not have. */
class NullPiece implements Piece {
  readonly rows: number;
  readonly bytes = 0;
  readonly onDisk = false;
  constructor(rows: number) {
    this.rows = rows;
  }
  read(from: number, to: number): unknown[] {
    return new Array<null>(to - from).fill(null);
  }
}

/** A part of a column of structures. */
class PartPiece implements Piece {
  readonly #whole: Piece;
  readonly #name: string;
  constructor(whole: Piece, name: string) {
    this.#whole = whole;
    this.#name = name;
  }
  get rows(): number {
    return this.#whole.rows;
  }
  get bytes(): number {
    return this.#whole.bytes;
  }
  get onDisk(): boolean {
    return this.#whole.onDisk;
  }
  read(from: number, to: number): unknown[] {
    const rows = this.#whole.read(from, to) as (Readonly<Record<string, unknown>> | null)[]; // structures
    return rows.map((row) => row?.[this.#name] ?? null);
  }
}

export class Column {
  readonly feature: Feature;
  readonly pieces: readonly Piece[];
  /** Where each piece begins; after the last, the number of rows. */
  readonly #starts: Float64Array;

  constructor(feature: Feature, pieces: readonly Piece[]) {
    this.feature = feature;
    this.pieces = pieces;
    this.#starts = new Float64Array(pieces.length + 1);
    for (const [i, { rows }] of pieces.entries()) this.#starts[i + 1] = this.#starts[i]! + rows;
  }
  get length(): number {
    return this.#starts[this.pieces.length]!;
  }
  #pieceAt(row: number): number {
    let [low, high] = [0, this.pieces.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }
  at(row: number): unknown {
    const i = this.#pieceAt(row);
    const place = row - this.#starts[i]!;
    return this.#read(i, place, place + 1)[0];
  }
  slice(from: number, to: number): unknown[] {
    if (from >= to) return [];
    const found: unknown[][] = [];
    for (let i = this.#pieceAt(from); i < this.pieces.length && this.#starts[i]! < to; i++) {
      const start = this.#starts[i]!;
      found.push(this.#read(i, Math.max(0, from - start), Math.min(this.pieces[i]!.rows, to - start)));
    }
    if (found.length === 1) return found[0]!;
    const values = new Array<unknown>(to - from);
    let at = 0;
    for (const piece of found) for (const value of piece) values[at++] = value;
    return values;
  }
  #read(i: number, from: number, to: number): unknown[] {
    try {
      return this.pieces[i]!.read(from, to);
    } catch (error) {
      if (!(error instanceof RangeError || error instanceof SyntaxError)) throw error;
      const row = this.#starts[i]! + from;
      throw new DataError(`a table is broken near row ${row}: ${error.message}.`, { row }, { cause: error });
    }
  }
  withFeature(feature: Feature): Column {
    return new Column(feature, this.pieces);
  }
  part(name: string, feature: Feature): Column {
    return new Column(
      feature,
      this.pieces.map((piece) => {
        const layout = piece instanceof BatchPiece ? piece.layout : undefined;
        const part = layout?.kind === "struct" ? layout.parts.find(([own]) => own === name)?.[1] : undefined;
        // Where no structure is missing, its part is read without the others.
        if (piece instanceof BatchPiece && part !== undefined && piece.batch.nodes[2 * piece.layout.node + 1] === 0) {
          return new BatchPiece(piece.batch, part);
        }
        return new PartPiece(piece, name);
      }),
    );
  }
}

/** What is read and written at once. */
export const blockRows = 1000;
export const blockBytes: number = 2 ** 24;

export type Columns = Readonly<Record<string, unknown[]>>;

export class Table {
  readonly columns: ReadonlyMap<string, Column>;
  readonly numRows: number;

  constructor(columns: ReadonlyMap<string, Column>, numRows?: number) {
    this.columns = columns;
    const [first] = columns.values();
    this.numRows = first?.length ?? numRows ?? 0;
    for (const [name, { length }] of columns) {
      if (length !== this.numRows) {
        throw new DataError(`column "${name}" has ${length} rows, the others ${this.numRows}.`, { column: name });
      }
    }
  }

  static of({ fields, batches }: { readonly fields: TableFields; readonly batches: readonly Batch[] }): Table {
    const columns = new Map<string, Column>();
    for (const [name, layout] of fields.layouts) {
      const pieces = batches.filter(({ rows }) => rows > 0).map((batch) => new BatchPiece(batch, layout));
      columns.set(name, new Column(layout.feature, pieces));
    }
    return new Table(
      columns,
      batches.reduce((sum, { rows }) => sum + rows, 0),
    );
  }
  /** The table that an Arrow stream holds. */
  static read(source: ByteSource): Table {
    return Table.of(readStream(source));
  }

  get features(): Features {
    return Object.fromEntries(Array.from(this.columns, ([name, { feature }]) => [name, feature]));
  }
  get onDisk(): boolean {
    return [...this.columns.values()].some(({ pieces }) => pieces.some((piece) => piece.onDisk));
  }
  /** How many rows are read at once so that they stay small beside the memory. */
  get blockRows(): number {
    let bytes = 0;
    for (const { pieces } of this.columns.values()) for (const piece of pieces) bytes += piece.bytes;
    return Math.max(1, Math.min(blockRows, Math.floor((blockBytes * this.numRows) / Math.max(bytes, 1))));
  }
  slice(from: number, to: number): Columns {
    return Object.fromEntries(Array.from(this.columns, ([name, column]) => [name, column.slice(from, to)]));
  }
  at(row: number): Record<string, unknown> {
    if (!(row >= 0 && row < this.numRows)) throw new IndexError(`row ${row} of ${this.numRows}.`, { index: row });
    const found: Record<string, unknown> = {};
    for (const [name, column] of this.columns) found[name] = column.at(row);
    return found;
  }
  with(columns: Iterable<readonly [string, Column]>): Table {
    return new Table(new Map(columns), this.numRows);
  }
  /** Structures become columns of their own, named "outer.inner". */
  flatten(): Table {
    const columns = [...this.columns].flatMap(([name, column]): (readonly [string, Column])[] => {
      const { feature } = column;
      if (!isStruct(feature)) return [[name, column]];
      return Object.entries(feature).map(([part, of]) => [`${name}.${part}`, column.part(part, of)]);
    });
    const flat = this.with(columns);
    return columns.some(([, { feature }]) => isStruct(feature)) ? flat.flatten() : flat;
  }
}

/** One below the other. Columns that a table lacks are null in its rows; features must be alike. */
export function concatTables(tables: readonly Table[], features: Features): Table {
  const columns = Object.entries(features).map(([name, feature]): readonly [string, Column] => {
    const pieces = tables.flatMap((table) => table.columns.get(name)?.pieces ?? [new NullPiece(table.numRows)]);
    return [name, new Column(feature, pieces)];
  });
  return new Table(
    new Map(columns),
    tables.reduce((sum, { numRows }) => sum + numRows, 0),
  );
}

/** Side by side: row by row the columns of all. */
export function joinColumns(tables: readonly Table[]): Table {
  const columns = new Map<string, Column>();
  for (const table of tables) {
    for (const [name, column] of table.columns) {
      if (columns.has(name)) throw new DataError(`two tables have a column "${name}"; rename one.`, { column: name });
      columns.set(name, column);
    }
  }
  return new Table(columns);
}
