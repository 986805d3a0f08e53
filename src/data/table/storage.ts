// Where tables are kept: files in Node, memory alone in browsers. `storage.node.ts` and `storage.web.ts` answer.

import type { ByteSink, ByteSource } from "./bytes.ts";

/** A file that takes its place when it is finished. Where writing fails nothing is left of it. */
export interface FileByteSink extends ByteSink {
  /** Brings all to the disk; what is left to finish is a change of names. */
  settle(): void;
}

export interface Storage {
  /** A table larger than memory can be kept here. */
  readonly hasFiles: boolean;
  /** A file to read from; its pages are cached within a bound. */
  openFile(path: string): ByteSource;
  /** Writes a file beside `path` and puts it in its place when it is finished. */
  writeFile(path: string): FileByteSink;
  /** A file that goes when the process ends, or when nobody reads it any more. */
  temporaryFile(): ByteSink;
  /** 16 characters that stand for a text, to name a cached file by. */
  digest(text: string): string;
}
