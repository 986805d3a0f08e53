// The rows of a table as a data set shows them: all or some of them, in an order, as plain values or through a format.

import type { Columns, Table } from "../table/table.ts";
import { TableWriter } from "../table/writer.ts";
import { formatColumns } from "./format.ts";
import { sinkBeside } from "./in-memory.ts";
import type { RowSource } from "./mapping.ts";
import type { DatasetParts } from "./options.ts";
import { type Row, rowsOfBatch } from "./rows.ts";

export class View implements RowSource {
  readonly #table: Table;
  readonly #indices: DatasetParts["indices"];
  readonly #format: DatasetParts["format"];

  constructor(table: Table, { indices, format }: DatasetParts) {
    this.#table = table;
    this.#indices = indices;
    this.#format = format;
  }
  get length(): number {
    return this.#indices?.length ?? this.#table.numRows;
  }
  get blockRows(): number {
    return this.#table.blockRows;
  }
  get table(): Table {
    return this.#table;
  }

  /** One row, shown; `place` is within the view. */
  at(place: number): Row {
    const row = this.#table.at(this.#indices?.[place] ?? place);
    if (this.#format === undefined) return row;
    const columns = Object.fromEntries(Object.entries(row).map(([name, value]) => [name, [value]]));
    return rowsOfBatch(this.format(columns, true) as Columns, 1)[0]!; // lists of one row, as asked for
  }
  /** Rows `from … to` by column, as they are stored. */
  block(from: number, to: number): Columns {
    const indices = this.#indices;
    if (indices === undefined) return this.#table.slice(from, to);
    const places = indices.subarray(from, to);
    const [first, last] = [places[0] ?? 0, places.at(-1) ?? 0];
    // Rows in one stretch are read as one.
    const isStretch = last - first === places.length - 1 && places.every((place, i) => place === first + i);
    if (isStretch && places.length > 0) return this.#table.slice(first, last + 1);
    const columns = Array.from(this.#table.columns, ([name, column]) => [
      name,
      Array.from(places, (place) => column.at(place)),
    ]);
    return Object.fromEntries(columns);
  }
  /** Columns shown; by `rows` each row for itself. */
  format(columns: Columns, rows: boolean): Readonly<Record<string, unknown>> {
    return this.#format === undefined ? columns : formatColumns(columns, this.#format, this.#table.features, rows);
  }
  /** All rows, shown, one after the other. */
  *rows(): Generator<Row, void, undefined> {
    const size = this.blockRows;
    for (let from = 0; from < this.length; from += size) {
      const to = Math.min(this.length, from + size);
      if (this.#format === undefined) yield* rowsOfBatch(this.block(from, to), to - from);
      else for (let place = from; place < to; place++) yield this.at(place);
    }
  }

  /** Places in the view as places in the table. */
  places(order: Uint32Array): Uint32Array {
    const indices = this.#indices;
    return indices === undefined ? order : order.map((place) => indices[place]!);
  }
  /** A table of the view's rows in their order, so that others can stand beside it. */
  flat(): Table {
    if (this.#indices === undefined) return this.#table;
    const writer = new TableWriter(sinkBeside(this.#table), { features: this.#table.features });
    for (let from = 0, size = this.blockRows; from < this.length; from += size) {
      const to = Math.min(this.length, from + size);
      writer.writeColumns(this.block(from, to), to - from);
    }
    return writer.finish();
  }
}
