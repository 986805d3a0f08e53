// What is saved comes back, as it was and shared as it was. That Python reads it too, scripts/goldens/check_saved_files.py shows.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { described, fixtureJson, folder as fixtures, valuesOnly } from "../../test/checkpoint-files.ts";
import { type DType, dtypes } from "../base/dtype.ts";
import { CheckpointError, LifetimeError } from "../base/errors.ts";
import { Linear } from "../nn/linear.ts";
import { AdamW } from "../optim/adam.ts";
import { arange, ones, tensor, zeros } from "../tensor/create.ts";
import { randn } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { load, loadTensors } from "./load.ts";
import { openSafetensors } from "./open-safetensors.ts";
import { joinChunks } from "./safetensors.ts";
import { saveBytes } from "./save.ts";
import { save } from "./save-file.node.ts";
import { parseSize, planShards } from "./shards.ts";
import type { Value } from "./torch-values.ts";
import { writeTorch } from "./torch-writer.ts";

const root = mkdtempSync(join(tmpdir(), "kindling-save-"));
after(() => rmSync(root, { recursive: true, force: true }));
let files = 0;
const fresh = (): string => {
  const path = join(root, String(files++));
  mkdirSync(path);
  return path;
};

const everyDType = (): Record<string, Tensor> =>
  Object.fromEntries(
    (Object.keys(dtypes) as DType[]).map((dtype) => [dtype, tensor([0, 1, 1, 0, 1, 1], { dtype }).reshape(2, 3)]),
  ); // keys of that table

for (const name of Object.keys(fixtureJson<object>("expected.json")).filter((file) => file.endsWith(".pt"))) {
  test(`what ${name} holds is the same after saving it`, async () => {
    const value = await load(join(fixtures, name));
    const again = await load(await saveBytes(value, "pt"));
    assert.deepEqual(described(again), described(value));
  });
}

test("a stretch of a large tensor is saved without the rest of it, shared as it was", async () => {
  const large = arange(10000);
  const value = {
    middle: large.slice(0, 5000, 5010),
    odd: large.slice(0, 5001, 5010, 2),
    t: large.slice(0, 5004, 5010).reshape(2, 3).transpose(0, 1),
  };
  const bytes = await saveBytes(value, "pt");
  assert.ok(bytes.length < 3000, String(bytes.length));
  const again = await load<typeof value>(bytes);
  assert.deepEqual(again.odd.tolist(), [5001, 5003, 5005, 5007, 5009]);
  assert.deepEqual(again.t.tolist(), value.t.tolist());
  assert.equal(again.odd.storage, again.middle.storage);
  assert.equal(again.t.storage, again.middle.storage);
  assert.equal(again.middle.storage.bytes, 40);
});

test("values refer to themselves and to each other as before", async () => {
  const list: Value[] = [1];
  const map = new Map<Value, Value>([["list", list]]);
  list.push(list, map);
  const [one, self, again] = await load<[Value, Value, Map<Value, Value>]>(await saveBytes(list, "pt"));
  assert.equal(one, 1);
  assert.equal(self, again.get("list"));
});

test("parameters are saved as data, other leaves with their wish for a gradient", async () => {
  const model = new Linear(2, 3);
  const state = await loadTensors(
    await saveBytes({ ...Object.fromEntries(model.stateDict()), x: ones([2], { requiresGrad: true }) }, "pt"),
  );
  assert.deepEqual(
    [...state].map(([name, t]) => [name, t.requiresGrad]),
    [
      ["weight", false],
      ["bias", false],
      ["x", true],
    ],
  );
});

