// Python's lock, seen from outside. huggingface_hub holds a flock on ETAG.lock while it fetches. Node can take none, but Linux
// tells in /proc/locks which files have one: so what Python is fetching is waited for, and found whole, instead of fetched again.
// Elsewhere, and where a disk's number differs between the two, it is fetched twice, as Python does when we were first.

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { sleep } from "./http.ts";

/** A download that stands still for so long is not waited for. */
const standsStillMs = 20_000;
const pauseMs = 100;

export interface Watched {
  /** Python's lock file. */
  readonly lock: string;
  /** Where its unfinished files lie, and what their names begin with. */
  readonly folder: string;
  readonly stem: string;
}

/** Waits while another process holds the lock and its file grows. */
export async function waitForPython(
  { lock, folder, stem }: Watched,
  signal?: AbortSignal,
  table = "/proc/locks",
): Promise<void> {
  let [seen, sinceMs] = [-1, performance.now()];
  while (await isLocked(lock, table)) {
    const bytes = await unfinishedBytes(folder, stem);
    if (bytes !== seen) [seen, sinceMs] = [bytes, performance.now()];
    if (performance.now() - sinceMs > standsStillMs) return;
    await sleep(pauseMs, signal);
  }
}

async function isLocked(path: string, table: string): Promise<boolean> {
  const file = await stat(path, { bigint: true }).catch(() => undefined);
  if (file === undefined) return false;
  const text = await readFile(table, "utf8").catch(() => "");
  return flocks(text).has(`${deviceName(file.dev)}:${file.ino}`);
}

/** Files with a lock, as "major:minor:inode" of `1: FLOCK  ADVISORY  WRITE 1234 08:01:131090 0 EOF`. Who only waits has "->". */
export function flocks(table: string): ReadonlySet<string> {
  const files = table
    .split("\n")
    .map((line) => /^\d+: FLOCK +ADVISORY +WRITE +\d+ ([0-9a-f]+:[0-9a-f]+:\d+) /.exec(line));
  return new Set(files.flatMap((match) => match?.[1] ?? []));
}

/** Linux's numbers of a device, packed as in its `makedev`. */
function deviceName(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  return [major, minor].map((part) => part.toString(16).padStart(2, "0")).join(":");
}

async function unfinishedBytes(folder: string, stem: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const parts = names.filter((name) => name.startsWith(`${stem}.`) && name.endsWith(".incomplete"));
  const sizes = await Promise.all(parts.map((name) => stat(join(folder, name)).catch(() => undefined)));
  return sizes.reduce((sum, part) => sum + (part?.size ?? 0), 0);
}
