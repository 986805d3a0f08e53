// Measures one row of the table, whatever its kind.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { commit } from "./environment.ts";
import { type Measured, measure, median, newPatience, type Spread, settle, speed, spread } from "./measure.ts";
import { type Comparison, type Result, showMs } from "./results.ts";
import type { PeerName, Row } from "./rows.ts";
import { type Side, startOurs, startTorch } from "./side.ts";

/** The processes that stay alive from row to row. */
export interface Sides {
  readonly ours: Side;
  readonly peers: { readonly [name in PeerName]: Side };
  readonly python: string;
}

export interface Options {
  readonly rounds: number;
  readonly turnMs: number;
  readonly progress: (round: number, of: number) => void;
}

export async function runRow(row: Row, sides: Sides, options: Options): Promise<Result> {
  const { name } = row;
  const rounds = Math.min(options.rounds, row.rounds ?? options.rounds);
  const turns = { rounds, turnMs: options.turnMs, progress: (round: number) => options.progress(round, rounds) };
  const stamp = { name, rounds, commit: commit(), date: new Date().toISOString().slice(0, 10) };
  switch (row.kind) {
    case "speed":
    case "limit": {
      const peers = row.peers.map((peer) => sides.peers[peer]);
      const measured = await measure([sides.ours, ...peers], row.words, turns);
      return { ...stamp, ...(row.kind === "speed" ? speeds(row, measured) : limits(row, measured)) };
    }
    case "threads":
      return { ...stamp, ...(await scaling(row, turns)) };
    case "memory":
      return { ...stamp, ...(await memory(row, sides.python)), rounds: 1 };
    case "start":
      return { ...stamp, ...(await start(row, rounds)) };
    default:
      return row.kind satisfies never;
  }
}

type Outcome = Pick<Result, "values" | "comparisons" | "disturbed"> & { readonly rate?: string };

function speeds(row: Row, { ms, disturbed }: Measured): Outcome {
  const [ours, ...theirs] = ms as [number[], ...number[][]]; // ours is the first side
  const best = theirs.toSorted((a, b) => median(a) - median(b))[0]!;
  const comparisons: Comparison[] = [];
  const compare = (against: string, other: readonly number[] | undefined, target: number | undefined): void => {
    if (other !== undefined)
      comparisons.push({ against, ratio: speed(ours, other), ...(target !== undefined && { target }) });
  };
  compare("PyTorch", theirs[0], row.torch);
  if (theirs.length > 1) compare("the best", best, row.best);
  const rate = rateOf(row, median(ours));
  return { values: medians(row, ms), comparisons, disturbed, ...(rate !== undefined && { rate }) };
}

function medians(row: Row, ms: readonly (readonly number[])[]): Record<string, string> {
  const show = (all: readonly number[]): string => showMs(median(all) / (row.count ?? 1));
  return Object.fromEntries(["Kindling", ...row.peers].map((name, i) => [name, show(ms[i]!)]));
}

function rateOf({ flops, bytes }: Row, ms: number): string | undefined {
  if (flops !== undefined) return `${(flops / ms / 1e6).toFixed(0)} GFLOP/s`;
  return bytes === undefined ? undefined : `${(bytes / ms / 1e6).toFixed(1)} GB/s`;
}

function limits(row: Row, { ms, disturbed }: Measured): Outcome {
  const each = ms[0]!.map((all) => all / (row.count ?? 1));
  return { values: medians(row, ms), comparisons: [limit(row, each)], disturbed };
}

function limit({ limitMs = 0 }: Row, ms: readonly number[]): Comparison {
  return { against: "the limit", ratio: spread(ms.map((each) => limitMs / each)), target: 1 };
}

async function scaling(row: Row, turns: Parameters<typeof measure>[2]): Promise<Outcome> {
  const two = await startOurs({ name: "2 threads", threads: 2 });
  const one = await startOurs({ name: "1 thread", threads: 1 });
  const { ms, disturbed } = await measure([two, one], row.words, turns);
  await Promise.all([one.close(), two.close()]);
  const [on2, on1] = ms as [number[], number[]]; // two sides
  const values = { Kindling: `${showMs(median(on2))}, alone ${showMs(median(on1))}` };
  const target = row.scaling === undefined ? {} : { target: row.scaling };
  return { values, comparisons: [{ against: "1 thread", ratio: speed(on2, on1), ...target }], disturbed };
}

async function memory(row: Row, python: string): Promise<Outcome> {
  const peak = async (side: Side): Promise<number> => {
    await side.open(row.words);
    await side.run(2, 1);
    const bytes = await side.peakBytes();
    await side.close();
    return bytes;
  };
  const ours = await peak(await startOurs());
  const theirs = await peak(await startTorch(python));
  const show = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  const ratio: Spread = spread([theirs / ours]);
  const target = row.torch === undefined ? {} : { target: row.torch };
  const values = { Kindling: show(ours), PyTorch: show(theirs) };
  return { values, comparisons: [{ against: "PyTorch", ratio, ...target }], disturbed: 0 };
}

/** The package as it is installed: built, without the sources' condition. */
async function start(row: Row, rounds: number): Promise<Outcome> {
  const script = fileURLToPath(new URL("start.ts", import.meta.url));
  const build = fileURLToPath(new URL("../../scripts/build.ts", import.meta.url));
  if (spawnSync(process.execPath, [build], { stdio: ["ignore", "ignore", "inherit"] }).status !== 0)
    throw new Error(`${row.name}: the package could not be built`);
  const ms: number[] = [];
  const patience = newPatience();
  for (let round = 0; round < rounds; round++) {
    await settle(process.pid, patience);
    ms.push(Number(spawnSync(process.execPath, [script], { encoding: "utf8" }).stdout));
  }
  return { values: { Kindling: showMs(median(ms)) }, comparisons: [limit(row, ms)], disturbed: 0 };
}
