// One request to a hub, made until it succeeds or there is no point: pauses that double on 5xx and lost connections, the
// pause a server asks for on 429, an end to silence, and errors that say what to do. A token goes to the hub's host only.

import { platform } from "#runtime/base/platform";
import {
  ConnectionError,
  EntryNotFoundError,
  GatedRepoError,
  HubError,
  OfflineModeError,
  RepositoryNotFoundError,
  RevisionNotFoundError,
} from "./errors.ts";

export interface RequestOptions {
  readonly method?: "GET" | "HEAD" | "POST";
  readonly headers?: { readonly [name: string]: string };
  readonly body?: string;
  readonly token?: string | undefined;
  /** How long an answer, or the next piece of its body, may take. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** How often a failure is tried again. */
  readonly retries: number;
  /** The first pause; each is twice the one before. */
  readonly retryDelayMs: number;
  readonly offline: boolean;
  /** For messages and facts: the repository, revision and file that are asked for. */
  readonly about: Readonly<Record<string, unknown>>;
  /** Redirects to other hosts are answers, as they carry what the hub knows of a file. */
  readonly stopAtOtherHost?: boolean;
}

const retried: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const longestPauseMs = 300_000;
const mostRedirects = 10;

/** The answer, whose status is below 400 (or 416, which a resumed download must see). */
export async function request(url: string, options: RequestOptions): Promise<Exchange> {
  const { retries, retryDelayMs, signal, about, offline } = options;
  if (offline) {
    throw new OfflineModeError(
      `hub: ${url} was not asked for, because HF_HUB_OFFLINE or localFilesOnly is set. Unset it, or fetch the file first.`,
      { url, ...about },
    );
  }
  for (let attempt = 0; ; attempt++) {
    const last = attempt >= retries;
    let pause = Math.min(retryDelayMs * 2 ** attempt, longestPauseMs);
    try {
      const exchange = await followed(url, options);
      const { status } = exchange.response;
      if (status < 400 || status === 416) return exchange;
      if (last || !retried.has(status)) throw await refusal(url, exchange, about);
      pause = pauseOf(exchange.response) ?? pause;
      exchange.cancel();
    } catch (error) {
      if (!(error instanceof ConnectionError) || last || error.facts["code"] === "ENOTFOUND") throw error; // no such host
    }
    await sleep(pause, signal);
  }
}

/** A pause that an AbortSignal ends with its reason. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** `Retry-After`, in seconds or as a date. */
function pauseOf(response: Response): number | undefined {
  const header = response.headers.get("retry-after");
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), longestPauseMs);
}

/** Follows redirects by hand where the runtime shows them: a token must not go to another host, nor over plain HTTP. */
async function followed(url: string, options: RequestOptions): Promise<Exchange> {
  let [address, { token }] = [url, options];
  for (let hop = 0; hop <= mostRedirects; hop++) {
    const exchange = await Exchange.open(address, { ...options, token });
    const { status, headers } = exchange.response;
    const location = headers.get("location");
    if (status < 300 || status >= 400 || location === null) return exchange;
    const target = new URL(location, address);
    const elsewhere = target.hostname !== new URL(address).hostname;
    if (elsewhere && options.stopAtOtherHost === true) return exchange;
    exchange.cancel();
    if (elsewhere || (address.startsWith("https:") && target.protocol !== "https:")) token = undefined;
    address = target.href;
  }
  throw new HubError(`hub: ${url} was redirected more than ${mostRedirects} times.`, { url, ...options.about });
}

/** An answer and its body; silence longer than the timeout ends either. */
export class Exchange {
  readonly response: Response;
  readonly #controller: AbortController;
  readonly #options: RequestOptions;
  readonly #url: string;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #forget: () => void;

  private constructor(
    url: string,
    options: RequestOptions,
    response: Response,
    controller: AbortController,
    forget: () => void,
  ) {
    this.#url = url;
    this.#options = options;
    this.response = response;
    this.#controller = controller;
    this.#reader = response.body?.getReader();
    this.#forget = forget;
  }

