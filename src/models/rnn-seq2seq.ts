// A recurrent encoder and decoder with attention: the summarizer. https://arxiv.org/abs/1508.04025
//
//   m = encoder.rnn(embed(input))                      [B, S, H]
//   q = decoder.rnn(embed(previous)), from the encoder's final state        [B, T, H]
//   a = softmax(score(q, m)), c = a m, o = tanh(combine([c; q]))            [B, T, S], [B, T, H], [B, T, E]
//   p(w) = softmax(output(o))_w                                             [B, T, V]
//
// With `copy`, each word may also be taken from the input, as the attention points (https://arxiv.org/abs/1704.04368):
//   g = sigmoid(generate([c; q])),  p(w) = g softmax(output(o))_w + (1 − g) Σ_s a_s [input_s = w]

import { CheckpointError, DataError } from "../base/errors.ts";
import { AdditiveAttention, DotAttention } from "../nn/attention.ts";
import { Dropout } from "../nn/dropout.ts";
import { Embedding } from "../nn/embedding.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { GRU, LSTM, type LstmState } from "../nn/rnn.ts";
import { arange, full, zeros } from "../tensor/create.ts";
import { logSigmoid, softplus } from "../tensor/functional/activation.ts";
import { crossEntropy } from "../tensor/functional/losses.ts";
import { softmax } from "../tensor/functional/softmax.ts";
import { cat } from "../tensor/indexing.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkFields, flag, idBelow, oneOf, type PretrainedConfig, probability, size } from "./configuration.ts";
import { PreTrainedModel } from "./pretrained.ts";

export interface RnnSeq2SeqConfig extends PretrainedConfig {
  readonly modelType: "rnn_seq2seq";
  readonly vocabSize: number;
  readonly embeddingSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly rnnType: "lstm" | "gru";
  /** Whether the encoder reads in both directions, each with half of the hidden size. */
  readonly bidirectional: boolean;
  readonly attention: "dot" | "additive";
  /** Whether words can be copied from the input. */
  readonly copy: boolean;
  readonly dropout: number;
  /** One embedding for encoder and decoder. */
  readonly tieWordEmbeddings: boolean;
  /** The output's weight is the decoder's embedding. */
  readonly tieOutputEmbeddings: boolean;
  readonly padTokenId: number;
  readonly bosTokenId: number;
  readonly eosTokenId: number;
  readonly decoderStartTokenId: number;
}

export const defaultConfig: RnnSeq2SeqConfig = {
  modelType: "rnn_seq2seq",
  architectures: ["Seq2SeqRnn"],
  vocabSize: 8000,
  embeddingSize: 256,
  hiddenSize: 512,
  numLayers: 1,
  rnnType: "lstm",
  bidirectional: true,
  attention: "dot",
  copy: true,
  dropout: 0.2,
  tieWordEmbeddings: true,
  tieOutputEmbeddings: true,
  padTokenId: 0,
  bosTokenId: 1,
  eosTokenId: 2,
  decoderStartTokenId: 1,
};

/** Throws unless the fields make a model. */
export function checkConfig(config: RnnSeq2SeqConfig, file = "the configuration"): void {
  checkFields(
    config,
    {
      vocabSize: size,
      embeddingSize: size,
      hiddenSize: size,
      numLayers: size,
      rnnType: oneOf("lstm", "gru"),
      bidirectional: flag,
      attention: oneOf("dot", "additive"),
      copy: flag,
      dropout: probability,
      tieWordEmbeddings: flag,
      tieOutputEmbeddings: flag,
      padTokenId: idBelow(config.vocabSize),
      bosTokenId: idBelow(config.vocabSize),
      eosTokenId: idBelow(config.vocabSize),
      decoderStartTokenId: idBelow(config.vocabSize),
    },
    file,
  );
  const { bidirectional, hiddenSize } = config;
  if (bidirectional && hiddenSize % 2 !== 0) {
    throw new CheckpointError(
      `${file}: "hidden_size" ${hiddenSize} is odd, and a bidirectional encoder gives each direction half of it.`,
      { file, field: "hiddenSize", value: hiddenSize },
    );
  }
}

/** An LSTM's hidden and cell state, or a GRU's state alone; each `[layers, B, H]`. */
export type RnnState = readonly Tensor[];

