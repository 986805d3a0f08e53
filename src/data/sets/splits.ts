// Which files make which split, and the language that names parts of splits: "train[:10%]+test[5:20]".

import { ArgumentError } from "../../base/errors.ts";

/** Files by split. */
export type SplitFiles = Readonly<Record<string, readonly string[]>>;

const words: Readonly<Record<string, string>> = {
  train: "train",
  training: "train",
  validation: "validation",
  valid: "validation",
  val: "validation",
  dev: "validation",
  test: "test",
  testing: "test",
  eval: "test",
  evaluation: "test",
};

/** Splits by the words in the files' names, or in those of their folders; all are "train" where no name tells. */
export function splitsByName(folder: string, paths: readonly string[]): SplitFiles {
  const wordsOf = (text: string): string[] => text.toLowerCase().split(/[^a-z0-9]+|(?<=[a-z])(?=\d)/);
  const splitOf = (path: string): string | undefined => {
    const inside = path.slice(folder.length).split(/[\\/]/);
    for (const part of inside.reverse()) {
      const word = wordsOf(part).find((one) => words[one] !== undefined);
      if (word !== undefined) return words[word];
    }
    return undefined;
  };
  const found: Record<string, string[]> = {};
  for (const path of paths) {
    const split = splitOf(path);
    if (split !== undefined) (found[split] ??= []).push(path);
  }
  if (Object.keys(found).length === 0) return { train: paths };
  const order = ["train", "validation", "test"].filter((split) => found[split] !== undefined);
  return Object.fromEntries(order.map((split) => [split, found[split]!]));
}

/** Whether a path fits a pattern of *, **, ?, [a-z] and {a,b}. */
export function fitsPattern(path: string, pattern: string): boolean {
  const parts = pattern.replace(/[.+^$()|\\]/g, "\\$&").replace(/\*\*\/|\*\*|\*|\?|\{|\}|,/g, (mark) => {
    const meaning: Readonly<Record<string, string>> = {
      "**/": "(?:.*/)?",
      "**": ".*",
      "*": "[^/]*",
      "?": "[^/]",
      "{": "(?:",
      "}": ")",
    };
    return meaning[mark] ?? (pattern.includes("{") ? "|" : ",");
  });
  return new RegExp(`^${parts}$`).test(path);
}
export const isPattern = (path: string): boolean => /[*?{[]/.test(path);

/** Some rows of a split. */
export interface SplitPart {
  readonly split: string;
  /** Undefined: to the end, or from the beginning. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly percent: boolean;
}

/** "train[:10%]+test" as parts; each has its rows in turn. */
export function parseSplit(text: string): SplitPart[] {
  return text.split("+").map((part) => {
    const match = /^\s*([\w.-]+)\s*(?:\[\s*(-?\d+)?(%)?\s*:\s*(-?\d+)?(%)?\s*\])?\s*$/.exec(part);
    if (match === null) {
      throw new ArgumentError(`split "${text}": wants a name, or parts like "train[:10%]" and "train[100:200]+test".`, {
        split: text,
      });
    }
    const [, split, from, fromPercent, to, toPercent] = match;
    const percent = fromPercent !== undefined || toPercent !== undefined;
    if (
      percent &&
      ((from !== undefined && fromPercent === undefined) || (to !== undefined && toPercent === undefined))
    ) {
      throw new ArgumentError(`split "${part}": both ends are percents, or both are rows.`, { split: text });
    }
    const number = (digits: string | undefined): number | undefined =>
      digits === undefined ? undefined : Number(digits);
    return { split: split!, from: number(from), to: number(to), percent };
  });
}

/** The rows of a part in a split of so many rows; percents go to the nearest row. */
export function partRange({ split, from, to, percent }: SplitPart, rows: number): readonly [from: number, to: number] {
  const place = (at: number | undefined, otherwise: number): number => {
    if (at === undefined) return otherwise;
    if (percent && Math.abs(at) > 100)
      throw new ArgumentError(`split "${split}": ${at}% is more than all of it.`, { split });
    const row = percent ? nearest((at * rows) / 100) : at;
    return Math.max(0, Math.min(rows, row < 0 ? row + rows : row));
  };
  const first = place(from, 0);
  return [first, Math.max(first, place(to, rows))];
}
/** Python's round: halves go to the even number. */
function nearest(x: number): number {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}
