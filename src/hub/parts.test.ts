// The parts of the hub that stand alone: patterns, names, hashes, locks.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { acquireLock } from "./lock.node.ts";
import { etagName, fileUrl, folderName, isRepoId, repoOfFolder } from "./names.ts";
import { writing } from "./part.node.ts";
import { expressionOf, filterPaths } from "./patterns.ts";
import { Sha256 } from "./sha256.ts";
import { formatTree, parseTree } from "./tree-text.ts";

test("patterns match as Python's fnmatchcase does", () => {
  // [pattern, path, fnmatch.fnmatchcase(path, pattern)] of Python 3.12
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["*.json", "a/b.json", true],
    ["data/*", "data/x/y", true],
    ["?.txt", "/.txt", true],
    ["?.txt", "ab.txt", false],
    ["[ab].txt", "b.txt", true],
    ["[!ab].txt", "b.txt", false],
    ["[!ab].txt", "c.txt", true],
    ["[^a].txt", "^.txt", true],
    ["[^a].txt", "b.txt", false],
    ["[]].txt", "].txt", true],
    ["[!]].txt", "].txt", false],
    ["[a", "[a", true],
    ["a.c", "abc", false],
    ["**", "a/b", true],
    ["a+(b)|{c}$", "a+(b)|{c}$", true],
    ["[a-c]x", "bx", true],
    ["*.JSON", "a.json", false],
    ["", "", true],
  ];
  for (const [pattern, path, matches] of cases) assert.equal(expressionOf(pattern).test(path), matches, pattern);
  const paths = ["a.bin", "sub/a.bin", "sub/b.txt"];
  assert.deepEqual(filterPaths(paths, { allow: "sub/" }), ["sub/a.bin", "sub/b.txt"]);
  assert.deepEqual(filterPaths(paths, { allow: ["sub\\*"], ignore: "*.bin" }), ["sub/b.txt"]);
  assert.deepEqual(filterPaths(paths, { allow: [] }), []);
});

test("names of repositories, folders, ETags and addresses", () => {
  for (const good of ["gpt2", "org/name", "a.b/c_d-e", "123"]) assert.ok(isRepoId(good), good);
  for (const bad of ["", "a/b/c", "a--b", "a..b", ".a", "a.", "a/-b", "x.git", "./a", "/a", "a b", "x".repeat(97)]) {
    assert.ok(!isRepoId(bad), bad);
  }
  const repo = { id: "org/a-b", type: "dataset" } as const;
  assert.equal(folderName(repo), "datasets--org--a-b");
  assert.deepEqual(repoOfFolder("datasets--org--a-b"), repo);
  assert.deepEqual(repoOfFolder("models--gpt2"), { id: "gpt2", type: "model" });
  assert.equal(repoOfFolder("models--..--x"), undefined);
  assert.equal(etagName('W/"abc"'), "abc");
  assert.equal(etagName('"../x"'), undefined);
  assert.equal(etagName(".."), undefined);
  assert.equal(
    fileUrl("https://h", repo, "refs/pr/1", "a b/c#.txt"),
    "https://h/datasets/org/a-b/resolve/refs%2Fpr%2F1/a%20b/c%23.txt",
  );
});

test("sha256 of pieces of any length", () => {
  const bytes = new Uint8Array(1000).map((_, i) => i * 31);
  for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000]) {
    for (const step of [1, 7, 64, 1000]) {
      const hash = new Sha256();
      for (let at = 0; at < length; at += step) hash.update(bytes.subarray(at, Math.min(length, at + step)));
      assert.equal(
        hash.hex(),
        createHash("sha256").update(bytes.subarray(0, length)).digest("hex"),
        `${length} by ${step}`,
      );
    }
  }
});

test("a listing survives, and what is none is not taken for one", () => {
  const lfs = { sha256: "a".repeat(64), size: 10 };
  const tree = [{ path: "a/b", size: 1, blobId: "b".repeat(40), lfs, xetHash: "x" }];
  assert.deepEqual(parseTree(formatTree(tree)), tree);
  for (const text of [
    "",
    "{}",
    "[]",
    '{"format_version": 2, "files": {}}',
    '{"format_version": 1, "files": {"../x": {"size": 1, "blob_id": "a"}}}',
  ]) {
    assert.equal(parseTree(text), undefined, text);
  }
});

test("a lock is one's at a time, and a dead owner's is taken", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "kindling-lock-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "sub", "x.lock");
  let [inside, most, runs] = [0, 0, 0];
  const work = async () => {
    const lock = await acquireLock(path);
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setTimeout(resolve, 1));
    inside--;
    runs++;
    await lock.release();
  };
  await Promise.all(Array.from({ length: 20 }, work));
  assert.deepEqual([most, runs, readdirSync(join(folder, "sub"))], [1, 20, []]);

  const dead = { pid: 2 ** 22 + 1, host: hostname(), token: "dead", sinceMs: Date.now() }; // above the largest number
  writeFileSync(path, JSON.stringify(dead));
  const lock = await acquireLock(path);
  assert.equal(lock.pushedAside, false);
  await lock.release();
  const before = { pid: process.pid, host: hostname(), token: "before", sinceMs: Date.now() - 1e9 };
  writeFileSync(path, JSON.stringify(before)); // a container gave its number to us
  await (await acquireLock(path)).release();

  writeFileSync(path, JSON.stringify({ ...dead, host: "elsewhere" }));
  utimesSync(path, 0, 0);
  await assert.rejects(acquireLock(path, AbortSignal.timeout(100)), { name: "TimeoutError" });
});

test("a full disk is an error that says what to do", async () => {
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" });
  const error = await writing("/x/y", () => Promise.reject(full)).catch((error: unknown) => error);
  assert.match(
    String(error),
    /CacheWriteError: hub: \/x\/y cannot be written in \/x: the disk is full\. Free some space/,
  );
});
