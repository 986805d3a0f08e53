// A thousand rounds, forward and backward, of every operator and layer: the memory in use stays what it was after the first.
// `npm run bench` does not run it, `npm run example -- bench/leaks.ts 1000` does.

import { fileURLToPath } from "node:url";
import { layers } from "../test/layers.ts";
import { leaks } from "../test/leaks.ts";
import { adapters } from "../test/opinfo/table.ts";
import { readSamples } from "../test/opinfo/values.ts";

const rounds = Number(process.argv[2] ?? 1000);
const samples = readSamples(fileURLToPath(new URL("../test/fixtures/opinfo/samples.json.gz", import.meta.url)));
const start = performance.now();
const found = leaks(samples, rounds);
const seconds = Math.round((performance.now() - start) / 1000);
console.log(
  `${Object.keys(adapters).length} operators and ${layers().length} layers, ${rounds} rounds each, in ${seconds} s:`,
);
console.log(found.length === 0 ? "no byte more in use than after the first rounds" : found.join("\n"));
if (found.length > 0) process.exitCode = 1;
