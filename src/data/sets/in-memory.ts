// Tables of what is in memory, and where a table that is made from another one goes: to memory, or to a disk as its source.

import { storage } from "#runtime/data/table/storage";
import { DataError } from "../../base/errors.ts";
import { type Features, inferFeatures } from "../features.ts";
import { type ByteSink, MemorySink } from "../table/bytes.ts";
import { blockRows, type Table } from "../table/table.ts";
import { TableWriter } from "../table/writer.ts";

/** Rows given one by one. A key that some rows lack is null there. */
export function tableOfRows(rows: Iterable<object>, features?: Features): Table {
  const writer = new TableWriter(() => new MemorySink(), { features });
  for (const row of rows) writer.write(row);
  return writer.finish();
}

/** Rows given by column, all of one length. */
export function tableOfColumns(columns: Readonly<Record<string, ArrayLike<unknown>>>, features?: Features): Table {
  const entries = Object.entries(columns);
  const rows = entries[0]?.[1].length ?? 0;
  for (const [name, { length }] of entries) {
    if (length !== rows)
      throw new DataError(`fromDict: "${name}" has ${length} values, others ${rows}.`, { column: name });
  }
  if (rows === 0) return emptyTable(features ?? inferFeatures(Object.fromEntries(entries.map(([name]) => [name, []]))));
  const writer = new TableWriter(() => new MemorySink(), { features });
  for (let from = 0; from < rows; from += blockRows) {
    const to = Math.min(rows, from + blockRows);
    const part = entries.map(([name, values]) => [name, Array.prototype.slice.call(values, from, to)]);
    writer.writeColumns(Object.fromEntries(part), to - from);
  }
  return writer.finish();
}

export function emptyTable(features: Features): Table {
  return new TableWriter(() => new MemorySink(), { features }).finish();
}

/** What is made of a table on disk is on disk too, until nobody holds it. */
export function sinkBeside(table: Table): () => ByteSink {
  return table.onDisk ? () => storage.temporaryFile() : () => new MemorySink();
}
