// Loss curves: as SVG for reports and web pages, and in characters for terminals and logs. Losses stand on the left axis;
// a series of another measure (ROUGE, accuracy) can stand on the right one. A value that is not finite leaves a gap and a
// mark at the top edge: a run that broke should look broken.

import { type ScaleLinear, scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import { ArgumentError } from "../base/errors.ts";
import { escapeXml } from "../base/escape-xml.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Series {
  readonly name: string;
  /** In the order of x. */
  readonly points: readonly Point[];
  readonly axis?: "left" | "right";
}

export interface ChartLabels {
  readonly title?: string;
  readonly xLabel?: string;
  readonly yLabel?: string;
  /** Of the right axis, where a series stands on it. */
  readonly rightLabel?: string;
  readonly width?: number;
  readonly height?: number;
}

// The colours are of middle lightness, so that they can be read on white and on black, and stay apart for the colour-blind.
const palette = ["#3b82f6", "#ea7317", "#10a37f", "#a66cf0", "#e0528f", "#8a9a10"] as const;
const ink = "#7d8794";
const font = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";

/** A self-contained SVG without background. Long noisy series are drawn faintly, their moving mean over them. */
export function lossChartSvg(
  series: readonly Series[],
  { title, xLabel = "step", yLabel = "loss", rightLabel, width = 760, height = 400 }: ChartLabels = {},
): string {
  const chart = scales(series);
  const entries = legend(series, width - 32);
  const top = 20 + (title === undefined ? 0 : 26) + entries.rows * 22;
  const plot = { left: 64, right: width - (chart.right ? 64 : 24), top, bottom: height - 52 };
  if (plot.right - plot.left < 80 || plot.bottom - plot.top < 60) {
    throw new ArgumentError(`lossChartSvg: ${width} by ${height} leaves no room to draw in; 320 by 200 does.`, {
      width,
      height,
    });
  }
  const x = chart.x.range([plot.left, plot.right]);
  const left = chart.left?.range([plot.bottom, plot.top]);
  const right = chart.right?.range([plot.bottom, plot.top]);
  const yTicks = Math.max(2, Math.round((plot.bottom - plot.top) / 48));
  const body: string[] = [];
  if (title !== undefined) body.push(text(16, 28, title, 'font-size="16" font-weight="600"'));
  body.push(...entries.draw(title === undefined ? 20 : 46));

  for (const { at, label } of ticks(left ?? right, yTicks)) {
    body.push(`<path d="M${plot.left} ${px(at)}H${plot.right}" stroke="${ink}" stroke-opacity="0.22"/>`);
    if (left) body.push(text(plot.left - 10, at + 4, label, 'text-anchor="end"'));
  }
  for (const { at, label } of ticks(right, yTicks)) body.push(text(plot.right + 10, at + 4, label));
  for (const { at, label } of ticks(x, Math.max(2, Math.round((plot.right - plot.left) / 90)))) {
    body.push(`<path d="M${px(at)} ${plot.bottom}v5" stroke="${ink}"/>`);
    body.push(text(at, plot.bottom + 20, label, 'text-anchor="middle"'));
  }
  body.push(`<path d="M${plot.left} ${plot.bottom}H${plot.right}" stroke="${ink}"/>`);
  body.push(text((plot.left + plot.right) / 2, height - 10, xLabel, 'text-anchor="middle"'));
  const middle = (plot.top + plot.bottom) / 2;
  if (left) body.push(text(16, middle, yLabel, `text-anchor="middle" transform="rotate(-90 16 ${px(middle)})"`));
  if (right && rightLabel !== undefined) {
    body.push(
      text(width - 12, middle, rightLabel, `text-anchor="middle" transform="rotate(90 ${width - 12} ${px(middle)})"`),
    );
  }

  series.forEach(({ points, axis }, i) => {
    const y = axis === "right" ? right : left;
    if (y) body.push(...curve(points, colorOf(i), x, y, plot.top));
  });
  if (!left && !right) body.push(text((plot.left + plot.right) / 2, middle, "no values yet", 'text-anchor="middle"'));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
      `role="img" aria-label="${escapeXml(title ?? yLabel)}" font-family="${font}" font-size="12" fill="${ink}">`,
    ...body,
    "</svg>",
    "",
  ].join("\n");
}

