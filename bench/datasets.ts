// A JSONL larger than the memory allowed: loaded, mapped, shuffled and iterated, with the peak of resident memory and the rows a
// second of each step. With --python <command> the same by Hugging Face's `datasets`, each in a process of its own.
//
//   npm run bench -- … or: node --conditions=kindling-source bench/datasets.ts --gigabytes 2 [--python python] [--folder /tmp/x]

import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadDataset } from "../src/training/load-dataset.ts";

const { values: flags } = parseArgs({
  options: {
    gigabytes: { type: "string", default: "2" },
    folder: { type: "string", default: join(tmpdir(), "kindling-bench-datasets") },
    python: { type: "string" },
    run: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});
const file = join(flags.folder, `rows-${flags.gigabytes}.jsonl`);

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
  type Row = { id: number; text: string; label: number };
  const rows = await timed("load (JSONL to table)", () => loadDataset<Row>("json", options));
  await timed("load again (from the cache)", () => loadDataset<Row>("json", options));
  const mapped = await timed("map", () => rows.map(({ text }) => ({ words: text.split(" ").length })));
  const shuffled = await timed("shuffle", () => mapped.shuffle({ seed: 42 }));
  let [count, characters] = [0, 0];
  const iterate = (step: string, source: typeof mapped, most: number): Promise<{ length: number }> =>
    timed(step, () => {
      count = 0;
      for (const { text } of source) {
        characters += text.length;
        if (++count >= most) break;
      }
      return { length: count };
    });
  await iterate("iterate, in order", mapped, Number.POSITIVE_INFINITY);
  await iterate("iterate, shuffled", shuffled, Number.POSITIVE_INFINITY);
  console.log(`${rows.length.toLocaleString("en")} rows, ${characters.toLocaleString("en")} characters read`);
  const peak = peakMegabytes();
  console.log(`peak of resident memory: ${peak.toFixed(0)} MB ${peak < 512 ? "(under 512)" : "(OVER 512)"}`);
  if (peak >= 512) process.exitCode = 1;
}

const python = `
import sys, time, resource, shutil, datasets
datasets.disable_progress_bars()
file, cache = sys.argv[1:]
shutil.rmtree(cache, ignore_errors=True)
def report(step, rows, seconds):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{step:30} {seconds:7.1f} s {round(rows / seconds):12,} rows/s   peak {peak:.0f} MB", flush=True)
def timed(step, work):
    began = time.perf_counter(); made = work(); report(step, len(made), time.perf_counter() - began); return made
load = lambda: datasets.load_dataset("json", data_files=file, cache_dir=cache, split="train")
rows = timed("load (JSONL to table)", load)
timed("load again (from the cache)", load)
mapped = timed("map", lambda: rows.map(lambda row: {"words": len(row["text"].split(" "))}))
shuffled = timed("shuffle", lambda: mapped.shuffle(seed=42))
for step, source in (("iterate, in order", mapped), ("iterate, shuffled", shuffled)):
    began = time.perf_counter(); n = 0
    for row in source: n += len(row["text"]) > 0
    report(step, n, time.perf_counter() - began)
`;

if (flags.run) await run();
else {
  makeFile(Number(flags.gigabytes) * 1e9);
  console.log(`${(statSync(file).size / 1e9).toFixed(2)} GB of JSONL\n\nkindling`);
  const own = [
    "--conditions=kindling-source",
    fileURLToPath(import.meta.url),
    "--run",
    "--gigabytes",
    flags.gigabytes,
    "--folder",
    flags.folder,
  ]; // prettier-ignore
  const { status } = spawnSync(process.execPath, own, { stdio: "inherit" });
  process.exitCode = status ?? 1;
  if (flags.python !== undefined) {
    console.log("\nPython's datasets");
    spawnSync(flags.python, ["-c", python, file, join(flags.folder, "python-cache")], { stdio: "inherit" });
  }
  if (!flags.keep) rmSync(flags.folder, { recursive: true, force: true });
}
