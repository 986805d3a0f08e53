// `kindling data inspect FILE`: what a data set holds, in the terminal, as JSON or as a page.

import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { scaleLinear } from "d3-scale";
import { ArgumentError } from "../base/errors.ts";
import { formatOfName } from "../data/sets/readers.ts";
import type { Row } from "../data/sets/rows.ts";
import { loadDataset } from "../training/load-dataset.ts";
import { type ColumnFigures, type DataFigures, dataFigures, type Histogram } from "./data-figures.ts";
import { wholeNumber } from "./numbers.ts";

interface Flags {
  readonly rows?: number;
  readonly samples: number;
  readonly html?: string;
  readonly json?: boolean;
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
    .option("--html <file>", "write a page instead")
    .option("--json", "print the figures as JSON")
    .addHelpText("after", "\nExample:\n  $ kindling data inspect train.jsonl --html train.html")
    .action(inspect);
}

async function inspect(file: string, { rows, samples, html, json }: Flags): Promise<void> {
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
  const figures = dataFigures(rows === undefined ? all : all.take(rows), samples);
  if (html !== undefined) await writeFile(html, page(file, figures));
  else if (json === true) console.log(JSON.stringify(figures, null, 2));
  else print(file, figures);
}

const short = (x: number): string => String(Number(x.toPrecision(4)));
const share = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;

// ── in the terminal ─────────────────────────────────────────────────────────────────────────────────────────────────

function print(file: string, { rows, duplicates, columns, samples }: DataFigures): void {
  console.log(
    `${file}: ${rows} rows, ${columns.length} columns, ${duplicates} repeated rows (${share(duplicates, rows)})`,
  );
  for (const { name, type, nulls, spreads, classes } of columns) {
    console.log(`\n${name}  ${type}${nulls === 0 ? "" : `  ${nulls} null (${share(nulls, rows)})`}`);
    for (const [what, { min, mean, max, histogram }] of Object.entries(spreads)) {
      console.log(`  ${what.padEnd(10)} ${short(min)} … ${short(max)}, mean ${short(mean)}  ${sparks(histogram)}`);
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
    const text = JSON.stringify(row);
    console.log(`  ${text.length > 160 ? `${text.slice(0, 160)}…` : text}`);
  }
}
function sparks({ counts }: Histogram): string {
  const most = Math.max(...counts, 1);
  return counts.map((count) => " ▁▂▃▄▅▆▇█"[Math.ceil((8 * count) / most)]).join("");
}

// ── as a page ───────────────────────────────────────────────────────────────────────────────────────────────────────

function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (letter) => entities[letter] ?? letter);
}

function page(file: string, { rows, duplicates, columns, samples }: DataFigures): string {
  const body = columns.map((column) => section(column, rows)).join("\n");
  const shown = samples.map((row) => `<pre>${escaped(JSON.stringify(row, null, 2))}</pre>`).join("\n");
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${escaped(file)}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h2 { margin: 2rem 0 0.2rem } code, small { color: #666 } pre { background: #f5f5f3; padding: 0.8rem; white-space: pre-wrap }
figure { display: inline-block; margin: 0.5rem 2rem 0.5rem 0 } figcaption { font-size: 13px; color: #444 }
</style>
<h1>${escaped(file)}</h1>
<p>${rows} rows, ${columns.length} columns, ${duplicates} repeated rows (${share(duplicates, rows)})</p>
${body}
<h2>Samples</h2>
${shown}
</html>
`;
}

function section({ name, type, nulls, spreads, classes }: ColumnFigures, rows: number): string {
  const figures = Object.entries(spreads).map(([what, { min, mean, max, histogram }]) => {
    const caption = `${what}: ${short(min)} to ${short(max)}, mean ${short(mean)}`;
    return `<figure>${histogramSvg(histogram, what)}<figcaption>${caption}</figcaption></figure>`;
  });
  if (classes.length > 0)
    figures.push(`<figure>${barsSvg(classes, rows)}<figcaption>rows by value</figcaption></figure>`);
  const gaps = nulls === 0 ? "" : ` <small>${nulls} null (${share(nulls, rows)})</small>`;
  return `<h2>${escaped(name)}</h2><code>${escaped(type)}</code>${gaps}<div>${figures.join("\n")}</div>`;
}

const ink = "#3b6ea5";

function histogramSvg({ low, high, counts }: Histogram, what: string): string {
  const [width, height] = [360, 120];
  const x = scaleLinear([0, counts.length], [0, width]);
  const y = scaleLinear([0, Math.max(...counts, 1)], [0, height]);
  const bars = counts.map((count, i) => {
    const [left, tall] = [x(i).toFixed(1), y(count).toFixed(1)];
    return `<rect x="${left}" y="${(height - y(count)).toFixed(1)}" width="${(x(1) - 1).toFixed(1)}" height="${tall}" fill="${ink}"/>`;
  });
  const label = (at: number, anchor: string, text: string): string =>
    `<text x="${at}" y="${height + 16}" text-anchor="${anchor}" font-size="12" fill="#444">${text}</text>`;
  return `<svg width="${width}" height="${height + 20}" role="img" aria-label="${escaped(what)}">${bars.join("")}<path d="M0 ${height}H${width}" stroke="#444"/>${label(0, "start", short(low))}${label(width, "end", short(high))}</svg>`;
}

function barsSvg(classes: ColumnFigures["classes"], rows: number): string {
  const [width, step, left] = [480, 22, 150];
  const x = scaleLinear([0, classes[0]?.[1] ?? 1], [0, width - left - 110]);
  const bars = classes.map(([value, count], i) => {
    const name = value.length > 20 ? `${value.slice(0, 20)}…` : value;
    const middle = i * step + 15;
    return `<text x="${left - 8}" y="${middle}" text-anchor="end" font-size="12">${escaped(name)}</text><rect x="${left}" y="${i * step + 3}" width="${x(count).toFixed(1)}" height="${step - 6}" fill="${ink}"/><text x="${(left + x(count) + 6).toFixed(1)}" y="${middle}" font-size="12" fill="#444">${count} (${share(count, rows)})</text>`;
  });
  return `<svg width="${width}" height="${classes.length * step}" role="img" aria-label="rows by value">${bars.join("")}</svg>`;
}
