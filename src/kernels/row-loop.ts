// Loops along a row, written once for all elements: those of 32 bits or less go four lanes and several vectors a turn,
// f64 and i64 one a turn. The last few elements go through the same four-lane arithmetic one by one, so that a value
// never depends on its place.
//
//   f32   | 4 vectors | 4 vectors | … | 1 vector | … | 1 element | …

import type { Block } from "../ir/build.ts";
import { add, and, constant, lane, load, load4, loadSplat, lt, mul, select, splat } from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Elem, Expr, Scalar, Type, Var } from "../ir/ir.ts";
import { elemBytes, isVector, vectorOf } from "../ir/ir.ts";

export type Real = "f32" | "f64";

/** The byte address `elements` after `base`. */
export function past(base: Expr, elements: Expr, elem: Elem): Expr {
  return add(base, mul(elements, elemBytes[elem]));
}

/** The type of one element as a value. */
export function scalarOf(elem: Elem): Scalar {
  return elem === "f32" || elem === "f64" || elem === "i64" ? elem : "i32";
}
/** The type that elements of a row are computed in. */
export function rowTypeOf(elem: Elem): Type {
  return vectorOf(scalarOf(elem)) ?? scalarOf(elem);
}

/** One place of the row: reads and writes are of the same elements. */
export interface At {
  /** Index of its first element. */
  readonly index: Expr;
  /** A scalar in all lanes that a value has here. */
  spread(scalar: Expr): Expr;
  /** What stands `offset` elements after the place. */
  read(base: Expr, offset?: number): Expr;
  /** Happens at the end of the turn. */
  write(base: Expr, value: Expr, offset?: number): void;
}

/** Visits elements 0 … n-1. */
export function overRow(k: Block, elem: Elem, n: Expr, visit: (at: At) => void, vectors = 4): void {
  turns(k, elem, n, vectors, (ats) => ats.forEach(visit));
}

/** How values come together; the order must not matter. */
export interface Fold {
  start(type: Type): Expr;
  combine(a: Expr, b: Expr): Expr;
}
export const sums: Fold = { start: (type) => constant(type, 0), combine: add };
/** The largest of floats; passes over NaN. */
export const peaks: Fold = {
  start: (type) => constant(type, Number.NEGATIVE_INFINITY),
  combine: (a, b) => select(lt(a, b), b, a),
};

/** Private memory of a thread: the partial results of a fold. */
const scratchBytes = 512;

/** The argument for the parameter `scratch` of a kernel that folds. */
export function rowScratch(device: Device): number {
  return device.scratch(scratchBytes);
}

/** The loops of a kernel that also folds. */
export class RowLoops {
  readonly #k: Block;
  readonly #elem: Elem;
  readonly #scratch: Var;

  /** `scratch` is the parameter of that name. */
  constructor(k: Block, elem: Elem, scratch: Var) {
    this.#k = k;
    this.#elem = elem;
    this.#scratch = k.let("mine", add(scratch, mul(k.thread, scratchBytes)));
  }

