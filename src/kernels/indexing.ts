// Rows picked by int32 ids and gradients added back to them, over [outer, dim, inner]. An embedding is the case
// outer = 1: dim is the vocabulary, inner the width.
//
//   indexSelect   y[o, i, j] = x[o, ids[i], j]             indexAdd     y[o, ids[i], j] += x[o, i, j]
//   gather        y[o, i, j] = x[o, ids[o, i, j], j]       scatterAdd   y[o, ids[o, i, j], j] += x[o, i, j]
//
// Ids may repeat: additions go in the order of i, and threads share columns, never a sum. All four throw IndexError
// before they write.

import { add, and, div, kernel, load, min, mul, ne, rem, sub } from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Elem, Kernel } from "../ir/ir.ts";
import { elemBytes } from "../ir/ir.ts";
import { checkIds } from "./ids.ts";
import { zeroBytes } from "./move.ts";
import type { Real } from "./row-loop.ts";
import { grainOf, overRow, past } from "./row-loop.ts";

interface Sizes {
  readonly outer: number;
  readonly dim: number;
  readonly inner: number;
  /** How many i there are. */
  readonly count: number;
  readonly ids: number;
}

/** Addresses of x [outer, dim, inner] and y [outer, count, inner]. */
export interface Pick extends Sizes {
  readonly elem: Elem;
  readonly x: number;
  readonly y: number;
}

/** Addresses of x [outer, count, inner] and y [outer, dim, inner]. */
export interface AddBack extends Sizes {
  readonly elem: Real | "i32" | "i64";
  readonly x: number;
  readonly y: number;
}

/** ids [count] */
export function indexSelect(device: Device, p: Pick): void {
  checkIds(device, "indexSelect: index", { ids: p.ids, count: p.count, limit: p.dim });
  pick(device, "index_select", p);
}

/** ids [outer, count, inner] */
export function gather(device: Device, p: Pick): void {
  checkIds(device, "gather: index", { ids: p.ids, count: p.outer * p.count * p.inner, limit: p.dim });
  pick(device, "gather", p);
}

/** ids [count]; rows of the id `skip` are left out. */
export function indexAdd(device: Device, p: AddBack & { readonly skip?: number | undefined }): void {
  checkIds(device, "indexAdd: index", { ids: p.ids, count: p.count, limit: p.dim });
  const { elem, outer, dim, inner, count } = p;
  const strips = Math.ceil(inner / stripColumns);
  const compiled = device.compile(`index_add/${elem}`, () => indexAddKernel(elem));
  const args = [p.x, p.ids, p.y, dim, inner, count, strips, p.skip ?? -1];
  device.run(compiled, args, outer * strips, grainOf(count * Math.min(inner, stripColumns)));
}

/** ids [outer, count, inner] */
export function scatterAdd(device: Device, p: AddBack): void {
  checkIds(device, "scatterAdd: index", { ids: p.ids, count: p.outer * p.count * p.inner, limit: p.dim });
  const { elem, outer, dim, inner, count } = p;
  const strips = Math.ceil(inner / stripColumns);
  const compiled = device.compile(`scatter_add/${elem}`, () => scatterAddKernel(elem));
  const args = [p.x, p.ids, p.y, dim, inner, count, strips];
  device.run(compiled, args, outer * strips, grainOf(count * Math.min(inner, stripColumns)));
}

/** The gradient of an embedding: y [dim, inner] = 0, then `indexAdd`. */
export function embeddingBackward(device: Device, p: Omit<Parameters<typeof indexAdd>[1], "outer">): void {
  zeroBytes(device, p.y, p.dim * p.inner * elemBytes[p.elem]);
  indexAdd(device, { ...p, outer: 1 });
}

const stripColumns = 64;
const pickParams = { x: "ptr", ids: "ptr", y: "ptr", dim: "i32", inner: "i32", count: "i32" } as const;
/** Ids of a task where a row is one element. */
const pickBlock = 4096;

function pick(device: Device, name: "index_select" | "gather", p: Pick): void {
  const { elem, outer, dim, inner, count } = p;
  const args = [p.x, p.ids, p.y, dim, inner, count];
  if (inner === 1) {
    const blocks = Math.ceil(count / pickBlock);
    const compiled = device.compile(`${name}/${elem}/elements`, () => elementsKernel(name, elem));
    device.run(compiled, [...args, blocks], outer * blocks, grainOf(Math.min(count, pickBlock)));
    return;
  }
  const build = name === "gather" ? gatherKernel : selectRowsKernel;
  const compiled = device.compile(`${name}/${elem}/rows`, () => build(name, elem));
  device.run(compiled, args, outer * count, grainOf(inner));
}

