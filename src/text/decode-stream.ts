// Text of ids that come one by one, as a model writes them. A character may take several tokens: what is not whole yet
// is held back. Put together, the pieces are the text of all ids.

import type { DecodeOptions } from "./tokenizer.ts";

/** More tokens than one character ever takes: what is not whole after so many is not UTF-8. */
const MOST_PENDING = 16;

export class DecodeStream {
  readonly #decode: (ids: readonly number[]) => string;
  /** Ids from those of the last piece on: decoders join a token to the one before. */
  #ids: number[] = [];
  /** How many of them are in text that was given out, and that text. */
  #given = 0;
  #text = "";

  constructor(
    tokenizer: { decode(ids: readonly number[], options?: DecodeOptions): string },
    options: DecodeOptions = {},
  ) {
    this.#decode = (ids) => tokenizer.decode(ids, options);
  }

  /** The text that these ids complete; often "". */
  push(...ids: readonly number[]): string {
    this.#ids.push(...ids);
    const text = this.#decode(this.#ids);
    const pending = text.endsWith("\ufffd") && this.#ids.length - this.#given < MOST_PENDING;
    return pending ? "" : this.#give(text);
  }

  /** The rest, whole or not; the stream begins anew. */
  end(): string {
    const rest = this.#give(this.#decode(this.#ids));
    this.#ids = [];
    this.#given = 0;
    this.#text = "";
    return rest;
  }

  #give(text: string): string {
    if (text.length <= this.#text.length) return "";
    const piece = text.slice(this.#text.length);
    this.#ids = this.#ids.slice(this.#given);
    this.#given = this.#ids.length;
    this.#text = this.#decode(this.#ids);
    return piece;
  }
}