/** Runs an LSTM or GRU as one kind of layer. */
function runRnn(rnn: LSTM | GRU, x: Tensor, state: RnnState | undefined, lengths?: Tensor): [Tensor, RnnState] {
  const options = lengths === undefined ? {} : { lengths };
  if (rnn instanceof LSTM) {
    const [output, last] = rnn(x, state as LstmState | undefined, options); // two tensors, as an LSTM made them
    return [output, last];
  }
  const [output, last] = rnn(x, state?.[0], options);
  return [output, [last]];
}

function makeRnn(config: RnnSeq2SeqConfig, hidden: number, bidirectional: boolean): LSTM | GRU {
  const { embeddingSize, numLayers, rnnType } = config;
  const dropout = numLayers > 1 ? config.dropout : 0;
  const options = { numLayers, bidirectional, batchFirst: true, dropout };
  return rnnType === "lstm" ? new LSTM(embeddingSize, hidden, options) : new GRU(embeddingSize, hidden, options);
}

/** Ids `[B, S]` and their lengths `[B]` to a memory `[B, S, H]` and the decoder's first state. */
export class Encoder extends Module<[ids: Tensor, lengths: Tensor], [memory: Tensor, state: RnnState]> {
  readonly embedding: Embedding;
  readonly rnn: LSTM | GRU;
  readonly dropout: Dropout;

  constructor(config: RnnSeq2SeqConfig) {
    super();
    const { vocabSize, embeddingSize, hiddenSize, bidirectional, padTokenId } = config;
    this.embedding = new Embedding(vocabSize, embeddingSize, { paddingIdx: padTokenId });
    this.rnn = makeRnn(config, bidirectional ? hiddenSize / 2 : hiddenSize, bidirectional);
    this.dropout = new Dropout(config.dropout);
  }

  forward(ids: Tensor, lengths: Tensor): [Tensor, RnnState] {
    const x = this.dropout(this.embedding(ids)); //                        [B, S, E]
    const [memory, state] = runRnn(this.rnn, x, undefined, lengths); //    [B, S, H]
    return [memory, this.rnn.bidirectional ? state.map(sideBySide) : state];
  }
}

/** `[2 L, B, H/2]` to `[L, B, H]`: the two directions of a layer next to each other. */
function sideBySide(state: Tensor): Tensor {
  const [directions, B, half] = state.dims(3, "Encoder") as [number, number, number]; // three sizes, as checked
  return state
    .view(directions / 2, 2, B, half)
    .transpose(1, 2)
    .reshape(directions / 2, B, 2 * half);
}

// The label of a position from which nothing is learnt.
const ignored = -100;
// No probability is below this, so that its logarithm is a number.
const least = 1e-20;

/** What the decoder makes of each position. */
export interface Decoded {
  /** What the vocabulary's scores come from, `[B, T, E]`. */
  readonly output: Tensor;
  /** Where in the input it looked, `[B, T, S]`. */
  readonly weights: Tensor;
  /** The logit of making a word instead of copying one, `[B, T]`; only with `copy`. */
  readonly gate: Tensor | undefined;
  readonly state: RnnState;
}

/** Previous ids `[B, T]`, memory, mask and state to what comes before the vocabulary. */
export class Decoder extends Module<[ids: Tensor, memory: Tensor, mask: Tensor, state: RnnState], Decoded> {
  readonly embedding: Embedding;
  readonly rnn: LSTM | GRU;
  readonly attention: DotAttention | AdditiveAttention;
  readonly combine: Linear;
  readonly output: Linear;
  readonly generate: Linear | undefined;
  readonly dropout: Dropout;

  constructor(config: RnnSeq2SeqConfig) {
    super();
    const { vocabSize, embeddingSize, hiddenSize, padTokenId } = config;
    this.embedding = new Embedding(vocabSize, embeddingSize, { paddingIdx: padTokenId });
    this.rnn = makeRnn(config, hiddenSize, false);
    this.attention = config.attention === "dot" ? new DotAttention(hiddenSize) : new AdditiveAttention(hiddenSize);
    this.combine = new Linear(2 * hiddenSize, embeddingSize);
    this.output = new Linear(embeddingSize, vocabSize);
    if (config.copy) this.generate = new Linear(2 * hiddenSize, 1);
    this.dropout = new Dropout(config.dropout);
  }

