// Configurations of encoders that are off the beaten path beside transformers. `scripts/goldens/encoder_variants.py` made the fixture.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { drawnModel, type EncoderGolden, inputsOf, type Numbers } from "../../test/encoder-goldens.ts";
import { camelCase } from "../base/spelling.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import type { Tensor } from "../tensor/tensor.ts";
import * as albert from "./albert.ts";
import * as bert from "./bert.ts";
import * as deberta from "./deberta-v2.ts";
import * as distilbert from "./distilbert.ts";
import * as electra from "./electra.ts";
import * as modernbert from "./modernbert.ts";
import * as mpnet from "./mpnet.ts";
import type { AnyTransformer, ModelClass } from "./pretrained-transformer.ts";
import * as roberta from "./roberta.ts";

interface Variant extends Pick<EncoderGolden, "config" | "prefix"> {
  readonly name: string;
  readonly class: string;
  readonly inputs: Readonly<Record<string, Numbers>>;
  readonly answers: Readonly<Record<string, Numbers>>;
}
const path = new URL("../../test/fixtures/encoders/variants.json.gz", import.meta.url);
const variants = JSON.parse(gunzipSync(readFileSync(path)).toString()) as readonly Variant[]; // as its generator says
const classes: Readonly<Record<string, unknown>> = {
  ...{ ...albert, ...bert, ...deberta, ...distilbert },
  ...{ ...electra, ...modernbert, ...mpnet, ...roberta },
};

for (const variant of variants) {
  test(variant.name, () => {
    const model = drawnModel(classes[variant.class] as ModelClass<AnyTransformer>, variant); // a class of that name
    const answers = noGrad(() => model(inputsOf(variant.inputs))) as Readonly<Record<string, Tensor>>; // by name
    for (const [key, wanted] of Object.entries(variant.answers)) {
      const made = answers[camelCase(key)];
      assert.deepEqual([...made!.shape], [...wanted.shape], key);
      made!.toArray().forEach((x: number, i: number) => {
        const want = wanted.data[i]!;
        assert.ok(Math.abs(x - want) <= 1e-5 * Math.max(1, Math.abs(want)), `${key}, element ${i}: ${x}, not ${want}`);
      });
    }
  });
}