function selectRowsKernel(name: string, elem: Elem): Kernel {
  return kernel(`${name}_rows`, pickParams, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const id = load("i32", p.ids, rem(task, p.count));
      const row = add(mul(div(task, p.count), p.dim), id);
      const x = k.let("xRow", past(p.x, mul(row, p.inner), elem));
      const y = k.let("yRow", past(p.y, mul(task, p.inner), elem));
      overRow(k, elem, p.inner, (at) => at.write(y, at.read(x)));
    });
  });
}

/** Rows of one element: a task is a block of ids of one outer index, which `index_select` has the same for all. */
function elementsKernel(name: "index_select" | "gather", elem: Elem): Kernel {
  return kernel(`${name}_elements`, { ...pickParams, blocks: "i32" }, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const o = k.let("o", div(task, p.blocks));
      const from = k.let("from", mul(rem(task, p.blocks), pickBlock));
      const to = k.let("to", add(from, min(sub(p.count, from), pickBlock)));
      const x = k.let("xRow", past(p.x, mul(o, p.dim), elem));
      const y = k.let("yRow", past(p.y, mul(o, p.count), elem));
      const ids = k.let("idsRow", name === "gather" ? past(p.ids, mul(o, p.count), "i32") : p.ids);
      const quads = k.let("quads", add(from, and(sub(to, from), -4)));
      k.for(from, quads, 4, (i) => {
        const picked = [0, 1, 2, 3].map((e) => k.let("picked", load(elem, x, load("i32", ids, i, e))));
        picked.forEach((value, e) => k.store(elem, y, i, value, e));
      });
      k.for(quads, to, 1, (i) => k.store(elem, y, i, load(elem, x, load("i32", ids, i))));
    });
  });
}

function gatherKernel(name: string, elem: Elem): Kernel {
  return kernel(name, pickParams, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const start = k.let("start", mul(task, p.inner));
      const first = k.let("first", mul(div(task, p.count), p.dim)); // row 0 of this outer index
      k.for(0, p.inner, 1, (j) => {
        const at = k.let("at", add(start, j));
        const row = add(first, load("i32", p.ids, at));
        k.store(elem, p.y, at, load(elem, p.x, add(mul(row, p.inner), j)));
      });
    });
  });
}

const addParams = { ...pickParams, strips: "i32" } as const;

/** A task is 64 columns of one outer index. */
function indexAddKernel(elem: AddBack["elem"]): Kernel {
  return kernel("index_add", { ...addParams, skip: "i32" }, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const strip = k.let("strip", mul(rem(task, p.strips), stripColumns));
      const o = k.let("o", div(task, p.strips));
      const columns = k.let("columns", min(sub(p.inner, strip), stripColumns));
      k.for(0, p.count, 1, (i) => {
        const id = k.let("id", load("i32", p.ids, i));
        k.if(ne(id, p.skip), () => {
          const xRow = add(mul(o, p.count), i);
          const yRow = add(mul(o, p.dim), id);
          const x = k.let("x", past(p.x, add(mul(xRow, p.inner), strip), elem));
          const y = k.let("y", past(p.y, add(mul(yRow, p.inner), strip), elem));
          overRow(k, elem, columns, (at) => at.write(y, add(at.read(y), at.read(x))));
        });
      });
    });
  });
}

function scatterAddKernel(elem: AddBack["elem"]): Kernel {
  return kernel("scatter_add", addParams, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const strip = k.let("strip", mul(rem(task, p.strips), stripColumns));
      const o = k.let("o", div(task, p.strips));
      const end = k.let("end", add(strip, min(sub(p.inner, strip), stripColumns)));
      k.for(0, p.count, 1, (i) => {
        const from = k.let("from", mul(add(mul(o, p.count), i), p.inner));
        k.for(strip, end, 1, (j) => {
          const source = k.let("source", add(from, j));
          const row = add(mul(o, p.dim), load("i32", p.ids, source));
          const target = k.let("target", add(mul(row, p.inner), j));
          k.store(elem, p.y, target, add(load(elem, p.y, target), load(elem, p.x, source)));
        });
      });
    });
  });
}
