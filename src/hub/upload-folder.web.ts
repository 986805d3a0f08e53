// A page has no folders.

import { UnsupportedError } from "../base/errors.ts";

export async function listFolder(folder: string): Promise<Map<string, () => Promise<Blob>>> {
  throw new UnsupportedError(`uploadFolder "${folder}": a page has no folders. Use uploadFiles with Blobs.`, {
    folder,
  });
}

export async function withScratchFolder<T>(_use: (folder: string) => Promise<T>): Promise<T> {
  throw new UnsupportedError("pushToHub: a page has no folders. Use createRepo, and uploadFiles with Blobs.");
}
