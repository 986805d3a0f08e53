import assert from "node:assert/strict";
import { test } from "node:test";
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "../base/half.ts";
import { createInterpreterDevice } from "../devices/interpreter/device.ts";
import { createWasmDevice } from "../devices/wasm/device.ts";
import type { Device } from "../ir/device.ts";
import { erf } from "../ir/math.ts";
import type { Activation, Batch, MatmulProblem } from "./matmul.ts";
import { matmul } from "./matmul.ts";
import { matmulPacked, packB } from "./matmul-packed.ts";
import { tiled } from "./matmul-tiled.ts";

/** Left open: they end with the process. */
const one: Device = createWasmDevice({ threads: 1 });
const two: Device = createWasmDevice({ threads: 2 });

type Layout = "rows" | "columns" | "strided";

/** A product by sizes and layouts; strides, addresses and numbers follow. */
interface Case {
  readonly dtype?: Exclude<MatmulProblem["dtype"], "i64">; // of which test/opinfo has samples
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly a?: Layout;
  readonly b?: Layout;
  /** Elements between rows that nobody may touch. */
  readonly gap?: number;
  /** Sizes outermost first, and which operands have the dimension. */
  readonly batch?: readonly (readonly [size: number, operands: "ab" | "a" | "b" | ""])[];
  readonly accumulate?: boolean;
  readonly bias?: boolean;
  readonly activation?: Activation;
  readonly residual?: boolean;
  /** The activation's argument is written out too. */
  readonly keeps?: boolean;
  /** B holds halves. */
  readonly half?: "float16" | "bfloat16";
  readonly packed?: boolean;
  /** Bytes that packed operands may take. */
  readonly limit?: number;
}

/** Numbers of a fixed sequence in [-1, 1); whole ones for integers. */
function numbers(seed: number, whole: boolean): () => number {
  let x = (Math.imul(seed, 7919) + 13) & 0x7fffffff;
  return () => {
    x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff;
    return whole ? (x >> 20) - 1024 : x / 0x40000000 - 1;
  };
}

const bytesOf = { f32: 4, f64: 8, i32: 4 } as const;

function strides(rows: number, columns: number, layout: Layout, gap: number): readonly [row: number, column: number] {
  if (layout === "rows") return [columns + gap, 1];
  return layout === "columns" ? [1, rows + gap] : [2 * columns + gap, 2];
}

/** The operands of a case in plain arrays, and the problem without its addresses. */
function made(t: Case, seed: number) {
  const { dtype = "f32", M, N, K, gap = 0 } = t;
  const [aRow, aCol] = strides(M, K, t.a ?? "rows", gap);
  const [bRow, bCol] = strides(K, N, t.b ?? "rows", gap);
  const cRow = N + gap;
  const spans = { a: 1 + M * aRow + K * aCol, b: 1 + K * bRow + N * bCol, c: M * cRow };
  const batch: Batch[] = [];
  for (const [size, operands] of (t.batch ?? []).toReversed()) {
    const has = { a: operands.includes("a"), b: operands.includes("b"), c: true };
    const d = { size, a: has.a ? spans.a : 0, b: has.b ? spans.b : 0, c: spans.c };
    batch.unshift(d);
    for (const o of ["a", "b", "c"] as const) if (has[o]) spans[o] *= size;
  }
  const next = numbers(seed, dtype === "i32");
  const array = (n: number): Float64Array => {
    const values = Float64Array.from({ length: n }, next);
    return dtype === "f32" ? Float64Array.from(Float32Array.from(values)) : values;
  };
  const bits = t.half === undefined ? undefined : toHalf[t.half](Float32Array.from(array(spans.b)));
  const b = bits === undefined ? array(spans.b) : Float64Array.from(fromHalf[t.half!](bits)); // what the bits stand for
  const values = { a: array(spans.a), b, c: array(spans.c), bias: array(N), residual: array(spans.c) };
  const { accumulate = false, half } = t;
  const problem = { dtype, M, N, K, aRow, aCol, bRow, bCol, cRow, batch, accumulate, half };
  return { problem, values, bits };
}

