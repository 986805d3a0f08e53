// Browsers: tables stay in memory.

import { UnsupportedError } from "../../base/errors.ts";
import { MemorySink } from "./bytes.ts";
import type { Storage } from "./storage.ts";

function noFiles(): never {
  throw new UnsupportedError("a browser has no files: data sets stay in memory here.", {});
}

export const storage: Storage = {
  hasFiles: false,
  openFile: noFiles,
  writeFile: noFiles,
  digest: noFiles,
  temporaryFile: () => new MemorySink(),
};
