// The bytes of a WebAssembly module: one imported memory, imported functions, one exported function with its locals.
// https://webassembly.github.io/spec/core/binary/modules.html

import type { Op } from "./opcodes.ts";

export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

const valueTypes: { readonly [t in ValueType]: number } = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };

export interface FunctionType {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export interface Limits {
  readonly minPages: number;
  readonly maxPages: number;
  readonly shared: boolean;
}

/** A growing run of bytes with WebAssembly's number formats. */
export class Code {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  append(more: Uint8Array): void {
    this.#reserve(more.length);
    this.#bytes.set(more, this.#length);
    this.#length += more.length;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + more));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }

  /** Unsigned LEB128, up to 2^53. */
  unsigned(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.byte((rest % 0x80) | 0x80);
    this.byte(rest);
  }

  /** Signed LEB128. */
  signed(value: bigint): void {
    let rest = value;
    for (;;) {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      const done = rest === ((low & 0x40) !== 0 ? -1n : 0n);
      this.byte(done ? low : low | 0x80);
      if (done) return;
    }
  }

  text(value: string): void {
    const codes = Array.from(value, (c) => c.charCodeAt(0) & 0x7f); // our names are ASCII
    this.unsigned(codes.length);
    this.append(Uint8Array.from(codes));
  }

  /** An opcode; above one byte, its prefix stands in the bits from 16 on. */
  op(op: Op): void {
    if (op < 0x100) return this.byte(op);
    this.byte(op >> 16);
    this.unsigned(op & 0xffff);
  }

  ops(...ops: readonly Op[]): void {
    for (const o of ops) this.op(o);
  }

  i32Const(value: number): void {
    this.byte(0x41);
    this.signed(BigInt(value | 0));
  }
  i64Const(value: bigint): void {
    this.byte(0x42);
    this.signed(BigInt.asIntN(64, value));
  }
  f32Const(value: number): void {
    this.byte(0x43);
    this.append(new Uint8Array(Float32Array.of(value).buffer));
  }
  f64Const(value: number): void {
    this.byte(0x44);
    this.append(new Uint8Array(Float64Array.of(value).buffer));
  }
  /** Four equal lanes of 32 bits. */
  v128Const(lanes: Int32Array): void {
    this.byte(0xfd);
    this.byte(12);
    this.append(new Uint8Array(lanes.slice().buffer));
  }

  localGet(index: number): void {
    this.byte(0x20);
    this.unsigned(index);
  }
  localSet(index: number): void {
    this.byte(0x21);
    this.unsigned(index);
  }
  localTee(index: number): void {
    this.byte(0x22);
    this.unsigned(index);
  }
  call(index: number): void {
    this.byte(0x10);
    this.unsigned(index);
  }

  /** A load or store: `offset` is added to the address without wrapping, `bytes` is its alignment. */
  memory(op: Op, offset: number, bytes: number): void {
    this.op(op);
    this.unsigned(Math.log2(bytes));
    this.unsigned(offset);
  }

  block(): void {
    this.byte(0x02);
    this.byte(0x40);
  }
  loop(): void {
    this.byte(0x03);
    this.byte(0x40);
  }
  if(): void {
    this.byte(0x04);
    this.byte(0x40);
  }
  else(): void {
    this.byte(0x05);
  }
  end(): void {
    this.byte(0x0b);
  }
  branch(depth: number): void {
    this.byte(0x0c);
    this.unsigned(depth);
  }
  branchIf(depth: number): void {
    this.byte(0x0d);
    this.unsigned(depth);
  }
}

/** A module of one exported function; imported functions have the indexes from 0, in the order they are asked for. */
export class Module {
  readonly #imports: { readonly module: string; readonly name: string; readonly type: FunctionType }[] = [];

  importFunction(module: string, name: string, type: FunctionType): number {
    const known = this.#imports.findIndex((i) => i.module === module && i.name === name);
    return known >= 0 ? known : this.#imports.push({ module, name, type }) - 1;
  }

  /** `locals` beyond the parameters, `code` without its final end. */
  finish(
    name: string,
    type: FunctionType,
    locals: readonly ValueType[],
    code: Code,
    memory: Limits,
  ): Uint8Array<ArrayBuffer> {
    const out = new Code();
    out.append(Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    const types = [...this.#imports.map((i) => i.type), type];
    section(out, 1, (s) => {
      s.unsigned(types.length);
      for (const t of types) functionType(s, t);
    });
    section(out, 2, (s) => {
      s.unsigned(this.#imports.length + 1);
      s.text("env");
      s.text("memory");
      s.byte(0x02);
      s.byte(memory.shared ? 0x03 : 0x01);
      s.unsigned(memory.minPages);
      s.unsigned(memory.maxPages);
      this.#imports.forEach((i, index) => {
        s.text(i.module);
        s.text(i.name);
        s.byte(0x00);
        s.unsigned(index);
      });
    });
    section(out, 3, (s) => {
      s.unsigned(1);
      s.unsigned(types.length - 1);
    });
    section(out, 7, (s) => {
      s.unsigned(1);
      s.text("run");
      s.byte(0x00);
      s.unsigned(this.#imports.length);
    });
    section(out, 10, (s) => {
      s.unsigned(1);
      const body = new Code();
      const runs = runsOf(locals);
      body.unsigned(runs.length);
      for (const [t, count] of runs) {
        body.unsigned(count);
        body.byte(valueTypes[t]);
      }
      body.append(code.bytes());
      body.end();
      s.unsigned(body.length);
      s.append(body.bytes());
    });
    nameSection(out, this.#imports.length, name);
    return out.bytes();
  }
}

function section(out: Code, id: number, fill: (s: Code) => void): void {
  const content = new Code();
  fill(content);
  out.byte(id);
  out.unsigned(content.length);
  out.append(content.bytes());
}

function functionType(s: Code, type: FunctionType): void {
  s.byte(0x60);
  for (const list of [type.params, type.results]) {
    s.unsigned(list.length);
    for (const t of list) s.byte(valueTypes[t]);
  }
}

/** What profilers and stack traces show. */
function nameSection(out: Code, index: number, name: string): void {
  section(out, 0, (s) => {
    s.text("name");
    section(s, 1, (f) => {
      f.unsigned(1);
      f.unsigned(index);
      f.text(name);
    });
  });
}

function runsOf(locals: readonly ValueType[]): [ValueType, number][] {
  const runs: [ValueType, number][] = [];
  for (const type of locals) {
    const last = runs.at(-1);
    if (last?.[0] === type) last[1]++;
    else runs.push([type, 1]);
  }
  return runs;
}
