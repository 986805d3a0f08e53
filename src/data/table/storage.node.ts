// Files larger than memory: positioned reads, small ones through a cache of pages that never grows beyond its bound.

import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { nodeCrypto } from "../../base/crypto.node.ts";
import { DataError } from "../../base/errors.ts";
import type { ByteSource } from "./bytes.ts";
import type { FileByteSink, Storage } from "./storage.ts";

const pageBytes = 2 ** 12;
/** 32 MiB for all files together; a power of 2. */
const mostPages = 8192;
/** Longer reads are done at once, past the pages. */
const longRead = 8 * pageBytes;

/** Each page has one place that it may be in, and drives out what is there. */
const pages: (Uint8Array | undefined)[] = new Array<undefined>(mostPages).fill(undefined);
/** Which page it is: that of a file, whose pages have numbers of their own. */
const held: Float64Array = new Float64Array(mostPages).fill(-1);
const filePages = 2 ** 32;
let filesOpened = 0;

class FileBytes implements ByteSource {
  readonly size: number;
  readonly name: string;
  readonly onDisk = true;
  readonly #fd: number;
  readonly #firstPage: number;
  /** So that the first pages of all files do not have one place. */
  readonly #firstPlace: number;

  constructor(path: string, fd: number) {
    this.name = path;
    this.#fd = fd;
    this.#firstPlace = Math.imul(filesOpened, 40503) & (mostPages - 1);
    this.#firstPage = filePages * filesOpened++;
    this.size = fstatSync(fd).size;
  }

  read(position: number, length: number): Uint8Array {
    if (position < 0 || length < 0 || position + length > this.size) {
      throw new RangeError(`${length} bytes at ${position} of ${this.size}`);
    }
    if (length >= longRead) return this.#readNow(position, length);
    const first = Math.floor(position / pageBytes);
    const offset = position - first * pageBytes;
    if (offset + length <= pageBytes) return this.#page(first).subarray(offset, offset + length);
    const bytes = new Uint8Array(length);
    for (let at = 0, page = first; at < length; page++) {
      const from = at === 0 ? offset : 0;
      const piece = this.#page(page).subarray(from, from + length - at);
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  #page(number: number): Uint8Array {
    const key = this.#firstPage + number;
    const place = (this.#firstPlace + number) & (mostPages - 1);
    const found = pages[place];
    if (found !== undefined && held[place] === key) return found;
    const from = number * pageBytes;
    const size = Math.min(pageBytes, this.size - from);
    const isWhole = size === pageBytes && found?.length === pageBytes; // its memory is used again
    held[place] = -1; // in case that reading fails
    const bytes = this.#readNow(from, size, isWhole ? found : undefined);
    pages[place] = bytes;
    held[place] = key;
    return bytes;
  }

  #readNow(position: number, length: number, into: Uint8Array = new Uint8Array(length)): Uint8Array {
    for (let at = 0; at < length; ) {
      const bytes = readSync(this.#fd, into, at, length - at, position + at);
      if (bytes === 0) throw new RangeError(`the file ${this.name} became shorter while it was read`);
      at += bytes;
    }
    return into;
  }
}

const closing = new FinalizationRegistry<{ readonly fd: number; readonly temporary: string | undefined }>(
  ({ fd, temporary }) => {
    closeSync(fd);
    if (temporary !== undefined) rmSync(temporary, { force: true });
  },
);

function open(path: string, temporary?: string): ByteSource {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    throw new DataError(`read ${path}: ${(error as Error).message}.`, { file: path }, { cause: error }); // fs throws errors
  }
  const file = new FileBytes(path, fd);
  closing.register(file, { fd, temporary });
  return file;
}

/** Small writes are gathered. */
const blockBytes = 2 ** 20;

/** A file that is being written. One that fails takes itself back, and says how far it came. */
class FileSink implements FileByteSink {
  readonly #fd: number;
  readonly #written: string;
  readonly #final: string | undefined;
  readonly #block = new Uint8Array(blockBytes);
  #filled = 0;
  /** On disk. */
  #bytes = 0;
  #state: "open" | "settled" | "gone" = "open";

  /** Without `final` the file stays where it is written. */
  constructor(written: string, final?: string) {
    this.#written = written;
    this.#final = final;
    try {
      mkdirSync(dirname(written), { recursive: true });
      this.#fd = openSync(written, "wx");
    } catch (error) {
      throw unwritten(final ?? written, error);
    }
  }
  write(bytes: Uint8Array): void {
    if (this.#filled + bytes.length > blockBytes) this.#flush();
    if (bytes.length >= blockBytes) return this.#put(bytes);
    this.#block.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }
  #flush(): void {
    this.#put(this.#block.subarray(0, this.#filled));
    this.#filled = 0;
  }
  #put(bytes: Uint8Array): void {
    this.#trying(bytes.length, () => {
      for (let at = 0; at < bytes.length; ) {
        const written = writeSync(this.#fd, bytes, at);
        at += written;
        this.#bytes += written;
      }
    });
  }
  #trying(asked: number, act: () => void): void {
    const before = this.#bytes;
    try {
      act();
    } catch (error) {
      this.abandon();
      throw unwritten(this.#final ?? this.#written, error, { writtenBytes: before, askedBytes: asked });
    }
  }
  settle(): void {
    this.#flush();
    this.#trying(0, () => {
      if (this.#final !== undefined) fsyncSync(this.#fd);
    });
    closeSync(this.#fd);
    this.#state = "settled";
  }
  finish(): ByteSource {
    if (this.#state === "open") this.settle();
    if (this.#final === undefined) return open(this.#written, this.#written);
    const final = this.#final;
    this.#trying(0, () => renameSync(this.#written, final));
    return open(final);
  }
  readBack(): ByteSource {
    this.#flush();
    return open(this.#written);
  }
  abandon(): void {
    if (this.#state === "gone") return;
    if (this.#state === "open") closeSync(this.#fd);
    this.#state = "gone";
    rmSync(this.#written, { force: true });
  }
}

const advice: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full. Free some space, or choose another disk",
  EDQUOT: "the disk quota is used up. Free some space, or choose another disk",
  EACCES: "permission denied. Choose a place this user may write",
  EROFS: "the disk is read-only. Choose another one",
};
function unwritten(
  path: string,
  error: unknown,
  sizes?: { readonly writtenBytes: number; readonly askedBytes: number },
): Error {
  const cause = error as NodeJS.ErrnoException; // fs throws these
  const code = cause.code ?? "";
  const far =
    sizes === undefined
      ? ""
      : `, after ${megabytes(sizes.writtenBytes)} were written and ${megabytes(sizes.askedBytes)} more were asked for`;
  const what = `${advice[code] ?? cause.message} (${code})`;
  return new DataError(
    `write ${path}: ${what}${far}. Nothing of it is kept, and what was there before is untouched.`,
    { file: path, code, ...sizes },
    { cause: error },
  );
}
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

let folder: string | undefined;

/** The folder of this process's temporary files. */
function temporaryFolder(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), "kindling-datasets-"));
    process.once("exit", () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return folder;
}

export const storage: Storage = {
  hasFiles: true,
  openFile: (path) => open(path),
  writeFile: (path) => new FileSink(`${path}.${process.pid}.${crypto.randomUUID().slice(0, 8)}.part`, path),
  digest: (text) => nodeCrypto().createHash("sha256").update(text).digest("hex").slice(0, 16),
  temporaryFile: () => new FileSink(join(temporaryFolder(), `${crypto.randomUUID()}.arrow`)),
};
