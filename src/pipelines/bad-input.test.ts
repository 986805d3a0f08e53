// Models that cannot do what a pipeline is for, and tokenizers of other models, are told before anything is computed.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { UnsupportedError } from "../base/errors.ts";
import {
  BertForMaskedLM,
  BertForMultipleChoice,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertModel,
} from "../models/bert.ts";
import type { EncoderConfig } from "../models/encoder-config.ts";
import type { BaseModelOutput, EncoderInputs, SequenceClassifierOutput } from "../models/outputs.ts";
import { AutoTokenizer } from "../models/pretrained-files.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { CrossEncoder } from "./cross-encoder.ts";
import { pipeline, type Task } from "./pipeline.ts";
import { SentenceTransformer } from "./sentence-transformer.ts";

const folder = fileURLToPath(new URL("../../test/fixtures/pipelines", import.meta.url));
const tokenizer = await AutoTokenizer.fromPretrained(join(folder, "classifier"));
const config = {
  ...{ hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 8, maxPositionEmbeddings: 24 },
  vocabSize: tokenizer.vocabSize,
};
const heads = {
  BertModel,
  BertForMaskedLM,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertForQuestionAnswering,
  BertForMultipleChoice,
};
const wanted: { readonly [task in Exclude<Task, "summarization">]: keyof typeof heads } = {
  "text-classification": "BertForSequenceClassification",
  "sentiment-analysis": "BertForSequenceClassification",
  "zero-shot-classification": "BertForSequenceClassification",
  "token-classification": "BertForTokenClassification",
  ner: "BertForTokenClassification",
  "question-answering": "BertForQuestionAnswering",
  "fill-mask": "BertForMaskedLM",
  "feature-extraction": "BertModel",
};

test("a model with another head is refused, and the right class named", async () => {
  for (const [name, Head] of Object.entries(heads)) {
    const model = new Head(config);
    const refusal = (right: string) => (error: Error) => {
      assert.ok(error instanceof UnsupportedError);
      assert.match(
        error.message,
        new RegExp(`: ${name} has another head; wants a ${right}: ${right}\\.fromPretrained`),
      );
      return true;
    };
    for (const [task, right] of Object.entries(wanted)) {
      const made = pipeline(task as keyof typeof wanted, { model, tokenizer });
      if (name === right) await made;
      else await assert.rejects(made, refusal(right), `${task} of ${name}`);
    }
    if (name !== "BertModel")
      await assert.rejects(new SentenceTransformer({ model, tokenizer }).encode(["a"]), refusal("BertModel"));
    if (name !== "BertForSequenceClassification")
      await assert.rejects(
        new CrossEncoder({ model, tokenizer }).predict([["a", "b"]]),
        refusal("BertForSequenceClassification"),
      );
  }
});

test("a class of the user's own may have any head", async () => {
  class Topics extends Module<[inputs: EncoderInputs], SequenceClassifierOutput> {
    readonly config: EncoderConfig;
    readonly bert = new BertModel(config);
    readonly head = new Linear(8, 2);
    constructor() {
      super();
      this.config = this.bert.config;
    }
    forward(inputs: EncoderInputs): SequenceClassifierOutput {
      const states: BaseModelOutput = this.bert(inputs);
      return { logits: this.head(states.poolerOutput!) };
    }
  }
  class OwnBert extends BertModel {}
  const classify = await pipeline("text-classification", { model: new Topics(), tokenizer });
  assert.equal((await classify("a text")).length, 1);
  await pipeline("text-classification", { model: new OwnBert(config), tokenizer });
});

test("a tokenizer with words that the model does not have", async () => {
  const model = new BertForSequenceClassification({ ...config, vocabSize: 20 });
  const classify = await pipeline("text-classification", { model, tokenizer });
  await assert.rejects(
    classify(["e", "hello"]),
    /the token ".+" has the id \d+, the model knows ids below 20\. Is the tokenizer this model's\?.*resizeTokenEmbeddings\(\d+\)/,
  );
  model.resizeTokenEmbeddings(tokenizer.vocabSize);
  assert.equal((await classify(["e", "hello"])).length, 2);
});

test("a question as in Python's positional arguments is told what is wanted", async () => {
  const ask = await pipeline("question-answering", join(folder, "reader"));
  await assert.rejects(ask("Who?" as never), /input 0 is string; wants \{ question, context \}/);
  await assert.rejects(ask([null as never]), /input 0 is null; wants/);
});
