// Few rows against a B whose own rows are its columns (a Linear's weight, [N, K]): dot products straight from memory,
// eight steps of k in a vector pair. B is read once and never packed.
//
//   tile: `rows` of A by `columns` of B, each with 8 partial sums; then 4 tiles of 8 become one vector of 4 results

import type { Block } from "../ir/build.ts";
import { add, and, div, fma, kernel, load, load4, lt, min, mul, rem, shuffle, sub } from "../ir/build.ts";
import type { Device, Launch } from "../ir/device.ts";
import type { Expr, Kernel, Var } from "../ir/ir.ts";
import type { Epilogue } from "./matmul-epilogue.ts";
import { epilogueOf, finish, nameOf } from "./matmul-epilogue.ts";
import type { Half } from "./matmul-half.ts";
import { bytesOfB, loadB, loadB4 } from "./matmul-half.ts";
import type { Item, MatmulProblem, ProblemVars } from "./matmul-problem.ts";
import { itemAt, itemsOf, moved, problemArgs, problemParams } from "./matmul-problem.ts";

/** Steps of k in a tile's vectors. */
const width = 8;

interface Shape {
  readonly rows: 1 | 2;
  readonly columns: 4 | 8;
}

const dotParams = {
  ...problemParams,
  scratch: "ptr",
  bandColumns: "i32",
  bands: "i32",
  bandRows: "i32",
  rowBands: "i32",
} as const;

/** A task is a band of columns by a band of rows; K is at least 8. */
function dotKernel(shape: Shape, half: Half, epilogue: Epilogue): Kernel {
  return kernel(`matmul_dot_${shape.rows}x${shape.columns}_${nameOf(epilogue)}`, dotParams, (k, p) => {
    const scratch = k.let("scratch", add(p.scratch, mul(k.thread, scratchBytes(shape))));
    const whole = k.let("whole", and(p.K, -width));
    k.for(k.begin, k.end, 1, (task) => {
      const rest = k.let("rest", div(task, p.bands));
      const item = itemAt(k, p, div(rest, p.rowBands), 4, half);
      const n0 = k.let("n0", mul(rem(task, p.bands), p.bandColumns));
      const m0 = k.let("m0", mul(rem(rest, p.rowBands), p.bandRows));
      const mEnd = k.let("mEnd", min(add(m0, p.bandRows), p.M));
      k.for(n0, min(add(n0, p.bandColumns), p.N), shape.columns, (n) => {
        k.for(m0, mEnd, shape.rows, (m) => {
          const a = pointers(k, shape.rows, item.a, m, sub(p.M, 1), p.aRow, 4);
          const b = pointers(k, shape.columns, item.b, n, sub(p.N, 1), p.bCol, bytesOfB(half));
          tile(k, half, a, b, whole, scratch);
          sumUp(k, shape, scratch);
          k.if(lt(whole, p.K), () => addRest(k, half, shape, a, b, sub(p.K, whole), scratch));
          k.for(0, min(sub(mEnd, m), shape.rows), 1, (r) => {
            const sums = k.let("sums", add(scratch, mul(r, 4 * shape.columns)));
            finishSums(k, p, item, { m: k.let("m", add(m, r)), n, columns: shape.columns, sums }, epilogue);
          });
        });
      });
    });
  });
}

function scratchBytes({ rows, columns }: Shape): number {
  return rows * columns * width * 4;
}

/** Addresses of `count` lines from line `first`; those past the last repeat it. */
function pointers(k: Block, count: number, base: Expr, first: Expr, last: Expr, stride: Expr, bytes: number): Var[] {
  return Array.from({ length: count }, (_, i) =>
    k.let("line", moved(base, mul(min(add(first, i), last), stride), bytes)),
  );
}

