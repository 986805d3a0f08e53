// Runs a test of a kernel on the devices that must agree: one thread, two threads, and the interpreter.

import { test } from "node:test";
import { createInterpreterDevice } from "../src/devices/interpreter/device.ts";
import { createWasmDevice } from "../src/devices/wasm/device.ts";
import type { Device } from "../src/ir/device.ts";
import { Arrays, assertClose, type Real } from "./arrays.ts";
import { tolerances } from "./tolerances.ts";

/** Left open: they end with the process. */
const one: Device = createWasmDevice({ threads: 1 });
const two: Device = createWasmDevice({ threads: 2 });
export const interpreter: Device = createInterpreterDevice();

/** What a run gives, by name, and what it should be. */
export interface Outcome {
  readonly actual: Readonly<Record<string, readonly number[]>>;
  readonly expected: Readonly<Record<string, readonly number[]>>;
}

/** Results up to this many numbers are also checked on the interpreter, which is slow. */
const fewNumbers = 1000;

/** For f32 and f64: the outcome is right on one thread and on the interpreter, and the same to the bit on two threads. */
export function testKernel(name: string, run: (arrays: Arrays) => Outcome, factor = 1): void {
  for (const real of ["f32", "f64"] as const) {
    test(`${name}, ${real}`, () => {
      const { rtol, atol } = tolerances[real === "f32" ? "float32" : "float64"];
      const rightOn = (device: Device): Outcome["actual"] => {
        const { actual, expected } = outcomeOn(device, real, run);
        for (const [key, values] of Object.entries(expected)) {
          const close = { rtol: rtol * factor, atol: atol * factor };
          assertClose(actual[key]!, values, close, `${key} on ${device.name}`);
        }
        return actual;
      };
      const actual = rightOn(one);
      const threaded = outcomeOn(two, real, run).actual;
      for (const [key, values] of Object.entries(actual)) {
        assertClose(threaded[key]!, values, { rtol: 0, atol: 0 }, `${key} on two threads`);
      }
      if (Object.values(actual).reduce((n, values) => n + values.length, 0) <= fewNumbers) rightOn(interpreter);
    });
  }
}

function outcomeOn(device: Device, real: Real, run: (arrays: Arrays) => Outcome): Outcome {
  const arrays = new Arrays(device, real);
  try {
    return run(arrays);
  } finally {
    arrays.free();
  }
}

/** For tests of their own. */
export const devices: readonly Device[] = [one, two];
