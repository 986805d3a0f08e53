// What a mutation is, and where its text stands.

export type Flip = "sign" | "epsilon" | "axis" | "offset" | "comparison" | "factor" | "order";

export interface Mutation {
  /** What is broken, in words; unique within the file. */
  readonly name: string;
  /** Under src/. */
  readonly file: string;
  readonly flip: Flip;
  readonly find: string;
  readonly put: string;
  /** Tried in this order, until one fails. */
  readonly tests: readonly string[];
}

export type Place = readonly [name: string, flip: Flip, find: string, put: string];

/** Places of one file, with the tests for all of them. */
export function within(file: string, tests: readonly string[], places: readonly Place[]): Mutation[] {
  return places.map(([name, flip, find, put]) => ({ name, file, flip, find, put, tests }));
}

export const opinfo = "test/opinfo.test.ts";
export const portable = "test/portable/node.test.ts";

/** Throws unless the text stands in the file exactly once. */
export function placeOf(
  { file, name, find }: Pick<Mutation, "file" | "name" | "find">,
  source: string,
): { readonly begin: number; readonly end: number } {
  const times = source.split(find).length - 1;
  if (times !== 1) {
    throw new Error(
      `mutation "${name}": src/${file} holds ${JSON.stringify(find)} ${times} times, wanted once. Say in scripts/mutations/ what it has become.`,
    );
  }
  const begin = source.indexOf(find);
  return { begin, end: begin + find.length };
}
