// What PyTorch's pickles may ask for: storages and the functions that make tensors of them, plain containers, dtypes. The
// list is that of `torch.load(weights_only=True)` less what has no meaning here (sparse, quantized, nested tensors).

import { CheckpointError } from "../base/errors.ts";
import { type Globals, type Py, PyDict, PyGlobal, PySet, PyTuple } from "./pickle.ts";

/** The sizes of PyTorch's dtypes, those too that tensors here cannot hold. */
export const torchBytes: Readonly<Record<string, number>> = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  bool: 1,
  uint16: 2,
  uint32: 4,
  uint64: 8,
  complex32: 4,
  complex64: 8,
  complex128: 16,
  float8_e4m3fn: 1,
  float8_e5m2: 1,
  float8_e4m3fnuz: 1,
  float8_e5m2fnuz: 1,
  float8_e8m0fnu: 1,
  float4_e2m1fn_x2: 1,
};

/** The dtypes' other names, and those that storages go by. */
export const storageNames: Readonly<Record<string, string>> = {
  FloatStorage: "float32",
  DoubleStorage: "float64",
  HalfStorage: "float16",
  BFloat16Storage: "bfloat16",
  LongStorage: "int64",
  IntStorage: "int32",
  ShortStorage: "int16",
  CharStorage: "int8",
  ByteStorage: "uint8",
  BoolStorage: "bool",
  ComplexFloatStorage: "complex64",
  ComplexDoubleStorage: "complex128",
  UntypedStorage: "uint8",
};

/** A storage as a pickle names it: where its bytes are, the container knows. */
export class StoredBytes {
  readonly key: string;
  readonly dtype: string;
  readonly bytes: number;
  constructor(key: string, dtype: string, bytes: number) {
    this.key = key;
    this.dtype = dtype;
    this.bytes = bytes;
  }
}

/** A tensor as a pickle names it, checked to lie within its storage. */
export class StoredTensor {
  readonly storage: StoredBytes;
  readonly dtype: string;
  /** In elements, from the start of the storage. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly requiresGrad: boolean;
  constructor(
    storage: StoredBytes,
    dtype: string,
    offset: number,
    shape: readonly number[],
    strides: readonly number[],
    requiresGrad: boolean,
  ) {
    this.storage = storage;
    this.dtype = dtype;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
    this.requiresGrad = requiresGrad;
  }
}

/** The table for one file, and the storages that its pickles named. */
export class TorchGlobals implements Globals {
  readonly storages: Map<string, StoredBytes> = new Map();
  readonly #file: string;
  readonly #calls: Readonly<Record<string, (args: readonly Py[]) => Py>>;

  constructor(file: string) {
    this.#file = file;
    this.#calls = {
      ...containers,
      "torch._utils._rebuild_tensor": (args) => this.tensor(args.slice(0, 4)),
      "torch._utils._rebuild_tensor_v2": ([storage, offset, size, stride, grad]) =>
        this.tensor([storage, offset, size, stride], grad),
      "torch._utils._rebuild_tensor_v3": ([storage, offset, size, stride, grad, , dtype]) =>
        this.tensor([storage, offset, size, stride], grad, dtype),
      "torch._utils._rebuild_parameter": ([data, grad]) => this.#parameter(data, grad),
      "torch._utils._rebuild_parameter_with_state": ([data, grad]) => this.#parameter(data, grad),
      "torch._tensor._rebuild_from_type_v2": ([make, , args]) => {
        if (!(make instanceof PyGlobal && make.call) || !(args instanceof PyTuple)) throw new RangeError("no function");
        return make.call(args.items);
      },
    };
  }

  /** Forgets what a pickle named that is read again from a longer piece of its file. */
  forget(): void {
    this.storages.clear();
  }

