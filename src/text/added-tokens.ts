// Tokens that stand beside the model's vocabulary: special ones like `<s>`, and words added later. They are found in
// the text before the model sees it, and so are never split.

import { CheckpointError } from "../base/errors.ts";
import { Fields, type JsonObject } from "./fields.ts";
import { Normalized } from "./normalized.ts";
import type { Normalizer } from "./normalizers.ts";
import { escapeLiteral } from "./pattern.ts";

export type AddedToken = {
  readonly content: string;
  /** Left out when decoding with `skipSpecialTokens`. */
  readonly special?: boolean;
  /** Not found inside a word. */
  readonly singleWord?: boolean;
  /** Takes the blanks before it along. */
  readonly lstrip?: boolean;
  /** Takes the blanks behind it along. */
  readonly rstrip?: boolean;
  /** Looked for in the normalized text; special tokens are looked for in the text as it came. */
  readonly normalized?: boolean;
};

/** A stretch of text, or an added token found in it. */
export type Section = { readonly text: Normalized; readonly id: number | null };

export class AddedTokens {
  readonly #byId = new Map<number, Required<AddedToken>>();
  readonly #ids = new Map<string, number>();
  #normalizer: Normalizer;
  #finder: Finder | null = null; // made when it is needed after a change

  constructor(normalizer: Normalizer) {
    this.#normalizer = normalizer;
  }

  /** What text goes through between the tokens that are looked for as they are, and the others. */
  set normalizer(normalizer: Normalizer) {
    this.#normalizer = normalizer;
    this.#finder = null;
  }

  /** In the order of their ids. */
  get entries(): readonly (readonly [id: number, token: Required<AddedToken>])[] {
    return [...this.#byId].sort(([a], [b]) => a - b);
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token);
  }

  byId(id: number): Required<AddedToken> | undefined {
    return this.#byId.get(id);
  }

  /** A token as it stands in encoded text: its content, normalized if it is looked for so. */
  textOf(id: number): string | undefined {
    if (!this.#byId.has(id)) return undefined;
    return this.#prepared().normalizedTexts.get(id) ?? this.#byId.get(id)?.content;
  }

  /** Adds a token, or changes the flags of one. */
  set(id: number, token: AddedToken): void {
    const special = token.special ?? false;
    this.#byId.set(id, { singleWord: false, lstrip: false, rstrip: false, normalized: !special, ...token, special });
    this.#ids.set(token.content, id);
    this.#finder = null;
  }

  /** The text in sections: added tokens as they came, and what is between them normalized. */
  sections(text: string): readonly Section[] {
    const { inText, inNormalized, normalizedIds } = this.#prepared();
    const found = this.#find(new Normalized(text), inText, this.#ids);
    return found.flatMap((section) => {
      if (section.id !== null) return section;
      return this.#find(this.#normalizer(section.text), inNormalized, normalizedIds);
    });
  }

  #prepared(): Finder {
    if (this.#finder !== null) return this.#finder;
    const tokens = [...this.#byId];
    const asIs = tokens.filter(([, token]) => !token.normalized).map(([, token]) => token.content);
    const normalizedTexts = new Map(
      tokens
        .filter(([, token]) => token.normalized)
        .map(([id, token]) => [id, this.#normalizer(new Normalized(token.content)).text]),
    );
    const normalizedIds = new Map([...normalizedTexts].reverse().map(([id, text]) => [text, id])); // the first wins
    this.#finder = {
      inText: anyOf(asIs),
      inNormalized: anyOf([...normalizedIds.keys()]),
      normalizedIds,
      normalizedTexts,
    };
    return this.#finder;
  }

  #find(text: Normalized, pattern: RegExp | null, ids: ReadonlyMap<string, number>): readonly Section[] {
    if (text.text === "") return [];
    if (pattern === null) return [{ text, id: null }];
    const sections: Section[] = [];
    let at = 0;
    for (const match of text.text.matchAll(pattern)) {
      const id = ids.get(match[0]);
      const token = id === undefined ? undefined : this.#byId.get(id);
      let [start, end] = [match.index, match.index + match[0].length];
      if (id === undefined || token === undefined || (token.singleWord && insideWord(text.text, start, end))) continue;
      while (token.lstrip && start > at && isBlank(text.text, start - 1)) start--;
      while (token.rstrip && isBlank(text.text, end)) end++;
      if (at < start) sections.push({ text: text.slice(at, start), id: null });
      sections.push({ text: text.slice(start, end), id });
      at = end;
    }
    if (at < text.text.length) sections.push({ text: text.slice(at, text.text.length), id: null });
    return sections;
  }

  toJson(): readonly JsonObject[] {
    return this.entries.map(([id, token]) => ({
      id,
      content: token.content,
      single_word: token.singleWord,
      lstrip: token.lstrip,
      rstrip: token.rstrip,
      normalized: token.normalized,
      special: token.special,
    }));
  }
}

/** What finds the tokens: one pattern for the text as it came, one for the normalized text. */
type Finder = {
  readonly inText: RegExp | null;
  readonly inNormalized: RegExp | null;
  readonly normalizedIds: ReadonlyMap<string, number>;
  readonly normalizedTexts: ReadonlyMap<number, string>;
};

/** One entry of `added_tokens`. */
export function readAddedToken(config: unknown, where: string): { readonly id: number; readonly token: AddedToken } {
  const fields = new Fields(config, where);
  const content = fields.string("content");
  if (content === "") throw new CheckpointError(`${where}.content: an added token cannot be empty.`, { where });
  const special = fields.boolean("special", false);
  return {
    id: fields.count("id"),
    token: {
      content,
      special,
      singleWord: fields.boolean("single_word", false),
      lstrip: fields.boolean("lstrip", false),
      rstrip: fields.boolean("rstrip", false),
      normalized: fields.boolean("normalized", !special),
    },
  };
}

/** Finds the longest of the texts at each place. */
function anyOf(texts: readonly string[]): RegExp | null {
  const longestFirst = texts.filter((text) => text !== "").sort((a, b) => b.length - a.length);
  return longestFirst.length === 0 ? null : new RegExp(longestFirst.map(escapeLiteral).join("|"), "gu");
}

function isBlank(text: string, at: number): boolean {
  return /\p{White_Space}/u.test(text.charAt(at));
}

const WORD = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]";
const wordBefore = new RegExp(`${WORD}$`, "u");
const wordAfter = new RegExp(`^${WORD}`, "u");

function insideWord(text: string, start: number, end: number): boolean {
  return wordBefore.test(text.slice(Math.max(0, start - 2), start)) || wordAfter.test(text.slice(end, end + 2));
}
