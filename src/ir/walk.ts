// The shape of expressions and statements: their parts, and the same thing over other parts.

import type { Expr, Stmt } from "./ir.ts";

/** The operands, in the order in which they are evaluated. */
export function childrenOf(e: Expr): readonly Expr[] {
  switch (e.k) {
    case "const":
    case "var":
      return [];
    case "load":
      return [e.base, e.index];
    case "unary":
    case "cast":
    case "bits":
    case "lane":
      return [e.a];
    case "binary":
    case "compare":
    case "shuffle":
      return [e.a, e.b];
    case "select":
      return [e.a, e.b, e.c];
    case "fma":
      return [e.a, e.b, e.c];
    default:
      e satisfies never;
      return [];
  }
}

/** The same node over other operands; the node itself if they are the ones it has. */
export function withChildren(e: Expr, children: readonly Expr[]): Expr {
  const [a, b, c] = children as readonly [Expr, Expr, Expr]; // as many as childrenOf gives
  switch (e.k) {
    case "const":
    case "var":
      return e;
    case "load":
      return a === e.base && b === e.index ? e : { ...e, base: a, index: b };
    case "unary":
    case "cast":
    case "bits":
    case "lane":
      return a === e.a ? e : { ...e, a };
    case "binary":
    case "compare":
    case "shuffle":
      return a === e.a && b === e.b ? e : { ...e, a, b };
    case "select":
      return a === e.a && b === e.b && c === e.c ? e : { ...e, c, a, b };
    case "fma":
      return a === e.a && b === e.b && c === e.c ? e : { ...e, a, b, c };
    default:
      e satisfies never;
      return e;
  }
}

/** A function of nodes that remembers what it gave: a DAG is walked once, however often its nodes are shared. */
export function cached<T>(compute: (e: Expr) => T): (e: Expr) => T {
  const known = new Map<Expr, T>();
  return (e) => {
    let result = known.get(e);
    if (result === undefined) {
      result = compute(e);
      known.set(e, result);
    }
    return result;
  };
}

/** A function that rewrites DAGs from the leaves up. */
export function rewriter(rewrite: (e: Expr) => Expr): (e: Expr) => Expr {
  const visit = cached((e: Expr): Expr => rewrite(withChildren(e, childrenOf(e).map(visit))));
  return visit;
}

/** Gives equal numbers to nodes that compute the same. Two loads never do: memory may change between them. */
export class Numbering {
  readonly #numbers: Map<string, number> = new Map();
  readonly #known: Map<Expr, number> = new Map();
  readonly #versions: Map<number, number> = new Map();

  /** From now on these variables hold other values. */
  change(variables: Iterable<number>): void {
    for (const id of variables) this.#versions.set(id, (this.#versions.get(id) ?? 0) + 1);
    this.#known.clear();
  }

  of(e: Expr): number {
    let number = this.#known.get(e);
    if (number === undefined) {
      const key = this.#key(e);
      number = this.#numbers.get(key) ?? this.#numbers.size;
      this.#numbers.set(key, number);
      this.#known.set(e, number);
    }
    return number;
  }

  #key(e: Expr): string {
    if (e.k === "const") return `${e.type} ${Object.is(e.value, -0) ? "-0" : e.value}`;
    if (e.k === "var") return `var ${e.id} ${this.#versions.get(e.id) ?? 0}`;
    if (e.k === "load") return `load ${this.#numbers.size}`;
    const detail = "op" in e ? e.op : e.k === "lane" ? e.lane : e.k === "shuffle" ? e.lanes.join() : "";
    const parts = childrenOf(e).map((child) => this.of(child));
    return `${e.k} ${e.type} ${detail} ${parts.join()}`;
  }
}

/** The expressions that stand in a statement itself, its inner blocks aside. */
export function expressionsOf(s: Stmt): readonly Expr[] {
  switch (s.k) {
    case "set":
      return [s.value];
    case "store":
      return [s.base, s.index, s.value];
    case "for":
      return [s.from, s.to, s.step];
    case "while":
    case "if":
      return [s.condition];
    default:
      s satisfies never;
      return [];
  }
}

export function blocksOf(s: Stmt): readonly (readonly Stmt[])[] {
  switch (s.k) {
    case "set":
    case "store":
      return [];
    case "for":
    case "while":
      return [s.body];
    case "if":
      return [s.then, s.otherwise];
    default:
      s satisfies never;
      return [];
  }
}

/** The statement with every expression in it, inner blocks included, passed through `rewrite`. */
export function mapExpressions(s: Stmt, rewrite: (e: Expr) => Expr): Stmt {
  const block = (body: readonly Stmt[]): readonly Stmt[] => body.map((inner) => mapExpressions(inner, rewrite));
  switch (s.k) {
    case "set":
      return { ...s, value: rewrite(s.value) };
    case "store":
      return { ...s, base: rewrite(s.base), index: rewrite(s.index), value: rewrite(s.value) };
    case "for":
      return { ...s, from: rewrite(s.from), to: rewrite(s.to), step: rewrite(s.step), body: block(s.body) };
    case "while":
      return { ...s, condition: rewrite(s.condition), body: block(s.body) };
    case "if":
      return { ...s, condition: rewrite(s.condition), then: block(s.then), otherwise: block(s.otherwise) };
    default:
      s satisfies never;
      return s;
  }
}

/** The variables that a block gives values to, inner blocks included. */
export function assignedIn(body: readonly Stmt[], into: Set<number> = new Set()): Set<number> {
  for (const s of body) {
    if (s.k === "set") into.add(s.target.id);
    if (s.k === "for") into.add(s.counter.id);
    for (const inner of blocksOf(s)) assignedIn(inner, into);
  }
  return into;
}
