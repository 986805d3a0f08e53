// One process at a time, by a file that only one can make. Node has no flock, so the file says who made it and its time is
// renewed while that one lives; who finds it waits until it is gone, its owner is dead, or its time stands still.
//
// A lock only saves work. What it guards stays right without it: each owner writes a file of its own and renames it when whole.

import { open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { makeFolder } from "../base/make-folder.node.ts";
import { sleep } from "./http.ts";

const beatMs = 2_000;
/** A time that stands still for so long is that of a dead owner on another machine, or of one that was stopped. */
const staleMs = 20_000;
const longestWaitMs = 250;

export interface Lock {
  /** Names what its owner writes. */
  readonly token: string;
  /** Whether an owner before was pushed aside without proof that it is dead; what it wrote may still be written to. */
  readonly pushedAside: boolean;
  release(): Promise<void>;
}

interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly token: string;
  readonly sinceMs: number;
}

/** Waits for the lock at `path`. */
export async function acquireLock(path: string, signal?: AbortSignal): Promise<Lock> {
  await makeFolder(dirname(path));
  const token = crypto.randomUUID().slice(0, 8);
  let pushedAside = false;
  let seen: { readonly id: string; readonly atMs: number } | undefined;
  for (let waitMs = 5; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    signal?.throwIfAborted();
    if (await make(path, token)) return hold(path, token, pushedAside);
    const found = await look(path);
    if (found === undefined) continue;
    if (seen?.id !== found.id) seen = { id: found.id, atMs: performance.now() };
    const dead = found.owner !== undefined && isDead(found.owner);
    if (dead || performance.now() - seen.atMs > staleMs) {
      pushedAside = (await remove(path, found.text, token)) && !dead;
      continue;
    }
    await sleep(waitMs * (0.5 + Math.random() / 2), signal);
  }
}

async function make(path: string, token: string): Promise<boolean> {
  try {
    const file = await open(path, "wx");
    const owner: Owner = { pid: process.pid, host: hostname(), token, sinceMs: Date.now() };
    await file.writeFile(JSON.stringify(owner)).finally(() => file.close());
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false; // what fs throws
    throw error;
  }
}

function hold(path: string, token: string, pushedAside: boolean): Lock {
  const timer = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {}); // pushed aside, or the disk is gone: the renaming will tell
  }, beatMs);
  timer.unref();
  return {
    token,
    pushedAside,
    release: async () => {
      clearInterval(timer);
      const found = await look(path);
      if (found?.owner?.token === token) await rm(path, { force: true });
    },
  };
}

interface Found {
  readonly text: string;
  readonly owner: Owner | undefined;
  /** Another one as soon as the owner lives on. */
  readonly id: string;
}

async function look(path: string): Promise<Found | undefined> {
  try {
    const [text, { mtimeMs }] = [await readFile(path, "utf8"), await stat(path)];
    return { text, owner: ownerOf(text), id: `${text} ${mtimeMs}` };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined; // what fs throws
    throw error;
  }
}

/** Undefined while the owner has not written yet. */
function ownerOf(text: string): Owner | undefined {
  try {
    const { pid, host, token, sinceMs } = JSON.parse(text);
    return typeof pid === "number" && typeof host === "string" ? { pid, host, token, sinceMs } : undefined;
  } catch {
    return undefined;
  }
}

function isDead({ pid, host, sinceMs }: Owner): boolean {
  if (host !== hostname()) return false;
  if (pid === process.pid) return sinceMs < Date.now() - process.uptime() * 1000 - 1000; // our number's owner before us
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH"; // what process.kill throws
  }
}

/** Takes away the lock that was judged, and no other: another process may have done so and made its own in between. */
async function remove(path: string, judged: string, token: string): Promise<boolean> {
  const aside = `${path}.${token}`;
  try {
    await rename(path, aside);
  } catch {
    return false; // somebody else was faster
  }
  const right = (await readFile(aside, "utf8")) === judged;
  if (right) await rm(aside, { force: true });
  else await rename(aside, path);
  return right;
}
