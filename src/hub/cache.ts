// The cache that both runtimes have: blobs by their hash, snapshots of commits that name them, and refs that name commits.
// On disk it is Python's, file by file (`cache.node.ts`); in browsers the origin's private file system (`cache.web.ts`).

import type { FileMetadata, TreeEntry } from "./api.ts";
import type { RepoRef } from "./names.ts";
import type { Part } from "./transfer.ts";

/** A blob on its way. */
export interface OpenPart extends Part {
  /** What was there before. */
  readonly resumedBytes: number;
  /** The hash of all that is there; undefined if the ETag is no hash. */
  hash(): Promise<string | undefined>;
  /** Gives the blob its name. */
  publish(): Promise<void>;
  /** Leaves what is there to be gone on with. */
  leave(): Promise<void>;
  /** Deletes it. */
  discard(): Promise<void>;
}

export interface HubCache {
  /** The path of a file in a commit's snapshot, if it is there with its blob. */
  find(repo: RepoRef, commit: string, file: string): Promise<string | undefined>;
  /** The path of a commit's snapshot, if there is one. */
  snapshot(repo: RepoRef, commit: string): Promise<string | undefined>;
  readRef(repo: RepoRef, revision: string): Promise<string | undefined>;
  writeRef(repo: RepoRef, revision: string, commit: string): Promise<void>;
  /** Whether the hub said that the commit has no such file. */
  isAbsent(repo: RepoRef, commit: string, file: string): Promise<boolean>;
  markAbsent(repo: RepoRef, commit: string, file: string): Promise<void>;
  readTree(repo: RepoRef, commit: string): Promise<TreeEntry[] | undefined>;
  writeTree(repo: RepoRef, commit: string, tree: readonly TreeEntry[]): Promise<void>;
  /** Runs `fill`, unless the blob is there, with no other process doing so; then names it in the snapshot. Gives its path. */
  store(
    repo: RepoRef,
    file: string,
    metadata: FileMetadata,
    options: { readonly force: boolean; readonly signal: AbortSignal | undefined },
    fill: (open: () => Promise<OpenPart>) => Promise<void>,
  ): Promise<string>;
}
