// A page has no folders of the user's.

import { UnsupportedError } from "../base/errors.ts";
import type { LocalFolder } from "./local-folder.ts";

export function openLocalFolder(folder: string): LocalFolder {
  throw new UnsupportedError(
    `hub: localDir "${folder}": a page has no folders. Leave it out; the browser keeps the files.`,
    {
      folder,
    },
  );
}

export async function isFolder(_path: string): Promise<boolean> {
  return false;
}
