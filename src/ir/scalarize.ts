// Rewrites a kernel for machines without vectors: four scalars stand for one.

import { KernelError } from "./build.ts";
import type { Expr, Kernel, Stmt, Type, Var } from "./ir.ts";
import { isVector, laneOf } from "./ir.ts";
import { cached, childrenOf, withChildren } from "./walk.ts";

type Four = readonly [Expr, Expr, Expr, Expr];
type FourVars = readonly [Var, Var, Var, Var];

export function scalarize(kernel: Kernel): Kernel {
  const rewrite = new Scalarizer(kernel.variables);
  const body = rewrite.block(kernel.body);
  return { ...kernel, body, variables: rewrite.variables };
}

const four = <T>(make: (lane: number) => T): readonly [T, T, T, T] => [make(0), make(1), make(2), make(3)];

class Scalarizer {
  variables: number;
  readonly #parts: Map<number, FourVars> = new Map();

  constructor(variables: number) {
    this.variables = variables;
  }

  #fresh(type: Type, name: string): FourVars {
    return four((lane) => ({ k: "var", type: laneOf(type), name: `${name}${lane}`, id: this.variables++ }));
  }

  #partsOf(v: Var): FourVars {
    let parts = this.#parts.get(v.id);
    if (parts === undefined) {
      parts = this.#fresh(v.type, v.name);
      this.#parts.set(v.id, parts);
    }
    return parts;
  }

  block(body: readonly Stmt[]): Stmt[] {
    return body.flatMap((s) => this.#statement(s));
  }

  #statement(s: Stmt): Stmt[] {
    switch (s.k) {
      case "set": {
        if (!isVector(s.target.type)) return [{ ...s, value: this.#scalar(s.value) }];
        const values = this.#compute(s.value);
        return [...values.sets, ...set(this.#partsOf(s.target), values.parts)];
      }
      case "store": {
        const [base, index] = [this.#scalar(s.base), this.#scalar(s.index)];
        if (!isVector(s.value.type)) return [{ ...s, base, index, value: this.#scalar(s.value) }];
        const [b, i, values] = [this.#once(base), this.#once(index), this.#compute(s.value)];
        const stores = values.parts.slice(0, s.lanes).map((value, lane): Stmt => {
          return { ...s, base: b.value, index: i.value, offset: s.offset + lane, value, lanes: 1 };
        });
        return [...b.sets, ...i.sets, ...values.sets, ...stores];
      }
      case "for":
        return [
          {
            ...s,
            from: this.#scalar(s.from),
            to: this.#scalar(s.to),
            step: this.#scalar(s.step),
            body: this.block(s.body),
          },
        ];
      case "while":
        return [{ ...s, condition: this.#scalar(s.condition), body: this.block(s.body) }];
      case "if":
        return [
          { ...s, condition: this.#scalar(s.condition), then: this.block(s.then), otherwise: this.block(s.otherwise) },
        ];
      default:
        s satisfies never;
        return [];
    }
  }

  /** What a store might change is read before it. */
  #once(value: Expr): { readonly sets: readonly Stmt[]; readonly value: Expr } {
    if (value.k === "const" || value.k === "var") return { sets: [], value };
    const target: Var = { k: "var", type: value.type, name: "place", id: this.variables++ };
    return { sets: [{ k: "set", target, value }], value: target };
  }

  /** All lanes are computed before one is written, which might change what the others read. */
  #compute(value: Expr): { readonly sets: readonly Stmt[]; readonly parts: FourVars } {
    const parts = this.#fresh(value.type, "lane");
    return { sets: set(parts, this.#lanes(value)), parts };
  }

  readonly #scalar: (e: Expr) => Expr = cached((e) => {
    if (e.k !== "lane") return withChildren(e, childrenOf(e).map(this.#scalar));
    const lanes = this.#lanes(e.a);
    return lanes[e.lane] ?? lanes[0];
  });

  readonly #lanes: (e: Expr) => Four = cached((e) => {
    const type = laneOf(e.type);
    switch (e.k) {
      case "const": {
        const value: Expr = { ...e, type };
        return four(() => value);
      }
      case "var":
        return this.#partsOf(e);
      case "load": {
        const place = { ...e, type, splat: false, base: this.#scalar(e.base), index: this.#scalar(e.index) };
        return e.splat ? four(() => place) : four((lane) => ({ ...place, offset: e.offset + lane }));
      }
      case "cast": {
        if (isVector(e.a.type)) break;
        const value = this.#scalar(e.a);
        return four(() => value);
      }
      case "shuffle": {
        const both = [...this.#lanes(e.a), ...this.#lanes(e.b)];
        return four((lane) => both[e.lanes[lane] ?? 0] ?? e);
      }
      case "unary":
      case "binary":
      case "compare":
      case "select":
      case "fma":
      case "bits":
        break;
      case "lane":
        throw new KernelError("kernel: a lane is no vector");
      default:
        e satisfies never;
    }
    const operands = childrenOf(e).map((child) =>
      isVector(child.type) ? this.#lanes(child) : four(() => this.#scalar(child)),
    );
    return four(
      (lane) =>
        ({
          ...withChildren(
            e,
            operands.map((o) => o[lane] ?? o[0]),
          ),
          type,
        }) as Expr,
    ); // of the lane's type
  });
}

function set(targets: FourVars, values: Four): Stmt[] {
  return targets.map((target, lane) => ({ k: "set", target, value: values[lane] ?? values[0] }));
}