test("an optimizer goes on from its saved state", async () => {
  const make = () => {
    const model = new Linear(3, 2);
    return { model, optimizer: new AdamW(model.parameters(), { lr: 0.1 }) };
  };
  const step = ({ model, optimizer }: ReturnType<typeof make>, x: Tensor): void => {
    optimizer.zeroGrad();
    model(x).square().sum().backward();
    optimizer.step();
  };
  const [a, b, x] = [make(), make(), randn([4, 3])];
  step(a, x);
  const path = join(fresh(), "training.pt");
  await save({ model: a.model.stateDict(), optimizer: a.optimizer.stateDict(), epoch: 1 }, path);
  const saved = await load<{ model: Map<string, Tensor>; optimizer: never; epoch: number }>(path);
  assert.equal(saved.epoch, 1);
  b.model.loadStateDict(saved.model);
  b.optimizer.loadStateDict(saved.optimizer);
  step(a, x);
  step(b, x);
  assert.deepEqual(b.model.weight.tolist(), a.model.weight.tolist());
});

test("PyTorch's training state goes into a module and an optimizer of ours", async () => {
  const saved = await load<{ model: Map<string, Tensor>; optimizer: never }>(join(fixtures, "training.pt"));
  const [first, second] = [new Linear(3, 4), new Linear(4, 2)];
  const part = (at: string) =>
    new Map([...saved.model].flatMap(([name, t]) => (name.startsWith(at) ? [[name.slice(2), t]] : [])));
  first.loadStateDict(part("0."));
  second.loadStateDict(part("2."));
  const optimizer = new AdamW([{ params: first.parameters() }, { params: second.parameters() }], { lr: 1 });
  optimizer.loadStateDict(saved.optimizer);
  assert.deepEqual(
    optimizer.paramGroups.map(({ lr }) => lr),
    [0.5, 0.1],
  );
  assert.equal(optimizer.stateDict().state["3"]?.["step"], 2);
});

test("every dtype in every format", async () => {
  const tensors = everyDType();
  for (const format of ["pt", "safetensors", "npz"] as const) {
    const again = await loadTensors(await saveBytes(tensors, format));
    for (const [dtype, t] of Object.entries(tensors)) {
      assert.deepEqual([again.get(dtype)?.dtype, again.get(dtype)?.tolist()], [dtype, t.tolist()], format);
    }
  }
  for (const [dtype, t] of Object.entries(tensors)) {
    const again = await load<Tensor>(await saveBytes(t.transpose(0, 1), "npy"));
    assert.deepEqual([again.dtype, again.tolist()], [dtype, t.transpose(0, 1).tolist()]);
  }
});

test("shapes without elements and without dimensions, in every format", async () => {
  const tensors = { none: zeros([0]), hollow: zeros([2, 0, 3]), scalar: tensor(3), one: ones([1, 1]) };
  for (const format of ["pt", "safetensors", "npz"] as const) {
    const again = await loadTensors(await saveBytes(tensors, format));
    for (const [name, t] of Object.entries(tensors)) {
      assert.deepEqual(
        [again.get(name)?.shape, again.get(name)?.toArray()],
        [t.shape, t.toArray()],
        `${format}, ${name}`,
      );
    }
  }
});

test("a compressed .npz is smaller, and holds the same", async () => {
  const tensors = { zeros: zeros([1000]), ramp: arange(10).expand(50, 10) };
  const [stored, packed] = [await saveBytes(tensors, "npz"), await saveBytes(tensors, "npz", { compress: true })];
  assert.ok(packed.length < stored.length / 3, `${packed.length} of ${stored.length}`);
  assert.deepEqual(valuesOnly(described(await load(packed))), valuesOnly(described(await load(stored))));
});

test("tied tensors are written once to safetensors, those that overlap are not", async () => {
  const w = randn([3, 2]);
  const bytes = await saveBytes({ z: w, a: w, flat: tensor([1]), view: w.view(3, 2) }, "safetensors");
  const again = await loadTensors(bytes);
  assert.deepEqual([...again.keys()].sort(), ["a", "flat", "view", "z"]);
  assert.equal(again.get("z"), again.get("a"));
  assert.equal(again.get("view"), again.get("a"));
  await assert.rejects(saveBytes({ w, row: w.select(0, 1) }, "safetensors"), {
    name: "CheckpointError",
    message: /"row" and "w" share a part of their memory.+clone\(\)/,
  });
  const halves = { top: w.slice(0, 0, 1), bottom: w.slice(0, 1) };
  assert.deepEqual(
    (await loadTensors(await saveBytes(halves, "safetensors"))).get("bottom")?.tolist(),
    halves.bottom.tolist(),
  );
});

