// The page's side: lists the tests of a module and runs one. Called from run.test.ts.

import { type Suite, suitesOf } from "../portable/harness.ts";

async function load(module: string): Promise<Suite[]> {
  return suitesOf(await import(module));
}

/** Suites with the names of their tests. */
export async function list(module: string): Promise<{ name: string; tests: string[] }[]> {
  return (await load(module)).map(({ name, tests }) => ({ name, tests: [...tests.keys()] }));
}

/** What the test threw, undefined when it passed. */
export async function run(module: string, suite: string, test: string): Promise<string | undefined> {
  try {
    const found = (await load(module)).find(({ name }) => name === suite)?.tests.get(test);
    if (!found) throw new Error(`${module} has no test "${suite}: ${test}"`);
    await found();
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? String(error)) : String(error);
  }
}