  forward(ids: Tensor, memory: Tensor, mask: Tensor, first: RnnState): Decoded {
    const x = this.dropout(this.embedding(ids)); //                       [B, T, E]
    const [q, state] = runRnn(this.rnn, x, first); //                     [B, T, H]
    const { context, weights } = this.attention(q, memory, mask); //      [B, T, H], [B, T, S]
    const both = cat([context, q], -1); //                                [B, T, 2 H]
    const output = this.dropout(this.combine(both).tanh()); //            [B, T, E]
    return { output, weights, gate: this.generate?.(both).squeeze(-1), state };
  }
}

export interface Seq2SeqBatch {
  /** `[B, S]`, int32, padded on the right. */
  readonly inputIds: Tensor;
  /** `[B, S]`, 1 where there is a token; without it, everything but padding. */
  readonly attentionMask?: Tensor;
  /** `[B, T]`, int32, −100 where nothing is to be learnt. */
  readonly labels?: Tensor;
  /** `[B, T]`, int32; without it, the labels shifted right. */
  readonly decoderInputIds?: Tensor;
  readonly labelSmoothing?: number;
}

export interface Seq2SeqOutput {
  readonly loss?: Tensor;
  /** `[B, T, V]`; left out in training with labels, where only the rows that are learnt are computed. */
  readonly logits?: Tensor;
}

/** What decoding carries from token to token. */
export interface DecodingState {
  readonly inputIds: Tensor;
  readonly memory: Tensor;
  readonly mask: Tensor;
  readonly state: RnnState;
}

/** The summarizer. `model({ inputIds, labels }).loss`; `generate(model, …)` decodes. */
export class Seq2SeqRnn extends PreTrainedModel<RnnSeq2SeqConfig, [batch: Seq2SeqBatch], Seq2SeqOutput> {
  static readonly modelType = "rnn_seq2seq";
  /** The Trainer gives it `labelSmoothing`: with a copying gate the loss is not that of the logits alone. */
  readonly takesLabelSmoothing = true;
  readonly encoder: Encoder;
  readonly decoder: Decoder;

  constructor(config: Partial<RnnSeq2SeqConfig> = {}) {
    const whole = { ...defaultConfig, ...config };
    checkConfig(whole);
    super(whole);
    this.encoder = new Encoder(whole);
    this.decoder = new Decoder(whole);
    if (whole.tieWordEmbeddings) this.decoder.embedding.weight = this.encoder.embedding.weight;
    if (whole.tieOutputEmbeddings) this.decoder.output.weight = this.decoder.embedding.weight;
  }

  forward(batch: Seq2SeqBatch): Seq2SeqOutput {
    const { inputIds, labels } = batch;
    const decoderIds = batch.decoderInputIds ?? (labels === undefined ? undefined : this.shiftRight(labels));
    if (decoderIds === undefined)
      throw new DataError("Seq2SeqRnn: a batch needs labels or decoderInputIds; generate() needs neither.", {});
    const { memory, mask, state } = this.encode(inputIds, batch.attentionMask);
    const decoded = this.decoder(decoderIds, memory, mask, state);
    const loss = labels === undefined ? undefined : this.#loss(decoded, inputIds, labels, batch.labelSmoothing ?? 0);
    if (loss !== undefined && this.training) return { loss };
    const [B, T] = decoderIds.dims(2, "Seq2SeqRnn") as [number, number]; // two sizes, as checked
    const logits = this.#logits(flatten(decoded), inputIds.repeatInterleave(T, 0)).reshape(B, T, -1);
    return loss === undefined ? { logits } : { loss, logits };
  }

  /** The mean over labelled positions of −log p(label); only their rows reach the vocabulary. */
  #loss(decoded: Decoded, inputIds: Tensor, labels: Tensor, labelSmoothing: number): Tensor {
    const [, T] = labels.dims(2, "Seq2SeqRnn") as [number, number]; // two sizes, as checked
    const flat = labels.flatten();
    const learnt = flat.ne(ignored).nonzero().squeeze(1); //                              [N]
    const target = flat.indexSelect(0, learnt); //                                        [N]
    const { output, weights, gate } = flatten(decoded);
    const logits = this.decoder.output(output.indexSelect(0, learnt)); //                 [N, V]
    if (gate === undefined) return crossEntropy(logits, target, { labelSmoothing });

