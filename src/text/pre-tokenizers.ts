// Pre-tokenizers cut a text into the words that the model sees; no token ever crosses a cut. Most only cut: their words
// are places in one text. A few rewrite as well, which makes of each word a text of its own:
//
//   "Hello you"  →  Metaspace  →  "▁Hello▁you" cut at 6   →  ByteLevel would rewrite each of the two

import { toByteLetters } from "./byte-level.ts";
import { Cuts, type Cutter, type SplitBehavior, splitBehaviors, splitter } from "./cuts.ts";
import { Fields } from "./fields.ts";
import type { Normalized } from "./normalized.ts";
import { punctuation } from "./old-unicode.ts";
import { escapeLiteral, type PatternConfig, readPattern } from "./pattern.ts";
import { unicodeScripts } from "./scripts.ts";

export type PrependScheme = "always" | "first" | "never";

export type PreTokenizerConfig =
  | { readonly type: "BertPreTokenizer" | "Whitespace" | "WhitespaceSplit" | "UnicodeScripts" }
  | {
      readonly type: "ByteLevel";
      readonly add_prefix_space: boolean;
      readonly trim_offsets?: boolean;
      readonly use_regex?: boolean;
    }
  | { readonly type: "CharDelimiterSplit"; readonly delimiter: string }
  | { readonly type: "Digits"; readonly individual_digits: boolean }
  | { readonly type: "FixedLength"; readonly length: number }
  | {
      readonly type: "Metaspace";
      readonly replacement: string;
      readonly prepend_scheme?: PrependScheme;
      readonly add_prefix_space?: boolean;
      readonly split?: boolean;
    }
  | { readonly type: "Punctuation"; readonly behavior: SplitBehavior }
  | {
      readonly type: "Split";
      readonly pattern: PatternConfig;
      readonly behavior: SplitBehavior;
      readonly invert: boolean;
    }
  | { readonly type: "Sequence"; readonly pretokenizers: readonly PreTokenizerConfig[] };

/** A text and its words. */
export type Words = { readonly text: Normalized; readonly cuts: Cuts };

/** One thing done to every word: it is cut, or becomes another text. */
type Step = { readonly cut: Cutter } | { readonly rewrite: (text: Normalized) => Normalized };

const letters: Step = { rewrite: toByteLetters };

export class PreTokenizer {
  readonly #steps: readonly Step[];
  /** The words are still to be spelled in the byte alphabet: it is quicker to do that once for each different word. */
  readonly spellsLetters: boolean;

  constructor(steps: readonly Step[]) {
    this.spellsLetters = steps.at(-1) === letters;
    this.#steps = this.spellsLetters ? steps.slice(0, -1) : steps;
  }

  /** The words of a text, in order. */
  words(text: Normalized): readonly Words[] {
    if (text.text === "") return [];
    let groups: readonly Words[] = [{ text, cuts: whole(text) }];
    for (const step of this.#steps) {
      groups = "cut" in step ? groups.map((group) => cutAgain(group, step.cut)) : rewritten(groups, step.rewrite);
    }
    return groups;
  }
}

function whole(text: Normalized): Cuts {
  const cuts = new Cuts();
  cuts.push(0, text.text.length);
  return cuts;
}

function cutAgain({ text, cuts }: Words, cut: Cutter): Words {
  const words = new Cuts();
  for (let word = 0; word < cuts.count; word++) {
    const [start, end] = [cuts.bounds[2 * word] as number, cuts.bounds[2 * word + 1] as number]; // both are inside
    cut(start === 0 && end === text.text.length ? text.text : text.text.slice(start, end), start, words);
  }
  return { text, cuts: words };
}

function rewritten(groups: readonly Words[], rewrite: (text: Normalized) => Normalized): readonly Words[] {
  const out: Words[] = [];
  for (const { text, cuts } of groups) {
    for (let word = 0; word < cuts.count; word++) {
      const made = rewrite(text.slice(cuts.bounds[2 * word] as number, cuts.bounds[2 * word + 1] as number));
      if (made.text !== "") out.push({ text: made, cuts: whole(made) });
    }
  }
  return out;
}

/** GPT-2's words: contractions, letters, digits, other signs, each with the space before it; the rest of the blanks. */
export const gpt2Words: RegExp =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

