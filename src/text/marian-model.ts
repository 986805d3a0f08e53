// One half of Marian's pair of tokenizers (https://arxiv.org/abs/1804.00344): a SentencePiece model cuts a text, and vocab.json
// says which ids its pieces have. A language code before the text is a token of its own:
//
//   ">>fr<< Hello"  →  ">>fr<<", "▁He", "llo"  →  ids by vocab.json, the unknown token's for pieces that it lacks

import { UnsupportedError } from "../base/errors.ts";
import type { JsonObject } from "./fields.ts";
import type { Model, Word } from "./model.ts";
import type { SentencePieceProcessor } from "./sentencepiece-processor.ts";

export type MarianVocab = {
  /** What tokens are looked up in by their texts, in both halves alike, so that added tokens have one id. */
  readonly ids: ReadonlyMap<string, number>;
  /** Tokens in vocab.json. */
  readonly size: number;
  /** What pieces are looked up in. */
  readonly pieces: ReadonlyMap<string, number>;
  /** The tokens of ids in decoding. */
  readonly texts: ReadonlyMap<number, string>;
  readonly unkToken: string;
};

export class MarianModel implements Model {
  readonly processor: SentencePieceProcessor;
  readonly #vocab: MarianVocab;
  readonly #unkId: number;

  constructor(processor: SentencePieceProcessor, vocab: MarianVocab) {
    this.processor = processor;
    this.#vocab = vocab;
    this.#unkId = vocab.pieces.get(vocab.unkToken) ?? 0; // the reader has seen to it
  }

  get vocabSize(): number {
    return this.#vocab.size;
  }

  /** The tokens keep their own texts: that of an unknown one is not `<unk>`. */
  tokenize(word: string): Word {
    const codeEnd = word.startsWith(">>") ? word.indexOf("<<") + 2 : 0;
    const hasCode = codeEnd > 2;
    const from = hasCode ? codeEnd : 0;
    const { pieces, starts, ends } = this.processor.encode(word.slice(from));
    const tokens = hasCode ? [word.slice(0, from), ...pieces] : pieces;
    return {
      ids: tokens.map((token) => this.#vocab.pieces.get(token) ?? this.#unkId),
      starts: [...(hasCode ? [0] : []), ...starts.map((at) => from + at)],
      ends: [...(hasCode ? [from] : []), ...ends.map((at) => from + at)],
      tokens,
    };
  }

  tokenToId(token: string): number | undefined {
    return this.#vocab.ids.get(token);
  }

  /** As in Python, an id that vocab.json lacks is a place among the pieces. */
  idToToken(id: number): string | undefined {
    return this.#vocab.texts.get(id) ?? this.processor.pieceAt(id);
  }

  toJson(): JsonObject {
    throw new UnsupportedError(
      "tokenizer.toJson: tokenizer.json has no place for Marian's pair of SentencePiece models. " +
        "saveTokenizer writes source.spm, target.spm and vocab.json.",
    );
  }
}
