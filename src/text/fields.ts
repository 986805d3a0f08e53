// Reads the JSON of tokenizer files. A field that is not what it should be is reported with the way to it, what came
// and what was wanted, so that a torn or foreign file is understood without opening it.

import { CheckpointError, UnsupportedError } from "../base/errors.ts";

export type JsonObject = { readonly [key: string]: unknown };

/** The fields of one JSON object; `where` is the way to it, as in `tokenizer.json: model`. */
export class Fields {
  readonly where: string;
  readonly object: JsonObject;

  constructor(value: unknown, where: string) {
    if (!isObject(value)) throw new CheckpointError(`${where}: wanted an object, got ${shown(value)}.`, { where });
    this.where = where;
    this.object = value;
  }

  has(name: string): boolean {
    return this.object[name] !== undefined && this.object[name] !== null;
  }

  string(name: string, fallback?: string): string {
    return this.#read(name, "a string", (value) => typeof value === "string", fallback);
  }

  boolean(name: string, fallback?: boolean): boolean {
    return this.#read(name, "true or false", (value) => typeof value === "boolean", fallback);
  }

  /** A string of one character. */
  char(name: string, fallback?: string): string {
    const isChar = (value: unknown) => typeof value === "string" && [...value].length === 1;
    return this.#read(name, "one character", isChar, fallback);
  }

  /** A whole number, at least `least`: an id, a size. */
  count(name: string, fallback?: number, least = 0): number {
    const wanted = least === 0 ? "a whole number" : `a whole number, ${least} or more`;
    const accepts = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= least;
    return this.#read(name, wanted, accepts, fallback);
  }

  /** A string, or null where it is null or left out. */
  optionalString(name: string): string | null {
    return this.has(name) ? this.string(name) : null;
  }

  number(name: string, fallback?: number): number {
    return this.#read(name, "a number", (value) => typeof value === "number", fallback);
  }

  array(name: string, fallback?: readonly unknown[]): readonly unknown[] {
    return this.#read(name, "an array", Array.isArray, fallback);
  }

  /** An array of whole numbers. */
  counts(name: string): readonly number[] {
    const areCounts = (value: unknown) =>
      Array.isArray(value) && value.every((one) => Number.isSafeInteger(one) && one >= 0);
    return this.#read<readonly number[]>(name, "an array of whole numbers", areCounts, undefined);
  }

  fields(name: string): Fields {
    return new Fields(this.object[name], `${this.where}.${name}`);
  }

  /** One of `names`; anything else is an error that lists them. */
  oneOf<T extends string>(name: string, names: readonly T[], fallback?: T): T {
    const value = this.string(name, fallback);
    const found = names.find((known) => known === value);
    if (found === undefined) this.#fail(name, `one of ${names.join(", ")}`);
    return found;
  }

  /** What the table has for this object's `type`. */
  byType<T>(table: { readonly [type: string]: T }, what: string): T {
    const type = this.string("type");
    const found = Object.hasOwn(table, type) ? table[type] : undefined;
    if (found !== undefined) return found;
    const known = Object.keys(table).join(", ");
    throw new UnsupportedError(`${this.where}: no ${what} "${type}" yet; there are ${known}.`, {
      where: this.where,
      type,
    });
  }

  #read<T>(name: string, wanted: string, accepts: (value: unknown) => boolean, fallback: T | undefined): T {
    if (!this.has(name) && fallback !== undefined) return fallback;
    const value = this.object[name];
    if (!accepts(value)) this.#fail(name, wanted);
    return value as T; // `accepts` has looked at it
  }

  #fail(name: string, wanted: string): never {
    const got = shown(this.object[name]);
    throw new CheckpointError(`${this.where}.${name}: wanted ${wanted}, got ${got}.`, {
      where: this.where,
      name,
      wanted,
    });
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as it is named in a message: its kind, or itself when that is short. */
export function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isObject(value)) return `an object with ${Object.keys(value).slice(0, 3).join(", ") || "no fields"}`;
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
