// A kernel as text, for people who look for what a rewriting did to it. What a statement shares gets a name first.

import type { Expr, Kernel, Stmt, UnaryOp } from "./ir.ts";
import { isVector } from "./ir.ts";
import { childrenOf, expressionsOf } from "./walk.ts";

export function print(kernel: Kernel): string {
  const params = kernel.params.map((p) => `${p.variable.name}.${p.variable.id}: ${p.type}`);
  const { begin, end, thread } = kernel;
  const head = `kernel ${kernel.name}(${params.join(", ")}; ${begin.name}.${begin.id}, ${end.name}.${end.id}, ${thread.name}.${thread.id})`;
  return [head, ...block(kernel.body)].join("\n");
}

function block(body: readonly Stmt[]): string[] {
  return body.flatMap(statement).map((line) => `  ${line}`);
}

/** An expression alone, shared nodes written out each time. */
export function printExpression(e: Expr): string {
  return text(e, (child) => printExpression(child));
}

function statement(s: Stmt): string[] {
  const lines: string[] = [];
  const show = namer(expressionsOf(s), lines);
  switch (s.k) {
    case "set":
      lines.push(`${printExpression(s.target)} = ${show(s.value)}`);
      return lines;
    case "store": {
      const value = show(s.value);
      const lanes = isVector(s.value.type) ? ` x${s.lanes}` : "";
      lines.push(`${place(s.base, s.index, s.offset, show)} = ${value} as ${s.elem}${lanes}`);
      return lines;
    }
    case "for": {
      const i = printExpression(s.counter);
      lines.push(`for ${i} = ${show(s.from)}; ${i} < ${show(s.to)}; ${i} += ${show(s.step)}`, ...block(s.body));
      return lines;
    }
    case "while":
      lines.push(`while ${show(s.condition)}`, ...block(s.body));
      return lines;
    case "if":
      lines.push(`if ${show(s.condition)}`, ...block(s.then));
      if (s.otherwise.length > 0) lines.push("else", ...block(s.otherwise));
      return lines;
    default:
      s satisfies never;
      return lines;
  }
}

/** Shows expressions; a node with several uses becomes a line of its own and a name. */
function namer(roots: readonly Expr[], lines: string[]): (e: Expr) => string {
  const uses = new Map<Expr, number>();
  const count = (e: Expr): void => {
    const known = uses.get(e) ?? 0;
    uses.set(e, known + 1);
    if (known === 0) for (const child of childrenOf(e)) count(child);
  };
  for (const e of roots) count(e);
  const names = new Map<Expr, string>();
  const show = (e: Expr): string => {
    const known = names.get(e);
    if (known !== undefined) return known;
    const written = text(e, show);
    if ((uses.get(e) ?? 0) < 2 || e.k === "var" || e.k === "const") return written;
    const name = `%${names.size}`;
    names.set(e, name);
    lines.push(`${name} = ${written}`);
    return name;
  };
  return show;
}

function place(base: Expr, index: Expr, offset: number, show: (e: Expr) => string): string {
  return `${show(base)}[${show(index)}${offset === 0 ? "" : ` + ${offset}`}]`;
}

const infix: { readonly [op: string]: string } = {
  add: "+",
  sub: "-",
  mul: "*",
  div: "/",
  rem: "%",
  and: "&",
  or: "|",
  xor: "^",
  shl: "<<",
  shr: ">>",
  shru: ">>>",
  eq: "==",
  ne: "!=",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
};
const prefix: { readonly [op in UnaryOp]?: string } = { neg: "-", not: "~" };

function text(e: Expr, show: (e: Expr) => string): string {
  switch (e.k) {
    case "const":
      return e.type === "i32" || e.type === "f32" ? String(e.value) : `${e.value}:${e.type}`;
    case "var":
      return `${e.name}.${e.id}`;
    case "load":
      return `${place(e.base, e.index, e.offset, show)}:${e.elem}${isVector(e.type) ? (e.splat ? " splat" : " x4") : ""}`;
    case "unary": {
      const sign = prefix[e.op];
      return sign === undefined ? `${e.op}(${show(e.a)})` : `${sign}${show(e.a)}`;
    }
    case "binary":
    case "compare": {
      const sign = infix[e.op];
      return sign === undefined ? `${e.op}(${show(e.a)}, ${show(e.b)})` : `(${show(e.a)} ${sign} ${show(e.b)})`;
    }
    case "select":
      return `(${show(e.c)} ? ${show(e.a)} : ${show(e.b)})`;
    case "fma":
      return `fma(${show(e.a)}, ${show(e.b)}, ${show(e.c)})`;
    case "cast":
      return `${e.type}(${show(e.a)})`;
    case "bits":
      return `bits ${e.type}(${show(e.a)})`;
    case "lane":
      return `${show(e.a)}.${"xyzw"[e.lane]}`;
    case "shuffle":
      return `shuffle(${show(e.a)}, ${show(e.b)}, ${e.lanes.join(" ")})`;
    default:
      e satisfies never;
      return "";
  }
}
