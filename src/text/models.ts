// The kinds of model that a tokenizer file can hold; each has its own file.

import { Bpe, type BpeConfig } from "./bpe.ts";
import { Fields } from "./fields.ts";
import type { Model } from "./model.ts";

export type ModelConfig = BpeConfig;

const kinds: { readonly [type in ModelConfig["type"]]: (fields: Fields) => Model } = {
  BPE: (fields) => Bpe.fromJson(fields),
};

export function readModel(config: unknown, where = "model"): Model {
  const fields = new Fields(config, where);
  // Old files leave the type out; a model with merges is a BPE.
  if (!fields.has("type") && fields.has("merges")) return kinds.BPE(fields);
  return fields.byType(kinds, "model")(fields);
}
