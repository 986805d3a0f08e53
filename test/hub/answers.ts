// What the hub answers when nothing goes wrong: paths, status codes, headers and JSON are those of huggingface.co.

import { createHash } from "node:crypto";
import { type Commit, type HubFile, Repo, type RepoType } from "./repos.ts";

/** The kind of thing that was asked, for rules and counts. */
export type Place = "resolve" | "cdn" | "info" | "tree" | "paths" | "refs" | "whoami" | "upload" | "nowhere";

export interface Asked {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly host: string;
  readonly range: string | undefined;
  readonly token: string | undefined;
}

export interface Answer {
  readonly place: Place;
  readonly status: number;
  readonly headers: { readonly [name: string]: string };
  readonly body: Uint8Array;
}

export interface World {
  readonly repos: Map<string, Repo>;
  readonly users: { readonly [token: string]: string };
  readonly pageSize: number;
  readonly port: number;
}

const nothing = new Uint8Array(0);

function json(place: Place, value: unknown, headers: Answer["headers"] = {}): Answer {
  const body = new TextEncoder().encode(JSON.stringify(value));
  return { place, status: 200, headers: { "Content-Type": "application/json", ...headers }, body };
}

function refuse(place: Place, status: number, code: string, text: string, headers: Answer["headers"] = {}): Answer {
  const body = new TextEncoder().encode(JSON.stringify({ error: text }));
  return {
    place,
    status,
    headers: { "Content-Type": "application/json", "X-Error-Code": code, "X-Error-Message": text, ...headers },
    body,
  };
}

/** `/api/{type}s/{id}/…` and `/{type}s/{id}/resolve/…`, where models have no `models/`; an id has one part or two. */
const id = "(?<id>[^/]+(?:/[^/]+)?)";
const kinds = "(?<kind>models|datasets|spaces)";
const routes: readonly (readonly [Place, RegExp, Handle])[] = [
  ["cdn", /^\/cdn\/(?<sha>[0-9a-f]{64})$/, sendFromCdn],
  ["whoami", /^\/api\/whoami-v2$/, whoami],
  ["upload", /^\/api\/repos\/create$/, createRepo],
  ["upload", new RegExp(`^/api/${kinds}/${id}/preupload/(?<rev>[^/]+)$`), preupload],
  ["upload", new RegExp(`^/api/${kinds}/${id}/commit/(?<rev>[^/]+)$`), commit],
  ["upload", new RegExp(`^/(?:(?<kind>datasets|spaces)/)?${id}\\.git/info/lfs/objects/batch$`), lfsBatch],
  ["upload", new RegExp(`^/api/${kinds}/${id}/branch/(?<rev>[^/]+)$`), createBranch],
  ["upload", /^\/lfs\/(?<sha>[0-9a-f]{64})$/, storeLfs],
  ["upload", /^\/lfs\/(?<sha>[0-9a-f]{64})\/(?<part>\d+)$/, storePart],
  ["tree", new RegExp(`^/api/${kinds}/${id}/tree/(?<rev>[^/]+)(?:/(?<file>.+))?$`), tree],
  ["paths", new RegExp(`^/api/${kinds}/${id}/paths-info/(?<rev>[^/]+)$`), pathsInfo],
  ["refs", new RegExp(`^/api/${kinds}/${id}/refs$`), refs],
  ["info", new RegExp(`^/api/${kinds}/${id}/revision/(?<rev>[^/]+)$`), info],
  ["info", new RegExp(`^/api/${kinds}/${id}$`), info],
  ["resolve", new RegExp(`^/(?:(?<kind>datasets|spaces)/)?${id}/resolve/(?<rev>[^/]+)/(?<file>.+)$`), resolve],
];

interface Question {
  readonly asked: Asked;
  readonly body: Uint8Array;
  readonly world: World;
  readonly url: URL;
  /** What the path's pattern named, decoded. */
  readonly named: { readonly [name: string]: string | undefined };
  readonly place: Place;
}

type Handle = (question: Question) => Answer;

