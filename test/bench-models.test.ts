// The GPT-2 of bench/models/ computes what transformers' does: outputs, loss, every gradient, and the ids of greedy decoding.
// `scripts/goldens/bench_models.py` made the fixtures.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Gpt2, type Gpt2Config } from "../bench/models/gpt2.ts";
import type { Module } from "../src/nn/module.ts";
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
interface Gpt2Golden extends Golden<Gpt2Config> {
  readonly prompt: GoldenTensor;
  readonly greedy: readonly number[];
}

function golden<T>(name: string): T {
  const url = new URL(`fixtures/bench_models/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8")) as T; // its generator's docstring has the form
}

function load(model: Module, state: Golden<unknown>["state"]): void {
  model.loadStateDict(Object.fromEntries(Object.entries(state).map(([name, t]) => [name, fromGolden(t)])));
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

test("Gpt2", () => {
  const g = golden<Gpt2Golden>("gpt2");
  const model = new Gpt2(g.config);
  load(model, g.state);
  matchesGolden(model(fromGolden(g.ids)), g.logits, "logits");
  matchesTraining(model, model.loss(fromGolden(g.ids)), g);
  assert.deepEqual(model.greedy(fromGolden(g.prompt), g.greedy.length), g.greedy);
});
