// WordPiece (https://arxiv.org/abs/1609.08144, as in BERT): from the left, always the longest token that fits; a word of
// which any part does not fit is unknown as a whole.
//
//   "unaffable"  →  un ##aff ##able

import type { Fields } from "./fields.ts";
import type { Model, Word } from "./model.ts";
import { readVocab, unknownId, Vocab } from "./vocab.ts";
import { WordCache } from "./word-cache.ts";

export type WordPieceConfig = {
  readonly type: "WordPiece";
  readonly unk_token: string;
  readonly continuing_subword_prefix: string;
  readonly max_input_chars_per_word: number;
  readonly vocab: { readonly [token: string]: number };
};

export type WordPieceOptions = {
  unkToken?: string;
  /** What a token begins with that does not begin a word. */
  continuingSubwordPrefix?: string;
  /** A longer word is unknown. */
  maxInputCharsPerWord?: number;
};

export class WordPiece implements Model {
  readonly vocab: Vocab;
  readonly #options: Required<WordPieceOptions>;
  readonly #words = new WordCache((word) => this.#tokenize(word));
  /** Units of the longest token: nothing longer is looked up, so that a long word takes linear time. */
  readonly #longest: number;

  constructor(vocab: ReadonlyMap<string, number> | Vocab, options: WordPieceOptions = {}) {
    this.vocab = vocab instanceof Vocab ? vocab : new Vocab(vocab);
    this.#options = { unkToken: "[UNK]", continuingSubwordPrefix: "##", maxInputCharsPerWord: 100, ...options };
    let longest = 0;
    for (const token of this.vocab.ids.keys()) longest = Math.max(longest, token.length);
    this.#longest = longest;
  }

  static fromJson(fields: Fields): WordPiece {
    return new WordPiece(readVocab(fields), {
      unkToken: fields.string("unk_token", "[UNK]"),
      continuingSubwordPrefix: fields.string("continuing_subword_prefix", "##"),
      maxInputCharsPerWord: fields.count("max_input_chars_per_word", 100),
    });
  }

  toJson(): WordPieceConfig {
    return {
      type: "WordPiece",
      unk_token: this.#options.unkToken,
      continuing_subword_prefix: this.#options.continuingSubwordPrefix,
      max_input_chars_per_word: this.#options.maxInputCharsPerWord,
      vocab: this.vocab.toJson(),
    };
  }

  get subwordPrefix(): string {
    return this.#options.continuingSubwordPrefix;
  }
  get vocabSize(): number {
    return this.vocab.size;
  }

  tokenToId(token: string): number | undefined {
    return this.vocab.idOf(token);
  }

  idToToken(id: number): string | undefined {
    return this.vocab.tokenOf(id);
  }

  tokenize(word: string): Word {
    return this.#words.get(word);
  }

  #tokenize(word: string): Word {
    const { unkToken, continuingSubwordPrefix: prefix, maxInputCharsPerWord: most } = this.#options;
    const unknown = () => ({ ids: [unknownId(this.vocab, unkToken)], starts: [0], ends: [word.length] });
    if (word.length > most && [...word].length > most) return unknown();
    const [ids, starts, ends]: [number[], number[], number[]] = [[], [], []];
    for (let start = 0; start < word.length; ) {
      let end = Math.min(word.length, start + this.#longest);
      let id: number | undefined;
      for (; end > start; end--) {
        const piece = word.slice(start, end);
        id = this.vocab.idOf(start > 0 ? prefix + piece : piece);
        if (id !== undefined) break;
      }
      if (id === undefined) return unknown();
      ids.push(id);
      starts.push(start);
      ends.push(end);
      start = end;
    }
    return { ids, starts, ends };
  }
}
