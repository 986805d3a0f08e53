// Where a file's bytes come from: memory, a Blob, an address that answers ranges, or (in Node) a file on disk. Readers ask
// for the ranges they need, so no file is in memory as a whole unless it was given so.

import { CheckpointError } from "../base/errors.ts";

export interface ByteSource {
  /** For messages: a path, an address, or "the file". */
  readonly name: string;
  readonly size: number;
  /** Fills `into` with the bytes from `from` on; an error if the source ends before. */
  read(into: Uint8Array, from: number): Promise<void>;
  close(): Promise<void>;
}

/** What `load` and its neighbours take: in Node a path too, and strings that begin with http:// or https:// are addresses. */
export type FileSource = string | URL | Uint8Array | ArrayBuffer | Blob;

/** `length` bytes from `from` on, as an array of their own. */
export async function readBytes(source: ByteSource, from: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  await source.read(bytes, from);
  return bytes;
}

const nothingToClose = async (): Promise<void> => {};

export function bytesSource(bytes: Uint8Array, name = "the file"): ByteSource {
  return {
    name,
    size: bytes.length,
    read: async (into, from) => {
      checkRange(name, bytes.length, into.length, from);
      into.set(bytes.subarray(from, from + into.length));
    },
    close: nothingToClose,
  };
}

export function blobSource(blob: Blob, name: string = blobName(blob)): ByteSource {
  return {
    name,
    size: blob.size,
    read: async (into, from) => {
      checkRange(name, blob.size, into.length, from);
      const piece = new Uint8Array(await blob.slice(from, from + into.length).arrayBuffer());
      checkRange(name, from + piece.length, into.length, from);
      into.set(piece);
    },
    close: nothingToClose,
  };
}

function blobName(blob: Blob): string {
  return "name" in blob && typeof blob.name === "string" ? blob.name : "the file";
}

/** A part of another source, as a source of its own; closing it closes nothing. */
export function partOf(source: ByteSource, from: number, size: number, name: string = source.name): ByteSource {
  return {
    name,
    size,
    read: async (into, at) => {
      checkRange(name, size, into.length, at);
      await source.read(into, from + at);
    },
    close: nothingToClose,
  };
}

/** Reads by HTTP ranges. A server that does not know them sends everything at once, which is then kept. */
export async function addressSource(address: string | URL): Promise<ByteSource> {
  const name = String(address);
  const fail = (what: string, cause?: unknown): CheckpointError =>
    new CheckpointError(`read ${name}: ${what}. Check the address and the connection.`, { file: name }, { cause });
  const request = async (first: number, last: number): Promise<Response> => {
    const answer = await fetch(address, { headers: { range: `bytes=${first}-${last}` } }).catch((error: unknown) => {
      throw fail("the request failed", error);
    });
    if (!answer.ok && answer.status !== 416) throw fail(`the server answered ${answer.status} ${answer.statusText}`);
    return answer;
  };
  const first = await request(0, 0);
  if (first.status === 416) return bytesSource(new Uint8Array(0), name);
  const bytes = new Uint8Array(await first.arrayBuffer());
  if (first.status !== 206) return bytesSource(bytes, name);
  const size = Number(/\/(\d+)$/.exec(first.headers.get("content-range") ?? "")?.[1] ?? Number.NaN);
  if (!Number.isSafeInteger(size)) throw fail("the server does not say how long the file is");
  return {
    name,
    size,
    read: async (into, from) => {
      checkRange(name, size, into.length, from);
      if (into.length === 0) return;
      const answer = await request(from, from + into.length - 1);
      const piece = new Uint8Array(await answer.arrayBuffer());
      if (answer.status !== 206 || piece.length !== into.length) {
        throw fail(`asked for ${into.length} bytes from ${from}, got ${piece.length}; did the file change?`);
      }
      into.set(piece);
    },
    close: nothingToClose,
  };
}

function checkRange(name: string, size: number, length: number, from: number): void {
  if (from >= 0 && from + length <= size) return;
  throw new CheckpointError(
    `read ${name}: it ends after ${size} bytes, wanted ${length} from byte ${from}. The download or the save was cut off.`,
    { file: name, size, from, length },
  );
}
