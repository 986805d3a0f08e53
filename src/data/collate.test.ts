// Collators: what becomes of rows of every kind.

import { test } from "node:test";
import { deepEqual, equal, throws } from "../../test/portable/harness.ts";
import { ArgumentError, DataError } from "../base/errors.ts";
import { defaultCollate, padArrays, padCollate, seq2seqCollate, toTensors } from "../data.ts";
import { tensor, zeros } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

const shown = (batch: Readonly<Record<string, Tensor>>): unknown =>
  Object.fromEntries(Object.entries(batch).map(([key, t]) => [key, t.tolist()]));

test("rows of every kind are stacked", () => {
  const batch = defaultCollate([
    {
      x: [1, 2],
      id: new Int32Array([1, 2]),
      label: 1,
      score: 0.5,
      ok: true,
      text: "a",
      t: tensor([1]),
      pair: [[1], 2] as const,
    },
    {
      x: [3, 4],
      id: new Int32Array([3, 4]),
      label: 0,
      score: 1,
      ok: false,
      text: "b",
      t: tensor([2]),
      pair: [[3], 4] as const,
    },
  ]);
  deepEqual(batch.x.tolist(), [
    [1, 2],
    [3, 4],
  ]);
  equal(batch.x.dtype, "float32");
  equal(batch.id.dtype, "int32");
  equal(batch.label.dtype, "int32");
  equal(batch.score.dtype, "float32");
  deepEqual(batch.ok.tolist(), [true, false]);
  deepEqual(batch.text, ["a", "b"]);
  deepEqual([...batch.t.shape], [2, 1]);
  const [list, number] = batch.pair as unknown as [Tensor, Tensor]; // readonly tuples of lists have no better type
  deepEqual(
    [list.tolist(), number.tolist()],
    [
      [[1], [3]],
      [2, 4],
    ],
  );
});

test("rows that do not fit are named", () => {
  const refused: readonly [rows: readonly unknown[], message: RegExp][] = [
    [
      [{ x: [1] }, { x: [1] }, { x: [1, 2] }],
      /column "x" differ: row 2 is of length 2, row 0 is of length 1\. padCollate/,
    ],
    [[[[1, 2]], [[1], [2]]], /the rows differ: row 1 is \[2, 1\], row 0 is \[1, 2\]/],
    [[new Int32Array(2), new Int32Array(3)], /row 1 is of length 3, row 0 is of length 2/],
    [[new Int32Array(2), new Float32Array(2)], /row 1 is float32, row 0 is int32/],
    [[zeros([2]), zeros([2]), zeros([3])], /row 2 is \[3\], row 0 is \[2\]/],
    [[1, "a"], /row 1 is a text, row 0 is a number/],
    [["a", null], /row 1 is something else, row 0 is a text/],
    [[{ x: 1, y: 1 }, { x: 1 }], /row 1 of the rows has no "y"/],
    [[["a", 1], ["b"]], /row 1 is of length 1, row 0 is of length 2/],
    [
      [
        ["a", 1],
        ["b", "c"],
      ],
      /the rows\[1\] differ: row 1 is a text/,
    ],
  ];
  for (const [rows, message] of refused) throws(() => defaultCollate(rows), DataError, message);
  throws(() => defaultCollate([{ x: null }]), DataError, /column "x" hold null/);
  throws(() => defaultCollate([]), DataError, /empty/);
});

test("token rows are padded, each column in its way", () => {
  const rows = [
    { inputIds: [5, 6, 7], tokenTypeIds: [0, 0, 1], specialTokensMask: [1, 0, 1], labels: [1, 2, 3], text: "left out" },
    { inputIds: [8], tokenTypeIds: [0], specialTokensMask: [0], labels: [4], text: "too" },
  ];
  const collate = padCollate({ padTokenId: 9, padTokenTypeId: 3, padToMultipleOf: 4 });
  deepEqual(shown(collate(rows)), {
    inputIds: [
      [5, 6, 7, 9],
      [8, 9, 9, 9],
    ],
    tokenTypeIds: [
      [0, 0, 1, 3],
      [0, 3, 3, 3],
    ],
    specialTokensMask: [
      [1, 0, 1, 1],
      [0, 1, 1, 1],
    ],
    labels: [
      [1, 2, 3, -100],
      [4, -100, -100, -100],
    ],
    attentionMask: [
      [1, 1, 1, 0],
      [1, 0, 0, 0],
    ],
  });
  const left = padCollate({ paddingSide: "left", maxLength: 2 })([
    { inputIds: [1], label: 1 },
    { inputIds: [2, 3], label: 0 },
  ]);
  deepEqual(shown(left), {
    inputIds: [
      [0, 1],
      [2, 3],
    ],
    attentionMask: [
      [0, 1],
      [1, 1],
    ],
    labels: [1, 0],
  });
  equal(left["inputIds"]!.dtype, "int32");
  equal(padCollate()([{ inputIds: [1], label: 0.5 }])["labels"]!.dtype, "float32");
  throws(() => padCollate({ maxLength: 1 })([{ inputIds: [1, 2] }]), DataError, /more than maxLength 1/);
  throws(() => padCollate()([{ text: "a" }]), DataError, /no column of text holds numbers/);
  throws(() => padCollate()([{ x: [1] }, { x: "a" }]), DataError, /"x" is a list of numbers in some rows/);
  throws(() => padCollate({ padToMultipleOf: 0 }), ArgumentError, /padToMultipleOf 0/);
});

test("labels of another text have a length of their own", () => {
  const rows = [
    { inputIds: new Int32Array([5, 6, 7]), labels: [1, 2] },
    { inputIds: [8], labels: [4] },
  ];
  const collate = seq2seqCollate({ padTokenId: 9, decoderStartTokenId: 3, padToMultipleOf: 2, maxLength: 3 });
  deepEqual(shown(collate(rows)), {
    inputIds: [
      [5, 6, 7, 9],
      [8, 9, 9, 9],
    ],
    attentionMask: [
      [1, 1, 1, 0],
      [1, 0, 0, 0],
    ],
    labels: [
      [1, 2],
      [4, -100],
    ],
    decoderInputIds: [
      [3, 1],
      [3, 4],
    ],
  });
  deepEqual(shown(seq2seqCollate()([{ inputIds: [1] }])), { inputIds: [[1]], attentionMask: [[1]] });
});

test("batches of arrays travel between threads and become tensors at the end", () => {
  const arrays = structuredClone(padArrays()([{ inputIds: [1, 2] }]));
  const { inputIds } = toTensors(arrays);
  deepEqual(inputIds!.tolist(), [[1, 2]]);
  const nested = toTensors({
    list: [{ data: new Float32Array([0.5]), shape: [1], dtype: "float32" as const }],
    text: "a",
  });
  deepEqual(nested.list[0]!.tolist(), [0.5]);
  equal(nested.text, "a");
});
