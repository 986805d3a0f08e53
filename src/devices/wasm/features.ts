// What this runtime can do, found by offering it tiny modules, less what the environment forbids: KINDLING_SIMD=0,
// KINDLING_RELAXED=0, KINDLING_REVECTORIZE=0, KINDLING_THREADS=n.

import { platform } from "#runtime/base/platform";
import { ArgumentError } from "../../base/errors.ts";
import { mayWiden, v8Major } from "./compile.ts";
import { maxThreads } from "./phases.ts";
import { isWideRight } from "./verify.ts";

export interface Features {
  readonly simd: boolean;
  /** Relaxed SIMD: fused multiply-add. */
  readonly relaxed: boolean;
  /** Memory that threads share. */
  readonly sharedMemory: boolean;
  /** How many threads a device uses. */
  readonly threads: number;
  /** Whether V8 turns pairs of 128-bit operations into 256-bit ones. */
  readonly revectorized: "on" | "off" | "failed verification";
  /** Why a feature is not at its best. */
  readonly reasons: Readonly<Partial<Record<"simd" | "relaxed" | "threads" | "revectorized", string>>>;
}

let found: Features | undefined;

export function features(): Features {
  return (found ??= detect());
}

function detect(): Features {
  const noSimd = forbidden("KINDLING_SIMD") ?? (hasSimd() ? undefined : "the runtime has no WebAssembly SIMD");
  const noRelaxed =
    noSimd ?? forbidden("KINDLING_RELAXED") ?? (hasRelaxed() ? undefined : "the runtime has no relaxed SIMD");
  const sharedMemory = hasSharedMemory();
  const asked = platform.readEnv("KINDLING_THREADS");
  const simd = noSimd === undefined;
  const relaxed = noRelaxed === undefined;

  let revectorized: Features["revectorized"] = "off";
  let notWide = noSimd ?? forbidden("KINDLING_REVECTORIZE");
  if (notWide === undefined && !mayWiden) notWide = "only V8 13 and later on x86-64 can";
  if (notWide === undefined) {
    const right = isWideRight({ simd, relaxed, sharedMemory: false, minPages: 1, maxPages: 1 });
    revectorized = right ? "on" : "failed verification";
    if (!right) notWide = "256-bit code gave other results than 128-bit code";
  }
  return {
    simd,
    relaxed,
    sharedMemory,
    threads: !sharedMemory ? 1 : asked !== undefined ? toThreads(asked) : Math.min(platform.threads, maxThreads),
    revectorized,
    reasons: {
      ...(noSimd !== undefined && { simd: noSimd }),
      ...(noRelaxed !== undefined && { relaxed: noRelaxed }),
      ...(notWide !== undefined && { revectorized: notWide }),
      ...(!sharedMemory && { threads: "no shared memory (a page needs cross-origin isolation)" }),
      ...(sharedMemory && asked !== undefined && { threads: `KINDLING_THREADS=${asked}` }),
    },
  };
}

function forbidden(name: string): string | undefined {
  return platform.readEnv(name) === "0" ? `${name}=0` : undefined;
}

function toThreads(text: string): number {
  const threads = Number(text);
  if (Number.isInteger(threads) && threads >= 1 && threads <= maxThreads) return threads;
  throw new ArgumentError(`KINDLING_THREADS=${text}: wants a whole number from 1 to ${maxThreads}`, { threads: text });
}

const magic = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const voidFunction = [1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0];

function isValid(...parts: readonly (readonly number[])[]): boolean {
  return typeof WebAssembly === "object" && WebAssembly.validate(Uint8Array.from([...magic, ...parts.flat()]));
}

function hasSimd(): boolean {
  const splat = [0x41, 0, 0xfd, 17]; // i32x4.splat (i32.const 0)
  return isValid(voidFunction, [10, 9, 1, 7, 0, ...splat, 0x1a, 0x0b]);
}

function hasRelaxed(): boolean {
  const splat = [0x41, 0, 0xfd, 17];
  const madd = [0xfd, 0x85, 0x02];
  const isThere = (): boolean =>
    isValid(voidFunction, [10, 20, 1, 18, 0, ...splat, ...splat, ...splat, ...madd, 0x1a, 0x0b]);
  // Node 20 has it, finished, behind a flag.
  return isThere() || (v8Major === 11 && platform.setV8Flag("--experimental-wasm-relaxed-simd") && isThere());
}

function hasSharedMemory(): boolean {
  const memory = [5, 4, 1, 3, 1, 1]; // one page, shared
  return typeof SharedArrayBuffer !== "undefined" && typeof Atomics !== "undefined" && isValid(memory);
}
