// Reading pickles without running anything. A pickle is a program for a small stack machine; of its operations only
// those that build plain values are here, and of the functions and classes it may ask for only those in a table that the caller
// gives. The rest is refused by the name of what it wanted.  https://github.com/python/cpython/blob/main/Lib/pickletools.py

import { CheckpointError } from "../base/errors.ts";

/** What a pickle builds. Lists are arrays; what JavaScript has no type for has a class here. */
export type Py =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Py[]
  | PyTuple
  | PyDict
  | PySet
  | PyGlobal
  | object;

export class PyTuple {
  readonly items: readonly Py[];
  constructor(items: readonly Py[]) {
    this.items = items;
  }
}

/** A dict, an OrderedDict or a Counter: `ordered` tells the first from the others. */
export class PyDict {
  readonly entries: Map<Py, Py> = new Map();
  readonly ordered: boolean;
  constructor(ordered = false) {
    this.ordered = ordered;
  }
}

export class PySet {
  readonly items: Set<Py> = new Set();
}

/** A name of Python's that the table allows: called by REDUCE, or standing for itself. */
export class PyGlobal {
  readonly name: string;
  readonly call: ((args: readonly Py[]) => Py) | undefined;
  constructor(name: string, call?: (args: readonly Py[]) => Py) {
    this.name = name;
    this.call = call;
  }
}

export interface Globals {
  /** What a name means; undefined refuses it. */
  find(name: string): Py | undefined;
  /** What stands for an object outside of the pickle, as storages do. */
  persistent(id: Py): Py;
  /** A line of advice for a name that is refused. */
  advice(name: string): string;
}

/** The bytes ended before the pickle did. */
export class PickleEnd extends CheckpointError {}

/** Runs the pickle that begins at `begin`; `end` is where it stopped. */
export function readPickle(bytes: Uint8Array, globals: Globals, file: string, begin = 0): { value: Py; end: number } {
  const machine = new Machine(bytes, globals, file, begin);
  const value = machine.run();
  return { value, end: machine.at };
}

const longestInteger = 256;
const nothing: unique symbol = Symbol("nothing");

class Machine {
  at: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #globals: Globals;
  readonly #file: string;
  readonly #memo: Map<number, Py> = new Map();
  readonly #marks: Py[][] = [];
  #stack: Py[] = [];

  constructor(bytes: Uint8Array, globals: Globals, file: string, begin: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#globals = globals;
    this.#file = file;
    this.at = begin;
  }

  run(): Py {
    for (;;) {
      const code = this.#byte();
      if (code === stop) return this.#pop();
      const act = operations[code];
      if (act === undefined) {
        const shown = `0x${code.toString(16).padStart(2, "0")}`;
        throw this.fail(`the pickle has the operation ${shown} at byte ${this.at - 1}, which no checkpoint needs`);
      }
      const value = act(this);
      if (value !== nothing) this.#stack.push(value);
    }
  }