type Scale = ScaleLinear<number, number>;

/** One series: its line; dots where it has few points; its moving mean where it has many; marks where it is not finite. */
function curve(points: readonly Point[], color: string, x: Scale, y: Scale, top: number): string[] {
  const path = line<Point>(
    (p) => x(p.x),
    (p) => y(p.y),
  ).digits(1);
  const drawn: string[] = [];
  const draw = (run: readonly Point[], more: string): void => {
    drawn.push(
      `<path d="${path(run) ?? ""}" fill="none" stroke="${color}" stroke-linejoin="round" stroke-linecap="round" ${more}/>`,
    );
  };
  const noisy = points.length > 100;
  for (const run of finiteRuns(points)) {
    draw(thinned(run, 800), noisy ? 'stroke-width="1" stroke-opacity="0.35"' : 'stroke-width="2"');
    if (noisy) draw(thinned(movingMean(run, Math.ceil(points.length / 60)), 400), 'stroke-width="2"');
    if (points.length <= 40)
      drawn.push(...run.map((p) => `<circle cx="${px(x(p.x))}" cy="${px(y(p.y))}" r="3" fill="${color}"/>`));
  }
  for (const p of points) {
    if (Number.isFinite(p.y) || !Number.isFinite(p.x)) continue;
    drawn.push(text(x(p.x), top + 4, "×", `text-anchor="middle" font-size="16" style="fill:${color}"`));
  }
  return drawn;
}

/** Names with their last value, as many in a row as fit. */
function legend(series: readonly Series[], width: number): { rows: number; draw: (top: number) => string[] } {
  let [row, at] = [0, 0];
  const twoAxes = new Set(series.map(({ axis = "left" }) => axis)).size > 1;
  const placed = series.map(({ name: plain, points, axis }, i) => {
    const name = twoAxes && axis === "right" ? `${plain} (right)` : plain;
    const last = short(points.at(-1)?.y);
    const size = 26 + 7 * (name.length + last.length + 1) + 20;
    if (at > 0 && at + size > width) [row, at] = [row + 1, 0];
    const place = { name, last, color: colorOf(i), left: 16 + at, row };
    at += size;
    return place;
  });
  return {
    rows: series.length === 0 ? 0 : row + 1,
    draw: (top) =>
      placed.map(({ name, last, color, left, row }) => {
        const y = top + row * 22;
        const value = `<tspan font-weight="600" dx="5" fill="${color}">${escapeXml(last)}</tspan>`;
        const swatch = `<path d="M${left} ${y - 4}h18" stroke="${color}" stroke-width="3" stroke-linecap="round"/>`;
        return `${swatch}<text x="${left + 26}" y="${y}">${escapeXml(name)}${value}</text>`;
      }),
  };
}

function text(x: number, y: number, content: string, more = ""): string {
  return `<text x="${px(x)}" y="${px(y)}"${more === "" ? "" : ` ${more}`}>${escapeXml(content)}</text>`;
}

function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function colorOf(i: number): string {
  return palette[i % palette.length] ?? ink;
}

// In characters.

/** The first series is a line of Braille dots, each other one a row of marks of its own. */
const marks = ["⠤⠤", "●", "▲", "■", "◆", "○"] as const;

