// What starting costs: a fresh process that imports the package and multiplies two small matrices, from the sources and from what
// `npm run build` wrote for Node, beside a process that does nothing. Milliseconds of wall and processor time, median of runs in turn.
//
//   node bench/start.ts [--runs 7] [--node PATH]

import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { median } from "./peer.ts";

const { values: flags } = parseArgs({
  options: { runs: { type: "string", default: "7" }, node: { type: "string", default: process.execPath } },
});

const program = (entry: string): string => `
  const start = performance.now();
  const { ones } = await import(${JSON.stringify(new URL(entry, import.meta.url).href)});
  const imported = performance.now();
  const x = ones([4, 4]);
  const made = performance.now();
  const sum = x.matmul(x).sum().item();
  const done = performance.now();
  if (sum !== 64) throw new Error("wrong: " + sum);
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ import: imported - start, device: made - imported, matmul: done - made, all: done - start, cpu: (user + system) / 1000 }));
  process.exit(0);
`;
const empty = `
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ all: 0, cpu: (user + system) / 1000 }));
`;

const programs: Readonly<Record<string, string>> = {
  nothing: empty,
  "dist/node/": program("../dist/node/index.js"),
  "src/": program("../src/index.ts"),
};

type Figures = Readonly<Record<string, number>>;
const found = new Map<string, Figures[]>();
for (let run = 0; run < Number(flags.runs); run++) {
  for (const [name, text] of Object.entries(programs)) {
    if (name === "src/" && flags.node !== process.execPath) continue; // an older one may not strip types
    const args = ["--conditions=kindling-source", "--input-type=module", "-e", text];
    const figures = JSON.parse(execFileSync(flags.node, args, { encoding: "utf8" })) as Figures; // what the programs print
    found.set(name, [...(found.get(name) ?? []), figures]);
  }
}
console.log("ms, median; cpu is the processor time of the whole process");
for (const [name, runs] of found) {
  const texts = Object.keys(runs[0]!).map((key) => `${key} ${median(runs.map((r) => r[key]!)).toFixed(0)}`);
  console.log(`${name.padEnd(8)} ${texts.join("   ")}`);
}
