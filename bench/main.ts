// What can be measured: `npm run bench -- NAME [options]` runs one of these. Those that stand beside PyTorch or another peer take
// `--python PATH` of an environment that has it.

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const helpers = ["main", "peer"];
const here = fileURLToPath(new URL(".", import.meta.url));
const names = readdirSync(here)
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -3))
  .filter((name) => !helpers.includes(name));
const [name, ...args] = process.argv.slice(2);

if (name === undefined || !names.includes(name)) {
  console.log("npm run bench -- NAME [options], NAME being one of:\n");
  for (const each of names) console.log(`  ${each.padEnd(12)} ${firstSentence(each)}`);
  console.log("\nExample:\n  npm run bench -- peers --only encoder");
  process.exitCode = name === undefined || name === "--help" ? 0 : 1;
} else {
  const run = spawnSync(process.execPath, ["--conditions=kindling-source", `${here}${name}.ts`, ...args], {
    stdio: "inherit",
  });
  process.exitCode = run.status ?? 1;
}

/** What the head of a program says of it. */
function firstSentence(each: string): string {
  const head = readFileSync(`${here}${each}.ts`, "utf8").split("\n\n", 1)[0]!;
  return head
    .replaceAll(/^\/\/ ?/gm, "")
    .replaceAll("\n", " ")
    .split(/[.:;]/, 1)[0]!;
}
