// The folder of a run on disk. A checkpoint is written beside its place and renamed, so a kill at any moment leaves those
// before it whole; and it carries the checksums of its files, so that a torn or changed one is found before it is believed.

import { createReadStream } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { CheckpointError } from "../base/errors.ts";
import { makeFolder } from "../base/make-folder.node.ts";
import {
  readJson,
  removeFolder,
  removeLeftovers,
  reporting,
  writeFileAtomic,
  writeFolderAtomic,
} from "../checkpoint/files.node.ts";
import { openSafetensors, saveSafetensors } from "../checkpoint/safetensors.node.ts";
import { cardMark } from "./card.ts";
import { lossCurveSvg } from "./curve.ts";
import { type JsonlLog, openJsonlLog } from "./jsonl-log.node.ts";
import {
  type Checkpoint,
  checkpointName,
  type FolderFiles,
  type OpenedRun,
  type OpenOptions,
  type RunFolder,
} from "./run-folder.ts";
import type { LogEntry } from "./state.ts";

const sumsName = "SHA256SUMS"; // as `sha256sum -c` reads it
/** Without these nothing can be resumed. */
const required = ["optimizer.safetensors", "trainer_state.json", "rng_state.json"] as const;
/** One of these. */
const weights = ["model.safetensors", "adapter_model.safetensors"] as const;

/**
 * Opens a run's folder, which is made if need be. One that holds checkpoints or a model is only taken to resume or to
 * overwrite it. Nothing is changed but for the leftovers of killed processes.
 */
export async function openRun(path: string, { resume, overwrite }: OpenOptions): Promise<OpenedRun> {
  await reporting("write", path, () => makeFolder(path));
  await reporting("write", path, () => removeLeftovers(path));
  const names = await reporting("read", path, () => readdir(path));
  const steps = checkpointSteps(names);
  const checkpoint = resume === false ? undefined : await toResume(path, steps, resume);
  const goesOn = checkpoint !== undefined && dirname(resolve(checkpoint.path)) === resolve(path);
  if (!goesOn) {
    const held =
      steps.length > 0
        ? `checkpoints up to step ${steps.at(-1)}`
        : weights.some((name) => names.includes(name))
          ? "a model"
          : undefined;
    if (held !== undefined && !overwrite) {
      const todo =
        steps.length > 0
          ? "Resume it, choose another folder, or set overwriteOutputDir"
          : "Choose another folder, or set overwriteOutputDir";
      throw new CheckpointError(`${path}: it holds ${held}. ${todo} to begin anew.`, { path, steps });
    }
  }
  return { folder: new DiskFolder(path, checkpoint?.step ?? 0, goesOn ? [] : steps), checkpoint };
}

/** The steps of a folder's checkpoints, oldest first. */
function checkpointSteps(names: readonly string[]): number[] {
  const steps = names.flatMap((name) => {
    const match = /^checkpoint-(\d+)$/.exec(name);
    return match === null ? [] : [Number(match[1])];
  });
  return steps.sort((a, b) => a - b);
}

async function toResume(
  path: string,
  steps: readonly number[],
  resume: true | string,
): Promise<Checkpoint | undefined> {
  if (typeof resume === "string") return openCheckpoint(resume);
  const newest = steps.at(-1);
  if (newest === undefined) return undefined;
  try {
    return await openCheckpoint(join(path, checkpointName(newest)));
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    for (const step of steps.slice(0, -1).reverse()) {
      const older = join(path, checkpointName(step));
      if ((await openCheckpoint(older).catch(() => undefined)) === undefined) continue;
      const advice = `${older} is whole: move ${checkpointName(newest)} away and resume again to go on from there.`;
      throw new CheckpointError(`${error.message} ${advice}`, { ...error.facts, whole: older }, { cause: error });
    }
    const advice = "There is no older checkpoint that is whole.";
    throw new CheckpointError(`${error.message} ${advice}`, error.facts, { cause: error });
  }
}

class DiskFolder implements RunFolder {
  readonly path: string;
  readonly #step: number;
  readonly #old: readonly number[];
  #log: JsonlLog | undefined;

  /** `step` is the one to go on from, `old` are those of the checkpoints to delete. */
  constructor(path: string, step: number, old: readonly number[]) {
    this.path = path;
    this.#step = step;
    this.#old = old;
  }

