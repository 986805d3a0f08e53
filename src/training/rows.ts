// Rows of a dataset, which may take their time.

import type { Dataset } from "../data/dataset.ts";

/** The rows of some places, or all of them. */
export async function readRows<T>(dataset: Dataset<T>, places?: readonly number[]): Promise<T[]> {
  const wanted = places ?? Array.from({ length: dataset.length }, (_, i) => i);
  return Promise.all(wanted.map((i) => dataset.getItem(i)));
}
