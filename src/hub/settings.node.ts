// The environment of a Node process, read anew at each call, so that a test or a program may change it.

import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { defaultEndpoint, type HubSettings } from "./settings.ts";

export function readSettings(): HubSettings {
  const { env } = process;
  return {
    endpoint: (env["HF_ENDPOINT"] || defaultEndpoint).replace(/\/+$/, ""),
    cacheDir: expand(env["HF_HUB_CACHE"] ?? env["HUGGINGFACE_HUB_CACHE"] ?? join(hfHome(), "hub")),
    offline: isTrue(env["HF_HUB_OFFLINE"] || env["TRANSFORMERS_OFFLINE"]),
    etagTimeoutMs: seconds(env["HF_HUB_ETAG_TIMEOUT"]),
    downloadTimeoutMs: seconds(env["HF_HUB_DOWNLOAD_TIMEOUT"]),
    quiet: isTrue(env["HF_HUB_DISABLE_PROGRESS_BARS"]),
    implicitToken: !isTrue(env["HF_HUB_DISABLE_IMPLICIT_TOKEN"]),
  };
}

/** HF_TOKEN, or what the file at HF_TOKEN_PATH (`token` in HF_HOME, written by `hf auth login`) holds. */
export function readToken(): string | undefined {
  const { env } = process;
  const named = (env["HF_TOKEN"] ?? env["HUGGING_FACE_HUB_TOKEN"])?.trim();
  if (named) return named;
  try {
    return readFileSync(expand(env["HF_TOKEN_PATH"] ?? join(hfHome(), "token")), "utf8").trim() || undefined;
  } catch {
    return undefined; // nobody has logged in
  }
}

function hfHome(): string {
  const { env } = process;
  return expand(env["HF_HOME"] ?? join(env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "huggingface"));
}

/** `~`, `$NAME` and `${NAME}`, as Python expands them. */
function expand(path: string): string {
  const filled = path.replace(/\$(?:(\w+)|\{(\w+)\})/g, (all, a, b) => process.env[a ?? b] ?? all);
  return filled.replace(/^~(?=$|[/\\])/, homedir());
}

const isTrue = (value: string | undefined): boolean => /^(1|on|yes|true)$/i.test(value ?? "");
const seconds = (value: string | undefined): number => (Number(value) > 0 ? Number(value) : 10) * 1000;
