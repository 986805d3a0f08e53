// Results that need not be made again. A result is kept beside its source under a name made of everything it follows from: the
// source's contents, the steps since, and what the function is. A function is known by the key that a user states, or by its
// text where `fnKwargs` names all that it depends on; JavaScript does not tell what else a function reaches. Others are made
// anew in each run.

import { storage } from "#runtime/data/table/storage";
import { DataError } from "../../base/errors.ts";
import { type ByteSink, MemorySink } from "../table/bytes.ts";
import { Table } from "../table/table.ts";

export interface Kept {
  readonly fingerprint: string | undefined;
  readonly cacheDir: string | undefined;
  readonly inMemory: boolean;
  /** False makes it anew, and keeps that. */
  readonly mayLoad: boolean;
}

/** The table from the cache, or made and kept. A file that was cut off counts as none. */
export function cachedTable(
  { fingerprint, cacheDir, inMemory, mayLoad }: Kept,
  make: (openSink: () => ByteSink) => Table | undefined | Promise<Table | undefined>,
): Table | undefined | Promise<Table | undefined> {
  const isKept = !inMemory && fingerprint !== undefined && cacheDir !== undefined;
  const file = isKept ? `${cacheDir}/cache-${fingerprint}.arrow` : undefined;
  const cached = file === undefined || !mayLoad ? undefined : openTable(file);
  if (cached !== undefined) return cached;
  return make(() => {
    if (inMemory) return new MemorySink();
    return file === undefined ? storage.temporaryFile() : storage.writeFile(file);
  });
}

/** The table of a file; undefined where there is none that is whole. */
export function openTable(file: string): Table | undefined {
  try {
    return Table.read(storage.openFile(file));
  } catch (error) {
    if (error instanceof DataError) return undefined;
    throw error;
  }
}

/** What stands for a function; undefined where nothing can. */
export function functionKey(f: unknown, cacheKey: string | undefined, fnKwargs: unknown): string | undefined {
  if (!storage.hasFiles) return undefined;
  if (cacheKey !== undefined) return JSON.stringify(["key", cacheKey, fnKwargs ?? null]);
  if (fnKwargs === undefined || f instanceof URL) return undefined;
  return JSON.stringify(["text", String(f), fnKwargs]);
}