/** Leaves the 8 partial sums of each product in the scratch; moves the pointers past the whole vectors. */
function tile(k: Block, half: Half, a: readonly Var[], b: readonly Var[], whole: Expr, scratch: Expr): void {
  const halves = [0, 4];
  const both = (at: Var): Var[] => halves.map((h) => k.let("v", load4("f32", at, 0, h)));
  const bothB = (at: Var): Var[] => halves.map((h) => k.let("v", loadB4(half, at, 0, h)));
  const next = (): void => {
    for (const at of a) k.set(at, add(at, 4 * width));
    for (const at of b) k.set(at, add(at, bytesOfB(half) * width));
  };
  const firstB = b.map(bothB);
  const sums = a.map((at) => {
    const va = both(at);
    return firstB.map((vb) => halves.map((_, h) => k.let("sum", mul(va[h]!, vb[h]!))));
  });
  next();
  k.for(width, whole, width, () => {
    const va = a.map(both);
    b.forEach((at, s) => {
      const vb = bothB(at);
      for (const [r, row] of sums.entries()) {
        for (const [h, sum] of row[s]!.entries()) k.set(sum, fma(va[r]![h]!, vb[h]!, sum));
      }
    });
    next();
  });
  sums.flat().forEach((pair, i) => {
    for (const [h, sum] of pair.entries()) k.store("f32", scratch, 0, sum, width * i + 4 * h);
  });
}

/** Eight partial sums of each product become one, in place: results r * columns + s at the front of the scratch. */
function sumUp(k: Block, { rows, columns }: Shape, scratch: Expr): void {
  for (let i = 0; i < rows * columns; i += 4) {
    const halves = [0, 1, 2, 3].map((s) => {
      const at = width * (i + s);
      return k.let("half", add(load4("f32", scratch, 0, at), load4("f32", scratch, 0, at + 4)));
    });
    const pairs = (x: Expr, y: Expr): Expr => add(shuffle(x, y, [0, 2, 4, 6]), shuffle(x, y, [1, 3, 5, 7]));
    const low = k.let("low", pairs(halves[0]!, halves[1]!));
    const high = k.let("high", pairs(halves[2]!, halves[3]!));
    k.store("f32", scratch, i, pairs(low, high));
  }
}

/** The last few steps of k, one by one; the pointers stand where the whole vectors end. */
function addRest(
  k: Block,
  half: Half,
  { columns }: Shape,
  a: readonly Var[],
  b: readonly Var[],
  rest: Expr,
  scratch: Expr,
): void {
  for (const [r, aAt] of a.entries()) {
    for (const [s, bAt] of b.entries()) {
      const at = r * columns + s;
      const sum = k.let("sum", load("f32", scratch, at));
      k.for(0, rest, 1, (i) => k.set(sum, add(sum, mul(load("f32", aAt, i), loadB(half, bAt, i)))));
      k.store("f32", scratch, at, sum);
    }
  }
}

interface Sums {
  readonly m: Var;
  readonly n: Var;
  readonly columns: number;
  readonly sums: Var;
}

/** Adds what C starts from to a row of sums, and finishes them: in vectors, or one by one at the edge. */
function finishSums(k: Block, p: ProblemVars, item: Item, { m, n, columns, sums }: Sums, epilogue: Epilogue): void {
  const init = k.let("init", moved(item.init, add(mul(m, p.initRow), mul(n, p.initCol)), 4));
  const c = k.let("c", moved(item.c, add(mul(m, p.cRow), n), 4));
  const left = k.let("left", min(sub(p.N, n), columns));
  const quads = k.let("quads", and(left, -4));
  const store = (index: Var, sum: Expr): void => finish(k, epilogue, p, "f32", { sums: [k.let("sum", sum)], c, index });
  k.for(0, quads, 4, (i) => store(i, add(load4("f32", sums, i), load4("f32", init, i))));
  k.for(quads, left, 1, (i) => store(i, add(load("f32", sums, i), load("f32", init, i))));
}

/** Rows of A that share a pass over a band of B. */
const bandRows = 8;

export function dotLaunch(device: Device, p: MatmulProblem): Launch {
  const shape: Shape = p.M === 1 ? { rows: 1, columns: 8 } : { rows: 2, columns: 4 };
  const rows = Math.min(p.M, bandRows);
  const bandColumns = shape.columns * Math.max(1, Math.floor(32768 / (p.K * rows * shape.columns)));
  const bands = Math.ceil(p.N / bandColumns);
  const rowBands = Math.ceil(p.M / rows);
  const bandArgs = [device.scratch(scratchBytes(shape)), bandColumns, bands, rows, rowBands];
  const epilogue = epilogueOf(p);
  return {
    kernel: device.compile(`matmul/dot/${shape.rows}/${p.half}/${nameOf(epilogue)}`, () =>
      dotKernel(shape, p.half, epilogue),
    ),
    args: [...problemArgs(device, p), ...bandArgs],
    tasks: itemsOf(p.batch) * rowBands * bands,
    grain: Math.ceil(65536 / (p.K * rows * Math.min(bandColumns, p.N))),
  };
}
