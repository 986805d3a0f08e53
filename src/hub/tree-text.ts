// The listing of a commit as the cache keeps it, in huggingface_hub's form.

import type { TreeEntry } from "./api.ts";
import { checkFileName } from "./names.ts";

const treeVersion = 1;

export function formatTree(entries: readonly TreeEntry[]): string {
  const files = [...entries]
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ path, size, blobId, lfs, xetHash }) => [
      path,
      {
        size,
        blob_id: blobId,
        ...(lfs !== undefined && { lfs_sha256: lfs.sha256, lfs_size: lfs.size }),
        ...(xetHash !== undefined && { xet_hash: xetHash }),
      },
    ]);
  return JSON.stringify({ format_version: treeVersion, files: Object.fromEntries(files) }, null, 1);
}

/** Undefined for what is no listing of this version: it is fetched anew then. */
export function parseTree(text: string | undefined): TreeEntry[] | undefined {
  if (text === undefined) return undefined;
  try {
    const { format_version, files } = JSON.parse(text);
    if (format_version !== treeVersion) return undefined;
    return Object.entries<Record<string, unknown>>(files).map(([path, one]) => {
      const { size, blob_id: blobId, lfs_sha256: sha256, lfs_size: lfsSize, xet_hash: xetHash } = one;
      if (typeof size !== "number" || typeof blobId !== "string") throw new Error(path);
      return {
        path: checkFileName(path),
        size,
        blobId,
        ...(typeof sha256 === "string" && typeof lfsSize === "number" && { lfs: { sha256, size: lfsSize } }),
        ...(typeof xetHash === "string" && { xetHash }),
      };
    });
  } catch {
    return undefined;
  }
}
