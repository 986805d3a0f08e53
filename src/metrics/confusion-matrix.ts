// Which class is taken for which: counts by wanted (rows) and predicted (columns) label, as numbers, as text and as a drawing.

import { scaleLinear } from "d3-scale";
import { ArgumentError } from "../base/errors.ts";
import { escapeXml } from "../base/escape-xml.ts";
import { checkPairs, type Label, sortedLabels } from "./counts.ts";

export interface ConfusionMatrix {
  readonly labels: readonly Label[];
  /** `counts[wanted][predicted]`; shares where a normalisation was asked for. */
  readonly counts: readonly (readonly number[])[];
  /** An SVG of its own, readable on white and on black. `names` stand in place of the labels. */
  svg(options?: { readonly title?: string; readonly names?: readonly string[] }): string;
  text(options?: { readonly names?: readonly string[] }): string;
}

export interface ConfusionMatrixOptions {
  /** The labels that count, in this order; rows with another one are left out. Default: all that occur. */
  readonly labels?: readonly Label[];
  /** Shares of each row ("true"), of each column ("pred") or of everything ("all") in place of counts. */
  readonly normalize?: "true" | "pred" | "all";
}

export function confusionMatrix(
  predictions: readonly Label[],
  references: readonly Label[],
  { labels = sortedLabels([...references, ...predictions]), normalize }: ConfusionMatrixOptions = {},
): ConfusionMatrix {
  checkPairs("confusionMatrix", predictions, references);
  const place = new Map(labels.map((label, i) => [label, i]));
  if (!references.some((label) => place.has(label)))
    throw new ArgumentError("confusionMatrix: none of the labels given occurs in the references.", { labels });
  const counts = labels.map(() => labels.map(() => 0));
  predictions.forEach((prediction, i) => {
    const [row, column] = [place.get(references[i]!), place.get(prediction)];
    if (row !== undefined && column !== undefined) counts[row]![column]!++;
  });
  const shown = normalized(counts, normalize);
  return {
    labels,
    counts: shown,
    svg: ({ title = "Confusion matrix", names = labels.map(String) } = {}) => drawn(shown, names, title),
    text: ({ names = labels.map(String) } = {}) => table(shown, names),
  };
}

function normalized(counts: number[][], by: ConfusionMatrixOptions["normalize"]): number[][] {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
  const all = sum(counts.map(sum));
  return counts.map((row) =>
    row.map((count, column) => {
      if (by === "true") return share(count, sum(row));
      if (by === "pred") return share(count, sum(counts.map((other) => other[column]!)));
      return by === "all" ? share(count, all) : count;
    }),
  );
}

const shownNumber = (value: number): string => (Number.isInteger(value) ? String(value) : value.toFixed(2));

function table(counts: readonly (readonly number[])[], names: readonly string[]): string {
  const cells = counts.map((row) => row.map(shownNumber));
  const width = Math.max(...names.map((name) => name.length), "wanted ↓ predicted →".length);
  const columns = names.map((name, i) => Math.max(name.length, ...cells.map((row) => row[i]!.length)));
  const line = (name: string, row: readonly string[]): string =>
    [name.padEnd(width), ...row.map((cell, i) => cell.padStart(columns[i]!))].join("  ");
  return [line("wanted ↓ predicted →", names), ...cells.map((row, i) => line(names[i]!, row))].join("\n");
}

const cell = 56;
const ink = "#7d8794";
const font = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";

function drawn(counts: readonly (readonly number[])[], names: readonly string[], title: string): string {
  const most = Math.max(...counts.flat(), Number.MIN_VALUE);
  const colour = scaleLinear<string>().domain([0, most]).range(["#eef3fb", "#1d4ed8"]);
  const left = 24 + Math.max(...names.map((name) => name.length)) * 7.2 + 16;
  const top = 64;
  const size = counts.length * cell;
  const text = (x: number, y: number, content: string, extra = ""): string =>
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${extra}>${escapeXml(content)}</text>`;
  const middle = 'text-anchor="middle"';
  const cells = counts.flatMap((row, i) =>
    row.map((value, j) => {
      const [x, y] = [left + j * cell, top + i * cell];
      const dark = value > most / 2;
      return (
        `<rect x="${x}" y="${y}" width="${cell - 2}" height="${cell - 2}" rx="4" fill="${colour(value)}"/>` +
        text(
          x + cell / 2 - 1,
          y + cell / 2 + 4,
          shownNumber(value),
          `${middle} style="fill:${dark ? "#ffffff" : "#1f2937"}"`,
        )
      );
    }),
  );
  const below = top + size + 14;
  const slant = (x: number): string => `text-anchor="end" transform="rotate(-40 ${x.toFixed(1)} ${below})"`;
  const height = below + left * 0.7 + 24;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${(left + size + 24).toFixed(0)} ${height.toFixed(0)}" ` +
      `width="${(left + size + 24).toFixed(0)}" height="${height.toFixed(0)}" role="img" font-family="${font}" font-size="13">`,
    `<title>${escapeXml(title)}</title><style>text{fill:${ink}}</style>`,
    text(16, 26, title, 'font-size="16" font-weight="600"'),
    text(left, 50, "wanted in rows, predicted in columns", 'font-size="12"'),
    ...cells,
    ...names.map((name, i) => text(left - 8, top + i * cell + cell / 2 + 4, name, 'text-anchor="end"')),
    ...names.map((name, j) => text(left + j * cell + cell / 2, below, name, slant(left + j * cell + cell / 2))),
    "</svg>",
  ].join("\n");
}
