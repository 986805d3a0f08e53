// Damaged checkpoints by the thousand: `npm run bench` does not run it, `npm run example -- bench/fuzz-checkpoints.ts 50000` does.
// Each file must load or fail with an error of ours, within a second and twice its size in memory, and run nothing.

import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mutate, mutateWithin, random, tryLoading } from "../test/checkpoint-fuzz.ts";

const [countText = "50000", seedText = "1"] = process.argv.slice(2);
const [count, seed] = [Number(countText), Number(seedText)];
const fixtures = fileURLToPath(new URL("../test/fixtures/", import.meta.url));
const ofFormat: Readonly<Record<string, readonly string[]>> = {
  ".pt": globSync("checkpoint/*.pt", { cwd: fixtures }).filter((name) => !name.includes("legacy")),
  "legacy .pt": globSync("checkpoint/*.legacy.pt", { cwd: fixtures }).filter((name) => !name.includes("long")),
  ".safetensors": globSync("{checkpoint,safetensors,copying}/**/*.safetensors", { cwd: fixtures }),
  ".npz": globSync("checkpoint/*.npz", { cwd: fixtures }),
  ".npy": globSync("checkpoint/*.npy", { cwd: fixtures }),
};
const formats = Object.keys(ofFormat);

const slowestMs = 1000;
const tally = new Map<string, { files: number; loaded: number; worst: number }>();
const kinds = new Map<string, number>();
let arrayBuffers = 0;
const draw = random(seed);
const start = performance.now();
for (let i = 0; i < count; i++) {
  const format = formats[i % formats.length]!;
  const names = ofFormat[format]!.toSorted();
  const name = names[Math.floor(draw() * names.length)]!;
  const original = new Uint8Array(readFileSync(join(fixtures, name)));
  const bytes = draw() < 0.5 ? mutate(original, draw) : await mutateWithin(original, draw);
  const begin = performance.now();
  const verdict = await tryLoading(bytes).catch((error: unknown) => {
    const kept = join(tmpdir(), `fuzz-${i}-${name.replace("/", "-")}`);
    writeFileSync(kept, bytes);
    throw new Error(`mutation ${i} of ${name}, kept as ${kept}`, { cause: error });
  });
  const ms = performance.now() - begin;
  if (ms > slowestMs) throw new Error(`mutation ${i} of ${name} took ${ms.toFixed(0)} ms`);
  const row = tally.get(format) ?? { files: 0, loaded: 0, worst: 0 };
  tally.set(format, {
    files: row.files + 1,
    loaded: row.loaded + Number(verdict.loaded),
    worst: Math.max(row.worst, verdict.bytes / Math.max(bytes.length, 1)),
  });
  kinds.set(verdict.kind, (kinds.get(verdict.kind) ?? 0) + 1);
  arrayBuffers = Math.max(arrayBuffers, process.memoryUsage().arrayBuffers);
}
if (existsSync("kindling-was-here")) throw new Error("a pickle was run");
console.table(
  [...tally].map(([format, { files, loaded, worst }]) => ({
    format,
    files,
    loaded,
    refused: files - loaded,
    "most memory / file": worst.toFixed(2),
  })),
);
console.log(
  [...kinds]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 12)
    .map(([kind, n]) => `${n} ${kind}`)
    .join("\n"),
);
console.log(
  `${count} files, seed ${seed}, ${((performance.now() - start) / 1000).toFixed(0)} s; at most ${(arrayBuffers / 2 ** 20).toFixed(0)} MiB of arrays at once`,
);
