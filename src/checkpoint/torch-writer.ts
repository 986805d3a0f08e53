// Writing PyTorch's files, so that `torch.load(weights_only=True)` reads them. Storages are written once; of each only the
// stretch that the saved tensors use, so that a view of a large tensor does not drag all of it along.

import { bytesOf, type DType } from "../base/dtype.ts";
import { CheckpointError } from "../base/errors.ts";
import type { Storage } from "../tensor/storage.ts";
import { Tensor } from "../tensor/tensor.ts";
import { Name, PickleWriter } from "./pickle-writer.ts";
import { storageNames } from "./torch-pickle.ts";
import { deepest, looksLikeIndex } from "./torch-values.ts";
import { type WrittenFile, writeZip, type ZipContent } from "./zip-writer.ts";

/**
 * The file of a value: tensors, numbers, bigints, strings, booleans, null, bytes (Uint8Array), and arrays, sets, maps and plain
 * objects of them, as `torch.save` writes it. Keys of objects that are whole numbers become ints, as optimizers' states need;
 * those of maps stay what they are. A module's parameters are saved as its `state_dict()` has them in PyTorch, without a gradient.
 */
export function writeTorch(value: unknown, folder = "archive", zip64From?: number): WrittenFile {
  const stretches = findStretches(value);
  const pickle = new Pickler(stretches).pickle(value);
  const text = (name: string, content: string): ZipContent => plain(name, new TextEncoder().encode(content));
  const plain = (name: string, bytes: Uint8Array): ZipContent => ({
    name: `${folder}/${name}`,
    size: bytes.length,
    bytes: () => [bytes],
  });
  return writeZip(
    [
      plain("data.pkl", pickle),
      text("byteorder", "little"),
      ...[...stretches.values()].map((stretch) => storageContent(stretch, folder)),
      text("version", "3\n"),
    ],
    zip64From,
  );
}

/** The part of a storage that is saved, in elements. */
interface Stretch {
  readonly key: string;
  readonly dtype: DType;
  /** Keeps the memory from being freed until it is written. */
  readonly tensor: Tensor;
  begin: number;
  end: number;
}

function storageContent({ key, dtype, tensor, begin, end }: Stretch, folder: string): ZipContent {
  const width = bytesOf(dtype);
  const size = (end - begin) * width;
  const bytes = (): Uint8Array => {
    const start = tensor.address - tensor.offset * width; // throws if it was freed meanwhile
    return new Uint8Array(tensor.device.u8.buffer, start + begin * width, size);
  };
  return { name: `${folder}/data/${key}`, size, bytes: () => [bytes()] };
}

/** Walks a value once, before anything is written. */
function findStretches(top: unknown): Map<Storage, Stretch> {
  const stretches = new Map<Storage, Stretch>();
  const seen = new Set<unknown>();
  const visit = (value: unknown, path: string, depth: number): void => {
    if (typeof value === "function" || typeof value === "symbol") throw refuse(path, ...unsaveable(value));
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    if (depth > deepest) throw refuse(path, `values nest deeper than ${deepest}`, "Flatten them.");
    if (value instanceof Tensor) note(value, path);
    else for (const [key, item] of itemsOf(value, path)) visit(item, `${path}${key}`, depth + 1);
  };
  const note = (t: Tensor, path: string): void => {
    t.check(`save${path}`);
    const known = stretches.get(t.storage);
    if (known !== undefined && known.dtype !== t.dtype)
      throw refuse(
        path,
        `it shares memory with a tensor of ${known.dtype} and is ${t.dtype} itself`,
        "Save a clone() of one.",
      );
    const begin = t.offset;
    const end = t.numel === 0 ? begin : begin + t.shape.reduce((sum, n, d) => sum + (n - 1) * t.strides[d]!, 0) + 1;
    if (known === undefined) {
      stretches.set(t.storage, { key: String(stretches.size), dtype: t.dtype, tensor: t, begin, end });
    } else if (end > begin) {
      const isEmpty = known.begin === known.end;
      known.begin = isEmpty ? begin : Math.min(known.begin, begin);
      known.end = isEmpty ? end : Math.max(known.end, end);
    }
  };
  visit(top, "", 0);
  return stretches;
}

function itemsOf(value: object, path: string): [string, unknown][] {
  if (Array.isArray(value)) return value.map((item, i) => [`[${i}]`, item]);
  if (value instanceof Uint8Array) return [];
  if (value instanceof Map)
    return [...value].flatMap(([key, item]) => [[".", key] as [string, unknown], [`.${shown(key)}`, item]]);
  if (value instanceof Set) return [...value].map((item) => ["{…}", item]);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null)
    return Object.entries(value).map(([key, item]) => [`.${key}`, item]);
  const kind = value.constructor?.name ?? "object";
  throw refuse(
    path,
    `it is a ${kind}`,
    hints[kind] ?? "Save tensors, plain values, and arrays, maps, sets and objects of them.",
  );
}

