// Data sets as files: Arrow tables that Python's `load_from_disk` reads, JSONL, CSV and Parquet. Files are written beside their
// places and renamed.

import { files } from "#runtime/data/sets/files";
import { storage } from "#runtime/data/table/storage";
import { DataError } from "../../base/errors.ts";
import { type Features, featuresFromJson, featuresToJson } from "../features.ts";
import { StreamWriter } from "../table/arrow.ts";
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

/** A file that is put in its place when `fill` is through, and not at all when it throws. */
function wholeFile(path: string, fill: (write: (bytes: Uint8Array) => void) => void): void {
  const sink = storage.writeFile(path);
  try {
    fill((bytes) => sink.write(bytes));
  } catch (error) {
    sink.abandon();
    throw error;
  }
  sink.finish();
}
const utf8 = new TextEncoder();
function textFile(path: string, text: string): void {
  wholeFile(path, (write) => write(utf8.encode(text)));
}

// ── Arrow ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `dataset_info.json`, `state.json` and tables in a folder, as Python's `save_to_disk` has them. */
export function saveTable(rows: Written, folder: string, numShards = 1): void {
  const number = (i: number): string => String(i).padStart(5, "0");
  const names = Array.from({ length: numShards }, (_, i) => `data-${number(i)}-of-${number(numShards)}.arrow`);
  names.forEach((name, i) => {
    const [from, to] = [i, i + 1].map((k) => Math.floor((k * rows.length) / numShards)) as [number, number]; // two of them
    wholeFile(`${folder}/${name}`, (write) => {
      const writer = new StreamWriter(rows.features, { write });
      for (const [columns, count] of blocksOf(rows, from, to)) writer.write(columns, count);
      writer.end();
    });
  });
  const info = { citation: "", description: "", features: featuresToJson(rows.features), homepage: "", license: "" };
  textFile(`${folder}/dataset_info.json`, JSON.stringify(info, null, 2));
  const state = {
    _data_files: names.map((filename) => ({ filename })),
    _fingerprint: storage.digest(`${folder} ${rows.length} ${JSON.stringify(info)}`),
    _format_columns: null,
    _format_kwargs: {},
    _format_type: null,
    _output_all_columns: false,
    _split: rows.split ?? null,
  };
  textFile(`${folder}/state.json`, JSON.stringify(state, null, 2));
}
export function saveSplitNames(folder: string, splits: readonly string[]): void {
  textFile(`${folder}/dataset_dict.json`, JSON.stringify({ splits }));
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
  wholeFile(path, (write) => {
    for (const [columns, count] of blocksOf(rows)) {
      const names = Object.keys(columns);
      let text = "";
      for (let i = 0; i < count; i++) {
        const row = Object.fromEntries(names.map((name) => [name, columns[name]![i]]));
        text += `${JSON.stringify(row, plain)}\n`;
      }
      write(utf8.encode(text));
    }
  });
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
  wholeFile(path, (write) => {
    const names = Object.keys(rows.features);
    write(utf8.encode(`${names.map(quoted).join(",")}\n`));
    for (const [columns, count] of blocksOf(rows)) {
      let text = "";
      for (let i = 0; i < count; i++) text += `${names.map((name) => cell(columns[name]![i])).join(",")}\n`;
      write(utf8.encode(text));
    }
  });
  return rows.length;
}

/** Parquet with Hugging Face's features in it. */
export async function writeParquet(rows: Written, path: string): Promise<number> {
  const { ParquetSink } = await import("./parquet-sink.ts");
  wholeFile(path, (write) => {
    const sink = new ParquetSink(rows.features, write);
    for (const [columns, count] of blocksOf(rows)) sink.write(columns, count);
    sink.end();
  });
  return rows.length;
}