  static async open(url: string, options: RequestOptions): Promise<Exchange> {
    const { protocol } = new URL(url);
    if (protocol !== "http:" && protocol !== "https:") {
      throw new HubError(`hub: ${url} is not fetched: only http and https are.`, { url, ...options.about });
    }
    const { method = "GET", token, signal, body } = options;
    signal?.throwIfAborted();
    const controller = new AbortController();
    const onAbort = () => controller.abort(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    const headers = {
      "Accept-Encoding": "identity", // sizes and ranges are those of the file
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...options.headers,
    };
    const redirect = platform.name === "web" ? "follow" : "manual"; // a page is not shown redirects
    try {
      const init: RequestInit = {
        method,
        headers,
        redirect,
        signal: controller.signal,
        ...(body !== undefined && { body }),
      };
      const response = await within(options, controller, fetch(url, init));
      return new Exchange(url, options, response, controller, () => signal?.removeEventListener("abort", onAbort));
    } catch (error) {
      signal?.removeEventListener("abort", onAbort);
      throw lost(url, options, error);
    }
  }

  /** The next piece of the body; undefined at its end. */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#reader === undefined) return undefined;
    try {
      const { done, value } = await within(this.#options, this.#controller, this.#reader.read());
      if (!done) return value;
      this.#forget();
      return undefined;
    } catch (error) {
      this.#forget();
      throw lost(this.#url, this.#options, error);
    }
  }

  async text(): Promise<string> {
    const decoder = new TextDecoder();
    let text = "";
    for (let piece = await this.read(); piece !== undefined; piece = await this.read()) {
      text += decoder.decode(piece, { stream: true });
    }
    return text + decoder.decode();
  }

  /** Ends the exchange; what is left of the body is not fetched. */
  cancel(): void {
    this.#forget();
    this.#reader?.cancel().catch(() => {}); // the connection is gone already
    this.#controller.abort();
  }
}

class SilenceError extends Error {}

async function within<T>(options: RequestOptions, controller: AbortController, wait: Promise<T>): Promise<T> {
  const { timeoutMs } = options;
  const timer = setTimeout(() => controller.abort(new SilenceError(`no answer for ${timeoutMs / 1000} s`)), timeoutMs);
  try {
    return await wait;
  } finally {
    clearTimeout(timer);
  }
}

/** A failed fetch as an error to try again; what the caller aborted stays what it is. */
function lost(url: string, { signal, about }: RequestOptions, error: unknown): unknown {
  if (signal?.aborted) return signal.reason;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const said = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new ConnectionError(
    `hub: the connection to ${url} failed: ${said}. Is the network there, and HF_ENDPOINT right?`,
    { url, code: cause instanceof Error && "code" in cause ? cause.code : undefined, ...about },
    { cause: error },
  );
}

/** The error that a hub's answer means: it says so in headers of its own. */
async function refusal(url: string, exchange: Exchange, about: RequestOptions["about"]): Promise<HubError> {
  const { response } = exchange;
  const { status, headers } = response;
  const code = headers.get("x-error-code");
  const said = headers.get("x-error-message") ?? "";
  const facts = { url, status, commit: headers.get("x-repo-commit") ?? undefined, ...about };
  exchange.cancel();
  const { repo, file, revision } = about;
  const token = "Does the token (HF_TOKEN, or `hf auth login`) have access?";
  if (code === "RevisionNotFound") {
    return new RevisionNotFoundError(
      `hub: "${repo}" has no revision "${revision}". Check the branch, tag or commit.`,
      facts,
    );
  }
  if (code === "EntryNotFound") {
    return new EntryNotFoundError(`hub: "${repo}" has no file "${file}" at revision "${revision}".`, facts);
  }
  if (code === "GatedRepo") {
    return new GatedRepoError(`hub: "${repo}" is gated: ask for access on its page. ${token}`, facts);
  }
  if (code === "RepoNotFound" || (status === 401 && said !== "Invalid credentials in Authorization header")) {
    return new RepositoryNotFoundError(
      `hub: there is no repository "${repo}", or it is private. Check the name and the repoType. ${token}`,
      facts,
    );
  }
  const more = status === 401 || status === 403 ? ` ${token}` : "";
  return new HubError(`hub: ${url} answered ${status}${said && `: ${said}`}.${more}`, facts);
}
