// The plain matrix product: any strides, any of the dtypes, a 2x4 tile of scalars. What the fast kernels must equal.

import { add, div, kernel, load, min, mul, rem, sub } from "../ir/build.ts";
import type { Device, Launch } from "../ir/device.ts";
import type { Kernel, Var } from "../ir/ir.ts";
import { elemBytes } from "../ir/ir.ts";
import type { Activation } from "./matmul-activation.ts";
import { activations } from "./matmul-activation.ts";
import type { MatmulProblem } from "./matmul-problem.ts";
import { itemAt, itemsOf, moved, problemArgs, problemParams } from "./matmul-problem.ts";

const tileRows = 2;
const tileColumns = 4;

/** A task is two rows of one item's C. Rows and columns past the end repeat the last: they compute and write the same. */
function plainKernel(elem: MatmulProblem["dtype"], activation: Activation | undefined): Kernel {
  const bytes = elemBytes[elem];
  const act = activation === undefined ? undefined : activations[activation];
  return kernel(`matmul_plain_${elem}`, { ...problemParams, bands: "i32" }, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const item = itemAt(k, p, div(task, p.bands), bytes);
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
        const bAt = columns.map((s) => k.let("bAt", moved(item.b, mul(s, p.bCol), bytes)));
        k.for(0, p.K, 1, () => {
          const a = aAt.map((at) => k.let("a", load(elem, at, 0)));
          const b = bAt.map((at) => k.let("b", load(elem, at, 0)));
          for (const [r, sums] of tile.entries()) {
            for (const [s, sum] of sums.entries()) k.set(sum, add(sum, mul(a[r]!, b[s]!)));
          }
          for (const at of aAt) k.set(at, moved(at, p.aCol, bytes));
          for (const at of bAt) k.set(at, moved(at, p.bRow, bytes));
        });
        for (const [r, sums] of tile.entries()) {
          for (const [s, sum] of sums.entries()) {
            k.store(elem, item.c, add(mul(rows[r]!, p.cRow), columns[s]!), act === undefined ? sum : act(sum));
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
  return {
    kernel: device.compile(`matmul/plain/${p.dtype}/${p.activation}`, () => plainKernel(p.dtype, p.activation)),
    args: [...problemArgs(device, p), bands],
    tasks: itemsOf(p.batch) * bands,
    grain: Math.ceil(16384 / (tileRows * p.N * p.K + 1)),
  };
}
