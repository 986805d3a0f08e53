// Names that come from users and servers, checked before they become a path or an address.

import { ArgumentError } from "../base/errors.ts";
import { HubError } from "./errors.ts";

export type RepoType = "model" | "dataset" | "space";

export interface RepoRef {
  readonly id: string;
  readonly type: RepoType;
}

/** A repository by its id, checked; `datasets/org/name` is a dataset. */
export function repoRef(id: string, type: RepoType = "model"): RepoRef {
  const wrong = wrongId(id);
  if (wrong === undefined) return { id, type };
  throw new ArgumentError(
    `hub: "${id}" is no repository's name: ${wrong}. Names are "name" or "organization/name"; say repoType: "dataset" for data.`,
    { repo: id },
  );
}

function wrongId(id: string): string | undefined {
  const parts = id.split("/");
  if (parts.length > 2) return "it has more than one /";
  if (id.length > 96) return "it is longer than 96 characters";
  if (id.includes("--") || id.includes("..")) return "-- and .. cannot be in it";
  if (id.endsWith(".git")) return "it ends in .git";
  const part = /^[\w](?:[\w.-]*[\w])?$/;
  return parts.every((one) => part.test(one)) ? undefined : "only letters, digits, -, _ and . can be in it";
}

/** Whether a string can be a repository's id at all; a path like ./runs/x cannot. */
export function isRepoId(name: string): boolean {
  return wrongId(name) === undefined;
}

/** `models--org--name`: the folder of a repository in the cache. */
export function folderName({ id, type }: RepoRef): string {
  return [`${type}s`, ...id.split("/")].join("--");
}

/** The repository that a folder of the cache is of. */
export function repoOfFolder(name: string): RepoRef | undefined {
  const [, type, rest] = /^(model|dataset|space)s--(.+)$/.exec(name) ?? [];
  if (type === undefined || rest === undefined) return undefined;
  const id = rest.replace("--", "/");
  return isRepoId(id) ? { id, type: type as RepoType } : undefined; // one of the three above
}

/**
 * A file's path in a repository, checked: relative, without `..`, of `/`-separated parts that every system can write. A server
 * that names `../../.bashrc` is refused here.
 */
export function checkFileName(file: string, url?: string): string {
  const parts = file.split("/");
  const wrong = parts.some(
    (part) => part === "" || part === "." || part === ".." || /[\\\0]/.test(part) || /^[A-Za-z]:/.test(part),
  );
  if (!wrong) return file;
  throw new HubError(
    `hub: "${file}" is no file's path in a repository. It wants relative parts without "..", divided by "/".`,
    { file, url },
  );
}

/** A branch, tag or commit; `refs/pr/1` is one too. It becomes a file below `refs/`. */
export function checkRevision(revision: string): string {
  if (revision !== "" && !revision.split("/").some((part) => part === "" || /^\.+$|[\\\0]/.test(part))) return revision;
  throw new ArgumentError(`hub: "${revision}" is no revision. Give a branch, a tag or a commit's hash.`, { revision });
}

export const isCommitHash = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision);

/** An ETag as a file's name: without quotes and without the mark of a weak one. */
export function etagName(header: string | null): string | undefined {
  const etag = header?.replace(/^W\//, "").replaceAll('"', "");
  return etag !== undefined && /^[\w.=+-]+$/.test(etag) && !/^\.+$/.test(etag) ? etag : undefined;
}

const prefix: { readonly [type in RepoType]: string } = { model: "", dataset: "datasets/", space: "spaces/" };

/** Where a file of a repository is served. */
export function fileUrl(endpoint: string, { id, type }: RepoRef, revision: string, file: string): string {
  const path = file.split("/").map(encodeURIComponent).join("/");
  return `${endpoint}/${prefix[type]}${id}/resolve/${encodeURIComponent(revision)}/${path}`;
}

/** The address of an API of a repository: `…/api/models/org/name` and what follows. */
export function apiUrl(endpoint: string, { id, type }: RepoRef, rest = ""): string {
  return `${endpoint}/api/${type}s/${id}${rest}`;
}
