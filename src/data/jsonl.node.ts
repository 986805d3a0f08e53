// JSONL on disk. The file is read in blocks and decoded line by line, so that its size is bounded by the rows kept and never
// by one string.

import { type FileHandle, open } from "node:fs/promises";
import { DataError } from "../base/errors.ts";
import { type JsonlOptions, type JsonlRow, parseLines, pickColumns, splitLines } from "./jsonl.ts";

/** All rows, each with exactly these columns, which must be strings that say something. */
export function readJsonl<C extends string>(path: string, options: JsonlOptions<C>): Promise<Record<C, string>[]> {
  return pickColumns(path, streamJsonl(path), options);
}

/** The rows one by one, whatever they hold, with the line each stands on. A file without any row is an error. */
export function streamJsonl(path: string): AsyncGenerator<JsonlRow> {
  return parseLines(path, splitLines(path, blocksOf(path)));
}

// From files to bytes.

const blockBytes = 2 ** 20;

/** A file's bytes block by block; a block is only valid until the next is asked for. */
export async function* blocksOf(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path, "r").catch((error: unknown) => {
    throw unreadable(path, error);
  });
  try {
    const block = new Uint8Array(blockBytes);
    for (let size = await fill(file, block, path); size > 0; size = await fill(file, block, path)) {
      yield block.subarray(0, size);
    }
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
