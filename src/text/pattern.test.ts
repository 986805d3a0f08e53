// Patterns written for Oniguruma find here what they find there. The values come from scripts/goldens/text.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { UnsupportedError } from "../base/errors.ts";
import { compilePattern } from "./pattern.ts";

test("patterns find what Oniguruma finds", () => {
  const file = new URL("../../test/fixtures/text/patterns.json", import.meta.url);
  const golden = JSON.parse(readFileSync(file, "utf8")) as {
    text: string;
    cases: { pattern: string; words: string[] }[];
  };
  for (const { pattern, words } of golden.cases) {
    const found = [...golden.text.matchAll(compilePattern(pattern))].map((match) => match[0]);
    assert.deepEqual(
      found.filter((word) => word !== ""),
      words,
      pattern,
    );
  }
});

test("a pattern without an equal is refused, not changed", () => {
  const refused = [
    "a?+",
    "x++",
    "(?>a)",
    "[a-z&&[^x]]",
    "[[:alpha:]]",
    "[\\W]",
    "\\G",
    "(?x)a",
    "\\p{Nonsense}",
    "(a",
    "a)",
    "[a",
    "\\R",
  ];
  for (const pattern of refused) {
    assert.throws(
      () => compilePattern(pattern, "tokenizer.json: pre_tokenizer.pattern"),
      (error: unknown) => error instanceof UnsupportedError && error.message.includes(JSON.stringify(pattern)),
      pattern,
    );
  }
});
