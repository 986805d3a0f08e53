// Runs every `*.portable.ts` in Node.

import { globSync } from "node:fs";
import { describe, test } from "node:test";
import { suitesOf } from "./harness.ts";

for (const name of globSync("**/*.portable.ts", { cwd: import.meta.dirname }).sort()) {
  for (const suite of suitesOf(await import(`./${name}`))) {
    describe(suite.name, () => {
      for (const [name, run] of suite.tests) test(name, run);
    });
  }
}