export function answerRequest(asked: Asked, body: Uint8Array, world: World): Answer {
  const url = new URL(asked.path, "http://hub");
  for (const [place, pattern, handle] of routes) {
    const match = pattern.exec(url.pathname);
    if (match === null) continue;
    const named = Object.fromEntries(
      Object.entries(match.groups ?? {}).map(([name, value]) => [name, value && decodeURIComponent(value)]),
    );
    return handle({ asked, body, world, url, named, place });
  }
  return refuse("nowhere", 404, "", "Not Found");
}

// Reading.

/** The repository that is asked for, or why it is not shown. */
function repoOf({ named, asked, world, place }: Question): Repo | Answer {
  const repo = world.repos.get(`${named["kind"] ?? "models"}/${named["id"]}`);
  const hidden = repo?.token !== undefined && repo.token !== asked.token;
  if (repo !== undefined && !hidden) return repo;
  return asked.token === undefined
    ? refuse(place, 401, "RepoNotFound", "Invalid username or password.")
    : refuse(place, 404, "RepoNotFound", "Repository not found");
}

function withCommit(question: Question, use: (repo: Repo, commit: Commit) => Answer): Answer {
  const repo = repoOf(question);
  if (!(repo instanceof Repo)) return repo;
  const revision = question.named["rev"] ?? "main";
  const found = repo.find(revision);
  if (found === undefined) {
    return refuse(question.place, 404, "RevisionNotFound", `Invalid rev id: ${revision}`);
  }
  return use(repo, found);
}

function resolve(question: Question): Answer {
  const { asked, named, world, place } = question;
  return withCommit(question, (repo, { sha, files }) => {
    if (repo.gatedFor !== undefined && repo.gatedFor !== asked.token) {
      const text = `Access to model ${repo.id} is restricted.`;
      return refuse(place, asked.token === undefined ? 401 : 403, "GatedRepo", text);
    }
    const headers = { "X-Repo-Commit": sha };
    const file = files.get(named["file"] ?? "");
    if (file === undefined) return refuse(place, 404, "EntryNotFound", "Entry not found", headers);
    if (file.sha256 === undefined) {
      return { place, status: 200, headers: { ...headers, ETag: `"${file.blobId}"` }, body: file.bytes };
    }
    const linked = { "X-Linked-Etag": `"${file.sha256}"`, "X-Linked-Size": String(file.bytes.length) };
    const location = `http://localhost:${world.port}/cdn/${file.sha256}?signature=x`;
    return { place, status: 302, headers: { ...headers, ...linked, Location: location }, body: nothing };
  });
}

function sendFromCdn({ named, world, place }: Question): Answer {
  for (const repo of world.repos.values()) {
    for (const { files } of repo.commits.values()) {
      for (const { sha256, bytes } of files.values()) {
        if (sha256 === named["sha"]) return { place, status: 200, headers: { ETag: `"${sha256}"` }, body: bytes };
      }
    }
  }
  return refuse(place, 403, "", "AccessDenied");
}

function info(question: Question): Answer {
  return withCommit(question, (repo, { sha, files }) => {
    const siblings = [...files.keys()].map((rfilename) => ({ rfilename }));
    const dates = { lastModified: "2024-01-01T00:00:00.000Z", createdAt: "2024-01-01T00:00:00.000Z" };
    const flags = { private: repo.token !== undefined, gated: repo.gatedFor === undefined ? false : "manual" };
    const counts = { downloads: 0, likes: 0, tags: [], disabled: false };
    return json(question.place, {
      _id: "0",
      id: repo.id,
      modelId: repo.id,
      sha,
      siblings,
      ...dates,
      ...flags,
      ...counts,
    });
  });
}

function entry({ path, bytes, blobId, sha256 }: HubFile): object {
  const lfs = sha256 !== undefined && { lfs: { oid: sha256, size: bytes.length, pointerSize: 130 } };
  return { type: "file", oid: blobId, size: bytes.length, path, ...lfs };
}

