// A trace on disk, written beside its place and renamed.

import { writeFileAtomic } from "../checkpoint/files.node.ts";

export async function saveTrace(path: string, json: string): Promise<void> {
  await writeFileAtomic(path, json);
}
