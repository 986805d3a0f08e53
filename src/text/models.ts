// The kinds of model that a tokenizer file can hold; each has its own file.

import { UnsupportedError } from "../base/errors.ts";
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
  const type = fields.has("type") || !fields.has("merges") ? fields.string("type") : "BPE";
  if (!Object.hasOwn(kinds, type))
    throw new UnsupportedError(`${where}: no model "${type}" yet; there are ${Object.keys(kinds).join(", ")}.`, {
      where,
      type,
    });
  return kinds[type as ModelConfig["type"]](fields); // hasOwn has looked
}
