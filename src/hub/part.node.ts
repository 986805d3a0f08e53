// A file on its way, on disk: written under a name that no other process uses, hashed as it grows, renamed when it is whole.
//
//   blobs/ETAG.kindling-TOKEN.incomplete     ours; what a killed process left is gone on with
//   blobs/ETAG.incomplete                    an older huggingface_hub's; copied and gone on with
//   blobs/ETAG.TOKEN.incomplete              a newer one's, which it never goes on with; left alone

import { copyFile, type FileHandle, open, readdir, rename, rm, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openDigest } from "#runtime/hub/digest";
import type { FileMetadata } from "./api.ts";
import type { OpenPart } from "./cache.ts";
import { type Digest, hashOf } from "./digest.ts";
import { CacheWriteError } from "./errors.ts";
import type { Lock } from "./lock.node.ts";

export interface PartPlace {
  /** Where parts lie, on the destination's disk. */
  readonly folder: string;
  /** What their names begin with. */
  readonly stem: string;
  readonly destination: string;
}

/** Opens the part that the lock's owner writes, with what earlier owners left of it. */
export async function openPart(place: PartPlace, { etag, size }: FileMetadata, lock: Lock): Promise<OpenPart> {
  const { folder, stem, destination } = place;
  const path = join(folder, `${stem}.kindling-${lock.token}.incomplete`);
  return writing(destination, async () => {
    await takeOver(place, path, lock);
    const there = (await stat(path).catch(() => undefined))?.size ?? 0;
    await checkSpace(folder, destination, (size ?? 0) - there);
    const part = new DiskPart(path, place, await open(path, there > 0 ? "r+" : "w+"), etag, size);
    await part.readBack(there);
    return part;
  });
}

/** The longest that earlier owners left becomes ours; a copy of it, where one may still be writing. */
async function takeOver({ folder, stem }: PartPlace, path: string, { pushedAside }: Lock): Promise<void> {
  const names = await readdir(folder);
  const ours = names.filter((name) => name.startsWith(`${stem}.kindling-`) && name.endsWith(".incomplete"));
  const foreign = names.filter((name) => name === `${stem}.incomplete`);
  const found = await Promise.all(
    [...ours, ...foreign].map(async (name) => {
      const { size, mtimeMs } = await stat(join(folder, name));
      return { name, size, mtimeMs };
    }),
  );
  const [longest, ...others] = found.sort((a, b) => b.size - a.size);
  if (longest === undefined || longest.size === 0) return;
  const take = pushedAside || foreign.includes(longest.name) ? copyFile : rename;
  await take(join(folder, longest.name), path);
  for (const { name } of pushedAside ? [] : others) {
    if (ours.includes(name)) await rm(join(folder, name), { force: true });
  }
}

async function checkSpace(folder: string, destination: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = Number(bavail) * Number(bsize);
  if (needed <= free) return;
  const [want, have] = [needed, free].map((bytes) => `${(bytes / 1e6).toFixed(0)} MB`);
  throw new CacheWriteError(
    `hub: ${destination}: the disk is full: ${want} are needed, ${have} are free. ` +
      "Free some, or set HF_HUB_CACHE to another disk; nothing was written.",
    { file: destination, neededBytes: needed, freeBytes: free, code: "ENOSPC" },
  );
}

/** Removes what earlier owners left of a file that is whole now. */
async function removeParts({ folder, stem }: PartPlace): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(`${stem}.kindling-`)) await rm(join(folder, name), { force: true });
  }
}

class DiskPart implements OpenPart {
  size = 0;
  resumedBytes = 0;
  readonly #path: string;
  readonly #place: PartPlace;
  readonly #destination: string;
  readonly #etag: string;
  readonly #announced: number | undefined;
  #file: FileHandle;
  #digest: Digest | undefined;

  constructor(path: string, place: PartPlace, file: FileHandle, etag: string, announced: number | undefined) {
    this.#path = path;
    this.#place = place;
    this.#destination = place.destination;
    this.#file = file;
    this.#etag = etag;
    this.#announced = announced;
    this.#digest = this.#newDigest();
  }

  /** Hashes what is there already. */
  async readBack(bytes: number): Promise<void> {
    const buffer = new Uint8Array(1 << 20);
    while (this.size < bytes) {
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, this.size);
      if (bytesRead === 0) break;
      this.#digest?.update(buffer.subarray(0, bytesRead));
      this.size += bytesRead;
    }
    this.resumedBytes = this.size;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await writing(this.#destination, async () => {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at, this.size + at);
        at += bytesWritten;
      }
    });
    this.#digest?.update(bytes);
    this.size += bytes.length;
  }

  /** Begins a new file, as nobody may shorten one that another process could still be writing or reading. */
  async restart(): Promise<void> {
    await this.#file.close();
    await rm(this.#path, { force: true });
    this.#file = await writing(this.#destination, () => open(this.#path, "w+"));
    this.#digest = this.#newDigest();
    this.size = 0;
    this.resumedBytes = 0;
  }

  async hash(): Promise<string | undefined> {
    const name = hashOf(this.#etag);
    if (name === undefined) return undefined;
    if (this.#digest !== undefined) return this.#digest.hex();
    this.#digest = openDigest(name, this.size); // git's hash begins with the size, which nobody announced
    const bytes = this.size;
    this.size = 0;
    await this.readBack(bytes);
    return this.#digest.hex();
  }

  async publish(): Promise<void> {
    await writing(this.#destination, async () => {
      await this.#file.sync();
      await this.#file.close();
      await rename(this.#path, this.#destination).catch(async (error: NodeJS.ErrnoException) => {
        const published = await stat(this.#destination).catch(() => undefined);
        if (error.code !== "ENOENT" || published === undefined) throw error; // else one that took over was faster
      });
      await removeParts(this.#place);
    });
  }

  async leave(): Promise<void> {
    await this.#file.close();
    if (this.size === 0) await rm(this.#path, { force: true });
  }

  async discard(): Promise<void> {
    await this.#file.close();
    await rm(this.#path, { force: true });
  }

  #newDigest(): Digest | undefined {
    const name = hashOf(this.#etag);
    if (name === undefined || (name === "git-sha1" && this.#announced === undefined)) return undefined;
    return openDigest(name, this.#announced ?? 0);
  }
}

const advice: { readonly [code: string]: string | undefined } = {
  ENOSPC:
    "the disk is full. Free some space, or set HF_HUB_CACHE to another disk; the download goes on from here then.",
  EDQUOT: "the disk quota is used up. Free some space, or set HF_HUB_CACHE to another disk; the download goes on then.",
  EFBIG: "the file is larger than the system lets one be. Raise the limit (`ulimit -f`), or choose another disk.",
  EACCES: "permission denied. Set HF_HUB_CACHE to a folder this user may write.",
  EPERM: "the system does not permit it. Set HF_HUB_CACHE to a folder this user may write.",
  EROFS: "the disk is read-only. Set HF_HUB_CACHE to another one.",
};

/** Runs `run`; what the file system refuses becomes a CacheWriteError that says what to do. */
export async function writing<T>(path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const code = error instanceof Error && "syscall" in error && "code" in error ? String(error.code) : undefined;
    if (code === undefined) throw error;
    const what = advice[code] ?? (error as Error).message; // looked at above
    throw new CacheWriteError(
      `hub: ${path} cannot be written in ${dirname(path)}: ${what} (${code})`,
      { file: path, code },
      { cause: error },
    );
  }
}
