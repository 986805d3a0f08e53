// The files that data sets are read from: `files.node.ts` and `files.web.ts` answer.

export interface RandomAccess {
  readonly byteLength: number;
  slice(start: number, end?: number): ArrayBuffer | Promise<ArrayBuffer>;
}

export interface DataFiles {
  /** Bytes block by block, unpacked where the name ends in .gz or .zst. A block is only valid until the next. */
  blocks(path: string): AsyncGenerator<Uint8Array>;
  /** Any bytes of a file. */
  access(path: string): Promise<RandomAccess>;
  /** The files in a folder and those below it, by their paths, sorted; undefined where it is no folder. */
  list(folder: string): Promise<string[] | undefined>;
  /** What stands for the contents of files, noted in `cacheDir`; undefined where nothing is cached. */
  digest(paths: readonly string[], cacheDir: string): Promise<string | undefined>;
  /** Where tables of files are kept. */
  readonly cacheRoot: string;
}
