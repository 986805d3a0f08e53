// A small hub on the loopback that speaks the real endpoints, for tests that must not need a network: resolve (small files
// itself, LFS files by a redirect to a "CDN" on another host name), model and dataset info, tree listing in pages,
// paths-info, whoami, and what an upload asks. It counts what it was asked, and misbehaves on request.
//
//   const hub = await startHub();
//   hub.add("org/name", { files: { "config.json": "{}" } });
//   hub.misbehave({ on: "cdn", times: 1, fault: { kind: "cut", afterBytes: 1000 } });

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Asked, answerRequest, type Place } from "./answers.ts";
import { type Fault, sendBytes } from "./faults.ts";
import { Repo, type RepoSettings } from "./repos.ts";

export interface Rule {
  readonly on: Place;
  /** Only requests whose path has this in it. */
  readonly path?: RegExp;
  readonly method?: "GET" | "HEAD" | "POST" | "PUT";
  /** How often; always by default. */
  readonly times?: number;
  readonly fault: Fault;
}

export interface Hub {
  /** For HF_ENDPOINT. */
  readonly endpoint: string;
  /** What was asked, oldest first. */
  readonly requests: readonly Asked[];
  readonly repos: ReadonlyMap<string, Repo>;
  add(id: string, settings?: RepoSettings): Repo;
  misbehave(rule: Rule): void;
  behave(): void;
  /** Forgets what was asked. */
  forget(): void;
  close(): void;
}

export interface HubOptions {
  /** Entries on a page of the tree listing. */
  readonly pageSize?: number;
  /** Who is known by which token, for whoami and uploads. */
  readonly users?: { readonly [token: string]: string };
  readonly port?: number;
}

export async function startHub({ pageSize = 1000, users = {}, port = 0 }: HubOptions = {}): Promise<Hub> {
  const repos = new Map<string, Repo>();
  const requests: Asked[] = [];
  let rules: { rule: Rule; left: number }[] = [];
  const faultFor = (place: Place, asked: Asked): Fault | undefined => {
    const found = rules.find(
      ({ rule: { on, path, method }, left }) =>
        left > 0 && on === place && (path?.test(asked.path) ?? true) && (method ?? asked.method) === asked.method,
    );
    if (found === undefined) return undefined;
    found.left--;
    return found.rule.fault;
  };
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    response.setHeader("Access-Control-Allow-Origin", "*");
    response.setHeader("Access-Control-Allow-Headers", "*, authorization, range, content-type");
    response.setHeader("Access-Control-Expose-Headers", "*, etag, link, x-repo-commit, content-range, retry-after");
    if (request.method === "OPTIONS") {
      response.writeHead(204).end();
      return;
    }
    const { port: own } = server.address() as AddressInfo; // a TCP server has one
    const body = await readBody(request);
    const asked: Asked = {
      method: request.method ?? "GET",
      path: request.url ?? "/",
      host: request.headers.host ?? "",
      range: request.headers.range,
      token: request.headers.authorization?.replace(/^Bearer /, ""),
    };
    requests.push(asked);
    const answer = answerRequest(asked, body, { repos, users, pageSize, port: own });
    await sendBytes(request, response, answer, faultFor(answer.place, asked));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const { port: own } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${own}`,
    requests,
    repos,
    add: (id, settings) => {
      const repo = new Repo(id, settings);
      repos.set(`${repo.type}s/${id}`, repo);
      return repo;
    },
    misbehave: (rule) => {
      rules.push({ rule, left: rule.times ?? Number.POSITIVE_INFINITY });
    },
    behave: () => {
      rules = [];
    },
    forget: () => {
      requests.length = 0;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}
