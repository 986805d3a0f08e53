// `kindling data inspect` as a shell sees it: figures that were counted by hand, in the terminal, as JSON and as a page.

import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ColumnFigures, DataFigures } from "../../src/cli/data-figures.ts";
import { savePretrained } from "../../src/text/tokenizer.node.ts";
import { trainTokenizer } from "../../src/text/train-tokenizer.ts";
import { kindling, newFolder } from "./kindling.ts";

const rows = [
  { text: "one", label: "a", score: 1, tags: ["x"] },
  { text: "one two", label: "b", score: null, tags: [] },
  { text: "one", label: "a", score: 1, tags: ["x"] },
  { text: "  ", label: "a", score: -3, tags: ["x", "y", "z"] },
  { text: "<b>one two three</b>", label: "b", score: 2.5, tags: ["x"] },
];
const spread = ({ spreads }: ColumnFigures, what: string): unknown[] => {
  const { min, mean, median, p95, max, histogram } = spreads[what]!;
  return [min, mean, median, p95, max, histogram.counts.reduce((a, b) => a + b)];
};

test("columns, lengths, classes, gaps and repeated rows", async (t) => {
  const folder = newFolder();
  const cache = process.env["HF_DATASETS_CACHE"];
  process.env["HF_DATASETS_CACHE"] = join(folder, "cache");
  t.after(() => {
    if (cache === undefined) delete process.env["HF_DATASETS_CACHE"];
    else process.env["HF_DATASETS_CACHE"] = cache;
    rmSync(folder, { recursive: true, force: true });
  });
  const file = join(folder, "rows.jsonl");
  writeFileSync(file, rows.map((row) => JSON.stringify(row)).join("\n"));
  const tokenizer = trainTokenizer(["one two three"], { vocabSize: 270, modelMaxLength: 2 });
  await savePretrained(tokenizer, join(folder, "tokenizer"));
  const page = join(folder, "page.html");
  const [json, printed, written, wrong, few] = await Promise.all([
    kindling(["data", "inspect", file, "--json", "--tokenizer", join(folder, "tokenizer")]),
    kindling(["data", "inspect", file]),
    kindling(["data", "inspect", file, "--html", page]),
    kindling(["data", "inspect", join(folder, "rows.bin")]),
    kindling(["data", "inspect", file, "--json", "--rows", "2", "--samples", "1"]),
  ]);
  assert.deepEqual([json.code, json.stderr], [0, ""]);
  const figures = JSON.parse(json.stdout) as DataFigures; // what --json prints
  assert.deepEqual([figures.rows, figures.duplicates, figures.samples.length], [5, 1, 3]);
  const [text, label, score, tags] = figures.columns as [ColumnFigures, ColumnFigures, ColumnFigures, ColumnFigures];
  assert.deepEqual(spread(text, "characters"), [2, (3 + 7 + 3 + 2 + 20) / 5, 3, 20, 20, 5]);
  assert.deepEqual(spread(text, "words"), [0, 7 / 5, 1, 3, 3, 5]);
  const tokens = rows.map((row) => tokenizer(row.text).inputIds.length); // whole, though the model takes two
  assert.deepEqual(spread(text, "tokens").slice(0, 2), [Math.min(...tokens), tokens.reduce((a, b) => a + b) / 5]);
  assert.ok(Math.max(...tokens) > 2);
  assert.deepEqual(text.classes, []);
  assert.deepEqual(
    [label.classes, label.spreads, label.nulls],
    [
      [
        ["a", 3],
        ["b", 2],
      ],
      {},
      0,
    ],
  ); // prettier-ignore
  assert.deepEqual([score.nulls, ...spread(score, "value")], [1, -3, 1.5 / 4, 1, 2.5, 2.5, 4]);
  assert.deepEqual(spread(tags, "elements"), [0, 6 / 5, 1, 3, 3, 5]);

  assert.match(printed.stdout, /rows\.jsonl: 5 rows, 4 columns, 1 repeated rows \(20\.0 %\)/);
  assert.match(printed.stdout, /score {2}.*1 null \(20\.0 %\)/);
  assert.match(printed.stdout, / a +3 +60\.0 % █{30}\n +b +2 +40\.0 % █{20}\n/);
  assert.deepEqual([written.code, written.stdout], [0, ""]);
  const html = readFileSync(page, "utf8");
  assert.match(html, /&lt;b&gt;one two three&lt;\/b&gt;|<h2>text<\/h2>/);
  assert.ok(!html.includes("<b>one two three"));
  assert.equal(html.match(/<svg/g)?.length, 4); // characters, words, score, tags
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /rows\.bin is named like no data file/);
  const less = JSON.parse(few.stdout) as DataFigures; // likewise
  assert.deepEqual([less.rows, less.duplicates, less.samples], [2, 0, [rows[0]]]);
});

test("many rows repeat and many do not", async (t) => {
  const folder = newFolder();
  const cache = process.env["HF_DATASETS_CACHE"];
  process.env["HF_DATASETS_CACHE"] = join(folder, "cache");
  t.after(() => {
    if (cache === undefined) delete process.env["HF_DATASETS_CACHE"];
    else process.env["HF_DATASETS_CACHE"] = cache;
    rmSync(folder, { recursive: true, force: true });
  });
  const file = join(folder, "rows.txt");
  writeFileSync(file, Array.from({ length: 5000 }, (_, i) => `row ${i % 4000}\n`).join(""));
  const { duplicates, rows } = JSON.parse((await kindling(["data", "inspect", file, "--json"])).stdout) as DataFigures; // as above
  assert.deepEqual([rows, duplicates], [5000, 1000]);
});
