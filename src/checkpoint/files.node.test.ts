// Files and folders that are whole or not there: after errors, after kills, beside leftovers.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { CheckpointError } from "../base/errors.ts";
import { readJson, writeFileAtomic, writeFilesAtomic, writeFolderAtomic } from "./files.node.ts";

const root = mkdtempSync(join(tmpdir(), "kindling-files-"));
after(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
function freshFolder(): string {
  const folder = join(root, String(folders++));
  mkdirSync(folder);
  return folder;
}

const host =
  hostname()
    .toLowerCase()
    .replaceAll(/[^0-9a-z]/g, "") || "host";
/** A process that surely runs no more. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ["--eval", ""]);
  await new Promise((resolve) => child.on("exit", resolve));
  return child.pid ?? 0;
}

test("writes a file, makes its folders, replaces it, and leaves nothing beside it", async () => {
  const folder = join(freshFolder(), "a/b");
  const file = join(folder, "x.json");
  await writeFileAtomic(file, "größe");
  assert.equal(readFileSync(file, "utf8"), "größe");
  await writeFileAtomic(file, Uint8Array.of(1, 2, 3));
  await writeFileAtomic(file, [Uint8Array.of(4), new Uint8Array(0), Uint8Array.of(5, 6)]);
  assert.deepEqual([...readFileSync(file)], [4, 5, 6]);
  assert.deepEqual(readdirSync(folder), ["x.json"]);
});

test("writes bytes that threads share", async () => {
  const file = join(freshFolder(), "x");
  await writeFileAtomic(file, new Uint8Array(new SharedArrayBuffer(3)).fill(7));
  assert.deepEqual([...readFileSync(file)], [7, 7, 7]);
});

test("an error in the middle leaves the old file and no leftover", async () => {
  const folder = freshFolder();
  const file = join(folder, "x");
  await writeFileAtomic(file, "old");
  const broken = function* (): Generator<Uint8Array> {
    yield Uint8Array.of(1);
    throw new RangeError("no more");
  };
  await assert.rejects(writeFileAtomic(file, broken()), RangeError);
  assert.equal(readFileSync(file, "utf8"), "old");
  assert.deepEqual(readdirSync(folder), ["x"]);
});

test("a full disk and other trouble of the system are said in words, with the file and the code", async () => {
  const folder = freshFolder();
  const file = join(folder, "x");
  await writeFileAtomic(file, "old");
  const full = function* (): Generator<Uint8Array> {
    yield Uint8Array.of(1);
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" });
  };
  await assert.rejects(writeFileAtomic(file, full()), (error) => {
    assert.ok(error instanceof CheckpointError);
    assert.match(error.message, /^write .+x: the disk is full\. Free some space .+\(ENOSPC\)$/);
    assert.deepEqual(error.facts, { file, code: "ENOSPC" });
    return true;
  });
  assert.equal(readFileSync(file, "utf8"), "old");
  await assert.rejects(writeFileAtomic(folder, "x"), /this is a folder|not permit/);
  await assert.rejects(writeFileAtomic(join(file, "y"), "x"), {
    name: "CheckpointError",
    message: /a part of the path is a file|a file of that name/,
  });
  assert.deepEqual(readdirSync(folder), ["x"]);
});

test("several files: none takes its name before all are whole", async () => {
  const folder = freshFolder();
  const file = (name: string, content: string) => ({ name, chunks: [Buffer.from(content)] });
  await writeFilesAtomic(folder, [file("a", "old"), file("b", "old")]);
  const broken = function* (): Generator<Uint8Array> {
    yield Uint8Array.of(1);
    throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC", syscall: "write" });
  };
  await assert.rejects(writeFilesAtomic(folder, [file("a", "new"), { name: "b", chunks: broken() }]), {
    name: "CheckpointError",
    message: /the disk is full/,
  });
  assert.deepEqual(readdirSync(folder), ["a", "b"]);
  assert.deepEqual([readFileSync(join(folder, "a"), "utf8"), readFileSync(join(folder, "b"), "utf8")], ["old", "old"]);
});

test("a place that may not be written", { skip: process.getuid?.() === 0 && "root may write everywhere" }, async () => {
  const folder = freshFolder();
  mkdirSync(join(folder, "locked"), { mode: 0o500 });
  await assert.rejects(writeFileAtomic(join(folder, "locked", "x"), "x"), { message: /permission denied.+EACCES/ });
});

test("a killed process leaves the old file whole, and the next write cleans up", async () => {
  const folder = freshFolder();
  const file = join(folder, "model");
  await writeFileAtomic(file, "old");
  const program = `
    import { writeFileAtomic } from ${JSON.stringify(new URL("./files.node.ts", import.meta.url).href)};
    const chunks = function* () { for (let i = 0; ; i++) { if (i === 8) console.log("writing"); yield new Uint8Array(1024); } };
    await writeFileAtomic(${JSON.stringify(file)}, chunks());`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  child.kill("SIGKILL");
  await new Promise((resolve) => child.on("exit", resolve));
  assert.equal(readFileSync(file, "utf8"), "old");
  assert.equal(readdirSync(folder).length, 2, "a torn temporary file is there");
  await writeFileAtomic(file, "new");
  assert.deepEqual(readdirSync(folder), ["model"]);
  assert.equal(readFileSync(file, "utf8"), "new");
});

test("a folder appears whole, takes an empty one's place, and replaces a full one only when told", async () => {
  const folder = freshFolder();
  const final = join(folder, "checkpoint-1");
  const fill = (content: string) => async (temporary: string) => {
    assert.equal(existsSync(join(final, "deep")), false);
    mkdirSync(join(temporary, "deep"));
    writeFileSync(join(temporary, "deep", content), content);
  };
  mkdirSync(final);
  await writeFolderAtomic(final, fill("a"));
  assert.deepEqual(readdirSync(join(final, "deep")), ["a"]);
  await assert.rejects(
    writeFolderAtomic(final, () => assert.fail("not to be filled")),
    { name: "CheckpointError", message: /there already and not empty/ },
  );
  await writeFolderAtomic(final, async (temporary) => writeFileSync(join(temporary, "b"), "b"), { replace: true });
  assert.deepEqual(readdirSync(final), ["b"]);
  assert.deepEqual(readdirSync(folder), ["checkpoint-1"]);
});

test("a folder that could not be filled is not there, and the one before it is", async () => {
  const folder = freshFolder();
  const final = join(folder, "checkpoint-1");
  const broken = async (temporary: string): Promise<void> => {
    writeFileSync(join(temporary, "half"), "");
    throw new RangeError("no more");
  };
  await assert.rejects(writeFolderAtomic(final, broken), RangeError);
  assert.deepEqual(readdirSync(folder), []);
  await writeFolderAtomic(final, async (temporary) => writeFileSync(join(temporary, "whole"), ""));
  await assert.rejects(writeFolderAtomic(final, broken, { replace: true }), RangeError);
  assert.deepEqual(readdirSync(final), ["whole"]);
});

test("leftovers of dead processes go, of living ones and of other machines stay, like all other files", async () => {
  const folder = freshFolder();
  const dead = await deadPid();
  const stay = [
    `.x.${host}-${process.ppid}-00000000.kindling.tmp`, // a living process
    `.x.${host}-${process.pid}-00000000.kindling.tmp`, // this one, just now
    `.x.another${host}-${dead}-00000000.kindling.tmp`,
    `x.${host}-${dead}-00000000.kindling.tmp`,
    `.x.${host}-${dead}-00000000.tmp`,
    ".hidden",
  ];
  const go = [`.x.${host}-${dead}-00000000.kindling.tmp`, `.checkpoint-500.${host}-${dead}-0a1b2c3d.kindling.tmp`];
  for (const name of stay) writeFileSync(join(folder, name), "");
  writeFileSync(join(folder, go[0] ?? ""), "");
  mkdirSync(join(folder, go[1] ?? "", "deep"), { recursive: true });
  await writeFileAtomic(join(folder, "y"), "");
  assert.deepEqual(readdirSync(folder).sort(), [...stay, "y"].sort());
});

test("a folder moved away by a process that died before moving its successor in comes back", async () => {
  const folder = freshFolder();
  const dead = await deadPid();
  for (const name of ["best", "last"]) {
    mkdirSync(join(folder, `.${name}.${host}-${dead}-00000000.kindling.old`));
    writeFileSync(join(folder, `.${name}.${host}-${dead}-00000000.kindling.old`, "weights"), "old");
  }
  mkdirSync(join(folder, "last"));
  writeFileSync(join(folder, "last", "weights"), "new");
  await writeFileAtomic(join(folder, "y"), "");
  assert.deepEqual(readdirSync(folder).sort(), ["best", "last", "y"]);
  assert.equal(readFileSync(join(folder, "best", "weights"), "utf8"), "old");
  assert.equal(readFileSync(join(folder, "last", "weights"), "utf8"), "new");
});

test("readJson: values, and what is wrong with a file", async () => {
  const folder = freshFolder();
  const put = (content: string | Uint8Array): string => {
    const file = join(folder, "config.json");
    writeFileSync(file, content);
    return file;
  };
  assert.deepEqual(await readJson(put('{"a": [1, "ü"]}\n')), { a: [1, "ü"] });
  assert.deepEqual(await readJson(put('\ufeff{"a": 1}')), { a: 1 });
  const wrong: [string | Uint8Array, RegExp][] = [
    ['{"a": 1', /config\.json: not valid JSON: .+ damaged or cut off/],
    ["", /the file is empty/],
    [" \n", /the file is empty/],
    [Uint8Array.of(0x22, 0xff, 0x22), /not valid UTF-8/],
  ];
  for (const [content, message] of wrong) {
    await assert.rejects(readJson(put(content)), { name: "CheckpointError", message });
  }
  await assert.rejects(readJson(join(folder, "no.json")), {
    message: /read .+no\.json: there is no such file.+ENOENT/,
  });
  await assert.rejects(readJson(folder), { message: /this is a folder, not a file.+EISDIR/ });
});
