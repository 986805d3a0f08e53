// Reads the two long parts of a BPE file, vocabulary and merges, from its bytes, and all else by `JSON.parse`. What is not
// plainly as it should be is left to `JSON.parse` altogether, which knows how to complain: then null is returned.
//
//   {"version": …, "model": {"type": "BPE", …, "vocab": {"!": 0, …}, "merges": ["Ġ t", … or ["Ġ", "t"], …]}}

import type { JsonObject } from "./fields.ts";
import { HASH_SEED, hashByte, PackedVocab } from "./packed-vocab.ts";
import { pushUtf8 } from "./utf8.ts";

/** Merge r joins `left[r]` and `right[r]` to `made[r]`. */
export type PackedMerges = { readonly left: Int32Array; readonly right: Int32Array; readonly made: Int32Array };

/** A tokenizer.json, of whose model vocabulary and merges are left out. */
export type PackedJson = { readonly json: JsonObject; readonly vocab: PackedVocab; readonly merges: PackedMerges };

export function readPacked(bytes: Uint8Array): PackedJson | null {
  try {
    return new Reader(bytes).file();
  } catch (error) {
    if (error === notPlain || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Thrown where the bytes are not what was expected. */
const notPlain: unique symbol = Symbol("not plain");

const [QUOTE, BACKSLASH, SPACE, COMMA, COLON] = [0x22, 0x5c, 0x20, 0x2c, 0x3a];
const [OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = [0x7b, 0x7d, 0x5b, 0x5d];
const escapes: { readonly [letter: string]: number } = { b: 8, f: 12, n: 10, r: 13, t: 9, '"': 34, "\\": 92, "/": 47 };

class Reader {
  readonly #bytes: Uint8Array;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  #at = 0;
  /** The strings that were read last, unescaped. */
  #out: Uint8Array<ArrayBufferLike> = new Uint8Array(1024);
  #length = 0;
  #hash = HASH_SEED;
  #vocab: PackedVocab | null = null;
  #mergesAt = -1;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  file(): PackedJson | null {
    let model: JsonObject | null = null;
    const json: { [key: string]: unknown } = {};
    this.#object((key) => {
      if (key === "model" && model === null) model = this.#model();
      else json[key] = this.#value();
    });
    if (this.#peek() !== -1 || model === null || this.#vocab === null || this.#mergesAt < 0) return null;
    this.#at = this.#mergesAt;
    return { json: { ...json, model }, vocab: this.#vocab, merges: this.#merges(this.#vocab) };
  }

  #model(): JsonObject {
    const model: { [key: string]: unknown } = {};
    this.#object((key) => {
      if (key === "vocab") this.#vocab = this.#readVocab();
      else if (key === "merges") {
        this.#peek();
        this.#mergesAt = this.#at; // the vocabulary may come later
        this.#skip();
      } else model[key] = this.#value();
    });
    if (model["type"] !== "BPE" || model["continuing_subword_prefix"]) throw notPlain;
    return model;
  }

  #object(field: (key: string) => void): void {
    this.#expect(OPEN);
    if (this.#peek() === CLOSE) throw notPlain;
    do {
      this.#peek();
      const start = this.#at;
      this.#skip();
      const key: unknown = JSON.parse(this.#decoder.decode(this.#bytes.subarray(start, this.#at)));
      this.#expect(COLON);
      if (typeof key !== "string" || key === "__proto__") throw notPlain;
      field(key);
    } while (this.#comma(CLOSE));
  }

  /** The value here, as `JSON.parse` has it. */
  #value(): unknown {
    this.#peek();
    const start = this.#at;
    this.#skip();
    return JSON.parse(this.#decoder.decode(this.#bytes.subarray(start, this.#at)));
  }

  /** Moves over a value. */
  #skip(): void {
    const bytes = this.#bytes;
    let depth = 0;
    do {
      const byte = this.#peek();
      if (byte === -1) throw notPlain;
      if (byte === QUOTE) {
        for (this.#at++; bytes[this.#at] !== QUOTE; this.#at++) {
          if (this.#at >= bytes.length) throw notPlain;
          if (bytes[this.#at] === BACKSLASH) this.#at++;
        }
        this.#at++;
      } else if (byte === OPEN || byte === OPEN_LIST) {
        depth++;
        this.#at++;
      } else if (byte === CLOSE || byte === CLOSE_LIST) {
        depth--;
        this.#at++;
      } else if (byte === COMMA || byte === COLON) this.#at++;
      else this.#skipWord();
      if (depth < 0) throw notPlain;
    } while (depth > 0);
  }

  /** Over a number, `true`, `false` or `null`. */
  #skipWord(): void {
    const start = this.#at;
    while (isWord(this.#bytes[this.#at])) this.#at++;
    if (this.#at === start) throw notPlain;
  }

  #readVocab(): PackedVocab {
    this.#length = 0;
    this.#out = new Uint8Array(this.#bytes.length - this.#at);
    let [starts, ids, hashes] = [new Int32Array(1 << 16), new Int32Array(1 << 16), new Int32Array(1 << 16)];
    let count = 0;
    this.#expect(OPEN);
    if (this.#peek() === CLOSE) throw notPlain;
    do {
      if (count + 1 >= starts.length) [starts, ids, hashes] = [doubled(starts), doubled(ids), doubled(hashes)];
      starts[count] = this.#length;
      this.#hash = HASH_SEED;
      this.#string(-1);
      hashes[count] = this.#hash;
      this.#expect(COLON);
      ids[count++] = this.#number();
    } while (this.#comma(CLOSE));
    starts[count] = this.#length;
    const vocab = PackedVocab.of(
      this.#out.slice(0, this.#length),
      starts.slice(0, count + 1),
      ids.slice(0, count),
      hashes.slice(0, count),
    );
    if (vocab === null) throw notPlain;
    return vocab;
  }

  #merges(vocab: PackedVocab): PackedMerges {
    let [left, right, made] = [new Int32Array(1 << 16), new Int32Array(1 << 16), new Int32Array(1 << 16)];
    let count = 0;
    this.#expect(OPEN_LIST);
    if (this.#peek() === CLOSE_LIST)
      return { left: left.slice(0, 0), right: right.slice(0, 0), made: made.slice(0, 0) };
    do {
      if (count >= left.length) [left, right, made] = [doubled(left), doubled(right), doubled(made)];
      this.#merge(vocab, left, right, made, count++);
    } while (this.#comma(CLOSE_LIST));
    return { left: left.slice(0, count), right: right.slice(0, count), made: made.slice(0, count) };
  }

  #merge(vocab: PackedVocab, left: Int32Array, right: Int32Array, made: Int32Array, rank: number): void {
    const isPair = this.#peek() === OPEN_LIST;
    if (isPair) this.#at++;
    this.#length = 0;
    this.#hash = HASH_SEED;
    this.#string(isPair ? -1 : SPACE);
    const [middle, leftHash] = [this.#length, this.#hash];
    if (isPair) {
      this.#expect(COMMA);
      this.#string(-1);
    } else this.#rest();
    if (isPair) this.#expect(CLOSE_LIST);
    let rightHash = HASH_SEED;
    for (let i = middle; i < this.#length; i++) rightHash = hashByte(rightHash, this.#out[i] as number); // inside
    left[rank] = vocab.find(this.#out, 0, middle, leftHash);
    right[rank] = vocab.find(this.#out, middle, this.#length, rightHash);
    made[rank] = vocab.find(this.#out, 0, this.#length, this.#hash);
    if ((left[rank] as number) < 0 || (right[rank] as number) < 0 || (made[rank] as number) < 0) throw notPlain;
  }

  /** Appends the string here to `out`, up to its end or to `stop`, after which {@link #rest} goes on. */
  #string(stop: number): void {
    this.#expect(QUOTE);
    if (this.#copy(stop) !== stop && stop >= 0) throw notPlain;
  }

  #rest(): void {
    if (this.#copy(SPACE) === SPACE) throw notPlain;
  }

  /** Appends bytes up to the quote or to `stop`, which is passed and returned. */
  #copy(stop: number): number {
    const bytes = this.#bytes;
    for (;;) {
      const byte = bytes[this.#at++];
      if (byte === undefined || byte < 0x20) throw notPlain;
      if (byte === QUOTE || byte === stop) return byte;
      if (byte === BACKSLASH) this.#escape();
      else this.#append(byte);
    }
  }

  #append(byte: number): void {
    if (this.#length === this.#out.length) {
      const grown = new Uint8Array(this.#length * 2);
      grown.set(this.#out);
      this.#out = grown;
    }
    this.#out[this.#length++] = byte;
    this.#hash = hashByte(this.#hash, byte);
  }

  #escape(): void {
    const letter = String.fromCharCode(this.#bytes[this.#at++] ?? 0);
    const simple = escapes[letter];
    if (simple !== undefined) {
      this.#append(simple);
      return;
    }
    if (letter !== "u") throw notPlain;
    let code = this.#hex();
    if (code >= 0xd800 && code < 0xdc00 && this.#bytes[this.#at] === BACKSLASH && this.#bytes[this.#at + 1] === 0x75) {
      this.#at += 2;
      const low = this.#hex();
      if (low < 0xdc00 || low > 0xdfff) throw notPlain;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    if (code >= 0xd800 && code < 0xe000) throw notPlain;
    const out: number[] = [];
    pushUtf8(code, out);
    for (const byte of out) this.#append(byte);
  }

  #hex(): number {
    const digits = String.fromCharCode(...this.#bytes.subarray(this.#at, this.#at + 4));
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw notPlain;
    this.#at += 4;
    return Number.parseInt(digits, 16);
  }

  /** A whole number below 2³¹. */
  #number(): number {
    this.#peek();
    const start = this.#at;
    let value = 0;
    for (;;) {
      const digit = (this.#bytes[this.#at] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      this.#at++;
    }
    const digits = this.#at - start;
    const padded = digits > 1 && this.#bytes[start] === 0x30;
    if (digits === 0 || digits > 10 || padded || value > 0x7fffffff || isWord(this.#bytes[this.#at])) throw notPlain;
    return value;
  }

  /** The byte after blanks, or -1 at the end; it is not passed. */
  #peek(): number {
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) return -1;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
      this.#at++;
    }
  }

  #expect(byte: number): void {
    if (this.#peek() !== byte) throw notPlain;
    this.#at++;
  }

  /** Passes a comma, or `close`, after which there is no more. */
  #comma(close: number): boolean {
    const byte = this.#peek();
    this.#at++;
    if (byte === COMMA) return true;
    if (byte === close) return false;
    throw notPlain;
  }
}

function isWord(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x41 && byte <= 0x7a && byte !== OPEN_LIST && byte !== CLOSE_LIST && byte !== BACKSLASH) ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x2e
  );
}

function doubled(from: Int32Array): Int32Array<ArrayBuffer> {
  const to = new Int32Array(from.length * 2);
  to.set(from);
  return to;
}
