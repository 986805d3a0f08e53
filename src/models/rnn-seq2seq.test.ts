// The recurrent summarizer: PyTorch's values (`scripts/goldens/copying.py`; those without copying are in
// test/learning-parity.test.ts), its formula computed naively, and that neither padding, company nor tying changes a text.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { closeToGolden, fromGolden, type GoldenTensor, numbersOf } from "../../test/golden.ts";
import { CheckpointError, DataError } from "../base/errors.ts";
import { manualSeed } from "../base/random.ts";
import { openSafetensors } from "../checkpoint/safetensors.node.ts";
import { generate } from "../generation/generate.ts";
import type { GenerateOptions } from "../generation/options.ts";
import { normal_ } from "../nn/init.ts";
import type { Parameter } from "../nn/parameter.ts";
import { fromArray } from "../tensor/create.ts";
import { softmax } from "../tensor/functional/softmax.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { gradcheck } from "../tensor/gradcheck.ts";
import { memoryStats } from "../tensor/memory.ts";
import { scope } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { loadWeights, stateEntries } from "./pretrained.ts";
import { type RnnSeq2SeqConfig, Seq2SeqRnn } from "./rnn-seq2seq.ts";

// ── PyTorch's values ──────────────────────────────────────────────────────────────────────────────────────────────

interface Run {
  readonly name: string;
  readonly config: {
    readonly kind: "LSTM" | "GRU";
    readonly vocab: number;
    readonly E: number;
    readonly H: number;
    readonly layers: number;
    readonly bidirectional: boolean;
    readonly attention: "dot" | "additive";
    readonly tie: boolean;
    readonly tieOutput: boolean;
  };
  readonly inputIds: GoldenTensor;
  readonly labels: GoldenTensor;
  readonly loss: number;
  readonly logProbabilities: GoldenTensor;
  readonly greedy: GoldenTensor;
}

const folder = new URL("../../test/fixtures/copying/", import.meta.url);
const runs = JSON.parse(readFileSync(new URL("runs.json", folder), "utf8")) as Run[]; // its generator's docstring has the form

for (const { name, config, ...run } of runs) {
  test(`${name} with copying: loss, gradients, log-probabilities and greedy ids`, async () => {
    using _ = scope();
    const model = new Seq2SeqRnn({
      vocabSize: config.vocab,
      embeddingSize: config.E,
      hiddenSize: config.H,
      numLayers: config.layers,
      rnnType: config.kind === "LSTM" ? "lstm" : "gru",
      bidirectional: config.bidirectional,
      attention: config.attention,
      copy: true,
      dropout: 0,
      tieWordEmbeddings: config.tie,
      tieOutputEmbeddings: config.tieOutput,
    });
    const weights = await openSafetensors(new URL(`${name}.weights.safetensors`, folder).pathname);
    await loadWeights(model, weights).finally(() => weights.close());
    const inputIds = fromGolden({ ...run.inputIds, dtype: "int32" });
    const labels = fromGolden({ ...run.labels, dtype: "int32" });

    const loss = model({ inputIds, labels }).loss!;
    loss.backward();
    assert.ok(Math.abs(loss.item() - run.loss) < 1e-5 * run.loss, `loss ${loss.item()}, wanted ${run.loss}`);
    const wanted = await openSafetensors(new URL(`${name}.gradients.safetensors`, folder).pathname);
    assert.deepEqual(
      model
        .namedParameters()
        .map(([key]) => key)
        .sort(),
      [...wanted.names].sort(),
    );
    for (const [key, parameter] of model.namedParameters()) {
      const expected = new Float32Array((await wanted.read(key)).slice().buffer);
      const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      const apart = (parameter.grad!.toArray() as Float32Array) // as the weights are
        .reduce((most, x, i) => Math.max(most, Math.abs(x - expected[i]!)), 0);
      assert.ok(apart <= 1e-4 * largest, `gradient of ${key}: ${apart} apart, the largest is ${largest}`);
    }
    await wanted.close();

    model.eval();
    const { logits, loss: evalLoss } = model({ inputIds, labels });
    closeToGolden(logits!, run.logProbabilities, "log-probabilities", { rtol: 1e-4, atol: 1e-5 }); // after two softmaxes and a log
    assert.ok(Math.abs(evalLoss!.item() - run.loss) < 1e-5 * run.loss);
    const [, T] = run.greedy.shape as [number, number];
    assert.deepEqual(await generate(model, { inputIds }, { maxNewTokens: T }), beforeEnd(numbersOf(run.greedy), T));
    model.dispose();
  });
}

