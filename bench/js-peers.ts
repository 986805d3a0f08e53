// The same work in jax-js and TensorFlow.js, with their WebAssembly backends, beside ours: all in turn. Installs them into a
// temporary folder.

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeReport } from "./suite/document.ts";
import { commit, machine } from "./suite/environment.ts";
import { measure, median, speed } from "./suite/measure.ts";
import { asText, type Comparison, keep, type Result, showComparison, showMs } from "./suite/results.ts";
import { type Side, start, startOurs } from "./suite/side.ts";

const help = `npm run bench -- js-peers [options]

  --only NAME    rows whose name or case holds this text; may stand several times
  --rounds N     rounds of each row (5)
  --turn MS      how long a side computes in a round, at least one run (400)
  --write        keep the results in bench/results.json and write docs/benchmarks.md

Example:
  npm run bench -- js-peers --only encoder`;

const { values: flags } = parseArgs({
  options: {
    only: { type: "string", multiple: true, default: [] },
    rounds: { type: "string", default: "5" },
    turn: { type: "string", default: "400" },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const target = 3;
const rows: readonly { readonly name: string; readonly words: string }[] = [
  { name: "matmul 1024×1024×1024", words: "matmul 1024 1024 1024" },
  { name: "MiniLM encoder layers 1×128", words: "encodeLayers minilm 1 128" },
  { name: "BERT-base encoder layers 1×128", words: "encodeLayers bert 1 128" },
  { name: "perceptron 784–512–512–10, training step of 128", words: "trainMlp 128" },
];

if (flags.help) console.log(help);
else {
  const folder = mkdtempSync(join(tmpdir(), "kindling-js-peers-"));
  try {
    await main(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(folder: string): Promise<void> {
  cpSync(fileURLToPath(new URL("js-peers", import.meta.url)), folder, { recursive: true });
  const install = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
  if (spawnSync("npm", install, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] }).status !== 0)
    throw new Error("npm could not install the peers (no network?); bench/js-peers/package.json names them");
  const { dependencies } = (await import(join(folder, "package.json"), { with: { type: "json" } })).default;
  const versions = { Kindling: commit(), "Node.js": process.versions.node, ...dependencies };
  const sides = [
    await startOurs(),
    await start("jax-js", process.execPath, [join(folder, "jax.js")], {}),
    await start("TensorFlow.js", process.execPath, [join(folder, "tfjs.js")], {}),
  ];
  const wanted = rows.filter(
    ({ name, words }) =>
      flags.only.length === 0 ||
      flags.only.some((text) => `${name}\n${words}`.toLowerCase().includes(text.toLowerCase())),
  );
  const results: Result[] = [];
  for (const row of wanted) {
    const result = await runRow(row, sides);
    console.log(`${row.name}   ${result.comparisons.map((c) => `${c.against}: ${showComparison(c)}`).join("   ")}`);
    results.push(result);
  }
  await Promise.all(sides.map((side) => side.close()));
  console.log(`\n${asText(results)}`);
  if (!flags.write) return;
  const names = rows.map(({ name }) => name);
  keep("js-peers", names, { machine: machine(), versions, results });
  writeReport();
}

async function runRow({ name, words }: (typeof rows)[number], sides: readonly Side[]): Promise<Result> {
  const rounds = Number(flags.rounds);
  const { ms, disturbed } = await measure(sides, words, { rounds, turnMs: Number(flags.turn) });
  const [ours, ...theirs] = ms as [number[], ...number[][]]; // ours is the first side
  const comparisons: Comparison[] = theirs.map((other, i) => ({
    ...{ against: sides[i + 1]!.name, ratio: speed(ours, other), target },
  }));
  const values = Object.fromEntries(sides.map((side, i) => [side.name, showMs(median(ms[i]!))]));
  return {
    name,
    values,
    comparisons,
    rounds,
    disturbed,
    commit: commit(),
    date: new Date().toISOString().slice(0, 10),
  };
}
