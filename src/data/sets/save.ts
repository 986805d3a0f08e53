// Data sets as files: Arrow tables that Python's `load_from_disk` reads, JSONL, CSV and Parquet. Files are written beside their
// places and renamed.

import { files } from "#runtime/data/sets/files";
import { storage } from "#runtime/data/table/storage";
import { DataError } from "../../base/errors.ts";
import { type Features, featuresFromJson, featuresToJson } from "../features.ts";
import { StreamWriter } from "../table/arrow.ts";
import type { FileByteSink } from "../table/storage.ts";
import { type Columns, concatTables, Table } from "../table/table.ts";

/** Rows to write, block by block, in their order. */
export interface Written {
  readonly features: Features;
  readonly length: number;
  readonly split: string | undefined;
  readonly blockRows: number;
  block(from: number, to: number): Columns;
}

function* blocksOf(
  { length, blockRows, block }: Written,
  from = 0,
  to = length,
): Generator<readonly [Columns, number]> {
  for (let at = from; at < to; at += blockRows) {
    const end = Math.min(to, at + blockRows);
    yield [block(at, end), end - at];
  }
}

type Fill = (write: (bytes: Uint8Array) => void) => void;

/** Files that are put in their places when all are whole, and none of them when one fails. */
function wholeFiles(files: readonly (readonly [path: string, fill: Fill])[]): void {
  const sinks: FileByteSink[] = [];
  try {
    for (const [path, fill] of files) {
      const sink = storage.writeFile(path);
      sinks.push(sink);
      fill((bytes) => sink.write(bytes));
      sink.settle();
    }
  } catch (error) {
    for (const sink of sinks) sink.abandon();
    throw error;
  }
  for (const sink of sinks) sink.finish();
}
const utf8 = new TextEncoder();
const text =
  (content: string): Fill =>
  (write) =>
    write(utf8.encode(content));

// ── Arrow ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `dataset_info.json`, `state.json` and tables in a folder, as Python's `save_to_disk` has them. */
export function saveTable(rows: Written, folder: string, numShards = 1): void {
  const number = (i: number): string => String(i).padStart(5, "0");
  const names = Array.from({ length: numShards }, (_, i) => `data-${number(i)}-of-${number(numShards)}.arrow`);
  const tables = names.map((name, i): readonly [string, Fill] => {
    const [from, to] = [i, i + 1].map((k) => Math.floor((k * rows.length) / numShards)) as [number, number]; // two of them
    const fill: Fill = (write) => {
      const writer = new StreamWriter(rows.features, { write });
      for (const [columns, count] of blocksOf(rows, from, to)) writer.write(columns, count);
      writer.end();
    };
    return [`${folder}/${name}`, fill];
  });
  const info = { citation: "", description: "", features: featuresToJson(rows.features), homepage: "", license: "" };
  const state = {
    _data_files: names.map((filename) => ({ filename })),
    _fingerprint: storage.digest(`${folder} ${rows.length} ${JSON.stringify(info)}`),
    _format_columns: null,
    _format_kwargs: {},
    _format_type: null,
    _output_all_columns: false,
    _split: rows.split ?? null,
  };
  wholeFiles([
    ...tables,
    [`${folder}/dataset_info.json`, text(JSON.stringify(info, null, 2))],
    [`${folder}/state.json`, text(JSON.stringify(state, null, 2))],
  ]);
}
export function saveSplitNames(folder: string, splits: readonly string[]): void {
  wholeFiles([[`${folder}/dataset_dict.json`, text(JSON.stringify({ splits }))]]);
}

/** A folder that `saveTable`, or Python, wrote: its table and split; or the names of the splits that have folders in it. */
export async function openSaved(
  folder: string,
): Promise<{ readonly table: Table; readonly split: string | undefined } | { readonly splits: readonly string[] }> {
  const dict = await jsonOf(`${folder}/dataset_dict.json`);
  const splits = dict?.["splits"];
  if (Array.isArray(splits)) return { splits: splits.map(String) };
  const state = await jsonOf(`${folder}/state.json`);
  const listed = state?.["_data_files"];
  if (state === undefined || !Array.isArray(listed)) {
    throw new DataError(
      `loadFromDisk: ${folder} holds no data set: there is neither state.json nor dataset_dict.json.`,
      {
        folder,
      },
    );
  }
  if (Array.isArray(state["_indices_data_files"]) && state["_indices_data_files"].length > 0) {
    throw new DataError(`loadFromDisk: ${folder} keeps rows by their numbers; save flattenIndices() with Python.`, {
      folder,
    });
  }
  const tables = listed.map((entry: { readonly filename?: unknown }) =>
    Table.read(storage.openFile(`${folder}/${String(entry.filename)}`)),
  );
  const info = await jsonOf(`${folder}/dataset_info.json`);
  const features = tables[0]?.features ?? featuresFromJson(info?.["features"]);
  const split = typeof state["_split"] === "string" ? state["_split"] : undefined;
  return { table: concatTables(tables, features), split };
}

async function jsonOf(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const block of files.blocks(path)) text += decoder.decode(block, { stream: true });
  } catch (error) {
    if (error instanceof DataError && error.facts["code"] === "ENOENT") return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>; // checked where it is used
  } catch (error) {
    throw new DataError(`read ${path}: ${(error as Error).message}. Is it whole?`, { file: path }, { cause: error }); // JSON.parse throws errors
  }
}

// ── JSONL and CSV ───────────────────────────────────────────────────────────────────────────────────────────────────

/** What JSON has no word for. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  return value instanceof Uint8Array ? Array.from(value) : value;
}

/** One object a line. Gives the number of rows. */
export function writeJsonl(rows: Written, path: string): number {
  const fill: Fill = (write) => {
    for (const [columns, count] of blocksOf(rows)) {
      const names = Object.keys(columns);
      let text = "";
      for (let i = 0; i < count; i++) {
        const row = Object.fromEntries(names.map((name) => [name, columns[name]![i]]));
        text += `${JSON.stringify(row, plain)}\n`;
      }
      write(utf8.encode(text));
    }
  };
  wholeFiles([[path, fill]]);
  return rows.length;
}

/** A header and a line a row, quoted where it must be; null is nothing, lists and structures are JSON. */
export function writeCsv(rows: Written, path: string): number {
  const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const cell = (value: unknown): string => {
    if (value === null || value === undefined) return "";
    if (typeof value === "boolean") return value ? "True" : "False";
    if (value instanceof Date) return value.toISOString();
    return quoted(typeof value === "object" ? JSON.stringify(value, plain) : String(value));
  };
  const fill: Fill = (write) => {
    const names = Object.keys(rows.features);
    write(utf8.encode(`${names.map(quoted).join(",")}\n`));
    for (const [columns, count] of blocksOf(rows)) {
      let text = "";
      for (let i = 0; i < count; i++) text += `${names.map((name) => cell(columns[name]![i])).join(",")}\n`;
      write(utf8.encode(text));
    }
  };
  wholeFiles([[path, fill]]);
  return rows.length;
}

/** Parquet with Hugging Face's features in it. */
export async function writeParquet(rows: Written, path: string): Promise<number> {
  const { ParquetSink } = await import("./parquet-sink.ts");
  const fill: Fill = (write) => {
    const sink = new ParquetSink(rows.features, write);
    for (const [columns, count] of blocksOf(rows)) sink.write(columns, count);
    sink.end();
  };
  wholeFiles([[path, fill]]);
  return rows.length;
}
