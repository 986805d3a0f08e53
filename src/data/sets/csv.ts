// CSV. What a column holds is found as pandas finds it, from all of its values: numbers, truth values, or else text as it stands.

import type { Options, Parser } from "csv-parse";
import { CsvError, parse } from "#runtime/data/sets/csv-parser";
import { files } from "#runtime/data/sets/files";
import { DataError } from "../../base/errors.ts";
import { type Features, Value } from "../features.ts";
import type { ReadOptions } from "./readers.ts";
import type { Row } from "./rows.ts";

/** What pandas takes for nothing. */
const missing: ReadonlySet<string> = new Set(
  ",#N/A,#N/A N/A,#NA,-1.#IND,-1.#QNAN,-NaN,-nan,1.#IND,1.#QNAN,<NA>,N/A,NA,NULL,NaN,None,n/a,nan,null".split(","),
);

/** The records of a file by column, as texts. */
async function* records(path: string, { delimiter, columnNames }: ReadOptions): AsyncGenerator<Record<string, string>> {
  const named = (header: string[]): string[] => {
    const seen = new Map<string, number>(); // as pandas does: "a", "a.1", …
    return header.map((name) => {
      const times = seen.get(name) ?? 0;
      seen.set(name, times + 1);
      return times === 0 ? name : `${name}.${times}`;
    });
  };
  const isTabbed = /\.tsv(\.gz|\.zst)?$/i.test(path);
  const options: Options = {
    bom: true,
    columns: columnNames === undefined ? named : [...columnNames],
    delimiter: delimiter ?? (isTabbed ? "\t" : ","),
    skip_empty_lines: true,
    max_record_size: 2 ** 28,
  };
  const parser = parse(options);
  const decoder = new TextDecoder(); // in a page the parser takes texts
  const found: Record<string, string>[] = [];
  parser.on("data", (record: Record<string, string>) => found.push(record)); // as `columns` makes them
  try {
    for await (const block of files.blocks(path)) {
      await settled(parser, (done) => parser.write(decoder.decode(block, { stream: true }), done));
      yield* found.splice(0);
    }
    await settled(parser, (done) => parser.once("end", done).end());
    yield* found;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = Number(error["lines"] ?? parser.info.lines);
    throw new DataError(`read ${path}, line ${line}: ${error.message}.`, { file: path, line }, { cause: error });
  }
}

/** Waits for what is begun to be done, or to fail. By events alone: the streams in csv-parse for browsers have no more. */
function settled(parser: Parser, begin: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error | null): void => {
      if (error) return reject(error); // the parser tells of it, too
      parser.removeListener("error", settle);
      resolve();
    };
    parser.once("error", settle);
    begin(settle);
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
    for await (const record of records(path, options)) {
      for (const [name, text] of Object.entries(record)) {
        const column = found.get(name);
        if (column?.kind === "text") continue;
        const kind = kindOf(text);
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
  for await (const record of records(path, options)) {
    const row: Row = {};
    for (const [name, text] of Object.entries(record)) {
      const feature = features?.[name];
      const number = feature instanceof Value && /^(int|uint|float)/.test(feature.dtype);
      row[name] = missing.has(text) ? null : number ? text.trim().replace(/^([+-]?)inf(inity)?$/i, "$1Infinity") : text;
    }
    yield row;
  }
}
