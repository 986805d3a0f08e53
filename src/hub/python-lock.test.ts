// The table is Linux's, as `flock` and filelock make it appear there; its numbers are put in from a file of the test's own.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { flocks, waitForPython } from "./python-lock.node.ts";

const table = (device: string, inode: number): string => `1: POSIX  ADVISORY  WRITE 90 fe:00:17 0 EOF
2: FLOCK  ADVISORY  WRITE 1234 ${device}:${inode} 0 EOF
2: -> FLOCK  ADVISORY  WRITE 1235 08:01:99 0 EOF
3: OFDLCK ADVISORY  WRITE -1 08:01:98 0 EOF
`;

test("only what is held by flock counts", () => {
  assert.deepEqual([...flocks(table("08:01", 131090))], ["08:01:131090"]);
  assert.deepEqual([...flocks("")], []);
});

test("a lock is waited for while it is held, and not after", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "kindling-flock-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [lock, locks] = [join(folder, "e.lock"), join(folder, "locks")];
  const watched = { lock, folder, stem: "e" };
  await waitForPython(watched, undefined, locks); // there is no file
  writeFileSync(lock, "");
  await waitForPython(watched, undefined, locks); // nor a table
  const { dev, ino } = statSync(lock);
  // Numbers of devices below 2^16 are eight bits each.
  const device = [dev >> 8, dev & 0xff].map((part) => part.toString(16).padStart(2, "0")).join(":");
  writeFileSync(locks, table(device, ino + 1));
  await waitForPython(watched, undefined, locks); // of another file
  writeFileSync(locks, table(device, ino));
  let isDone = false;
  const waiting = waitForPython(watched, undefined, locks).then(() => {
    isDone = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.equal(isDone, false);
  await assert.rejects(waitForPython(watched, AbortSignal.timeout(150), locks), { name: "TimeoutError" });
  writeFileSync(locks, "");
  await waiting;
});
