import assert from "node:assert/strict";
import { test } from "node:test";
import { assertClose, draws } from "../../test/arrays.ts";
import { createInterpreterDevice } from "../devices/interpreter/device.ts";
import { createWasmDevice } from "../devices/wasm/device.ts";
import type { Device } from "../ir/device.ts";
import { type AttentionBackward, attention, attentionBackward } from "./attention.ts";
import { backwardTiled } from "./attention-backward.ts";
import { forwardFew } from "./attention-few.ts";
import { forwardTiled } from "./attention-forward.ts";
import { backwardPlain, forwardPlain } from "./attention-plain.ts";

/** Left open: they end with the process. */
const one: Device = createWasmDevice({ threads: 1 });
const two: Device = createWasmDevice({ threads: 2 });
const simd: Device = createWasmDevice({ threads: 1, relaxed: false });
const scalar: Device = createWasmDevice({ threads: 1, simd: false });
const interpreter: Device = createInterpreterDevice();

interface Case {
  readonly B: number;
  readonly H: number;
  readonly KV: number;
  readonly Tq: number;
  readonly Tk: number;
  readonly D: number;
  readonly Dv: number;
  readonly causal?: boolean;
  /** Which dimensions of [B, H, Tq] the mask has. */
  readonly mask?: readonly ["bool" | "float", ...("b" | "h" | "t")[]];
  readonly dropout?: number;
  /** Elements between rows that nobody may touch. */
  readonly gap?: number;
}

type Way = "chosen" | "tiled" | "few" | "plain";
type Outcome = { readonly [name in "out" | "dq" | "dk" | "dv"]: readonly number[] };

/** Runs forward and backward; gives all of the results' memory, gaps too. */
function run(device: Device, c: Case, way: Way, dtype: "f32" | "f64" = "f32"): Outcome {
  const { B, H, KV, Tq, Tk, D, Dv, gap = 0 } = c;
  const bytes = dtype === "f32" ? 4 : 8;
  const memory = dtype === "f32" ? (): Float32Array => device.f32 : (): Float64Array => device.f64;
  const next = draws(B + H + Tq + Tk + D);
  const blocks: number[] = [];
  const place = (n: number, fill: () => number): number => {
    const address = device.alloc(Math.max(64, n * bytes));
    blocks.push(address);
    for (let i = 0; i < n; i++) memory()[address / bytes + i] = fill();
    return address;
  };
  const made = (heads: number, T: number, width: number, fill: () => number) => {
    const row = width + gap; // heads inside of time
    const size = B * T * heads * row;
    return { rows: { at: place(size, fill), b: T * heads * row, h: row, t: heads * row }, size };
  };
  const [q, k, v, g] = [made(H, Tq, D, next), made(KV, Tk, D, next), made(KV, Tk, Dv, next), made(H, Tq, Dv, next)];
  const seven = (): number => 7;
  const [out, dq, dk, dv] = [
    made(H, Tq, Dv, seven),
    made(H, Tq, D, seven),
    made(KV, Tk, D, seven),
    made(KV, Tk, Dv, seven),
  ];
  const problem: AttentionBackward = {
    ...{
      dtype,
      B,
      H,
      KV,
      Tq,
      Tk,
      D,
      Dv,
      causal: c.causal === true,
      scale: 0.7,
      mask: maskFor(device, c, dtype, blocks),
    },
    dropout: c.dropout === undefined ? undefined : { p: c.dropout, seed: [12345, -678] },
    ...{ q: q.rows, k: k.rows, v: v.rows, g: g.rows, out: out.rows, stats: place(2 * B * H * Tq, seven) },
    ...{ dq: dq.rows, dk: dk.rows, dv: dv.rows },
  };
  const live = device.memoryStats().liveBlocks;
  ({ chosen: attention, tiled: forwardTiled, few: forwardFew, plain: forwardPlain })[way](device, problem);
  ({ chosen: attentionBackward, tiled: backwardTiled, few: backwardTiled, plain: backwardPlain })[way](device, problem);
  assert.ok(device.memoryStats().liveBlocks <= live + 1, "nothing is left but the constants of matmul");
  const read = ({ rows, size }: typeof out): number[] => [
    ...memory().subarray(rows.at / bytes, rows.at / bytes + size),
  ];
  const outcome = { out: read(out), dq: read(dq), dk: read(dk), dv: read(dv) };
  for (const address of blocks) device.free(address);
  return outcome;
}

