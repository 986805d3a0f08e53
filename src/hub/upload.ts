// To a hub: repositories, and files into them in one commit. The protocol is @huggingface/hub's work, loaded when it is needed.

import { listFolder, withScratchFolder } from "#runtime/hub/upload-folder";
import { ArgumentError } from "../base/errors.ts";
import {
  ConnectionError,
  HubError,
  OfflineModeError,
  RepositoryNotFoundError,
  RevisionNotFoundError,
} from "./errors.ts";
import { sleep } from "./http.ts";
import { checkFileName, type RepoRef, repoRef } from "./names.ts";
import { type HubOptions, settle } from "./options.ts";
import { filterPaths } from "./patterns.ts";

export type UploadOptions = Pick<
  HubOptions,
  "repoType" | "endpoint" | "token" | "signal" | "retries" | "retryDelayMs"
> & {
  /** The branch that gets the commit, which must be there; "main" by default. */
  readonly revision?: string;
  readonly commitMessage?: string;
  readonly commitDescription?: string;
  /** A pull request instead of a commit. */
  readonly createPr?: boolean;
};

export interface FolderOptions extends UploadOptions {
  /** The folder of the repository that gets the files; its root by default. */
  readonly pathInRepo?: string;
  readonly allowPatterns?: string | readonly string[];
  readonly ignorePatterns?: string | readonly string[];
}

export type CreateRepoOptions = Pick<HubOptions, "repoType" | "endpoint" | "token"> & {
  readonly private?: boolean;
  /** `false` makes it an error if the repository is there already. */
  readonly existOk?: boolean;
};

export interface FileToUpload {
  /** In the repository. */
  readonly path: string;
  readonly content: Blob;
}

/** The commit that an upload made. */
export interface UploadedCommit {
  readonly oid: string;
  readonly url: string;
  readonly pullRequestUrl?: string;
}

/** Makes a repository, "organization/name"; one that is there already is fine. Gives its address. */
export async function createRepo(repo: string, options: CreateRepoOptions = {}): Promise<string> {
  const { ref, endpoint, accessToken } = target("createRepo", repo, options);
  const hub = await import("@huggingface/hub");
  const params = { repo: designation(ref), accessToken, hubUrl: endpoint, private: options.private === true };
  try {
    return (await hub.createRepo(params)).repoUrl;
  } catch (error) {
    const isThere = error instanceof hub.HubApiError && error.statusCode === 409;
    if (isThere && options.existOk !== false)
      return `${endpoint}/${ref.type === "model" ? "" : `${ref.type}s/`}${ref.id}`;
    throw uploadError("createRepo", ref, error);
  }
}

/** Makes a branch of the default one; one that is there already is fine, and stays as it is. */
export async function createBranch(
  repo: string,
  branch: string,
  options: Pick<HubOptions, "repoType" | "endpoint" | "token"> = {},
): Promise<void> {
  const { ref, endpoint, accessToken } = target("createBranch", repo, options);
  const hub = await import("@huggingface/hub");
  try {
    await hub.createBranch({ repo: designation(ref), accessToken, hubUrl: endpoint, branch });
  } catch (error) {
    if (!(error instanceof hub.HubApiError && error.statusCode === 409)) throw uploadError("createBranch", ref, error);
  }
}

/**
 * Adds or replaces files in one commit. Large ones go to LFS, in parts; nothing is seen of them before the commit. A part that
 * fails is sent again, and what the hub has from an upload that broke off is not.
 */
export async function uploadFiles(
  repo: string,
  files: readonly FileToUpload[],
  options: UploadOptions = {},
): Promise<UploadedCommit> {
  const { ref, endpoint, accessToken } = target("uploadFiles", repo, options);
  if (files.length === 0) throw new ArgumentError(`uploadFiles: there is nothing to upload to "${repo}".`, { repo });
  for (const { path } of files) checkFileName(path);
  const { revision, commitMessage = `Upload ${files.length} files with Kindling`, commitDescription } = options;
  const hub = await import("@huggingface/hub");
  try {
    const made = await hub.uploadFiles({
      repo: designation(ref),
      accessToken,
      hubUrl: endpoint,
      fetch: patientFetch(options),
      files: files.map(({ path, content }) => ({ path, content })),
      commitTitle: commitMessage,
      ...(commitDescription !== undefined && { commitDescription }),
      ...(revision !== undefined && { branch: revision }),
      ...(options.createPr === true && { isPullRequest: true }),
      ...(options.signal !== undefined && { abortSignal: options.signal }),
    });
    if (made === undefined) throw new HubError(`uploadFiles: "${repo}" has these files already.`, { repo });
    const { commit, pullRequestUrl } = made;
    return { oid: commit.oid, url: commit.url, ...(pullRequestUrl !== undefined && { pullRequestUrl }) };
  } catch (error) {
    throw uploadError("uploadFiles", ref, error);
  }
}

