// Which operations take the time of BERT-base and GPT-2, and how near each is to the machine's peak. One profile of each
// case, the fastest of some after two runs that warm up, as tables: forward passes, training steps with AdamW and clipping, decoding.
//
//   npm run bench -- profile [forward] [step] [gpt2step] [decode] [--shapes] [--limit=n]

import { noGrad, optim, profile, randint, type Tensor, tidy } from "kindling";
import { BertForSequenceClassification, BertModel } from "kindling/models";
import { bertBase } from "./models/bert-sizes.ts";
import { Gpt2, gpt2Small } from "./models/gpt2.ts";

const words = process.argv.slice(2);
const limit = Number(words.find((word) => word.startsWith("--limit="))?.slice(8) ?? 14);

function trainingStep(model: { parameters(): Tensor[] }, loss: () => Tensor): () => void {
  const parameters = model.parameters();
  const optimizer = new optim.AdamW(parameters, { lr: 1e-5 });
  return () => {
    optimizer.zeroGrad();
    tidy(() => loss().backward());
    optim.clipGradNorm_(parameters, 1);
    optimizer.step();
  };
}

const cases: { readonly [name: string]: () => readonly [title: string, body: () => void] } = {
  forward() {
    const model = new BertModel(bertBase).eval();
    const inputIds = randint(0, model.config.vocabSize, [8, 128]); // [B, T]
    return ["BERT-base forward, 8 x 128", () => noGrad(() => tidy(() => void model({ inputIds })))];
  },
  step() {
    const model = new BertForSequenceClassification(bertBase);
    const [inputIds, labels] = [randint(0, model.config.vocabSize, [8, 128]), randint(0, 2, [8])]; // [B, T], [B]
    return ["BERT-base training step, 8 x 128", trainingStep(model, () => model({ inputIds, labels }).loss!)]; // labels were given
  },
  gpt2step() {
    const model = new Gpt2(gpt2Small);
    const ids = randint(0, gpt2Small.vocabSize, [4, 128]); // [B, T]
    return ["GPT-2 training step, 4 x 128", trainingStep(model, () => model.loss(ids))];
  },
  decode() {
    const model = new Gpt2(gpt2Small).eval();
    const prompt = randint(0, gpt2Small.vocabSize, [1, 32]); // [B, T]
    return ["GPT-2 decoding, 32 + 16 tokens, greedy", () => void tidy(() => model.greedy(prompt, 16))];
  },
};

const asked = words.filter((word) => word in cases);
for (const name of asked.length > 0 ? asked : Object.keys(cases)) {
  const [title, body] = cases[name]!();
  for (let i = 0; i < 2; i++) body();
  const runs = Array.from({ length: 4 }, () => profile(body, { recordShapes: words.includes("--shapes") }));
  const result = runs.reduce((best, run) => (run.wallMs < best.wallMs ? run : best));
  console.log(`${title}\n\n${result.table({ limit })}\n`);
}
