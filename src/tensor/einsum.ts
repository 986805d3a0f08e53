// Einstein's notation: letters name dimensions, equal letters are multiplied along, letters that the result does not name are
// summed over. Operands are contracted from left to right, each pair as one batched matrix product.
//
//   "bij,bjk->bik"     letters of both and of the result: batch     of both, not of the result: K     of one: M or N

import { ArgumentError, ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import type { Tensor } from "./core.ts";
import { tidy } from "./scope.ts";

/** An operand with a letter for each of its dimensions. */
interface Named {
  readonly x: Tensor;
  readonly letters: readonly string[];
}

/**
 * `einsum("bij,bjk->bik", a, b)`: the sum of products over all letters that the result does not name. Without `->` the result has
 * the letters that occur once, in alphabetical order. `...` stands for further dimensions, which broadcast.
 */
export function einsum(equation: string, ...operands: Tensor[]): Tensor {
  const { inputs, output } = parse(equation, operands);
  return tidy(() => {
    const named = operands.map((x, i) => diagonals(equation, x, inputs[i]!));
    let [result, ...rest] = named as [Named, ...Named[]]; // parse wants one at least
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) {
      const needed = new Set([...output, ...rest.flatMap((n) => n.letters)]);
      result = contract(equation, summed(result, new Set([...needed, ...next.letters])), next, needed);
    }
    const { x, letters } = summed(result, new Set(output));
    const missing = output.find((letter) => !letters.includes(letter));
    if (missing !== undefined) throw wrong(equation, `the result's ${name(missing)} is in no operand`);
    return x.permute(...output.map((letter) => letters.indexOf(letter)));
  });
}

function wrong(equation: string, why: string): ArgumentError {
  return new ArgumentError(`einsum("${equation}"): ${why}.`, { equation });
}

/** The dimensions of an ellipsis are named by numbers, counted from the right. */
function name(letter: string): string {
  return letter.length === 1 && /[A-Za-z]/.test(letter) ? `"${letter}"` : "ellipsis";
}

function parse(equation: string, operands: readonly Tensor[]): { inputs: string[][]; output: string[] } {
  const [left, right, ...more] = equation.replaceAll(" ", "").split("->");
  const terms = left!.split(",");
  if (more.length > 0) throw wrong(equation, "it has more than one arrow");
  if (terms.length !== operands.length || operands.length === 0)
    throw wrong(equation, `it names ${terms.length} operands, ${operands.length} are given`);
  const inputs = terms.map((term, i) => lettersOf(equation, term, operands[i]!.ndim));
  const ellipsis = [...new Set(inputs.flat().filter((l) => l.startsWith(".")))].sort(
    (a, b) => Number(b.slice(1)) - Number(a.slice(1)),
  );
  if (right !== undefined) {
    const [before, after, ...others] = right.split("...");
    if (others.length > 0) throw wrong(equation, "the result has more than one ellipsis");
    const output = after === undefined ? [...before!] : [...before!, ...ellipsis, ...after];
    checkLetters(equation, output);
    if (new Set(output).size !== output.length) throw wrong(equation, "the result names a letter twice");
    return { inputs, output };
  }
  const counts = new Map<string, number>();
  for (const letter of inputs.flat()) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  const single = [...counts].filter(([letter, n]) => n === 1 && !letter.startsWith(".")).map(([letter]) => letter);
  return { inputs, output: [...ellipsis, ...single.sort()] };
}

function lettersOf(equation: string, term: string, rank: number): string[] {
  const [before, after, ...others] = term.split("...");
  if (others.length > 0) throw wrong(equation, `"${term}" has more than one ellipsis`);
  const named = [...before!, ...(after ?? "")];
  checkLetters(equation, named);
  const free = rank - named.length;
  if (free < 0 || (after === undefined && free > 0))
    throw wrong(equation, `"${term}" names ${named.length} dimensions, its operand has ${rank}`);
  if (after === undefined) return named;
  return [...before!, ...Array.from({ length: free }, (_, i) => `.${free - i}`), ...after];
}

