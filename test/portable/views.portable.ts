// Views, Python's brackets, and the making of tensors.

import { ArgumentError, DTypeError, IndexError, ShapeError } from "../../src/base/errors.ts";
import type { Index } from "../../src/tensor/at.ts";
import {
  arange,
  empty,
  eye,
  fromArray,
  full,
  linspace,
  ones,
  tensor,
  zeros,
  zerosLike,
} from "../../src/tensor/create.ts";
import { cat, stack } from "../../src/tensor/indexing.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { close, deepEqual, equal, ok, type Suite, suite, throws } from "./harness.ts";

const list = (t: Tensor): number[] => Array.from(t.toArray());
const cube = (): Tensor => arange(24).view(2, 3, 4);

export const making: Suite = suite("tensors: making", (test) => {
  test("nested numbers, booleans and bigints", () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    deepEqual([x.shape, x.strides, x.dtype, x.numel, x.ndim, x.nbytes], [[2, 3], [3, 1], "float32", 6, 2, 24]);
    deepEqual(tensor(5).shape, []);
    deepEqual([tensor([]).shape, tensor([[], []]).shape], [[0], [2, 0]]);
    equal(tensor([true, false]).dtype, "bool");
    equal(tensor([true, 2]).dtype, "float32");
    deepEqual(
      tensor([1n, -(2n ** 62n)], { dtype: "int64" }).toString(),
      "tensor([                   1, -4611686018427387904])",
    );
    throws(() => tensor([[1, 2], [3]]), ShapeError, /uneven.*data\[1\]/);
    throws(() => tensor([1, [2]] as never), ShapeError, /data\[1\]/);
    throws(() => tensor([[1], 2] as never), ShapeError, /data\[1\]/);
    throws(() => tensor(["a"] as never), DTypeError, /data\[0\] is string/);
    throws(() => tensor([null] as never), DTypeError, /null/);
  });

  test("typed arrays bring their dtype", () => {
    const kinds = [Float32Array, Float64Array, Int32Array, Int16Array, Int8Array, Uint8Array];
    const dtypes = kinds.map((Kind) => tensor(Kind.of(1, 2)).dtype);
    deepEqual(dtypes, ["float32", "float64", "int32", "int16", "int8", "uint8"]);
    equal(tensor(BigInt64Array.of(1n)).dtype, "int64");
    equal(tensor(Float64Array.of(1), { dtype: "float32" }).dtype, "float32");
  });

  test("numbers come out as they went in, in every dtype", () => {
    for (const dtype of ["float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64"] as const) {
      deepEqual(
        tensor(
          [
            [1, -2],
            [3, 0],
          ],
          { dtype },
        ).tolist(),
        [
          [1, -2],
          [3, 0],
        ],
        dtype,
      );
    }
    deepEqual(tensor([1, 0, 2], { dtype: "bool" }).tolist(), [true, false, true]);
    deepEqual(tensor([255, 256], { dtype: "uint8" }).tolist(), [255, 0]);
    equal(tensor([0.1]).item(), Math.fround(0.1));
    equal(tensor(true).item(), 1);
    throws(() => ones([2]).item(), ShapeError, /2 numbers/);
  });

  test("toArray is a copy", () => {
    const x = ones([2]);
    const a = x.toArray();
    a[0] = 5;
    deepEqual(list(x), [1, 1]);
    ok(a.buffer instanceof ArrayBuffer);
  });

  test("ranges and fills", () => {
    deepEqual(list(arange(3)), [0, 1, 2]);
    deepEqual([arange(3).dtype, arange(0.5, 2).dtype], ["int32", "float32"]);
    deepEqual(list(arange(5, 0, -2)), [5, 3, 1]);
    deepEqual(list(arange(2, 2)), []);
    throws(() => arange(0, 3, 0), ArgumentError);
    deepEqual(list(linspace(0, 1, 5)), [0, 0.25, 0.5, 0.75, 1]);
    deepEqual([list(linspace(3, 9, 1)), list(linspace(3, 9, 0))], [[3], []]);
    deepEqual(eye(2, 3).tolist(), [
      [1, 0, 0],
      [0, 1, 0],
    ]);
    deepEqual(full([2], 7, { dtype: "int32" }).tolist(), [7, 7]);
    equal(zerosLike(ones([2], { dtype: "float64" })).dtype, "float64");
    deepEqual(empty([0, 2]).tolist(), []);
    deepEqual(zeros([2, 0]).tolist(), [[], []]);
    throws(() => zeros([-1]), ShapeError);
    throws(() => fromArray([1, 2], [3]), ShapeError, /2 numbers do not fill \[3\]/);
  });
});

