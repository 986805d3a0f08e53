// Writing pickles of protocol 2, the one that `torch.load(weights_only=True)` reads, with its operations only. What was
// written once is named by its number when it comes again, so shared values stay shared and cycles end.

import { CheckpointError } from "../base/errors.ts";

/** A function or class of Python's, as "module name". */
export class Name {
  readonly module: string;
  readonly name: string;
  constructor(module: string, name: string) {
    this.module = module;
    this.name = name;
  }
}

export class PickleWriter {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1024);
  #length = 0;
  #view = new DataView(this.#bytes.buffer);
  readonly #memo: Map<unknown, number> = new Map();

  constructor() {
    this.op(128, 2);
  }

  finish(): Uint8Array<ArrayBuffer> {
    this.code(".");
    return this.#bytes.slice(0, this.#length);
  }

  code(operation: string): void {
    this.op(operation.charCodeAt(0));
  }
  op(...bytes: number[]): void {
    this.#room(bytes.length);
    for (const byte of bytes) this.#bytes[this.#length++] = byte;
  }

  none(): void {
    this.code("N");
  }
  boolean(value: boolean): void {
    this.op(value ? 136 : 137);
  }
  /** A whole number as Python's int, any other as its float. */
  number(value: number | bigint): void {
    if (typeof value === "bigint" || (Number.isSafeInteger(value) && !Object.is(value, -0))) this.#integer(value);
    else {
      this.code("G");
      this.#room(8);
      this.#view.setFloat64(this.#length, value);
      this.#length += 8;
    }
  }
  text(value: string): void {
    if (this.known(value)) return;
    const encoded = new TextEncoder().encode(value);
    this.code("X");
    this.#uint32(encoded.length);
    this.#raw(encoded);
    this.remember(value);
  }
  name(name: Name): void {
    const key = `${name.module}\n${name.name}\n`; // no text has this key: it would be remembered with another
    if (this.known(nameKey(key))) return;
    this.code("c");
    this.#raw(new TextEncoder().encode(key));
    this.remember(nameKey(key));
  }
  /** A tuple of what `items` write. */
  tuple(...items: readonly (() => void)[]): void {
    if (items.length === 0) return this.code(")");
    if (items.length > 3) this.code("(");
    for (const item of items) item();
    if (items.length > 3) this.code("t");
    else this.op(132 + items.length);
  }
  /** A call of `name` with what `args` write. */
  call(name: Name, ...args: readonly (() => void)[]): void {
    this.name(name);
    this.tuple(...args);
    this.code("R");
  }

  /** Writes the number of a value that was remembered, if it was. */
  known(value: unknown): boolean {
    const index = this.#memo.get(value);
    if (index === undefined) return false;
    if (index < 256) this.op(104, index);
    else {
      this.code("j");
      this.#uint32(index);
    }
    return true;
  }
  /** Keeps the value that was just written under the next number. */
  remember(value: unknown): void {
    const index = this.#memo.size;
    this.#memo.set(value, index);
    if (index < 256) this.op(113, index);
    else {
      this.code("r");
      this.#uint32(index);
    }
  }

  #integer(value: number | bigint): void {
    if (value >= 0 && value < 256) return this.op(75, Number(value));
    if (value >= -(2 ** 31) && value < 2 ** 31) {
      this.code("J");
      return this.#uint32(Number(value) >>> 0);
    }
    const bytes: number[] = [];
    let rest = BigInt(value);
    for (; rest < -128n || rest > 127n; rest >>= 8n) bytes.push(Number(rest & 255n));
    bytes.push(Number(rest & 255n));
    if (bytes.length > 255) throw new CheckpointError("save: an integer takes more than 255 bytes.", {});
    this.op(138, bytes.length, ...bytes);
  }
  #uint32(value: number): void {
    this.#room(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }
  #raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }
  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + more));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

const nameKeys = new Map<string, symbol>();
function nameKey(key: string): symbol {
  if (!nameKeys.has(key)) nameKeys.set(key, Symbol(key));
  return nameKeys.get(key)!; // set above
}
