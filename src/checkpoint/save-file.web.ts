// Browsers have no disk to save to.

import { UnsupportedError } from "../base/errors.ts";
import type { SaveOptions } from "./save.ts";

export async function save(_value: unknown, path: string, _options: SaveOptions = {}): Promise<void> {
  throw new UnsupportedError(
    `save ${path}: there are no files in a browser. Make a Blob of the bytes that saveBytes() gives, and offer it for download.`,
    { path },
  );
}
