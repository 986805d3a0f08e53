// Files that are whole or not there. What is written goes under another name beside its place, is flushed to the disk and
// then renamed, so that a killed process, a full disk or a power cut leaves what was there before. The other names are
// told by their pattern; what a killed process left of them is removed by the next write into the same folder.
//
//   .model.safetensors.HOST-PID-RANDOM.kindling.tmp     being written
//   .checkpoint-500.HOST-PID-RANDOM.kindling.old        a folder being replaced; put back if its successor never came

import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { CheckpointError } from "../base/errors.ts";
import { makeFolder } from "../base/make-folder.node.ts";

/** Writes or replaces a file; its folder is made if need be. */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array | Iterable<Uint8Array>,
): Promise<void> {
  const chunks =
    typeof content === "string" ? [Buffer.from(content)] : content instanceof Uint8Array ? [content] : content;
  const final = resolve(path);
  await reporting("write", path, () => writeAllThenRename(dirname(final), [{ name: basename(final), chunks }]));
}

/** Writes several files into a folder; none takes its name before all are whole. */
export async function writeFilesAtomic(
  folder: string,
  files: readonly { readonly name: string; readonly chunks: Iterable<Uint8Array> }[],
): Promise<void> {
  const what = files.length === 1 ? join(folder, files[0]!.name) : folder;
  await reporting("write", what, () => writeAllThenRename(resolve(folder), files));
}

async function writeAllThenRename(
  folder: string,
  files: readonly { readonly name: string; readonly chunks: Iterable<Uint8Array> }[],
): Promise<void> {
  await makeFolder(folder);
  await sweep(folder);
  const moves = files.map(({ name, chunks }) => {
    const final = join(folder, name);
    return { final, chunks, temporary: beside(final, "tmp") };
  });
  try {
    for (const { temporary, chunks } of moves) {
      const file = await open(temporary, "wx");
      try {
        let written = 0;
        for (const chunk of chunks) {
          await writeAll(file, chunk).catch((error: unknown) => {
            throw sized(error, written, chunk.length);
          });
          written += chunk.length;
        }
        await file.sync();
      } finally {
        await file.close();
      }
    }
    for (const { temporary, final } of moves) await rename(temporary, final);
  } finally {
    for (const { temporary } of moves) await rm(temporary, { force: true });
  }
  await syncFolder(folder);
}

/**
 * Writes a folder by letting `fill` write into an empty one beside it. A folder that is there already and holds anything
 * is only replaced, whole, with `replace`: pass it for folders that the program itself named and filled.
 */
export async function writeFolderAtomic(
  path: string,
  fill: (folder: string) => Promise<void>,
  { replace = false }: { replace?: boolean } = {},
): Promise<void> {
  const final = resolve(path);
  await reporting("write", path, async () => {
    await makeFolder(dirname(final));
    await sweep(dirname(final));
    const before = await entriesOf(final);
    if (before !== undefined && before.length > 0 && !replace) {
      throw new CheckpointError(
        `write ${path}: the folder is there already and not empty. Choose another folder, or move this one away.`,
        { file: path, files: before.length },
      );
    }
    await withTemporary(final, async (temporary) => {
      await mkdir(temporary);
      await fill(temporary);
      await syncTree(temporary);
      if (before === undefined || before.length === 0) {
        if (before !== undefined) await rmdir(final);
        await rename(temporary, final);
        return;
      }
      const old = beside(final, "old");
      await rename(final, old);
      await rename(temporary, final).catch(async (error: unknown) => {
        await rename(old, final);
        throw error;
      });
      await rm(old, { recursive: true, force: true });
    });
    await syncFolder(dirname(final));
  });
}

/** Deletes a folder; one that is only half deleted has lost its name first. */
export async function removeFolder(path: string): Promise<void> {
  const final = resolve(path);
  await reporting("write", path, async () => {
    const temporary = beside(final, "tmp");
    await rename(final, temporary);
    await rm(temporary, { recursive: true, force: true });
  });
}

/** Removes what killed processes left in a folder, as every write does. */
export async function removeLeftovers(folder: string): Promise<void> {
  await sweep(resolve(folder));
}

/** Reads a JSON file; what is wrong with it is said with file, line and column. */
export async function readJson(path: string): Promise<unknown> {
  const bytes = await reporting("read", path, () => readFile(path));
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new CheckpointError(`read ${path}: not valid UTF-8. The file was damaged or is no JSON; get it again.`, {
      file: path,
    });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    const said = (error as Error).message;
    const what = text.trim() === "" ? "the file is empty" : `not valid JSON: ${said}`;
    throw new CheckpointError(`read ${path}: ${what}. The file was damaged or cut off; write or download it again.`, {
      file: path,
      said,
    });
  }
}

