// Files of data sets at addresses: a page has no folders, and keeps no tables.

import { blocksOf } from "#runtime/data/jsonl";
import { DataError } from "../../base/errors.ts";
import type { DataFiles } from "./files.ts";

async function* unpacked(url: string): AsyncGenerator<Uint8Array> {
  if (!url.endsWith(".gz")) return yield* blocksOf(url);
  const response = await fetch(url);
  if (!response.ok || response.body === null) {
    throw new DataError(`read ${url}: the server answers ${response.status}.`, { file: url, status: response.status });
  }
  const reader = response.body.pipeThrough(new DecompressionStream("gzip")).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    yield value;
  }
}

export const files: DataFiles = {
  blocks: unpacked,
  async access(url) {
    const blocks: Uint8Array<ArrayBuffer>[] = [];
    for await (const block of blocksOf(url)) blocks.push(block.slice());
    const whole = await new Blob(blocks).arrayBuffer();
    return { byteLength: whole.byteLength, slice: async (start, end) => whole.slice(start, end) };
  },
  list: async () => undefined,
  digest: async () => undefined,
  cacheRoot: "",
};
