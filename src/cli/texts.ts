// Texts as a command is given them: arguments, the lines of a file, or standard input.

import { readFile } from "node:fs/promises";
import { text as readStream } from "node:stream/consumers";
import { ArgumentError, DataError } from "../base/errors.ts";
import { readJsonl, unreadable } from "../data/jsonl.node.ts";

/** Arguments and the file's lines; without both, standard input as one text. */
export async function collectTexts(
  task: string,
  given: readonly string[],
  file: string | undefined,
): Promise<readonly string[]> {
  if (file !== undefined) return [...given, ...(await readTexts(file))];
  if (given.length > 0) return given;
  if (process.stdin.isTTY) {
    throw new ArgumentError(`run ${task}: no text was given. Pass one as an argument, or a file with --file.`);
  }
  return [await readStream(process.stdin)];
}

/** The lines of a file that say something, or the "text" of each row of a .jsonl. */
export async function readTexts(file: string, column = "text"): Promise<string[]> {
  if (file.endsWith(".jsonl")) return (await readJsonl(file, { columns: [column] })).map((row) => row[column]!);
  const lines = (await readWhole(file)).split(/\r?\n/).filter((line) => line.trim() !== "");
  if (lines.length === 0) throw new DataError(`read ${file}: the file holds no text. Is it the right one?`, { file });
  return lines;
}

export function readWhole(file: string): Promise<string> {
  return readFile(file, "utf8").catch((error: unknown) => {
    throw unreadable(file, error);
  });
}