  find(name: string): Py | undefined {
    const own = name.replace(/^torch\.tensor\./, "torch._tensor.");
    if (Object.hasOwn(this.#calls, own)) return new PyGlobal(own, this.#calls[own]);
    if (classes.has(own)) return new PyGlobal(own);
    const [, word = ""] = /^torch\.(?:storage\.|cuda\.)?(\w+)$/.exec(own) ?? [];
    if (Object.hasOwn(storageNames, word) || Object.hasOwn(torchBytes, word)) return new PyGlobal(`torch.${word}`);
    return undefined;
  }

  /** `("storage", type, key, location, elements)`, in legacy files with a sixth item for views. */
  persistent(id: Py): Py {
    const [kind, type, key, , elements, view] = id instanceof PyTuple ? id.items : [];
    if (kind === "module")
      throw this.#fail("it holds a whole module, not only its state", "Save model.state_dict() in Python instead.");
    if (kind !== "storage" || !(type instanceof PyGlobal))
      throw this.#fail("it names something outside that is no storage");
    if (typeof key !== "string" && typeof key !== "number") throw this.#fail("it names a storage by no string");
    return this.#storage(type, String(key), elements, view ?? null);
  }

  advice(name: string): string {
    if (/^numpy\b/.test(name)) return "Save tensors instead: torch.from_numpy(x), or x.item() for single numbers.";
    if (/^(torch\.nn\.|transformers\.|__main__\.)/.test(name))
      return "It was saved with its classes. Save model.state_dict() in Python instead, or the fields as plain values.";
    if (name.startsWith("torch.")) return "Only dense tensors are read: convert it in Python first.";
    return "A checkpoint of tensors needs no such thing; if you do not know who made this file, do not open it in Python either.";
  }

  #fail(what: string, todo = "The file was damaged or is no checkpoint of tensors."): CheckpointError {
    return new CheckpointError(`load ${this.#file}: ${what}. ${todo}`, { file: this.#file });
  }

  #storage(type: PyGlobal, key: string, elements: Py | undefined, view: Py): StoredBytes {
    if (view !== null)
      throw this.#fail("it has views of storages, as only PyTorch before 0.4 wrote", "Save it again with a newer one.");
    const dtype = storageNames[type.name.replace("torch.", "")];
    if (dtype === undefined) throw this.#fail(`it has a storage of the unknown type ${type.name}`);
    if (!isSize(elements)) throw this.#fail(`storage "${key}" has no size`);
    const bytes = elements * torchBytes[dtype]!;
    const known = this.storages.get(key);
    if (known === undefined) {
      const made = new StoredBytes(key, dtype, bytes);
      this.storages.set(key, made);
      return made;
    }
    if (known.bytes !== bytes) throw this.#fail(`storage "${key}" has two sizes, ${known.bytes} and ${bytes} bytes`);
    return known;
  }

  /** A tensor of (storage, offset, sizes, strides), checked. */
  tensor([storage, offset, size, stride]: readonly (Py | undefined)[], grad: Py = false, dtype?: Py): StoredTensor {
    if (!(storage instanceof StoredBytes)) throw new RangeError("no storage");
    const name =
      dtype === undefined ? storage.dtype : dtype instanceof PyGlobal ? dtype.name.replace("torch.", "") : "";
    const width = torchBytes[name];
    if (width === undefined) throw new RangeError(`the unknown dtype ${name}`);
    const [shape, strides] = [sizesOf(size), sizesOf(stride)];
    if (!isSize(offset) || shape === undefined || strides === undefined || shape.length !== strides.length)
      throw new RangeError("sizes and strides that are not whole numbers");
    const numel = shape.reduce((product, n) => product * n, 1);
    const last = offset + shape.reduce((sum, n, d) => sum + (n - 1) * strides[d]!, 0);
    if (!Number.isSafeInteger(numel) || (numel > 0 && !((last + 1) * width <= storage.bytes))) {
      throw this.#fail(
        `a tensor of [${shape}] with strides [${strides}] from ${offset} on does not lie within its storage of ${storage.bytes} bytes`,
      );
    }
    return new StoredTensor(storage, name, numel > 0 ? offset : 0, shape, strides, grad === true);
  }

  #parameter(data: Py | undefined, grad: Py | undefined): StoredTensor {
    if (!(data instanceof StoredTensor)) throw new RangeError("no tensor");
    const { storage, dtype, offset, shape, strides } = data;
    return new StoredTensor(storage, dtype, offset, shape, strides, grad === true);
  }
}

/** Named, but never made or called. */
const classes: ReadonlySet<string> = new Set(["torch.Tensor", "torch.nn.parameter.Parameter"]);

const containers: Readonly<Record<string, (args: readonly Py[]) => Py>> = {
  "collections.OrderedDict": ([pairs]) => {
    const dict = new PyDict(true);
    if (pairs === undefined) return dict;
    if (!Array.isArray(pairs)) throw new RangeError("no list of pairs");
    for (const pair of pairs) {
      const [key, value] = pair instanceof PyTuple ? pair.items : Array.isArray(pair) ? (pair as Py[]) : [];
      if (typeof key !== "string" && typeof key !== "number") throw new RangeError("no list of pairs");
      dict.entries.set(key, value ?? null);
    }
    return dict;
  },
  "collections.Counter": ([counts]) => {
    const dict = new PyDict(true);
    if (counts instanceof PyDict) for (const [key, count] of counts.entries) dict.entries.set(key, count);
    return dict;
  },
  "builtins.set": ([items]) => {
    const set = new PySet();
    if (!Array.isArray(items)) throw new RangeError("no list");
    for (const item of items as Py[]) {
      if (Array.isArray(item) || item instanceof PyDict || item instanceof PySet)
        throw new RangeError("unhashable items");
      set.items.add(item);
    }
    return set;
  },
  "builtins.bytearray": ([bytes, encoding]) => {
    if (bytes === undefined) return new Uint8Array(0);
    return bytes instanceof Uint8Array ? bytes : latin1(bytes, encoding);
  },
  "_codecs.encode": ([text, encoding]) => latin1(text, encoding),
  "torch.Size": ([sizes]) => {
    if (sizesOf(sizes) === undefined) throw new RangeError("no sizes");
    return sizes as PyTuple; // checked above
  },
  "torch.device": ([kind, index]) => {
    if (typeof kind !== "string") throw new RangeError("no name");
    return typeof index === "number" ? `${kind}:${index}` : kind;
  },
  "torch.serialization._get_layout": ([name]) => {
    if (name !== "torch.strided") throw new RangeError("a layout that is not dense");
    return name;
  },
};

/** Bytes, as protocol 2 writes them: text whose characters they are. */
function latin1(text: Py | undefined, encoding: Py | undefined): Uint8Array {
  if (typeof text !== "string" || !(encoding === "latin1" || encoding === "latin-1"))
    throw new RangeError("no latin1 text");
  return Uint8Array.from(text, (character) => {
    const code = character.codePointAt(0)!;
    if (code > 255) throw new RangeError("no latin1 text");
    return code;
  });
}

function isSize(value: Py | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function sizesOf(value: Py | undefined): number[] | undefined {
  const items = value instanceof PyTuple ? value.items : Array.isArray(value) ? (value as Py[]) : undefined;
  return items?.every(isSize) === true ? [...items] : undefined;
}
