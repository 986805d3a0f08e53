// Named entities as the papers score them: an entity counts if its kind, its start and its end are right. "lenient" reads
// tags as conlleval does, which makes an entity of everything that could be one; a scheme ("IOB2", …) reads strictly, so
// that ill-formed runs of tags are no entity. The rules are seqeval's. https://github.com/chakki-works/seqeval

import { ArgumentError } from "../base/errors.ts";
import { reportText } from "./classification.ts";
import {
  type Averages,
  averagesOf,
  checkPairs,
  type Fscore,
  type FscoreOptions,
  fscoreOf,
  type LabelCounts,
  LabelTally,
} from "./counts.ts";

export type TagScheme = "IOB1" | "IOB2" | "IOE1" | "IOE2" | "IOBES";

export interface SeqevalOptions extends FscoreOptions {
  /** Read strictly by this scheme. Default: leniently, by any of them. */
  readonly scheme?: TagScheme;
}

export interface EntitySpan {
  readonly type: string;
  /** The first token. */
  readonly start: number;
  /** The token after the last. */
  readonly end: number;
}

/** `micro` is over all entities together: what papers call F1. */
export interface SeqevalScores extends Averages {
  readonly types: ReadonlyMap<string, Fscore>;
  /** The share of tags that are right. */
  readonly accuracy: number;
  format(digits?: number): string;
}

/** Tags by sentence: `[["B-PER", "I-PER", "O"], …]`. */
export function seqeval(
  predictions: readonly (readonly string[])[],
  references: readonly (readonly string[])[],
  options: SeqevalOptions = {},
): SeqevalScores {
  checkPairs("seqeval", predictions, references);
  const tally = new LabelTally<string>();
  let [right, tags] = [0, 0];
  predictions.forEach((made, i) => {
    const wanted = references[i]!;
    if (made.length !== wanted.length)
      throw new ArgumentError(`seqeval: sentence ${i} has ${made.length} predicted tags and ${wanted.length} wanted.`, {
        sentence: i,
      });
    tags += made.length;
    right += made.filter((tag, t) => tag === wanted[t]).length;
    const keys = new Set<string>();
    for (const entity of entitiesOf(wanted, options.scheme)) {
      tally.of(entity.type).wanted++;
      keys.add(keyOf(entity));
    }
    for (const entity of entitiesOf(made, options.scheme)) {
      tally.of(entity.type).predicted++;
      if (keys.has(keyOf(entity))) tally.of(entity.type).correct++;
    }
  });
  return scored(
    new Map([...tally.counts].sort(([a], [b]) => (a < b ? -1 : 1))),
    tags === 0 ? 0 : right / tags,
    options,
  );
}

const keyOf = ({ type, start, end }: EntitySpan): string => `${start} ${end} ${type}`;

function scored(counts: ReadonlyMap<string, LabelCounts>, accuracy: number, options: FscoreOptions): SeqevalScores {
  const types = new Map([...counts].map(([type, count]) => [type, fscoreOf(count, options)]));
  const averages = averagesOf(counts.values(), options);
  const averageRows = Object.entries(averages).map(([name, score]) => [`${name} average`, score] as const);
  return { types, ...averages, accuracy, format: (digits = 3) => reportText([...types, ...averageRows], digits) };
}

/** The entities of one sentence's tags. */
export function entitiesOf(tags: readonly string[], scheme?: TagScheme): EntitySpan[] {
  const read = tags.map(readTag);
  return scheme === undefined ? lenientEntities(read) : strictEntities(read, scheme);
}

interface Tag {
  readonly prefix: string;
  readonly type: string;
}

const outside: Tag = { prefix: "O", type: "_" };

/** `B-PER` is a start of PER; a bare `B` of "_". */
function readTag(tag: string, place: number): Tag {
  const prefix = tag.charAt(0);
  if (tag === "O") return outside;
  if ("BIES".includes(prefix) && prefix !== "" && (tag.length === 1 || tag.charAt(1) === "-"))
    return { prefix, type: tag.slice(2) || "_" };
  throw new ArgumentError(`seqeval: tag ${place} is "${tag}"; wants O, or B, I, E or S with a type, as in "B-PER".`, {
    place,
    tag,
  });
}

