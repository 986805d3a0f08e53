// What is known of each file lies beside them as Python keeps it, so that either goes on with what the other fetched:
//
//   FOLDER/.cache/huggingface/download/a/b.json.metadata     commit, ETag and time, a line each

import { createReadStream } from "node:fs";
import { copyFile, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { openDigest } from "#runtime/hub/digest";
import { makeFolder } from "../base/make-folder.node.ts";
import { tagCache, writeText } from "./cache.node.ts";
import { hashOf } from "./digest.ts";
import { fetchFile } from "./fetch-file.ts";
import type { LocalFolder } from "./local-folder.ts";
import { acquireLock } from "./lock.node.ts";
import { checkFileName } from "./names.ts";
import { openPart, writing } from "./part.node.ts";

export function openLocalFolder(folder: string): LocalFolder {
  const root = resolve(folder);
  const own = join(root, ".cache", "huggingface");
  const pathOf = (file: string) => join(root, ...checkFileName(file).split("/"));
  const metadataOf = (file: string) => `${join(own, "download", ...checkFileName(file).split("/"))}.metadata`;
  const find = async (file: string) => {
    const path = pathOf(file);
    return (await stat(path).catch(() => undefined))?.isFile() ? path : undefined;
  };
  const prepare = async () => {
    await makeFolder(own);
    await writeFile(join(own, ".gitignore"), "*").catch(() => {}); // for tidiness only
    await tagCache(own);
  };
  return {
    find,
    findAt: async (file, commit) => {
      const known = await readMetadata(metadataOf(file), pathOf(file));
      return known?.commit === commit ? find(file) : undefined;
    },
    store: async (cache, wanted, force) => {
      const { file, metadata, settled } = wanted;
      const [path, facts] = [pathOf(file), metadataOf(file)];
      await writing(path, prepare);
      const lock = await writing(facts, () => acquireLock(facts.replace(/metadata$/, "kindling.lock"), settled.signal));
      try {
        if (force || !(await isCurrent(path, facts, metadata.etag))) {
          await writing(path, () => makeFolder(dirname(path)));
          const found = force ? undefined : await cache.find(wanted.repo, metadata.commit, file);
          const place = { folder: dirname(facts), stem: `${basename(path)}.${metadata.etag}`, destination: path };
          if (found !== undefined) await writing(path, () => copyWhole(found, path));
          else await fetchFile(() => openPart(place, metadata, lock), wanted);
        }
        await writeText(facts, `${metadata.commit}\n${metadata.etag}\n${Date.now() / 1000}\n`);
      } finally {
        await lock.release();
      }
      return path;
    },
  };
}

async function copyWhole(from: string, to: string): Promise<void> {
  const aside = `${to}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    await copyFile(from, aside);
    await rename(aside, to);
  } finally {
    await rm(aside, { force: true });
  }
}

/** Whether the file is the one that the ETag names: by what is known of it, or by its own hash. */
async function isCurrent(path: string, facts: string, etag: string): Promise<boolean> {
  const there = await stat(path).catch(() => undefined);
  if (there?.isFile() !== true) return false;
  const known = await readMetadata(facts, path);
  if (known !== undefined) return known.etag === etag;
  const name = hashOf(etag);
  return name !== undefined && (await hashFile(path, name, there.size)) === etag;
}

/** A file's hash, as blobs are named. */
export async function hashFile(path: string, name: "sha256" | "git-sha1", size: number): Promise<string> {
  const digest = openDigest(name, size);
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) digest.update(piece);
  return digest.hex();
}

/** What was noted when the file was fetched; undefined if it was changed since. */
async function readMetadata(
  facts: string,
  path: string,
): Promise<{ readonly commit: string; readonly etag: string } | undefined> {
  const [commit, etag, seconds] = (await readFile(facts, "utf8").catch(() => "")).split("\n");
  const there = await stat(path).catch(() => undefined);
  if (!commit || !etag || there === undefined) return undefined;
  return there.mtimeMs / 1000 - 1 <= Number(seconds) ? { commit, etag } : undefined;
}

export async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
