// generate() makes what transformers' generate() makes. The model is a table; `scripts/goldens/generation.py` has its formula.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fromGolden, type GoldenTensor } from "../../test/golden.ts";
import { ArgumentError } from "../base/errors.ts";
import { fromArray } from "../tensor/create.ts";
import { memoryStats } from "../tensor/memory.ts";
import "../tensor/tensor.ts"; // its methods
import type { Tensor } from "../tensor/tensor.ts";
import { type Decodable, generate } from "./generate.ts";
import type { GenerateOptions } from "./options.ts";

interface Tables {
  readonly table: GoldenTensor;
  readonly sources: GoldenTensor;
  readonly start: number;
  readonly end: number;
  readonly pad: number;
}

interface Case {
  readonly options: GenerateOptions;
  readonly ids: readonly (readonly number[])[];
}

interface TableState {
  readonly source: Tensor; // [rows]
  readonly state: Tensor; //  [rows]
  readonly seen: number;
}

const tables = readFixture<Tables>("tables.json");
const cases = readFixture<Case[]>("cases.json");
const table = fromGolden(tables.table); // [SOURCES, STATES, V]
const sources = fromGolden({ ...tables.sources, dtype: "int32" }).unsqueeze(1); // [B, 1]

function readFixture<T>(name: string): T {
  const url = new URL(`../../test/fixtures/generation/${name}`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8")) as T; // its generator's docstring has the form
}

class Table implements Decodable<TableState> {
  readonly config = { padTokenId: tables.pad, eosTokenId: tables.end, decoderStartTokenId: tables.start };
  training = true;
  steps = 0;

  train(mode = true): void {
    this.training = mode;
  }
  encode(inputIds: Tensor): TableState {
    const source = inputIds.select(1, 0);
    return { source, state: source.mul(0), seen: 0 };
  }
  decodeStep(lastIds: Tensor, { source, state, seen }: TableState): { logits: Tensor; state: TableState } {
    assert.equal(this.training, false);
    this.steps++;
    const [, states] = table.dims(3, "table") as [number, number, number]; // three sizes, as checked
    const next = state.mul(3).add(lastIds).remainder(states);
    const logits = table.flatten(0, 1).indexSelect(0, source.mul(states).add(next).int()); // [rows, V]
    return { logits: logits.mul(1 + (seen + 1) / 16), state: { source, state: next, seen: seen + 1 } };
  }
  repeat({ source, state, seen }: TableState, times: number): TableState {
    return { source: source.repeatInterleave(times, 0), state: state.repeatInterleave(times, 0), seen };
  }
  reorder(state: TableState, rows: Tensor): TableState {
    return { ...state, state: state.state.indexSelect(0, rows) }; // rows go on from rows of the same text
  }
}

for (const numBeams of [1, 2, 3, 4]) {
  test(`${numBeams === 1 ? "greedy search" : `${numBeams} beams`}: the ids of transformers, under all options`, async () => {
    const model = new Table();
    const asked = cases.filter(({ options }) => options.numBeams === numBeams);
    assert.ok(asked.length > 10);
    for (const { options, ids } of asked) {
      assert.deepEqual(await generate(model, { inputIds: sources }, options), ids, JSON.stringify(options));
    }
    assert.equal(model.training, true);
  });
}

test("a row alone gives what it gives among others", async () => {
  const model = new Table();
  for (const numBeams of [1, 3]) {
    const options = { numBeams, maxNewTokens: 8, lengthPenalty: 2 };
    const together = await generate(model, { inputIds: sources }, options);
    const alone = [];
    for (let row = 0; row < together.length; row++) {
      const inputIds = sources.narrow(0, row, 1);
      alone.push(...(await generate(model, { inputIds }, options)));
      inputIds.dispose(); // what the collector frees later would disturb the tests of memory
    }
    assert.deepEqual(together, alone);
  }
});

test("as many beams as there are words, or more", async () => {
  const inputIds = fromArray([0, 5], [2, 1], { dtype: "int32" });
  for (const numBeams of [9, 20]) {
    const ids = await generate(new Table(), { inputIds }, { numBeams, maxNewTokens: 3 });
    assert.equal(ids.length, 2);
  }
  inputIds.dispose();
});

test("an abort ends it before the next token, and nothing stays in memory", async () => {
  const reason = new Error("enough");
  for (const numBeams of [1, 2]) {
    const model = new Table();
    const before = memoryStats().liveBytes;
    const stop = new AbortController();
    const asked = { numBeams, maxNewTokens: 10, minNewTokens: 10, signal: stop.signal };
    const going = generate(model, { inputIds: sources }, asked);
    stop.abort(reason);
    await assert.rejects(going, reason);
    assert.equal(model.steps, 1);
    await assert.rejects(generate(model, { inputIds: sources }, asked), reason);
    assert.equal(model.steps, 1, "an aborted signal starts nothing");
    assert.equal(memoryStats().liveBytes, before);
    assert.equal(model.training, true);
  }
});

test("a model that fails leaves nothing in memory either", async () => {
  class Failing extends Table {
    override decodeStep(lastIds: Tensor, state: TableState): { logits: Tensor; state: TableState } {
      if (this.steps === 2) throw new RangeError("no more");
      return super.decodeStep(lastIds, state);
    }
  }
  for (const numBeams of [1, 2]) {
    const model = new Failing();
    const before = memoryStats().liveBytes;
    await assert.rejects(generate(model, { inputIds: sources }, { numBeams }), RangeError);
    assert.equal(memoryStats().liveBytes, before);
    assert.equal(model.training, true);
  }
});

test("options that make no sense are refused before anything runs", async () => {
  const wrong: readonly GenerateOptions[] = [
    { maxNewTokens: 0 },
    { maxNewTokens: 1.5 },
    { minNewTokens: -1 },
    { minNewTokens: 30 },
    { numBeams: 0 },
    { numBeams: Number.NaN },
    { lengthPenalty: Number.NaN },
    { lengthPenalty: Number.POSITIVE_INFINITY },
    { earlyStopping: "always" as "never" },
    { noRepeatNgramSize: -2 },
    { noRepeatNgramSize: 0.5 },
    { repetitionPenalty: 0 },
    { repetitionPenalty: Number.POSITIVE_INFINITY },
  ];
  const model = new Table();
  for (const options of wrong) {
    const [name] = Object.keys(options) as [string];
    await assert.rejects(generate(model, { inputIds: sources }, options), (error: Error) => {
      assert.ok(error instanceof ArgumentError, JSON.stringify(options));
      assert.match(error.message, new RegExp(`^generate: ${name}`));
      return true;
    });
  }
  assert.equal(model.steps, 0);
});
