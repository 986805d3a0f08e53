// The table that `map` gives: from the cache, or made of the rows by the user's function, here or in threads, and kept.

import type { Features } from "../features.ts";
import type { Table } from "../table/table.ts";
import { TableWriter } from "../table/writer.ts";
import { cachedTable, type Kept } from "./cache.ts";
import { mapInWorkers } from "./map-workers.ts";
import { type Apply, appliedOf, mapSteps, runSteps } from "./mapping.ts";
import type { MapOptions } from "./options.ts";
import type { View } from "./view.ts";

/** Undefined where the function gives nothing for the first row: it was called for what else it does. */
export function mappedTable(
  view: View,
  f: Apply | URL,
  options: MapOptions<string>,
  kept: Pick<Kept, "fingerprint" | "cacheDir">,
): Table | undefined | Promise<Table | undefined> {
  const { removeColumns = [], features, writerBatchSize, numProc } = options;
  const how = appliedOf("map", f instanceof URL ? () => undefined : f, options); // a URL's function is called elsewhere
  const inMemory = options.keepInMemory ?? !view.table.onDisk;
  return cachedTable({ ...kept, inMemory, mayLoad: options.loadFromCacheFile ?? true }, (openSink) => {
    // Columns that the function does not touch keep what they were.
    const expected: Features = Object.fromEntries(
      Object.entries(view.table.features).filter(([name]) => !removeColumns.includes(name)),
    );
    const writer = new TableWriter(openSink, { features, writerBatchSize, expected });
    const finish = (updated: boolean): Table | undefined => {
      if (updated) return writer.finish();
      writer.abandon();
      return undefined;
    };
    if (f instanceof URL) return mapInWorkers(view, how, removeColumns, writer, f, numProc).then(finish);
    const updated = runSteps(mapSteps(view, how, removeColumns, writer));
    return updated instanceof Promise ? updated.then(finish) : finish(updated);
  });
}
