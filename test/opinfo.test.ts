// PyTorch's own operator samples, replayed: one test for each operator that is here. KINDLING_OPINFO names another draw of them, made by
// scripts/goldens/opinfo.py with another seed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { replay } from "./opinfo/replay.ts";
import { adapters } from "./opinfo/table.ts";
import { readSamples } from "./opinfo/values.ts";

const path =
  process.env["KINDLING_OPINFO"] ?? fileURLToPath(new URL("fixtures/opinfo/samples.json.gz", import.meta.url));
const samples = readSamples(path);

for (const [name, adapter] of Object.entries(adapters)) {
  test(`${name} as PyTorch's samples say`, () => {
    const stored = samples[name];
    assert.ok(stored !== undefined, `${name} is not in ${path}`);
    const { passed, failed } = replay(adapter, stored);
    assert.deepEqual(failed, []);
    assert.ok(passed > 0, "not one sample applies");
  });
}
