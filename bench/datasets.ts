// Data sets of JSONL. Alone: a file larger than the memory allowed is loaded, mapped, shuffled and iterated, with the peak of
// resident memory, which must stay under 512 MB. With --python: each step in turn with Hugging Face's `datasets`, medians of the
// rounds after two that are not counted, and their ratio. Both keep tables on disk, and results of functions are made anew.
//
//   npm run bench -- … or: node --conditions=kindling-source bench/datasets.ts [--gigabytes 2] [--folder /tmp/x] [--keep]
//   … bench/datasets.ts --python python [--gigabytes 0.05] [--rounds 5] [--only "map,iterate"]

import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Dataset } from "../src/data/sets/dataset.ts";
import { loadDataset } from "../src/training/load-dataset.ts";
import { median, startPeer } from "./peer.ts";

const { values: flags } = parseArgs({
  options: {
    gigabytes: { type: "string" },
    folder: { type: "string", default: join(tmpdir(), "kindling-bench-datasets") },
    python: { type: "string" },
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
    run: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});
const gigabytes = flags.gigabytes ?? (flags.python === undefined ? "2" : "0.05");
const file = join(flags.folder, `rows-${gigabytes}.jsonl`);
type Row = { id: number; text: string; label: number };

/** Rows of 200 to 2000 characters of words, as texts are. */
function makeFile(bytes: number): void {
  mkdirSync(flags.folder, { recursive: true });
  if (existsSync(file) && statSync(file).size >= bytes) return;
  const words = readFileSync(new URL("../examples/data/summarization.train.jsonl", import.meta.url), "utf8")
    .slice(0, 400_000)
    .replace(/[^A-Za-zäöüéß ]+/g, " ")
    .split(/ +/);
  const out = openSync(file, "w");
  let seed = 1;
  const draw = (n: number): number => ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8) % n;
  for (let written = 0, id = 0; written < bytes; ) {
    let block = "";
    while (block.length < 2 ** 20) {
      const from = draw(words.length - 300);
      const text = words.slice(from, from + 40 + draw(250)).join(" ");
      block += `${JSON.stringify({ id: id++, text, label: id % 7 })}\n`;
    }
    written += writeSync(out, block);
  }
  closeSync(out);
}

// ── memory ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const peakMegabytes = (): number => process.resourceUsage().maxRSS / 1024;
const report = (step: string, rows: number, ms: number): void => {
  const rate = Math.round((1000 * rows) / ms).toLocaleString("en");
  console.log(
    `${step.padEnd(30)} ${(ms / 1000).toFixed(1).padStart(7)} s ${rate.padStart(12)} rows/s   peak ${peakMegabytes().toFixed(0)} MB`,
  );
};

async function run(): Promise<void> {
  const cacheDir = join(flags.folder, "cache");
  rmSync(cacheDir, { recursive: true, force: true });
  const timed = async <T extends { readonly length: number }>(step: string, work: () => T | Promise<T>): Promise<T> => {
    const began = performance.now();
    const made = await work();
    report(step, made.length, performance.now() - began);
    return made;
  };
  const options = { dataFiles: file, cacheDir, split: "train" };
  const rows = await timed("load (JSONL to table)", () => loadDataset<Row>("json", options));
  await timed("load again (from the cache)", () => loadDataset<Row>("json", options));
  const mapped = await timed("map", () => rows.map(({ text }) => ({ words: text.split(" ").length })));
  const shuffled = await timed("shuffle", () => mapped.shuffle({ seed: 42 }));
  let [count, characters] = [0, 0];
  const iterate = (step: string, source: typeof mapped): Promise<{ length: number }> =>
    timed(step, () => {
      count = 0;
      for (const { text } of source) {
        characters += text.length;
        count++;
      }
      return { length: count };
    });
  await iterate("iterate, in order", mapped);
  await iterate("iterate, shuffled", shuffled);
  console.log(`${rows.length.toLocaleString("en")} rows, ${characters.toLocaleString("en")} characters read`);
  const peak = peakMegabytes();
  console.log(`peak of resident memory: ${peak.toFixed(0)} MB ${peak < 512 ? "(under 512)" : "(OVER 512)"}`);
  if (peak >= 512) process.exitCode = 1;
}

/** The same file in a process of its own, whose memory is measured. */
function runAlone(): void {
  const own = ["--conditions=kindling-source", fileURLToPath(import.meta.url), "--run"];
  const { status } = spawnSync(process.execPath, [...own, "--gigabytes", gigabytes, "--folder", flags.folder], {
    stdio: "inherit",
  });
  process.exitCode = status ?? 1;
}

// ── beside Python's ─────────────────────────────────────────────────────────────────────────────────────────────────

interface Counted {
  readonly rows: number;
  readonly characters: number;
}
interface Timed extends Counted {
  readonly ms: number;
}
type Step = () => Dataset<never> | Counted | Promise<Dataset<never> | Counted>;

function eachRow(source: Iterable<Row>): Counted {
  let [rows, characters] = [0, 0];
  for (const { text } of source) {
    rows++;
    characters += text.length;
  }
  return { rows, characters };
}
function eachBatch(source: Dataset<Row>): Counted {
  let [rows, characters] = [0, 0];
  for (const { text } of source.iter(32)) {
    rows += text.length;
    for (const one of text) characters += one.length;
  }
  return { rows, characters };
}