function maskFor(device: Device, c: Case, dtype: "f32" | "f64", blocks: number[]): AttentionBackward["mask"] {
  if (c.mask === undefined) return undefined;
  const [kind, ...dims] = c.mask;
  const [B, H, T] = [dims.includes("b") ? c.B : 1, dims.includes("h") ? c.H : 1, dims.includes("t") ? c.Tq : 1];
  const n = B * H * T * c.Tk;
  const at = device.alloc(Math.max(64, 8 * n));
  blocks.push(at);
  const next = draws(99);
  for (let i = 0; i < n; i++) {
    const hidden = next() < -0.4 || (dims.includes("t") && Math.floor(i / c.Tk) % 5 === 0); // some see nothing
    if (kind === "bool") device.u8[at + i] = Number(!hidden);
    else device[dtype][at / (dtype === "f32" ? 4 : 8) + i] = hidden ? Number.NEGATIVE_INFINITY : Math.fround(next());
  }
  const stride = (name: "b" | "h" | "t", elements: number): number => (dims.includes(name) ? elements : 0);
  return { kind, at, b: stride("b", H * T * c.Tk), h: stride("h", T * c.Tk), t: stride("t", c.Tk) };
}

/** Float32 sums of up to some hundred products. */
const close = { rtol: 1e-5, atol: 2e-5 };

function check(c: Case, way: Way): void {
  const what = `${way} ${JSON.stringify(c)}`;
  const meant = run(one, c, "plain", "f64");
  const actual = run(one, c, way);
  for (const name of ["out", "dq", "dk", "dv"] as const) {
    assertClose(actual[name], meant[name], close, `${what}: ${name}`);
  }
  assert.deepEqual(run(two, c, way), actual, `two threads, the same bits: ${what}`);
}

const sizes: readonly Case[] = [
  { B: 1, H: 1, KV: 1, Tq: 1, Tk: 1, D: 1, Dv: 1 },
  { B: 1, H: 2, KV: 2, Tq: 16, Tk: 16, D: 16, Dv: 16 },
  { B: 2, H: 3, KV: 3, Tq: 17, Tk: 7, D: 5, Dv: 3, gap: 3 },
  { B: 1, H: 4, KV: 2, Tq: 33, Tk: 65, D: 32, Dv: 48 },
  { B: 2, H: 2, KV: 1, Tq: 65, Tk: 130, D: 19, Dv: 33, gap: 1 },
  { B: 1, H: 1, KV: 1, Tq: 150, Tk: 131, D: 64, Dv: 64 },
  { B: 1, H: 2, KV: 1, Tq: 131, Tk: 530, D: 8, Dv: 8 }, // pieces of keys
];
const masks: readonly (Case["mask"] | undefined)[] = [
  undefined,
  ["bool", "b"],
  ["float", "h", "t"],
  ["bool", "b", "h", "t"],
  ["float"],
];

test("tiles mean what the definition says, on any number of threads", () => {
  for (const c of sizes) {
    for (const causal of [false, true]) {
      for (const mask of masks) check({ ...c, causal, ...(mask === undefined ? {} : { mask }) }, "tiled");
      check({ ...c, causal, dropout: 0.3 }, "tiled");
    }
  }
  check({ ...sizes[4]!, mask: ["bool", "t"], causal: true, dropout: 0.5 }, "tiled");
});

test("every number of queries and keys around a panel", () => {
  for (const T of [1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 15, 18, 31, 32]) {
    check({ B: 1, H: 1, KV: 1, Tq: T, Tk: 20, D: 9, Dv: 4, causal: true }, "tiled");
    check({ B: 1, H: 1, KV: 1, Tq: 20, Tk: T, D: T, Dv: T + 1 }, "tiled");
  }
});

test("few queries", () => {
  for (const mask of masks) {
    const masked = mask === undefined ? {} : { mask };
    check({ B: 2, H: 3, KV: 3, Tq: 1, Tk: 97, D: 64, Dv: 64, ...masked }, "few");
    check({ B: 1, H: 4, KV: 2, Tq: 3, Tk: 33, D: 17, Dv: 9, gap: 2, causal: true, ...masked }, "few");
    check({ B: 2, H: 8, KV: 1, Tq: 1, Tk: 700, D: 32, Dv: 32, ...masked }, "few");
  }
});

test("the kernel that is chosen", () => {
  for (const c of [...sizes, { B: 1, H: 8, KV: 2, Tq: 1, Tk: 300, D: 64, Dv: 64 }]) check(c, "chosen");
});

test("without fused operations, without vectors, and interpreted", () => {
  const c: Case = { B: 1, H: 2, KV: 1, Tq: 19, Tk: 23, D: 10, Dv: 6, causal: true, mask: ["float", "t"], dropout: 0.2 };
  const few: Case = { B: 1, H: 2, KV: 1, Tq: 2, Tk: 23, D: 10, Dv: 6, mask: ["bool", "b"] };
  for (const device of [simd, scalar, interpreter]) {
    for (const [each, way] of [
      [c, "tiled"],
      [few, "few"],
      [c, "plain"],
    ] as const) {
      const meant = run(one, each, "plain", "f64");
      const actual = run(device, each, way);
      for (const name of ["out", "dq", "dk", "dv"] as const) assertClose(actual[name], meant[name], close, name);
    }
  }
});
