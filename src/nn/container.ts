// Modules that hold modules.

import { ArgumentError, IndexError } from "../base/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type AnyModule, Module, tree } from "./module.ts";

/** Modules one after another: each gets what the one before gave. */
export class Sequential extends Module<[x: Tensor], Tensor> implements Iterable<Module<[x: Tensor], Tensor>> {
  constructor(...modules: Module<[x: Tensor], Tensor>[]) {
    super();
    modules.forEach((module, i) => {
      Object.assign(this, { [i]: module });
    });
  }
  get size(): number {
    return this.children().length;
  }
  at(index: number): Module<[x: Tensor], Tensor> {
    return childAt(this, index);
  }
  [Symbol.iterator](): Iterator<Module<[x: Tensor], Tensor>> {
    return this.children()[Symbol.iterator]();
  }
  forward(x: Tensor): Tensor {
    let y = x;
    for (const module of this) y = module(y);
    return y;
  }
}

/** A list of modules. They are called by whoever holds the list. */
export class ModuleList<M extends AnyModule = AnyModule> extends Module<[], unknown> implements Iterable<M> {
  constructor(modules: Iterable<M> = []) {
    super();
    for (const module of modules) this.push(module);
  }
  get size(): number {
    return this.children().length;
  }
  at(index: number): M {
    return childAt(this, index) as M; // push takes nothing else
  }
  push(module: M): void {
    Object.assign(this, { [this.size]: module });
  }
  [Symbol.iterator](): Iterator<M> {
    return (this.children() as M[])[Symbol.iterator](); // push takes nothing else
  }
  forward(): unknown {
    throw new ArgumentError("a ModuleList is not called; call its modules.", {});
  }
  /** Neighbours that print alike stand on one line. */
  override toString(): string {
    const runs: { readonly text: string; count: number }[] = [];
    for (const module of this) {
      const text = String(module);
      const last = runs.at(-1);
      if (last?.text === text) last.count++;
      else runs.push({ text, count: 1 });
    }
    let from = 0;
    const lines = runs.map(({ text, count }) => {
      const line = count === 1 ? `(${from}): ${text}` : `(${from}-${from + count - 1}): ${count} x ${text}`;
      from += count;
      return line;
    });
    return tree(this.constructor.name, "", lines);
  }
}

/** Modules by name. In checkpoints the names stand as they are. They are called by whoever holds them. */
export class ModuleDict<M extends AnyModule = AnyModule> extends Module<[], unknown> implements Iterable<[string, M]> {
  constructor(modules: Readonly<Record<string, M>> = {}) {
    super();
    for (const [name, module] of Object.entries(modules)) this.set(name, module);
  }
  get size(): number {
    return this.children().length;
  }
  get(name: string): M {
    const module = Object.hasOwn(this, name) ? (this as unknown as Record<string, unknown>)[name] : undefined; // read by name
    if (!(module instanceof Module)) {
      const names = this.keys().join(", ");
      throw new IndexError(`ModuleDict: no module is named "${name}"; there are ${names === "" ? "none" : names}.`, {
        name,
      });
    }
    return module as M; // set takes nothing else
  }
  has(name: string): boolean {
    return this.keys().includes(name);
  }
  set(name: string, module: M): void {
    if (name in this && !this.has(name)) {
      throw new ArgumentError(`ModuleDict: "${name}" is a name that every module has; choose another.`, { name });
    }
    if (name === "" || name.includes(".")) {
      throw new ArgumentError(`ModuleDict: "${name}" is no name: it is not empty and has no dot.`, { name });
    }
    Object.assign(this, { [name]: module });
  }
  delete(name: string): boolean {
    return this.has(name) && Reflect.deleteProperty(this, name);
  }
  keys(): string[] {
    return this.namedChildren().map(([name]) => name);
  }
  [Symbol.iterator](): Iterator<[string, M]> {
    return (this.namedChildren() as [string, M][])[Symbol.iterator](); // set takes nothing else
  }
  override spell(property: string): string {
    return property;
  }
  forward(): never {
    throw new ArgumentError("a ModuleDict is not called; call its modules.", {});
  }
}

/** Gives back what it gets. */
export class Identity extends Module<[x: Tensor], Tensor> {
  forward(x: Tensor): Tensor {
    return x;
  }
}

/** One dimension in place of `startDim … endDim`; by default all but the first. */
export class Flatten extends Module<[x: Tensor], Tensor> {
  readonly startDim: number;
  readonly endDim: number;
  constructor(startDim = 1, endDim = -1) {
    super();
    this.startDim = startDim;
    this.endDim = endDim;
  }
  forward(x: Tensor): Tensor {
    return x.flatten(this.startDim, this.endDim);
  }
  override extraRepr(): string {
    return `start_dim=${this.startDim}, end_dim=${this.endDim}`;
  }
}

function childAt(module: AnyModule, index: number): AnyModule {
  const children = module.children();
  const child = children.at(index);
  if (child === undefined) {
    const name = module.constructor.name;
    throw new IndexError(`${name}: index ${index} is out of range for ${children.length} modules.`, { index });
  }
  return child;
}
