// A Linear's product against its weight in every form it may have: as it lies, packed before, or of halves. Rounds of all in
// turn. Prints the time with the weight as it lies, and how many times faster the others are (medians, and bests).
//
//   node bench/weights.ts [--threads 2] [--rounds 12] [--rows 1,4,16] [N×K …]
//
// One thread is timed by what the processor spent on it, so that a machine which does other things as well says something.

import { parseArgs } from "node:util";
import { createWasmDevice } from "../src/devices/wasm/device.ts";
import { matmul } from "../src/kernels/matmul.ts";
import { matmulPacked, packB } from "../src/kernels/matmul-packed.ts";
import { median } from "./peer.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "12" },
    rows: { type: "string", default: "1,4,8,16,32,128,512,1024" },
  },
});
const shapes = positionals.length > 0 ? positionals : ["384x384", "1536x384", "768x768", "3072x768", "768x3072"];
const device = createWasmDevice({ threads: Number(flags.threads) });

const clock = device.threads > 1 ? () => performance.now() : () => process.cpuUsage().user / 1000;

function filled(elements: number): number {
  const address = device.alloc(4 * elements);
  const f32 = device.f32.subarray(address / 4, address / 4 + elements);
  for (let i = 0; i < elements; i++) f32[i] = Math.random() - 0.5;
  return address;
}

function half(from: number, elements: number, convert: (bits: number) => number): number {
  const address = device.alloc(2 * elements);
  const words = new Uint16Array(device.u8.buffer, address, elements);
  for (let i = 0; i < elements; i++) words[i] = convert(device.i32[from / 4 + i]!);
  return address;
}
const bfloat = (bits: number): number => bits >>> 16;
const float16 = (bits: number): number => ((bits >>> 16) & 0x8000) | (((bits >>> 13) & 0x3ffff) - (112 << 10)); // near enough

console.log(`Node ${process.version}, ${device.threads} threads`);
console.log("rows x N x K          as it lies        packed      bfloat16       float16");
for (const shape of shapes) {
  const [N, K] = shape.split("x").map(Number) as [number, number]; // two sizes
  const weight = filled(N * K);
  const halves = { bfloat16: half(weight, N * K, bfloat), float16: half(weight, N * K, float16) };
  const copies = Math.max(1, Math.ceil(64e6 / (4 * N * K))); // a model's layers come one after another: none is in the cache
  const weights = Array.from({ length: copies }, () => filled(N * K));
  const packs = weights.map((b) => packB(device, { K, N, b, bRow: 1, bCol: K }));
  for (const M of flags.rows.split(",").map(Number)) {
    const [a, c, bias] = [filled(M * K), filled(M * N), filled(N)];
    const rest = { M, a, aRow: K, aCol: 1, c, cRow: N, bias, batch: [], accumulate: false } as const;
    const p = { ...rest, dtype: "f32", N, K, bRow: 1, bCol: K } as const;
    let next = 0;
    const turn = <T>(from: readonly T[]): T => from[next++ % from.length]!;
    const ways = {
      plain: () => matmul(device, { ...p, b: turn(weights) }),
      packed: () => matmulPacked(device, rest, turn(packs)),
      bfloat16: () => matmul(device, { ...p, b: halves.bfloat16, half: "bfloat16" }),
      float16: () => matmul(device, { ...p, b: halves.float16, half: "float16" }),
    };
    const times = Object.values(ways).map(() => [] as number[]);
    const reps = Math.max(2, Math.min(copies, Math.ceil(2e8 / (2 * M * N * K))));
    for (let round = 0; round < Number(flags.rounds); round++) {
      for (const [w, way] of Object.values(ways).entries()) {
        way();
        const start = clock();
        for (let i = 0; i < reps; i++) way();
        times[w]!.push((clock() - start) / reps);
      }
    }
    const [plain, ...others] = times.map((all) => [median(all), Math.min(...all)] as const);
    const ratios = others.map(
      ([usual, best]) => `${(plain![0] / usual).toFixed(2)} (${(plain![1] / best).toFixed(2)})`,
    );
    const name = `${M} x ${N} x ${K}`.padEnd(20);
    console.log(`${name} ${plain![0].toFixed(3).padStart(8)} ms ${ratios.map((r) => r.padStart(14)).join("")}`);
    for (const address of [a, c, bias]) device.free(address);
  }
  for (const address of [weight, ...Object.values(halves), ...weights, ...packs.map((b) => b.address)])
    device.free(address);
}
device.close();
