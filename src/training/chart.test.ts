// What a chart must say: every value at its place, on its own axis, nothing lost in thinning, nothing broken by names or
// by values that are not finite.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ArgumentError } from "../base/errors.ts";
import { lossChartSvg, lossChartText, type Point, type Series } from "./chart.ts";

const falling: Series = { name: "train loss", points: [0, 1, 2, 3, 4].map((x) => ({ x, y: 4 - x })) };

/** Checks that tags close in order and that no number went wrong; gives the attributes of the elements of a name. */
function elements(svg: string, name: string): Record<string, string>[] {
  const open: string[] = [];
  const found: Record<string, string>[] = [];
  for (const [, close, tag = "", attributes = "", empty] of svg.matchAll(
    /<(\/?)(\w+)((?: [\w-]+="[^"<>]*")*)(\/?)>/g,
  )) {
    if (close === "/") assert.equal(open.pop(), tag);
    else if (empty !== "/") open.push(tag);
    assert.doesNotMatch(attributes, /NaN|Infinity|undefined/);
    const pairs = [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(
      ([, key = "", value = ""]) => [key, value] as const,
    );
    if (tag === name && close === "") found.push(Object.fromEntries(pairs));
  }
  assert.deepEqual(open, []);
  assert.equal(svg.replaceAll(/<[^<>]*>/g, "").match(/[<>]/), null);
  return found;
}

function pathPoints(path: Record<string, string> | undefined): Point[] {
  return [...(path?.["d"] ?? "").matchAll(/(-?[\d.]+),(-?[\d.]+)/g)].map(([, x, y]) => ({
    x: Number(x),
    y: Number(y),
  }));
}

function curves(svg: string, color: string): Point[][] {
  return elements(svg, "path")
    .filter((p) => p["stroke"] === color && p["fill"] === "none")
    .map(pathPoints);
}

const [blue, orange] = ["#3b82f6", "#ea7317"];

test("values stand where the axes say", () => {
  const svg = lossChartSvg([falling], { width: 400, height: 300 });
  const [line = []] = curves(svg, blue);
  assert.equal(line.length, 5);
  const [first, last] = [line[0], line.at(-1)];
  const labels = new Map(
    [...svg.matchAll(/<text x="[\d.]+" y="([\d.]+)" text-anchor="end">([\d.]+)</g)].map(([, y, v]) => [v, Number(y)]),
  );
  assert.equal(first?.y, (labels.get("4") ?? labels.get("4.0") ?? 0) - 4, "the tick 4 is as high as the value 4");
  assert.equal(last?.y, (labels.get("0") ?? labels.get("0.0") ?? 0) - 4);
  assert.deepEqual([first?.x, last?.x], [64, 376]);
  assert.deepEqual(
    line.map((p) => p.x),
    [64, 142, 220, 298, 376],
  );
});

test("the right axis has a scale of its own", () => {
  const rouge: Series = {
    name: "ROUGE-L",
    axis: "right",
    points: [
      { x: 0, y: 0.1 },
      { x: 4, y: 0.3 },
    ],
  };
  const svg = lossChartSvg([falling, rouge], { title: "both", rightLabel: "ROUGE" });
  const [loss = [], score = []] = [curves(svg, blue)[0], curves(svg, orange)[0]];
  assert.equal(score[1]?.y, loss[0]?.y, "both reach the top");
  assert.equal(score[0]?.y, loss[4]?.y, "both reach the bottom");
  assert.match(svg, />ROUGE-L \(right\)<tspan[^>]+>0\.3</);
  assert.match(svg, />0\.30</);
  elements(svg, "text");
});

test("a gap and a mark where a value is not finite", () => {
  const points = falling.points.map((p) => (p.x === 2 ? { ...p, y: Number.NaN } : p));
  const svg = lossChartSvg([{ name: "a", points }]);
  assert.deepEqual(
    curves(svg, blue).map((run) => run.length),
    [2, 2],
  );
  assert.equal(svg.match(/×/g)?.length, 1);
  const broken = lossChartSvg([{ name: "a", points: points.map((p) => ({ ...p, y: Number.POSITIVE_INFINITY })) }]);
  assert.match(broken, /no values yet/);
  elements(broken, "path");
});

test("a long series keeps its spikes and gets its mean", () => {
  const points = Array.from({ length: 100_000 }, (_, x) => ({ x, y: x === 77_777 ? 50 : x % 2 }));
  const [raw = [], mean = []] = curves(lossChartSvg([{ name: "a", points }], { width: 700, height: 300 }), blue);
  assert.ok(raw.length <= 810 && raw.length > 300, `${raw.length} points drawn`);
  const highest = raw.reduce((a, b) => (b.y < a.y ? b : a));
  assert.ok(Math.abs(highest.x - (64 + (612 * 77_777) / 99_999)) < 0.2);
  const [bottom, top] = [Math.max(...raw.map((p) => p.y)), highest.y];
  const middle = bottom - (bottom - top) / 100; // 0.5 of 50
  assert.ok(
    mean.every((p) => Math.abs(p.y - middle) < 0.3),
    "the mean of 0 and 1 is a flat line",
  );
  assert.ok(mean.length > 100);
});

test("names, titles and labels are text, whatever they hold", () => {
  const svg = lossChartSvg([{ ...falling, name: '<b>&"\u0000' }], { title: "a < b & c", xLabel: "<", yLabel: ">" });
  assert.match(svg, /&lt;b&gt;&amp;&quot; </);
  assert.match(svg, /aria-label="a &lt; b &amp; c"/);
  elements(svg, "text");
});

test("nothing, one point, equal values: still a chart", () => {
  for (const series of [[], [{ name: "a", points: [] }]]) assert.match(lossChartSvg(series), /no values yet/);
  for (const y of [0, 3, -2]) {
    const svg = lossChartSvg([
      {
        name: "a",
        points: [
          { x: 5, y },
          { x: 5, y },
        ],
      },
    ]);
    assert.equal(elements(svg, "circle").length, 2);
    lossChartText([{ name: "a", points: [{ x: 5, y }] }]);
  }
  assert.throws(() => lossChartSvg([falling], { width: 100 }), ArgumentError);
});

test("in characters: a line and marks", () => {
  const evals: Series = {
    name: "eval loss",
    points: [
      { x: 2, y: 2.5 },
      { x: 4, y: 1 },
    ],
  };
  assert.equal(
    lossChartText([falling, evals], { columns: 32, rows: 6 }),
    [
      "⠤⠤ train loss 0   ● eval loss 1",
      "4 ┤⠉⠒⠤⣀⡀",
      "  │    ⠈⠑⠢⠤⣀",
      "  │         ⠉⠑⠢⠤⣀●",
      "2 ┤              ⠉⠑⠒⠤⣀⡀",
      "  │                   ⠈⠉⠒⠢⢄⡀   ●",
      "0 ┤                        ⠈⠉⠒⠤⣀",
      "  └┬─────────────┬─────────────┬",
      "   0             2             4",
    ].join("\n"),
  );
});

test("in characters: two axes, gaps, and no more columns than asked for", () => {
  const points = Array.from({ length: 500 }, (_, x) => ({
    x,
    y: x > 200 && x < 300 ? Number.NaN : 5 + Math.sin(x / 40),
  }));
  const rouge: Series = {
    name: "ROUGE-L",
    axis: "right",
    points: [
      { x: 0, y: 0.1 },
      { x: 499, y: 0.3 },
    ],
  };
  for (const columns of [40, 79, 120]) {
    const lines = lossChartText([{ name: "loss", points }, rouge], { columns, rows: 9 }).split("\n");
    assert.equal(lines.length, 1 + 9 + 2);
    assert.ok(
      lines.slice(1).every((l) => l.length <= columns),
      lines.join("\n"),
    );
    assert.match(lines.slice(1, 10).join("\n"), /├ 0\.3/);
    const middle = Math.floor(columns / 2);
    assert.ok(
      lines.slice(1, 10).every((l) => l[middle] === " "),
      "the gap is empty",
    );
  }
  assert.match(lossChartText([]), /no values yet/);
  assert.throws(() => lossChartText([falling], { columns: 9 }), ArgumentError);
});
