// What every call on a hub takes, in huggingface_hub's words, and what it comes to with the environment.

import { readSettings, readToken } from "#runtime/hub/settings";
import { ArgumentError } from "../base/errors.ts";
import type { RequestOptions } from "./http.ts";
import { checkRevision, type RepoType } from "./names.ts";
import type { HubSettings } from "./settings.ts";

/** What has been fetched so far, of all files of one call. */
export interface DownloadProgress {
  /** The file that moved. */
  readonly file: string;
  readonly bytes: number;
  /** Of the files whose size is known by now. */
  readonly totalBytes: number;
  readonly files: number;
  readonly totalFiles: number;
}

export interface HubOptions {
  /** "model" by default. */
  readonly repoType?: RepoType;
  /** A branch, a tag or a commit's hash; "main" by default. */
  readonly revision?: string;
  /** The hub's address; HF_ENDPOINT, or huggingface.co, by default. */
  readonly endpoint?: string;
  /** `false` sends none, `true` wants one; HF_TOKEN or the token that `hf auth login` saved by default. */
  readonly token?: string | boolean;
  /** Where the cache is; HF_HUB_CACHE by default. */
  readonly cacheDir?: string;
  /** Only what is on this machine; HF_HUB_OFFLINE does the same everywhere. */
  readonly localFilesOnly?: boolean;
  /** How many seconds the hub may take to say what a file is; 10 by default. */
  readonly etagTimeout?: number;
  /** How often a failed request is tried again; 5 by default. */
  readonly retries?: number;
  /** The pause before the first retry, in milliseconds; each is twice the one before. 500 by default. */
  readonly retryDelayMs?: number;
  readonly signal?: AbortSignal;
}

export interface DownloadOptions extends HubOptions {
  /** Fetches the file even if it is here. */
  readonly forceDownload?: boolean;
  /** A folder that gets the files under their own names, instead of the cache. */
  readonly localDir?: string;
  /** `false` shows no progress, a function gets it; a bar on a terminal by default. */
  readonly progress?: boolean | ((progress: DownloadProgress) => void);
}

/** Options and environment, settled. */
export interface Settled extends HubSettings {
  readonly revision: string;
  readonly token: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly retries: number;
  readonly retryDelayMs: number;
  /** `localFilesOnly`, told from the environment's `offline` for messages. */
  readonly localFilesOnly: boolean;
}

export function settle(options: HubOptions): Settled {
  const settings = readSettings();
  const { etagTimeout, localFilesOnly = false } = options;
  return {
    ...settings,
    endpoint: checkEndpoint(options.endpoint?.replace(/\/+$/, "") ?? settings.endpoint),
    cacheDir: options.cacheDir ?? settings.cacheDir,
    offline: settings.offline || localFilesOnly,
    etagTimeoutMs: etagTimeout === undefined ? settings.etagTimeoutMs : etagTimeout * 1000,
    revision: checkRevision(options.revision ?? "main"),
    token: tokenFor(options.token, settings.implicitToken),
    signal: options.signal,
    retries: options.retries ?? 5,
    retryDelayMs: options.retryDelayMs ?? 500,
    localFilesOnly,
  };
}

function checkEndpoint(endpoint: string): string {
  if (/^https?:\/\/[^/\s]/.test(endpoint)) return endpoint;
  throw new ArgumentError(`hub: the endpoint "${endpoint}" is no http(s) address. Check HF_ENDPOINT.`, { endpoint });
}

function tokenFor(token: string | boolean | undefined, implicit: boolean): string | undefined {
  if (typeof token === "string") return token;
  if (token === false || (token === undefined && !implicit)) return undefined;
  const found = readToken();
  if (found === undefined && token === true) {
    throw new ArgumentError("hub: token: true wants a token, and there is none. Set HF_TOKEN, or run `hf auth login`.");
  }
  return found;
}

/** What a request to the hub's own API takes. */
export function requestOptions(
  settled: Settled,
  about: RequestOptions["about"],
): Pick<RequestOptions, "token" | "timeoutMs" | "signal" | "retries" | "retryDelayMs" | "offline" | "about"> {
  const { token, etagTimeoutMs: timeoutMs, signal, retries, retryDelayMs, offline } = settled;
  return { token, timeoutMs, signal, retries, retryDelayMs, offline, about };
}
