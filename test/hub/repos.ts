// What a hub holds: repositories of commits, each commit a map of files. Names of blobs are git's and LFS's own hashes.

import { createHash } from "node:crypto";

export type RepoType = "model" | "dataset" | "space";

export interface HubFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** git's name of the blob; for an LFS file, of its pointer. */
  readonly blobId: string;
  /** The bytes' sha256 if the file is kept in LFS. */
  readonly sha256: string | undefined;
}

export interface Commit {
  readonly sha: string;
  readonly files: ReadonlyMap<string, HubFile>;
  readonly message: string;
}

export interface RepoSettings {
  readonly type?: RepoType;
  /** Files by path; text is UTF-8. */
  readonly files?: FilesByPath;
  /** Only requests with this token see it. */
  readonly token?: string;
  /** Everybody sees that it is there, only requests with this token get its files. */
  readonly gatedFor?: string;
  /** Which files are kept in LFS; those of 1000 bytes and more by default. */
  readonly isLfs?: (path: string, bytes: Uint8Array) => boolean;
}

export type FilesByPath = { readonly [path: string]: string | Uint8Array };

export class Repo {
  readonly id: string;
  readonly type: RepoType;
  readonly token: string | undefined;
  readonly gatedFor: string | undefined;
  readonly branches: Map<string, Commit> = new Map();
  readonly commits: Map<string, Commit> = new Map();
  readonly #isLfs: (path: string, bytes: Uint8Array) => boolean;

  constructor(id: string, settings: RepoSettings = {}) {
    this.id = id;
    this.type = settings.type ?? "model";
    this.token = settings.token;
    this.gatedFor = settings.gatedFor;
    this.#isLfs = settings.isLfs ?? ((_path, bytes) => bytes.length >= 1000);
    this.commit(settings.files ?? {});
  }

  /** A new commit on a branch: `files` are added or replaced, `removed` are taken away. */
  commit(
    files: FilesByPath,
    options: { readonly branch?: string; readonly removed?: readonly string[]; readonly message?: string } = {},
  ): Commit {
    const { branch = "main", removed = [], message = "" } = options;
    const all = new Map((this.branches.get(branch) ?? this.branches.get("main"))?.files);
    for (const path of removed) all.delete(path);
    for (const [path, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      all.set(path, this.#file(path, bytes));
    }
    const sorted = new Map([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
    const hash = createHash("sha1").update(`${this.type}/${this.id}/${this.commits.size}`);
    for (const { path, blobId } of sorted.values()) hash.update(`${path}\0${blobId}\0`);
    const commit: Commit = { sha: hash.digest("hex"), files: sorted, message };
    this.commits.set(commit.sha, commit);
    this.branches.set(branch, commit);
    return commit;
  }

  /** The commit that a branch, tag or hash names. */
  find(revision: string): Commit | undefined {
    return this.branches.get(revision) ?? this.commits.get(revision);
  }

  #file(path: string, bytes: Uint8Array): HubFile {
    if (!this.#isLfs(path, bytes)) return { path, bytes, blobId: gitSha1(bytes), sha256: undefined };
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${bytes.length}\n`;
    return { path, bytes, blobId: gitSha1(new TextEncoder().encode(pointer)), sha256 };
  }
}

/** git's name of a blob. */
export function gitSha1(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}
