// Rows from files of each format, one by one, with the place of whatever is wrong.

import { files } from "#runtime/data/sets/files";
import { DataError } from "../../base/errors.ts";
import type { Features } from "../features.ts";
import { parseLines, splitLines } from "../jsonl.ts";
import type { Row } from "./rows.ts";

/** How files are read; each format has its own. */
export interface ReadOptions {
  /** "json": the key whose list holds the rows, in a file that is one object. */
  readonly field?: string | undefined;
  /** "csv": what stands between values; default ",". */
  readonly delimiter?: string | undefined;
  /** "csv": the names, in a file that has none in its first line. */
  readonly columnNames?: readonly string[] | undefined;
  /** "text": what makes a row; default "line". */
  readonly sampleBy?: "line" | "paragraph" | "document" | undefined;
}

export interface Reader {
  /** The columns, where the format or the options tell them before the rows. */
  features?(paths: readonly string[], options: ReadOptions): Promise<Features | undefined>;
  rows(path: string, options: ReadOptions, features: Features | undefined): AsyncGenerator<Row>;
}

/** The larger ones are loaded when they are first used. */
export const readers: Readonly<Record<FileFormat, Reader>> = {
  json: { rows: jsonRows },
  csv: {
    features: async (paths, options) => (await import("./csv.ts")).csvFeatures(paths, options),
    async *rows(path, options, features) {
      yield* (await import("./csv.ts")).csvRows(path, options, features);
    },
  },
  text: { rows: textRows },
  parquet: {
    features: async ([first]) => (await import("./parquet.ts")).parquetFeatures(first!),
    async *rows(path) {
      yield* (await import("./parquet.ts")).parquetRows(path);
    },
  },
};
export type FileFormat = "json" | "csv" | "text" | "parquet";

/** The format that a file's name tells. */
export function formatOfName(path: string): FileFormat | "arrow" | undefined {
  const name = path.replace(/\.(gz|zst)$/, "");
  const endings: Readonly<Record<string, FileFormat | "arrow">> = {
    json: "json",
    jsonl: "json",
    ndjson: "json",
    csv: "csv",
    tsv: "csv",
    txt: "text",
    parquet: "parquet",
    arrow: "arrow",
  };
  return endings[name.slice(name.lastIndexOf(".") + 1).toLowerCase()];
}

// ── JSON ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** JSONL; or one list of rows; or one object, whose `field` is such a list. */
async function* jsonRows(path: string, { field }: ReadOptions): AsyncGenerator<Row> {
  const blocks = files.blocks(path);
  const first = await blocks.next();
  const rest = async function* (): AsyncGenerator<Uint8Array> {
    try {
      if (first.done === true) return;
      yield first.value;
      yield* blocks;
    } finally {
      await blocks.return(undefined); // closes the file where nobody read on
    }
  };
  const start = first.done === true ? "" : new TextDecoder().decode(first.value.subarray(0, 256)).trimStart();
  if (field === undefined && !start.startsWith("[")) {
    for await (const { row } of parseLines(path, splitLines(path, rest()))) yield row;
    return;
  }
  const whole = parseWhole(path, await textOf(rest()));
  const list = field === undefined ? whole : (whole as Readonly<Record<string, unknown>> | null)?.[field]; // checked next
  if (!Array.isArray(list)) {
    throw new DataError(`read ${path}: ${field === undefined ? "the file" : `"${field}"`} holds no list of rows.`, {
      file: path,
    });
  }
  for (const [i, row] of list.entries()) {
    if (typeof row === "string") yield { text: row };
    else if (typeof row === "object" && row !== null && !Array.isArray(row)) yield row as Row;
    else throw new DataError(`read ${path}, row ${i + 1}: wants an object.`, { file: path, row: i + 1 });
  }
}
function parseWhole(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const said = (error as Error).message; // JSON.parse throws errors
    const at = Number(/position (\d+)/.exec(said)?.[1] ?? text.length);
    const line = text.slice(0, at).split("\n").length;
    throw new DataError(`read ${path}, line ${line}: not valid JSON: ${said}.`, { file: path, line }, { cause: error });
  }
}

async function textOf(blocks: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const block of blocks) text += decoder.decode(block, { stream: true });
  return text + decoder.decode();
}

// ── text ────────────────────────────────────────────────────────────────────────────────────────────────────────────

async function* textRows(path: string, { sampleBy = "line" }: ReadOptions): AsyncGenerator<Row> {
  if (sampleBy === "document") {
    yield { text: await textOf(files.blocks(path)) };
    return;
  }
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let [line, paragraph] = [0, [] as string[]];
  for await (const bytes of splitLines(path, files.blocks(path))) {
    line++;
    let text: string;
    try {
      text = decoder.decode(bytes);
    } catch {
      throw new DataError(`read ${path}, line ${line}: not valid UTF-8. Save the file as UTF-8.`, { file: path, line });
    }
    if (text.endsWith("\r")) text = text.slice(0, -1);
    if (sampleBy === "line") yield { text };
    else if (text !== "") paragraph.push(text);
    else if (paragraph.length > 0) {
      yield { text: paragraph.join("\n") };
      paragraph = [];
    }
  }
  if (paragraph.length > 0) yield { text: paragraph.join("\n") };
}
