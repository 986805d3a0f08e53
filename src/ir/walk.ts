// The shape of expression DAGs: a node's operands, and the same node over other operands.

import type { Expr } from "./ir.ts";

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
