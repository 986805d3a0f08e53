// The tokens of a model by text and by id.

import { CheckpointError } from "../base/errors.ts";
import { type Fields, shown } from "./fields.ts";
import { PackedVocab } from "./packed-vocab.ts";

export class Vocab {
  readonly size: number;
  /** The file's own table: then the map below is made only if somebody asks for it. */
  readonly #packed: PackedVocab | null;
  #ids: ReadonlyMap<string, number> | null;
  /** Entries of the packed table by id. */
  readonly #entries: Int32Array | null = null;
  readonly #tokens: Map<number, string> | (string | undefined)[];

  constructor(tokens: ReadonlyMap<string, number> | PackedVocab) {
    this.size = tokens.size;
    const packed = tokens instanceof PackedVocab ? tokens : null;
    this.#packed = packed;
    this.#ids = tokens instanceof PackedVocab ? null : tokens;
    let largest = -1;
    for (const id of packed?.ids ?? this.ids.values()) if (id > largest) largest = id;
    const dense = largest < 4 * this.size + 1024; // a foreign file may count in billions
    this.#tokens = dense ? new Array<string | undefined>(largest + 1).fill(undefined) : new Map();
    if (packed !== null && dense) {
      this.#entries = new Int32Array(largest + 1).fill(-1);
      for (let entry = 0; entry < packed.size; entry++) this.#entries[packed.ids[entry] as number] = entry; // inside
      return;
    }
    for (const [token, id] of this.ids) {
      if (this.#tokens instanceof Map) this.#tokens.set(id, token);
      else this.#tokens[id] = token;
    }
  }

  get ids(): ReadonlyMap<string, number> {
    this.#ids ??= new Map(this.#packed?.entries());
    return this.#ids;
  }

  idOf(token: string): number | undefined {
    return this.#packed !== null && this.#ids === null ? this.#packed.idOf(token) : this.ids.get(token);
  }

  tokenOf(id: number): string | undefined {
    if (this.#tokens instanceof Map) return this.#tokens.get(id);
    const known = this.#tokens[id];
    if (known !== undefined || this.#entries === null || this.#packed === null) return known;
    const entry = this.#entries[id] ?? -1;
    if (entry < 0) return undefined;
    const token = this.#packed.tokenAt(entry);
    this.#tokens[id] = token;
    return token;
  }

  /** As tokenizer.json holds it, in the order of the ids. */
  toJson(): { readonly [token: string]: number } {
    return Object.fromEntries([...this.ids].sort(([, a], [, b]) => a - b));
  }
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
