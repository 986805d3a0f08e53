// Tokens that stand beside the model's vocabulary: special ones like `<s>`, and words added later. They are found in
// the text before the model sees it, and so are never split.

import { CheckpointError } from "../base/errors.ts";
import { Fields, type JsonObject } from "./fields.ts";
import { isBlank } from "./letters.ts";
import { Normalized } from "./normalized.ts";
import type { Normalizer } from "./normalizers.ts";
import { Trie } from "./trie.ts";

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
    const token = this.#byId.get(id);
    if (token === undefined || !token.normalized) return token?.content;
    this.#finder ??= this.#makeFinder();
    return this.#finder.normalizedTexts.get(id) ?? token.content;
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
    this.#finder ??= this.#makeFinder();
    const { inText, inNormalized } = this.#finder;
    const found = this.#find(new Normalized(text), inText);
    return found.flatMap((section) => {
      if (section.id !== null) return section;
      return this.#find(this.#normalizer(section.text), inNormalized);
    });
  }

  #makeFinder(): Finder {
    const tokens = [...this.#byId];
    const asIs = tokens.filter(([, token]) => !token.normalized);
    const normalized = tokens
      .filter(([, token]) => token.normalized)
      .map(([id, token]): readonly [number, string] => [id, this.#normalizer(new Normalized(token.content)).text]);
    return {
      inText: finderOf(asIs.map(([id, token]) => [id, token.content])),
      inNormalized: finderOf(normalized),
      normalizedTexts: new Map(normalized),
    };
  }

  #find(text: Normalized, finder: Trie | null): readonly Section[] {
    const whole = text.text;
    if (whole === "") return [];
    if (finder === null) return [{ text, id: null }];
    const sections: Section[] = [];
    let at = 0;
    for (let place = 0; place < whole.length; ) {
      if (finder.next(0, whole.charCodeAt(place)) < 0) {
        place++;
        continue;
      }
      const found = finder.longest(whole, place);
      if (found === null) {
        place++;
        continue;
      }
      let [start, end] = [place, found.end];
      place = end;
      const token = this.#byId.get(found.value);
      if (token === undefined || (token.singleWord && insideWord(whole, start, end))) continue;
      while (token.lstrip && start > at && isBlank(whole, start - 1)) start--;
      while (token.rstrip && end < whole.length && isBlank(whole, end)) end++;
      if (at < start) sections.push({ text: text.slice(at, start), id: null });
      sections.push({ text: text.slice(start, end), id: found.value });
      at = end;
    }
    if (at < whole.length) sections.push({ text: text.slice(at, whole.length), id: null });
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

/** What finds the tokens in the text as it came, and in the normalized text. */
type Finder = {
  readonly inText: Trie | null;
  readonly inNormalized: Trie | null;
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

/** Finds the longest of the texts at each place; of equal ones the first counts. */
function finderOf(texts: readonly (readonly [id: number, text: string])[]): Trie | null {
  const trie = new Trie(1024);
  for (const [id, text] of texts.toReversed()) if (text !== "") trie.set(text, id);
  return texts.length === 0 ? null : trie;
}

const WORD = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]";
const wordBefore = new RegExp(`${WORD}$`, "u");
const wordAfter = new RegExp(`^${WORD}`, "u");

function insideWord(text: string, start: number, end: number): boolean {
  return wordBefore.test(text.slice(Math.max(0, start - 2), start)) || wordAfter.test(text.slice(end, end + 2));
}
