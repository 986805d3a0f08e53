// Every layer of `nn` with a call of it: for what must hold for all. A layer that is neither here nor called like those that need no
// arguments fails the suites.

import * as nn from "../src/nn.ts";
import { fromArray, ones } from "../src/tensor/create.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { drawn } from "./drawn.ts";

/** A layer, and what it makes of leaves. */
export interface Layer {
  readonly name: string;
  readonly module: nn.AnyModule;
  readonly leaves: readonly Tensor[];
  call(...leaves: Tensor[]): unknown;
}

type Maker = () => Omit<Layer, "name">;

const given = (module: nn.AnyModule, ...shapes: readonly (readonly number[])[]): Omit<Layer, "name"> => ({
  module,
  leaves: shapes.map((shape, i) => drawn(i + 1, shape).requiresGrad_()),
  call: (...leaves) => module(...leaves),
});
const ids = (values: readonly number[], ...shape: number[]): Tensor => fromArray(values, shape, { dtype: "int32" });
/** A loss of a leaf and a target. */
const loss = (module: nn.AnyModule, shape: readonly number[], target: () => Tensor): Omit<Layer, "name"> => ({
  ...given(module, shape),
  call: (x) => module(x, target()),
});
const square = (): Tensor => drawn(5, [3, 4]).square().clamp({ min: 0.1, max: 0.9 });
const classes = (): Tensor => ids([0, 2, 1], 3);
const decoderLayer = (): nn.TransformerDecoderLayer => new nn.TransformerDecoderLayer(4, 2, { dimFeedforward: 8 });
const encoderLayer = (): nn.TransformerEncoderLayer => new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 8 });

