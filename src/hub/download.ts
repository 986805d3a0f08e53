// Files of a hub, by name: from the cache where they are there, from the hub otherwise. The rules are huggingface_hub's.
//
//   a commit's hash, and the file is there    no request at all
//   a branch or tag                           one request for what it is now; if the hub cannot be reached, what it was last
//   offline, or localFilesOnly                what is there, or LocalEntryNotFoundError

import { openCache } from "#runtime/hub/cache";
import { openLocalFolder } from "#runtime/hub/local-folder";
import { ArgumentError } from "../base/errors.ts";
import { blobOf, commitOf, type FileMetadata, fileMetadata, listTree, type TreeEntry } from "./api.ts";
import type { HubCache } from "./cache.ts";
import {
  CacheWriteError,
  EntryNotFoundError,
  HubError,
  LocalEntryNotFoundError,
  OfflineModeError,
  RepositoryNotFoundError,
  RevisionNotFoundError,
} from "./errors.ts";
import { fetchFile } from "./fetch-file.ts";
import { checkFileName, isCommitHash, type RepoRef, repoRef } from "./names.ts";
import { type DownloadOptions, type Settled, settle } from "./options.ts";
import { filterPaths } from "./patterns.ts";
import { ProgressCount } from "./progress.ts";

export interface SnapshotOptions extends DownloadOptions {
  /** Only files that match one of these: `*` also matches `/`, a folder ends in `/`. */
  readonly allowPatterns?: string | readonly string[];
  /** No file that matches one of these. */
  readonly ignorePatterns?: string | readonly string[];
  /** Files that are fetched at the same time; 8 by default. */
  readonly maxWorkers?: number;
}

/**
 * Fetches one file of a repository, unless it is in the cache, and gives its path there (in `localDir` with that option; in
 * browsers for `openHubFile`). Throws the errors of `hub/errors.ts`; what was cut off is gone on with by the next call.
 */
export async function hubDownload(repo: string, file: string, options: DownloadOptions = {}): Promise<string> {
  const settled = settle(options);
  const ref = repoRef(repo, options.repoType);
  checkOptions(options, settled);
  const progress = new ProgressCount(options.progress, settled.quiet, 1);
  try {
    return await oneFile(ref, checkFileName(file), settled, options, progress);
  } finally {
    progress.stop();
  }
}

/**
 * Fetches all files of a repository, or those that the patterns choose, several at a time, and gives the path of the folder
 * that holds them: the commit's snapshot in the cache, or `localDir`.
 */
export async function snapshotDownload(repo: string, options: SnapshotOptions = {}): Promise<string> {
  const { allowPatterns: allow, ignorePatterns: ignore } = options;
  const patterns = { ...(allow !== undefined && { allow }), ...(ignore !== undefined && { ignore }) };
  return downloadChosen(repo, (paths) => filterPaths(paths, patterns), options);
}

/** `snapshotDownload` of the files that `choose` takes from all. */
export async function downloadChosen(
  repo: string,
  choose: (paths: readonly string[]) => readonly string[],
  options: SnapshotOptions = {},
): Promise<string> {
  const settled = settle(options);
  const ref = repoRef(repo, options.repoType);
  checkOptions(options, settled);
  const cache = openCache(settled.cacheDir);
  const found = await listing(ref, settled, cache);
  const folder = (commit: string) => cache.snapshot(ref, commit);
  if ("missing" in found) return existing(ref, settled, options, cache, choose, found.missing);
  const { commit, tree } = found;
  const files = choose(tree.map(({ path }) => path));
  const entries = new Map(tree.map((entry) => [entry.path, entry]));
  const progress = new ProgressCount(options.progress, settled.quiet, files.length);
  const pinned = { ...settled, revision: commit };
  try {
    await inParallel(files, options.maxWorkers ?? 8, async (file) => {
      await oneFile(ref, file, pinned, options, progress, entries.get(file));
    });
  } finally {
    progress.stop();
  }
  return options.localDir ?? (await folder(commit)) ?? emptySnapshot(repo, files.length);
}

