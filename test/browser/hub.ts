// The hub in a page: what is fetched lies in the origin's private file system, survives the page, and is verified.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Page } from "playwright-core";
import type * as hubEntry from "../../src/hub.ts";
import { trainTokenizer } from "../../src/text/train-tokenizer.ts";
import type * as textEntry from "../../src/text.ts";
import { startHub } from "../hub/server.ts";

interface Fetched {
  readonly path: string;
  readonly size: number;
  readonly sum: number;
}

/** Downloads in the page and adds up what it reads back; an error's class and message instead if there is one. */
function fetchInPage(page: Page, repo: string, file: string, options: object): Promise<Fetched | string> {
  return page.evaluate(
    async ({ repo, file, options }) => {
      const url = "/src/hub.js";
      const hub: typeof hubEntry = await import(url);
      try {
        const path = await hub.hubDownload(repo, file, { retryDelayMs: 1, ...options });
        const bytes = new Uint8Array(await (await hub.openHubFile(path)).arrayBuffer());
        return { path, size: bytes.length, sum: bytes.reduce((sum, byte) => sum + byte, 0) };
      } catch (error) {
        return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      }
    },
    { repo, file, options },
  );
}

export async function testHub(t: TestContext, page: Page): Promise<void> {
  const hub = await startHub();
  t.after(hub.close);
  const weights = new Uint8Array(300_000).map((_, i) => i * 7);
  const sum = weights.reduce((all, byte) => all + byte, 0);
  const commit = hub
    .add("org/name", { files: { "config.json": "{}", "model.safetensors": weights } })
    .branches.get("main")!;
  const options = { endpoint: hub.endpoint };
  const cdn = () => hub.requests.filter(({ path }) => path.startsWith("/cdn/"));

  await t.test("a file is fetched once and read offline", async () => {
    hub.misbehave({ on: "cdn", times: 1, fault: { kind: "cut", afterBytes: 100_000 } });
    const got = await fetchInPage(page, "org/name", "model.safetensors", options);
    const path = `huggingface/hub/models--org--name/snapshots/${commit.sha}/model.safetensors`;
    assert.deepEqual(got, { path, size: weights.length, sum });
    assert.ok(cdn().length === 2 && cdn().some(({ range }) => range !== undefined), "gone on with by Range");
    hub.forget();
    assert.deepEqual(
      await fetchInPage(page, "org/name", "model.safetensors", { ...options, localFilesOnly: true }),
      got,
    );
    assert.deepEqual(await fetchInPage(page, "org/name", "model.safetensors", options), got);
    assert.equal(cdn().length, 0);
  });
  await t.test("wrong bytes, wrong names and absent files are errors", async () => {
    hub.misbehave({ on: "resolve", method: "GET", path: /config/, times: 1, fault: { kind: "wrongBytes" } });
    const wrong = await fetchInPage(page, "org/name", "config.json", options);
    assert.match(String(wrong), /^CorruptDownloadError: .* came with the hash/);
    assert.equal(((await fetchInPage(page, "org/name", "config.json", options)) as Fetched).size, 2);
    assert.match(String(await fetchInPage(page, "org/name", "none.json", options)), /^EntryNotFoundError/);
    assert.match(String(await fetchInPage(page, "org/none", "a", options)), /^RepositoryNotFoundError/);
    const offline = { ...options, localFilesOnly: true };
    assert.match(String(await fetchInPage(page, "org/name", "other.json", offline)), /^LocalEntryNotFoundError/);
  });
  await t.test("AutoTokenizer takes a hub's name in a page", async () => {
    const tokenizer = await trainTokenizer(["a cat sat on the mat"], { vocabSize: 270, modelMaxLength: 16 });
    const files = Object.entries(tokenizer.toFiles()).map(([name, json]) => [name, JSON.stringify(json)]);
    hub.add("org/tokens", { files: Object.fromEntries(files) });
    const ids = await page.evaluate(async (endpoint) => {
      const url = "/src/text.js";
      const text: typeof textEntry = await import(url);
      return (await text.AutoTokenizer.fromPretrained("org/tokens", { endpoint }))("a cat").inputIds;
    }, hub.endpoint);
    assert.deepEqual(ids, tokenizer("a cat").inputIds);
  });
}
