// Numbers on the command line, checked as they are read.

import { InvalidArgumentError } from "commander";

/** A parser for whole numbers of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isInteger(value) || value < least) {
      throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
    }
    return value;
  };
}

/** A parser for numbers above `bound`. */
export function numberAbove(bound: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || value <= bound) {
      throw new InvalidArgumentError(`It must be a number above ${bound}.`);
    }
    return value;
  };
}

/** A parser for any finite number. */
export function anyNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It must be a number.");
  return value;
}

/** A number from 0 to below 1. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value < 1)) {
    throw new InvalidArgumentError("It must be a number of at least 0 and below 1.");
  }
  return value;
}