const makers: Readonly<Record<string, Maker>> = {
  AdaptiveAvgPool1d: () => given(new nn.AdaptiveAvgPool1d(2), [2, 3, 5]),
  AdaptiveAvgPool2d: () => given(new nn.AdaptiveAvgPool2d(2), [1, 2, 3, 5]),
  AdaptiveMaxPool1d: () => given(new nn.AdaptiveMaxPool1d(2), [2, 3, 5]),
  AdaptiveMaxPool2d: () => given(new nn.AdaptiveMaxPool2d(2), [1, 2, 3, 5]),
  AdditiveAttention: () => attention(new nn.AdditiveAttention(4)),
  AvgPool1d: () => given(new nn.AvgPool1d(2), [1, 2, 5]),
  AvgPool2d: () => given(new nn.AvgPool2d(2), [1, 2, 3, 5]),
  BCELoss: () => loss(new nn.BCELoss(), [3, 4], square),
  BatchNorm1d: () => given(new nn.BatchNorm1d(4), [3, 4]),
  BatchNorm2d: () => given(new nn.BatchNorm2d(2), [2, 2, 3, 3]),
  Bilinear: () => given(new nn.Bilinear(2, 3, 4), [5, 2], [5, 3]),
  Conv1d: () => given(new nn.Conv1d(2, 3, 2), [1, 2, 5]),
  Conv2d: () => given(new nn.Conv2d(2, 3, 2), [1, 2, 3, 4]),
  ConvTranspose1d: () => given(new nn.ConvTranspose1d(2, 3, 2), [1, 2, 5]),
  ConvTranspose2d: () => given(new nn.ConvTranspose2d(2, 3, 2), [1, 2, 3, 4]),
  CosineEmbeddingLoss: () => {
    const module = new nn.CosineEmbeddingLoss();
    return { ...given(module, [3, 4], [3, 4]), call: (a, b) => module(a!, b!, fromArray([1, -1, 1], [3])) };
  },
  CosineSimilarity: () => given(new nn.CosineSimilarity(), [3, 4], [3, 4]),
  CrossEntropyLoss: () => loss(new nn.CrossEntropyLoss(), [3, 4], classes),
  DotAttention: () => attention(new nn.DotAttention(4)),
  Dropout1d: () => given(new nn.Dropout1d(), [2, 3, 4]),
  Dropout2d: () => given(new nn.Dropout2d(), [2, 3, 4, 2]),
  Embedding: () => {
    const module = new nn.Embedding(5, 3);
    return { module, leaves: [], call: () => module(ids([0, 4, 4, 1], 2, 2)) };
  },
  EmbeddingBag: () => {
    const module = new nn.EmbeddingBag(5, 3);
    return { module, leaves: [], call: () => module(ids([0, 4, 4, 1], 2, 2)) };
  },
  GRU: () => given(new nn.GRU(3, 4, { bidirectional: true }), [5, 2, 3]),
  GRUCell: () => given(new nn.GRUCell(3, 4), [2, 3]),
  GaussianNLLLoss: () => {
    const module = new nn.GaussianNLLLoss();
    return { ...given(module, [3, 4]), call: (x) => module(x!, square(), square()) };
  },
  GroupNorm: () => given(new nn.GroupNorm(2, 4), [2, 4, 3]),
  KLDivLoss: () => loss(new nn.KLDivLoss({ reduction: "batchmean" }), [3, 4], square),
  LSTM: () => given(new nn.LSTM(3, 4, { numLayers: 2 }), [5, 2, 3]),
  LSTMCell: () => given(new nn.LSTMCell(3, 4), [2, 3]),
  LayerNorm: () => given(new nn.LayerNorm(4), [2, 3, 4]),
  Linear: () => given(new nn.Linear(4, 3), [2, 4]),
  MarginRankingLoss: () => {
    const module = new nn.MarginRankingLoss();
    return { ...given(module, [3], [3]), call: (a, b) => module(a!, b!, fromArray([1, -1, 1], [3])) };
  },
  MaxPool1d: () => given(new nn.MaxPool1d(2), [1, 2, 5]),
  MaxPool2d: () => given(new nn.MaxPool2d(2), [1, 2, 3, 5]),
  ModuleDict: () => given(new nn.ModuleDict({ a: new nn.Linear(2, 2) }).get("a"), [1, 2]),
  ModuleList: () => given(new nn.ModuleList([new nn.Linear(2, 2)]).at(0), [1, 2]),
  MultiLabelMarginLoss: () => loss(new nn.MultiLabelMarginLoss(), [1, 4], () => ids([2, 0, -1, 1], 1, 4)),
  MultiMarginLoss: () => loss(new nn.MultiMarginLoss(), [3, 4], classes),
  MultiLabelSoftMarginLoss: () => loss(new nn.MultiLabelSoftMarginLoss(), [3, 4], square),
  MultiheadAttention: () => {
    const module = new nn.MultiheadAttention(4, 2);
    return { ...given(module, [3, 2, 4]), call: (x) => module(x!, x!, x!) };
  },
  NLLLoss: () => loss(new nn.NLLLoss(), [3, 4], classes),
  PairwiseDistance: () => given(new nn.PairwiseDistance(), [3, 4], [3, 4]),
  ParameterDict: () => parameters(new nn.ParameterDict({ a: new nn.Parameter(ones([2])) })),
  ParameterList: () => parameters(new nn.ParameterList([new nn.Parameter(ones([2]))])),
  RMSNorm: () => given(new nn.RMSNorm(4), [2, 3, 4]),
  RNN: () => given(new nn.RNN(3, 4, { nonlinearity: "relu" }), [5, 2, 3]),
  RNNCell: () => given(new nn.RNNCell(3, 4), [2, 3]),
  Sequential: () => given(new nn.Sequential(new nn.Linear(4, 2), new nn.Tanh()), [3, 4]),
  Softmax: () => given(new nn.Softmax(-1), [3, 4]),
  Softmin: () => given(new nn.Softmin(-1), [3, 4]),
  LogSoftmax: () => given(new nn.LogSoftmax(-1), [3, 4]),
  Threshold: () => given(new nn.Threshold(0.1, 20), [3, 4]),
  Transformer: () =>
    given(
      new nn.Transformer({ dModel: 4, nhead: 2, numEncoderLayers: 1, numDecoderLayers: 1, dimFeedforward: 8 }),
      [3, 2, 4],
      [5, 2, 4],
    ),
  TransformerDecoder: () => given(new nn.TransformerDecoder(decoderLayer(), 2), [3, 2, 4], [5, 2, 4]),
  TransformerDecoderLayer: () => given(decoderLayer(), [3, 2, 4], [5, 2, 4]),
  TransformerEncoder: () => given(new nn.TransformerEncoder(encoderLayer(), 2), [3, 2, 4]),
  TransformerEncoderLayer: () => given(encoderLayer(), [3, 2, 4]),
  TripletMarginLoss: () => given(new nn.TripletMarginLoss(), [3, 4], [3, 4], [3, 4]),
};

/** Attention of a decoder's states to all that an encoder gave. */
function attention(module: nn.AdditiveAttention | nn.DotAttention): Omit<Layer, "name"> {
  const sees = (): Tensor => ones([2, 3], { dtype: "bool" });
  return { ...given(module, [2, 1, 4], [2, 3, 4]), call: (query, memory) => module(query!, memory!, sees()) };
}

/** What holds parameters and is not called. */
function parameters(module: nn.AnyModule): Omit<Layer, "name"> {
  return { module, leaves: [], call: () => module.parameters().map((p) => p.square()) };
}

type Class = new () => nn.AnyModule;

/** All layers that `nn` exports. */
export function layers(): Layer[] {
  return Object.entries(nn).flatMap(([name, value]): Layer[] => {
    if (typeof value !== "function" || !(value.prototype instanceof nn.Module)) return [];
    const make = makers[name] ?? (() => plain(name, value as unknown as Class)); // a class that needs no arguments, or it fails
    return [{ name, ...make() }];
  });
}

function plain(name: string, Class: Class): Omit<Layer, "name"> {
  try {
    const module = new Class();
    return name.endsWith("Loss") ? loss(module, [3, 4], square) : given(module, [3, 4]);
  } catch (error) {
    throw new Error(`nn.${name}: add how it is made and called to test/layers.ts`, { cause: error });
  }
}
