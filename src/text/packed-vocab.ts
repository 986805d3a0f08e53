// A vocabulary as it comes off the disk: the UTF-8 of all tokens behind one another, and a hash table over it. Making a
// hundred thousand strings takes longer than all else that loading does, and most tokens are never looked at.

import { decodeUtf8, pushUtf8 } from "./utf8.ts";

export const HASH_SEED: number = 0x811c9dc5 | 0;

/** One byte more of a hash (FNV-1a). */
export function hashByte(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193);
}

export class PackedVocab {
  readonly #bytes: Uint8Array;
  /** Entry e is `bytes[starts[e] … starts[e + 1])`, token number `ids[e]`. */
  readonly #starts: Int32Array;
  readonly #ids: Int32Array;
  /** Entry + 1 by hash, 0 where there is none. */
  readonly #table: Int32Array;
  readonly size: number;

  /** `hashes` are those of the entries. Returns null where a token comes twice. */
  static of(bytes: Uint8Array, starts: Int32Array, ids: Int32Array, hashes: Int32Array): PackedVocab | null {
    const vocab = new PackedVocab(bytes, starts, ids);
    for (let entry = 0; entry < ids.length; entry++) {
      const [start, end] = [starts[entry] as number, starts[entry + 1] as number]; // one more than entries
      if (!vocab.#add(entry, hashes[entry] as number, start, end)) return null;
    }
    return vocab;
  }

  private constructor(bytes: Uint8Array, starts: Int32Array, ids: Int32Array) {
    this.#bytes = bytes;
    this.#starts = starts;
    this.#ids = ids;
    this.size = ids.length;
    let slots = 16;
    while (slots < 2 * ids.length) slots *= 2;
    this.#table = new Int32Array(slots);
  }

  #add(entry: number, hash: number, start: number, end: number): boolean {
    const mask = this.#table.length - 1;
    for (let slot = mixed(hash) & mask; ; slot = (slot + 1) & mask) {
      const other = (this.#table[slot] as number) - 1; // inside by the mask
      if (other < 0) {
        this.#table[slot] = entry + 1;
        return true;
      }
      if (this.#equals(other, this.#bytes, start, end)) return false;
    }
  }

  /** The id of the token `bytes[start, end)`, whose hash is known; -1 if there is none. */
  find(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const mask = this.#table.length - 1;
    for (let slot = mixed(hash) & mask; ; slot = (slot + 1) & mask) {
      const entry = (this.#table[slot] as number) - 1;
      if (entry < 0) return -1;
      if (this.#equals(entry, bytes, start, end)) return this.#ids[entry] as number;
    }
  }

  #equals(entry: number, bytes: Uint8Array, start: number, end: number): boolean {
    let at = this.#starts[entry] as number;
    if ((this.#starts[entry + 1] as number) - at !== end - start) return false;
    for (let i = start; i < end; i++) if (bytes[i] !== this.#bytes[at++]) return false;
    return true;
  }

  idOf(token: string): number | undefined {
    const bytes: number[] = [];
    for (const char of token) pushUtf8(char.codePointAt(0) ?? 0, bytes);
    let hash = HASH_SEED;
    for (const byte of bytes) hash = hashByte(hash, byte);
    const id = this.find(Uint8Array.from(bytes), 0, bytes.length, hash);
    return id < 0 ? undefined : id;
  }

  /** Each entry's id and text, in the order of the file. */
  *entries(): Generator<readonly [token: string, id: number]> {
    for (let entry = 0; entry < this.size; entry++) yield [this.tokenAt(entry), this.#ids[entry] as number];
  }

  /** The ids by entry. */
  get ids(): Int32Array {
    return this.#ids;
  }

  tokenAt(entry: number): string {
    const [start, end] = [this.#starts[entry] as number, this.#starts[entry + 1] as number];
    let ascii = "";
    for (let i = start; i < end; i++) {
      const byte = this.#bytes[i] as number;
      if (byte >= 0x80) return decodeUtf8([...this.#bytes.subarray(start, end)]);
      ascii += String.fromCharCode(byte);
    }
    return ascii;
  }
}

function mixed(hash: number): number {
  return hash ^ (hash >>> 15);
}