function beforeEnd(ids: readonly number[], T: number): number[][] {
  return Array.from({ length: ids.length / T }, (_, row) => {
    const line = ids.slice(row * T, (row + 1) * T);
    return line.includes(2) ? line.slice(0, line.indexOf(2)) : line;
  });
}

// ── a small model, and texts of different lengths ─────────────────────────────────────────────────────────────────

const small = { vocabSize: 11, embeddingSize: 4, hiddenSize: 6, dropout: 0 };
const kinds: readonly Partial<RnnSeq2SeqConfig>[] = [
  { copy: true },
  { copy: false, rnnType: "gru", attention: "additive", bidirectional: false, numLayers: 2 },
];

/** With weights large enough that ids differ. */
function randomModel(config: Partial<RnnSeq2SeqConfig>, deviation = 0.8): Seq2SeqRnn {
  manualSeed(4);
  const model = new Seq2SeqRnn({ ...small, ...config });
  for (const parameter of model.parameters()) normal_(parameter, 0, deviation);
  return model;
}

const texts = [[5, 3, 9, 4, 3], [7], [4, 8, 8], [3, 5, 10, 6, 9, 9, 7]];
const summaries = [[3, 9, 2], [10, 2], [6, 8, 4, 2], [2]];

function padded(
  rows: readonly (readonly number[])[],
  filler: number,
  length = Math.max(...rows.map((r) => r.length)),
): Tensor {
  const data = rows.flatMap((row) => [...row, ...new Array<number>(length - row.length).fill(filler)]);
  return fromArray(data, [rows.length, length], { dtype: "int32" });
}

