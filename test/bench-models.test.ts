// The models of bench/models/ compute what transformers' do: outputs, loss, every gradient, and the ids of greedy decoding.
// `scripts/goldens/bench_models.py` made the fixtures.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Bert, BertClassifier, type BertConfig } from "../bench/models/bert.ts";
import { Gpt2, type Gpt2Config } from "../bench/models/gpt2.ts";
import type { Module } from "../src/nn/module.ts";
import { noGrad } from "../src/tensor/grad-mode.ts";
import { fromGolden, type GoldenTensor, matchesGolden } from "./golden.ts";
import { close } from "./portable/harness.ts";
import { tolerances } from "./tolerances.ts";

interface Golden<C> {
  readonly config: C;
  readonly state: { readonly [name: string]: GoldenTensor };
  readonly ids: GoldenTensor;
  readonly logits: GoldenTensor;
  readonly loss: number;
  readonly grads: { readonly [name: string]: GoldenTensor };
}
interface BertGolden extends Golden<BertConfig> {
  readonly types: GoldenTensor;
  readonly mask: GoldenTensor;
  readonly labels: GoldenTensor;
  readonly hidden: GoldenTensor;
  readonly pooled: GoldenTensor;
}
interface Gpt2Golden extends Golden<Gpt2Config> {
  readonly prompt: GoldenTensor;
  readonly greedy: readonly number[];
}

function golden<T>(name: string): T {
  const url = new URL(`fixtures/bench_models/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8")) as T; // its generator's docstring has the form
}

function load(model: Module, state: Golden<unknown>["state"], prefix = ""): void {
  const own = Object.entries(state).filter(([name]) => name.startsWith(prefix));
  model.loadStateDict(Object.fromEntries(own.map(([name, t]) => [name.slice(prefix.length), fromGolden(t)])));
}

/** The loss and the gradient of every parameter. */
function matchesTraining(model: Module, loss: { item(): number; backward(): void }, expected: Golden<unknown>): void {
  close([loss.item()], [expected.loss], tolerances.float32, "loss");
  loss.backward();
  const parameters = model.namedParameters();
  assert.deepEqual(parameters.map(([name]) => name).sort(), Object.keys(expected.grads).sort());
  for (const [name, { grad }] of parameters) {
    assert(grad, `${name} has no gradient`);
    matchesGolden(grad, expected.grads[name]!, `gradient of ${name}`);
  }
}

test("Bert", () => {
  const g = golden<BertGolden>("bert");
  const model = new Bert(g.config).eval();
  load(model, g.state, "bert.");
  const mask = fromGolden(g.mask).ne(0).unsqueeze(1).unsqueeze(1); // [B, 1, 1, T]
  const { hidden, pooled } = noGrad(() => model(fromGolden(g.ids), fromGolden(g.types), mask));
  matchesGolden(hidden, g.hidden, "hidden");
  matchesGolden(pooled, g.pooled, "pooled");

  const classifier = new BertClassifier(g.config, 3);
  load(classifier, g.state);
  matchesGolden(classifier(fromGolden(g.ids), fromGolden(g.types), mask), g.logits, "logits");
  matchesTraining(classifier, classifier.loss(fromGolden(g.ids), fromGolden(g.labels), fromGolden(g.types), mask), g);
});

test("Gpt2", () => {
  const g = golden<Gpt2Golden>("gpt2");
  const model = new Gpt2(g.config);
  load(model, g.state);
  matchesGolden(model(fromGolden(g.ids)), g.logits, "logits");
  matchesTraining(model, model.loss(fromGolden(g.ids)), g);
  assert.deepEqual(model.greedy(fromGolden(g.prompt), g.greedy.length), g.greedy);
});