const toHalf = { float16: float32ToFloat16, bfloat16: float32ToBfloat16 } as const;
const fromHalf = { float16: float16ToFloat32, bfloat16: bfloat16ToFloat32 } as const;

/** Runs a case and returns all of C's memory, and what was kept of the activation's argument behind it. */
function onDevice(device: Device, t: Case, seed: number): number[] {
  const { problem, values, bits } = made(t, seed);
  const { dtype } = problem;
  const bytes = bytesOf[dtype];
  const put = (from: Float64Array): number => {
    const address = device.alloc(from.length * bytes + 4) + (dtype === "f32" ? 4 : 0); // off the usual alignment
    device[dtype].set(from, address / bytes);
    return address;
  };
  const live = device.memoryStats().liveBlocks;
  const putBits = (from: Uint16Array): number => {
    const address = device.alloc(from.byteLength + 4) + 4;
    new Uint16Array(device.u8.buffer, address, from.length).set(from);
    return address;
  };
  const at = { a: put(values.a), b: bits === undefined ? put(values.b) : putBits(bits), c: put(values.c) };
  const [bias, residual, kept] = [put(values.bias), put(values.residual), put(values.c)];
  const extra = {
    bias: t.bias === true ? bias : undefined,
    activation: t.activation,
    residual: t.residual === true ? residual - at.c : undefined,
    preActivation: t.keeps === true ? kept - at.c : undefined,
  };
  if (t.packed === true) {
    const weight = packB(device, { ...problem, b: at.b });
    matmulPacked(device, { ...problem, ...extra, a: at.a, c: at.c }, weight);
    device.free(weight.address);
  } else if (t.limit !== undefined) tiled(device, { ...problem, ...at, ...extra }, t.limit);
  else matmul(device, { ...problem, ...at, ...extra });
  const all = t.keeps === true ? [at.c, kept] : [at.c];
  const result = all.flatMap((from) =>
    Array.from(device[dtype].subarray(from / bytes, from / bytes + values.c.length)),
  );
  for (const address of [...Object.values(at), bias, residual, kept]) device.free(address - (dtype === "f32" ? 4 : 0));
  assert.ok(device.memoryStats().liveBlocks <= live + 1, "nothing is left but the constants");
  return result;
}

const activations: { readonly [a in Activation]: (x: number) => number } = {
  relu: (x) => Math.max(x, 0),
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  geluTanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  silu: (x) => x / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
};

/** The definition, in f64, and for each element how large its terms are together. */
function byDefinition(t: Case, seed: number): { readonly values: Float64Array; readonly sizes: Float64Array } {
  const { problem: p, values } = made(t, seed);
  const { a, b, bias, residual } = values;
  const c = values.c.slice();
  const kept = values.c.slice();
  const sizes = new Float64Array(c.length);
  const item = (depth: number, ao: number, bo: number, co: number): void => {
    const d = p.batch[depth];
    if (d !== undefined) {
      for (let i = 0; i < d.size; i++) item(depth + 1, ao + i * d.a, bo + i * d.b, co + i * d.c);
      return;
    }
    for (let m = 0; m < p.M; m++) {
      for (let n = 0; n < p.N; n++) {
        const at = co + m * p.cRow + n;
        let sum = (p.accumulate ? c[at]! : 0) + (t.bias === true ? bias[n]! : 0);
        let size = Math.abs(sum);
        for (let k = 0; k < p.K; k++) {
          const term = a[ao + m * p.aRow + k * p.aCol]! * b[bo + k * p.bRow + n * p.bCol]!;
          sum += term;
          size += Math.abs(term);
        }
        kept[at] = sum;
        const addend = t.residual === true ? residual[at]! : 0;
        c[at] = (t.activation === undefined ? sum : activations[t.activation](sum)) + addend;
        sizes[at] = size + Math.abs(addend);
      }
    }
  };
  item(0, 0, 0, 0);
  if (t.keeps !== true) return { values: c, sizes };
  return { values: Float64Array.of(...c, ...kept), sizes: Float64Array.of(...sizes, ...sizes) };
}

