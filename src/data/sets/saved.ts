// Saving and loading whole data sets, with their splits.

import { DataError } from "../../base/errors.ts";
import { Dataset } from "./dataset.ts";
import { DatasetDict, Splits } from "./dataset-dict.ts";
import type { Row } from "./rows.ts";
import { openSaved, saveSplitNames } from "./save.ts";

/** A data set, or each of its splits, in a folder that Python's `load_from_disk` reads too. */
export function saveToDisk(
  data: Splits<string, { saveToDisk(folder: string): void }> | { saveToDisk(folder: string): void },
  folder: string,
): void {
  if (!(data instanceof Splits)) return data.saveToDisk(folder);
  for (const [split, dataset] of data) dataset.saveToDisk(`${folder}/${split}`);
  saveSplitNames(folder, data.keys());
}

type Usual = "train" | "validation" | "test";

/** What `saveToDisk` wrote, here or in Python: a data set or, where there are splits, all of them. Rows stay on disk. */
export async function loadFromDisk<R extends object = Row>(
  folder: string,
): Promise<Dataset<R> | DatasetDict<R, Usual>> {
  const found = await openSaved(folder);
  if ("table" in found) return new Dataset<R>(found.table, { split: found.split, cacheDir: folder });
  const splits: Record<string, Dataset<R>> = {};
  for (const split of found.splits) {
    const one = await openSaved(`${folder}/${split}`);
    if (!("table" in one)) throw new DataError(`loadFromDisk: ${folder}/${split} holds splits of its own.`, { folder });
    splits[split] = new Dataset<R>(one.table, { split, cacheDir: `${folder}/${split}` });
  }
  return DatasetDict(splits as Record<Usual, Dataset<R>>); // others are had by get()
}
