// Running out of memory, as a user sees it: an error that says what was asked for, what is live and what to do, and a process
// that goes on. In a process of its own, since it takes all that a device may have.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

const program = `
  import { memoryStats, ones, scope, zeros } from "kindling";
  const GiB = 2 ** 30;
  const kept = ones([10]);
  const s = scope();
  const large = [];
  const errors = [];
  for (let i = 0; i < 10 && errors.length === 0; i++) {
    try {
      large.push(empty(GiB / 4));
    } catch (error) {
      errors.push(error);
    }
  }
  function empty(n) {
    return kept.constructor.empty([n], "float32"); // not touched, so that the system need not find it
  }
  const [error] = errors;
  const facts = { name: error.name, message: error.message, bytes: error.facts.bytes, live: error.facts.liveBytes };
  s.end();
  const { liveBytes } = memoryStats();
  console.log(JSON.stringify({ count: large.length, ...facts, liveBytes, after: zeros([5]).add(kept.sum()).tolist() }));
`;

test("running out of memory says how much was asked, what is live and what to do; then all goes on", () => {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["--conditions=kindling-source", "--input-type=module", "-e", program],
    { encoding: "utf8" },
  );
  assert.notEqual(stdout, "", stderr);
  const { count, name, message, bytes, live, liveBytes, after } = JSON.parse(stdout);
  assert.ok(count >= 1 && count <= 3); // 4 GiB less what the device needs
  assert.deepEqual([name, bytes], ["DeviceError", 2 ** 30]);
  assert.ok(live >= count * 2 ** 30);
  assert.match(message, /out of memory: asked for 1 GiB, while .* are live in \d+ blocks \(the largest: 1 GiB/);
  assert.match(message, /smaller batch, gradient accumulation or checkpointing, or dispose of tensors/);
  assert.ok(liveBytes < 2 ** 20);
  assert.deepEqual(after, [10, 10, 10, 10, 10]);
});
