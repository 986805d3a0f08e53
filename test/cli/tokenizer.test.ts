// `kindling tokenizer train` as a shell sees it: what it writes is a tokenizer that can be loaded.

import assert from "node:assert/strict";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AutoTokenizer } from "../../src/text/tokenizer.node.ts";
import { kindling, newFolder } from "./kindling.ts";

test("a tokenizer of a text file and a column", async (t) => {
  const folder = newFolder();
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const lines = Array.from({ length: 40 }, (_, i) => `the sea shore has ${i} sea shells`);
  writeFileSync(join(folder, "a.txt"), `${lines.slice(0, 20).join("\n")}\n`);
  writeFileSync(
    join(folder, "b.jsonl"),
    lines
      .slice(20)
      .map((body) => `${JSON.stringify({ body })}\n`)
      .join(""),
  );
  const files = [join(folder, "a.txt"), join(folder, "b.jsonl")];
  const output = join(folder, "out");
  const { code, stdout, stderr } = await kindling([
    ...["tokenizer", "train", ...files, "--column", "body", "--preset", "bert"],
    ...["--vocab-size", "60", "--held-out", "0.1", "--output", output],
  ]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(
    stdout,
    /out: \d+ tokens from 36 texts\n\d+\.\d\d bytes per token in 4 held-out texts\nlongest: .*shells/,
  );
  assert.deepEqual(readdirSync(output), ["special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"]);
  const tokenizer = await AutoTokenizer.fromPretrained(output);
  assert.deepEqual(tokenizer.convertIdsToTokens(tokenizer("Sea shells").inputIds), ["[CLS]", "sea", "shells", "[SEP]"]);
});
