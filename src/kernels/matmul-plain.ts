// The plain matrix product: any strides, any of the dtypes, a 2x4 tile of scalars. What the fast kernels must equal.

import { add, div, kernel, load, min, mul, rem, sub } from "../ir/build.ts";
import type { Device, Launch } from "../ir/device.ts";
import type { Kernel, Var } from "../ir/ir.ts";
import { elemBytes } from "../ir/ir.ts";
import type { Epilogue } from "./matmul-epilogue.ts";
import { epilogueOf, finish, nameOf } from "./matmul-epilogue.ts";
import type { Half } from "./matmul-half.ts";
import { bytesOfB, loadB } from "./matmul-half.ts";
import type { MatmulProblem } from "./matmul-problem.ts";
import { itemAt, itemsOf, moved, problemArgs, problemParams } from "./matmul-problem.ts";

const tileRows = 2;
const tileColumns = 4;

/** A task is two rows of one item's C. Rows and columns past the end repeat the last: they compute and write the same. */
function plainKernel(elem: MatmulProblem["dtype"], half: Half, epilogue: Epilogue): Kernel {
  const bytes = elemBytes[elem];
  const bBytes = half === undefined ? bytes : bytesOfB(half);
  return kernel(`matmul_plain_${elem}`, { ...problemParams, bands: "i32" }, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const item = itemAt(k, p, div(task, p.bands), bytes, half);
      const row0 = k.let("row0", mul(rem(task, p.bands), tileRows));
      const rows = range(tileRows, (r) => k.let(`row${r}`, min(add(row0, r), sub(p.M, 1))));
      k.for(0, p.N, tileColumns, (n) => {
        const columns = range(tileColumns, (s) => k.let(`column${s}`, min(add(n, s), sub(p.N, 1))));
        const tile = rows.map((r) =>
          columns.map((s) => {
            return k.let("sum", load(elem, item.init, add(mul(r, p.initRow), mul(s, p.initCol))));
          }),
        );
        const aAt = rows.map((r) => k.let("aAt", moved(item.a, mul(r, p.aRow), bytes)));
        const bAt = columns.map((s) => k.let("bAt", moved(item.b, mul(s, p.bCol), bBytes)));
        k.for(0, p.K, 1, () => {
          const a = aAt.map((at) => k.let("a", load(elem, at, 0)));
          const b = bAt.map((at) => k.let("b", half === undefined ? load(elem, at, 0) : loadB(half, at, 0)));
          for (const [r, sums] of tile.entries()) {
            for (const [s, sum] of sums.entries()) k.set(sum, add(sum, mul(a[r]!, b[s]!)));
          }
          for (const at of aAt) k.set(at, moved(at, p.aCol, bytes));
          for (const at of bAt) k.set(at, moved(at, p.bRow, bBytes));
        });
        for (const [r, sums] of tile.entries()) {
          for (const [s, sum] of sums.entries()) {
            const index = k.let("index", add(mul(rows[r]!, p.cRow), columns[s]!));
            finish(k, epilogue, p, elem, { sums: [sum], c: item.c, index });
          }
        }
      });
    });
  });
}

function range(n: number, each: (i: number) => Var): Var[] {
  return Array.from({ length: n }, (_, i) => each(i));
}

export function plainLaunch(device: Device, p: MatmulProblem): Launch {
  const bands = Math.ceil(p.M / tileRows);
  const epilogue = epilogueOf(p);
  return {
    kernel: device.compile(`matmul/plain/${p.dtype}/${p.half}/${nameOf(epilogue)}`, () =>
      plainKernel(p.dtype, p.half, epilogue),
    ),
    args: [...problemArgs(device, p), bands],
    tasks: itemsOf(p.batch) * bands,
    grain: Math.ceil(16384 / (tileRows * p.N * p.K + 1)),
  };
}
