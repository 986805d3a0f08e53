// CSV. What a column holds is found as pandas finds it, from all of its values: numbers, truth values, or else text as it stands.

import { files } from "#runtime/data/sets/files";
import { ArgumentError, DataError } from "../../base/errors.ts";
import { type Features, Value } from "../features.ts";
import { type CsvRecord, csvRecords } from "./csv-records.ts";
import type { ReadOptions } from "./readers.ts";
import type { Row } from "./rows.ts";

/** What pandas takes for nothing. */
const missing: ReadonlySet<string> = new Set(
  ",#N/A,#N/A N/A,#NA,-1.#IND,-1.#QNAN,-NaN,-nan,1.#IND,1.#QNAN,<NA>,N/A,NA,NULL,NaN,None,n/a,nan,null".split(","),
);

/** The records of a file, each with a value for every one of `names`, which the first line says where the options do not. */
async function* records(
  path: string,
  { delimiter, columnNames }: ReadOptions,
): AsyncGenerator<{ readonly names: readonly string[]; readonly record: CsvRecord }> {
  const isTabbed = /\.tsv(\.gz|\.zst)?$/i.test(path);
  const between = delimiter ?? (isTabbed ? "\t" : ",");
  if (between === "") throw new ArgumentError("loadDataset: the delimiter of CSV is empty.", {});
  let names = columnNames;
  for await (const record of csvRecords(path, files.blocks(path), between)) {
    if (names === undefined) {
      names = namesOf(record);
      continue;
    }
    if (record.length !== names.length) {
      const { line, length } = record;
      throw new DataError(`read ${path}, line ${line}: ${length} values for ${names.length} columns.`, {
        file: path,
        line,
      });
    }
    yield { names, record };
  }
}
/** As pandas does: "a", "a.1", … */
function namesOf(header: CsvRecord): string[] {
  const seen = new Map<string, number>();
  return Array.from({ length: header.length }, (_, i) => {
    const name = header.text(i);
    const times = seen.get(name) ?? 0;
    seen.set(name, times + 1);
    return times === 0 ? name : `${name}.${times}`;
  });
}

const kinds = ["none", "bool", "int", "float", "text"] as const;
type Kind = (typeof kinds)[number];

function kindOf(text: string): Kind {
  if (missing.has(text)) return "none";
  if (/^(True|TRUE|true|False|FALSE|false)$/.test(text)) return "bool";
  if (/^\s*[+-]?\d+\s*$/.test(text) && Math.abs(Number(text)) < 2 ** 63) return "int";
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$|^\s*[+-]?(inf|infinity)\s*$/i.test(text) ? "float" : "text";
}

/** What the columns hold: all rows are looked at once. */
export async function csvFeatures(paths: readonly string[], options: ReadOptions): Promise<Features> {
  const found = new Map<string, { kind: Kind; gaps: boolean }>();
  for (const path of paths) {
    for await (const { names, record } of records(path, options)) {
      for (const [i, name] of names.entries()) {
        const column = found.get(name);
        if (column?.kind === "text") continue;
        const kind = kindOf(record.text(i));
        if (column === undefined) found.set(name, { kind, gaps: kind === "none" });
        else if (kind === "none") column.gaps = true;
        else if (column.kind !== kind) column.kind = together(column.kind, kind);
      }
    }
  }
  if (found.size === 0)
    throw new DataError(`read ${paths.join(", ")}: the file holds no rows. Is it the right one?`, {});
  return Object.fromEntries(Array.from(found, ([name, { kind, gaps }]) => [name, featureOf(kind, gaps)]));
}
function together(a: Kind, b: Kind): Kind {
  if (a === "none") return b;
  return a !== "bool" && b !== "bool" && a !== "text" && b !== "text" ? "float" : "text";
}
function featureOf(kind: Kind, gaps: boolean): Value {
  switch (kind) {
    case "none":
      return new Value("null");
    case "bool":
      return new Value("bool");
    case "int":
      return new Value(gaps ? "float64" : "int64"); // pandas has no gaps among whole numbers
    case "float":
      return new Value("float64");
    case "text":
      return new Value("string");
    default:
      return kind satisfies never;
  }
}

/** Rows; gaps are null, other values as the features read them. */
export async function* csvRows(
  path: string,
  options: ReadOptions,
  features: Features | undefined,
): AsyncGenerator<Row> {
  const isNumber = (name: string): boolean => {
    const feature = features?.[name];
    return feature instanceof Value && /^(int|uint|float)/.test(feature.dtype);
  };
  let columns: readonly (readonly [name: string, isNumber: boolean])[] | undefined;
  for await (const { names, record } of records(path, options)) {
    columns ??= names.map((name) => [name, isNumber(name)] as const);
    const row: Row = {};
    for (const [i, [name, number]] of columns.entries()) {
      const text = record.text(i);
      row[name] = missing.has(text) ? null : number ? numberText(text) : text;
    }
    yield row;
  }
}
const numberText = (text: string): string => text.trim().replace(/^([+-]?)inf(inity)?$/i, "$1Infinity");
