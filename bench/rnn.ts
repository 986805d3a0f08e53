// One layer of an LSTM, GRU or RNN over a whole sequence beside PyTorch's: rounds of ours and theirs in turn, on as many
// threads. Ours is what a layer's tensors would run: the products over all steps, the sequence, and the sums of the biases.
//
//   node bench/rnn.ts [--python PATH] [--threads 2] [--rounds 6] [LSTM:T96xB32xI512xH512 …]

import { parseArgs } from "node:util";
import { createWasmDevice } from "../src/devices/wasm/device.ts";
import { features } from "../src/devices/wasm/features.ts";
import { gru, gruBackward } from "../src/kernels/gru.ts";
import { lstm, lstmBackward } from "../src/kernels/lstm.ts";
import { matmul } from "../src/kernels/matmul.ts";
import type { Steps } from "../src/kernels/recurrent.ts";
import { reduce } from "../src/kernels/reduce.ts";
import { rnn, rnnBackward } from "../src/kernels/rnn.ts";
import { median, startPeer } from "./peer.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string" },
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "6" },
  },
});

const kinds = { LSTM: 4, GRU: 3, RNN: 1 } as const;
type Kind = keyof typeof kinds;
const passes = ["infer", "forward", "train"] as const;
type Pass = (typeof passes)[number];

const shapes =
  positionals.length > 0
    ? positionals
    : ["LSTM:T96xB32xI512xH512", "GRU:T96xB32xI512xH512", "LSTM:T16xB32xI256xH512", "LSTM:T96xB1xI256xH256"];

const device = createWasmDevice({ threads: Number(flags.threads) });

interface Shape {
  readonly kind: Kind;
  readonly T: number;
  readonly B: number;
  readonly I: number;
  readonly H: number;
}

function parsed(text: string): Shape {
  const [, kind, ...sizes] = /^(LSTM|GRU|RNN):T(\d+)xB(\d+)xI(\d+)xH(\d+)$/.exec(text) ?? [];
  const [T, B, I, H] = sizes.map(Number) as [number, number, number, number]; // four groups
  if (kind === undefined) throw new Error(`${text}: a shape is like LSTM:T96xB32xI512xH512`);
  return { kind: kind as Kind, T, B, I, H };
}

function filled(elements: number): number {
  const address = device.alloc(4 * elements);
  const f32 = device.f32.subarray(address / 4, address / 4 + elements);
  for (let i = 0; i < elements; i++) f32[i] = (Math.random() - 0.5) / 10;
  return address;
}

/** C [M, N] = A B, from row-major memory unless transposed. */
function product(
  M: number,
  N: number,
  K: number,
  a: number,
  b: number,
  c: number,
  t: { a?: true; b?: true; bias?: number } = {},
): void {
  const [aRow, aCol] = t.a ? [1, M] : [K, 1];
  const [bRow, bCol] = t.b ? [1, K] : [N, 1];
  const rest = { batch: [], accumulate: false, bias: t.bias } as const;
  matmul(device, { dtype: "f32", M, N, K, a, aRow, aCol, b, bRow, bCol, c, cRow: N, ...rest });
}

/** The layer's passes over memory that is there already. */
function layer({ kind, T, B, I, H }: Shape): (pass: Pass) => void {
  const G = kinds[kind] * H;
  const N = T * B;
  const steps = (width: number): Steps => ({ at: filled(N * width), step: B * width, row: width });
  const [x, wIh, wHh, bias, dx, dwIh, dwHh, db] = [N * I, G * I, G * H, G, N * I, G * I, G * H, G].map(
    filled,
  ) as number[] & { length: 8 };
  const gx = steps(G);
  const gates = kind === "GRU" ? steps(4 * H) : gx;
  const [cells, hBefore, out, dOut] = [steps(H), steps(H), steps(H), steps(H)];
  const [hN, cN, dh0, dc0] = [filled(B * H), filled(B * H), filled(B * H), filled(B * H)];
  const [dGates, dProduct] = [steps(G), steps(G)];
  const shared = { dtype: "f32", T, B, H, lengths: 0, reverse: false, w: wHh!, packed: 0 } as const;
  const nonlinearity = "tanh";
  return (pass) => {
    product(N, G, I, x!, wIh!, gx.at, { b: true, bias: bias! });
    const states = { h0: 0, c0: 0, hN, cN, out, gx };
    const saved = pass === "infer" ? undefined : { gates, cells, hBefore };
    if (kind === "LSTM") lstm(device, { ...shared, ...states, saved });
    else if (kind === "GRU") gru(device, { ...shared, ...states, bias: bias! + 8 * H, saved });
    else rnn(device, { ...shared, ...states, saved, nonlinearity });
    if (pass !== "train" || saved === undefined) return;
    const grads = { saved, dOut, dhN: 0, dcN: 0, dGates, dh0, dc0, c0: 0 };
    if (kind === "LSTM") lstmBackward(device, { ...shared, ...grads });
    else if (kind === "GRU") gruBackward(device, { ...shared, ...grads, dProduct });
    else rnnBackward(device, { ...shared, ...grads, nonlinearity });
    const dPre = kind === "GRU" ? dProduct : dGates;
    product(N, I, G, dGates.at, wIh!, dx!);
    product(G, I, N, dGates.at, x!, dwIh!, { a: true });
    product(G, H, N, dPre.at, hBefore.at, dwHh!, { a: true });
    for (const d of kind === "GRU" ? [dGates, dProduct] : [dGates]) {
      reduce(device, { op: "sum", elem: "f32", outer: 1, size: N, inner: G, x: d.at, y: db! });
    }
  };
}

const peer =
  flags.python === undefined ? undefined : await startPeer(flags.python, "rnn_torch.py", ["--threads", flags.threads]);
console.log(`Node ${process.version}, ${device.threads} threads, revectorised: ${features().revectorized}`);
console.log("ms, median (best)                        ours            PyTorch     times as fast (of bests)");
for (const text of shapes) {
  const shape = parsed(text);
  const run = layer(shape);
  for (const pass of passes) {
    const reps = 3;
    run(pass);
    const mine: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < Number(flags.rounds); round++) {
      for (let i = 0; i < reps; i++) {
        const start = performance.now();
        run(pass);
        mine.push(performance.now() - start);
      }
      const { kind, T, B, I, H } = shape;
      if (peer !== undefined)
        theirs.push(...(await peer.ask<{ ms: number[] }>(`run ${kind} ${T} ${B} ${I} ${H} ${pass} ${reps}`)).ms);
    }
    const show = (all: readonly number[]): string =>
      `${median(all).toFixed(2)} (${Math.min(...all).toFixed(2)})`.padStart(18);
    const ratio = `${(median(theirs) / median(mine)).toFixed(2)} (${(Math.min(...theirs) / Math.min(...mine)).toFixed(2)})`;
    console.log(
      `${text.padEnd(24)} ${pass.padEnd(8)}${show(mine)}${peer === undefined ? "" : `${show(theirs)}   ${ratio}`}`,
    );
  }
}
peer?.close();
device.close();