  async begin(): Promise<void> {
    this.#log = openJsonlLog(join(this.path, "log.jsonl"), { resumeStep: this.#step });
    for (const step of this.#old) await removeFolder(join(this.path, checkpointName(step)));
  }
  log(row: Readonly<Record<string, unknown>>): void {
    this.#log?.write(row);
  }
  async drawCurve(history: readonly LogEntry[], metric: string): Promise<void> {
    await writeFileAtomic(join(this.path, "loss.svg"), lossCurveSvg(history, basename(resolve(this.path)), metric));
  }

  async saveCheckpoint(
    step: number,
    files: FolderFiles,
    keep: { readonly limit?: number | undefined; readonly best: number | null },
  ): Promise<string> {
    const path = join(this.path, checkpointName(step));
    await writeFolderAtomic(path, (folder) => fill(folder, files), { replace: true });
    if (keep.limit !== undefined) {
      const all = checkpointSteps(await readdir(this.path));
      const old = all.filter((other) => other !== step && other !== keep.best); // the oldest first
      for (const other of old.slice(0, Math.max(0, all.length - keep.limit)))
        await removeFolder(join(this.path, checkpointName(other)));
    }
    return path;
  }

  close(): void {
    this.#log?.close();
  }
}

/** Writes files one by one, each whole or not at all. */
export async function writeFiles(path: string, files: FolderFiles): Promise<void> {
  await reporting("write", path, () => makeFolder(path));
  for (const [name, content] of files) {
    if (typeof content === "string" || content instanceof Uint8Array) await writeFileAtomic(join(path, name), content);
    else await saveSafetensors(join(path, name), content, { format: "pt" });
  }
}

/** Writes a README.md, unless there is one that somebody else wrote. */
export async function writeCard(path: string, text: string): Promise<void> {
  const file = join(path, "README.md");
  const before = await readFile(file, "utf8").catch(() => cardMark);
  if (before.includes(cardMark)) await writeFileAtomic(file, text);
}

async function fill(folder: string, files: FolderFiles): Promise<void> {
  const sums: string[] = [];
  for (const [name, content] of files) {
    const file = join(folder, name);
    if (typeof content === "string" || content instanceof Uint8Array) await writeFile(file, content);
    else await saveSafetensors(file, content, { format: "pt" });
    sums.push(`${await sha256(file)}  ${name}\n`);
  }
  await writeFile(join(folder, sumsName), sums.join(""));
}

async function sha256(file: string): Promise<string> {
  const { createHash } = await import("node:crypto"); // only here: loading it takes a tenth of the package's start
  const hash = createHash("sha256");
  for await (const piece of createReadStream(file, { highWaterMark: 2 ** 20 })) hash.update(piece as Buffer); // no encoding is set
  return hash.digest("hex");
}

/** Opens a checkpoint after comparing every file with its checksum. */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const step = checkpointSteps([basename(resolve(path))])[0];
  if (step === undefined) throw new CheckpointError(`${path}: a checkpoint's folder is named checkpoint-N.`, { path });
  if (!(await isFolder(path))) throw new CheckpointError(`${path}: there is no such folder.`, { path });
  const sums = await readFile(join(path, sumsName), "utf8").catch(() => undefined);
  if (sums === undefined)
    throw broken(join(path, sumsName), "it is missing, so the checkpoint's files cannot be trusted");
  const listed = new Map<string, string>();
  for (const line of sums.split("\n")) {
    const [, sum, name] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
    if (sum !== undefined && name !== undefined) listed.set(name, sum);
  }
  const wanted = weights.some((name) => listed.has(name)) ? required : [weights[0], ...required];
  for (const name of wanted)
    if (!listed.has(name)) throw broken(join(path, sumsName), `it does not list ${name}: it was cut off or changed`);
  for (const [name, sum] of listed) {
    const file = join(path, name);
    const actual = await sha256(file).catch((error: NodeJS.ErrnoException) => {
      throw broken(file, error.code === "ENOENT" ? "it is missing" : error.message);
    });
    if (actual !== sum) throw broken(file, "it is not as it was saved: it was cut off or changed");
  }
  const fileOf = (name: string): string => join(path, name);
  return {
    path,
    step,
    sibling: async (other) => {
      const folder = join(dirname(resolve(path)), checkpointName(other));
      return (await isFolder(folder)) ? folder : undefined;
    },
    file: fileOf,
    has: (name) => listed.has(name),
    readJson: (name) => readJson(fileOf(name)),
    readText: (name) => reporting("read", fileOf(name), () => readFile(fileOf(name), "utf8")),
    openWeights: (name) => openSafetensors(fileOf(name)),
  };
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

function broken(file: string, what: string): CheckpointError {
  return new CheckpointError(`${file}: ${what}.`, { file });
}
