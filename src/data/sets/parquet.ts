// Parquet, by hyparquet: a group of rows at a time.

import { type FileMetaData, parquetMetadataAsync, parquetReadObjects, type RowGroup } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { files } from "#runtime/data/sets/files";
import { DataError } from "../../base/errors.ts";
import { type Features, featuresFromJson } from "../features.ts";
import { featuresOfSchema } from "../table/arrow.ts";
import type { RandomAccess } from "./files.ts";
import type { Row } from "./rows.ts";

async function opened(path: string): Promise<{ readonly file: RandomAccess; readonly metadata: FileMetaData }> {
  const file = await files.access(path);
  const metadata = await said(path, "its end", () => parquetMetadataAsync(file));
  return { file, metadata };
}

/** hyparquet's errors, with the file and the place. */
async function said<T>(path: string, place: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof DataError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new DataError(
      `read ${path}, ${place}: ${why}. Is it Parquet, and is it whole?`,
      { file: path, place },
      { cause: error },
    );
  }
}

/**
 * A promise whose followers may fail unseen. hyparquet reads the columns of a group side by side; when its schema turns out
 * broken it waits for none of them, and another broken column would end the process.
 */
function unwatched<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  const then = promise.then.bind(promise);
  const quiet: typeof promise.then = (done, failed) => unwatched(then(done, failed));
  return Object.defineProperty(promise, "then", { value: quiet });
}

/** The bytes of a group of rows, read at once. */
async function heldGroup(file: RandomAccess, group: RowGroup): Promise<RandomAccess> {
  let [first, last] = [file.byteLength, 0];
  for (const { meta_data: column } of group.columns) {
    if (column === undefined) continue;
    const from = Number(column.dictionary_page_offset ?? column.data_page_offset);
    first = Math.min(first, from, Number(column.data_page_offset));
    last = Math.max(last, from + Number(column.total_compressed_size));
  }
  if (!(first >= 0 && last <= file.byteLength)) throw new RangeError(`columns lie from byte ${first} to ${last}`);
  const bytes = first < last ? await file.slice(first, last) : new ArrayBuffer();
  return {
    byteLength: file.byteLength,
    slice(start, end = file.byteLength) {
      if (start < first || end > last) throw new RangeError(`bytes ${start} to ${end} are none of its columns'`);
      return unwatched(Promise.resolve(bytes.slice(start - first, end - first)));
    },
  };
}

/** What Hugging Face or Arrow wrote down about the columns; undefined where neither did. */
export async function parquetFeatures(path: string): Promise<Features | undefined> {
  const { metadata } = await opened(path);
  const kept = (key: string): string | undefined =>
    metadata.key_value_metadata?.find((entry) => entry.key === key)?.value ?? undefined;
  const schema = kept("ARROW:schema");
  const info = kept("huggingface");
  return said(path, "its schema", async () => {
    if (info !== undefined) return featuresFromJson(JSON.parse(info).info?.features);
    if (schema === undefined) return undefined;
    return featuresOfSchema(Uint8Array.from(atob(schema), (letter) => letter.charCodeAt(0)));
  });
}

export async function* parquetRows(path: string): AsyncGenerator<Row> {
  const { file, metadata } = await opened(path);
  let rowStart = 0;
  for (const [i, group] of metadata.row_groups.entries()) {
    const rowEnd = rowStart + Number(group.num_rows);
    const rows = await said(path, `row group ${i}`, async () => {
      const held = await heldGroup(file, group);
      return parquetReadObjects({ file: held, metadata, compressors, rowStart, rowEnd, utf8: false });
    });
    yield* rows;
    rowStart = rowEnd;
  }
}
