// Bytes that a table reads from, wherever they lie: memory, or a file that is larger than memory.

/** Reading is synchronous: rows are there when they are asked for. */
export interface ByteSource {
  readonly size: number;
  /** Where it lies, for messages. */
  readonly name: string;
  /** True for a file. */
  readonly onDisk: boolean;
  /** The bytes from a position on; valid until the next read. Reading beyond the end throws a RangeError. */
  read(position: number, length: number): Uint8Array;
}

export class MemoryBytes implements ByteSource {
  readonly #bytes: Uint8Array;
  readonly name: string;
  readonly onDisk = false;
  constructor(bytes: Uint8Array, name = "memory") {
    this.#bytes = bytes;
    this.name = name;
  }
  get size(): number {
    return this.#bytes.length;
  }
  read(position: number, length: number): Uint8Array {
    if (position < 0 || length < 0 || position + length > this.#bytes.length) {
      throw new RangeError(`${length} bytes at ${position} of ${this.#bytes.length}`);
    }
    return this.#bytes.subarray(position, position + length);
  }
}

/** Where a table's bytes go. */
export interface ByteSink {
  write(bytes: Uint8Array): void;
  /** What was written, to be read. Nothing can be written after. */
  finish(): ByteSource;
  /** What was written so far, to be read before it is abandoned. */
  readBack(): ByteSource;
  /** Takes back what was written. */
  abandon(): void;
}

export function joinBytes(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const out = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

export class MemorySink implements ByteSink {
  readonly #pieces: Uint8Array[] = [];
  #size = 0;
  write(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#size += bytes.length;
  }
  finish(): ByteSource {
    const whole = this.readBack();
    this.abandon();
    return whole;
  }
  readBack(): ByteSource {
    return new MemoryBytes(joinBytes(this.#pieces, this.#size));
  }
  abandon(): void {
    this.#pieces.length = 0;
  }
}
