// Python's cache on disk, shared with it:
//
//   models--org--name/blobs/ETAG                     what a file holds, once
//   models--org--name/snapshots/COMMIT/a/b.json      → ../../../blobs/ETAG
//   models--org--name/refs/main                      COMMIT
//   models--org--name/.no_exist/COMMIT/b.json        the hub said that there is none
//   models--org--name/trees/COMMIT.json              what files the commit has
//   .locks/models--org--name/ETAG.lock               Python's lock; ours is ETAG.kindling.lock

import { openAsBlob } from "node:fs";
import { copyFile, readFile, readlink, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { makeFolder } from "../base/make-folder.node.ts";
import { writeWhole } from "../base/write-whole.node.ts";
import type { HubCache } from "./cache.ts";
import { LocalEntryNotFoundError } from "./errors.ts";
import { acquireLock } from "./lock.node.ts";
import { checkFileName, folderName, isCommitHash, type RepoRef } from "./names.ts";
import { openPart, writing } from "./part.node.ts";
import { waitForPython } from "./python-lock.node.ts";
import { formatTree, parseTree } from "./tree-text.ts";

const tag = `Signature: 8a477f597d28d172789f06886806bc55
# This file is a cache directory tag: https://bford.info/cachedir/
`;

export function openCache(cacheDir: string): HubCache {
  const root = resolve(cacheDir);
  const folder = (repo: RepoRef) => join(root, folderName(repo));
  const pointer = (repo: RepoRef, commit: string, file: string) =>
    join(folder(repo), "snapshots", commit, ...checkFileName(file).split("/"));
  const absent = (repo: RepoRef, commit: string, file: string) =>
    join(folder(repo), ".no_exist", commit, ...checkFileName(file).split("/"));
  const ref = (repo: RepoRef, revision: string) => join(folder(repo), "refs", ...revision.split("/"));
  const tree = (repo: RepoRef, commit: string) => join(folder(repo), "trees", `${commit}.json`);
  return {
    find: async (repo, commit, file) => {
      const path = pointer(repo, commit, file);
      return (await isFile(path)) ? path : undefined;
    },
    snapshot: async (repo, commit) => {
      const path = join(folder(repo), "snapshots", commit);
      return (await stat(path).catch(() => undefined))?.isDirectory() ? path : undefined;
    },
    readRef: async (repo, revision) => {
      const text = await readFile(ref(repo, revision), "utf8").catch(() => "");
      return isCommitHash(text.trim()) ? text.trim() : undefined;
    },
    writeRef: async (repo, revision, commit) => {
      const path = ref(repo, revision);
      if (revision === commit || (await readFile(path, "utf8").catch(() => "")) === commit) return;
      await writeText(path, commit);
    },
    isAbsent: (repo, commit, file) => isFile(absent(repo, commit, file)),
    markAbsent: async (repo, commit, file) => {
      const path = absent(repo, commit, file);
      if (!(await isFile(path))) await writeText(path, "");
    },
    readTree: async (repo, commit) => parseTree(await readFile(tree(repo, commit), "utf8").catch(() => undefined)),
    writeTree: (repo, commit, entries) => writeText(tree(repo, commit), formatTree(entries)),
    store: async (repo, file, metadata, { force, signal }, fill) => {
      const { etag, commit } = metadata;
      const blobs = join(folder(repo), "blobs");
      const [blob, path] = [join(blobs, etag), pointer(repo, commit, file)];
      await writing(blob, async () => {
        await makeFolder(blobs);
        await tagCache(root);
      });
      const lockFile = join(root, ".locks", folderName(repo), `${etag}.kindling.lock`);
      const lock = await writing(lockFile, () => acquireLock(lockFile, signal));
      try {
        const theirs = lockFile.replace(/kindling\.lock$/, "lock");
        if (!force && !(await isFile(blob))) await waitForPython({ lock: theirs, folder: blobs, stem: etag }, signal);
        const isNew = force || !(await isFile(blob));
        if (isNew) await fill(() => openPart({ folder: blobs, stem: etag, destination: blob }, metadata, lock));
        await writing(path, () => point(blob, path, isNew));
      } finally {
        await lock.release();
      }
      return path;
    },
  };
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

/** Names a blob in a snapshot: by a relative link, or by the file itself where there are no links. */
async function point(blob: string, path: string, isNew: boolean): Promise<void> {
  await makeFolder(dirname(path));
  const target = relative(dirname(path), blob);
  if ((await readlink(path).catch(() => undefined)) === target) return;
  const aside = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    if (await linked(target, aside)) return await rename(aside, path);
    if (isNew) return await rename(blob, path);
    await copyFile(blob, aside);
    await rename(aside, path);
  } finally {
    await rm(aside, { force: true });
  }
}

async function linked(target: string, path: string): Promise<boolean> {
  if (/^(1|on|yes|true)$/i.test(process.env["HF_HUB_DISABLE_SYMLINKS"] ?? "")) return false;
  try {
    await symlink(target, path);
    return true;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException; // what fs throws
    if (["EPERM", "EACCES", "ENOSYS", "ENOTSUP", "EINVAL"].includes(code)) return false; // Windows, FAT
    throw error;
  }
}

/** Writes or replaces a file, and makes its folder if need be. */
export async function writeText(path: string, text: string): Promise<void> {
  await writing(path, async () => {
    await makeFolder(dirname(path));
    await writeWhole(path, text);
  });
}

/** Backups pass over a folder that says so. */
export async function tagCache(folder: string): Promise<void> {
  await writeFile(join(folder, "CACHEDIR.TAG"), tag, { flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}

/** The content of a file that `hubDownload` gave the path of. Nothing of it is read yet. */
export async function openHubFile(path: string): Promise<File> {
  const blob = await openAsBlob(path).catch((cause: unknown) => {
    throw new LocalEntryNotFoundError(`hub: "${path}" is not there. Call hubDownload first.`, { path }, { cause });
  });
  return new File([blob], basename(path));
}
