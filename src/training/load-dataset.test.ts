// Data sets by name, from the hub of test/hub: by the files' names, and by what the README lists.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startHub } from "../../test/hub/server.ts";
import { readConfigs } from "../data/sets/readme.ts";
import { loadDataset } from "./load-dataset.ts";

const readme = `---
license: mit
configs:
- config_name: plain
  default: true
  data_files:
  - split: train
    path:
    - "data/part-*.csv"   # two of them
  - split: test
    path: data/held.csv
- config_name: other
  data_files: [data/held.csv]
tags:
- text
---
# A data set
`;

test("by name: its configurations, its parts, and offline after once", async (t) => {
  const hub = await startHub();
  const folder = mkdtempSync(join(tmpdir(), "kindling-datasets-hub-"));
  const before = { ...process.env };
  Object.assign(process.env, {
    HF_ENDPOINT: hub.endpoint,
    HF_HUB_CACHE: join(folder, "hub"),
    HF_DATASETS_CACHE: folder,
  });
  t.after(() => {
    hub.close();
    process.env = before;
    rmSync(folder, { recursive: true, force: true });
  });
  const files = {
    "README.md": readme,
    "data/part-0.csv": "a\n1\n2\n",
    "data/part-1.csv": "a\n3\n",
    "data/held.csv": "a\n9\n",
  };
  hub.add("org/rows", { type: "dataset", files });
  hub.add("org/named", {
    type: "dataset",
    files: { "train.jsonl": '{"a":1}\n', "dev.jsonl": '{"a":2}\n', "weights.bin": "x" },
  });
  const rows = await loadDataset<{ a: number }>("org/rows");
  assert.deepEqual([rows.keys(), rows.train.column("a"), rows.test.column("a")], [["train", "test"], [1, 2, 3], [9]]);
  const other = await loadDataset("org/rows", { name: "other", split: "train" });
  assert.deepEqual(other.toList(), [{ a: 9 }]);
  await assert.rejects(loadDataset("org/rows", { name: "none" }), /no configuration "none". It has plain, other/);
  const named = await loadDataset<{ a: number }>("org/named", { streaming: true });
  for await (const row of named.validation) assert.deepEqual(row, { a: 2 });
  process.env["HF_HUB_OFFLINE"] = "1";
  assert.equal((await loadDataset("org/rows", { split: "train[:1]" })).length, 1);
  await assert.rejects(loadDataset("org/missing"), { name: /Error/ });
});

test("what a README lists", () => {
  assert.deepEqual(readConfigs(readme), [
    {
      name: "plain",
      isDefault: true,
      dataDir: undefined,
      files: { train: ["data/part-*.csv"], test: ["data/held.csv"] },
    },
    { name: "other", isDefault: false, dataDir: undefined, files: { train: ["data/held.csv"] } },
  ]);
  assert.deepEqual(readConfigs("# no head"), []);
});
