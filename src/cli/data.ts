// `kindling data inspect FILE`: what a data set holds, in the terminal, as JSON or as a page.

import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { ArgumentError } from "../base/errors.ts";
import { formatOfName } from "../data/sets/readers.ts";
import type { Row } from "../data/sets/rows.ts";
import { AutoTokenizer } from "../text/tokenizer.node.ts";
import { loadDataset } from "../training/load-dataset.ts";
import { type DataFigures, dataFigures, type Histogram } from "./data-figures.ts";
import { about, dataPage, share, short, shownRow } from "./data-page.ts";
import { wholeNumber } from "./numbers.ts";

interface Flags {
  readonly rows?: number;
  readonly samples: number;
  readonly html?: string;
  readonly json?: boolean;
  readonly tokenizer?: string;
}

export function addData(program: Command): void {
  const data = program.command("data").description("Look at data sets.");
  data
    .command("inspect <file>")
    .description(
      "Columns, lengths, label balance, gaps, repeated rows and samples of a JSONL, CSV, text or Parquet file.",
    )
    .option("--rows <n>", "only the first rows", wholeNumber(1))
    .option("--samples <n>", "rows to show", wholeNumber(0), 3)
    .option("--tokenizer <name>", "measure texts in this tokenizer's tokens too: a folder, or a name on the hub")
    .option("--html <file>", "write a page instead")
    .option("--json", "print the figures as JSON")
    .addHelpText("after", "\nExample:\n  $ kindling data inspect train.jsonl --html train.html")
    .action(inspect);
}

async function inspect(file: string, { rows, samples, html, json, tokenizer: name }: Flags): Promise<void> {
  const format = formatOfName(file);
  if (format === undefined) {
    throw new ArgumentError(
      `data inspect: ${file} is named like no data file: .jsonl, .json, .csv, .tsv, .txt, .parquet.`,
      {
        file,
      },
    );
  }
  const all = await loadDataset<Row>(format, { dataFiles: file, split: "train" });
  const tokenizer = name === undefined ? undefined : await AutoTokenizer.fromPretrained(name);
  const figures = dataFigures(rows === undefined ? all : all.take(rows), samples, tokenizer);
  if (html !== undefined) await writeFile(html, dataPage(file, figures));
  else if (json === true) console.log(JSON.stringify(figures, null, 2));
  else print(file, figures);
}

// ── in the terminal ─────────────────────────────────────────────────────────────────────────────────────────────────

function print(file: string, { rows, duplicates, duplicatesAreExact, columns, samples }: DataFigures): void {
  console.log(
    `${file}: ${rows} rows, ${columns.length} columns, ${about(duplicatesAreExact)}${duplicates} repeated rows (${share(duplicates, rows)})`,
  );
  for (const { name, type, nulls, spreads, classes } of columns) {
    console.log(`\n${name}  ${type}${nulls === 0 ? "" : `  ${nulls} null (${share(nulls, rows)})`}`);
    for (const [what, { min, median, p95, max, isExact, histogram }] of Object.entries(spreads)) {
      const line = `${short(min)} … ${short(max)}, half up to ${about(isExact)}${short(median)}, 95 % up to ${about(isExact)}${short(p95)}`;
      console.log(`  ${what.padEnd(10)} ${line}  ${sparks(histogram)}`);
    }
    const most = classes[0]?.[1] ?? 1;
    for (const [value, count] of classes) {
      const bar = "█".repeat(Math.round((30 * count) / most));
      console.log(
        `  ${value.slice(0, 24).padEnd(24)} ${String(count).padStart(8)} ${share(count, rows).padStart(7)} ${bar}`,
      );
    }
  }
  if (samples.length > 0) console.log("\nsamples");
  for (const row of samples) {
    const text = shownRow(row);
    console.log(`  ${text.length > 160 ? `${text.slice(0, 160)}…` : text}`);
  }
}
function sparks({ counts }: Histogram): string {
  const most = Math.max(...counts, 1);
  return counts.map((count) => " ▁▂▃▄▅▆▇█"[Math.ceil((8 * count) / most)]).join("");
}
