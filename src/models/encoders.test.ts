// Every encoder and each of its heads beside transformers: hidden states, attentions, logits, losses, the gradient of every
// parameter and one step of AdamW, padded on either side. `scripts/goldens/encoders.py` made the fixtures.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  draw,
  drawnModel,
  type EncoderGolden,
  encoderGolden,
  type HeadGolden,
  inputsOf,
  type Numbers,
  type Spread,
  spreadOf,
} from "../../test/encoder-goldens.ts";
import { snakeCase } from "../base/spelling.ts";
import { AdamW } from "../optim/adam.ts";
import { fromArray } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { BaseModelOutput } from "./outputs.ts";
import type { AnyTransformer, ModelClass } from "./pretrained-transformer.ts";

const architectures: { readonly [name: string]: () => Promise<object> } = {
  bert: () => import("./bert.ts"),
  distilbert: () => import("./distilbert.ts"),
  roberta: () => import("./roberta.ts"),
  "xlm-roberta": () => import("./xlm-roberta.ts"),
  camembert: () => import("./camembert.ts"),
  electra: () => import("./electra.ts"),
  albert: () => import("./albert.ts"),
  mpnet: () => import("./mpnet.ts"),
  "deberta-v2": () => import("./deberta-v2.ts"),
  "deberta-v2-conv": () => import("./deberta-v2.ts"),
  modernbert: () => import("./modernbert.ts"),
  "modernbert-mean": () => import("./modernbert.ts"),
};

function classOf(module: object, name: string): ModelClass<AnyTransformer> {
  const found = (module as Record<string, unknown>)[name];
  assert.ok(typeof found === "function", `${name} is not there`);
  return found as unknown as ModelClass<AnyTransformer>; // a class of its name
}

/** Within 1e-5 of the value or of 1, whichever is more. */
function near(actual: Tensor | undefined, expected: Numbers, what: string): void {
  assert.ok(actual instanceof Tensor, `${what} is missing`);
  assert.deepEqual([...actual.shape], [...expected.shape], `${what}, shape`);
  actual.toArray().forEach((x: number, i: number) => {
    const want = expected.data[i]!;
    const most = 1e-5 * Math.max(1, Math.abs(want));
    assert.ok(Math.abs(x - want) <= most, `${what}, element ${i}: ${x}, not ${want}`);
  });
}
function nearNumber(actual: number, expected: number, what: string, most = 1e-5): void {
  assert.ok(
    Math.abs(actual - expected) <= most * Math.max(1, Math.abs(expected)),
    `${what}: ${actual}, not ${expected}`,
  );
}

/** Within 1e-4 of each gradient's own norm; gradients that are zero but for rounding, within 1e-6 of the largest. */
function nearSpreads(
  actual: readonly (readonly [string, Tensor])[],
  expected: Record<string, Spread>,
  what: string,
): void {
  assert.deepEqual(actual.map(([name]) => name).sort(), Object.keys(expected).sort(), what);
  const largest = Math.max(...Object.values(expected).map(([norm]) => norm));
  for (const [name, t] of actual) {
    const want = expected[name]!;
    const most = 1e-4 * want[0] + 1e-6 * largest;
    spreadOf(name, t).forEach((x, i) => {
      assert.ok(Math.abs(x - want[i]!) <= most, `${what} of ${name}, ${i}: ${x}, not ${want[i]} (norm ${want[0]})`);
    });
  }
}

function checkHead(model: AnyTransformer, head: HeadGolden, golden: EncoderGolden): void {
  const labels = labelsOf(head);
  const inputs = { ...inputsOf(head.inputs ?? golden.inputs.right), ...labels };
  for (const [side, expected] of [
    ["right", head.right],
    ["left", head.left],
  ] as const) {
    if (expected === undefined) continue;
    const given = side === "right" ? inputs : { ...inputsOf(golden.inputs.left), ...labels };
    const answer = noGrad(() => model(given)) as Record<string, Tensor>;
    const logits = Object.entries(answer).filter(([name]) => name !== "loss");
    assert.deepEqual(logits.map(([name]) => snakeCase(name)).sort(), Object.keys(expected.logits).sort());
    for (const [name, t] of logits) near(t, expected.logits[snakeCase(name)]!, `${side}, ${name}`);
    nearNumber(answer.loss!.item(), expected.loss, `${side}, loss`);
  }
  const { loss } = model(inputs) as { loss: Tensor };
  loss.backward();
  const trained = model.namedParameters().filter(([, p]) => p.grad !== undefined);
  const unused = model.namedParameters().filter(([, p]) => p.grad === undefined);
  assert.deepEqual(unused.map(([name]) => name).sort(), [...head.right.unused].sort(), "without a gradient");
  nearSpreads(
    trained.map(([name, p]) => [name, p.grad!]),
    head.right.grads,
    "gradient",
  );
  const parameters = trained.map(([, p]) => p);
  new AdamW(parameters, { lr: 0.01, eps: 1e-3, weightDecay: 0.1 }).step();
  nearSpreads(trained, head.right.steps, "step");
  const after = noGrad(() => model(inputs)) as { loss: Tensor };
  nearNumber(after.loss.item(), head.right.after, "loss after a step", 1e-4);
}