function emptySnapshot(repo: string, files: number): never {
  throw new EntryNotFoundError(`hub: "${repo}" has none of the files that are asked for. Check the patterns.`, {
    repo,
    files,
  });
}

/** The commit and its files, from the cache where it knows them; or why nothing is known. */
async function listing(
  repo: RepoRef,
  settled: Settled,
  cache: HubCache,
): Promise<{ readonly commit: string; readonly tree: readonly TreeEntry[] } | { readonly missing: HubError }> {
  try {
    const isHere = (await cache.readRef(repo, settled.revision)) !== undefined;
    const commit = await commitOf(repo, isHere ? { ...settled, retries: 0 } : settled); // one failure is enough then
    let tree = await cache.readTree(repo, commit);
    if (tree === undefined) {
      tree = await listTree(repo, commit, settled);
      await cache.writeTree(repo, commit, tree);
    }
    await cache.writeRef(repo, settled.revision, commit);
    return { commit, tree };
  } catch (error) {
    if (error instanceof HubError && mayFallBack(error)) return { missing: error };
    throw error;
  }
}

/** What is on this machine of a snapshot whose hub cannot be asked, if all of it is. */
async function existing(
  repo: RepoRef,
  settled: Settled,
  options: SnapshotOptions,
  cache: HubCache,
  choose: (paths: readonly string[]) => readonly string[],
  reason: HubError,
): Promise<string> {
  const { revision } = settled;
  const commit = isCommitHash(revision) ? revision : await cache.readRef(repo, revision);
  const folder = commit === undefined ? undefined : await cache.snapshot(repo, commit);
  if (commit === undefined || folder === undefined || options.localDir !== undefined) {
    throw notHere(reason, `no snapshot of "${repo.id}" at revision "${revision}"`, { repo: repo.id, revision });
  }
  const tree = await cache.readTree(repo, commit);
  const missing: string[] = [];
  for (const file of choose((tree ?? []).map(({ path }) => path))) {
    if ((await cache.find(repo, commit, file)) === undefined) missing.push(file);
  }
  if (missing.length === 0) return folder;
  const names = `${missing.slice(0, 5).join(", ")}${missing.length > 5 ? ` and ${missing.length - 5} more` : ""}`;
  throw notHere(reason, `of "${repo.id}" at revision "${revision}" not ${names}`, { repo: repo.id, revision, missing });
}

async function oneFile(
  repo: RepoRef,
  file: string,
  settled: Settled,
  options: DownloadOptions,
  progress: ProgressCount,
  entry?: TreeEntry,
): Promise<string> {
  const cache = openCache(settled.cacheDir);
  const { forceDownload: force = false, localDir } = options;
  const local = localDir === undefined ? undefined : openLocalFolder(localDir);
  const here = await known(repo, file, settled, cache, local);
  if (here !== undefined && !force) {
    progress.finish(file);
    return here;
  }
  let metadata: FileMetadata;
  try {
    metadata =
      entry === undefined ? await askFor(repo, file, settled, cache) : { commit: settled.revision, ...blobOf(entry) };
  } catch (error) {
    if (!(error instanceof HubError) || !mayFallBack(error) || force) throw error;
    const last = local === undefined ? await lastKnown(repo, file, settled, cache) : await local.find(file);
    if (last !== undefined) return last;
    throw notHere(error, `no "${file}" of "${repo.id}" at revision "${settled.revision}"`, {
      repo: repo.id,
      revision: settled.revision,
      file,
    });
  }
  const wanted = { repo, file, metadata, settled, progress };
  const path = await (local === undefined ? cached(cache, wanted, force) : local.store(cache, wanted, force));
  progress.finish(file);
  return path;
}

