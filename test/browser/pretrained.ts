// Pretrained models in a page, from a bundle as a user's bundler makes one: pipelines by a hub's name give Python's results
// (the goldens of src/pipelines), and a model is fine-tuned, whole and by LoRA, without leaving the page.

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { build } from "esbuild";
import type { Page } from "playwright-core";
import { root } from "../../scripts/build.ts";
import type * as kindling from "../../src/index.ts";
import { type Hub, startHub } from "../hub/server.ts";

const fixtures = join(root, "test/fixtures/pipelines");
// biome-ignore lint/suspicious/noExplicitAny: as scripts/goldens/pipelines.py writes it; what is compared stands below
const golden = JSON.parse(readFileSync(join(fixtures, "results.json"), "utf8")) as Record<string, any>;

function addModel(hub: Hub, name: string): void {
  const folder = join(fixtures, name);
  const files = globSync("*", { cwd: folder }).map((file) => [file, readFileSync(join(folder, file))] as const);
  hub.add(`org/${name}`, { files: Object.fromEntries(files) });
}

/** The whole package in `folder`, which the page's server serves as "/whole"; nothing of Node's may be in it. */
async function bundleWhole(folder: string): Promise<void> {
  await build({
    entryPoints: [join(root, "src/index.ts")],
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "browser",
    external: ["@huggingface/hub"], // uploads
    outdir: folder,
    logLevel: "silent",
  });
}

interface Entity {
  readonly word: string;
  readonly start: number;
  readonly end: number;
}
const places = (entities: readonly Entity[]) => entities.map(({ word, start, end }) => ({ word, start, end }));

export async function testPretrained(t: TestContext, page: Page, built: string): Promise<void> {
  const hub = await startHub();
  t.after(hub.close);
  for (const name of ["classifier", "tagger", "filler"]) addModel(hub, name);
  const { endpoint } = hub;
  await t.test("the package bundles without Node", () => bundleWhole(join(built, "whole")));

  await t.test("pipelines by a hub's name give Python's results", async () => {
    const [classifier, tagger, filler] = [golden["text-classification"], golden["tagger"], golden["fill-mask"]];
    const asked = { endpoint, texts: classifier.texts, tagged: tagger.texts, masked: filler.texts[0] };
    const got = await page.evaluate(async ({ endpoint, texts, tagged, masked }) => {
      const url = "/whole/index.js";
      const { pipeline }: typeof kindling = await import(url);
      const classify = await pipeline("text-classification", "org/classifier", { endpoint });
      const tag = await pipeline("ner", "org/tagger", { endpoint });
      const fill = await pipeline("fill-mask", "org/filler", { endpoint });
      return {
        classified: await classify(texts as string[]),
        tagged: await tag(tagged as string[], { aggregationStrategy: "simple" }),
        filled: (await fill(masked as string)).flat(),
      };
    }, asked);
    assert.deepEqual(
      got.classified.map(({ label }) => label),
      classifier.list.map(({ label }: { label: string }) => label),
    );
    got.classified.forEach(({ score }, i) => {
      assert.ok(Math.abs(score - classifier.list[i].score) < 1e-5, `score of ${i}`);
    });
    assert.deepEqual(got.tagged.map(places), tagger.simple.map(places));
    assert.deepEqual(
      got.filled.map(({ token }) => token),
      filler.one.map(({ token }: { token: number }) => token),
    );
  });

  await t.test("a model of the hub is fine-tuned in the page, whole and by LoRA", async () => {
    const learnt = await page.evaluate(async (endpoint) => {
      const url = "/whole/index.js";
      const kindling: typeof import("../../src/index.ts") = await import(url);
      const { AutoModelForSequenceClassification, AutoTokenizer, getPeftModel, manualSeed, Trainer } = kindling;
      const rows = Array.from({ length: 16 }, (_, i) => ({
        text: i % 2 === 0 ? "Marie was born in Paris" : "the city of Warsaw",
        label: i % 2,
      }));
      const tokenizer = await AutoTokenizer.fromPretrained("org/classifier", { endpoint });
      const train = async (adapted: boolean): Promise<readonly number[]> => {
        manualSeed(0);
        const base = await AutoModelForSequenceClassification.fromPretrained("org/classifier", { endpoint });
        const model = adapted ? getPeftModel(base, { r: 4, taskType: "SEQ_CLS" }) : base;
        const losses: number[] = [];
        const trainer = new Trainer({
          model,
          tokenizer,
          trainDataset: rows,
          args: { maxSteps: 12, learningRate: 1e-2, perDeviceTrainBatchSize: 8, loggingSteps: 1, disableTqdm: true },
          callbacks: [{ onLog: ({ logs }) => void (typeof logs["loss"] === "number" && losses.push(logs["loss"])) }],
        });
        await trainer.train();
        return losses;
      };
      return { whole: await train(false), lora: await train(true) };
    }, endpoint);
    for (const [how, losses] of Object.entries(learnt)) {
      assert.equal(losses.length, 12, how);
      assert.ok(losses[11]! < 0.75 * losses[0]!, `${how}: from ${losses[0]} to ${losses[11]}`);
    }
  });
}
