// Our side of what `peers` and `compare` measure. A case is named by words, `encode bert 8 128`; `peers/cases_torch.py` and
// `peers/cases_onnx.py` know the same ones.

import { manualSeed, noGrad, randint, randn, scope, type Tensor } from "kindling";
import { type BertConfig, BertForSequenceClassification, BertModel, Seq2SeqRnn } from "kindling/models";
import * as nn from "kindling/nn";
import * as optim from "kindling/optim";
import { bertBase, miniLm } from "../models/bert-sizes.ts";
import { Gpt2, gpt2Small } from "../models/gpt2.ts";

/** Something ready to run again and again. */
export interface Case {
  run(): void;
  /** Frees what it holds. */
  free(): void;
}

const F = nn.functional;

/** A case whose work is `compute`, without gradients, its result freed. */
function inference(held: readonly { dispose(): void }[], compute: () => unknown): Case {
  return {
    run() {
      using _ = scope("run");
      noGrad(compute);
    },
    free() {
      for (const each of held) each.dispose();
    },
  };
}

/** Forward, backward, clipping to norm 1, AdamW. */
function training(model: nn.Module, loss: () => Tensor): Case {
  const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-4, weightDecay: 0.01 });
  return {
    run() {
      using _ = scope("step");
      const value = loss();
      optimizer.zeroGrad();
      value.backward();
      optim.clipGradNorm_(model.parameters(), 1);
      optimizer.step();
      value.item();
    },
    free: () => model.dispose(),
  };
}

function unary(name: string): Case {
  const [N, C] = [1024, 3072];
  const x = randn([N, C]);
  const [weight, bias] = [randn([C]), randn([C])];
  const functions: { readonly [name: string]: () => Tensor } = {
    gelu: () => F.gelu(x),
    exp: () => x.exp(),
    softmax: () => F.softmax(x, -1),
    layerNorm: () => F.layerNorm(x, [C], { weight, bias }),
    sumRows: () => x.sum({ dim: 1 }),
    sumColumns: () => x.sum({ dim: 0 }),
  };
  return inference([x, weight, bias], named(functions, name));
}

const berts: { readonly [name: string]: Partial<BertConfig> } = { bert: bertBase, minilm: miniLm };

function encode(name: string, B: number, T: number): Case {
  const model = new BertModel(named(berts, name)).eval();
  const inputIds = randint(0, model.config.vocabSize, [B, T]);
  return inference([model, inputIds], () => model({ inputIds }));
}

/** As `encode`, from vectors instead of ids: what the JavaScript peers compute. */
function encodeLayers(name: string, B: number, T: number): Case {
  const model = new BertModel(named(berts, name)).eval();
  const x = randn([B, T, model.config.hiddenSize]);
  const how = { implementation: "sdpa", attentions: false, hiddenStates: false } as const;
  return inference([model, x], () => model.encoder(x, { shared: () => [undefined], how, checkpointed: false }));
}

/** A perceptron's step with SGD; `perceptron` in js-peers/protocol.js has the same sizes. */
function trainMlp(B: number): Case {
  const linear = (from: number, to: number): nn.Linear => new nn.Linear(from, to);
  const model = new nn.Sequential(linear(784, 512), new nn.ReLU(), linear(512, 512), new nn.ReLU(), linear(512, 10));
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
  const [x, labels] = [randn([B, 784]), randint(0, 10, [B])];
  return {
    run() {
      using _ = scope("step");
      const loss = F.crossEntropy(model(x), labels);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      loss.item();
    },
    free: () => model.dispose(),
  };
}

function trainBert(B: number, T: number): Case {
  const model = new BertForSequenceClassification(bertBase);
  const inputIds = randint(0, model.config.vocabSize, [B, T]);
  const labels = randint(0, 2, [B]);
  return training(model, () => model({ inputIds, labels }).loss!); // with labels there is a loss
}

function trainGpt2(B: number, T: number): Case {
  const model = new Gpt2(gpt2Small);
  const ids = randint(0, gpt2Small.vocabSize, [B, T]);
  return training(model, () => model.loss(ids));
}

function decode(prompt: number, count: number): Case {
  const model = new Gpt2(gpt2Small).eval();
  const ids = randint(0, gpt2Small.vocabSize, [1, prompt]);
  return inference([model, ids], () => model.greedy(ids, count));
}

/** The summarizer's step: V 8000, E 256, H 512. */
function trainSummarizer(B: number, S: number, T: number): Case {
  const model = new Seq2SeqRnn({
    ...{ vocabSize: 8000, embeddingSize: 256, hiddenSize: 512, bidirectional: false, dropout: 0, copy: false },
    ...{ tieWordEmbeddings: false, tieOutputEmbeddings: false },
  });
  const inputIds = randint(3, 8000, [B, S]);
  const labels = randint(3, 8000, [B, T]);
  return training(model, () => model({ inputIds, labels }).loss!); // with labels there is a loss
}

/** `[8] + [8]`; the temporaries of a hundred are freed together, as those of a step are. */
function smallAdds(requiresGrad: boolean): Case {
  const [a, b] = [randn([8], { requiresGrad }), randn([8])];
  const run = (): void => {
    using _ = scope("run");
    for (let i = 0; i < 100; i++) a.add(b);
  };
  return { run: requiresGrad ? run : () => noGrad(run), free: () => [a, b].forEach((t) => t.dispose()) };
}

const families: { readonly [family: string]: (...words: string[]) => Case } = {
  matmul(...sizes) {
    const [M, K, N] = numbers(sizes, 3) as [number, number, number]; // three, as checked
    const [a, b] = [randn([M, K]), randn([K, N])];
    return inference([a, b], () => a.matmul(b));
  },
  linear(...sizes) {
    const [M, K, N] = numbers(sizes, 3) as [number, number, number]; // three, as checked
    const [x, layer] = [randn([M, K]), new nn.Linear(K, N).eval()];
    return inference([x, layer], () => layer(x));
  },
  unary: (name) => unary(name!),
  encode: (name, ...sizes) => encode(name!, ...(numbers(sizes, 2) as [number, number])), // two, as checked
  encodeLayers: (name, ...sizes) => encodeLayers(name!, ...(numbers(sizes, 2) as [number, number])),
  trainMlp: (...sizes) => trainMlp(...(numbers(sizes, 1) as [number])),
  trainBert: (...sizes) => trainBert(...(numbers(sizes, 2) as [number, number])),
  trainGpt2: (...sizes) => trainGpt2(...(numbers(sizes, 2) as [number, number])),
  decode: (...sizes) => decode(...(numbers(sizes, 2) as [number, number])),
  trainSummarizer: (...sizes) => trainSummarizer(...(numbers(sizes, 3) as [number, number, number])),
  adds: () => smallAdds(false),
  addsWithGradient: () => smallAdds(true),
};

/** Makes the case that the words name, with the same random numbers each time. */
export function openCase(words: readonly string[]): Case {
  const [family, ...rest] = words;
  manualSeed(0);
  return named(families, family)(...rest);
}

function named<T>(table: { readonly [name: string]: T }, name: string | undefined): T {
  const found = table[name ?? ""];
  if (found === undefined) throw new Error(`no case "${name}"; there are ${Object.keys(table).join(", ")}`);
  return found;
}

function numbers(words: readonly string[], count: number): number[] {
  const sizes = words.map(Number);
  if (sizes.length !== count || !sizes.every(Number.isInteger))
    throw new Error(`"${words.join(" ")}": wants ${count} whole numbers`);
  return sizes;
}