/** A sum of K terms may be off by some roundings of what was added up; an integer by nothing. */
function assertRight(actual: readonly number[], t: Case, seed: number): void {
  const { values, sizes } = byDefinition(t, seed);
  const epsilon = { f32: 2 ** -23, f64: 2 ** -52, i32: 0 }[t.dtype ?? "f32"];
  const roundings = 2 + Math.sqrt(t.K);
  for (const [i, value] of actual.entries()) {
    const wanted = t.dtype === "i32" ? values[i]! | 0 : values[i]!;
    const allowed = epsilon * roundings * (sizes[i]! + (sizes[i]! > 0 ? 1 : 0)); // outside of C: none
    if (!(Math.abs(value - wanted) <= allowed)) {
      assert.fail(`element ${i} of ${JSON.stringify(t)}: ${value}, not ${wanted} within ${allowed}`);
    }
  }
}

function check(t: Case, seed = 1): void {
  const actual = onDevice(one, t, seed);
  assertRight(actual, t, seed);
  assert.deepEqual(onDevice(two, t, seed), actual, `two threads, the same bits: ${JSON.stringify(t)}`);
  assert.deepEqual(onDevice(two, t, seed), actual, `twice, the same bits: ${JSON.stringify(t)}`);
}

const layouts = ["rows", "columns", "strided"] as const;

test("every layout at odd sizes", () => {
  const sizes: readonly (readonly [number, number, number])[] = [
    ...([
      [1, 1, 1],
      [2, 3, 5],
      [1, 17, 40],
      [3, 100, 33],
      [1, 9, 1100],
    ] as const), // plain, few rows
    ...([
      [4, 33, 70],
      [5, 16, 31],
      [6, 48, 8],
      [7, 15, 65],
      [13, 50, 129],
      [31, 49, 96],
    ] as const), // tasks pack B
    ...([
      [200, 17, 37],
      [199, 80, 64],
      [257, 113, 1030],
    ] as const), // several groups of rows
  ];
  for (const [M, N, K] of sizes) {
    for (const a of layouts) for (const b of layouts) check({ M, N, K, a, b });
  }
});

test("every number of rows and columns around a tile", () => {
  for (let M = 1; M <= 19; M++) for (const N of [1, 15, 16, 31, 33]) check({ M, N, K: 41 });
  for (let N = 1; N <= 34; N++) for (const M of [1, 2, 6, 9]) check({ M, N, K: 41, b: "columns" });
});

test("every K around a vector", () => {
  for (let K = 0; K <= 20; K++) {
    for (const M of [1, 3, 11]) for (const b of layouts) check({ M, N: 70, K, b, gap: 3 });
  }
});

test("no K gives zeros, the bias, or C", () => {
  for (const M of [1, 40, 400]) {
    check({ M, N: 33, K: 0 });
    check({ M, N: 33, K: 0, bias: true, activation: "relu" });
    check({ M, N: 33, K: 0, accumulate: true });
  }
});

test("no rows, columns or items change nothing", () => {
  for (const t of [
    { M: 0, N: 4 },
    { M: 4, N: 0 },
  ] as const)
    check({ ...t, K: 9, gap: 2 });
  check({ M: 3, N: 4, K: 5, batch: [[0, "ab"]] });
});

test("accumulate, bias, and gaps that stay as they are", () => {
  for (const [M, N, K] of [
    [1, 40, 64],
    [2, 70, 1200],
    [5, 35, 24],
    [40, 40, 40],
    [250, 70, 33],
  ] as const) {
    for (const b of ["rows", "columns"] as const) {
      for (const accumulate of [false, true]) {
        for (const bias of [false, true]) check({ M, N, K, b, accumulate, bias, gap: 5 });
      }
    }
  }
});