    // The two terms of p(label) as logarithms, which neither overflow nor vanish: a word made, or copied.
    const g = gate.indexSelect(0, learnt); //                                             [N]
    const made = logSigmoid(g).sub(crossEntropy(logits, target, { labelSmoothing, reduction: "none" }));
    const source = inputIds.indexSelect(0, learnt.div(T, { roundingMode: "floor" })); //  [N, S]
    const hits = source.eq(target.unsqueeze(1)).to(weights.dtype); //                     [N, S]
    const pointed = weights.indexSelect(0, learnt).mul(hits).sum({ dim: 1 }); //          [N]
    const copied = logSigmoid(g.neg()).add(pointed.clamp({ min: least }).log());
    const either = made.add(softplus(copied.sub(made))); // log(e^made + e^copied)
    return either.mean().neg();
  }

  /** Scores of all words for rows of positions, `[N, V]`; with `copy`, log-probabilities. */
  #logits({ output, weights, gate }: Rows, inputIds: Tensor): Tensor {
    const logits = this.decoder.output(output);
    if (gate === undefined) return logits;
    const g = gate.sigmoid().unsqueeze(1); // [N, 1]
    const made = softmax(logits, -1).mul(g);
    const either = made.scatterAdd(1, inputIds, weights.mul(g.rsub(1)));
    return either.clamp({ min: least }).log();
  }

  /** The labels as the decoder sees them: after the start token, without the last, padding for −100. */
  shiftRight(labels: Tensor): Tensor {
    const [B, T] = labels.dims(2, "shiftRight") as [number, number]; // two sizes, as checked
    const start = full([B, 1], this.config.decoderStartTokenId, { dtype: "int32" });
    const shifted = cat([start, labels.narrow(1, 0, T - 1)], 1);
    return shifted.maskedFill(shifted.eq(ignored), this.config.padTokenId);
  }

  // ── decoding, token by token (see generation/) ──────────────────────────────────────────────────────────────────

  encode(inputIds: Tensor, attentionMask?: Tensor): DecodingState {
    const mask = attentionMask === undefined ? inputIds.ne(this.config.padTokenId) : attentionMask.bool(); // [B, S]
    const [memory, state] = this.encoder(inputIds, lengthsOf(mask));
    return { inputIds, memory, mask, state };
  }
  /** The logits `[B, V]` after the last ids `[B]`, and the state to go on from. */
  decodeStep(lastIds: Tensor, carried: DecodingState): { readonly logits: Tensor; readonly state: DecodingState } {
    const { inputIds, memory, mask } = carried;
    const decoded = this.decoder(lastIds.unsqueeze(1), memory, mask, carried.state);
    return { logits: this.#logits(flatten(decoded), inputIds), state: { ...carried, state: decoded.state } };
  }
  /** The state with each row `times` times in a row. */
  repeat(carried: DecodingState, times: number): DecodingState {
    const rows = (t: Tensor): Tensor => t.repeatInterleave(times, 0);
    const { inputIds, memory, mask, state } = carried;
    return {
      inputIds: rows(inputIds),
      memory: rows(memory),
      mask: rows(mask),
      state: state.map((s) => s.repeatInterleave(times, 1)),
    };
  }
  /** The state for other rows: each continues the one that `rows` (int32) names, of the same text. */
  reorder(carried: DecodingState, rows: Tensor): DecodingState {
    return { ...carried, state: carried.state.map((s) => s.indexSelect(1, rows)) };
  }
}

/** Up to the last token of each row, `[B]`: a padding token inside a text cuts nothing off. */
function lengthsOf(mask: Tensor): Tensor {
  const [B, S] = mask.dims(2, "Seq2SeqRnn") as [number, number]; // two sizes, as checked
  if (S === 0) return zeros([B], { dtype: "int32" });
  return mask
    .int()
    .mul(arange(1, S + 1))
    .amax({ dim: 1 });
}

/** What was decoded, with all positions in one dimension. */
interface Rows {
  readonly output: Tensor; //            [B T, E]
  readonly weights: Tensor; //           [B T, S]
  readonly gate: Tensor | undefined; //  [B T]
}

function flatten({ output, weights, gate }: Decoded): Rows {
  return { output: output.flatten(0, 1), weights: weights.flatten(0, 1), gate: gate?.flatten() };
}

/** The untrained model of a `config.json`. */
export function fromConfig(config: PretrainedConfig, file: string): Seq2SeqRnn {
  const whole = { ...defaultConfig, ...config } as RnnSeq2SeqConfig; // checked in the next line
  checkConfig(whole, file);
  return new Seq2SeqRnn(whole);
}
