// The kinds of sources that are the same in Node and in browsers; `open-file.node.ts` and `open-file.web.ts` say what a
// string means.

import { findFolder } from "#runtime/checkpoint/folder";
import { openFile } from "#runtime/checkpoint/open-file";
import { ArgumentError } from "../base/errors.ts";
import { addressSource, type ByteSource, blobSource, bytesSource, type FileSource } from "./source.ts";
import type { Folder } from "./weight-files.ts";

/** The folder that a string names, where there are folders. */
export async function openFolder(from: FileSource): Promise<Folder | undefined> {
  return typeof from === "string" ? findFolder(from) : undefined;
}

export async function openSource(from: FileSource): Promise<ByteSource> {
  if (typeof from === "string" && !/^https?:\/\//.test(from)) return openFile(from);
  if (from instanceof URL && from.protocol === "file:") return openFile(from);
  if (typeof from === "string" || from instanceof URL) return addressSource(from);
  if (from instanceof Uint8Array) return bytesSource(from);
  if (from instanceof ArrayBuffer) return bytesSource(new Uint8Array(from));
  if (typeof Blob !== "undefined" && from instanceof Blob) return blobSource(from);
  throw new ArgumentError(
    "load: wants a path, an address, a Uint8Array, an ArrayBuffer or a Blob. For another view, give its bytes: new Uint8Array(x.buffer).",
    { got: typeof from },
  );
}
