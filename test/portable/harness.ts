// Tests that run in Node and in a page alike. A `*.portable.ts` file exports suites; `node.test.ts` beside it runs them
// in Node, `test/browser/run.test.ts` in Chromium. So neither this file nor those import anything of Node's.

export interface Suite {
  readonly name: string;
  readonly tests: ReadonlyMap<string, () => void | Promise<void>>;
}

export type DefineTest = (name: string, run: () => void | Promise<void>) => void;

export function suite(name: string, define: (test: DefineTest) => void): Suite {
  const tests = new Map<string, () => void | Promise<void>>();
  define((test, run) => {
    if (tests.has(test)) throw new Error(`${name}: two tests are named "${test}"`);
    tests.set(test, run);
  });
  return { name, tests };
}

/** The suites that a module exports, alone or in lists. */
export function suitesOf(module: object): Suite[] {
  return Object.values(module)
    .flat()
    .filter((value) => typeof value === "object" && value?.tests instanceof Map);
}

/** A JSON file of test/fixtures. */
export async function fixture(name: string): Promise<unknown> {
  const module = await import(new URL(`../fixtures/${name}`, import.meta.url).href, { with: { type: "json" } });
  return module.default;
}

export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

function fail(message: string | undefined, fact: string): never {
  throw new AssertionError(message ? `${message}: ${fact}` : fact);
}

/** A value for a message: bigints, NaN and typed arrays as they are. */
function show(value: unknown): string {
  if (ArrayBuffer.isView(value) && "length" in value)
    return `${value.constructor.name} [${Array.from(value as never)}]`;
  const text = JSON.stringify(value, (_, part) => {
    if (typeof part === "bigint") return `${part}n`;
    return typeof part === "number" && (!Number.isFinite(part) || Object.is(part, -0)) ? formatNumber(part) : part;
  });
  return text ?? String(value);
}

function formatNumber(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Map && b instanceof Map) return same([...a], [...b]);
  if (a instanceof Set && b instanceof Set) return same([...a], [...b]);
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => key in b && same(a[key as keyof typeof a], b[key as keyof typeof b]));
}

export function ok(value: unknown, message?: string): asserts value {
  if (!value) fail(message, `${show(value)} is not true`);
}

/** `Object.is`: NaN equals NaN, 0 does not equal -0. */
export function equal<T>(actual: T, expected: T, message?: string): void {
  if (!Object.is(actual, expected)) fail(message, `got ${show(actual)}, wants ${show(expected)}`);
}

export function deepEqual<T>(actual: T, expected: T, message?: string): void {
  if (!same(actual, expected)) fail(message, `got ${show(actual)}, wants ${show(expected)}`);
}

/** PyTorch's allclose over flat numbers: `|actual - expected| <= atol + rtol * |expected|`, NaN equal to NaN. */
export function close(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { rtol, atol }: { readonly rtol: number; readonly atol: number },
  message?: string,
): void {
  if (actual.length !== expected.length) fail(message, `got ${actual.length} numbers, wants ${expected.length}`);
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!];
    if (Object.is(a, e) || a === e || Math.abs(a - e) <= atol + rtol * Math.abs(e)) continue;
    fail(message, `at ${i}: got ${a}, wants ${e} (rtol ${rtol}, atol ${atol})`);
  }
}

/** Runs `run`, which must throw a `Kind` whose message matches, and returns what it threw. */
export function throws<E extends Error>(
  run: () => unknown,
  Kind: abstract new (...args: never[]) => E,
  message?: RegExp,
): E {
  try {
    run();
  } catch (error) {
    return checkError(error, Kind, message);
  }
  return fail(undefined, `nothing was thrown, wants ${Kind.name}`);
}

export async function rejects<E extends Error>(
  run: () => Promise<unknown>,
  Kind: abstract new (...args: never[]) => E,
  message?: RegExp,
): Promise<E> {
  try {
    await run();
  } catch (error) {
    return checkError(error, Kind, message);
  }
  return fail(undefined, `nothing was thrown, wants ${Kind.name}`);
}

function checkError<E extends Error>(error: unknown, Kind: abstract new (...args: never[]) => E, message?: RegExp): E {
  if (!(error instanceof Kind)) throw error;
  if (message && !message.test(error.message))
    fail(undefined, `the message "${error.message}" does not match ${message}`);
  return error;
}
