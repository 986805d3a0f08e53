// Hashes in a page: sha256 as the bytes come, git's (of small files) by the browser over all of them.

import { type Digest, gitHeader, type HashName } from "./digest.ts";
import { Sha256 } from "./sha256.ts";

export function openDigest(name: HashName, size: number): Digest {
  if (name === "sha256") {
    const hash = new Sha256();
    return { update: (bytes) => hash.update(bytes), hex: async () => hash.hex() };
  }
  const pieces: BlobPart[] = [Uint8Array.from(gitHeader(size))];
  return {
    update: (bytes) => {
      pieces.push(Uint8Array.from(bytes));
    },
    hex: async () => {
      const hash = await crypto.subtle.digest("SHA-1", await new Blob(pieces).arrayBuffer());
      return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
    },
  };
}
