// The hash that a blob's name is: sha256 for an LFS file, git's sha1 ("blob SIZE\0" and the bytes) for another one.

export type HashName = "sha256" | "git-sha1";

/** Takes bytes as they come. */
export interface Digest {
  update(bytes: Uint8Array): void;
  hex(): Promise<string>;
}

/** Which hash an ETag is; undefined if it is neither, and so nothing can be verified but the size. */
export function hashOf(etag: string): HashName | undefined {
  if (/^[0-9a-f]{64}$/.test(etag)) return "sha256";
  return /^[0-9a-f]{40}$/.test(etag) ? "git-sha1" : undefined;
}

/** What git puts before a blob's bytes. */
export function gitHeader(size: number): Uint8Array {
  return new TextEncoder().encode(`blob ${size}\0`);
}
