// The records of CSV in bytes (RFC 4180): values between delimiters, in quotes where they hold one, a quote or a line end. As
// pandas reads them, a quote within an unquoted value is a letter like others, and what follows a closing quote belongs to the value.

import { DataError } from "../../base/errors.ts";
import { joinBytes } from "../table/bytes.ts";

const [newline, carriageReturn, quote] = [10, 13, 34];
/** No record is so long; a quote that is never closed would make one. */
const mostBytes = 2 ** 28;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** One record. It is only valid until the next is asked for: texts are made of its bytes when they are wanted. */
export class CsvRecord {
  /** The line that it begins in. */
  line = 1;
  length = 0;
  #bytes: Uint8Array = new Uint8Array();
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  /** Values that do not stand in the bytes as they are. */
  readonly #texts: (string | undefined)[] = [];

  begin(bytes: Uint8Array, line: number): void {
    this.#bytes = bytes;
    this.line = line;
    this.length = 0;
  }
  add(from: number, to: number, text?: string): void {
    this.#from[this.length] = from;
    this.#to[this.length] = to;
    this.#texts[this.length++] = text;
  }
  text(i: number): string {
    return this.#texts[i] ?? decoder.decode(this.#bytes.subarray(this.#from[i], this.#to[i]));
  }
}

/** The records of a file, without lines that are empty. */
export async function* csvRecords(
  path: string,
  blocks: AsyncIterable<Uint8Array>,
  delimiter: string,
): AsyncGenerator<CsvRecord> {
  const scanner = new Scanner(path, delimiter);
  let rest: Uint8Array = new Uint8Array();
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let isFirst = true;
  for await (const block of blocks) {
    waiting.push(block.slice()); // the next one comes to the same place
    waitingBytes += block.length;
    if (isFirst && waitingBytes < 3) continue; // a byte order mark is seen whole
    if (waitingBytes < rest.length) continue; // a long record is not looked through once for each block
    let bytes = joinBytes([rest, ...waiting], rest.length + waitingBytes);
    if (isFirst && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) bytes = bytes.subarray(3);
    isFirst = false;
    [waiting, waitingBytes] = [[], 0];
    rest = bytes.subarray(yield* scanner.scan(bytes, false));
    if (rest.length > mostBytes)
      throw scanner.wrong(`a record of more than ${mostBytes} bytes. Is a quote never closed?`);
  }
  yield* scanner.scan(joinBytes([rest, ...waiting], rest.length + waitingBytes), true);
}

class Scanner {
  readonly #path: string;
  readonly #delimiter: Uint8Array;
  readonly #record = new CsvRecord();
  #line = 1;

  constructor(path: string, delimiter: string) {
    this.#path = path;
    this.#delimiter = new TextEncoder().encode(delimiter);
  }
  wrong(what: string): DataError {
    const line = this.#line;
    return new DataError(`read ${this.#path}, line ${line}: ${what}`, { file: this.#path, line });
  }

  /** The records that end within the bytes; gives where the first begins that does not. */
  *scan(bytes: Uint8Array, isLast: boolean): Generator<CsvRecord, number> {
    let at = 0;
    while (at < bytes.length) {
      const empty = this.#lineEnd(bytes, at, isLast);
      if (empty === undefined) return at;
      if (empty > 0) {
        this.#line++;
        at += empty;
        continue;
      }
      this.#record.begin(bytes, this.#line);
      const end = this.#values(bytes, at, isLast);
      if (end === undefined) return at;
      at = end;
      yield this.#record;
    }
    return at;
  }
  /** Bytes of the line end there; 0 where there is none, undefined where that is not known yet. */
  #lineEnd(bytes: Uint8Array, at: number, isLast: boolean): number | undefined {
    if (bytes[at] === newline) return 1;
    if (bytes[at] !== carriageReturn) return 0;
    if (at + 1 === bytes.length && !isLast) return undefined;
    return bytes[at + 1] === newline ? 2 : 1;
  }
  #delimits(bytes: Uint8Array, at: number): boolean {
    return this.#delimiter.every((byte, i) => bytes[at + i] === byte);
  }

  /** Adds the values of a record to it; gives where the next begins, or undefined where it goes on beyond the bytes. */
  #values(bytes: Uint8Array, start: number, isLast: boolean): number | undefined {
    const line = this.#line;
    let ends = 0; // line ends within quotes
    for (let at = start; ; at += this.#delimiter.length) {
      let [from, text]: [number, string | undefined] = [at, undefined];
      if (bytes[at] === quote) {
        const quoted = this.#quoted(bytes, at, isLast);
        if (quoted === undefined) return undefined;
        [from, at] = [at + 1, quoted.end + 1];
        const value = bytes.subarray(from, quoted.end);
        for (let i = value.indexOf(newline); i !== -1; i = value.indexOf(newline, i + 1)) ends++;
        text = quoted.isPlain ? undefined : decoder.decode(value).replaceAll('""', '"');
        const after = this.#unquoted(bytes, at);
        if (after > at) text = (text ?? decoder.decode(value)) + decoder.decode(bytes.subarray(at, after));
        this.#record.add(from, quoted.end, text);
        at = after;
      } else {
        at = this.#unquoted(bytes, at);
        this.#record.add(from, at);
      }
      // A delimiter may go on beyond the bytes.
      if (at + this.#delimiter.length > bytes.length && !isLast) return undefined;
      if (at === bytes.length) return at;
      const end = this.#lineEnd(bytes, at, isLast);
      if (end === undefined) return undefined;
      if (end === 0) continue;
      this.#line = line + ends + 1;
      return at + end;
    }
  }
  /** Where an unquoted value ends. */
  #unquoted(bytes: Uint8Array, start: number): number {
    const first = this.#delimiter[0];
    const isOne = this.#delimiter.length === 1;
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === newline || byte === carriageReturn) return at;
      if (byte === first && (isOne || this.#delimits(bytes, at))) return at;
    }
    return bytes.length;
  }
  /** Where the closing quote stands, and whether no quote is in between. */
  #quoted(bytes: Uint8Array, start: number, isLast: boolean): { end: number; isPlain: boolean } | undefined {
    for (let at = start + 1, isPlain = true; ; ) {
      const end = bytes.indexOf(quote, at);
      if (end === -1) {
        if (isLast) throw this.wrong('a quote opens here and is never closed. Quotes within values are doubled: "".');
        return undefined;
      }
      if (end + 1 === bytes.length && !isLast) return undefined;
      if (bytes[end + 1] !== quote) return { end, isPlain };
      isPlain = false;
      at = end + 2;
    }
  }
}
