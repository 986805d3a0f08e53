// What the cache on disk holds, and taking things out of it.

import { readdir, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { hashOf } from "./digest.ts";
import { hashFile } from "./local-folder.node.ts";
import { folderName, isCommitHash, type RepoRef, repoOfFolder } from "./names.ts";
import { readSettings } from "./settings.node.ts";

export interface CachedRevision {
  readonly commit: string;
  /** Branches and tags that were this commit when the hub was last asked. */
  readonly refs: readonly string[];
  readonly files: number;
  readonly bytes: number;
}

export interface CachedRepo {
  readonly repo: RepoRef;
  readonly path: string;
  /** On disk; a file that several revisions share counts once. */
  readonly bytes: number;
  /** Of downloads that were cut off; the next one goes on with them. */
  readonly incompleteBytes: number;
  readonly revisions: readonly CachedRevision[];
}

/** A blob whose content is not what its name says. */
export interface WrongBlob {
  readonly repo: RepoRef;
  readonly path: string;
  readonly etag: string;
  readonly hash: string;
}

/** Every repository in the cache, by name. */
export async function scanCache(cacheDir: string = readSettings().cacheDir): Promise<CachedRepo[]> {
  const names = await namesIn(cacheDir);
  const repos = names.sort().flatMap((name) => {
    const repo = repoOfFolder(name);
    return repo === undefined ? [] : [{ repo, path: join(resolve(cacheDir), name) }];
  });
  return Promise.all(repos.map(({ repo, path }) => scanRepo(repo, path)));
}

async function scanRepo(repo: RepoRef, path: string): Promise<CachedRepo> {
  const refs = await readRefs(join(path, "refs"));
  const commits = (await namesIn(join(path, "snapshots"))).filter(isCommitHash);
  const counted = new Map<string, number>();
  const revisions = await Promise.all(
    commits.sort().map(async (commit) => {
      const files = await filesBelow(join(path, "snapshots", commit));
      for (const { target, size } of files) counted.set(target, size);
      const bytes = files.reduce((sum, { size }) => sum + size, 0);
      const named = [...refs].filter(([, of]) => of === commit).map(([ref]) => ref);
      return { commit, refs: named, files: files.length, bytes };
    }),
  );
  let incompleteBytes = 0;
  for (const name of await namesIn(join(path, "blobs"))) {
    const blob = await realpath(join(path, "blobs", name));
    const { size } = await stat(blob);
    if (name.endsWith(".incomplete")) incompleteBytes += size;
    else counted.set(blob, size);
  }
  const bytes = [...counted.values()].reduce((sum, size) => sum + size, 0);
  return { repo, path, bytes, incompleteBytes, revisions };
}

/** Branches and tags with the commits that they name. */
async function readRefs(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    found.set(file.slice(folder.length + 1).replaceAll("\\", "/"), (await readFile(file, "utf8")).trim());
  }
  return found;
}

/** A snapshot's files with what they lead to; a link to nothing is passed over. */
async function filesBelow(folder: string): Promise<{ readonly target: string; readonly size: number }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry) => {
      if (entry.isDirectory()) return [];
      const target = await realpath(join(entry.parentPath, entry.name)).catch(() => undefined);
      return target === undefined ? [] : [{ target, size: (await stat(target)).size }];
    }),
  );
  return found.flat();
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

/** Hashes every blob, of one repository or of all; what is wrong is deleted with `remove`, to be fetched anew. */
export async function verifyCache(
  repos: readonly CachedRepo[],
  options: { readonly remove?: boolean; readonly onBlob?: (bytes: number) => void } = {},
): Promise<WrongBlob[]> {
  const wrong: WrongBlob[] = [];
  for (const { repo, path } of repos) {
    for (const etag of await namesIn(join(path, "blobs"))) {
      const name = hashOf(etag);
      if (name === undefined) continue;
      const file = join(path, "blobs", etag);
      const { size } = await stat(file);
      const hash = await hashFile(file, name, size);
      if (hash !== etag) {
        wrong.push({ repo, path: file, etag, hash });
        if (options.remove === true) await rm(file);
      }
      options.onBlob?.(size);
    }
  }
  return wrong;
}

/** Takes a repository out of the cache: it loses its name first, so that nobody finds a half of it. */
export async function removeRepo({ repo, path }: CachedRepo): Promise<void> {
  const aside = join(path, "..", `.removed-${basename(path)}-${crypto.randomUUID().slice(0, 8)}`);
  await rename(path, aside);
  await rm(aside, { recursive: true });
  await rm(join(path, "..", ".locks", folderName(repo)), { recursive: true, force: true });
}

/** Takes a commit out, with the blobs that no other commit names. */
export async function removeRevision({ path }: CachedRepo, commit: string): Promise<void> {
  for (const [ref, of] of await readRefs(join(path, "refs"))) if (of === commit) await rm(join(path, "refs", ref));
  const snapshots = join(path, "snapshots");
  await rm(join(snapshots, commit), { recursive: true });
  for (const part of [join(".no_exist", commit), join("trees", `${commit}.json`)]) {
    await rm(join(path, part), { recursive: true, force: true });
  }
  const needed = new Set<string>();
  for (const other of await namesIn(snapshots)) {
    for (const { target } of await filesBelow(join(snapshots, other))) needed.add(target);
  }
  const blobs = await realpath(join(path, "blobs"));
  for (const name of await namesIn(blobs)) {
    if (!name.endsWith(".incomplete") && !needed.has(join(blobs, name))) await rm(join(blobs, name));
  }
}
