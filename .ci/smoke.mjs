// Run by .ci/run in an empty folder where the packed package is installed: every subpath loads and exports something.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const manifest = createRequire(import.meta.url).resolve("kindling/package.json");
const { name, exports } = JSON.parse(readFileSync(manifest, "utf8"));
for (const subpath of Object.keys(exports)) {
  if (subpath === "./package.json") continue;
  const count = Object.keys(await import(subpath.replace(".", name))).length;
  if (count === 0) throw new Error(`${name}: "${subpath}" exports nothing`);
  console.log(`${subpath.replace(".", name)}: ${count} exports`);
}