test("shards: divided, named and indexed as huggingface_hub does", () => {
  type Plan = { sizes: number[]; maxShardSize: number | string; files: Record<string, string[]>; totalSize: number };
  for (const { sizes, maxShardSize, files, totalSize } of fixtureJson<Plan[]>("plans.json")) {
    const entries = sizes.map((size, i) => ({ name: `t${i}`, size }));
    const { shards, index } = planShards(entries, ({ size }) => size, { maxShardSize });
    assert.deepEqual(
      Object.fromEntries(shards.map(({ file, entries }) => [file, entries.map(({ name }) => name)])),
      files,
    );
    assert.equal(index === undefined, shards.length === 1);
    if (index !== undefined) assert.deepEqual(JSON.parse(index.text).metadata, { total_size: totalSize });
  }
  assert.deepEqual([parseSize("5GB"), parseSize("200MB"), parseSize("1.5kb"), parseSize(7)], [5e9, 2e8, 1500, 7]);
  for (const wrong of ["5", "GB", "-1MB", 0, Number.NaN]) assert.throws(() => parseSize(wrong), /maxShardSize/);
});

test("a state in shards comes back from its folder, and another division replaces it whole", async () => {
  const folder = fresh();
  const state = new Map(Array.from({ length: 6 }, (_, i): [string, Tensor] => [`layer.${i}`, randn([4, i + 1])]));
  state.set("tied", state.get("layer.5")!);
  const path = join(folder, "model.safetensors");
  writeFileSync(join(folder, "model-00001-of-00002.txt"), "not a shard");
  for (const [maxShardSize, count] of [
    [100, 4],
    [200, 2],
    ["1MB", 1],
    [200, 2],
  ] as const) {
    await save(state, path, { maxShardSize });
    const names = readdirSync(folder).filter((name) => name.endsWith(".safetensors"));
    assert.equal(names.length, count, names.join(" "));
    assert.equal(readdirSync(folder).length, count === 1 ? 2 : count + 2);
    const again = await loadTensors(folder);
    assert.deepEqual([...again.keys()].sort(), [...state.keys()].sort());
    for (const [name, t] of state) assert.deepEqual(again.get(name)?.tolist(), t.tolist());
  }
});

test("single tensors of a folder of shards, and PyTorch's shards", async () => {
  const folder = fresh();
  const state = new Map([
    ["a", arange(8)],
    ["b", arange(10).reshape(5, 2)],
  ]);
  await save(state, join(folder, "model.safetensors"), { maxShardSize: 40 });
  const reader = await openSafetensors(folder);
  assert.deepEqual([...reader.names].sort(), ["a", "b"]);
  assert.deepEqual((await reader.slice("b", [1, 3])).tolist(), [
    [2, 3],
    [4, 5],
  ]);
  assert.deepEqual((await reader.tensor("a")).tolist(), state.get("a")?.tolist());
  assert.equal((await reader.read("a")).length, 32);
  await assert.rejects(reader.tensor("c"), { name: "CheckpointError", message: /no tensor is named "c"/ });
  await reader.close();

  const torch = fresh();
  const [one, two] = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"] as const;
  await save({ a: state.get("a") }, join(torch, one));
  await save({ b: state.get("b") }, join(torch, two));
  writeFileSync(
    join(torch, "pytorch_model.bin.index.json"),
    JSON.stringify({ metadata: {}, weight_map: { a: one, b: two } }),
  );
  assert.deepEqual((await loadTensors(torch)).get("b")?.tolist(), state.get("b")?.tolist());
});

