// Small files in the origin's private file system, by paths, and locks between its tabs.

import { HubError } from "./errors.ts";

const partsOf = (path: string): string[] => path.split("/").filter((part) => part !== "");

/** The folder at a path below the origin's root; undefined if it is not there and not to be made. */
export async function folderAt(path: string, make: true): Promise<FileSystemDirectoryHandle>;
export async function folderAt(path: string, make?: boolean): Promise<FileSystemDirectoryHandle | undefined>;
export async function folderAt(path: string, make = false): Promise<FileSystemDirectoryHandle | undefined> {
  if (typeof navigator !== "object" || navigator.storage?.getDirectory === undefined) {
    throw new HubError("hub: this page may not keep files: the private file system wants https or localhost.");
  }
  let folder = await navigator.storage.getDirectory();
  for (const part of partsOf(path)) {
    const next = await folder.getDirectoryHandle(part, { create: make }).catch(absent);
    if (next === undefined) return undefined;
    folder = next;
  }
  return folder;
}

export async function fileAt(path: string): Promise<File | undefined> {
  const parts = partsOf(path);
  const name = parts.pop() ?? "";
  const folder = await folderAt(parts.join("/"));
  return (await folder?.getFileHandle(name).catch(absent))?.getFile();
}

export async function textAt(path: string): Promise<string | undefined> {
  return (await fileAt(path))?.text();
}

/** Writes a file as a whole: the browser puts it in place when it is closed. */
export async function writeAt(path: string, content: string | Blob): Promise<void> {
  const parts = partsOf(path);
  const name = parts.pop() ?? "";
  const file = await (await folderAt(parts.join("/"), true)).getFileHandle(name, { create: true });
  const stream = await file.createWritable();
  try {
    await stream.write(content);
    await stream.close();
  } catch (cause) {
    await stream.abort().catch(() => {}); // it failed already
    const full = cause instanceof DOMException && cause.name === "QuotaExceededError";
    const what = full ? "this origin's storage is full; free some, or ask for persistent storage" : String(cause);
    throw new HubError(`hub: ${path} could not be written: ${what}.`, { path }, { cause });
  }
}

export async function removeAt(path: string): Promise<void> {
  const parts = partsOf(path);
  const name = parts.pop() ?? "";
  await (await folderAt(parts.join("/")))?.removeEntry(name, { recursive: true }).catch(absent);
}

function absent(error: unknown): undefined {
  if (error instanceof DOMException && (error.name === "NotFoundError" || error.name === "TypeMismatchError")) return;
  throw error;
}
