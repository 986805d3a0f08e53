// Few rows against a B with adjacent columns: each task owns a band of columns of C and adds eight rows of B at a
// time to it, so that B streams from memory once, row by row.
//
//   c[n …] += a[k] B[k, n …] + a[k+1] B[k+1, n …] + … + a[k+7] B[k+7, n …]

import type { Block } from "../ir/build.ts";
import { add, and, div, fma, i32, kernel, lane, load, load4, loadSplat, min, mul, rem, sub } from "../ir/build.ts";
import type { Device, Launch } from "../ir/device.ts";
import type { Expr, Kernel, Var } from "../ir/ir.ts";
import type { Epilogue } from "./matmul-epilogue.ts";
import { epilogueOf, finish, isNothing, nameOf, noEpilogue } from "./matmul-epilogue.ts";
import type { Half } from "./matmul-half.ts";
import { bytesOfB, loadB, loadB4 } from "./matmul-half.ts";
import type { MatmulProblem } from "./matmul-problem.ts";
import { constants, itemAt, itemsOf, moved, problemArgs, problemParams } from "./matmul-problem.ts";

const atOnce = 8;
const unrolled = 16;

function rowsKernel(half: Half, epilogue: Epilogue): Kernel {
  const bBytes = bytesOfB(half);
  return kernel(`matmul_rows_${nameOf(epilogue)}`, { ...problemParams, bandColumns: "i32", bands: "i32" }, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const item = itemAt(k, p, div(task, p.bands), 4, half);
      const n0 = k.let("n0", mul(rem(task, p.bands), p.bandColumns));
      const N = k.let("bandN", min(sub(p.N, n0), p.bandColumns));
      const bStart = k.let("bStart", moved(item.b, n0, bBytes));
      const line = (m: Expr): Var => k.let("c", moved(item.c, add(mul(m, p.cRow), n0), 4));

      k.for(0, p.M, 1, (m) => {
        const c = line(m);
        const init = k.let("init", moved(item.init, add(mul(m, p.initRow), mul(n0, p.initCol)), 4));
        const quads = k.let("quads", and(N, -4));
        k.for(0, quads, 4, (n) => k.store("f32", c, n, load4("f32", init, mul(n, p.initCol))));
        k.for(quads, N, 1, (n) => k.store("f32", c, n, load("f32", init, mul(n, p.initCol))));
      });

      const steps = (from: Expr, to: Expr, count: number): void => {
        k.for(from, to, count, (k0) => {
          k.for(0, p.M, 1, (m) => {
            const a = k.let("a", moved(item.a, add(mul(m, p.aRow), mul(k0, p.aCol)), 4));
            const b = k.let("b", moved(bStart, mul(k0, p.bRow), bBytes));
            addRows(k, half, count, N, line(m), { at: a, step: mul(p.aCol, 4) }, { at: b, step: mul(p.bRow, bBytes) });
          });
        });
      };
      const whole = k.let("whole", and(p.K, -atOnce));
      steps(i32(0), whole, atOnce);
      steps(whole, p.K, 1);

      if (isNothing(epilogue)) return;
      k.for(0, p.M, 1, (m) => {
        const c = line(m);
        const quads = k.let("quads", and(N, -4));
        const store = (index: Var, sum: Expr): void =>
          finish(k, epilogue, p, "f32", { sums: [k.let("sum", sum)], c, index });
        k.for(0, quads, 4, (n) => store(n, load4("f32", c, n)));
        k.for(quads, N, 1, (n) => store(n, load("f32", c, n)));
      });
    });
  });
}

interface Stream {
  readonly at: Var;
  /** Bytes from one k to the next. */
  readonly step: Expr;
}

