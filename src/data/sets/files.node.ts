// Files of data sets on disk.

import { open, readdir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Gunzip } from "node:zlib";
import { DataError, UnsupportedError } from "../../base/errors.ts";
import { blocksOf, unreadable } from "../jsonl.node.ts";
import { contentsOf } from "./contents.node.ts";
import type { DataFiles, RandomAccess } from "./files.ts";

async function* unpacked(path: string): AsyncGenerator<Uint8Array> {
  const unpack = await unpackerOf(path);
  if (unpack === undefined) return yield* blocksOf(path);
  const copied = async function* (): AsyncGenerator<Uint8Array> {
    for await (const block of blocksOf(path)) yield block.slice(); // the stream holds several at once
  };
  const { Readable } = await import("node:stream"); // only here, as the unpackers
  const source = Readable.from(copied());
  source.on("error", (error) => unpack.destroy(error));
  try {
    for await (const block of source.pipe(unpack)) yield block as Uint8Array; // streams of bytes give bytes
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError(
      `read ${path}: ${(error as Error).message}. It cannot be unpacked.`,
      { file: path },
      { cause: error },
    ); // zlib throws errors
  } finally {
    source.destroy();
  }
}

async function unpackerOf(path: string): Promise<Gunzip | undefined> {
  if (!/\.(gz|zst)$/.test(path)) return undefined;
  const zlib = await import("node:zlib"); // only here: few files are packed, and every program would load it
  if (path.endsWith(".gz")) return zlib.createGunzip();
  if (typeof zlib.createZstdDecompress !== "function") {
    throw new UnsupportedError(`read ${path}: this Node has no zstd; from 22.15 on it has. Unpack the file.`, {
      file: path,
    });
  }
  return zlib.createZstdDecompress() as unknown as Gunzip; // a stream of bytes likewise
}

async function access(path: string): Promise<RandomAccess> {
  const { size } = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  return {
    byteLength: size,
    async slice(start, end = size) {
      const from = Math.max(0, start);
      const bytes = new Uint8Array(Math.max(0, Math.min(size, end) - from));
      const file = await open(path, "r");
      try {
        await file.read(bytes, 0, bytes.length, from);
      } finally {
        await file.close();
      }
      return bytes.buffer;
    },
  };
}

async function list(folder: string): Promise<string[] | undefined> {
  const about = await stat(folder).catch(() => undefined);
  if (about?.isDirectory() !== true) return undefined;
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith(".") || entry.name.startsWith("__")) continue;
    const path = join(folder, entry.name);
    const isFolder = entry.isDirectory() || (entry.isSymbolicLink() && (await stat(path)).isDirectory());
    found.push(...(isFolder ? ((await list(path)) ?? []) : [path]));
  }
  return found.sort();
}

export const files: DataFiles = {
  blocks: unpacked,
  access,
  list,
  digest: (paths, cacheDir) =>
    contentsOf(
      paths.map((path) => resolve(path)),
      join(cacheDir, "kindling-contents"),
    ),
  get cacheRoot() {
    const { HF_DATASETS_CACHE: cache, HF_HOME: home, XDG_CACHE_HOME: xdg } = process.env;
    return cache ?? join(home ?? join(xdg ?? join(homedir(), ".cache"), "huggingface"), "datasets");
  },
};
