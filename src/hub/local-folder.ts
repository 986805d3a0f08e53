// `localDir`: the files of a repository under their own names in a folder of the user's.

import type { HubCache } from "./cache.ts";
import type { Wanted } from "./fetch-file.ts";

export interface LocalFolder {
  /** The file, if it is there. */
  find(file: string): Promise<string | undefined>;
  /** The file, if it is there and known to be the commit's. */
  findAt(file: string, commit: string): Promise<string | undefined>;
  /** Puts the file there, from the cache if that has it. */
  store(cache: HubCache, wanted: Wanted, force: boolean): Promise<string>;
}
