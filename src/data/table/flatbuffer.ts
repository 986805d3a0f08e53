// The little of FlatBuffers that Arrow's metadata needs: https://flatbuffers.dev/internals
//
//     table   = i32 (back to its vtable), fields inline; what has no fixed size is named by a u32, counted from where it stands
//     vtable  = u16 its bytes, u16 the table's bytes, u16 for each field: where in the table, 0 if absent

/** A field: where it stands in its table, and what it is. */
export type Field =
  | readonly [id: number, kind: "u8" | "i16" | "i32" | "i64", value: number]
  | readonly [id: number, kind: "table", value: readonly Field[]]
  | readonly [id: number, kind: "tables", value: readonly (readonly Field[])[]]
  | readonly [id: number, kind: "text", value: string]
  | readonly [id: number, kind: "pairs", value: readonly number[]]; // structures of two i64 each

const sizes: { readonly [kind in Field[1]]: number } = {
  u8: 1,
  i16: 2,
  i32: 4,
  i64: 8,
  table: 4,
  tables: 4,
  text: 4,
  pairs: 4,
};

/** Writes forward: a table first, then what it points to. */
class Writer {
  bytes = new Uint8Array(1024);
  #view = new DataView(this.bytes.buffer);
  at = 0;

  /** Room of so many bytes, placed so that the byte after `lead` is aligned; zeroed. */
  #take(size: number, align: number, lead = 0): number {
    const from = Math.ceil((this.at + lead) / align) * align - lead;
    this.at = from + size;
    if (this.at > this.bytes.length) {
      const grown = new Uint8Array(Math.max(this.at, 2 * this.bytes.length));
      grown.set(this.bytes);
      this.bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return from;
  }
  point(from: number, to: number): void {
    this.#view.setUint32(from, to - from, true);
  }

  root(fields: readonly Field[]): Uint8Array {
    const start = this.#take(4, 8);
    this.point(start, this.#table(fields));
    this.#take(0, 8);
    return this.bytes.subarray(0, this.at);
  }

  #table(fields: readonly Field[]): number {
    const ids = 1 + Math.max(-1, ...fields.map(([id]) => id));
    const vtable = this.#take(4 + 2 * ids, 2);
    // Wider fields first, so that no room is lost; the table begins so that its fields lie on their sizes.
    const order = [...fields].sort((a, b) => sizes[b[1]] - sizes[a[1]]);
    const bytes = 4 + order.reduce((sum, [, kind]) => sum + sizes[kind], 0);
    const table = this.#take(bytes, 8, 4);
    this.#view.setUint16(vtable, 4 + 2 * ids, true);
    this.#view.setUint16(vtable + 2, bytes, true);
    this.#view.setInt32(table, table - vtable, true);
    let at = table + 4;
    const places = new Map<Field, number>();
    for (const field of order) {
      this.#view.setUint16(vtable + 4 + 2 * field[0], at - table, true);
      places.set(field, at);
      at += sizes[field[1]];
    }
    for (const field of fields) this.#fill(field, places.get(field)!);
    return table;
  }

  #fill([, kind, value]: Field, at: number): void {
    switch (kind) {
      case "u8":
        this.#view.setUint8(at, value);
        return;
      case "i16":
        this.#view.setInt16(at, value, true);
        return;
      case "i32":
        this.#view.setInt32(at, value, true);
        return;
      case "i64":
        this.#view.setBigInt64(at, BigInt(value), true);
        return;
      case "table":
        this.point(at, this.#table(value));
        return;
      case "tables": {
        const list = this.#take(4 + 4 * value.length, 4);
        this.#view.setUint32(list, value.length, true);
        this.point(at, list);
        value.forEach((fields, i) => this.point(list + 4 + 4 * i, this.#table(fields)));
        return;
      }
      case "text": {
        const text = new TextEncoder().encode(value);
        const place = this.#take(4 + text.length + 1, 4);
        this.#view.setUint32(place, text.length, true);
        this.bytes.set(text, place + 4);
        this.point(at, place);
        return;
      }
      case "pairs": {
        const list = this.#take(4 + 8 * value.length, 8, 4);
        this.#view.setUint32(list, value.length / 2, true);
        value.forEach((number, i) => this.#view.setBigInt64(list + 4 + 8 * i, BigInt(number), true));
        this.point(at, list);
        return;
      }
      default:
        kind satisfies never;
    }
  }
}

/** The bytes of a buffer whose root is this table; a multiple of 8. */
export function writeFlatbuffer(root: readonly Field[]): Uint8Array {
  return new Writer().root(root);
}

/** A table in a buffer. Reading outside of the buffer throws a RangeError. */
export class FlatTable {
  readonly #view: DataView;
  readonly #at: number;
  private constructor(view: DataView, at: number) {
    this.#view = view;
    this.#at = at;
  }
  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new FlatTable(view, view.getUint32(0, true));
  }
  /** Where field `id` stands; 0 if it is absent. */
  #place(id: number): number {
    const vtable = this.#at - this.#view.getInt32(this.#at, true);
    if (4 + 2 * id >= this.#view.getUint16(vtable, true)) return 0;
    const offset = this.#view.getUint16(vtable + 4 + 2 * id, true);
    return offset === 0 ? 0 : this.#at + offset;
  }
  #target(id: number): number {
    const at = this.#place(id);
    return at === 0 ? 0 : at + this.#view.getUint32(at, true);
  }
  u8(id: number, absent = 0): number {
    const at = this.#place(id);
    return at === 0 ? absent : this.#view.getUint8(at);
  }
  i16(id: number, absent = 0): number {
    const at = this.#place(id);
    return at === 0 ? absent : this.#view.getInt16(at, true);
  }
  i32(id: number, absent = 0): number {
    const at = this.#place(id);
    return at === 0 ? absent : this.#view.getInt32(at, true);
  }
  i64(id: number, absent = 0): number {
    const at = this.#place(id);
    return at === 0 ? absent : Number(this.#view.getBigInt64(at, true));
  }
  table(id: number): FlatTable | undefined {
    const at = this.#target(id);
    return at === 0 ? undefined : new FlatTable(this.#view, at);
  }
  text(id: number): string | undefined {
    const at = this.#target(id);
    if (at === 0) return undefined;
    const { buffer, byteOffset } = this.#view;
    const length = this.#view.getUint32(at, true);
    this.#inside(at + 4, length);
    return new TextDecoder().decode(new Uint8Array(buffer, byteOffset + at + 4, length));
  }
  tables(id: number): FlatTable[] {
    const at = this.#target(id);
    if (at === 0) return [];
    const length = this.#view.getUint32(at, true);
    this.#inside(at + 4, 4 * length);
    return Array.from({ length }, (_, i) => {
      const place = at + 4 + 4 * i;
      return new FlatTable(this.#view, place + this.#view.getUint32(place, true));
    });
  }
  /** Structures of two i64, one after the other. */
  pairs(id: number): Float64Array {
    const at = this.#target(id);
    if (at === 0) return new Float64Array();
    const length = 2 * this.#view.getUint32(at, true);
    this.#inside(at + 4, 8 * length);
    return Float64Array.from({ length }, (_, i) => Number(this.#view.getBigInt64(at + 4 + 8 * i, true)));
  }
  #inside(at: number, bytes: number): void {
    if (at + bytes > this.#view.byteLength) throw new RangeError("a list goes beyond the end");
  }
}
