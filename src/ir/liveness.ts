// Which variables live within one turn of a loop only.

import type { Expr, Stmt, Var } from "./ir.ts";
import { blocksOf, childrenOf, expressionsOf } from "./walk.ts";

/** In how many statements each variable is read or set, inner blocks included. */
export function mentions(body: readonly Stmt[], into: Map<number, number> = new Map()): Map<number, number> {
  for (const s of body) {
    for (const id of mentionedBy(s)) into.set(id, (into.get(id) ?? 0) + 1);
    for (const inner of blocksOf(s)) mentions(inner, into);
  }
  return into;
}

/** The variables that a statement names, its inner blocks aside. */
function mentionedBy(s: Stmt): Set<number> {
  const found = variablesIn(expressionsOf(s));
  if (s.k === "set") found.add(s.target.id);
  if (s.k === "for") found.add(s.counter.id);
  return found;
}

function variablesIn(expressions: readonly Expr[]): Set<number> {
  const found = new Set<number>();
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.k === "var") found.add(e.id);
    for (const child of childrenOf(e)) visit(child);
  };
  for (const e of expressions) visit(e);
  return found;
}

/**
 * The variables that every turn through `body` sets before it reads them, and that nothing outside of it reads.
 * `everywhere` are the mentions in the whole kernel.
 */
export function privateTo(body: readonly Stmt[], everywhere: ReadonlyMap<number, number>): Var[] {
  const inside = mentions(body);
  const seen = new Set<number>();
  const found: Var[] = [];
  for (const s of body) {
    if (s.k === "set" && !seen.has(s.target.id) && inside.get(s.target.id) === everywhere.get(s.target.id)) {
      if (!variablesIn([s.value]).has(s.target.id)) found.push(s.target);
    }
    for (const id of mentions([s]).keys()) seen.add(id);
  }
  return found;
}
