// Numbers on the command line, checked as they are read.

import { InvalidArgumentError } from "commander";

/** A parser for whole numbers of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isInteger(value) || value < least) {
      throw new InvalidArgumentError(`it must be a whole number of at least ${least}.`);
    }
    return value;
  };
}

/** A parser for numbers above (or, with `orEqual`, from) `bound`. */
export function numberAbove(bound: number, orEqual = false): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || (orEqual ? value < bound : value <= bound)) {
      throw new InvalidArgumentError(`it must be a number ${orEqual ? "of at least" : "above"} ${bound}.`);
    }
    return value;
  };
}

/** A parser for any finite number. */
export function anyNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("it must be a number.");
  return value;
}