// ── leniently: where a run could end or start, it does ────────────────────────────────────────────────────────────

function lenientEntities(tags: readonly Tag[]): EntitySpan[] {
  const entities: EntitySpan[] = [];
  let [previous, start] = [outside, 0];
  [...tags, outside].forEach((tag, i) => {
    if (ends(previous, tag)) entities.push({ type: previous.type, start, end: i });
    if (starts(previous, tag)) start = i;
    previous = tag;
  });
  return entities;
}

function ends(previous: Tag, tag: Tag): boolean {
  if (previous.prefix === "O") return false;
  if (previous.prefix === "E" || previous.prefix === "S") return true;
  return "BSO".includes(tag.prefix) || previous.type !== tag.type;
}

function starts(previous: Tag, tag: Tag): boolean {
  if (tag.prefix === "O") return false;
  if (tag.prefix === "B" || tag.prefix === "S") return true;
  return "ESO".includes(previous.prefix) || previous.type !== tag.type;
}

// ── strictly: tables of what may follow what ──────────────────────────────────────────────────────────────────────

type TypeRule = "same" | "other" | "any";
/** Prefixes before, prefixes after, and how their types go together. */
type Pattern = readonly [before: string, after: string, types: TypeRule];

interface Scheme {
  readonly prefixes: string;
  readonly start: readonly Pattern[];
  readonly inside: readonly Pattern[];
  readonly end: readonly Pattern[];
}

const any = "OIBES";

const schemes: { readonly [name in TagScheme]: Scheme } = {
  IOB1: {
    prefixes: "OIB",
    start: [
      ["OB", "I", "any"],
      ["I", "I", "other"],
      ["IB", "B", "same"],
    ],
    inside: [["BI", "I", "same"]],
    end: [
      ["IB", "I", "other"],
      ["I", "OB", "any"],
      ["B", "O", "any"],
      ["B", "B", "same"],
    ],
  },
  IOB2: {
    prefixes: "OIB",
    start: [[any, "B", "any"]],
    inside: [["BI", "I", "same"]],
    end: [
      ["BI", "OB", "any"],
      ["BI", "I", "other"],
    ],
  },
  IOE1: {
    prefixes: "OIE",
    start: [
      ["OE", "I", "any"],
      ["I", "I", "other"],
      ["E", "E", "same"],
    ],
    inside: [["I", "IE", "same"]],
    end: [
      ["I", "IE", "other"],
      ["I", "O", "any"],
      ["E", "IE", "same"],
    ],
  },
  IOE2: {
    prefixes: "OIE",
    start: [
      ["OE", "IE", "any"],
      ["I", "IE", "other"],
    ],
    inside: [["I", "IE", "same"]],
    end: [["E", any, "any"]],
  },
  IOBES: {
    prefixes: any,
    start: [[any, "BS", "any"]],
    inside: [["BI", "IE", "same"]],
    end: [["SE", any, "any"]],
  },
};

function strictEntities(tags: readonly Tag[], name: TagScheme): EntitySpan[] {
  const scheme = schemes[name];
  const wrong = tags.findIndex((tag) => !scheme.prefixes.includes(tag.prefix));
  if (wrong !== -1) {
    const { prefix } = tags[wrong]!;
    throw new ArgumentError(
      `seqeval: tag ${wrong} begins with ${prefix}, which ${name} does not know; it has ${[...scheme.prefixes].join(", ")}.`,
      { place: wrong, prefix, scheme: name },
    );
  }
  const all = [...tags, outside];
  const follows = (patterns: readonly Pattern[], i: number): boolean => {
    const [before, after] = [all[i - 1] ?? outside, all[i]!];
    return patterns.some(
      ([left, right, types]) =>
        left.includes(before.prefix) &&
        right.includes(after.prefix) &&
        (types === "any" || (types === "same") === (before.type === after.type)),
    );
  };
  const entities: EntitySpan[] = [];
  for (let i = 0; i < all.length; ) {
    if (!follows(scheme.start, i)) {
      i++;
      continue;
    }
    let end = i + 1;
    while (end < tags.length && follows(scheme.inside, end)) end++;
    if (follows(scheme.end, end)) entities.push({ type: all[i]!.type, start: i, end });
    i = end;
  }
  return entities;
}
