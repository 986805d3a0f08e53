// Moves what a loop computes anew each turn without need, vector constants above all, in front of it. V8 does not: an
// exp over a large array, whose polynomial is a dozen constants, takes a quarter of the time when they are hoisted.

import type { Expr, Kernel, Stmt, Var } from "./ir.ts";
import { isFloat, isVector } from "./ir.ts";
import { assignedIn, cached, childrenOf, mapExpressions, Numbering, withChildren } from "./walk.ts";

export function hoist(kernel: Kernel): Kernel {
  let variables = kernel.variables;
  const body = hoistBlock(kernel.body, (type) => ({ k: "var", type, name: "h", id: variables++ }));
  return { ...kernel, body, variables };
}

type Fresh = (type: Var["type"]) => Var;

function hoistBlock(body: readonly Stmt[], fresh: Fresh): readonly Stmt[] {
  return body.flatMap((s) => {
    switch (s.k) {
      case "set":
      case "store":
        return [s];
      case "if":
        return [{ ...s, then: hoistBlock(s.then, fresh), otherwise: hoistBlock(s.otherwise, fresh) }];
      case "for":
      case "while": {
        const before: Stmt[] = [];
        const loop = hoistLoop(s, fresh, before);
        return [...before, { ...loop, body: hoistBlock(loop.body, fresh) }];
      }
      default:
        s satisfies never;
        return [s];
    }
  });
}

type Loop = Extract<Stmt, { readonly k: "for" | "while" }>;

function hoistLoop(loop: Loop, fresh: Fresh, before: Stmt[]): Loop {
  const changing = assignedIn([loop]);
  const invariant = cached((e: Expr): boolean => {
    if (e.k === "load") return false; // the loop may write there
    if (e.k === "var") return !changing.has(e.id);
    return childrenOf(e).every(invariant);
  });
  const known = new Map<number, Var>();
  const numbers = new Numbering();
  const move = cached((e: Expr): Expr => {
    if (!invariant(e)) return withChildren(e, childrenOf(e).map(move));
    if (!worthMoving(e)) return e;
    const key = numbers.of(e);
    let target = known.get(key);
    if (target === undefined) {
      target = fresh(e.type);
      known.set(key, target);
      before.push({ k: "set", target, value: e });
    }
    return target;
  });
  const body = loop.body.map((s) => mapExpressions(s, move));
  return loop.k === "for" ? { ...loop, body } : { ...loop, condition: move(loop.condition), body };
}

/** A scalar constant is part of an instruction, a vector one is built from scratch wherever it stands. */
function worthMoving(e: Expr): boolean {
  return e.k !== "var" && (e.k !== "const" || isVector(e.type) || isFloat(e.type));
}
