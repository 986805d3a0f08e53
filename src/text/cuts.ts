// Where a text is cut into words. A text of a thousand words is one string and one array of numbers, not a thousand
// objects; a word becomes a string only when the model looks at it.

/** Words as pairs of `[start, end)` in UTF-16 units. */
export class Cuts {
  readonly bounds: number[] = [];

  get count(): number {
    return this.bounds.length / 2;
  }

  /** Adds a word; an empty one is dropped. */
  push(start: number, end: number): void {
    if (end > start) this.bounds.push(start, end);
  }
}

/** Cuts `text` into words, whose places are counted from `base`. */
export type Cutter = (text: string, base: number, words: Cuts) => void;

/** What becomes of the places where a text is cut; `the-final--countdown` cut at `-` shows each. */
export type SplitBehavior =
  | "Removed" //            the  final  countdown
  | "Isolated" //           the - final - - countdown
  | "Contiguous" //         the - final -- countdown
  | "MergedWithPrevious" // the- final- - countdown
  | "MergedWithNext"; //    the -final - -countdown

export const splitBehaviors: readonly SplitBehavior[] = [
  "Removed",
  "Isolated",
  "MergedWithPrevious",
  "MergedWithNext",
  "Contiguous",
];

type Part = { start: number; end: number; readonly match: boolean };

/** Cuts at the matches of `pattern` (global), or, inverted, at what lies between them. */
export function splitter(pattern: RegExp, behavior: SplitBehavior, invert = false): Cutter {
  // A word and what is between words are kept alike, or only the one kind: no list is needed.
  if (behavior === "Isolated" || (behavior === "Removed" && invert)) {
    return isolating(pattern, behavior === "Isolated");
  }
  if (behavior === "Removed") return removing(pattern);
  return (text, base, words) => {
    const parts: Part[] = [];
    let at = 0;
    eachMatch(pattern, text, (start, end) => {
      if (at < start) parts.push({ start: at, end: start, match: invert });
      parts.push({ start, end, match: !invert });
      at = end;
    });
    if (at < text.length) parts.push({ start: at, end: text.length, match: invert });
    for (const part of joined(parts, behavior)) words.push(base + part.start, base + part.end);
  };
}

function joined(parts: readonly Part[], behavior: SplitBehavior): readonly Part[] {
  const out: Part[] = [];
  for (const part of parts) {
    const before = out.at(-1);
    if (before !== undefined && joins(before, part, behavior)) out[out.length - 1] = { ...part, start: before.start };
    else out.push(part);
  }
  return out;
}

/** Whether a part goes with the one before it; a joined part counts as its last. */
function joins(before: Part, part: Part, behavior: SplitBehavior): boolean {
  switch (behavior) {
    case "Contiguous":
      return before.match === part.match;
    case "MergedWithPrevious":
      return part.match && !before.match;
    case "MergedWithNext":
      return before.match && !part.match;
    case "Isolated":
    case "Removed":
      return false;
    default:
      return behavior satisfies never;
  }
}

function isolating(pattern: RegExp, keepGaps: boolean): Cutter {
  const sticky = new RegExp(pattern.source, `${pattern.flags.replace("g", "")}y`);
  return (text, base, words) => {
    let at = 0;
    while (at < text.length) {
      // Most patterns leave no gap: trying at the place itself needs no match object.
      sticky.lastIndex = at;
      if (sticky.test(text) && sticky.lastIndex > at) {
        words.push(base + at, base + sticky.lastIndex);
        at = sticky.lastIndex;
        continue;
      }
      pattern.lastIndex = at;
      let match = pattern.exec(text);
      while (match !== null && match[0] === "") {
        // An empty match is a place to cut.
        if (keepGaps) words.push(base + at, base + match.index);
        if (match.index > at && keepGaps) at = match.index;
        pattern.lastIndex = match.index + ((text.codePointAt(match.index) ?? 0) > 0xffff ? 2 : 1);
        match = pattern.lastIndex > text.length ? null : pattern.exec(text);
      }
      const start = match === null ? text.length : match.index;
      if (keepGaps) words.push(base + at, base + start);
      if (match === null) return;
      at = start + match[0].length;
      words.push(base + start, base + at);
    }
  };
}

function removing(pattern: RegExp): Cutter {
  return (text, base, words) => {
    let at = 0;
    eachMatch(pattern, text, (start, end) => {
      words.push(base + at, base + start);
      at = end;
    });
    words.push(base + at, base + text.length);
  };
}

function eachMatch(pattern: RegExp, text: string, each: (start: number, end: number) => void): void {
  let last = -1;
  for (const match of text.matchAll(pattern)) {
    const end = match.index + match[0].length;
    // No empty match where one has just ended.
    if (match[0] !== "" || match.index !== last) each(match.index, end);
    last = end;
  }
}
