// The machine that reads pickles: what it builds, and that it refuses by name, without running or crashing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CheckpointError } from "../base/errors.ts";
import { type Py, PyDict, PyTuple, readPickle } from "./pickle.ts";
import { PickleWriter } from "./pickle-writer.ts";
import { StoredBytes, TorchGlobals } from "./torch-pickle.ts";
import { toValue } from "./torch-values.ts";

/** A pickle from its operations: strings as their characters, numbers as bytes. */
function pickle(...parts: readonly (string | number)[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) => (typeof part === "number" ? [part] : [...part].map((c) => c.charCodeAt(0)))),
  );
}
const read = (...parts: readonly (string | number)[]): Py =>
  readPickle(pickle(...parts), new TorchGlobals("x.pt"), "x.pt").value;
const refused = (message: RegExp, ...parts: readonly (string | number)[]): void => {
  assert.throws(
    () => read(...parts),
    (error) => error instanceof CheckpointError && message.test(error.message) && /x\.pt/.test(error.message),
    `${message}`,
  );
};

test("integers of every width", () => {
  const cases: [number | bigint, ...(string | number)[]][] = [
    [7, "K", 7],
    [258, "M", 2, 1],
    [-2, "J", 254, 255, 255, 255],
    [0, 138, 0],
    [-1, 138, 1, 255],
    [128, 138, 2, 128, 0],
    [-(2n ** 63n), 138, 8, 0, 0, 0, 0, 0, 0, 0, 128],
    [2 ** 40, 139, 6, 0, 0, 0, 0, 0, 0, 0, 0, 1],
  ];
  for (const [want, ...parts] of cases) assert.equal(read(128, 2, ...parts, "."), want);
});

test("what the writer writes, the reader reads", () => {
  for (const value of [
    0,
    255,
    256,
    -1,
    2 ** 31,
    -(2 ** 31),
    -(2 ** 31) - 1,
    2 ** 53 - 1,
    2n ** 200n,
    -(2n ** 199n),
    0.5,
    -0,
    Number.NaN,
    "größe",
    "",
  ]) {
    const writer = new PickleWriter();
    if (typeof value === "string") writer.text(value);
    else writer.number(value);
    assert.ok(Object.is(readPickle(writer.finish(), new TorchGlobals("x"), "x").value, value), String(value));
  }
});

test("text of Python 2 is text, also where it is no UTF-8", () => {
  assert.equal(read("U", 2, "ab", "."), "ab");
  assert.equal(read("U", 2, 0xc3, 0xa9, "."), "é");
  assert.equal(read("U", 1, 0xe9, "."), "é");
});

test("functions and classes are refused by their names, before anything else", () => {
  refused(
    /wants Python's posix\.system, which is refused; nothing was run/,
    "cposix\nsystem\n",
    "U",
    2,
    "ls",
    133,
    "R.",
  );
  refused(/builtins\.eval/, "c__builtin__\neval\n.");
  refused(/builtins\.getattr/, "U", 8, "builtins", "U", 7, "getattr", 147, ".");
  refused(/os\.system/, "(ios\nsystem\n.");
  refused(/torch\.load/, "ctorch\nload\n.");
  refused(/torch\.hub\.load/, "ctorch.hub\nload\n.");
  refused(/torch\.FloatStorage\.__class__/, "ctorch.FloatStorage\n__class__\n.");
  refused(/collections\.OrderedDict\.__init__/, "ccollections.OrderedDict\n__init__\n.");
  refused(/constructor/, "c\nconstructor\n.");
  refused(/toString/, "ctorch\ntoString\n.");
  refused(/__proto__/, "ctorch\n__proto__\n.");
  refused(/torch\.nn\.modules.+state_dict/, "ctorch.nn.modules.linear\nLinear\n)", 129, ".");
});