const BLANKS = /\p{White_Space}/gu;
const NUMERIC = /\p{N}/gu;
const wordOrSigns =
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu;

const kinds: { readonly [type in PreTokenizerConfig["type"]]: (fields: Fields) => readonly Step[] } = {
  BertPreTokenizer: () => [{ cut: splitter(BLANKS, "Removed") }, { cut: splitter(punctuation, "Isolated") }],
  ByteLevel: (fields) => [
    ...(fields.boolean("add_prefix_space", true)
      ? [{ rewrite: (text: Normalized) => (text.text.startsWith(" ") ? text : text.prepend(" ")) }]
      : []),
    ...(fields.boolean("use_regex", true) ? [{ cut: splitter(gpt2Words, "Isolated") }] : []),
    letters,
  ],
  CharDelimiterSplit: (fields) => [
    { cut: splitter(new RegExp(escapeLiteral(fields.char("delimiter")), "gu"), "Removed") },
  ],
  Digits: (fields) => [
    { cut: splitter(NUMERIC, fields.boolean("individual_digits", false) ? "Isolated" : "Contiguous") },
  ],
  FixedLength: (fields) => {
    const length = fields.count("length", 5, 1);
    return [{ cut: (text, base, words) => cutEvery(length, text, base, words) }];
  },
  Metaspace: readMetaspace,
  Punctuation: (fields) => [{ cut: splitter(punctuation, fields.oneOf("behavior", splitBehaviors, "Isolated")) }],
  Split: (fields) => {
    const behavior = fields.oneOf("behavior", splitBehaviors);
    return [{ cut: splitter(readPattern(fields, "pattern"), behavior, fields.boolean("invert", false)) }];
  },
  UnicodeScripts: () => [{ cut: unicodeScripts }],
  Whitespace: () => [{ cut: splitter(wordOrSigns, "Removed", true) }],
  WhitespaceSplit: () => [{ cut: splitter(BLANKS, "Removed") }],
  Sequence: (fields) =>
    fields.array("pretokenizers").flatMap((config, i) => readSteps(config, `${fields.where}.pretokenizers[${i}]`)),
};

/** The pre-tokenizer that a config describes; null keeps a text whole. */
export function readPreTokenizer(config: unknown, where = "pre_tokenizer"): PreTokenizer {
  return new PreTokenizer(config === null || config === undefined ? [] : readSteps(config, where));
}

function readSteps(config: unknown, where: string): readonly Step[] {
  const fields = new Fields(config, where);
  return fields.byType(kinds, "pre-tokenizer")(fields);
}

function readMetaspace(fields: Fields): readonly Step[] {
  const replacement = fields.char("replacement", "▁");
  const scheme = prependScheme(fields);
  const rewrite = (text: Normalized): Normalized => {
    const marked =
      replacement.length === 1
        ? text.withText(text.text.replaceAll(" ", replacement))
        : text.replace(/ /g, replacement);
    const prepends = scheme === "always" || (scheme === "first" && text.origin === 0);
    return prepends && !marked.text.startsWith(replacement) ? marked.prepend(replacement) : marked;
  };
  if (!fields.boolean("split", true)) return [{ rewrite }];
  return [{ rewrite }, { cut: cutBefore(replacement) }];
}

/** Older files say only whether a space is added. */
export function prependScheme(fields: Fields): PrependScheme {
  const fallback = fields.boolean("add_prefix_space", true) ? "always" : "never";
  return fields.oneOf("prepend_scheme", ["always", "first", "never"], fallback);
}

/** Each `mark` begins a word. */
function cutBefore(mark: string): Cutter {
  return (text, base, words) => {
    let start = 0;
    for (let at = text.indexOf(mark, 1); at >= 0; at = text.indexOf(mark, at + mark.length)) {
      words.push(base + start, base + at);
      start = at;
    }
    words.push(base + start, base + text.length);
  };
}

function cutEvery(length: number, text: string, base: number, words: Cuts): void {
  let [start, at, chars] = [0, 0, 0];
  for (const char of text) {
    at += char.length;
    if (++chars % length === 0) {
      words.push(base + start, base + at);
      start = at;
    }
  }
  words.push(base + start, base + text.length);
}