test("activations, after the last of the additions", () => {
  for (const activation of Object.keys(activations) as Activation[]) {
    for (const b of ["rows", "columns"] as const) {
      for (const [M, N, K] of [
        [1, 35, 70],
        [5, 18, 64],
        [26, 35, 30],
      ] as const) {
        check({ M, N, K, b, activation, bias: true });
        check({ M, N, K, b, activation, accumulate: true });
      }
    }
  }
  check({ M: 7, N: 20, K: 2100, activation: "relu", bias: true });
});

test("a residual after the activation, and the activation's argument", () => {
  for (const [M, N, K] of [
    [1, 3, 5], // plain
    [1, 35, 70],
    [2, 130, 4100], // in pieces
    [5, 18, 64],
    [26, 35, 30],
    [40, 11, 90], // narrow
    [50, 48, 2100], // C is visited more than once
  ] as const) {
    for (const b of ["rows", "columns"] as const) {
      check({ M, N, K, b, gap: 3, bias: true, residual: true });
      check({ M, N, K, b, accumulate: true, bias: true, residual: true });
      for (const residual of [false, true])
        check({ M, N, K, b, gap: 1, bias: true, activation: "gelu", residual, keeps: true });
      check({ M, N, K, b, packed: true, activation: "silu", residual: true, keeps: true });
      check({ M, N, K, a: "columns", b, batch: [[3, "ab"]], activation: "relu", residual: true, keeps: true });
    }
  }
  check({ M: 40, N: 1, K: 70, activation: "tanh", residual: true, keeps: true });
  check({ M: 1, N: 0, K: 3, residual: true });
  check({ M: 60, N: 50, K: 0, bias: true, residual: true });
  check({
    M: 200,
    N: 20,
    K: 2100,
    a: "columns",
    limit: 4096,
    bias: true,
    activation: "gelu",
    residual: true,
    keeps: true,
  });
});

test("a B of halves", () => {
  for (const half of ["float16", "bfloat16"] as const) {
    for (const [M, N, K] of [
      [1, 3, 5],
      [1, 50, 72],
      [2, 130, 4100],
      [3, 33, 41],
      [6, 40, 300],
      [26, 35, 30],
      [40, 11, 90],
      [300, 50, 65],
    ] as const) {
      for (const b of layouts) {
        check({ M, N, K, b, half, gap: 1, bias: true, activation: "relu" });
        check({
          M,
          N,
          K,
          b,
          half,
          accumulate: true,
          batch: [
            [2, "ab"],
            [2, "b"],
          ],
        });
        check({ M, N, K, b, half, packed: true, bias: true });
      }
    }
    check({ M: 40, N: 1, K: 70, half });
    check({ M: 200, N: 1060, K: 1100, a: "columns", b: "columns", half, limit: 4096, bias: true });
  }
});

test("batches: dense, broadcast, and shared weights", () => {
  for (const [M, N, K] of [
    [1, 40, 40],
    [4, 24, 40],
    [16, 40, 12],
    [210, 18, 30],
  ] as const) {
    for (const b of ["rows", "columns"] as const) {
      for (const a of ["rows", "columns"] as const) {
        check({ M, N, K, a, b, batch: [[3, "ab"]] });
        check({ M, N, K, a, b, batch: [[3, "a"]], bias: true });
        check({ M, N, K, a, b, batch: [[3, "b"]], accumulate: true });
        check({
          M,
          N,
          K,
          a,
          b,
          batch: [
            [2, "ab"],
            [3, "a"],
            [2, ""],
            [2, "b"],
          ],
        });
      }
    }
  }
});

test("a single column", () => {
  for (const a of layouts) for (const b of layouts) check({ M: 300, N: 1, K: 70, a, b, accumulate: a === b });
});

test("few k and many rows", () => {
  for (const K of [1, 2, 3]) {
    for (const t of [
      {},
      { accumulate: true },
      { bias: true },
      { bias: true, accumulate: true, activation: "relu" },
    ] as const) {
      check({ M: 60, N: 50, K, gap: 3, ...t });
      check({ M: 40, N: 1030, K, a: "columns", batch: [[2, "ab"]], ...t });
    }
  }
});

