// The folder of a run as the command finds it, looked at before any work is done.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ArgumentError } from "../base/errors.ts";
import { makeFolder } from "../base/make-folder.node.ts";
import { reporting } from "../checkpoint/files.node.ts";
import { weightsName } from "../checkpoint/model-files.node.ts";

/** The newest checkpoint of a run that goes on; undefined if there is none. */
export async function lastCheckpoint(folder: string): Promise<string | undefined> {
  const step = lastStep(await namesIn(folder));
  return step === undefined ? undefined : join(folder, `checkpoint-${step}`);
}

/** Throws unless a new run may begin in the folder, which is made if need be. */
export async function checkOutput(folder: string, { overwrite }: { overwrite: boolean }): Promise<void> {
  const names = await namesIn(folder);
  const step = lastStep(names);
  const held = step !== undefined ? `a run up to step ${step}` : names.includes(weightsName) ? "a model" : undefined;
  if (held === undefined || overwrite) return;
  const goOn = step === undefined ? "" : "Go on with --resume, ";
  throw new ArgumentError(
    `${folder}: it holds ${held}. ${goOn}${goOn === "" ? "B" : "b"}egin anew with --overwrite, or name another folder.`,
    { folder, step },
  );
}

async function namesIn(folder: string): Promise<string[]> {
  await reporting("write", folder, () => makeFolder(folder));
  return reporting("read", folder, () => readdir(folder));
}

function lastStep(names: readonly string[]): number | undefined {
  const steps = names.flatMap((name) => /^checkpoint-(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  return steps.length === 0 ? undefined : Math.max(...steps);
}
