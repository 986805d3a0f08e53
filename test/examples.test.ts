// Every example runs, on little data: `--smoke` asks it to be done in seconds.

import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";
import { root } from "../scripts/build.ts";

for (const file of globSync("examples/*.ts", { cwd: root }).sort()) {
  test(file, async () => {
    await promisify(execFile)(process.execPath, ["--conditions=kindling-source", file, "--smoke"], { cwd: root });
  });
}