const hints: Readonly<Record<string, string>> = {
  Float32Array: "Make a tensor of it: tensor(x).",
  Float64Array: "Make a tensor of it: tensor(x).",
  BigInt64Array: "Make a tensor of it: tensor(x).",
  Date: "Save x.toISOString().",
};

/** Modules are functions here. */
function unsaveable(value: object | symbol): [string, string] {
  if (typeof value === "symbol") return ["it is a symbol", "Leave it out."];
  const kind: string = Object.getPrototypeOf(value)?.constructor?.name ?? "Function";
  if ("stateDict" in value) return [`it is a ${kind}, a module`, "Save its stateDict()."];
  return ["it is a function", "Leave it out."];
}

function shown(key: unknown): string {
  return typeof key === "object" ? "…" : String(key);
}

function refuse(path: string, what: string, todo: string): CheckpointError {
  return new CheckpointError(`save${path === "" ? "" : ` ${path.replace(/^\./, "")}`}: ${what}. ${todo}`, { path });
}

const orderedDict = new Name("collections", "OrderedDict");
const rebuildTensor = new Name("torch._utils", "_rebuild_tensor_v2");
const storageOf = new Map(
  Object.entries(storageNames)
    .filter(([name]) => name !== "UntypedStorage")
    .map(([name, dtype]) => [dtype, new Name("torch", name)]),
);

class Pickler {
  readonly #to = new PickleWriter();
  readonly #stretches: ReadonlyMap<Storage, Stretch>;

  constructor(stretches: ReadonlyMap<Storage, Stretch>) {
    this.#stretches = stretches;
  }

  pickle(value: unknown): Uint8Array {
    this.#write(value);
    return this.#to.finish();
  }

  #write(value: unknown): void {
    const to = this.#to;
    if (value === null || value === undefined) return to.none();
    if (typeof value === "boolean") return to.boolean(value);
    if (typeof value === "number" || typeof value === "bigint") return to.number(value);
    if (typeof value === "string") return to.text(value);
    if (typeof value !== "object") throw refuse("", `it is a ${typeof value}`, "Leave it out."); // findStretches met it
    if (to.known(value)) return;
    if (value instanceof Tensor) return this.#tensor(value);
    if (value instanceof Uint8Array) return this.#bytes(value);
    if (Array.isArray(value)) return this.#list(value);
    if (value instanceof Set) return this.#set(value);
    if (value instanceof Map) return this.#dict(value, [...value], true);
    this.#dict(
      value,
      Object.entries(value).map(([key, item]) => [looksLikeIndex(key) ? Number(key) : key, item]),
      false,
    );
  }

  #list(list: readonly unknown[]): void {
    const to = this.#to;
    to.code("]");
    to.remember(list);
    to.code("(");
    for (const item of list) this.#write(item);
    to.code("e");
  }
  /** `stateDict()`'s maps are OrderedDicts in PyTorch. */
  #dict(value: object, entries: readonly (readonly [unknown, unknown])[], ordered: boolean): void {
    const to = this.#to;
    if (ordered) to.call(orderedDict);
    else to.code("}");
    to.remember(value);
    if (entries.length === 0) return;
    to.code("(");
    for (const [key, item] of entries) {
      this.#key(key);
      this.#write(item);
    }
    to.code("u");
  }
  #key(key: unknown): void {
    if (typeof key === "object" && key !== null)
      throw refuse("", "a map has an object as a key", "Use strings or numbers.");
    this.#write(key);
  }
  #set(set: ReadonlySet<unknown>): void {
    this.#to.call(new Name("__builtin__", "set"), () => {
      this.#to.code("]");
      this.#to.code("(");
      for (const item of set) this.#key(item);
      this.#to.code("e");
    });
    this.#to.remember(set);
  }
  #bytes(bytes: Uint8Array): void {
    const to = this.#to;
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    to.call(
      new Name("_codecs", "encode"),
      () => to.text(text),
      () => to.text("latin1"),
    );
    to.remember(bytes);
  }

  #tensor(t: Tensor): void {
    const to = this.#to;
    const stretch = this.#stretches.get(t.storage)!; // every tensor was visited
    const sizes = (values: readonly number[]) => () => to.tuple(...values.map((n) => () => to.number(n)));
    const isOwned = Object.getPrototypeOf(t) !== Tensor.prototype; // a module's
    to.call(
      rebuildTensor,
      () => this.#storage(stretch),
      () => to.number(t.numel === 0 ? 0 : t.offset - stretch.begin),
      sizes(t.shape),
      sizes(t.strides),
      () => to.boolean(t.requiresGrad && !isOwned),
      () => to.call(orderedDict),
    );
    to.remember(t);
  }
  #storage({ key, dtype, begin, end }: Stretch): void {
    const to = this.#to;
    to.tuple(
      () => to.text("storage"),
      () => to.name(storageOf.get(dtype)!), // the table has every dtype
      () => to.text(key),
      () => to.text("cpu"),
      () => to.number(end - begin),
    );
    to.code("Q");
  }
}
