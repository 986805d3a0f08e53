// What a hub knows of repositories and files.

import { platform } from "#runtime/base/platform";
import { EntryNotFoundError, HubError } from "./errors.ts";
import { type Exchange, request } from "./http.ts";
import { apiUrl, checkFileName, etagName, fileUrl, isCommitHash, type RepoRef } from "./names.ts";
import { requestOptions, type Settled } from "./options.ts";

/** One version of a file. */
export interface FileMetadata {
  readonly commit: string;
  /** The sha256 of an LFS file, git's sha1 of another one: the name of its blob. */
  readonly etag: string;
  /** Bytes; undefined where the hub does not say. */
  readonly size: number | undefined;
}

/** A file in a listing. */
export interface TreeEntry {
  readonly path: string;
  readonly size: number;
  /** git's sha1 of what git holds: the file, or its LFS pointer. */
  readonly blobId: string;
  readonly lfs?: { readonly sha256: string; readonly size: number };
  readonly xetHash?: string;
}

type JsonObject = { readonly [key: string]: unknown };

/** What the hub says of a file at a revision. */
export async function fileMetadata(repo: RepoRef, file: string, settled: Settled): Promise<FileMetadata> {
  return platform.name === "web" ? metadataByApi(repo, file, settled) : metadataByHead(repo, file, settled);
}

async function metadataByHead(repo: RepoRef, file: string, settled: Settled): Promise<FileMetadata> {
  const { endpoint, revision } = settled;
  const url = fileUrl(endpoint, repo, revision, file);
  const about = { repo: repo.id, revision, file };
  const exchange = await request(url, { ...requestOptions(settled, about), method: "HEAD", stopAtOtherHost: true });
  exchange.cancel();
  const { headers, status } = exchange.response;
  const commit = headers.get("x-repo-commit");
  const etag = etagName(headers.get("x-linked-etag") ?? headers.get("etag"));
  if (commit === null || !isCommitHash(commit) || etag === undefined) {
    throw new HubError(
      `hub: ${url} answered without ${commit === null ? "X-Repo-Commit" : "a usable ETag"}, so it is no hub's answer. ` +
        "Check HF_ENDPOINT, and the proxy if there is one.",
      { url, ...about },
    );
  }
  const size = headers.get("x-linked-size") ?? (status < 300 ? headers.get("content-length") : null);
  return { commit, etag, size: size !== null && /^\d+$/.test(size) ? Number(size) : undefined };
}

/** A page cannot see a redirect's headers, so it asks the API. */
async function metadataByApi(repo: RepoRef, file: string, settled: Settled): Promise<FileMetadata> {
  const commit = await commitOf(repo, settled);
  const about = { repo: repo.id, revision: settled.revision, file };
  const url = apiUrl(settled.endpoint, repo, `/paths-info/${commit}`);
  const body = JSON.stringify({ paths: [file], expand: false });
  const headers = { "Content-Type": "application/json" };
  const exchange = await request(url, { ...requestOptions(settled, about), method: "POST", body, headers });
  const entry = (await entriesOf(exchange, url)).find(({ path }) => path === file);
  if (entry !== undefined) return { commit, ...blobOf(entry) };
  throw new EntryNotFoundError(`hub: "${repo.id}" has no file "${file}" at revision "${settled.revision}".`, {
    url,
    commit,
    ...about,
  });
}

/** The blob of a listed file. */
export function blobOf({ blobId, size, lfs }: TreeEntry): { readonly etag: string; readonly size: number } {
  return lfs === undefined ? { etag: blobId, size } : { etag: lfs.sha256, size: lfs.size };
}

/** The commit that a revision is now. */
export async function commitOf(repo: RepoRef, settled: Settled): Promise<string> {
  const { endpoint, revision } = settled;
  if (isCommitHash(revision)) return revision;
  const url = apiUrl(endpoint, repo, `/revision/${encodeURIComponent(revision)}`);
  const exchange = await request(url, requestOptions(settled, { repo: repo.id, revision }));
  const { sha } = objectOf(await jsonOf(exchange, url), url);
  if (typeof sha === "string" && isCommitHash(sha)) return sha;
  throw new HubError(`hub: ${url} says no commit ("sha"), so it is no hub's answer. Check HF_ENDPOINT.`, { url });
}

/** Every file of a commit, page after page. */
export async function listTree(repo: RepoRef, commit: string, settled: Settled): Promise<TreeEntry[]> {
  const found: TreeEntry[] = [];
  const about = { repo: repo.id, revision: commit };
  const seen = new Set<string>();
  let url: string | undefined = apiUrl(settled.endpoint, repo, `/tree/${commit}?recursive=true&expand=false`);
  while (url !== undefined && !seen.has(url)) {
    seen.add(url);
    const exchange: Exchange = await request(url, requestOptions(settled, about));
    found.push(...(await entriesOf(exchange, url)));
    url = nextPage(exchange, url);
  }
  return found;
}

/** The next page by its `Link`; only on the same host, as the token goes along. */
function nextPage(exchange: Exchange, url: string): string | undefined {
  const link = /<([^>]+)>\s*;\s*rel="?next"?/.exec(exchange.response.headers.get("link") ?? "")?.[1];
  if (link === undefined) return undefined;
  const next = new URL(link, url);
  if (next.host === new URL(url).host) return next.href;
  const here = new URL(url); // a mirror's links may name the hub behind it
  return `${here.origin}${here.pathname}${next.search}`;
}

async function entriesOf(exchange: Exchange, url: string): Promise<TreeEntry[]> {
  const list = await jsonOf(exchange, url);
  if (!Array.isArray(list)) throw new HubError(`hub: ${url} answered no list of files. Check HF_ENDPOINT.`, { url });
  return list.flatMap((item: unknown) => {
    const one = objectOf(item, url);
    if (one["type"] !== "file") return [];
    const { path, size, oid, lfs, xetHash } = one;
    if (
      typeof path !== "string" ||
      typeof size !== "number" ||
      typeof oid !== "string" ||
      !/^[0-9a-f]{40}$/.test(oid)
    ) {
      throw new HubError(`hub: ${url} lists a file without path, size or oid. Check HF_ENDPOINT.`, { url });
    }
    checkFileName(path, url);
    return [
      {
        path,
        size,
        blobId: oid,
        ...(lfs !== undefined && lfs !== null && { lfs: lfsOf(objectOf(lfs, url), url) }),
        ...(typeof xetHash === "string" && { xetHash }),
      },
    ];
  });
}

function lfsOf({ oid, size }: JsonObject, url: string): { readonly sha256: string; readonly size: number } {
  const sha256 = typeof oid === "string" ? oid.replace(/^sha256:/, "") : "";
  if (/^[0-9a-f]{64}$/.test(sha256) && typeof size === "number") return { sha256, size };
  throw new HubError(`hub: ${url} lists an LFS file without its hash or size. Check HF_ENDPOINT.`, { url });
}

async function jsonOf(exchange: Exchange, url: string): Promise<unknown> {
  const text = await exchange.text();
  try {
    return JSON.parse(text);
  } catch (cause) {
    const facts = { url, begins: text.slice(0, 80) };
    throw new HubError(`hub: ${url} answered no JSON. Check HF_ENDPOINT, and the proxy if there is one.`, facts, {
      cause,
    });
  }
}

function objectOf(value: unknown, url: string): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject; // just looked
  throw new HubError(`hub: ${url} answered ${JSON.stringify(value)?.slice(0, 80)}, wants an object.`, { url });
}
