// Modules that hold parameters by place or by name.

import type { DType } from "../base/dtype.ts";
import { ArgumentError, IndexError } from "../base/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import { Module, tree } from "./module.ts";
import { Parameter } from "./parameter.ts";

/** A tensor that is no parameter yet becomes one. */
function owned(value: Tensor): Parameter {
  return value instanceof Parameter ? value : new Parameter(value);
}

/** PyTorch's lines, which stand alone where there is one. */
function shown(name: string, lines: readonly string[]): string {
  const indented = lines.map((line) => `  ${line}`);
  return indented.length < 2 ? `${name}(${indented.join("")})` : tree(name, "", indented);
}

abstract class Holder extends Module<[], unknown> {
  get size(): number {
    return this.entries().length;
  }
  /** Names and parameters in order. */
  entries(): [name: string, parameter: Parameter][] {
    return Object.entries(this).flatMap(([name, value]: [string, unknown]) =>
      // `functionalCall` puts other tensors in their places.
      value instanceof Tensor ? [[name, value] as [string, Parameter]] : [],
    );
  }
  override spell(property: string): string {
    return property;
  }
  forward(): never {
    throw new ArgumentError(`a ${this.constructor.name} is not called; use its parameters.`, {});
  }
}

/** A list of parameters, `0`, `1`, … in checkpoints. */
export class ParameterList extends Holder implements Iterable<Parameter> {
  constructor(values: Iterable<Tensor> = []) {
    super();
    for (const value of values) this.push(value);
  }
  at(index: number): Parameter {
    const found = this.entries().at(index);
    if (found === undefined)
      throw new IndexError(`ParameterList: index ${index} is out of range for ${this.size} parameters.`, { index });
    return found[1];
  }
  push(value: Tensor): void {
    Object.assign(this, { [this.size]: owned(value) });
  }
  [Symbol.iterator](): Iterator<Parameter> {
    return this.entries()
      .map(([, parameter]) => parameter)
      [Symbol.iterator]();
  }
  override toString(): string {
    const lines = this.entries().map(
      ([name, p]) => `(${name}): Parameter containing: [torch.${p.dtype} of size ${p.shape.join("x")}]`,
    );
    return shown(this.constructor.name, lines);
  }
}

const typeNames: { readonly [d in DType]: string } = {
  float32: "FloatTensor",
  float64: "DoubleTensor",
  float16: "HalfTensor",
  bfloat16: "BFloat16Tensor",
  int8: "CharTensor",
  int16: "ShortTensor",
  int32: "IntTensor",
  int64: "LongTensor",
  uint8: "ByteTensor",
  bool: "BoolTensor",
};

/** Parameters by name. In checkpoints the names stand as they are. */
export class ParameterDict extends Holder implements Iterable<[string, Parameter]> {
  constructor(values: Readonly<Record<string, Tensor>> = {}) {
    super();
    for (const [name, value] of Object.entries(values)) this.set(name, value);
  }
  keys(): string[] {
    return this.entries().map(([name]) => name);
  }
  has(name: string): boolean {
    return this.keys().includes(name);
  }
  get(name: string): Parameter {
    const found = this.entries().find(([key]) => key === name);
    if (found === undefined) {
      const names = this.keys().join(", ");
      throw new IndexError(
        `ParameterDict: no parameter is named "${name}"; there are ${names === "" ? "none" : names}.`,
        {
          name,
        },
      );
    }
    return found[1];
  }
  set(name: string, value: Tensor): void {
    if (name in this && !this.has(name))
      throw new ArgumentError(`ParameterDict: "${name}" is a name that every module has; choose another.`, { name });
    if (name === "" || name.includes("."))
      throw new ArgumentError(`ParameterDict: "${name}" is no name: it is not empty and has no dot.`, { name });
    Object.assign(this, { [name]: owned(value) });
  }
  delete(name: string): boolean {
    return this.has(name) && Reflect.deleteProperty(this, name);
  }
  [Symbol.iterator](): Iterator<[string, Parameter]> {
    return this.entries()[Symbol.iterator]();
  }
  override toString(): string {
    const lines = this.entries().map(
      ([name, p]) => `(${name}): Parameter containing: [torch.${typeNames[p.dtype]} of size ${p.shape.join("x")}]`,
    );
    return shown(this.constructor.name, lines);
  }
}