/** The steps of peers/datasets_python.py. */
async function ownSteps(): Promise<Readonly<Record<string, Step>>> {
  const path = (name: string): string => join(flags.folder, `kindling-${name}`);
  const load = (kind: "json" | "csv" | "parquet", dataFiles: string, cache: string): Promise<Dataset<Row>> =>
    loadDataset<Row>(kind, { dataFiles, cacheDir: path(cache), split: "train" });
  const anew: typeof load = (kind, dataFiles, cache) => {
    rmSync(path(cache), { recursive: true, force: true });
    return load(kind, dataFiles, cache);
  };
  const rows = await anew("json", file, "json");
  const shuffled = rows.shuffle({ seed: 42 });
  rows.toCsv(path("source.csv"));
  await rows.toParquet(path("source.parquet"));
  const all = { rows: rows.length, characters: 0 };
  const words = (text: string): number => text.split(" ").length;
  const steps: Readonly<Record<string, () => object | Promise<object>>> = {
    "load json": () => anew("json", file, "again"),
    "load csv": () => anew("csv", path("source.csv"), "csv"),
    "load parquet": () => anew("parquet", path("source.parquet"), "parquet"),
    "load again": () => load("json", file, "json"),
    map: () => rows.map(({ text }) => ({ words: words(text) })),
    "map batched": () => rows.map(({ text }) => ({ words: text.map(words) }), { batched: true }),
    "map one column": () => rows.map((text: string) => ({ words: words(text) }), { inputColumns: ["text"] }),
    filter: () => rows.filter(({ text }) => text.length > 900),
    "filter batched": () => rows.filter(({ text }) => text.map((one) => one.length > 900), { batched: true }),
    sort: () => rows.sort("label"),
    shuffle: () => rows.shuffle({ seed: 42 }),
    "flatten indices": () => shuffled.flattenIndices(),
    iterate: () => eachRow(rows),
    "iterate batches": () => eachBatch(rows),
    "iterate shuffled": () => eachRow(shuffled),
    "shuffled batches": () => eachBatch(shuffled),
    "rows by number": () => eachRow(Array.from({ length: 10_000 }, (_, i) => shuffled.at(i))),
    column: () => eachRow(rows.column("text").map((text) => ({ text }) as Row)), // of which only the text is read
    saveToDisk: () => {
      rows.saveToDisk(path("saved"));
      return all;
    },
    toJson: () => {
      rows.toJson(path("rows.jsonl"));
      return all;
    },
    toParquet: async () => {
      await rows.toParquet(path("rows.parquet"));
      return all;
    },
  };
  return steps as Readonly<Record<string, Step>>; // data sets or counts, as each says
}

async function ownTime(step: Step): Promise<Timed> {
  const began = performance.now();
  const made = await step();
  const ms = performance.now() - began;
  return "characters" in made ? { ...made, ms } : { rows: made.length, characters: 0, ms };
}

async function compare(python: string): Promise<void> {
  const steps = await ownSteps();
  const peer = await startPeer(python, "datasets_python.py", ["--file", file, "--folder", flags.folder]);
  const names = flags.only?.split(",") ?? Object.keys(steps);
  console.log(`${flags.rounds} rounds in turn, medians in ms`);
  console.log(
    `${"step".padEnd(18)} ${"ours".padStart(9)} ${"theirs".padStart(9)} ${"ratio".padStart(7)}  (least … most)`,
  );
  for (const name of names) {
    const step = steps[name];
    if (step === undefined) throw new Error(`there is no step "${name}": ${Object.keys(steps).join(", ")}`);
    const [ours, theirs]: [Timed[], Timed[]] = [[], []];
    for (let warmUp = 0; warmUp < 2; warmUp++) {
      await ownTime(step);
      await peer.ask<Timed>(`step ${name}`);
    }
    for (let round = 0; round < Number(flags.rounds); round++) {
      ours.push(await ownTime(step));
      theirs.push(await peer.ask<Timed>(`step ${name}`));
    }
    const [a, b] = [ours[0]!, theirs[0]!]; // at least one round
    if (a.rows !== b.rows || a.characters !== b.characters) {
      throw new Error(`${name}: ${a.rows} rows, ${a.characters} characters; Python ${b.rows}, ${b.characters}`);
    }
    const ratios = ours.map(({ ms }, i) => theirs[i]!.ms / ms);
    const cells = [ours, theirs].map((side) =>
      median(side.map(({ ms }) => ms))
        .toFixed(1)
        .padStart(9),
    );
    const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2));
    console.log(`${name.padEnd(18)} ${cells.join(" ")} ${median(ratios).toFixed(2).padStart(7)}  (${least} … ${most})`);
  }
  peer.close();
}

if (flags.run) await run();
else {
  makeFile(Number(gigabytes) * 1e9);
  console.log(`Node ${process.version}, ${(statSync(file).size / 1e9).toFixed(2)} GB of JSONL`);
  if (flags.python === undefined) runAlone();
  else await compare(flags.python);
  if (!flags.keep) rmSync(flags.folder, { recursive: true, force: true });
}
