// The figures of a data set as a page: one file that needs nothing else, in the reader's light or dark.

import { scaleLinear } from "d3-scale";
import { escapeXml } from "../base/escape-xml.ts";
import type { ColumnFigures, DataFigures, Spread } from "./data-figures.ts";

export const short = (x: number): string => String(Number(x.toPrecision(4)));
export const share = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;
/** What stands before a number that is estimated. */
export const about = (isExact: boolean): string => (isExact ? "" : "~");
/** A row as JSON, with the whole numbers that JSON has no word for as texts. */
export const shownRow = (row: unknown): string =>
  JSON.stringify(row, (_key, value) => (typeof value === "bigint" ? String(value) : value));
const counted = (n: number): string => n.toLocaleString("en");

const style = `
:root { color-scheme: light dark; --ink: #1d2433; --soft: #667085; --line: #e4e7ec; --card: #fff; --ground: #f6f7f9; --bar: #3b6ea5; --mark: #d9822b }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #2b3240; --card: #171c26; --ground: #0f131b; --bar: #6ea3dc; --mark: #f0a35e }
}
* { box-sizing: border-box }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); max-width: 72rem; margin: 0 auto; padding: 2.5rem 1.25rem }
h1 { font-size: 1.6rem; margin: 0 0 1rem; overflow-wrap: anywhere } h2 { font-size: 1.1rem; margin: 0 }
.totals { display: flex; flex-wrap: wrap; gap: 0.75rem; margin: 0 0 1.5rem; padding: 0 }
.totals div { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 0.6rem 1.1rem; min-width: 9rem }
.totals dd { margin: 0; font-size: 1.5rem; font-weight: 600; font-variant-numeric: tabular-nums } .totals dt { color: var(--soft) }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.1rem 1.25rem; margin: 0 0 1rem }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.75rem; margin: 0 0 0.75rem }
code { font-size: 13px; color: var(--soft) } .gap { color: var(--mark) }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 1.25rem }
figure { margin: 0 } figcaption { font-weight: 600 } figcaption span { font-weight: 400; color: var(--soft) }
svg { display: block; width: 100%; height: auto; margin-top: 0.4rem } svg text { fill: var(--soft); font-size: 12px }
.bar { fill: var(--bar) } .mark { stroke: var(--mark); stroke-dasharray: 3 3 } svg .marked { fill: var(--mark) } .axis { stroke: var(--line) }
.wide { grid-column: 1 / -1 }
.classes { display: grid; grid-template-columns: minmax(4rem, max-content) 1fr max-content; gap: 0.2rem 0.75rem; align-items: center; margin-top: 0.4rem }
.classes b { font-weight: 400; max-width: 16rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.classes i { display: block; height: 0.8rem; border-radius: 3px; background: var(--bar); min-width: 2px }
.classes small { color: var(--soft); font-variant-numeric: tabular-nums; text-align: right }
dl.row { display: grid; grid-template-columns: minmax(4rem, max-content) 1fr; gap: 0.25rem 1rem; margin: 0; padding: 0.75rem 0; border-top: 1px solid var(--line) }
dl.row dt { color: var(--soft) } dl.row dd { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere }
`;

/** HTML of the whole page; `file` is its title. */
export function dataPage(
  file: string,
  { rows, duplicates, duplicatesAreExact, columns, samples }: DataFigures,
): string {
  const totals: readonly (readonly [name: string, value: string])[] = [
    ["rows", counted(rows)],
    ["columns", counted(columns.length)],
    ["repeated rows", `${about(duplicatesAreExact)}${counted(duplicates)} (${share(duplicates, rows)})`],
  ];
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeXml(file)}</title>
<style>${style}</style>
<h1>${escapeXml(file)}</h1>
<dl class="totals">${totals.map(([name, value]) => `<div><dd>${value}</dd><dt>${name}</dt></div>`).join("")}</dl>
${columns.map((column) => section(column, rows)).join("\n")}
${samples.length === 0 ? "" : `<section><header><h2>First rows</h2></header>${samples.map(sample).join("\n")}</section>`}
</html>
`;
}

function section({ name, type, nulls, spreads, classes }: ColumnFigures, rows: number): string {
  const figures = Object.entries(spreads).map(([what, spread]) => {
    const { min, median, max, isExact } = spread;
    const said = `${short(min)} to ${short(max)}, half up to ${about(isExact)}${short(median)}`;
    return `<figure><figcaption>${what} <span>${said}</span></figcaption>${histogram(spread, what)}</figure>`;
  });
  if (classes.length > 0) figures.push(bars(classes, rows));
  const gaps = nulls === 0 ? "" : `<span class="gap">${counted(nulls)} null (${share(nulls, rows)})</span>`;
  const head = `<header><h2>${escapeXml(name)}</h2><code>${escapeXml(type)}</code>${gaps}</header>`;
  return `<section>${head}<div class="charts">${figures.join("\n")}</div></section>`;
}

/** Rows by size, with a line below which 95 % of them are. */
function histogram({ p95, isExact, histogram: { low, high, counts } }: Spread, what: string): string {
  const [width, height] = [360, 110];
  const x = scaleLinear([0, counts.length], [0, width]);
  const y = scaleLinear([0, Math.max(...counts, 1)], [0, height - 16]);
  const drawn = counts.map((count, i) => {
    const tall = count === 0 ? 0 : Math.max(1, y(count)); // what is there can be seen
    const place = `x="${(x(i) + 0.5).toFixed(1)}" y="${(height - tall).toFixed(1)}"`;
    return `<rect class="bar" ${place} width="${(x(1) - 1).toFixed(1)}" height="${tall.toFixed(1)}" rx="1"><title>${counted(count)} rows</title></rect>`;
  });
  const at = scaleLinear([low, high === low ? low + 1 : high], [0, width])(p95);
  const anchor = at > width / 2 ? `x="${(at - 5).toFixed(1)}" text-anchor="end"` : `x="${(at + 5).toFixed(1)}"`;
  const mark =
    `<path class="mark" d="M${at.toFixed(1)} 0V${height}"/>` +
    `<text class="marked" ${anchor} y="11">95 % up to ${about(isExact)}${short(p95)}</text>`;
  const ends = `<text x="0" y="${height + 15}">${short(low)}</text><text x="${width}" y="${height + 15}" text-anchor="end">${short(high)}</text>`;
  return `<svg viewBox="0 0 ${width} ${height + 20}" role="img" aria-label="${escapeXml(what)}">${drawn.join("")}<path class="axis" d="M0 ${height}H${width}"/>${mark}${ends}</svg>`;
}

function bars(classes: ColumnFigures["classes"], rows: number): string {
  const most = classes[0]?.[1] ?? 1;
  const lines = classes.map(
    ([value, count]) =>
      `<b title="${escapeXml(value)}">${escapeXml(value)}</b><i style="width:${((100 * count) / most).toFixed(1)}%"></i>` +
      `<small>${counted(count)} · ${share(count, rows)}</small>`,
  );
  const caption = `<figcaption>rows by value <span>${classes.length} values</span></figcaption>`;
  return `<figure class="wide">${caption}<div class="classes">${lines.join("\n")}</div></figure>`;
}

const longest = 600;

function sample(row: object): string {
  const cells = Object.entries(row).map(([name, value]) => {
    const text = typeof value === "string" ? value : (shownRow(value) ?? "");
    return `<dt>${escapeXml(name)}</dt><dd>${escapeXml(text.length > longest ? `${text.slice(0, longest)}…` : text)}</dd>`;
  });
  return `<dl class="row">${cells.join("")}</dl>`;
}