async function cached(cache: HubCache, wanted: Parameters<typeof fetchFile>[1], force: boolean): Promise<string> {
  const { repo, file, metadata, settled } = wanted;
  const { commit } = metadata;
  const found = force ? undefined : await cache.find(repo, commit, file);
  if (found !== undefined) {
    await cache.writeRef(repo, settled.revision, commit).catch((error: unknown) => {
      if (!(error instanceof CacheWriteError)) throw error; // a cache may be read-only
    });
    return found;
  }
  await cache.writeRef(repo, settled.revision, commit);
  return cache.store(repo, file, metadata, { force, signal: settled.signal }, (open) => fetchFile(open, wanted));
}

/** The file of a commit, which never changes, without any request. */
async function known(
  repo: RepoRef,
  file: string,
  { revision }: Settled,
  cache: HubCache,
  local: ReturnType<typeof openLocalFolder> | undefined,
): Promise<string | undefined> {
  if (!isCommitHash(revision)) return undefined;
  return local === undefined ? cache.find(repo, revision, file) : local.findAt(file, revision);
}

/** Asks the hub; a file that it does not have is remembered. If the file is here, one failure is enough to take that. */
async function askFor(repo: RepoRef, file: string, settled: Settled, cache: HubCache): Promise<FileMetadata> {
  const isHere = (await lastKnown(repo, file, settled, cache)) !== undefined;
  try {
    return await fileMetadata(repo, file, isHere ? { ...settled, retries: 0 } : settled);
  } catch (error) {
    const commit = error instanceof EntryNotFoundError ? error.facts["commit"] : undefined;
    if (typeof commit === "string" && isCommitHash(commit)) {
      await cache.markAbsent(repo, commit, file);
      await cache.writeRef(repo, settled.revision, commit);
    }
    throw error;
  }
}

/** What the revision was when the hub was last asked. */
async function lastKnown(repo: RepoRef, file: string, settled: Settled, cache: HubCache): Promise<string | undefined> {
  const { revision } = settled;
  const commit = isCommitHash(revision) ? revision : await cache.readRef(repo, revision);
  if (commit === undefined) return undefined;
  if (settled.offline && (await cache.isAbsent(repo, commit, file))) {
    const facts = { repo: repo.id, revision, file, commit };
    throw new EntryNotFoundError(`hub: "${repo.id}" has no file "${file}" at revision "${revision}".`, facts);
  }
  return cache.find(repo, commit, file);
}

/** Whether what is here may stand in: not if the hub said that there is no such file or revision. */
function mayFallBack(error: HubError): boolean {
  return !(
    error instanceof RevisionNotFoundError ||
    error instanceof EntryNotFoundError ||
    error instanceof CacheWriteError
  );
}

/** That the hub could not be asked matters only because the file is not here; a wrong name matters by itself. */
function notHere(reason: HubError, what: string, facts: Readonly<Record<string, unknown>>): HubError {
  if (reason instanceof RepositoryNotFoundError || reason.facts["status"] === 401) return reason;
  const offline = reason instanceof OfflineModeError;
  const why = offline ? "HF_HUB_OFFLINE or localFilesOnly is set" : reason.message.replace(/^hub: /, "");
  return new LocalEntryNotFoundError(
    `hub: there is ${what} on this machine, and the hub ${offline ? "was not to" : "could not"} be asked: ${why}${offline ? ". Fetch it online once." : ""}`,
    { ...reason.facts, ...facts },
    { cause: reason },
  );
}

function checkOptions({ forceDownload, maxWorkers = 1 }: SnapshotOptions, { offline }: Settled): void {
  if (forceDownload === true && offline) {
    throw new ArgumentError("hub: forceDownload wants the hub, HF_HUB_OFFLINE or localFilesOnly forbids it. Drop one.");
  }
  if (!Number.isInteger(maxWorkers) || maxWorkers < 1) {
    throw new ArgumentError(`hub: maxWorkers is ${maxWorkers}, wants a whole number from 1 on.`, { maxWorkers });
  }
}

/** The first failure ends all: what the others have got so far is kept for the next call. */
async function inParallel<T>(items: readonly T[], workers: number, run: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  let failed = false;
  const work = async () => {
    while (!failed && next < items.length) {
      try {
        await run(items[next++]!);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(workers, items.length) }, work));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