test("allowed names do nothing but what they are for", () => {
  refused(/calls torch\.float32/, "ctorch\nfloat32\n)R.");
  refused(/calls torch\.nn\.parameter\.Parameter/, "ctorch.nn.parameter\nParameter\n)R.");
  refused(/instance of collections\.OrderedDict/, "ccollections\nOrderedDict\n)", 129, ".");
  refused(/instance of something/, "N)", 129, ".");
  refused(/calls a value that is no function/, "K", 1, ")R.");
  refused(
    /calls _codecs\.encode with something else.+latin1/,
    "c_codecs\nencode\nX",
    1,
    0,
    0,
    0,
    "aX",
    5,
    0,
    0,
    0,
    "rot13",
    134,
    "R.",
  );
  refused(/_rebuild_tensor_v2 with something else.+no storage/, "ctorch._utils\n_rebuild_tensor_v2\n)R.");
  refused(/no OrderedDict/, "]}b.");
  refused(/outside that is no storage/, "U", 1, "x", "Q.");
  refused(/holds a whole module/, "(U", 6, "module", "NNNtQ.");
});

test("torn and senseless pickles", () => {
  refused(/ends after 0 bytes/);
  refused(/ends after 2 bytes, inside the pickle/, 128, 2);
  refused(/ends after/, "X", 255, 255, 255, 255, "a");
  refused(/ends after/, 142, 255, 255, 255, 255, 255, 255, 255, 127);
  refused(/ends after/, "ctorch");
  refused(/more from its stack than there is/, ".");
  refused(/more from its stack/, 134, ".");
  refused(/closes a mark that it never made/, "t.");
  refused(/asks for value 3/, "h", 3, ".");
  refused(/operation 0x50/, "P", ".");
  refused(/operation 0x82/, 130, 1, ".");
  refused(/protocol 9/, 128, 9, ".");
  refused(/integer of 1000 bytes/, 139, 232, 3, 0, 0, ".");
  refused(/no list/, "NNa.");
  refused(/no dict/, "NNNs.");
  refused(/no set/, "N(N", 144, ".");
  refused(/key without a value/, "}(Nu.");
  refused(/list, dict or set as a key/, "}]Ns.");
});

test("values nested too deep, and those that hold themselves", () => {
  const deep = read("]".repeat(100_000), "a".repeat(99_999), ".");
  assert.throws(() => toValue(deep, () => undefined, "x.pt"), { name: "CheckpointError", message: /nest deeper/ });
  const self = toValue(read("]q", 0, "h", 0, "a."), () => undefined, "x") as unknown[];
  assert.equal(self[0], self);
});

test("a tensor ends where its storage ends at the latest", () => {
  const storage = new StoredBytes("0", "float32", 24); // six elements
  const tensor = (offset: number, size: number[], stride: number[]) =>
    new TorchGlobals("x.pt").tensor([storage, offset, new PyTuple(size), new PyTuple(stride)]);
  assert.deepEqual(tensor(1, [5], [1]).shape, [5]);
  assert.deepEqual(tensor(0, [3, 2], [1, 3]).strides, [1, 3]);
  for (const [offset, size, stride] of [
    [2, [5], [1]], // one element too far
    [0, [4, 2], [1, 3]],
    [6, [1], [1]],
  ] as const) {
    assert.throws(() => tensor(offset, [...size], [...stride]), /does not lie within its storage of 24 bytes/);
  }
  assert.deepEqual(tensor(9, [0], [1]).shape, [0]); // nothing lies anywhere
});

test("dicts become objects where these can say their keys, else maps", () => {
  const value = (...parts: (string | number)[]) => toValue(read(...parts), () => undefined, "x");
  assert.deepEqual(value("}U", 1, "a", "K", 1, "s."), { a: 1 });
  assert.deepEqual(value("}K", 5, "K", 1, "s."), { 5: 1 });
  assert.deepEqual(value("}U", 1, "5", "K", 1, "s."), new Map([["5", 1]]));
  assert.deepEqual(value("}J", 255, 255, 255, 255, "K", 1, "s."), new Map([[-1, 1]]));
  assert.deepEqual(
    value("}U", 9, "__proto__", "K", 1, "s."),
    Object.defineProperty({}, "__proto__", { value: 1, enumerable: true, writable: true, configurable: true }),
  );
  assert.ok(read("}.") instanceof PyDict && read(").") instanceof PyTuple);
});