export const views: Suite = suite("tensors: views", (test) => {
  test("share memory and say whether they are in order", () => {
    const x = cube();
    for (const view of [
      x.view(6, 4),
      x.select(1, 0),
      x.slice(2, 1, 4, 2),
      x.unsqueeze(0),
      x.squeeze(),
      x.expand(5, -1, -1, -1),
      x.diagonal(0, 1, 2),
    ]) {
      equal(view.storage, x.storage);
    }
    ok(
      x.isContiguous() &&
        x.slice(0, 1).isContiguous() &&
        !x.transpose(0, 1).isContiguous() &&
        !x.slice(2, 0, 2).isContiguous(),
    );
    equal(x.contiguous(), x);
    const copy = x.transpose(0, 1).contiguous();
    ok(copy.storage !== x.storage);
    deepEqual(copy.tolist(), x.transpose(0, 1).tolist());
  });

  test("view keeps to the layout, reshape copies where it must", () => {
    const x = cube();
    deepEqual(x.view(-1).shape, [24]);
    deepEqual(x.view(2, -1, 2).shape, [2, 6, 2]);
    throws(() => x.transpose(0, 1).view(-1), ShapeError, /reshape/);
    deepEqual(list(x.transpose(1, 2).reshape(2, 12)).slice(0, 4), [0, 4, 8, 1]);
    deepEqual(x.transpose(0, 1).view(3, 2, 2, 2).shape, [3, 2, 2, 2]); // splits one dimension
    throws(() => x.view(5, 5), ShapeError, /24/);
    throws(() => x.view(-1, -1), ShapeError, /one size/);
    throws(() => x.view(-1, 7), ShapeError);
    deepEqual(zeros([0, 3]).view(3, 0).shape, [3, 0]);
    throws(() => zeros([0, 3]).view(-1, 0), ShapeError);
    deepEqual(tensor(3).view(1, 1).tolist(), [[3]]);
    deepEqual(tensor([3]).view().tolist(), 3);
  });

  test("dimensions in another order", () => {
    const x = cube();
    deepEqual(x.permute(2, 0, 1).shape, [4, 2, 3]);
    deepEqual(x.movedim(0, -1).shape, [3, 4, 2]);
    deepEqual(x.mT.shape, [2, 4, 3]);
    equal(x.permute(2, 0, 1).at(3, 1, 2).item(), x.at(1, 2, 3).item());
    throws(() => x.permute(0, 1), ShapeError);
    throws(() => x.permute(0, 1, 1), ShapeError);
    throws(() => x.t(), ShapeError, /mT/);
    throws(() => x.transpose(0, 3), IndexError);
    throws(() => ones([3]).mT, ShapeError);
    deepEqual(ones([3]).t().shape, [3]);
  });

  test("dimensions of 1", () => {
    const x = zeros([1, 2, 1]);
    deepEqual(
      [x.squeeze().shape, x.squeeze(0).shape, x.squeeze(1).shape, x.squeeze([0, -1]).shape],
      [[2], [2, 1], [1, 2, 1], [2]],
    );
    deepEqual(
      [x.unsqueeze(0).shape, x.unsqueeze(-1).shape],
      [
        [1, 1, 2, 1],
        [1, 2, 1, 1],
      ],
    );
    throws(() => x.unsqueeze(4), IndexError);
    const rows = ones([2, 3]); // the new stride is PyTorch's, that of what lies behind it
    deepEqual(
      [0, 1, 2].map((d) => [...rows.unsqueeze(d).strides]),
      [
        [6, 3, 1],
        [3, 3, 1],
        [3, 1, 1],
      ],
    );
    deepEqual(x.expand(3, -1, 4).shape, [3, 2, 4]);
    throws(() => x.expand(3, 3, 4), ShapeError, /only sizes of 1/);
    throws(() => x.expand(2), ShapeError);
    deepEqual(tensor(2).expand(2, 2).tolist(), [
      [2, 2],
      [2, 2],
    ]);
  });

  test("parts", () => {
    const x = arange(10);
    deepEqual(x.split(4).map(list), [
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    deepEqual(
      x.split([1, 9]).map((t) => t.numel),
      [1, 9],
    );
    throws(() => x.split([1, 2]), ShapeError, /add up/);
    throws(() => x.split(0), ShapeError);
    deepEqual(
      x.chunk(3).map((t) => t.numel),
      [4, 4, 2],
    );
    deepEqual(list(x.narrow(0, -3, 2)), [7, 8]);
    throws(() => x.narrow(0, 8, 3), IndexError);
    deepEqual(list(x.slice(0, -3)), [7, 8, 9]);
    deepEqual(list(x.slice(0, 20)), []);
    deepEqual(list(x.slice(0, 5, 2)), []);
    throws(() => x.slice(0, 0, 5, 0), IndexError);
    throws(() => x.select(0, 10), IndexError, /10 is out of range/);
    throws(() => x.select(0, 0.5), IndexError);
    deepEqual(eye(3).diagonal(1).tolist(), [0, 0]);
    deepEqual(zeros([2, 3]).diagonal(5).shape, [0]);
  });

  test("joining", () => {
    deepEqual(cat([ones([1, 2]), zeros([2, 2])]).tolist(), [
      [1, 1],
      [0, 0],
      [0, 0],
    ]);
    equal(cat([ones([1]), ones([1], { dtype: "float64" })]).dtype, "float64");
    deepEqual(cat([tensor([]), ones([1, 2])]).shape, [1, 2]);
    throws(() => cat([]), ArgumentError);
    throws(() => cat([tensor(1)]), ShapeError, /stack/);
    throws(() => cat([ones([2, 2]), ones([2, 3])]), ShapeError);
    deepEqual(stack([ones([2]), zeros([2])], -1).tolist(), [
      [1, 0],
      [1, 0],
    ]);
    throws(() => stack([ones([2]), ones([3])]), ShapeError);
  });

  test("a bad dim is named with its range", () => {
    const x = cube();
    const uses = [
      () => x.sum({ dim: 3 }),
      () => x.cumsum(-4),
      () => x.flip(3),
      () => x.sort({ dim: 5 }),
      () => x.flatten(0, 7),
    ];
    for (const use of uses) throws(use, IndexError, /-3 to 2/);
    throws(() => x.sum({ dim: [1, -2] }), ShapeError, /twice/);
    throws(() => x.size(3), ShapeError);
    deepEqual([x.size(-1), x.dims(3)], [4, [2, 3, 4]]);
    throws(() => x.dims(2, "Attention"), ShapeError, /Attention: got \[2, 3, 4\], wants 2/);
  });
});

/** An index with the elements that Python's brackets give, for `x` of 0 … 23 under [2, 3, 4]. */
const brackets: readonly (readonly [
  python: string,
  index: readonly Index[],
  shape: readonly number[],
  data: readonly number[],
])[] = [
  ["x[1]", [1], [3, 4], [12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]],
  ["x[-1, 0]", [-1, 0], [4], [12, 13, 14, 15]],
  ["x[1, 2, 3]", [1, 2, 3], [], [23]],
  ["x[:, 1]", [":", 1], [2, 4], [4, 5, 6, 7, 16, 17, 18, 19]],
  ["x[..., 0]", ["...", 0], [2, 3], [0, 4, 8, 12, 16, 20]],
  ["x[0, ..., -2:]", [0, "...", "-2:"], [3, 2], [2, 3, 6, 7, 10, 11]],
  ["x[0, ::2, 1:3]", [0, "::2", "1:3"], [2, 2], [1, 2, 9, 10]],
  ["x[None, 0, None, 0]", [null, 0, null, 0], [1, 1, 4], [0, 1, 2, 3]],
  ["x[0, 5:]", [0, "5:"], [0, 4], []],
  ["x[[1, 0], 0, 0]", [tensor([1, 0], { dtype: "int32" }), 0, 0], [2], [12, 0]],
  ["x[:, [2, -3]][..., 0]", [":", tensor([2, -3], { dtype: "int64" }), "0:1"], [2, 2, 1], [8, 0, 20, 12]],
  [
    "x[[[0, 1], [1, 0]], 0, 0]",
    [
      tensor(
        [
          [0, 1],
          [1, 0],
        ],
        { dtype: "int32" },
      ),
      0,
      0,
    ],
    [2, 2],
    [0, 12, 12, 0],
  ],
  [
    "x[[0, 1], [2, 0]]",
    [tensor([0, 1], { dtype: "int32" }), tensor([2, 0], { dtype: "int32" })],
    [2, 4],
    [8, 9, 10, 11, 12, 13, 14, 15],
  ],
  [
    "x[[[0], [1]], [2, 0], 0]",
    [tensor([[0], [1]], { dtype: "int32" }), tensor([2, 0], { dtype: "int32" }), 0],
    [2, 2],
    [8, 0, 20, 12],
  ],
  [
    "x[[0, 1], :, [3, 0]]",
    [tensor([0, 1], { dtype: "int32" }), ":", tensor([3, 0], { dtype: "int32" })],
    [2, 3],
    [3, 7, 11, 12, 16, 20],
  ],
  ["x[:, 0, [True, False, False, True]]", [":", 0, tensor([true, false, false, true])], [2, 2], [0, 3, 12, 15]],
  [
    "x[mask of [2, 3]]",
    [
      tensor([
        [false, true, false],
        [false, false, true],
      ]),
    ],
    [2, 4],
    [4, 5, 6, 7, 20, 21, 22, 23],
  ],
  [
    "x[[False, True], [1, 2]]",
    [tensor([false, true]), tensor([1, 2], { dtype: "int32" })],
    [2, 4],
    [16, 17, 18, 19, 20, 21, 22, 23],
  ],
  ["x[no True at all]", [tensor([false, false])], [0, 3, 4], []],
  ["x[empty list]", [tensor([], { dtype: "int32" })], [0, 3, 4], []],
];

export const indexing: Suite = suite("tensors: brackets", (test) => {
  for (const [python, index, shape, data] of brackets) {
    test(python, () => {
      const got = cube().at(...index);
      deepEqual([...got.shape], [...shape]);
      deepEqual(list(got), [...data]);
      const strided = cube().permute(2, 1, 0).contiguous().permute(2, 1, 0); // the same elements in another layout
      deepEqual(list(strided.at(...index)), [...data]);
    });
  }

  test("indices that name too much, too far or nothing", () => {
    const x = cube();
    throws(() => x.at(0, 0, 0, 0), IndexError, /4 indices for 3/);
    throws(() => x.at("...", "..."), IndexError, /once/);
    throws(() => x.at(2), IndexError, /out of range/);
    throws(() => x.at("1;2"), IndexError, /no slice/);
    throws(
      () => x.at(tensor([0, 2], { dtype: "int32" })),
      IndexError,
      /index 2 is out of range for dimension 0 of size 2/,
    );
    throws(() => x.at(0, tensor([-4], { dtype: "int32" })), IndexError);
    throws(() => x.at(tensor([0.5])), IndexError, /float32/);
    throws(() => x.at(tensor([true])), ShapeError, /mask of \[1\]/);
    throws(
      () => x.at(tensor([0, 1], { dtype: "int32" }), tensor([0, 1, 2], { dtype: "int32" })),
      ShapeError,
      /broadcast/,
    );
  });

  test("what tensors pick has a gradient, twice for what is picked twice", () => {
    const x = ones([2, 3], { requiresGrad: true });
    x.at(tensor([0, 1, 0], { dtype: "int32" }), tensor([1, 2, 1], { dtype: "int32" }))
      .sum()
      .backward();
    deepEqual(x.grad!.tolist(), [
      [0, 2, 0],
      [0, 0, 1],
    ]);
    x.grad = undefined;
    x.at(
      tensor([
        [true, false, true],
        [false, false, false],
      ]),
    )
      .mul(tensor([5, 7]))
      .sum()
      .backward();
    deepEqual(x.grad!.tolist(), [
      [5, 0, 7],
      [0, 0, 0],
    ]);
  });

  test("setAt writes what `at` shows", () => {
    const x = zeros([2, 3]);
    x.setAt([0, "1:"], 5)
      .setAt([1], tensor([1, 2, 3]))
      .setAt([":", 0], tensor([7, 8]));
    deepEqual(x.tolist(), [
      [7, 5, 5],
      [8, 2, 3],
    ]);
    x.setAt([x.gt(6)], 0);
    deepEqual(x.tolist(), [
      [0, 5, 5],
      [0, 2, 3],
    ]);
    x.setAt([tensor([false, true])], -1); // rows
    deepEqual(x.tolist(), [
      [0, 5, 5],
      [-1, -1, -1],
    ]);
    const last = tensor([-1, 0], { dtype: "int32" });
    x.setAt([last, last], tensor([8, 9]));
    deepEqual([x.at(-1, -1).item(), x.at(0, 0).item()], [8, 9]);
    throws(() => x.setAt([tensor([7], { dtype: "int32" })], 1), IndexError);
    throws(() => x.setAt([0], ones([4])), ShapeError);
  });

  test("masks and fills keep the dtype", () => {
    const mask = ones([3, 3], { dtype: "bool" });
    deepEqual([mask.tril().dtype, mask.triu(1).dtype], ["bool", "bool"]);
    deepEqual(mask.tril().tolist(), [
      [true, false, false],
      [true, true, false],
      [true, true, true],
    ]);
    equal(arange(3).maskedFill(tensor([true, false, true]), 9).dtype, "int32");
    deepEqual(list(cube().maskedSelect(cube().gt(20))), [21, 22, 23]);
    deepEqual(
      tensor([
        [0, 3],
        [4, 0],
      ])
        .nonzero()
        .tolist(),
      [
        [0, 1],
        [1, 0],
      ],
    );
    deepEqual(tensor(5).nonzero().shape, [1, 0]);
  });

  test("order along any dimension", () => {
    const x = tensor([
      [3, 1, 2],
      [0, 5, 4],
    ]);
    const { values, indices } = x.sort({ dim: 0, descending: true });
    deepEqual(
      [values.tolist(), indices.tolist()],
      [
        [
          [3, 5, 4],
          [0, 1, 2],
        ],
        [
          [0, 1, 1],
          [1, 0, 0],
        ],
      ],
    );
    deepEqual(x.topk(2, { dim: 1 }).values.tolist(), [
      [3, 2],
      [5, 4],
    ]);
    deepEqual(x.topk(1, { dim: 0, largest: false }).indices.tolist(), [[1, 0, 0]]);
    deepEqual(list(tensor([2, Number.NaN, 1]).argsort()), [2, 0, 1]);
    deepEqual(tensor(4).sort().indices.shape, []);
    const long = arange(1000).remainder(97).sort();
    ok(list(long.values).every((v, i, all) => i === 0 || v >= all[i - 1]!));
    for (const dtype of ["int64", "uint8", "float16", "bool"] as const) {
      close(list(tensor([1, 0, 1], { dtype }).sort().values), [0, 1, 1], { rtol: 0, atol: 0 }, dtype);
    }
    throws(() => x.topk(4), IndexError, /holds 3/);
  });
});
