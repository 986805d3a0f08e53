// Who lives in which local of the function: the kernel's variables, and temporaries, which take turns.

import type { Var } from "../../ir/ir.ts";
import type { ValueType } from "./assembler.ts";
import { valueTypeOf } from "./tables.ts";

export class Locals {
  readonly #types: ValueType[] = [];
  readonly #first: number;
  readonly #variables: Map<number, number> = new Map();
  readonly #free: { readonly [t in ValueType]: number[] } = { i32: [], i64: [], f32: [], f64: [], v128: [] };

  /** The variables are those that the function's parameters from 1 on hold. */
  constructor(parameters: readonly Var[]) {
    this.#first = parameters.length + 1;
    parameters.forEach((v, i) => {
      this.#variables.set(v.id, i + 1);
    });
  }

  /** The locals to declare beyond the parameters. */
  get types(): readonly ValueType[] {
    return this.#types;
  }

  of(variable: Var): number {
    let local = this.#variables.get(variable.id);
    if (local === undefined) {
      local = this.#add(valueTypeOf[variable.type]);
      this.#variables.set(variable.id, local);
    }
    return local;
  }

  /** A local of the caller's own, until it is released. */
  take(type: ValueType): number {
    return this.#free[type].pop() ?? this.#add(type);
  }

  release(type: ValueType, local: number): void {
    this.#free[type].push(local);
  }

  #add(type: ValueType): number {
    return this.#first + this.#types.push(type) - 1;
  }
}
