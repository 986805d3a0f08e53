// A page has no environment: what is not passed as an option is huggingface.co's.

import { defaultEndpoint, type HubSettings } from "./settings.ts";

export function readSettings(): HubSettings {
  return {
    endpoint: defaultEndpoint,
    cacheDir: "huggingface/hub",
    offline: false,
    etagTimeoutMs: 10_000,
    downloadTimeoutMs: 10_000,
    quiet: true,
    implicitToken: true,
  };
}

export function readToken(): string | undefined {
  return undefined;
}
