// What was measured, in a form that can be kept (`bench/results.json`), and as tables for a terminal and for docs/benchmarks.md.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Spread } from "./measure.ts";

export interface Comparison {
  /** "PyTorch", "the best" (of all peers), "1 thread", "2 µs", … */
  readonly against: string;
  /** Times as good as that: quartiles of the rounds. */
  readonly ratio: Spread;
  readonly target?: number;
}

export interface Result {
  readonly name: string;
  /** The median of each side, with its unit. */
  readonly values: { readonly [side: string]: string };
  /** Ours: arithmetic or memory traffic a second. */
  readonly rate?: string;
  readonly comparisons: readonly Comparison[];
  readonly rounds: number;
  /** Others' share of the processors in the worst turn that counts, 0 to 1. */
  readonly disturbed: number;
  readonly commit: string;
  readonly date: string;
}

const file = fileURLToPath(new URL("../results.json", import.meta.url));

/** What is kept, by section ("peers", "js-peers"). */
export interface Kept {
  readonly machine: string;
  readonly versions: { readonly [name: string]: string };
  readonly results: readonly Result[];
}

export function readKept(): { [section: string]: Kept } {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {}; // written below
}

/** Keeps results in the order of `names`; those not measured this time stay as they were. */
export function keep(section: string, names: readonly string[], kept: Kept): void {
  const all = readKept();
  const old = all[section]?.results ?? [];
  const find = (name: string): Result | undefined => [...kept.results, ...old].find((r) => r.name === name);
  const results = names.flatMap((name) => find(name) ?? []);
  writeFileSync(file, `${JSON.stringify({ ...all, [section]: { ...kept, results } }, undefined, 1)}\n`);
}

export function reached({ ratio, target }: Comparison): boolean {
  return target === undefined || ratio.median >= target;
}

/** A row is marked when others had more of the processors than this in one of its turns. */
export const disturbedShare = 0.1;

const fixed = (x: number): string => x.toFixed(2);
export const showRatio = ({ median, q1, q3 }: Spread): string => `${fixed(median)} (${fixed(q1)}–${fixed(q3)})`;

/** Three digits and a unit that keeps the number short. */
export function showMs(ms: number): string {
  if (ms < 0.1) return `${Number((ms * 1000).toPrecision(3))} µs`;
  return ms < 10_000 ? `${Number(ms.toPrecision(3))} ms` : `${Number((ms / 1000).toPrecision(3))} s`;
}

export function showComparison(c: Comparison): string {
  const wanted = c.target === undefined ? "" : ` of ${fixed(c.target)} ${reached(c) ? "✓" : "✗"}`;
  return `${showRatio(c.ratio)}${wanted}`;
}

/** The cells of a table: a head, then a row for each result. */
function cells(results: readonly Result[]): string[][] {
  const columns = (of: (r: Result) => readonly string[]): string[] => [...new Set(results.flatMap(of))];
  const sides = columns((r) => Object.keys(r.values));
  const against = columns((r) => r.comparisons.map((c) => c.against));
  const head = ["work", ...sides, "our rate", ...against.map((a) => `times ${a}`)];
  const body = results.map((r) => [
    r.disturbed > disturbedShare ? `${r.name} *` : r.name,
    ...sides.map((side) => r.values[side] ?? ""),
    r.rate ?? "",
    ...against.map((a) => {
      const found = r.comparisons.find((c) => c.against === a);
      return found === undefined ? "" : showComparison(found);
    }),
  ]);
  return [head, ...body];
}

export function asText(results: readonly Result[]): string {
  const table = cells(results);
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  return table
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export function asMarkdown(results: readonly Result[]): string {
  const [head, ...body] = cells(results);
  const line = (row: readonly string[]): string => `| ${row.join(" | ")} |`;
  return [line(head!), `|${" --- |".repeat(head!.length)}`, ...body.map(line)].join("\n");
}
