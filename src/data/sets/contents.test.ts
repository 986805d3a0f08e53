// The hash of a large file is noted, and the note holds only for the file as it was.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { contentsOf } from "./contents.node.ts";

const sha = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();
const named = (...files: readonly Uint8Array[]): string =>
  sha(Buffer.concat(files.map(sha)))
    .toString("hex")
    .slice(0, 32);

test("the hash of a large file is noted for as long as it is not touched", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "kindling-contents-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [large, small, notes] = [join(folder, "large"), join(folder, "small"), join(folder, "notes")];
  const bytes = new Uint8Array(2 ** 20 + 5).fill(7);
  writeFileSync(large, bytes);
  writeFileSync(small, "abc");
  const wanted = named(bytes, Buffer.from("abc"));
  assert.equal(await contentsOf([large, small], notes), wanted);
  assert.throws(() => readdirSync(notes), "a file of this moment may change within the clock's step");
  const later = Date.now() + 10_000;
  assert.equal(await contentsOf([large, small], notes, later), wanted);
  const [note, ...others] = readdirSync(notes);
  assert.equal(others.length, 0, "small files need no note");
  // That the note is read is seen by changing it.
  const path = join(notes, note!);
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace(/\n[0-9a-f]{64}/, `\n${"0".repeat(64)}`));
  assert.notEqual(await contentsOf([large, small], notes, later), wanted);
  writeFileSync(path, text.slice(0, -20)); // torn
  assert.equal(await contentsOf([large, small], notes, later), wanted);
  // The same size and time of writing, other bytes: the time of the change tells.
  const { atime, mtime } = statSync(large);
  bytes[3] = 8;
  await new Promise((resolve) => setTimeout(resolve, 20));
  writeFileSync(large, bytes);
  utimesSync(large, atime, mtime);
  assert.equal(await contentsOf([large, small], notes, later), named(bytes, Buffer.from("abc")));
  await assert.rejects(contentsOf([join(folder, "none")], notes), /none/);
});

test("where no note can be written the hash is made each time", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "kindling-contents-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [large, notes] = [join(folder, "large"), join(folder, "notes")];
  writeFileSync(large, new Uint8Array(2 ** 20));
  writeFileSync(notes, "a file where the folder would be");
  assert.equal(await contentsOf([large], notes, Date.now() + 10_000), named(new Uint8Array(2 ** 20)));
});