/** The files of a folder, or those that the patterns choose; `.git` and `.cache/huggingface` are left out. */
export async function uploadFolder(repo: string, folder: string, options: FolderOptions = {}): Promise<UploadedCommit> {
  const { pathInRepo = "", allowPatterns: allow, ignorePatterns: ignore } = options;
  const files = await listFolder(folder);
  const own = /(^|\/)(\.git|\.cache\/huggingface)(\/|$)/;
  const patterns = { ...(allow !== undefined && { allow }), ...(ignore !== undefined && { ignore }) };
  const chosen = new Set(
    filterPaths(
      [...files.keys()].filter((path) => !own.test(path)),
      patterns,
    ),
  );
  const prefix = pathInRepo === "" ? "" : `${pathInRepo.replace(/\/+$/, "")}/`;
  const wanted = [...files].filter(([path]) => chosen.has(path));
  return uploadFiles(
    repo,
    await Promise.all(wanted.map(async ([path, open]) => ({ path: prefix + path, content: await open() }))),
    options,
  );
}

/**
 * Makes the repository, and the branch `revision`, if need be and puts there what `source` is: a folder, something that saves itself into one, as a
 * model does, or a function that fills one.
 */
export async function pushToHub(
  repo: string,
  source: string | { savePretrained(folder: string): Promise<void> } | ((folder: string) => Promise<void>),
  options: FolderOptions & { readonly private?: boolean } = {},
): Promise<UploadedCommit> {
  await createRepo(repo, options);
  if (options.revision !== undefined && options.createPr !== true) await createBranch(repo, options.revision, options);
  if (typeof source === "string") return uploadFolder(repo, source, options);
  return withScratchFolder(async (folder) => {
    await (typeof source === "function" ? source(folder) : source.savePretrained(folder));
    return uploadFolder(repo, folder, options);
  });
}

function target(
  what: string,
  repo: string,
  options: HubOptions,
): { readonly ref: RepoRef; readonly endpoint: string; readonly accessToken: string } {
  const { revision: _branch, ...rest } = options;
  const { endpoint, token, offline } = settle(rest);
  const ref = repoRef(repo, options.repoType);
  if (!repo.includes("/")) {
    throw new ArgumentError(`${what}: "${repo}" wants its owner too: "organization/name".`, { repo });
  }
  if (offline) throw new OfflineModeError(`${what}: HF_HUB_OFFLINE is set. Unset it to upload to "${repo}".`, { repo });
  if (token === undefined) {
    throw new ArgumentError(`${what}: an upload wants a token that may write. Set HF_TOKEN, or run \`hf auth login\`.`);
  }
  return { ref, endpoint, accessToken: token };
}

const designation = ({ id, type }: RepoRef): { name: string; type: RepoRef["type"] } => ({ name: id, type });

/** What a status says to who uploads. */
const advice: { readonly [status: number]: string | undefined } = {
  401: "The hub does not know the token: is it whole, not expired, and of this hub? Set HF_TOKEN, or run `hf auth login`.",
  403: "Does the token (HF_TOKEN) allow to write there? One that may only read does not.",
  409: "Something else was written there at the same time, or is there already. Look at it and try again.",
  413: "A file or the commit is too large for this hub.",
  429: "These were too many requests; wait a while.",
};

function uploadError(what: string, { id }: RepoRef, error: unknown): unknown {
  if (error instanceof HubError || !(error instanceof Error) || error.name === "AbortError") return error;
  const status = "statusCode" in error ? Number(error.statusCode) : undefined;
  const facts = { repo: id, status };
  const say = (todo = ""): string => `${what}: "${id}": ${error.message.replace(/\.*$/, ".")} ${todo}`.trim();
  if (status === 404 && /invalid rev/i.test(error.message)) {
    return new RevisionNotFoundError(say("createBranch() makes the branch."), facts, { cause: error });
  }
  if (status === 404) {
    const todo = "There is none, or the token may not see it. createRepo() makes one.";
    return new RepositoryNotFoundError(say(todo), facts, { cause: error });
  }
  if (status === undefined && error instanceof TypeError) {
    return new ConnectionError(say("Is the network up, and the endpoint right? No commit was made."), facts, {
      cause: error,
    });
  }
  return new HubError(say(status === undefined ? "" : advice[status]), facts, { cause: error });
}

/** Sends again what may be sent twice and failed: questions, and parts of files. A commit is sent once. */
function patientFetch({ retries = 5, retryDelayMs = 1000, signal }: UploadOptions): typeof fetch {
  return async (input, init) => {
    const isRepeatable = init?.method === "PUT" || !/\/(commit|branch)\/|\/create$/.test(String(input));
    for (let attempt = 0; ; attempt++) {
      const isLast = !isRepeatable || attempt >= retries;
      try {
        const response = await fetch(input, init);
        if (isLast || (response.status < 500 && response.status !== 429)) return response;
        await response.body?.cancel();
      } catch (error) {
        if (isLast || !(error instanceof TypeError)) throw error; // as fetch says that there was no connection
      }
      await sleep(retryDelayMs * 2 ** attempt, signal);
    }
  };
}