  fail(what: string, todo = "The file was damaged or is no checkpoint of tensors."): CheckpointError {
    return new CheckpointError(`pickle: ${this.#file}: ${what}. ${todo}`, { file: this.#file, at: this.at });
  }

  // What the operations are made of.

  #take(length: number): number {
    const begin = this.at;
    if (begin + length > this.#bytes.length) {
      throw new PickleEnd(
        `pickle: ${this.#file}: it ends after ${this.#bytes.length} bytes, inside the pickle. The download or the save was cut off.`,
        { file: this.#file },
      );
    }
    this.at = begin + length;
    return begin;
  }
  #byte(): number {
    return this.#bytes[this.#take(1)]!;
  }
  unsigned(width: 1 | 2 | 4 | 8): number {
    const at = this.#take(width);
    if (width === 1) return this.#view.getUint8(at);
    if (width === 2) return this.#view.getUint16(at, true);
    return width === 4 ? this.#view.getUint32(at, true) : Number(this.#view.getBigUint64(at, true));
  }
  int32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }
  float64(): number {
    return this.#view.getFloat64(this.#take(8));
  }
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.slice(at, at + length);
  }
  text(length: number): string {
    const at = this.#take(length);
    return decode(this.#bytes.subarray(at, at + length));
  }
  line(): string {
    let end = this.at;
    while (end < this.#bytes.length && this.#bytes[end] !== 10) end++;
    const text = this.text(end - this.at);
    this.#take(1);
    return text;
  }
  /** Two's complement, little-endian. */
  integer(length: number): number | bigint {
    if (length > longestInteger) throw this.fail(`the pickle has an integer of ${length} bytes`);
    const at = this.#take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[at + i]!);
    if (length > 0 && this.#bytes[at + length - 1]! > 127) value -= 1n << BigInt(8 * length);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  #pop(): Py {
    if (this.#stack.length === 0)
      throw this.fail(`the pickle takes more from its stack than there is, at byte ${this.at}`);
    return this.#stack.pop() as Py; // it is not empty
  }
  pop(): Py {
    return this.#pop();
  }
  top(): Py {
    const value = this.#pop();
    this.#stack.push(value);
    return value;
  }
  drop(_value: Py): typeof nothing {
    return nothing;
  }
  mark(): typeof nothing {
    this.#marks.push(this.#stack);
    this.#stack = [];
    return nothing;
  }
  popMark(): Py[] {
    const items = this.#stack;
    const below = this.#marks.pop();
    if (below === undefined) throw this.fail(`the pickle closes a mark that it never made, at byte ${this.at}`);
    this.#stack = below;
    return items;
  }
  last(n: number): PyTuple {
    const items: Py[] = [];
    for (let i = 0; i < n; i++) items.unshift(this.#pop());
    return new PyTuple(items);
  }

  put(index: number): typeof nothing {
    this.#memo.set(index, this.top());
    return nothing;
  }
  putNext(): typeof nothing {
    return this.put(this.#memo.size);
  }
  get(index: number): Py {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.fail(`the pickle asks for value ${index}, which it never kept`);
    return value;
  }

  append(items: readonly Py[]): typeof nothing {
    const list = this.top();
    if (!Array.isArray(list)) throw this.fail(`the pickle appends to something that is no list, at byte ${this.at}`);
    for (const item of items) list.push(item);
    return nothing;
  }
  add(items: readonly Py[]): typeof nothing {
    const set = this.top();
    if (!(set instanceof PySet)) throw this.fail(`the pickle adds to something that is no set, at byte ${this.at}`);
    for (const item of items) set.items.add(this.hashable(item));
    return nothing;
  }
  setItems(items: readonly Py[]): typeof nothing {
    const dict = this.top();
    if (!(dict instanceof PyDict))
      throw this.fail(`the pickle sets items of something that is no dict, at byte ${this.at}`);
    if (items.length % 2 === 1) throw this.fail("the pickle has a key without a value");
    for (let i = 0; i < items.length; i += 2) dict.entries.set(this.hashable(items[i] as Py), items[i + 1] as Py); // in range
    return nothing;
  }
  hashable(key: Py): Py {
    if (Array.isArray(key) || key instanceof PyDict || key instanceof PySet)
      throw this.fail("the pickle uses a list, dict or set as a key");
    return key;
  }

  global(module: string, name: string): Py {
    const full = `${module === "__builtin__" ? "builtins" : module}.${name}`; // Python 2's name, which protocol 2 keeps
    const found = this.#globals.find(full);
    if (found === undefined) {
      throw new CheckpointError(
        `pickle: ${this.#file}: it wants Python's ${printable(full)}, which is refused; nothing was run. ${this.#globals.advice(full)}`,
        { file: this.#file, wanted: full },
      );
    }
    return found;
  }
  reduce(): Py {
    const args = this.#pop();
    const callee = this.#pop();
    if (!(callee instanceof PyGlobal) || callee.call === undefined || !(args instanceof PyTuple)) {
      const what = callee instanceof PyGlobal ? callee.name : "a value that is no function";
      throw this.fail(`the pickle calls ${what}, at byte ${this.at}`);
    }
    try {
      return callee.call(args.items);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw this.fail(`the pickle calls ${callee.name} with something else than it takes: ${error.message}`);
    }
  }
  /** Attributes of an OrderedDict (PyTorch keeps versions of modules there), which are not kept. */
  build(): typeof nothing {
    this.#pop();
    const target = this.top();
    if (!(target instanceof PyDict && target.ordered)) {
      throw this.fail(`the pickle sets the state of something that is no OrderedDict, at byte ${this.at}`);
    }
    return nothing;
  }
  persistent(id: Py): Py {
    return this.#globals.persistent(id);
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return new TextDecoder("latin1").decode(bytes); // a str of Python 2's
  }
}

function printable(name: string): string {
  const shown = JSON.stringify(name.slice(0, 200)).slice(1, -1);
  return name.length > 200 ? `${shown}…` : shown;
}

type Operation = (m: Machine) => Py | typeof nothing;
const stop = ".".charCodeAt(0);

const named: Readonly<Record<string, Operation>> = {
  "(": (m) => m.mark(),
  "0": (m) => m.drop(m.pop()),
  "1": (m) => m.drop(m.popMark()),
  "2": (m) => m.top(),
  N: () => null,
  J: (m) => m.int32(),
  K: (m) => m.unsigned(1),
  M: (m) => m.unsigned(2),
  G: (m) => m.float64(),
  X: (m) => m.text(m.unsigned(4)),
  T: (m) => m.text(m.unsigned(4)),
  U: (m) => m.text(m.unsigned(1)),
  B: (m) => m.bytes(m.unsigned(4)),
  C: (m) => m.bytes(m.unsigned(1)),
  "]": () => [],
  "}": () => new PyDict(),
  ")": () => new PyTuple([]),
  t: (m) => new PyTuple(m.popMark()),
  l: (m) => m.popMark(),
  a: (m) => m.append([m.pop()]),
  e: (m) => m.append(m.popMark()),
  s: (m) => m.setItems(m.last(2).items),
  u: (m) => m.setItems(m.popMark()),
  q: (m) => m.put(m.unsigned(1)),
  r: (m) => m.put(m.unsigned(4)),
  h: (m) => m.get(m.unsigned(1)),
  j: (m) => m.get(m.unsigned(4)),
  c: (m) => m.global(m.line(), m.line()),
  R: (m) => m.reduce(),
  b: (m) => m.build(),
  Q: (m) => m.persistent(m.pop()),
  i: (m) => m.global(m.line(), m.line()), // makes an instance of it: if it is refused, then by name
};
const numbered: Readonly<Record<number, Operation>> = {
  128: (m) => {
    const protocol = m.unsigned(1);
    if (protocol > 5) throw m.fail(`the pickle is of protocol ${protocol}; known are those up to 5`);
    return nothing;
  },
  129: (m) => {
    m.pop();
    const callee = m.pop();
    throw m.fail(
      `the pickle makes an instance of ${callee instanceof PyGlobal ? callee.name : "something that is no class"}`,
    );
  },
  133: (m) => m.last(1),
  134: (m) => m.last(2),
  135: (m) => m.last(3),
  136: () => true,
  137: () => false,
  138: (m) => m.integer(m.unsigned(1)),
  139: (m) => m.integer(m.unsigned(4)),
  140: (m) => m.text(m.unsigned(1)),
  141: (m) => m.text(m.unsigned(8)),
  142: (m) => m.bytes(m.unsigned(8)),
  143: () => new PySet(),
  144: (m) => m.add(m.popMark()),
  147: (m) => {
    const [module, name] = m.last(2).items;
    if (typeof module !== "string" || typeof name !== "string")
      throw m.fail("the pickle names a function by no string");
    return m.global(module, name);
  },
  148: (m) => m.putNext(),
  149: (m) => m.drop(m.unsigned(8)), // a frame's length
};

const operations: readonly (Operation | undefined)[] = Array.from(
  { length: 256 },
  (_, code) => numbered[code] ?? named[String.fromCharCode(code)],
);