function tree(question: Question): Answer {
  const { url, asked, named, world, place } = question;
  return withCommit(question, (_repo, { files }) => {
    const folder = named["file"] === undefined ? "" : `${named["file"]}/`;
    const recursive = /^(true|1)$/i.test(url.searchParams.get("recursive") ?? "");
    const folders = new Set<string>();
    const entries: object[] = [];
    for (const file of files.values()) {
      if (!file.path.startsWith(folder)) continue;
      const parts = file.path.slice(folder.length).split("/");
      for (let i = 1; i < (recursive ? parts.length : Math.min(2, parts.length)); i++) {
        folders.add(folder + parts.slice(0, i).join("/"));
      }
      if (recursive || parts.length === 1) entries.push(entry(file));
    }
    const all = [
      ...[...folders].map((path) => ({ type: "directory", oid: "0".repeat(40), size: 0, path })),
      ...entries,
    ];
    const from = Number(url.searchParams.get("cursor") ?? 0);
    const next = from + world.pageSize;
    if (next >= all.length) return json(place, all.slice(from));
    const link = new URL(url);
    link.searchParams.set("cursor", String(next));
    const address = `http://${asked.host}${link.pathname}${link.search}`;
    return json(place, all.slice(from, next), { Link: `<${address}>; rel="next"` });
  });
}

function pathsInfo(question: Question): Answer {
  return withCommit(question, (_repo, { files }) => {
    const text = new TextDecoder().decode(question.body);
    const paths: unknown = text.startsWith("{") ? JSON.parse(text).paths : new URLSearchParams(text).getAll("paths");
    const names: unknown[] = Array.isArray(paths) ? paths : [paths];
    return json(question.place, [...files.values()].filter(({ path }) => names.includes(path)).map(entry));
  });
}

function refs(question: Question): Answer {
  const repo = repoOf(question);
  if (!(repo instanceof Repo)) return repo;
  const branches = [...repo.branches].map(([name, { sha }]) => ({
    name,
    ref: `refs/heads/${name}`,
    targetCommit: sha,
  }));
  return json(question.place, { branches, tags: [], converts: [] });
}

// Accounts and uploads.

function userOf({ asked, world }: Question): string | undefined {
  return asked.token === undefined ? undefined : world.users[asked.token];
}

function whoami(question: Question): Answer {
  const name = userOf(question);
  if (name === undefined) return refuse(question.place, 401, "", "Invalid credentials in Authorization header");
  const auth = { type: "access_token", accessToken: { displayName: "test", role: "write", createdAt: "2024-01-01" } };
  return json(question.place, { type: "user", id: "0", name, fullname: name, orgs: [], auth });
}

/** JSON that a client of this server sent; the tests look at what becomes of it. */
function sent<T>(body: Uint8Array): T {
  return JSON.parse(new TextDecoder().decode(body)) as T; // the client's own shape
}

function createRepo(question: Question): Answer {
  const user = userOf(question);
  if (user === undefined) return refuse(question.place, 401, "", "Invalid credentials in Authorization header");
  const body = sent<{ name: string; organization?: string; type?: RepoType; private?: boolean; visibility?: string }>(
    question.body,
  );
  const name = `${body.organization ?? user}/${body.name}`;
  const type = body.type ?? "model";
  const url = `http://${question.asked.host}/${type === "model" ? "" : `${type}s/`}${name}`;
  if (question.world.repos.has(`${type}s/${name}`)) {
    const answer = json(question.place, { error: "You already created this model repo", url });
    return { ...answer, status: 409 };
  }
  const hidden = (body.private === true || body.visibility === "private") && question.asked.token !== undefined;
  const repo = new Repo(name, { type, ...(hidden && { token: question.asked.token! }) });
  question.world.repos.set(`${type}s/${name}`, repo);
  return json(question.place, { url, id: "0", name });
}

function withUpload(question: Question, use: (repo: Repo) => Answer): Answer {
  if (userOf(question) === undefined) return refuse(question.place, 401, "", "Invalid credentials");
  const repo = repoOf(question);
  return repo instanceof Repo ? use(repo) : repo;
}

function preupload(question: Question): Answer {
  return withUpload(question, () => {
    const { files } = sent<{ files: readonly { path: string; size: number }[] }>(question.body);
    const modes = files.map(({ path, size }) => ({
      path,
      uploadMode: size >= 1000 ? "lfs" : "regular",
      shouldIgnore: false,
    }));
    return json(question.place, { files: modes });
  });
}

