// What optimizers ask of their settings, and the gradient as their settings turn it.

import { ArgumentError } from "../base/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";

export type Range = "at least 0" | "at most 0" | "at least 1" | "from 0 to 1" | "from 0 to below 1";

const ranges: { readonly [range in Range]: (x: number) => boolean } = {
  "at least 0": (x) => x >= 0,
  "at most 0": (x) => x <= 0,
  "at least 1": (x) => x >= 1,
  "from 0 to 1": (x) => x >= 0 && x <= 1,
  "from 0 to below 1": (x) => x >= 0 && x < 1,
};

/** Throws for the first setting with a number (NaN included) that is out of its range. */
export function checkSettings(
  who: string,
  settings: Readonly<Record<string, readonly [value: number | readonly number[], wants: Range]>>,
): void {
  for (const [name, [value, wants]] of Object.entries(settings)) {
    const numbers = typeof value === "number" ? [value] : value;
    if (numbers.every(ranges[wants])) continue;
    throw new ArgumentError(`${who}: ${name} ${numbers.join(", ")}; wants ${wants}.`, { [name]: value });
  }
}

/** The gradient of `p` to go down along: turned round with `maximize`, plus `weightDecay · p`. */
export function descent(p: Tensor, settings: { readonly maximize: boolean; readonly weightDecay: number }): Tensor {
  const g = settings.maximize ? p.grad!.neg() : p.grad!;
  return settings.weightDecay === 0 ? g : g.add(p, { alpha: settings.weightDecay });
}
