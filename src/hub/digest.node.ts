// Hashes by Node's own crypto.

import { nodeCrypto } from "../base/crypto.node.ts";
import { type Digest, gitHeader, type HashName } from "./digest.ts";

/** `size` is needed for git's hash, which begins with it. */
export function openDigest(name: HashName, size: number): Digest {
  const hash = nodeCrypto().createHash(name === "sha256" ? "sha256" : "sha1");
  if (name === "git-sha1") hash.update(gitHeader(size));
  return {
    update: (bytes) => {
      hash.update(bytes);
    },
    hex: async () => hash.digest("hex"),
  };
}
