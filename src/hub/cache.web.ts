// The cache in a browser: the origin's private file system, laid out as Python's is on disk, but for two things. It knows no
// links, so a snapshot's file holds its blob's ETag; and a file that is written is kept only when it is closed, so a blob is
// a folder of pieces, each kept as soon as it is full. A closed tab loses no more than one piece.
//
//   models--org--name/blobs/ETAG/000000…       the pieces
//   models--org--name/blobs/ETAG/whole         there when all of them are verified

import { openDigest } from "#runtime/hub/digest";
import type { FileMetadata } from "./api.ts";
import type { HubCache, OpenPart } from "./cache.ts";
import { type Digest, hashOf } from "./digest.ts";
import { LocalEntryNotFoundError } from "./errors.ts";
import { checkFileName, folderName, isCommitHash, type RepoRef } from "./names.ts";
import { fileAt, folderAt, removeAt, textAt, writeAt } from "./private-files.ts";
import { formatTree, parseTree } from "./tree-text.ts";

const pieceBytes = 16 * 2 ** 20;

export function openCache(cacheDir: string): HubCache {
  const folder = (repo: RepoRef) => `${cacheDir}/${folderName(repo)}`;
  const pointer = (repo: RepoRef, commit: string, file: string) =>
    `${folder(repo)}/snapshots/${commit}/${checkFileName(file)}`;
  const absent = (repo: RepoRef, commit: string, file: string) =>
    `${folder(repo)}/.no_exist/${commit}/${checkFileName(file)}`;
  return {
    find: async (repo, commit, file) => {
      const path = pointer(repo, commit, file);
      const etag = await textAt(path);
      return etag !== undefined && (await fileAt(`${folder(repo)}/blobs/${etag}/whole`)) ? path : undefined;
    },
    snapshot: async (repo, commit) => {
      const path = `${folder(repo)}/snapshots/${commit}`;
      return (await folderAt(path)) && path;
    },
    readRef: async (repo, revision) => {
      const text = (await textAt(`${folder(repo)}/refs/${revision}`)) ?? "";
      return isCommitHash(text) ? text : undefined;
    },
    writeRef: async (repo, revision, commit) => {
      if (revision !== commit) await writeAt(`${folder(repo)}/refs/${revision}`, commit);
    },
    isAbsent: async (repo, commit, file) => (await fileAt(absent(repo, commit, file))) !== undefined,
    markAbsent: (repo, commit, file) => writeAt(absent(repo, commit, file), ""),
    readTree: async (repo, commit) => parseTree(await textAt(`${folder(repo)}/trees/${commit}.json`)),
    writeTree: (repo, commit, tree) => writeAt(`${folder(repo)}/trees/${commit}.json`, formatTree(tree)),
    store: async (repo, file, metadata, { force, signal }, fill) => {
      const { etag, commit } = metadata;
      const [blob, path] = [`${folder(repo)}/blobs/${etag}`, pointer(repo, commit, file)];
      const lock = { ...(signal !== undefined && { signal }) };
      await navigator.locks.request(`kindling-hub ${blob}`, lock, async () => {
        if (force) await removeAt(blob);
        if ((await fileAt(`${blob}/whole`)) === undefined) await fill(() => openPieces(blob, metadata));
        await writeAt(path, etag);
      });
      return path;
    },
  };
}

/** The content of a file that `hubDownload` gave the path of. Nothing of it is read yet. */
export async function openHubFile(path: string): Promise<File> {
  const etag = await textAt(path);
  const root = path.replace(/\/snapshots\/.*$/, "");
  const name = path.slice(path.lastIndexOf("/") + 1);
  const blob = `${root}/blobs/${etag}`;
  if (etag === undefined || (await fileAt(`${blob}/whole`)) === undefined) {
    throw new LocalEntryNotFoundError(`hub: "${path}" is not in this browser's cache. Call hubDownload first.`, {
      path,
    });
  }
  return new File(await piecesOf(blob), name);
}

async function piecesOf(blob: string): Promise<File[]> {
  const folder = await folderAt(blob);
  const names: string[] = [];
  if (folder !== undefined) for await (const name of folder.keys()) if (/^\d+$/.test(name)) names.push(name);
  const files = await Promise.all(names.sort().map((name) => fileAt(`${blob}/${name}`)));
  return files.filter((file) => file !== undefined);
}

async function openPieces(blob: string, { etag, size }: FileMetadata): Promise<OpenPart> {
  const part = new Pieces(blob, etag, size);
  await part.readBack();
  return part;
}

class Pieces implements OpenPart {
  size = 0;
  resumedBytes = 0;
  readonly #blob: string;
  readonly #etag: string;
  readonly #announced: number | undefined;
  #digest: Digest | undefined;
  #pieces = 0;
  #held: Uint8Array<ArrayBuffer>[] = [];
  #heldBytes = 0;

  constructor(blob: string, etag: string, announced: number | undefined) {
    this.#blob = blob;
    this.#etag = etag;
    this.#announced = announced;
    this.#digest = this.#newDigest();
  }

  /** Hashes the pieces that an earlier visit left. */
  async readBack(): Promise<void> {
    for (const piece of await piecesOf(this.#blob)) {
      this.#digest?.update(new Uint8Array(await piece.arrayBuffer()));
      this.size += piece.size;
      this.#pieces++;
    }
    this.resumedBytes = this.size;
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#digest?.update(bytes);
    this.#held.push(Uint8Array.from(bytes));
    this.#heldBytes += bytes.length;
    this.size += bytes.length;
    if (this.#heldBytes >= pieceBytes) await this.#flush();
  }

  async restart(): Promise<void> {
    await removeAt(this.#blob);
    this.#digest = this.#newDigest();
    this.#held = [];
    this.#heldBytes = 0;
    this.#pieces = 0;
    this.size = 0;
    this.resumedBytes = 0;
  }

  async hash(): Promise<string | undefined> {
    return this.#digest?.hex();
  }

  async publish(): Promise<void> {
    await this.#flush();
    await writeAt(`${this.#blob}/whole`, String(this.size));
  }

  async leave(): Promise<void> {
    await this.#flush();
  }

  async discard(): Promise<void> {
    await removeAt(this.#blob);
  }

  async #flush(): Promise<void> {
    if (this.#heldBytes === 0) return;
    await writeAt(`${this.#blob}/${String(this.#pieces++).padStart(6, "0")}`, new Blob(this.#held));
    this.#held = [];
    this.#heldBytes = 0;
  }

  #newDigest(): Digest | undefined {
    const name = hashOf(this.#etag);
    return name === undefined ? undefined : openDigest(name, this.#announced ?? 0);
  }
}