for (const kind of kinds) {
  const name = kind.copy === true ? "with copying" : "without copying";

  test(`${name}: the loss is −log p of the labels, computed from whole distributions`, () => {
    using _ = scope();
    const model = randomModel(kind).eval();
    const labels = padded(summaries, -100);
    const { logits, loss } = model({ inputIds: padded(texts, 0), labels });
    const p = softmax(logits!, -1).tolist() as number[][][];
    const terms = summaries.flatMap((summary, b) => summary.map((id, t) => -Math.log(p[b]![t]![id]!)));
    const mean = terms.reduce((sum, x) => sum + x, 0) / terms.length;
    assert.ok(Math.abs(loss!.item() - mean) < 1e-5, `${loss!.item()}, wanted ${mean}`);
    model.train(); // without dropout nothing changes
    const trained = model({ inputIds: padded(texts, 0), labels });
    assert.equal(trained.logits, undefined);
    assert.equal(trained.loss!.item(), loss!.item());
    model.dispose();
  });

  test(`${name}: gradients of all weights against differences`, () => {
    using _ = scope();
    const model = randomModel({ ...kind, vocabSize: 8, embeddingSize: 2, hiddenSize: 4 }, 0.5);
    const single = model.parameters();
    model.to("float64");
    for (const parameter of single) parameter.dispose(); // else the collector frees them during a test of memory
    const inputIds = padded(
      [
        [3, 6, 5],
        [6, 7, 6, 4],
      ],
      0,
    );
    const labels = padded(
      [
        [6, 3],
        [7, 5, 2],
      ],
      -100,
    );
    for (const [, parameter] of model.namedParameters()) {
      gradcheck((weight) => swapped(model, parameter, weight!, () => model({ inputIds, labels }).loss!), [parameter]);
    }
    model.dispose();
  });

  test(`${name}: a text alone is the text in a batch, however far it is padded`, async () => {
    using _ = scope();
    const model = randomModel(kind);
    const asked: readonly GenerateOptions[] = [
      { maxNewTokens: 6 },
      { maxNewTokens: 6, numBeams: 3, lengthPenalty: 0.5 },
    ];
    const lossOf = (inputIds: Tensor, labels: Tensor): number => noGrad(() => model({ inputIds, labels }).loss!.item());
    const words = summaries.map((summary) => summary.length);
    let sum = 0;
    for (const [row, text] of texts.entries()) {
      const loss = lossOf(padded([text], 0), padded([summaries[row]!], -100));
      const further = lossOf(padded([text], 0, 12), padded([summaries[row]!], -100, 9));
      assert.ok(Math.abs(further - loss) < 1e-5);
      sum += loss * words[row]!;
    }
    const together = lossOf(padded(texts, 0), padded(summaries, -100)) * words.reduce((a, b) => a + b);
    assert.ok(Math.abs(together - sum) < 1e-4, `${together}, wanted ${sum}`);
    for (const options of asked) {
      const alone = [];
      for (const text of texts) alone.push(...(await generate(model, { inputIds: padded([text], 0) }, options)));
      assert.ok(new Set(alone.map(String)).size > 1);
      assert.deepEqual(await generate(model, { inputIds: padded(texts, 0) }, options), alone);
      assert.deepEqual(await generate(model, { inputIds: padded(texts, 0, 10) }, options), alone);
      const attentionMask = padded(
        texts.map((text) => text.map(() => 1)),
        0,
      );
      assert.deepEqual(
        await generate(model, { inputIds: padded(texts, 3), attentionMask }, options),
        alone,
        "masked, not padded",
      );
    }
    model.dispose();
  });

  test(`${name}: a step's probabilities have the sum 1, and rows that are repeated and reordered go on as they would alone`, () => {
    using _ = scope();
    noGrad(() => {
      const model = randomModel(kind).eval();
      const [B, times] = [texts.length, 3];
      const first = model.encode(padded(texts, 0));
      const rows = (ids: readonly number[]): Tensor => fromArray(ids, [ids.length], { dtype: "int32" });
      let many = model.repeat(first, times);
      let one = model.decodeStep(rows(new Array<number>(B).fill(1)), first);
      many = model.decodeStep(rows(new Array<number>(B * times).fill(1)), many).state;
      // beams 0, 1, 2 of each text take the tokens 4, 5, 6; then beam 1 goes on three times
      many = model.decodeStep(rows(texts.flatMap(() => [4, 5, 6])), many).state;
      many = model.reorder(many, rows(texts.flatMap((_, b) => [b * times + 1, b * times + 1, b * times + 1])));
      one = model.decodeStep(rows(new Array<number>(B).fill(5)), one.state);
      const wanted = softmax(
        model.decodeStep(rows(new Array<number>(B).fill(7)), one.state).logits,
        -1,
      ).tolist() as number[][];
      const found = model.decodeStep(rows(new Array<number>(B * times).fill(7)), many).logits;
      const p = softmax(found, -1).tolist() as number[][];
      p.forEach((row, r) => {
        for (const [id, x] of row.entries()) assert.ok(Math.abs(x - wanted[Math.floor(r / times)]![id]!) < 1e-6);
      });
      if (kind.copy === true) {
        for (const sum of found.exp().sum({ dim: 1 }).toArray()) assert.ok(Math.abs(sum - 1) < 1e-5, `sum ${sum}`);
      }
      model.dispose();
    });
  });

  test(`${name}: generating leaves nothing in memory, and nothing of the caller's is freed`, async () => {
    using _ = scope();
    const model = randomModel(kind);
    const inputIds = padded(texts, 0);
    const attentionMask = inputIds.ne(0);
    await generate(model, { inputIds }, { maxNewTokens: 2 });
    const before = memoryStats().liveBytes;
    for (const numBeams of [1, 4]) {
      await generate(model, { inputIds, attentionMask }, { numBeams, maxNewTokens: 5, minNewTokens: 5 });
      assert.equal(memoryStats().liveBytes, before);
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 3);
      const going = generate(
        model,
        { inputIds },
        { numBeams, maxNewTokens: 5000, minNewTokens: 5000, signal: stop.signal },
      );
      await assert.rejects(going, { name: "AbortError" });
      assert.equal(memoryStats().liveBytes, before);
    }
    assert.deepEqual(inputIds.ne(0).tolist(), attentionMask.tolist()); // both are still there
    model.dispose();
  });
}

