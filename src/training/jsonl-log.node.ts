// The log of a training run: one JSON object a line, appended as training goes and on disk with each line. A process that
// is killed can at most tear the last line; opening the log again cuts that off. A run that resumes from a checkpoint cuts
// off what came after the checkpoint's step too, so that every step stands in the log once.

import {
  appendFileSync,
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { DataError } from "../base/errors.ts";

export type LogRow = Readonly<Record<string, unknown>>;

export interface JsonlLog {
  /** Appends a row. NaN and infinities, which JSON has not, are written as "NaN", "Infinity" and "-Infinity". */
  write(row: LogRow): void;
  close(): void;
}

/**
 * Opens a log to append to, and makes it if need be. With `resumeStep`, everything from the first row whose `step` is
 * larger is cut off: 0 starts anew, but for rows that no step belongs to.
 */
export function openJsonlLog(path: string, { resumeStep }: { resumeStep?: number } = {}): JsonlLog {
  return saying(path, () => {
    mkdirSync(dirname(path), { recursive: true });
    const keptBytes = existsSync(path) ? scan(path, resumeStep ?? Number.POSITIVE_INFINITY).bytes : 0;
    const file = openSync(path, "a");
    if (fstatSync(file).size > keptBytes) ftruncateSync(file, keptBytes);
    return {
      write: (row) => saying(path, () => append(file, `${JSON.stringify(row, withoutNonFinite)}\n`)),
      close: () => closeSync(file),
    };
  });
}

/** A line or, when the disk is full, nothing of it. */
function append(file: number, line: string): void {
  const { size } = fstatSync(file);
  try {
    appendFileSync(file, line);
  } catch (error) {
    ftruncateSync(file, size);
    throw error;
  }
}

/** All whole rows of a log, as they were written; also while another process is writing it. */
export function readJsonlLog(path: string): LogRow[] {
  return saying(path, () => scan(path, Number.POSITIVE_INFINITY).rows);
}

/** The rows up to and with `lastStep`, and how many bytes of the file they are. */
function scan(path: string, lastStep: number): { rows: LogRow[]; bytes: number } {
  const content = readFileSync(path);
  const rows: LogRow[] = [];
  let from = 0;
  for (let to = content.indexOf("\n"); to !== -1; to = content.indexOf("\n", from)) {
    const row = parse(content.toString("utf8", from, to), path, rows.length + 1);
    if (typeof row["step"] === "number" && row["step"] > lastStep) break;
    rows.push(row);
    from = to + 1;
  }
  return { rows, bytes: from };
}

function parse(text: string, path: string, line: number): LogRow {
  try {
    const row: unknown = JSON.parse(text, withNonFinite);
    if (typeof row === "object" && row !== null && !Array.isArray(row)) return row as LogRow;
  } catch {
    // said below
  }
  throw new DataError(
    `log ${path}, line ${line}: not a JSON object: ${text.slice(0, 60)}. Move the file away to begin a new log.`,
    { file: path, line },
  );
}

function withoutNonFinite(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

function withNonFinite(_key: string, value: unknown): unknown {
  return value === "NaN" || value === "Infinity" || value === "-Infinity" ? Number(value) : value;
}

function saying<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    const what: Readonly<Record<string, string>> = {
      ENOENT: "there is no such file",
      EISDIR: "this is a folder, not a file",
      EACCES: "permission denied",
      ENOSPC: "the disk is full",
    };
    const code = String(error.code);
    throw new DataError(
      `log ${path}: ${what[code] ?? error.message}. Choose another place for it.`,
      { file: path, code },
      {
        cause: error,
      },
    );
  }
}
