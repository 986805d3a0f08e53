// The goldens of scripts/goldens/encoders.py, and models with the weights that it drew.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { camelCase } from "../src/base/spelling.ts";
import { crc32 } from "../src/checkpoint/crc32.ts";
import { parseConfig } from "../src/models/configuration.ts";
import type { EncoderInputs } from "../src/models/outputs.ts";
import type { AnyTransformer, ModelClass } from "../src/models/pretrained-transformer.ts";
import { fromArray } from "../src/tensor/create.ts";
import { noGrad } from "../src/tensor/grad-mode.ts";
import type { Tensor } from "../src/tensor/tensor.ts";

export interface Numbers {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
type Named<T> = Readonly<Record<string, T>>;
/** Norm, and projections on two drawn vectors. */
export type Spread = readonly [norm: number, a: number, b: number];

export interface Side {
  readonly logits: Named<Numbers>;
  readonly loss: number;
}
export interface TrainedSide extends Side {
  readonly unused: readonly string[];
  readonly grads: Named<Spread>;
  readonly steps: Named<Spread>;
  readonly after: number;
}
export interface HeadGolden {
  readonly name: string;
  readonly config: Named<unknown>;
  readonly labels: Named<Numbers>;
  readonly inputs?: Named<Numbers>;
  readonly right: TrainedSide;
  readonly left?: Side;
}
export interface EncoderGolden {
  readonly config: Named<unknown>;
  readonly prefix: string;
  readonly inputs: { readonly right: Named<Numbers>; readonly left: Named<Numbers> };
  readonly base: {
    readonly hidden: readonly Numbers[];
    readonly attentions: readonly Numbers[];
    readonly last: Numbers;
    readonly left: Numbers;
    readonly embeds: Numbers;
    readonly pooled?: Numbers;
    readonly masked?: Numbers;
  };
  readonly heads: readonly HeadGolden[];
}

export function encoderGolden(name: string): EncoderGolden {
  const url = new URL(`fixtures/encoders/${name}.json.gz`, import.meta.url);
  return JSON.parse(gunzipSync(readFileSync(url)).toString()) as EncoderGolden; // its generator's docstring has the form
}

/** As the generator draws. */
export function draw(name: string, n: number): number[] {
  let state = Math.imul(crc32(new TextEncoder().encode(name)), 2654435761) >>> 0;
  return Array.from({ length: n }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 20) / 2048 - 1;
  });
}

/** A model with the drawn weights, in evaluation mode. */
export function drawnModel<M extends AnyTransformer>(
  Model: ModelClass<M>,
  golden: Pick<EncoderGolden, "config" | "prefix">,
  extra: Named<unknown> = {},
): M {
  const { model_type, ...fields } = golden.config;
  const config = parseConfig({ model_type, ...fields, ...extra, architectures: undefined }, "the golden");
  const labels = "num_labels" in extra ? { id2label: undefined, label2id: undefined } : {};
  const model = new Model({ ...config, ...labels } as never); // the fields that Python wrote
  fillDrawn(model, golden.prefix);
  return model.eval();
}

export function fillDrawn(model: AnyTransformer, prefix: string): void {
  for (const [name, p] of model.namedParameters()) {
    const short = name.startsWith(`${prefix}.`) ? name.slice(prefix.length + 1) : name;
    const isNorm = name.toLowerCase().includes("norm") && name.endsWith("weight");
    const values = draw(short, p.numel).map((u) => (isNorm ? 1 + 0.5 * u : 0.6 * u));
    noGrad(() => p.copy_(fromArray(values, p.shape)));
  }
}

/** Inputs or labels with our names: whole numbers as int32. */
export function inputsOf(named: Named<Numbers>): EncoderInputs & Named<Tensor> {
  return Object.fromEntries(
    Object.entries(named).map(([name, { shape, data }]) => {
      const dtype = data.every(Number.isInteger) ? "int32" : "float32";
      return [camelCase(name), fromArray(data, shape, { dtype })];
    }),
  );
}

/** A tensor's norm and projections, as the generator has them. */
export function spreadOf(name: string, t: Tensor): Spread {
  const values = Array.from<number>(t.toArray());
  const vectors = [0, 1].map((i) => draw(`${name}/${i}`, t.numel));
  const dot = (v: readonly number[]): number => v.reduce((sum, x, i) => sum + x * values[i]!, 0);
  return [Math.sqrt(values.reduce((sum, x) => sum + x * x, 0)), dot(vectors[0]!), dot(vectors[1]!)];
}
