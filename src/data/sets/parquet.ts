// Parquet, by hyparquet: a group of rows at a time.

import { type FileMetaData, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
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
    const rows = await said(path, `row group ${i}`, () =>
      parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd, utf8: false }),
    );
    yield* rows;
    rowStart = rowEnd;
  }
}