/** What `run` gives with another tensor in a parameter's place, wherever it is used. */
function swapped<T>(model: Seq2SeqRnn, parameter: Parameter, tensor: Tensor, run: () => T): T {
  const places = model
    .modules()
    .flatMap((module) =>
      Object.entries(module).flatMap(([name, value]) => (value === parameter ? [{ module, name }] : [])),
    );
  const put = (value: Tensor): void => {
    for (const { module, name } of places) Object.assign(module, { [name]: value });
  };
  put(tensor);
  try {
    return run();
  } finally {
    put(parameter);
  }
}

test("tied weights are one parameter, and once in the file", () => {
  const names = (config: Partial<RnnSeq2SeqConfig>): string[] => {
    const model = new Seq2SeqRnn({ ...small, ...config });
    const found = model.namedParameters().map(([name]) => name);
    assert.deepEqual(
      stateEntries(model).map(({ name }) => name),
      found,
    );
    model.dispose();
    return found.filter((name) => /embedding|output\.weight/.test(name));
  };
  const [encoder, decoder, output] = ["encoder.embedding.weight", "decoder.embedding.weight", "decoder.output.weight"];
  assert.deepEqual(names({ tieWordEmbeddings: true, tieOutputEmbeddings: true }), [encoder]);
  assert.deepEqual(names({ tieWordEmbeddings: true, tieOutputEmbeddings: false }), [encoder, output]);
  assert.deepEqual(names({ tieWordEmbeddings: false, tieOutputEmbeddings: true }), [encoder, decoder]);
  assert.deepEqual(names({ tieWordEmbeddings: false, tieOutputEmbeddings: false }), [encoder, decoder, output]);
});

test("dropout acts in training and nowhere else", () => {
  using _ = scope();
  const model = randomModel({ dropout: 0.5 });
  const batch = { inputIds: padded(texts, 0), labels: padded(summaries, -100) };
  const lossOf = (): number => noGrad(() => model(batch).loss!.item());
  assert.notEqual(lossOf(), lossOf());
  model.eval();
  assert.equal(lossOf(), lossOf());
  model.dispose();
});

test("a padding token inside a text cuts nothing off", () => {
  using _ = scope();
  const model = randomModel({ copy: false });
  const lossOf = (text: number[]): number =>
    model({ inputIds: padded([text], 0), labels: padded([[3, 2]], -100) }).loss!.item();
  assert.notEqual(lossOf([5, 0, 9, 4]), lossOf([5, 0, 9, 6]));
  assert.ok(Number.isFinite(lossOf([])) && Number.isFinite(lossOf([0, 0])), "texts without a token");
  model.dispose();
});

test("a batch without anything to predict is refused", () => {
  using _ = scope();
  const model = new Seq2SeqRnn(small);
  assert.throws(() => model({ inputIds: padded(texts, 0) }), DataError);
  model.dispose();
});

test("fields that make no model are refused by name", () => {
  const wrong: readonly [Record<string, unknown>, RegExp][] = [
    [{ vocabSize: 0 }, /"vocab_size" is 0; it must be a whole number of at least 1/],
    [{ hiddenSize: 2.5 }, /"hidden_size" is 2\.5/],
    [{ hiddenSize: "512" }, /"hidden_size" is "512"/],
    [{ hiddenSize: 15, bidirectional: true }, /"hidden_size" 15 is odd/],
    [{ numLayers: -1 }, /"num_layers" is -1/],
    [{ rnnType: "elman" }, /"rnn_type" is "elman"; it must be lstm or gru/],
    [{ attention: null }, /"attention" is null; it must be dot or additive/],
    [{ copy: "yes" }, /"copy" is "yes"; it must be true or false/],
    [{ dropout: 1 }, /"dropout" is 1; it must be a number from 0 to below 1/],
    [{ padTokenId: 11 }, /"pad_token_id" is 11; it must be a whole number from 0 to below the vocabulary's size of 11/],
    [{ eosTokenId: -1 }, /"eos_token_id" is -1/],
    [{ decoderStartTokenId: 0.5 }, /"decoder_start_token_id" is 0\.5/],
  ];
  for (const [fields, message] of wrong) {
    assert.throws(
      () => new Seq2SeqRnn({ ...small, ...fields } as Partial<RnnSeq2SeqConfig>), // wrong on purpose
      (error) => error instanceof CheckpointError && message.test(error.message),
      JSON.stringify(fields),
    );
  }
});
