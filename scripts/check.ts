// `npm run check`: types, lint and format, floors. Runs all of them, then says which failed.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const checks: { readonly [name: string]: readonly string[] } = {
  "types (all)": ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json"],
  "types (package)": ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json", "--noEmit"],
  "lint and format": ["node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings", "--log-level=warn"],
  floors: ["scripts/floors.ts"],
  "lock file": ["scripts/lock.ts"],
};

const failed: string[] = [];
for (const [name, args] of Object.entries(checks)) {
  const start = performance.now();
  const { status } = spawnSync(process.execPath, args, {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    stdio: "inherit",
  });
  if (status !== 0) failed.push(name);
  console.log(`${status === 0 ? "ok" : "FAILED"}  ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
}
if (failed.length > 0) {
  console.error(`check failed: ${failed.join(", ")}. \`npm run format\` mends what can be mended by itself.`);
  process.exitCode = 1;
}
