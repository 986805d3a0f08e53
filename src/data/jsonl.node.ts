// JSONL on disk. The file is read in blocks and decoded line by line, so that its size is bounded by the rows kept and never
// by one string.

import { type FileHandle, open } from "node:fs/promises";
import { DataError } from "../base/errors.ts";
import { type JsonlOptions, type JsonlRow, parseLines, pickColumns, wrong } from "./jsonl.ts";

/** All rows, each with exactly these columns, which must be strings that say something. */
export function readJsonl<C extends string>(path: string, options: JsonlOptions<C>): Promise<Record<C, string>[]> {
  return pickColumns(path, streamJsonl(path), options);
}

/** The rows one by one, whatever they hold, with the line each stands on. A file without any row is an error. */
export function streamJsonl(path: string): AsyncGenerator<JsonlRow> {
  return parseLines(path, linesOf(path));
}

// From bytes to lines.

const blockBytes = 2 ** 20;
/** Far beyond any text to train on, and well below the longest string of the runtime. */
const maxLineBytes = 2 ** 28;
const newline = 0x0a;

/** The bytes of each line without its newline. They are only valid until the next line is asked for. */
async function* linesOf(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path, "r").catch((error: unknown) => {
    throw unreadable(path, error);
  });
  try {
    const block = new Uint8Array(blockBytes);
    let pending: Uint8Array[] = []; // the beginning of a line whose end has not been read yet
    let pendingBytes = 0;
    for (let line = 1, size = await fill(file, block, path); size > 0; size = await fill(file, block, path)) {
      let from = 0;
      for (let to = block.indexOf(newline); to !== -1 && to < size; to = block.indexOf(newline, from)) {
        const rest = block.subarray(from, to);
        yield pending.length === 0 ? rest : Buffer.concat([...pending, rest]);
        pending = [];
        pendingBytes = 0;
        from = to + 1;
        line++;
      }
      pending.push(block.slice(from, size));
      pendingBytes += size - from;
      if (pendingBytes > maxLineBytes) {
        throw wrong(path, line, `longer than ${maxLineBytes} bytes`, "Is it JSONL? It has one row a line.");
      }
    }
    if (pendingBytes > 0) yield Buffer.concat(pending);
  } finally {
    await file.close();
  }
}

async function fill(file: FileHandle, block: Uint8Array, path: string): Promise<number> {
  try {
    return (await file.read(block, 0, block.length)).bytesRead;
  } catch (error) {
    throw unreadable(path, error); // a folder opens and only then cannot be read
  }
}

/** The error for a data file that cannot be read, with what to do about it. */
export function unreadable(path: string, error: unknown): DataError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const what: Readonly<Record<string, string>> = {
    ENOENT: `there is no such file (looked from ${process.cwd()}). Check the path`,
    EISDIR: "this is a folder. Name the file in it",
    ENOTDIR: "a part of the path is a file, not a folder. Check the path",
    EACCES: "permission denied. Change the file's permissions",
  };
  return new DataError(`read ${path}: ${what[code] ?? String(error)}.`, { file: path, code }, { cause: error });
}
