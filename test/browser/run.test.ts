// Runs every `*.portable.ts` in a page, over sources compiled as the package is; then one in a page without shared memory.

import assert from "node:assert/strict";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Page } from "playwright-core";
import { compile, root } from "../../scripts/build.ts";
import { launch } from "./chromium.ts";
import { testDataSets } from "./data-sets.ts";
import { testHub } from "./hub.ts";
import type * as pageSide from "./page.ts";
import { testPretrained } from "./pretrained.ts";
import { serve } from "./server.ts";

/** What the package.json files say to Node, for a page: `#runtime/…` are the web parts, `kindling/…` the root entries. */
function importMap(built: string): string {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const imports: { [specifier: string]: string } = {};
  for (const file of globSync("src/**/*.web.js", { cwd: built })) {
    imports[`#runtime/${file.slice("src/".length, -".web.js".length)}`] = `/${file}`;
  }
  for (const [subpath, target] of Object.entries<string | { "kindling-source": string }>(exports)) {
    if (typeof target === "string") continue;
    imports[subpath.replace(".", "kindling")] = target["kindling-source"].replace(/^\.(.*)\.ts$/, "$1.js");
  }
  return JSON.stringify({ imports });
}

async function openPage(built: string, options: { isolated?: boolean } = {}) {
  const html = `<!doctype html><link rel="icon" href="data:,"><script type="importmap">${importMap(built)}</script>`;
  const site = await serve(new Map([["/", html]]), [built, root], options);
  const browser = await launch().catch((error) => {
    site.close();
    throw error;
  });
  const page = await browser.newPage();
  page.on("console", (message) => console.log(`page: ${message.text()}`));
  await page.goto(`${site.origin}/`);
  const close = async () => {
    await browser.close();
    site.close();
  };
  return { page, close };
}

/** Calls a function of page.ts in the page. */
function call<K extends keyof typeof pageSide>(page: Page, name: K, ...args: Parameters<(typeof pageSide)[K]>) {
  const answer = page.evaluate(async ({ url, name, args }) => (await import(url))[name](...args), {
    url: "/test/browser/page.js",
    name,
    args,
  });
  return answer as ReturnType<(typeof pageSide)[K]>; // evaluate cannot see through import()
}

const skip = process.env["KINDLING_NO_BROWSER"] === "1" && "KINDLING_NO_BROWSER=1";

test("portable suites in Chromium", { skip }, async (t) => {
  const built = mkdtempSync(join(tmpdir(), "kindling-browser-"));
  t.after(() => rmSync(built, { recursive: true, force: true }));
  compile("test/browser/tsconfig.json", built);
  const { page, close } = await openPage(built);
  t.after(close);

  await t.test("the page may share memory", async () => {
    assert.equal(await page.evaluate(() => globalThis.crossOriginIsolated), true);
  });
  for (const file of globSync("test/portable/**/*.portable.js", { cwd: built }).sort()) await runFile(t, page, file);
  await t.test("the hub", (t) => testHub(t, page));
  await t.test("data sets", (t) => testDataSets(t, page, built));

  const alone = await openPage(built, { isolated: false });
  t.after(alone.close);
  await t.test("without cross-origin isolation", async (t) => {
    assert.equal(await alone.page.evaluate(() => globalThis.crossOriginIsolated), false);
    await runFile(t, alone.page, "test/portable/program.portable.js");
    await runFile(t, alone.page, "test/portable/checkpoint.portable.js");
    await t.test("pretrained models", (t) => testPretrained(t, alone.page, built));
  });
});

/** The suites of a module, in the page. */
async function runFile(t: TestContext, page: Page, file: string): Promise<void> {
  for (const suite of await call(page, "list", `/${file}`)) {
    await t.test(suite.name, async (t) => {
      for (const name of suite.tests) {
        await t.test(name, async () => {
          const failure = await call(page, "run", `/${file}`, suite.name, name);
          if (failure !== undefined) throw new PageError(failure);
        });
      }
    });
  }
}

/** A failure in the page, with the page's stack instead of ours. */
class PageError extends Error {
  constructor(failure: string) {
    super(failure);
    this.stack = failure;
  }
}