  over(n: Expr, visit: (at: At) => void, vectors = 4): void {
    overRow(this.#k, this.#elem, n, visit, vectors);
  }

  /**
   * Folds elements 0 … n-1 into one scalar for each of `folds`. `step` makes of partial results those with one more place.
   * The partial results go through memory: V8 pairs a loop's values only if they end in adjacent stores.
   */
  fold(
    n: Expr,
    folds: readonly Fold[],
    step: (at: At, partial: readonly Var[]) => readonly Expr[],
    vectors = 8,
  ): Var[] {
    const k = this.#k;
    const type = rowTypeOf(this.#elem);
    const starts = (): Var[] => folds.map(({ start }) => k.let("partial", start(type)));
    const lines = Array.from({ length: isVector(type) ? vectors : 1 }, starts);
    const tail = starts();
    turns(k, this.#elem, n, vectors, (ats, single) => {
      const partials = single ? [tail] : lines;
      const values = ats.map((at, v) => step(at, partials[v]!));
      values.forEach((line, v) => line.forEach((value, f) => k.set(partials[v]![f]!, value)));
    });
    if (!isVector(type)) return lines[0]!;
    const elem = type === "f32x4" ? "f32" : "i32";
    folds.forEach((_, f) =>
      lines.forEach((line, v) => k.store(elem, this.#scratch, 0, line[f]!, 4 * (f * vectors + v))),
    );
    return folds.map(({ combine }, f) => {
      const partials = lines.map((_, v) => load4(elem, this.#scratch, 0, 4 * (f * vectors + v)));
      const together = k.let("together", tree(partials, combine));
      return k.let("folded", combine(foldLanes(together, combine), lane(tail[f]!, 0)));
    });
  }
}

export function foldLanes(vector: Expr, combine: Fold["combine"]): Expr {
  return tree(
    [0, 1, 2, 3].map((i) => lane(vector, i)),
    combine,
  );
}

function tree(values: readonly Expr[], combine: Fold["combine"]): Expr {
  if (values.length === 1) return values[0]!;
  const half = values.length >> 1;
  return combine(tree(values.slice(0, half), combine), tree(values.slice(half), combine));
}

/** `single` turns are of one element that fills all lanes. */
function turns(
  k: Block,
  elem: Elem,
  n: Expr,
  vectors: number,
  visit: (ats: readonly At[], single: boolean) => void,
): void {
  if (!isVector(rowTypeOf(elem))) {
    k.for(0, n, 1, (i) => turn([scalarAt(k, elem, i)], (ats) => visit(ats, false)));
    return;
  }
  const wide = k.let("wide", and(n, -4 * vectors));
  const quads = k.let("quads", and(n, -4));
  k.for(0, wide, 4 * vectors, (i) => {
    const places = Array.from({ length: vectors }, (_, v) => vectorAt(k, elem, i, 4 * v));
    turn(places, (ats) => visit(ats, false));
  });
  if (vectors > 1) k.for(wide, quads, 4, (i) => turn([vectorAt(k, elem, i, 0)], (ats) => visit(ats, false)));
  k.for(quads, n, 1, (i) => turn([singleAt(k, elem, i)], (ats) => visit(ats, true)));
}

interface Place extends At {
  /** The stores that were put off. */
  readonly stores: (() => void)[];
}

/** Stores come last and beside their neighbours: V8 starts from adjacent stores when it looks for pairs. */
function turn(places: readonly Place[], visit: (ats: readonly At[]) => void): void {
  visit(places);
  const most = Math.max(...places.map((p) => p.stores.length));
  for (let s = 0; s < most; s++) for (const { stores } of places) stores[s]!();
}

type Access = Pick<At, "index" | "spread" | "read"> & {
  readonly store: (base: Expr, value: Var, offset: number) => void;
};

function placeOf(k: Block, { store, ...access }: Access): Place {
  const stores: Place["stores"] = [];
  return {
    ...access,
    stores,
    write: (base, value, offset = 0) => {
      const held = k.let("value", value);
      stores.push(() => store(base, held, offset));
    },
  };
}

function vectorAt(k: Block, elem: Elem, i: Var, first: number): Place {
  return placeOf(k, {
    index: first === 0 ? i : add(i, first),
    spread: splat,
    read: (base, offset = 0) => load4(elem, base, i, first + offset),
    store: (base, value, offset) => k.store(elem, base, i, value, first + offset),
  });
}
function singleAt(k: Block, elem: Elem, i: Var): Place {
  return placeOf(k, {
    index: i,
    spread: splat,
    read: (base, offset) => loadSplat(elem, base, i, offset),
    store: (base, value, offset) => k.store(elem, base, i, value, offset, 1),
  });
}
function scalarAt(k: Block, elem: Elem, i: Var): Place {
  return placeOf(k, {
    index: i,
    spread: (scalar) => scalar,
    read: (base, offset) => load(elem, base, i, offset),
    store: (base, value, offset) => k.store(elem, base, i, value, offset),
  });
}

/** Elements that are worth handing to another thread. */
const grainElements = 16384;

/** How many tasks of `elements` each a thread takes at once. */
export function grainOf(elements: number): number {
  return Math.max(1, Math.ceil(grainElements / Math.max(1, elements)));
}
