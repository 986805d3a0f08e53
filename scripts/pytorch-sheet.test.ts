// docs/pytorch.md says what is really here.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { sheet } from "./pytorch-sheet.ts";

test("docs/pytorch.md is as the names make it", () => {
  const page = readFileSync(new URL("../docs/pytorch.md", import.meta.url), "utf8");
  assert.equal(page, sheet(), "node --conditions=kindling-source scripts/pytorch-sheet.ts --write renews it");
});