test("a long K with few columns", () => {
  check({ M: 2, N: 30, K: 4100, bias: true });
  check({ M: 1, N: 130, K: 4096, activation: "tanh", accumulate: true });
  check({ M: 3, N: 64, K: 4097, activation: "relu", gap: 1 });
});

test("packed weights", () => {
  for (const [M, N, K] of [
    [1, 35, 70],
    [2, 16, 1100],
    [32, 50, 64],
    [230, 33, 20],
  ] as const) {
    for (const b of layouts) check({ M, N, K, b, packed: true, bias: true });
    check({ M, N, K, a: "columns", packed: true, accumulate: true, gap: 1 });
    check({ M, N, K, b: "columns", packed: true, batch: [[3, "a"]], activation: "tanh" });
  }
});

test("products whose packed operands are too large at once", () => {
  const limit = 4096;
  for (const a of ["columns", "strided"] as const) {
    check({ M: 200, N: 20, K: 2100, a, limit, bias: true, activation: "relu" });
    check({ M: 1400, N: 60, K: 9, a, limit, bias: true });
    check({ M: 200, N: 1060, K: 9, a, b: "columns", limit, bias: true, activation: "tanh" });
    check({
      M: 200,
      N: 60,
      K: 9,
      a,
      limit,
      accumulate: true,
      batch: [
        [5, "ab"],
        [2, "a"],
      ],
    });
  }
});

test("f64 and i32", () => {
  for (const dtype of ["f64", "i32"] as const) {
    for (const [M, N, K] of [
      [1, 1, 1],
      [3, 5, 7],
      [8, 33, 20],
      [65, 9, 130],
    ] as const) {
      for (const a of layouts)
        for (const b of layouts) check({ dtype, M, N, K, a, b, accumulate: a === b, bias: true });
    }
    check({
      dtype,
      M: 3,
      N: 6,
      K: 5,
      batch: [
        [2, "ab"],
        [3, "b"],
      ],
      gap: 2,
    });
    check({ dtype, M: 3, N: 1, K: 5 });
  }
});

test("the interpreter means the same", () => {
  const plain = createInterpreterDevice();
  const cases: readonly Case[] = [
    { M: 2, N: 5, K: 3, bias: true },
    { M: 3, N: 37, K: 30, accumulate: true },
    { M: 1, N: 11, K: 19, b: "columns", activation: "silu" },
    { M: 9, N: 21, K: 18, bias: true, activation: "relu" },
    { M: 11, N: 18, K: 21, a: "columns", b: "columns", batch: [[2, "ab"]] },
    { M: 8, N: 65, K: 9, a: "columns", b: "strided" },
    { M: 5, N: 18, K: 6, packed: true },
    { M: 8, N: 21, K: 18, bias: true, activation: "gelu", residual: true, keeps: true },
    { M: 1, N: 40, K: 80, bias: true, activation: "tanh", residual: true, keeps: true },
    { M: 1, N: 11, K: 19, b: "columns", half: "bfloat16" },
    { M: 7, N: 18, K: 21, b: "columns", half: "float16", residual: true },
    { dtype: "f64", M: 5, N: 6, K: 7 },
    { dtype: "i32", M: 5, N: 6, K: 7 },
  ];
  for (const t of cases) assertRight(onDevice(plain, t, 3), t, 3);
});

test("random problems", () => {
  const next = numbers(5, true);
  const pick = <T>(from: readonly T[]): T => from[(next() + 1024) % from.length]!;
  const sizes = [1, 2, 3, 5, 8, 16, 21, 48, 65, 100, 193, 260];
  for (let i = 0; i < 250; i++) {
    const t: Case = {
      ...{ M: pick(sizes), N: pick(sizes), K: pick(sizes), a: pick(layouts), b: pick(layouts), gap: pick([0, 1, 4]) },
      ...{ accumulate: pick([true, false]), bias: pick([true, false]), residual: pick([true, false]) },
      batch: pick([[], [], [[2, "ab"]], [[3, "a"]]] as const),
    };
    if (t.M * t.N * t.K < 2e6) check(t, i + 1);
  }
});
