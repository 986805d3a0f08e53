// The kinds of model that a tokenizer file can hold; each has its own file.

import { Bpe, type BpeConfig } from "./bpe.ts";
import { Fields } from "./fields.ts";
import type { Model } from "./model.ts";
import { Unigram, type UnigramConfig } from "./unigram.ts";
import { WordLevel, type WordLevelConfig } from "./word-level.ts";
import { WordPiece, type WordPieceConfig } from "./word-piece.ts";

export type ModelConfig = BpeConfig | UnigramConfig | WordLevelConfig | WordPieceConfig;

const kinds: { readonly [type in ModelConfig["type"]]: (fields: Fields) => Model } = {
  BPE: (fields) => Bpe.fromJson(fields),
  Unigram: (fields) => Unigram.fromJson(fields),
  WordLevel: (fields) => WordLevel.fromJson(fields),
  WordPiece: (fields) => WordPiece.fromJson(fields),
};

export function readModel(config: unknown, where = "model"): Model {
  const fields = new Fields(config, where);
  // Old files leave the type out; what they hold tells it.
  if (!fields.has("type")) {
    if (fields.has("merges")) return kinds.BPE(fields);
    if (fields.has("continuing_subword_prefix")) return kinds.WordPiece(fields);
    if (Array.isArray(fields.object["vocab"])) return kinds.Unigram(fields);
    if (fields.has("vocab")) return kinds.WordLevel(fields);
  }
  return fields.byType(kinds, "model")(fields);
}
