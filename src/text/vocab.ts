// The tokens of a model by text and by id.

import { CheckpointError } from "../base/errors.ts";
import { type Fields, shown } from "./fields.ts";

export class Vocab {
  readonly ids: ReadonlyMap<string, number>;
  readonly #tokens: readonly (string | undefined)[] | ReadonlyMap<number, string>;

  constructor(ids: ReadonlyMap<string, number>) {
    this.ids = ids;
    let largest = -1;
    for (const id of ids.values()) if (id > largest) largest = id;
    // A foreign file may count in billions.
    this.#tokens = largest < 4 * ids.size + 1024 ? tokensById(ids, largest + 1) : tokensInMap(ids);
  }

  get size(): number {
    return this.ids.size;
  }

  idOf(token: string): number | undefined {
    return this.ids.get(token);
  }

  tokenOf(id: number): string | undefined {
    return this.#tokens instanceof Map ? this.#tokens.get(id) : (this.#tokens as readonly string[])[id]; // one or the other
  }

  /** As tokenizer.json holds it, in the order of the ids. */
  toJson(): { readonly [token: string]: number } {
    return Object.fromEntries([...this.ids].sort(([, a], [, b]) => a - b));
  }
}

function tokensById(ids: ReadonlyMap<string, number>, size: number): (string | undefined)[] {
  const tokens = new Array<string | undefined>(size).fill(undefined);
  for (const [token, id] of ids) tokens[id] = token;
  return tokens;
}

function tokensInMap(ids: ReadonlyMap<string, number>): ReadonlyMap<number, string> {
  const tokens = new Map<number, string>();
  for (const [token, id] of ids) tokens.set(id, token);
  return tokens;
}

const LARGEST_ID = 2 ** 31 - 1;

/** The vocabulary under `vocab`: each token with its id. */
export function readVocab(fields: Fields): Vocab {
  const ids = new Map<string, number>();
  const { object } = fields.fields("vocab");
  for (const token in object) {
    const id = object[token];
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id > LARGEST_ID) {
      throw new CheckpointError(
        `${fields.where}.vocab: the id of ${JSON.stringify(token)} must be a whole number, got ${shown(id)}.`,
        { token, id },
      );
    }
    ids.set(token, id);
  }
  return new Vocab(ids);
}

/** The id of the token that stands for unknown words. */
export function unknownId(vocab: Vocab, unkToken: string): number {
  const id = vocab.idOf(unkToken);
  if (id === undefined) {
    throw new CheckpointError(
      `model.unk_token: "${unkToken}" is not in the vocabulary, and the text holds something unknown.`,
      { unkToken },
    );
  }
  return id;
}
