// Modules that hold modules.

import { IndexError } from "../base/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type AnyModule, Module } from "./module.ts";

/** Modules one after another: each gets what the one before gave. */
export class Sequential extends Module<[x: Tensor], Tensor> {
  constructor(...modules: Module<[x: Tensor], Tensor>[]) {
    super();
    modules.forEach((module, i) => {
      Object.assign(this, { [i]: module });
    });
  }
  forward(x: Tensor): Tensor {
    return this.children().reduce<Tensor>((y, module) => module(y), x);
  }
}

/** A list of modules. They are called by whoever holds the list. */
export class ModuleList<M extends AnyModule = AnyModule> extends Module<never[], never> implements Iterable<M> {
  #items: M[] = [];

  constructor(modules: Iterable<M> = []) {
    super();
    for (const module of modules) this.push(module);
  }
  get size(): number {
    return this.#items.length;
  }
  at(index: number): M {
    const module = this.#items.at(index);
    if (module === undefined) throw new IndexError(`ModuleList: index ${index} is out of range for ${this.size} modules.`, { index });
    return module;
  }
  push(module: M): void {
    Object.assign(this, { [this.#items.length]: module });
    this.#items.push(module);
  }
  [Symbol.iterator](): Iterator<M> {
    return this.#items[Symbol.iterator]();
  }
  forward(): never {
    throw new IndexError("a ModuleList is not called; call its modules.", {});
  }
}

/** Gives back what it gets. */
export class Identity extends Module<[x: Tensor], Tensor> {
  forward(x: Tensor): Tensor {
    return x;
  }
}