/** Writes every byte; a single write may take fewer. */
async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, Math.min(bytes.length - at, 2 ** 28));
    at += bytesWritten;
  }
}

/** An error of writing, with how far the file came; `reporting` says it. */
function sized(error: unknown, writtenBytes: number, askedBytes: number): unknown {
  return error instanceof Error ? Object.assign(error, { writtenBytes, askedBytes }) : error;
}

// Names and leftovers.

const leftover = /^\.(?<original>.+)\.(?<byHost>[0-9a-z]+)-(?<pid>\d+)-[0-9a-f]{8}\.kindling\.(?<ending>tmp|old)$/;
const dayMs = 24 * 60 * 60 * 1000;
const host =
  hostname()
    .toLowerCase()
    .replaceAll(/[^0-9a-z]/g, "") || "host";

function beside(final: string, ending: "tmp" | "old"): string {
  const name = `.${basename(final)}.${host}-${process.pid}-${crypto.randomUUID().slice(0, 8)}.kindling.${ending}`;
  return join(dirname(final), name);
}

async function withTemporary(final: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = beside(final, "tmp");
  try {
    await write(temporary);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Removes what killed processes left in the folder, and puts back a folder that was moved away but never replaced. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const { original, byHost, pid, ending } = leftover.exec(name)?.groups ?? {};
    if (original === undefined) continue;
    const [path, final] = [join(folder, name), join(folder, original)];
    try {
      const { ctimeMs } = await stat(path);
      const dead = byHost === host && !isRunning(Number(pid), ctimeMs);
      if (!dead && Date.now() - ctimeMs < dayMs) continue; // perhaps another machine's, on a shared disk
      if (ending === "old" && (await entriesOf(final)) === undefined) await rename(path, final);
      else await rm(path, { recursive: true, force: true });
    } catch {
      // Another process sweeps too, or it is another user's: no reason not to save.
    }
  }
}

/** Whether the process `pid` that was there at `timeMs` still is. A container often gives a new process the old number. */
function isRunning(pid: number, timeMs: number): boolean {
  if (pid === process.pid) return timeMs > Date.now() - process.uptime() * 1000;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

/** The names in a folder, or nothing if it is not there. */
async function entriesOf(folder: string): Promise<string[] | undefined> {
  return readdir(folder).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  });
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else if (entry.isFile()) await withOpen(path, (file) => file.sync());
  }
  await syncFolder(folder);
}

/** A rename lasts through a power cut once its folder is flushed; where folders cannot be (Windows), the system does it. */
async function syncFolder(folder: string): Promise<void> {
  await withOpen(folder, (file) => file.sync()).catch((error: unknown) => {
    if (!["EPERM", "EISDIR", "EINVAL", "EACCES", "ENOTSUP"].includes(codeOf(error) ?? "")) throw error;
  });
}

async function withOpen(path: string, use: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, "r");
  try {
    await use(file);
  } finally {
    await file.close();
  }
}

// Errors of the system, for people.

const advice: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file. Check the path.",
  EISDIR: "this is a folder, not a file. Name the file in it.",
  ENOTDIR: "a part of the path is a file, not a folder. Check the path.",
  EEXIST: "a file of that name is there already. Choose another place, or move it away.",
  EACCES: "permission denied. Choose a place this user may use, or change its permissions.",
  EPERM: "the system does not permit it. Choose a place this user may use.",
  EROFS: "the disk is read-only. Choose another place.",
  ENOSPC: "the disk is full. Free some space or choose another disk; what was there before is untouched.",
  EDQUOT: "the disk quota is used up. Free some space or choose another disk; what was there before is untouched.",
  EMFILE: "too many files are open. Close some, or raise `ulimit -n`.",
  ENAMETOOLONG: "the name is too long. Choose a shorter one.",
};

/** Runs `action`; an error of the file system becomes a CheckpointError that says what to do about it. */
export async function reporting<T>(action: "read" | "write", path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const code = codeOf(error);
    if (error instanceof CheckpointError || code === undefined) throw error;
    const what = advice[code] ?? (error as Error).message;
    const { writtenBytes, askedBytes } = error as Partial<Record<"writtenBytes" | "askedBytes", number>>; // as `sized` has it
    const [far, sizes] =
      writtenBytes === undefined || askedBytes === undefined
        ? ["", {}]
        : [
            ` It failed after ${megabytes(writtenBytes)} of the file, when ${megabytes(askedBytes)} more were asked for.`,
            { writtenBytes, askedBytes },
          ];
    const facts = { file: path, code, ...sizes };
    throw new CheckpointError(`${action} ${path}: ${what}${far} (${code})`, facts, { cause: error });
  }
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

function codeOf(error: unknown): string | undefined {
  const isSystems = error instanceof Error && "syscall" in error && "code" in error;
  return isSystems && typeof error.code === "string" ? error.code : undefined;
}