function createBranch(question: Question): Answer {
  return withUpload(question, (repo) => {
    const branch = question.named["rev"] ?? "";
    if (repo.branches.has(branch)) return refuse(question.place, 409, "", "Reference already exists");
    repo.branches.set(branch, repo.branches.get("main")!); // which every repository has
    return json(question.place, {});
  });
}

/** LFS objects that were sent and no commit names yet. */
const stored = new Map<string, Uint8Array>();

function lfsBatch(question: Question): Answer {
  return withUpload(question, () => {
    const { objects } = sent<{ objects: readonly { oid: string; size: number }[] }>(question.body);
    const answers = objects.map(({ oid, size }) => {
      const href = `http://localhost:${question.world.port}/lfs/${oid}`;
      const parts = Array.from({ length: size > partBytes ? Math.ceil(size / partBytes) : 0 }, (_, i) => i + 1);
      const places = parts.map((part) => [String(part).padStart(5, "0"), `${href}/${part}`]);
      const header = parts.length > 0 && { header: { chunk_size: String(partBytes), ...Object.fromEntries(places) } };
      return { oid, size, ...(!stored.has(oid) && { actions: { upload: { href, ...header } } }) };
    });
    return json(question.place, { transfer: "basic", objects: answers });
  });
}
/** Larger objects are sent in parts. */
const partBytes = 4096;
const sentParts = new Map<string, Uint8Array>();

function storePart({ named, body, place }: Question): Answer {
  const name = `${named["sha"]}/${named["part"]}`;
  sentParts.set(name, body);
  return json(place, {}, { ETag: `"${name}"` });
}

/** An object whole, or the end of one that came in parts. */
function storeLfs({ asked, named, body, place }: Question): Answer {
  const sha = named["sha"] ?? "";
  let bytes = body;
  if (asked.method === "POST") {
    const { parts } = sent<{ parts: readonly { partNumber: number; etag: string }[] }>(body);
    const found = parts.map(({ partNumber, etag }) =>
      etag === `"${sha}/${partNumber}"` ? sentParts.get(`${sha}/${partNumber}`) : undefined,
    );
    bytes = Buffer.concat(found.filter((part) => part !== undefined));
  }
  if (createHash("sha256").update(bytes).digest("hex") !== sha) return refuse(place, 422, "", "other bytes than named");
  stored.set(sha, bytes);
  return json(place, {});
}

type CommitLine =
  | { readonly key: "header"; readonly value: { readonly summary: string } }
  | { readonly key: "file"; readonly value: { readonly path: string; readonly content: string } }
  | { readonly key: "lfsFile"; readonly value: { readonly path: string; readonly oid: string } }
  | { readonly key: "deletedFile"; readonly value: { readonly path: string } };

function commit(question: Question): Answer {
  return withUpload(question, (repo) => {
    const branch = question.named["rev"] ?? "main";
    if (!repo.branches.has(branch)) {
      return refuse(question.place, 404, "RevisionNotFound", `Invalid rev id: ${branch}`);
    }
    let message = "";
    const files: { [path: string]: Uint8Array } = {};
    const removed: string[] = [];
    for (const line of new TextDecoder().decode(question.body).split("\n")) {
      const one = sent<CommitLine>(new TextEncoder().encode(line));
      if (one.key === "header") message = one.value.summary;
      else if (one.key === "file") files[one.value.path] = Buffer.from(one.value.content, "base64");
      else if (one.key === "deletedFile") removed.push(one.value.path);
      else if (one.key === "lfsFile") {
        const bytes = stored.get(one.value.oid);
        if (bytes === undefined) return refuse(question.place, 422, "", `LFS object ${one.value.oid} was not uploaded`);
        files[one.value.path] = bytes;
      }
    }
    const { sha } = repo.commit(files, { branch, removed, message });
    const commitUrl = `http://${question.asked.host}/${repo.id}/commit/${sha}`;
    return json(question.place, { success: true, commitOid: sha, commitUrl, hookOutput: "" });
  });
}