/** `columns` is the width of everything, `rows` the height of the plot; legend and axis take three lines more. */
export function lossChartText(
  series: readonly Series[],
  { columns = 80, rows = 16 }: { columns?: number; rows?: number } = {},
): string {
  const chart = scales(series);
  const lastRow = rows - 1;
  const leftLabels = rowLabels(chart.left?.range([lastRow, 0]), rows);
  const rightLabels = rowLabels(chart.right?.range([lastRow, 0]), rows);
  const plotColumns = columns - leftLabels.width - 2 - (chart.right ? rightLabels.width + 2 : 0);
  if (plotColumns < 8 || rows < 3) {
    throw new ArgumentError(
      `lossChartText: ${columns} columns and ${rows} rows leave no room to draw in; 40 and 8 do.`,
      { columns, rows },
    );
  }
  const names = series.map(({ name, points, axis }, i) => {
    return `${marks[i % marks.length]} ${name} ${short(points.at(-1)?.y)}${axis === "right" ? " (right)" : ""}`;
  });
  if (!chart.left && !chart.right) return [...names, "no values yet"].join("\n");
  const cells: string[][] = Array.from({ length: rows }, () => Array<string>(plotColumns).fill(" "));
  series.forEach(({ points, axis }, i) => {
    const y = axis === "right" ? chart.right : chart.left;
    if (y === undefined) return;
    const put = (row: number, column: number, character: string): void => {
      const cell = cells[row];
      if (cell?.[column] !== undefined) cell[column] = character;
    };
    if (i === 0) drawBraille(points, chart.x, y, put, { rows, columns: plotColumns });
    else drawMarks(points, chart.x, y, put, { rows, columns: plotColumns }, marks[i % marks.length] ?? "●");
  });
  const x = chart.x.range([0, plotColumns - 1]);
  const indent = " ".repeat(leftLabels.width + 1);
  const [axis, labels] = [Array<string>(plotColumns).fill("─"), Array<string>(plotColumns + 1).fill(" ")];
  let free = 0;
  for (const { at, label } of ticks(x, Math.max(2, Math.floor(plotColumns / 12)))) {
    const column = Math.round(at);
    axis[column] = "┬";
    const start = Math.max(0, Math.min(column - Math.floor(label.length / 2), plotColumns - label.length));
    if (start < free) continue;
    labels.splice(start, label.length, ...label);
    free = start + label.length + 1;
  }
  return [
    names.join("   "),
    ...cells.map((row, i) => {
      const bar = leftLabels.at(i).trim() === "" ? "│" : "┤";
      const end = chart.right ? `${rightLabels.at(i).trim() === "" ? "│" : "├"} ${rightLabels.at(i).trim()}` : "";
      return `${leftLabels.at(i)} ${bar}${row.join("")}${end}`.trimEnd();
    }),
    `${indent}└${axis.join("")}${chart.right ? "┘" : ""}`,
    `${indent} ${labels.join("")}`.trimEnd(),
  ].join("\n");
}

type Put = (row: number, column: number, character: string) => void;
type Grid = { readonly rows: number; readonly columns: number };

/** Each character is 2 by 4 dots; neighbouring columns of dots are joined. */
function drawBraille(points: readonly Point[], x: Scale, y: Scale, put: Put, { rows, columns }: Grid): void {
  const [dotRows, dotColumns] = [rows * 4, columns * 2];
  const bits = new Uint8Array(rows * columns);
  const dotBits = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80]; // [row, column] of the dots in one character
  const dot = (row: number, column: number): void => {
    const cell = (row >> 2) * columns + (column >> 1);
    bits[cell] = (bits[cell] ?? 0) | (dotBits[(row & 3) * 2 + (column & 1)] ?? 0);
  };
  for (const run of finiteRuns(points)) {
    let last: { row: number; column: number } | undefined;
    for (const { x: column, y: row } of columnMeans(
      run,
      x.copy().range([0, dotColumns - 1]),
      y.copy().range([dotRows - 1, 0]),
    )) {
      const from = last ?? { row, column };
      const steps = Math.max(1, column - from.column, Math.abs(row - from.row));
      for (let s = 0; s <= steps; s++) {
        dot(
          Math.round(from.row + ((row - from.row) * s) / steps),
          Math.round(from.column + ((column - from.column) * s) / steps),
        );
      }
      last = { row, column };
    }
  }
  bits.forEach((pattern, cell) => {
    if (pattern !== 0) put(Math.floor(cell / columns), cell % columns, String.fromCharCode(0x2800 + pattern));
  });
}

function drawMarks(
  points: readonly Point[],
  x: Scale,
  y: Scale,
  put: Put,
  { rows, columns }: Grid,
  mark: string,
): void {
  const finite = points.filter((p) => Number.isFinite(p.x) && Number.isFinite(p.y));
  for (const { x: column, y: row } of columnMeans(
    finite,
    x.copy().range([0, columns - 1]),
    y.copy().range([rows - 1, 0]),
  )) {
    put(row, column, mark);
  }
}

