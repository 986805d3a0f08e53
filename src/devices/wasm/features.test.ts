import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import type { Features } from "./features.ts";

const module = new URL("./features.ts", import.meta.url).href;

/** The environment is read once, so every case gets a process of its own. */
function inProcess(env: Record<string, string>): { found: Features | undefined; error: string } {
  const script = `import { features } from ${JSON.stringify(module)}; console.log(JSON.stringify(features()));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    env: { ...process.env, ...env },
    encoding: "utf8",
  });
  return { found: stdout === "" ? undefined : JSON.parse(stdout), error: stderr };
}

test("this runtime has what we expect, and says nothing on stderr", () => {
  const { found, error } = inProcess({});
  assert.ok(found !== undefined, error);
  assert.ok(found.simd && found.relaxed && found.sharedMemory);
  assert.equal(found.revectorized, process.arch === "x64" ? "on" : "off");
  assert.equal(error, "");
});

test("the environment forbids features one by one", () => {
  const noSimd = inProcess({ KINDLING_SIMD: "0" }).found!;
  assert.deepEqual([noSimd.simd, noSimd.relaxed, noSimd.revectorized], [false, false, "off"]);
  assert.equal(noSimd.reasons.relaxed, "KINDLING_SIMD=0");

  const noRelaxed = inProcess({ KINDLING_RELAXED: "0", KINDLING_REVECTORIZE: "0" }).found!;
  assert.deepEqual([noRelaxed.simd, noRelaxed.relaxed, noRelaxed.revectorized], [true, false, "off"]);
  assert.equal(noRelaxed.reasons.revectorized, "KINDLING_REVECTORIZE=0");
});

test("the environment sets the number of threads, and a wrong one is an error", () => {
  assert.equal(inProcess({ KINDLING_THREADS: "3" }).found!.threads, 3);
  assert.match(inProcess({ KINDLING_THREADS: "many" }).error, /KINDLING_THREADS=many: wants a whole number/);
});
