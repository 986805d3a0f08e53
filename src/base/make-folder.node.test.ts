import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeFolder } from "./make-folder.node.ts";

test("many make the same folders at once", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "kindling-make-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (let round = 0; round < 20; round++) {
    const path = join(root, String(round), "a", "b");
    const paths = Array.from({ length: 16 }, (_, i) => join(path, i % 2 === 0 ? "c" : "", i % 3 === 0 ? "d" : ""));
    await Promise.all(paths.map(makeFolder));
    for (const one of paths) assert.ok(statSync(one).isDirectory());
  }
});

test("a folder that takes no new ones ends with the system's error", async () => {
  await assert.rejects(makeFolder("/proc/kindling/x"), { code: "ENOENT" });
});