/** The mean of the points of each column, as whole columns and rows. */
function columnMeans(points: readonly Point[], x: Scale, y: Scale): Point[] {
  const sums = new Map<number, { sum: number; count: number }>();
  for (const p of points) {
    const column = Math.round(x(p.x));
    const { sum, count } = sums.get(column) ?? { sum: 0, count: 0 };
    sums.set(column, { sum: sum + p.y, count: count + 1 });
  }
  return [...sums].map(([column, { sum, count }]) => ({ x: column, y: Math.round(y(sum / count)) }));
}

function rowLabels(scale: Scale | undefined, rows: number): { width: number; at: (row: number) => string } {
  const labels = new Map(
    ticks(scale, Math.max(2, Math.floor(rows / 4))).map(({ at, label }) => [Math.round(at), label]),
  );
  const width = Math.max(0, ...[...labels.values()].map((label) => label.length));
  return { width, at: (row) => (labels.get(row) ?? "").padStart(width) };
}

// What both share.

/** Scales over the finite values, rounded outwards to whole ticks; an axis without any value is not there. */
function scales(series: readonly Series[]): { x: Scale; left: Scale | undefined; right: Scale | undefined } {
  const over = (values: Iterable<number>): Scale | undefined => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const value of values) {
      if (!Number.isFinite(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    if (low > high) return undefined;
    if (low === high) [low, high] = [low - (Math.abs(low) / 2 || 0.5), high + (Math.abs(high) / 2 || 0.5)];
    return scaleLinear([low, high], [0, 1]);
  };
  const valuesOf = (axis: "left" | "right"): Scale | undefined =>
    over(series.filter((s) => (s.axis ?? "left") === axis).flatMap((s) => s.points.map((p) => p.y)))?.nice(5);
  const x = over(series.flatMap((s) => s.points.map((p) => p.x))) ?? scaleLinear([0, 1], [0, 1]);
  return { x, left: valuesOf("left"), right: valuesOf("right") };
}

function ticks(scale: Scale | undefined, count: number): { at: number; label: string }[] {
  const format = scale?.tickFormat(count);
  return scale?.ticks(count).map((value) => ({ at: scale(value), label: format?.(value) ?? "" })) ?? [];
}

function short(value: number | undefined): string {
  if (value === undefined) return "";
  return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : String(value);
}

function finiteRuns(points: readonly Point[]): Point[][] {
  const runs: Point[][] = [[]];
  for (const p of points) {
    if (Number.isFinite(p.x) && Number.isFinite(p.y)) runs.at(-1)?.push(p);
    else runs.push([]);
  }
  return runs.filter((run) => run.length > 0);
}

/** At most about `most` points: of each stretch the lowest and the highest, so that no spike is lost. */
function thinned(points: readonly Point[], most: number): Point[] {
  if (points.length <= most) return [...points];
  const stretch = (2 * points.length) / most;
  const kept: Point[] = [];
  for (let from = 0; from < points.length; from += stretch) {
    const part = points.slice(Math.floor(from), Math.floor(from + stretch));
    const low = part.reduce((a, b) => (b.y < a.y ? b : a));
    const high = part.reduce((a, b) => (b.y > a.y ? b : a));
    kept.push(...(low.x <= high.x ? [low, high] : [high, low]));
  }
  return kept;
}

/** The mean of up to `reach` points before and as many after each; it ends where too few are left to calm it. */
function movingMean(points: readonly Point[], reach: number): Point[] {
  const sums = [0];
  for (const p of points) sums.push((sums.at(-1) ?? 0) + p.y);
  const ends = Math.floor(reach / 4);
  return points.slice(ends, points.length - ends).map(({ x }, k) => {
    const i = k + ends;
    const near = Math.min(reach, i, points.length - 1 - i);
    return { x, y: ((sums[i + near + 1] ?? 0) - (sums[i - near] ?? 0)) / (2 * near + 1) };
  });
}
