import assert from "node:assert/strict";
import { test } from "node:test";
import { Arrays, assertClose } from "../../test/arrays.ts";
import { devices, interpreter } from "../../test/on-devices.ts";
import { gru, gruBackward } from "./gru.ts";
import { lstm, lstmBackward } from "./lstm.ts";
import type { Steps, Way } from "./recurrent.ts";
import { packedBytes, packRecurrent } from "./recurrent-pack.ts";
import { rnn, rnnBackward } from "./rnn.ts";

type Kind = "lstm" | "gru" | "tanh" | "relu";
const kinds: readonly Kind[] = ["lstm", "gru", "tanh", "relu"];
const gatesOf: { readonly [k in Kind]: number } = { lstm: 4, gru: 3, tanh: 1, relu: 1 };
const savesOf: { readonly [k in Kind]: number } = { lstm: 4, gru: 4, tanh: 1, relu: 1 };

interface Case {
  readonly kind: Kind;
  readonly T: number;
  readonly B: number;
  readonly H: number;
  readonly ragged?: boolean;
  readonly reverse?: boolean;
  readonly batchFirst?: boolean;
  /** No initial states, no gradients of the final ones. */
  readonly bare?: boolean;
}

/** The numbers of a problem; rows of gx are in the order (t, b). */
interface Inputs {
  readonly gx: readonly number[];
  readonly w: readonly number[];
  readonly bias: readonly number[];
  readonly h0: readonly number[];
  readonly c0: readonly number[];
  readonly lengths: readonly number[];
}
interface Results {
  readonly out: readonly number[];
  readonly hN: readonly number[];
  readonly cN: readonly number[];
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** The equations of PyTorch's documentation, one number at a time. */
function reference({ kind, T, B, H, reverse = false }: Case, inputs: Inputs): Results {
  const { gx, w, bias, lengths } = inputs;
  const h = [...inputs.h0];
  const c = [...inputs.c0];
  const G = gatesOf[kind] * H;
  const out = new Array<number>(T * B * H).fill(0);
  for (let s = 0; s < T; s++) {
    const t = reverse ? T - 1 - s : s;
    for (let b = 0; b < B; b++) {
      if (t >= lengths[b]!) continue;
      const old = h.slice(b * H, (b + 1) * H);
      for (let u = 0; u < H; u++) {
        const x = (g: number): number => gx[(t * B + b) * G + g * H + u]!;
        const rec = (g: number): number => old.reduce((sum, v, j) => sum + v * w[(g * H + u) * H + j]!, 0);
        const at = b * H + u;
        if (kind === "lstm") {
          c[at] = sigmoid(x(1) + rec(1)) * c[at]! + sigmoid(x(0) + rec(0)) * Math.tanh(x(2) + rec(2));
          h[at] = sigmoid(x(3) + rec(3)) * Math.tanh(c[at]!);
        } else if (kind === "gru") {
          const r = sigmoid(x(0) + rec(0));
          const z = sigmoid(x(1) + rec(1));
          const n = Math.tanh(x(2) + r * (rec(2) + bias[u]!));
          h[at] = (1 - z) * n + z * old[u]!;
        } else h[at] = kind === "tanh" ? Math.tanh(x(0) + rec(0)) : Math.max(0, x(0) + rec(0));
        out[(t * B + b) * H + u] = h[at]!;
      }
    }
  }
  return { out, hN: h, cN: kind === "lstm" ? c : [] };
}

function inputsFor({ kind, T, B, H, ragged = false, bare = false }: Case, arrays: Arrays): Inputs {
  const state = (): number[] => (bare ? new Array<number>(B * H).fill(0) : arrays.random(B * H));
  return {
    gx: arrays.random(T * B * gatesOf[kind] * H, 1.5),
    w: arrays.random(gatesOf[kind] * H * H, 2 / Math.sqrt(H)),
    bias: arrays.random(H),
    h0: state(),
    c0: state(),
    lengths: Array.from({ length: B }, (_, b) => (ragged ? Math.max(1, T - ((b * 3) % T)) : T)),
  };
}

type Grads = Readonly<Record<"dGates" | "dProduct" | "hBefore" | "dh0" | "dc0", readonly number[]>>;

/** Runs a kernel forward and backward; `weights` are the gradients of the results. */
function run(c: Case, inputs: Inputs, weights: Results, arrays: Arrays, way: Way, packs = false): Results & Grads {
  const { kind, T, B, H, reverse = false, batchFirst = false, bare = false } = c;
  const { device, real: dtype, bytes } = arrays;
  const G = gatesOf[kind];
  const place = (at: number, width: number): Steps =>
    batchFirst ? { at, step: width, row: T * width } : { at, step: B * width, row: width };
  const turned = (values: readonly number[], width: number): number[] => {
    if (!batchFirst) return [...values];
    const rows: number[] = [];
    for (let b = 0; b < B; b++)
      for (let t = 0; t < T; t++) rows.push(...values.slice((t * B + b) * width, (t * B + b + 1) * width));
    return rows;
  };
  const back = ({ at }: Steps, width: number): number[] => {
    const values = arrays.get(at, T * B * width);
    if (!batchFirst) return values;
    const rows: number[] = [];
    for (let t = 0; t < T; t++)
      for (let b = 0; b < B; b++) rows.push(...values.slice((b * T + t) * width, (b * T + t + 1) * width));
    return rows;
  };
  const over = (width: number): Steps => place(arrays.empty(T * B * width), width);
  const state = (values: readonly number[]): number => (bare ? 0 : arrays.put(values));
  const w = arrays.put(inputs.w);
  const pack = (pass: "forward" | "backward"): number => {
    if (!packs) return 0;
    const to = arrays.empty(packedBytes({ H, gates: G }) / bytes);
    packRecurrent(device, pass, { H, gates: G, w }, to);
    return to;
  };
  const isRagged = inputs.lengths.some((l) => l < T);
  const sequence = { dtype, T, B, H, reverse, w, lengths: isRagged ? arrays.ints(inputs.lengths) : 0 };
  const gx = place(arrays.put(turned(inputs.gx, G * H)), G * H);
  const hBefore = over(H);
  const gates = kind === "gru" ? over(savesOf[kind] * H) : gx;
  const cells = over(H);
  const final = { hN: arrays.empty(B * H), cN: arrays.empty(B * H) };
  const forward = { ...sequence, packed: pack("forward"), gx, h0: state(inputs.h0), out: over(H), hN: final.hN };
  const grads = { dGates: over(G * H), dProduct: over(G * H), dh0: arrays.empty(B * H), dc0: arrays.empty(B * H) };
  const dOut = place(arrays.put(turned(weights.out, H)), H);
  const backward = { ...sequence, packed: pack("backward"), dOut, dhN: state(weights.hN), ...grads };
  if (kind === "lstm") {
    const c0 = state(inputs.c0);
    const saved = { gates, cells, hBefore };
    lstm(device, { ...forward, c0, cN: final.cN, saved }, way);
    lstmBackward(device, { ...backward, saved, c0, dcN: state(weights.cN) }, way);
  } else if (kind === "gru") {
    const saved = { gates, hBefore };
    gru(device, { ...forward, bias: arrays.put(inputs.bias), saved }, way);
    gruBackward(device, { ...backward, saved }, way);
  } else {
    const saved = { gates, hBefore };
    rnn(device, { ...forward, saved, nonlinearity: kind }, way);
    rnnBackward(device, { ...backward, saved, nonlinearity: kind }, way);
  }
  const get = (address: number): number[] => arrays.get(address, B * H);
  const dGates = back(grads.dGates, G * H);
  return {
    ...{ out: back(forward.out, H), hN: get(final.hN), cN: kind === "lstm" ? get(final.cN) : [] },
    ...{ dGates, dProduct: kind === "gru" ? back(grads.dProduct, G * H) : dGates },
    ...{ hBefore: back(hBefore, H), dh0: get(grads.dh0), dc0: kind === "lstm" ? get(grads.dc0) : [] },
  };
}

function weightsFor({ kind, T, B, H, bare = false }: Case, arrays: Arrays): Results {
  const state = (): number[] => (bare ? new Array<number>(B * H).fill(0) : arrays.random(B * H));
  return { out: arrays.random(T * B * H), hN: state(), cN: kind === "lstm" ? state() : [] };
}

/** dW_hh or db_hh's last part from what the backward writes: dProduct' hBefore. */
function weightGradient({ dProduct, hBefore }: Grads, G: number, H: number): number[] {
  const rows = hBefore.length / H;
  return Array.from({ length: G * H * H }, (_, n) => {
    const [g, j] = [Math.floor(n / H), n % H];
    let sum = 0;
    for (let r = 0; r < rows; r++) sum += dProduct[r * G * H + g]! * hBefore[r * H + j]!;
    return sum;
  });
}

for (const kind of kinds) {
  for (const variant of [
    {},
    { ragged: true },
    { ragged: true, reverse: true, batchFirst: true },
    { bare: true, reverse: true },
  ]) {
    const c: Case = { kind, T: 4, B: 3, H: 3, ...variant };
    test(`the plain ${kind} ${JSON.stringify(variant)} follows its equations, and its gradients their differences`, () => {
      const arrays = new Arrays(devices[0]!, "f64", 7);
      const inputs = inputsFor(c, arrays);
      const weights = weightsFor(c, arrays);
      const found = run(c, inputs, weights, arrays, "plain");
      const wanted = reference(c, inputs);
      const close = { rtol: 1e-7, atol: 1e-7 };
      for (const key of ["out", "hN", "cN"] as const) assertClose(found[key], wanted[key], close, key);
      const loss = (changed: Partial<Inputs>): number => {
        const r = reference(c, { ...inputs, ...changed });
        const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((s, v, i) => s + v * b[i]!, 0);
        return dot(r.out, weights.out) + dot(r.hN, weights.hN) + dot(r.cN, weights.cN);
      };
      const slopes = (key: "gx" | "w" | "h0" | "c0"): number[] =>
        inputs[key].map((v, i) => {
          const moved = (d: number): number => loss({ [key]: inputs[key].with(i, v + d) });
          return (moved(1e-5) - moved(-1e-5)) / 2e-5;
        });
      const loose = { rtol: 1e-6, atol: 1e-7 }; // of differences
      assertClose(found.dGates, slopes("gx"), loose, "dGates");
      assertClose(found.dh0, slopes("h0"), loose, "dh0");
      if (kind === "lstm") assertClose(found.dc0, slopes("c0"), loose, "dc0");
      assertClose(weightGradient(found, gatesOf[kind], c.H), slopes("w"), loose, "dW");
      arrays.free();
    });
  }
}

const sizes: readonly Omit<Case, "kind">[] = [
  { T: 3, B: 1, H: 20 },
  { T: 2, B: 2, H: 16, bare: true },
  { T: 5, B: 3, H: 33, ragged: true },
  { T: 4, B: 8, H: 64, reverse: true, batchFirst: true },
  { T: 6, B: 13, H: 50, ragged: true, reverse: true },
  { T: 2, B: 101, H: 40, ragged: true, batchFirst: true },
];

for (const kind of kinds) {
  for (const size of sizes) {
    const c: Case = { kind, ...size };
    test(`the fused ${kind} ${JSON.stringify(size)} equals the plain one, on any number of threads`, () => {
      const small = c.T * c.B * c.H <= 500;
      const results = [...devices, ...(small ? [interpreter] : [])].map((device) => {
        const arrays = new Arrays(device, "f32", 3);
        const inputs = inputsFor(c, arrays);
        const weights = weightsFor(c, arrays);
        const fused = run(c, inputs, weights, arrays, "fused");
        arrays.free();
        const exact = new Arrays(device, "f64");
        const plain = run(c, inputs, weights, exact, "plain");
        exact.free();
        for (const key of Object.keys(plain) as (keyof typeof plain)[]) {
          assertClose(fused[key], plain[key], { rtol: 1e-5, atol: 1e-5 }, key); // rounding grows from step to step
        }
        if (device === interpreter) return fused;
        const packed = run(c, inputs, weights, new Arrays(device, "f32", 3), "fused", true);
        assert.deepEqual(packed, fused);
        return fused;
      });
      assert.deepEqual(results[0], results[1]);
    });
  }
}
