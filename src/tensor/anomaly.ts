// Where a NaN in a gradient comes from. While it is looked for, each node of the graph remembers the line that made it.

import { NonFiniteError } from "../base/errors.ts";
import { noGrad } from "./grad-mode.ts";
import type { Gradients, Node } from "./graph.ts";
import { tidy } from "./scope.ts";

let enabled = false;

/**
 * Runs `body`, forward passes and backward; the first operation whose gradient has a NaN throws a `NonFiniteError` that names the
 * line of its forward call. Slow, for looking at every gradient: for finding a fault, not for training.
 */
export function detectAnomaly<T>(body: () => T): T {
  const before = enabled;
  enabled = true;
  try {
    return body();
  } finally {
    enabled = before;
  }
}

/** The calls that led here, the caller of the package first; undefined if nothing is looked for. */
export function forwardLines(): string | undefined {
  if (!enabled) return undefined;
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 100; // models are deep
  const { stack = "" } = new Error();
  Error.stackTraceLimit = stackTraceLimit;
  const home = import.meta.url.replace(/[^/]*\/[^/]*$/, ""); // two levels up: all files of the package
  const lines = stack.split("\n").filter((line) => /:\d+:\d+\)?$/.test(line));
  const outside = lines.filter((line) => !line.includes(home));
  return (outside.length > 0 ? outside : lines).join("\n"); // one file holds everything that a bundler made
}
/** Throws if one of a node's gradients has a NaN. */
export function checkAnomaly(node: Node, grads: Gradients): void {
  if (!enabled) return;
  const input = grads.findIndex(
    (g) => g !== undefined && noGrad(() => tidy(() => Number(g.isnan().any().item()) === 1)),
  );
  if (input < 0) return;
  const { lines } = node;
  const where = lines === undefined ? " It ran outside of detectAnomaly()." : ` It ran here:\n${lines}`;
  throw new NonFiniteError(
    `${node.name}: the gradient of its input ${input} is the first with a NaN in this backward pass.${where}`,
    { node: node.name, input, lines },
  );
}