test("shards that are missing, swapped or beyond the folder", async () => {
  const folder = fresh();
  await save(
    new Map([
      ["a", ones([8])],
      ["b", ones([9])],
    ]),
    join(folder, "model.safetensors"),
    { maxShardSize: 40 },
  );
  const [one, two, index] = [
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
  ].map((name) => join(folder, name)) as [string, string, string]; // three
  const kept = readFileSync(one);
  writeFileSync(one, readFileSync(two));
  await assert.rejects(load(folder), {
    name: "CheckpointError",
    message: /00001-of-00002.+index says that it holds a, but it does not/,
  });
  rmSync(one);
  await assert.rejects(load(folder), {
    message: /of its 2 files of weights model-00001-of-00002\.safetensors is missing/,
  });
  writeFileSync(one, kept.subarray(0, -1));
  await assert.rejects(load(folder), { message: /00001-of-00002.+cut off/ });
  writeFileSync(index, '{"weight_map": {"a": "../../secret"}}');
  await assert.rejects(load(folder), { message: /outside of its folder/ });
  writeFileSync(index, '{"weights": {}}');
  await assert.rejects(load(folder), { message: /no weight_map/ });
});

test("nothing is written, and nothing lost, when a value does not fit", async () => {
  const folder = fresh();
  const path = join(folder, "x.pt");
  await save({ a: 1 }, path);
  const disposed = ones([2]);
  disposed.dispose();
  const deep: Value[] = [];
  for (let i = 0, inner = deep; i < 2000; i++) inner.push((inner = []));
  const wrong: [unknown, RegExp][] = [
    [{ a: [new Date()] }, /save a\[0\]: it is a Date.+toISOString/],
    [{ a: new Linear(1, 1) }, /a: it is a Linear, a module.+stateDict\(\)/],
    [{ a: new Float32Array(2) }, /tensor\(x\)/],
    [{ f: () => 1 }, /save f: it is a function/],
    [Symbol("s"), /save: it is a symbol/],
    [new Map([[{}, 1]]), /object as a key/],
    [deep, /deeper than/],
    [2n ** 3000n, /more than 255 bytes/],
  ];
  for (const [value, message] of wrong) await assert.rejects(save(value, path), { name: "CheckpointError", message });
  await assert.rejects(save({ a: disposed }, path), LifetimeError);
  await assert.rejects(save({ a: 1 }, join(folder, "x.safetensors")), { message: /"a" is none.+as \.pt/ });
  await assert.rejects(save([ones([1])], join(folder, "x.npz")), { message: /by name/ });
  await assert.rejects(save({ a: ones([1]) }, join(folder, "x.npy")), { message: /one tensor/ });
  await assert.rejects(save(1, join(folder, "x.txt")), { message: /no format ends so.+\.pt/ });
  assert.deepEqual(await load(path), { a: 1 });
  assert.deepEqual(readdirSync(folder), ["x.pt"]);
});

test("zip64 is written where numbers need it, and read", async () => {
  const value = { a: arange(100), b: ones([30]), c: "x".repeat(200) };
  for (const from of [1, 100, 1000]) {
    const bytes = joinChunks(writeTorch(value, "archive", from));
    assert.deepEqual(valuesOnly(described(await load(bytes))), valuesOnly(described(value as never)));
  }
});

test("storages lie at multiples of 64 bytes, and the same value gives the same bytes", async () => {
  const value = { a: tensor([1.5]), b: ones([3], { dtype: "bool" }), c: arange(5) };
  const bytes = await saveBytes(value, "pt");
  assert.deepEqual(await saveBytes(value, "pt"), bytes);
  const at = Buffer.from(bytes).indexOf(Buffer.from(new Float32Array([1.5]).buffer));
  assert.equal(at % 64, 0);
});

test("a storage whose bytes were changed is found by its checksum", async () => {
  const bytes = await saveBytes({ a: tensor([1.5, 2.5]) }, "pt");
  const at = Buffer.from(bytes).indexOf(Buffer.from(new Float32Array([1.5, 2.5]).buffer));
  bytes[at]! ^= 1;
  await assert.rejects(
    load(bytes),
    (error) => error instanceof CheckpointError && /data\/0.+checksum/.test(error.message),
  );
});
