// Pre-tokenizers cut a text into the words that the model sees; no token ever crosses a cut.

import { toByteLetters } from "./byte-level.ts";
import { Fields } from "./fields.ts";
import { Normalized } from "./normalized.ts";
import { type PatternConfig, readPattern } from "./pattern.ts";
import { WordCache } from "./word-cache.ts";

export type SplitBehavior = "Removed" | "Isolated" | "MergedWithPrevious" | "MergedWithNext" | "Contiguous";

export type PreTokenizerConfig =
  | {
      readonly type: "ByteLevel";
      readonly add_prefix_space: boolean;
      readonly trim_offsets?: boolean;
      readonly use_regex?: boolean;
    }
  | {
      readonly type: "Split";
      readonly pattern: PatternConfig;
      readonly behavior: SplitBehavior;
      readonly invert: boolean;
    }
  | { readonly type: "Sequence"; readonly pretokenizers: readonly PreTokenizerConfig[] };

/** A text in its words, none of them empty. */
export type PreTokenizer = (text: Normalized) => readonly Normalized[];

const kinds: { readonly [type in PreTokenizerConfig["type"]]: (fields: Fields) => PreTokenizer } = {
  ByteLevel: byteLevel,
  Split: (fields) => {
    const pattern = readPattern(fields, "pattern");
    const behavior = fields.oneOf("behavior", Object.keys(behaviors) as SplitBehavior[]); // the table's own keys
    const invert = fields.boolean("invert", false);
    return (text) => split(text, pattern, behavior, invert);
  },
  Sequence: (fields) => {
    const steps = fields
      .array("pretokenizers")
      .map((config, i) => readPreTokenizer(config, `${fields.where}.pretokenizers[${i}]`));
    return (text) => steps.reduce<readonly Normalized[]>((words, step) => words.flatMap((word) => step(word)), [text]);
  },
};

/** The pre-tokenizer that a config describes; null keeps a text whole. */
export function readPreTokenizer(config: unknown, where = "pre_tokenizer"): PreTokenizer {
  if (config === null || config === undefined) return (text) => (text.text === "" ? [] : [text]);
  const fields = new Fields(config, where);
  return fields.byType(kinds, "pre-tokenizer")(fields);
}

/** GPT-2's words: contractions, letters, digits, other signs, each with the space before it; the rest of the blanks. */
export const gpt2Words: RegExp =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

function byteLevel(fields: Fields): PreTokenizer {
  const addPrefixSpace = fields.boolean("add_prefix_space", true);
  const useRegex = fields.boolean("use_regex", true);
  const letters = new WordCache((word) => toByteLetters(new Normalized(word)));
  return (text) => {
    const whole = addPrefixSpace && !text.text.startsWith(" ") ? text.prepend(" ") : text;
    let at = 0;
    return (useRegex ? (whole.text.match(gpt2Words) ?? []) : [whole.text]).map((word) => {
      const found = letters.get(word).within(whole, at);
      at += word.length; // the words leave no gap
      return found;
    });
  };
}

type Cut = { start: number; end: number; match: boolean };

/** Cuts the text at the matches of `pattern`, or, inverted, at what lies between them. */
export function split(
  text: Normalized,
  pattern: RegExp,
  behavior: SplitBehavior,
  invert = false,
): readonly Normalized[] {
  const cuts: Cut[] = [];
  let at = 0;
  const add = (end: number, match: boolean) => {
    if (end > at) cuts.push({ start: at, end, match: match !== invert });
    at = end;
  };
  for (const match of text.text.matchAll(pattern)) {
    add(match.index, false);
    add(match.index + match[0].length, true);
  }
  add(text.text.length, false);
  return behaviors[behavior](cuts).map(({ start, end }) => text.slice(start, end));
}

/** What becomes of the matches; `the-final--countdown` cut at `-` shows each. */
const behaviors: { readonly [behavior in SplitBehavior]: (cuts: readonly Cut[]) => readonly Cut[] } = {
  Removed: (cuts) => cuts.filter((cut) => !cut.match), //                                 the  final  countdown
  Isolated: (cuts) => cuts, //                                                          the - final - - countdown
  Contiguous: (cuts) => joined(cuts, (before, cut) => before.match === cut.match), //     the - final -- countdown
  MergedWithPrevious: (cuts) => joined(cuts, (before, cut) => cut.match && !before.match), // the- final- - countdown
  MergedWithNext: (cuts) => joined(cuts, (before, cut) => before.match && !cut.match), //  the -final - -countdown
};

/** Joins each cut to the one before it where `join` says so; a joined cut counts as its last part. */
function joined(cuts: readonly Cut[], join: (before: Cut, cut: Cut) => boolean): readonly Cut[] {
  const out: Cut[] = [];
  for (const cut of cuts) {
    const before = out.at(-1);
    if (before !== undefined && join(before, cut)) out[out.length - 1] = { ...cut, start: before.start };
    else out.push(cut);
  }
  return out;
}
