// Rows of data files: JSONL, CSV, TSV, Parquet and Arrow, each with the place that a message names.

import { ArgumentError, DataError } from "../../base/errors.ts";
import { streamJsonl } from "../../data/jsonl.node.ts";
import { loadDatasetWith } from "../../data/sets/load.ts";

export interface PlacedRow {
  /** `read rows.jsonl, line 3` */
  readonly place: string;
  readonly row: Readonly<Record<string, unknown>>;
}

const tables: { readonly [ending: string]: string | undefined } = {
  csv: "csv",
  tsv: "csv",
  parquet: "parquet",
  arrow: "arrow",
};

export async function readPlaced(file: string): Promise<PlacedRow[]> {
  const ending = /\.(\w+)$/.exec(file)?.[1]?.toLowerCase() ?? "";
  const rows: PlacedRow[] = [];
  const format = tables[ending];
  if (format === undefined) {
    for await (const { line, row } of streamJsonl(file)) rows.push({ place: `read ${file}, line ${line}`, row });
    return rows;
  }
  const read = { dataFiles: file, split: "train", keepInMemory: true, ...(ending === "tsv" && { delimiter: "\t" }) };
  for (const row of await loadDatasetWith(undefined)(format, read))
    rows.push({ place: `read ${file}, row ${rows.length}`, row: row as PlacedRow["row"] }); // a table's row
  if (rows.length === 0) throw new DataError(`read ${file}: the file holds no rows. Is it the right one?`, { file });
  return rows;
}

/** A column that must hold a text that says something. */
export function textOf({ place, row }: PlacedRow, column: string): string {
  const value = row[column];
  if (typeof value === "string" && value.trim() !== "") return value;
  if (typeof value === "string")
    throw new DataError(`${place}: "${column}" is empty. Give it a text, or leave the row out.`, { column });
  if (value === undefined || value === null) {
    const keys = Object.keys(row).map((key) => `"${key}"`);
    throw new DataError(
      `${place}: has no "${column}"; its keys are ${keys.join(", ")}. Rename the key, or name the column.`,
      { column },
    );
  }
  throw new DataError(`${place}: "${column}" is ${JSON.stringify(value)?.slice(0, 60)}; it must be a string.`, {
    column,
  });
}

/** What `body` throws, with the file's name before it, unless it names one. */
export function inFile<T>(file: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof ArgumentError && !error.message.startsWith("read "))
      throw new ArgumentError(`${file}: ${error.message}`, error.facts, { cause: error });
    throw error;
  }
}
