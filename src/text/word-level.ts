// The plainest model: a word is a token, or unknown.

import type { Fields } from "./fields.ts";
import type { Model, Word } from "./model.ts";
import { readVocab, unknownId, Vocab } from "./vocab.ts";

export type WordLevelConfig = {
  readonly type: "WordLevel";
  readonly vocab: { readonly [token: string]: number };
  readonly unk_token: string;
};

export class WordLevel implements Model {
  readonly vocab: Vocab;
  readonly unkToken: string;

  constructor(vocab: ReadonlyMap<string, number> | Vocab, unkToken = "<unk>") {
    this.vocab = vocab instanceof Vocab ? vocab : new Vocab(vocab);
    this.unkToken = unkToken;
  }

  static fromJson(fields: Fields): WordLevel {
    return new WordLevel(readVocab(fields), fields.string("unk_token", "<unk>"));
  }

  toJson(): WordLevelConfig {
    return { type: "WordLevel", vocab: this.vocab.toJson(), unk_token: this.unkToken };
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
    const id = this.vocab.idOf(word) ?? unknownId(this.vocab, this.unkToken);
    return { ids: [id], starts: [0], ends: [word.length] };
  }
}
