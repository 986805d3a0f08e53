// JSONL from an address: a page has no files of its own.

import { DataError } from "../base/errors.ts";
import { type JsonlOptions, type JsonlRow, parseLines, pickColumns, splitLines } from "./jsonl.ts";

/** All rows, each with exactly these columns, which must be strings that say something. */
export function readJsonl<C extends string>(url: string, options: JsonlOptions<C>): Promise<Record<C, string>[]> {
  return pickColumns(url, streamJsonl(url), options);
}

/** The rows one by one, whatever they hold, with the line each stands on. */
export function streamJsonl(url: string): AsyncGenerator<JsonlRow> {
  return parseLines(url, splitLines(url, blocksOf(url)));
}

/** What an address gives, as it comes. */
export async function* blocksOf(url: string): AsyncGenerator<Uint8Array> {
  const response = await fetch(url).catch((cause: Error) => {
    throw new DataError(`read ${url}: ${cause.message}.`, { file: url }, { cause });
  });
  if (!response.ok || response.body === null) {
    throw new DataError(`read ${url}: the server answers ${response.status}. Check the address.`, {
      file: url,
      status: response.status,
    });
  }
  const reader = response.body.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    yield value;
  }
}
