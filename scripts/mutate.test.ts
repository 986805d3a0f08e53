// That the list of mutations is true: every place is there once, what is put there is still TypeScript, and the page tells of them all.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { placeOf } from "./mutations/place.ts";
import { mutations } from "./mutations.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

test("every place stands in its file once, and what is put there differs and parses", () => {
  for (const m of mutations) {
    const source = readFileSync(join(root, "src", m.file), "utf8");
    const { begin, end } = placeOf(m, source);
    assert.notEqual(m.find, m.put, m.name);
    stripTypeScriptTypes(source.slice(0, begin) + m.put + source.slice(end));
    for (const file of m.tests) assert.ok(existsSync(join(root, file)), `${m.name}: ${file}`);
  }
});

test("a place that is gone, or there twice, is an error that says which", () => {
  const mutation = { file: "x.ts", name: "sum", find: "a + b" };
  assert.throws(() => placeOf(mutation, "a - b"), /mutation "sum": src\/x\.ts holds "a \+ b" 0 times, wanted once/);
  assert.throws(() => placeOf(mutation, "a + b; a + b"), /2 times/);
  assert.deepEqual(placeOf(mutation, "x = a + b"), { begin: 4, end: 9 });
});

test("at least 60 places, named once in a file, all of them caught in docs/mutations.md", () => {
  const keys = mutations.map((m) => `| ${m.file} | ${m.name} | ${m.flip} |`);
  assert.ok(keys.length >= 60);
  assert.equal(new Set(keys).size, keys.length);
  const lines = readFileSync(join(root, "docs/mutations.md"), "utf8").split("\n");
  const rows = lines.filter((line) => line.startsWith("| ") && !line.startsWith("| file |"));
  const told = rows.map((row) => row.split(" | ").slice(0, 3).join(" | ").concat(" |"));
  assert.deepEqual(told.sort(), keys.sort(), "npm run mutate -- --write");
  assert.deepEqual(
    rows.filter((row) => /\*\*(survived|did not load)\*\*/.test(row)),
    [],
  );
});
