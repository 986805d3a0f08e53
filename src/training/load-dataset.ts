// `loadDataset` with data sets by their names on the hub: their files are downloaded into the hub's cache, and read from there.

import { type LoadDataset, loadDatasetWith } from "../data/sets/load.ts";
import { snapshotDownload } from "../hub/download.ts";

const dataFiles = ["README.md", "parquet", "json", "jsonl", "ndjson", "csv", "tsv", "txt", "arrow", "gz", "zst"].map(
  (ending) => (ending.includes(".") ? ending : `*.${ending}`),
);

export const loadDataset: LoadDataset = loadDatasetWith((repo, { revision }) =>
  snapshotDownload(repo, {
    repoType: "dataset",
    allowPatterns: dataFiles,
    ...(revision === undefined ? {} : { revision }),
  }),
);