function checkLetters(equation: string, letters: readonly string[]): void {
  const bad = letters.find((l) => !/^[A-Za-z]$/.test(l) && !l.startsWith("."));
  if (bad !== undefined) throw wrong(equation, `"${bad}" is no letter`);
}

/** A letter that an operand has twice stands for its diagonal. */
function diagonals(equation: string, x: Tensor, letters: readonly string[]): Named {
  const again = letters.findIndex((letter, i) => letters.indexOf(letter) < i);
  if (again < 0) return { x, letters };
  const first = letters.indexOf(letters[again]!);
  if (x.shape[first] !== x.shape[again])
    throw new ShapeError(
      `einsum("${equation}"): "${letters[again]}" is ${x.shape[first]} and ${x.shape[again]} in ${showShape(x.shape)}.`,
      {
        equation,
        shape: x.shape,
      },
    );
  const rest = letters.filter((_, i) => i !== first && i !== again);
  return diagonals(equation, x.diagonal(0, first, again), [...rest, letters[again]!]);
}

/** Without the letters that nobody needs. */
function summed({ x, letters }: Named, needed: ReadonlySet<string>): Named {
  const gone = letters.flatMap((letter, d) => (needed.has(letter) ? [] : [d]));
  if (gone.length === 0) return { x, letters };
  return { x: x.sum({ dim: gone }), letters: letters.filter((letter) => needed.has(letter)) };
}

/** The product of two operands, with the letters that are needed later. */
function contract(equation: string, a: Named, b: Named, needed: ReadonlySet<string>): Named {
  const all = new Set([...needed, ...a.letters]);
  const right = summed(b, all);
  const sizes = sizesOf(equation, a, right);
  const shared = a.letters.filter((letter) => right.letters.includes(letter));
  // A size of 1 that the other operand stretches belongs to the other alone.
  const [x, aLetters] = withoutStretched(a, sizes, shared);
  const [y, bLetters] = withoutStretched(right, sizes, shared);
  const both = aLetters.filter((letter) => bLetters.includes(letter));
  const batch = both.filter((letter) => needed.has(letter));
  const inner = both.filter((letter) => !needed.has(letter));
  const rows = aLetters.filter((letter) => !both.includes(letter));
  const columns = bLetters.filter((letter) => !both.includes(letter));
  const product = (letters: readonly string[]): number => letters.reduce((n, letter) => n * sizes.get(letter)!, 1);
  const order = (t: Tensor, from: readonly string[], to: readonly string[]): Tensor =>
    t.permute(...to.map((letter) => from.indexOf(letter)));
  const left = order(x, aLetters, [...batch, ...rows, ...inner]).reshape(product(batch), product(rows), product(inner));
  const other = order(y, bLetters, [...batch, ...inner, ...columns]).reshape(
    product(batch),
    product(inner),
    product(columns),
  );
  const letters = [...batch, ...rows, ...columns];
  return { x: left.matmul(other).reshape(...letters.map((letter) => sizes.get(letter)!)), letters };
}

function withoutStretched(
  { x, letters }: Named,
  sizes: ReadonlyMap<string, number>,
  shared: readonly string[],
): [Tensor, string[]] {
  const gone = letters.flatMap((letter, d) =>
    shared.includes(letter) && x.shape[d] === 1 && sizes.get(letter) !== 1 ? [d] : [],
  );
  return [gone.length === 0 ? x : x.squeeze(gone), letters.filter((_, d) => !gone.includes(d))];
}

function sizesOf(equation: string, ...operands: readonly Named[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { x, letters } of operands) {
    letters.forEach((letter, d) => {
      const size = x.shape[d]!;
      const known = sizes.get(letter);
      if (known !== undefined && known !== size && known !== 1 && size !== 1) {
        throw new ShapeError(
          `einsum("${equation}"): ${name(letter)} is ${known} in one operand and ${size} in another.`,
          {
            equation,
            sizes: [known, size],
          },
        );
      }
      if (known === undefined || known === 1) sizes.set(letter, size);
    });
  }
  return sizes;
}
