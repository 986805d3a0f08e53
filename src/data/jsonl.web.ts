// JSONL from an address: a page has no files of its own.

import { DataError } from "../base/errors.ts";
import { type JsonlOptions, type JsonlRow, parseLines, pickColumns } from "./jsonl.ts";

/** All rows, each with exactly these columns, which must be strings that say something. */
export function readJsonl<C extends string>(url: string, options: JsonlOptions<C>): Promise<Record<C, string>[]> {
  return pickColumns(url, streamJsonl(url), options);
}

/** The rows one by one, whatever they hold, with the line each stands on. */
export function streamJsonl(url: string): AsyncGenerator<JsonlRow> {
  return parseLines(url, linesOf(url));
}

const newline = 0x0a;

async function* linesOf(url: string): AsyncGenerator<Uint8Array> {
  const response = await fetch(url).catch((cause: Error) => {
    throw new DataError(`read ${url}: ${cause.message}.`, { file: url }, { cause });
  });
  if (!response.ok) {
    throw new DataError(`read ${url}: the server answers ${response.status}. Check the address.`, {
      file: url,
      status: response.status,
    });
  }
  const bytes = new Uint8Array(await response.arrayBuffer());
  for (let from = 0, to = 0; from < bytes.length; from = to + 1) {
    to = bytes.indexOf(newline, from);
    if (to === -1) to = bytes.length;
    yield bytes.subarray(from, to);
  }
}
