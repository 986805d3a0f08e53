// A log through kills, torn lines and resumed runs.

import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { DataError } from "../base/errors.ts";
import { openJsonlLog, readJsonlLog } from "./jsonl-log.node.ts";

const folder = mkdtempSync(join(tmpdir(), "kindling-log-"));
after(() => rmSync(folder, { recursive: true, force: true }));

let logs = 0;
function freshPath(): string {
  return join(folder, String(logs++), "log.jsonl");
}

function written(steps: readonly number[]): string {
  const path = freshPath();
  const log = openJsonlLog(path);
  log.write({ event: "begin" });
  for (const step of steps) log.write({ step, loss: 1 / step });
  log.close();
  return path;
}

test("each row is on disk when write returns, and a second run appends", () => {
  const path = written([1]);
  const log = openJsonlLog(path);
  log.write({ step: 2, text: "a\nü" });
  assert.equal(readFileSync(path, "utf8"), '{"event":"begin"}\n{"step":1,"loss":1}\n{"step":2,"text":"a\\nü"}\n');
  log.close();
});

test("cut off at any byte: the whole rows stay, and the next row stands on its own line", () => {
  const path = written([1, 2]);
  const whole = readFileSync(path);
  for (let bytes = 0; bytes <= whole.length; bytes++) {
    writeFileSync(path, whole);
    truncateSync(path, bytes);
    const rows = whole.subarray(0, bytes).filter((byte) => byte === 10).length;
    assert.equal(readJsonlLog(path).length, rows);
    const log = openJsonlLog(path);
    log.write({ step: 9 });
    log.close();
    assert.deepEqual(readJsonlLog(path).slice(rows), [{ step: 9 }]);
  }
});

test("a resumed run cuts off what came after its step", () => {
  const path = written([10, 20, 30, 40]);
  appendFileSync(path, '{"eval":1}\n{"step":50,"lo');
  const steps = (): unknown[] => readJsonlLog(path).map((row) => row["step"] ?? Object.keys(row)[0]);
  assert.deepEqual(steps(), ["event", 10, 20, 30, 40, "eval"]);
  openJsonlLog(path, { resumeStep: 40 }).close();
  assert.deepEqual(steps(), ["event", 10, 20, 30, 40, "eval"]);
  openJsonlLog(path, { resumeStep: 25 }).close();
  assert.deepEqual(steps(), ["event", 10, 20]);
  openJsonlLog(path, { resumeStep: 0 }).close();
  assert.deepEqual(steps(), ["event"]);
});

test("NaN and infinities come back as numbers", () => {
  const path = freshPath();
  const log = openJsonlLog(path);
  const row = { step: 1, loss: Number.NaN, norms: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-300] };
  log.write(row);
  log.close();
  assert.match(readFileSync(path, "utf8"), /"loss":"NaN","norms":\["Infinity","-Infinity",1e-300\]/);
  assert.deepEqual(readJsonlLog(path), [row]);
});

test("a line in the middle that is no row, and places that hold no log", () => {
  const path = written([1]);
  appendFileSync(path, "nonsense\n{}\n");
  assert.throws(
    () => openJsonlLog(path),
    (error) => error instanceof DataError && error.facts["line"] === 3,
  );
  assert.throws(() => readJsonlLog(freshPath()), { name: "DataError", message: /no such file/ });
  assert.throws(() => openJsonlLog(folder), { name: "DataError", message: /a folder/ });
});
