// What it costs to get a kernel going, apart from its own work: compiling it, running it here, handing it to the
// threads, and passing from one phase to the next. Prints minimum and median of repeated rounds, in microseconds.
//
//   node bench/dispatch.ts [threads]

import { createWasmDevice } from "../src/devices/wasm/device.ts";
import { features } from "../src/devices/wasm/features.ts";
import * as b from "../src/ir/build.ts";
import type { Kernel } from "../src/ir/ir.ts";

const threads = process.argv[2] === undefined ? features().threads : Number(process.argv[2]);
const device = createWasmDevice({ threads });
console.log(`node ${process.version}, ${threads} threads`, features());

/** Adds 1 to its tasks `work` times, and counts them by thread. */
function busy(name: string): Kernel {
  return b.kernel(name, { y: "ptr", counts: "ptr", work: "i32" }, (k, { y, counts, work }) => {
    k.for(k.begin, k.end, 1, (i) => {
      const sum = k.let("sum", b.load("f32", y, i));
      k.for(0, work, 1, () => k.set(sum, b.fma(sum, 0.5, 1)));
      k.store("f32", y, i, sum);
    });
    const mine = b.mul(k.thread, 32);
    k.store("i32", counts, mine, b.add(b.load("i32", counts, mine), b.sub(k.end, k.begin)));
  });
}

const tasks = 64 * threads;
const y = device.alloc(4 * tasks);
const counts = device.alloc(128 * threads);
device.u8.fill(0, y, y + 4 * tasks);

function measure(name: string, times: number, round: () => void): void {
  const perTime: number[] = [];
  device.u8.fill(0, counts, counts + 128 * threads);
  for (let i = 0; i < 41; i++) {
    const start = performance.now();
    round();
    perTime.push(((performance.now() - start) * 1000) / times);
  }
  perTime.sort((p, q) => p - q);
  const done = Array.from({ length: threads }, (_, t) => device.i32[counts / 4 + 32 * t]!);
  const all = done.reduce((p, q) => p + q);
  const shares =
    all === 0 ? "" : `   tasks by thread: ${done.map((d) => `${((100 * d) / all).toFixed(0)}%`).join(" ")}`;
  console.log(
    `${name.padEnd(44)} ${perTime[0]!.toFixed(3).padStart(8)} ${perTime[20]!.toFixed(3).padStart(8)}${shares}`,
  );
}

let fresh = 0;
measure("emit, compile and instantiate a kernel", 1, () => {
  const name = `busy${fresh++}`;
  device.compile(name, () => busy(name));
});

const kernel = device.compile("busy", () => busy("busy"));
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const repeat = (n: number, run: () => void): void => {
  for (let i = 0; i < n; i++) run();
};
measure("run of one task, here", 1000, () => repeat(1000, () => device.run(kernel, [y, counts, 0], 1, 1)));
for (const work of [0, 10, 100, 1000]) {
  const args = [y, counts, work];
  const grain = tasks / threads;
  console.log(`\na chunk of ${grain} tasks with work ${work}:`);
  measure("  one chunk, here", 200, () => repeat(200, () => device.run(kernel, args, grain, grain)));
  measure("  a chunk each, by run", 200, () => repeat(200, () => device.run(kernel, args, tasks, grain)));
  const launches = range(200).map(() => ({ kernel, args, tasks, grain }));
  measure("  a chunk each, by runAll", 200, () => device.runAll(launches));
}
device.close();
