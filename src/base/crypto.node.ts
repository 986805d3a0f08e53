// Node's crypto for those that cannot wait for an import: loading it takes a tenth of the package's start, and few programs hash.

import { createRequire } from "node:module";

export function nodeCrypto(): typeof import("node:crypto") {
  return createRequire(import.meta.url)("node:crypto") as typeof import("node:crypto"); // what that module is
}
