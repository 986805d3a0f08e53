// The doctor on a machine whose wide code is wrong: a preloaded module changes what the kernels of the check compute.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

/** The check runs its kernels over one task in a memory of one page; the result lies at byte 16384. */
const sabotage = `
  const { Instance } = WebAssembly;
  let calls = 0;
  WebAssembly.Instance = function (module, imports) {
    const { exports } = new Instance(module, imports);
    const memory = imports?.env?.memory;
    if (memory?.buffer.byteLength !== 65536) return { exports };
    return { exports: { run: (args, begin, end, thread) => {
      exports.run(args, begin, end, thread);
      if (end === 1) new Int32Array(memory.buffer)[16384 / 4] ^= ++calls;
    } } };
  };
`;

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

function doctor(preload: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--conditions=kindling-source", ...preload, main, "doctor"],
    { encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);
  return stdout;
}

test("wide code that computes something else is not used, and the doctor says so", () => {
  const wrong = doctor([`--import=data:text/javascript,${encodeURIComponent(sabotage)}`]);
  const line =
    process.arch === "x64"
      ? /256-bit code +failed verification \(256-bit code gave other results/
      : /256-bit code +off/;
  assert.match(wrong, line);
  assert.match(wrong, /matmul +[\d.]+ GFLOP/); // and the engine works without
});
