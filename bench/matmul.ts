// Matrix products of float32 beside PyTorch's: rounds of ours and theirs in turn, on as many threads, into memory that is
// there already. Prints medians, bests, and how many times faster we are.
//
//   node bench/matmul.ts --python PATH [--threads 2] [--rounds 8] [M×N×K[:layout][*batch] …]
//
// Layout is a letter for each operand: n as it is, t the transpose of a matrix that lies the other way round.

import { parseArgs } from "node:util";
import { createWasmDevice } from "../src/devices/wasm/device.ts";
import { features } from "../src/devices/wasm/features.ts";
import { matmul } from "../src/kernels/matmul.ts";
import { matmulPacked, packB } from "../src/kernels/matmul-packed.ts";
import { median, startPeer } from "./peer.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string" },
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "8" },
  },
});
const rounds = Number(flags.rounds);

/** `packed`: B is laid out before, as weights are that many products share. */
const shapes =
  positionals.length > 0
    ? positionals
    : [
        ...["1024x1024x1024", "512x768x3072", "2048x768x768", "128x768x768", "128x768x768:nt"], // the usual
        ...["1x50257x768", "1x50257x768:nt", "1x768x50257", "2x3072x768:nt"], // few rows
        ...["16x384x384:nt", "32x2048x512:nt", "32x2048x512:packed", "64x64x64", "4x4x4"], // small, RNN steps
        ...["512x8000x512:nt", "512x512x3072:tn", "512x8000x3072:tn"], // vocabulary, weight gradients
        ...["16x96x512:nt*32", "16x512x96*32", "128x128x64:nt*48", "128x64x128*48"], // attention
      ];

const device = createWasmDevice({ threads: Number(flags.threads) });

interface Shape {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly layout: string;
  readonly items: number;
}

function parsed(text: string): Shape {
  const [, M, N, K, layout = "nn", items = "1"] = /^(\d+)x(\d+)x(\d+)(?::(\w+))?(?:\*(\d+))?$/.exec(text) ?? [];
  if (K === undefined) throw new Error(`${text}: a shape is like 128x768x768, 128x768x768:nt or 16x96x512:nt*32`);
  return { M: Number(M), N: Number(N), K: Number(K), layout, items: Number(items) };
}

/** The product as a function, and what ends it. */
function ours({ M, N, K, layout, items }: Shape): { readonly run: () => void; readonly free: () => void } {
  const filled = (elements: number): number => {
    const address = device.alloc(4 * elements);
    const f32 = device.f32.subarray(address / 4, address / 4 + elements);
    for (let i = 0; i < elements; i++) f32[i] = Math.random() - 0.5;
    return address;
  };
  const a = filled(items * M * K);
  const b = filled(items * K * N);
  const c = filled(items * M * N);
  const [aRow, aCol] = layout.startsWith("t") ? [1, M] : [K, 1];
  const [bRow, bCol] = layout.endsWith("t") || layout === "packed" ? [1, K] : [N, 1];
  const batch = items === 1 ? [] : [{ size: items, a: M * K, b: K * N, c: M * N }];
  const p = { dtype: "f32", M, N, K, a, aRow, aCol, b, bRow, bCol, c, cRow: N, batch, accumulate: false } as const;
  const free = (): void => {
    for (const address of [a, b, c]) device.free(address);
  };
  if (layout !== "packed") return { run: () => matmul(device, p), free };
  const weight = packB(device, p);
  return { run: () => matmulPacked(device, p, weight), free };
}

const peer =
  flags.python === undefined
    ? undefined
    : await startPeer(flags.python, "matmul_torch.py", ["--threads", flags.threads]);
console.log(`Node ${process.version}, ${device.threads} threads, revectorised: ${features().revectorized}`);
console.log("GFLOP/s, median (best)                 ours          PyTorch         ratio (of bests)");
for (const text of shapes) {
  const shape = parsed(text);
  const { M, N, K, layout, items } = shape;
  const flops = 2 * items * M * N * K;
  const reps = Math.max(2, Math.min(40, Math.floor(4e9 / flops)));
  const times = Math.max(1, Math.floor(4e6 / flops));
  const product = ours(shape);
  for (let i = 0; i < 3; i++) product.run();
  const mine: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < reps; i++) {
      const start = performance.now();
      for (let j = 0; j < times; j++) product.run();
      mine.push((performance.now() - start) / times);
    }
    const theirLayout = layout === "packed" ? "nt" : layout;
    if (peer !== undefined)
      theirs.push(...(await peer.ask<{ ms: number[] }>(`mm ${M} ${N} ${K} ${reps} ${theirLayout} ${items}`)).ms);
  }
  product.free();
  const speed = (all: readonly number[]): string => {
    const [usual, best] = [median(all), Math.min(...all)].map((ms) => (flops / ms / 1e6).toFixed(1));
    return `${usual} (${best})`.padStart(15);
  };
  const ratio = (median(theirs) / median(mine)).toFixed(2);
  const ofBests = (Math.min(...theirs) / Math.min(...mine)).toFixed(2);
  const against = peer === undefined ? "" : `  ${speed(theirs)}   ${ratio} (${ofBests})`;
  console.log(`${text.padEnd(22)} ${median(mine).toFixed(4).padStart(9)} ms ${speed(mine)}${against}`);
}
peer?.close();
device.close();
