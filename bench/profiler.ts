// What a profile costs an operation: an addition of 8 elements without a profile, in one, and after one; with and without
// a gradient being recorded. Prints minimum and median of interleaved rounds, in microseconds an operation.
//
//   node bench/profiler.ts [folder of another checkout]     then each round runs there too, without a profile

import { ones, profile, tidy } from "kindling";

type Engine = Pick<typeof import("kindling"), "ones" | "tidy">;
const other = process.argv[2];
const theirs: Engine | undefined = other === undefined ? undefined : await import(`${other}/src/index.ts`);
const count = 1000;

/** Microseconds of each of many additions. */
function additions({ ones: make, tidy: inScope }: Engine, requiresGrad: boolean): () => number {
  const x = make([8], { requiresGrad });
  return () => {
    const start = performance.now();
    inScope(() => {
      for (let i = 0; i < count; i++) x.add(1);
    });
    return ((performance.now() - start) * 1000) / count;
  };
}

for (const requiresGrad of [false, true]) {
  const mine = additions({ ones, tidy }, requiresGrad);
  const cases: [string, () => number][] = [
    ["never profiled", mine],
    ["in a profile", () => profile(mine).value],
    ["after a profile", mine],
  ];
  if (theirs !== undefined) cases.push(["the other checkout", additions(theirs, requiresGrad)]);
  const times = cases.map((): number[] => []);
  for (let round = 0; round < 40; round++) times[0]!.push(cases[0]![1]()); // before the first profile
  for (let round = 0; round < 40; round++) for (let i = 1; i < cases.length; i++) times[i]!.push(cases[i]![1]());
  console.log(requiresGrad ? "with a gradient" : "without a gradient");
  cases.forEach(([name], i) => {
    const sorted = times[i]!.toSorted((a, b) => a - b);
    console.log(`  ${name.padEnd(20)} ${sorted[0]!.toFixed(3).padStart(8)} ${sorted[20]!.toFixed(3).padStart(8)}`);
  });
}
