// How a command fails: one clear line on stderr and an exit code other than 0.

import { KindlingError } from "../base/errors.ts";

/** Says what went wrong. What we foresaw is one line; anything else is a defect of ours and shows where it came from. */
export function report(error: unknown): void {
  if (error instanceof KindlingError) console.error(`kindling: ${oneLine(error.message)}`);
  else console.error("kindling: unexpected error, please report it:", error);
  process.exitCode = 1;
}

/** A message without its line breaks. */
export function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, " ");
}