/** Adds `count` rows of B, each times its element of A, to N elements of C. */
function addRows(k: Block, half: Half, count: number, N: Var, c: Var, a: Stream, b: Stream): void {
  const values: Var[] = [];
  const rows: Var[] = [];
  for (let i = 0; i < count; i++) {
    values.push(k.let("value", loadSplat("f32", a.at, 0)));
    rows.push(k.let("row", b.at));
    k.set(a.at, add(a.at, a.step));
    k.set(b.at, add(b.at, b.step));
  }
  const vectors = k.let("vectors", and(N, -unrolled));
  const offsets = Array.from({ length: unrolled / 4 }, (_, i) => 4 * i);
  k.for(0, vectors, unrolled, (n) => {
    const sums = offsets.map((o) => k.let("sum", load4("f32", c, n, o)));
    for (const [i, row] of rows.entries()) {
      for (const [v, sum] of sums.entries()) k.set(sum, fma(values[i]!, loadB4(half, row, n, offsets[v]), sum));
    }
    for (const [v, sum] of sums.entries()) k.store("f32", c, n, sum, offsets[v]);
  });
  const firsts = values.map((v) => k.let("first", lane(v, 0)));
  k.for(vectors, N, 1, (n) => {
    const sum = k.let("sum", load("f32", c, n));
    for (const [i, row] of rows.entries()) k.set(sum, fma(firsts[i]!, loadB(half, row, n), sum));
    k.store("f32", c, n, sum);
  });
}

/** So many pieces of a long K are summed on their own where C has too few columns for all threads. */
const pieces = 8;
const longK = 64 * pieces * atOnce;
const fewColumns = 8192;

/** Runs a product of f32 with adjacent columns of B. */
export function fewRows(device: Device, p: MatmulProblem): void {
  if (p.batch.length === 0 && p.K >= longK && p.N < fewColumns) return inPieces(device, p);
  const { kernel, args, tasks, grain } = rowsLaunch(device, p);
  device.run(kernel, args, tasks, grain);
}

/** Sums pieces of K side by side, then the pieces as a product with ones, then what was left over. */
function inPieces(device: Device, p: MatmulProblem): void {
  const { M, N } = p;
  const K = atOnce * Math.floor(p.K / (atOnce * pieces));
  const rest = p.K - K * pieces;
  const sums = device.alloc(4 * pieces * M * N);
  try {
    const batch = [{ size: pieces, a: K * p.aCol, b: K * p.bRow, c: M * N }];
    const each = { ...p, ...noEpilogue, bias: undefined, K, c: sums, cRow: N, batch, accumulate: false };
    const ones = { a: constants(device).ones.f32, aRow: 0, aCol: 0 };
    const rows = [{ size: M, a: 0, b: N, c: p.cRow }];
    const total = { ...p, ...ones, half: undefined, M: 1, K: pieces, b: sums, bRow: M * N, bCol: 1, batch: rows };
    const launches = [rowsLaunch(device, each)];
    if (rest === 0) launches.push(rowsLaunch(device, total));
    else {
      const a = p.a + 4 * K * pieces * p.aCol;
      const b = p.b + bytesOfB(p.half) * K * pieces * p.bRow;
      launches.push(rowsLaunch(device, { ...total, ...noEpilogue }));
      launches.push(rowsLaunch(device, { ...p, a, b, K: rest, accumulate: true, bias: undefined }));
    }
    device.runAll(launches);
  } finally {
    device.free(sums);
  }
}

/** Wide enough that rows stream, narrow enough that C stays in the first cache and that there are a few bands. */
function widthOf(N: number, items: number): number {
  return Math.min(16384, Math.max(256, 64 * Math.ceil((N * items) / 256)));
}

/** One pass of the kernel; every task sums all of K. */
export function rowsLaunch(device: Device, p: MatmulProblem): Launch {
  const items = itemsOf(p.batch);
  const bandColumns = widthOf(p.N, items);
  const bands = Math.ceil(p.N / bandColumns);
  const epilogue = epilogueOf(p);
  return {
    kernel: device.compile(`matmul/rows/${p.half}/${nameOf(epilogue)}`, () => rowsKernel(p.half, epilogue)),
    args: [...problemArgs(device, p), bandColumns, bands],
    tasks: items * bands,
    grain: Math.ceil(65536 / (p.K * p.M * Math.min(bandColumns, p.N) + 1)),
  };
}
