// A tokenizer's folder, wherever its files are: on disk, or in a browser's cache.

import { CheckpointError } from "../base/errors.ts";

export class TokenizerFolder {
  readonly path: string;
  readonly names: readonly string[];
  readonly bytes: (name: string) => Promise<Uint8Array>;

  constructor(path: string, names: readonly string[], bytes: (name: string) => Promise<Uint8Array>) {
    this.path = path;
    this.names = names;
    this.bytes = bytes;
  }

  async text(name: string): Promise<string> {
    if (!this.names.includes(name)) {
      throw new CheckpointError(
        `AutoTokenizer: "${this.path}" holds no ${name}, but ${this.names.slice(0, 8).join(", ") || "nothing"}.`,
        { folder: this.path, name },
      );
    }
    return new TextDecoder().decode(await this.bytes(name));
  }

  /** The content of a file; undefined if there is no such file and it is not `wanted`. */
  async json(name: string, wanted = false): Promise<unknown> {
    if (!wanted && !this.names.includes(name)) return undefined;
    const text = await this.text(name);
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new CheckpointError(
        `AutoTokenizer: "${this.path}/${name}" could not be read: ${(cause as Error).message}. Is the download complete? Fetch or save it again.`,
        { file: `${this.path}/${name}` },
        { cause },
      );
    }
  }
}
