// Reads protocol buffers (https://protobuf.dev/programming-guides/encoding): each field is a tag, which says its number and
// how it is written, and a value. Every length is checked before it is used, and an error says at which byte it is.

import { CheckpointError } from "../base/errors.ts";

/** A field as it is written: a whole number, the bytes of a text, of a message or of packed numbers, or four or eight raw bytes. */
export type ProtobufField = {
  readonly number: number;
  readonly at: number;
  readonly value: number | Uint8Array;
  readonly wire: "varint" | "bytes" | "raw32" | "raw64";
};

export class ProtobufReader {
  readonly #bytes: Uint8Array;
  readonly #where: string;
  /** Where `bytes` begin in the file, for messages. */
  readonly #origin: number;

  constructor(bytes: Uint8Array, where: string, origin = 0) {
    this.#bytes = bytes;
    this.#where = where;
    this.#origin = origin;
  }

  /** The fields in the order of the file. */
  *fields(): Generator<ProtobufField> {
    const bytes = this.#bytes;
    for (let at = 0; at < bytes.length; ) {
      const start = at;
      const [tag, afterTag] = this.#varint(at);
      const number = Math.floor(tag / 8);
      if (number === 0 || number > 0x1fffffff) this.fail(start, `the field number ${number} does not exist`);
      at = afterTag;
      switch (tag % 8) {
        case 0: {
          const [value, end] = this.#varint(at);
          at = end;
          yield { number, at: this.#origin + start, value, wire: "varint" };
          break;
        }
        case 1:
          yield { number, at: this.#origin + start, value: this.#take(at, 8), wire: "raw64" };
          at += 8;
          break;
        case 2: {
          const [length, begin] = this.#varint(at);
          at = begin + length;
          yield { number, at: this.#origin + begin, value: this.#take(begin, length), wire: "bytes" };
          break;
        }
        case 5:
          yield { number, at: this.#origin + start, value: this.#take(at, 4), wire: "raw32" };
          at += 4;
          break;
        default:
          this.fail(start, `a field of wire type ${tag % 8}, which is not in use`);
      }
    }
  }

  fail(at: number, what: string): never {
    const place = this.#origin + at;
    throw new CheckpointError(`${this.#where}: ${what} (byte ${place}). The file is torn, or no protocol buffer.`, {
      where: this.#where,
      byte: place,
    });
  }

  #take(at: number, length: number): Uint8Array {
    if (at + length > this.#bytes.length) {
      this.fail(at, `a field of ${length} bytes does not fit into the ${this.#bytes.length - at} that are left`);
    }
    return this.#bytes.subarray(at, at + length);
  }

  /** Whole numbers up to 2^53 as they are; larger ones, which negative ones are written as, are rounded. */
  #varint(start: number): readonly [value: number, end: number] {
    let value = 0;
    let scale = 1;
    for (let at = start; at < start + 10; at++, scale *= 128) {
      const byte = this.#bytes[at];
      if (byte === undefined) this.fail(start, "a number is cut off");
      value += (byte & 127) * scale;
      if (byte < 128) return [value, at + 1];
    }
    return this.fail(start, "a number of more than ten bytes");
  }
}
