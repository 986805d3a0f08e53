// Browsers have no folders.

import type { Folder } from "./weight-files.ts";

export async function findFolder(_path: string): Promise<Folder | undefined> {
  return undefined;
}
