// Browsers have no folders: a run there keeps its history in memory, and its model is asked for with `stateDict()`.

import { UnsupportedError } from "../base/errors.ts";
import type { Checkpoint, FolderFiles, OpenedRun, OpenOptions } from "./run-folder.ts";

const refuse = (path: string): never => {
  throw new UnsupportedError(
    `${path}: there are no folders in a browser. Leave outputDir out; the Trainer's state holds the history.`,
    { path },
  );
};

export async function openRun(path: string, _options: OpenOptions): Promise<OpenedRun> {
  return refuse(path);
}
export async function writeFiles(path: string, _files: FolderFiles): Promise<void> {
  refuse(path);
}
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  return refuse(path);
}
export async function writeCard(path: string, _text: string): Promise<void> {
  refuse(path);
}