function labelsOf(head: HeadGolden): Record<string, Tensor> {
  const labels = inputsOf(head.labels);
  const isFloat = head.config.num_labels === 1 || head.config.problem_type !== undefined;
  return isFloat ? { labels: (labels as Record<string, Tensor>).labels!.float() } : labels;
}

for (const [name, load] of Object.entries(architectures)) {
  const golden = encoderGolden(name);
  const family = golden.heads[0]!.name.replace(/For.*/, "");
  const [T, B] = [7, 3];
  test(`${name}: hidden states, attentions, padding, masks`, async () => {
    const model = drawnModel(classOf(await load(), `${family}Model`), golden);
    const run = (inputs: object): BaseModelOutput => noGrad(() => model(inputs)) as BaseModelOutput;
    const { base } = golden;
    const right = inputsOf(golden.inputs.right);
    const whole = run({ ...right, outputHiddenStates: true, outputAttentions: true });
    assert.equal(whole.hiddenStates!.length, base.hidden.length);
    whole.hiddenStates!.forEach((h, i) => near(h, base.hidden[i]!, `hidden state ${i}`));
    assert.equal(whole.attentions!.length, base.attentions.length);
    whole.attentions!.forEach((a, i) => near(a, base.attentions[i]!, `attention ${i}`));
    const fused = run(right);
    near(fused.lastHiddenState, base.last, "last hidden state");
    assert.deepEqual(
      Object.keys(fused).sort(),
      base.pooled === undefined ? ["lastHiddenState"] : ["lastHiddenState", "poolerOutput"],
    );
    if (base.pooled !== undefined) near(fused.poolerOutput, base.pooled, "pooled");
    model.setAttnImplementation("eager");
    near(run(right).lastHiddenState, base.last, "last hidden state, eager");
    model.setAttnImplementation("sdpa");
    near(run(inputsOf(golden.inputs.left)).lastHiddenState, base.left, "left padding");
    const E = model.getInputEmbeddings().embeddingDim;
    const inputsEmbeds = fromArray(draw("inputs_embeds", B * T * E), [B, T, E]);
    const positionIds = fromArray([6, 5, 4, 3, 2, 1, 0], [1, T], { dtype: "int32" });
    near(run({ inputsEmbeds, positionIds }).lastHiddenState, base.embeds, "embeddings in place of ids");
    if (base.masked !== undefined) {
      const kept = draw("mask", B * T * T);
      const mask = draw("bias", B * T * T).map((x, i) =>
        i % T === 0 ? 0 : kept[i]! > -0.4 ? x : -3.4028234663852886e38,
      );
      const added = fromArray(mask, [B, 1, T, T]);
      near(
        run({ inputIds: right.inputIds, attentionMask: added }).lastHiddenState,
        base.masked,
        "a mask that is added",
      );
    }
    [7, 4, 5].forEach((n, b) => {
      const one = Object.fromEntries(
        Object.entries(right).map(([key, t]) => [key, (t as Tensor).narrow(0, b, 1).narrow(1, 0, n)]),
      );
      const alone = run(one).lastHiddenState;
      const expected = fused.lastHiddenState.narrow(0, b, 1).narrow(1, 0, n);
      near(alone, { shape: expected.shape, data: [...expected.toArray()] }, `text ${b} alone`);
    });
  });
  for (const head of golden.heads) {
    test(`${name}: ${head.name} ${JSON.stringify(head.config)}`, async () => {
      const module = await load();
      tidy(() => checkHead(drawnModel(classOf(module, head.name), golden, head.config), head, golden));
    });
  }
}
