// A recurrent encoder and decoder with attention: the summarizer. https://arxiv.org/abs/1508.04025
//
//   m = encoder.rnn(embed(input))                      [B, S, H]
//   q = decoder.rnn(embed(previous)), from the encoder's final state        [B, T, H]
//   c = attention(q, m), o = tanh(combine([c; q])), logits = output(o)      [B, T, V]

import { DataError, ShapeError } from "../base/errors.ts";
import { AdditiveAttention, DotAttention } from "../nn/attention.ts";
import { Dropout } from "../nn/dropout.ts";
import { Embedding } from "../nn/embedding.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { GRU, LSTM, type LstmState } from "../nn/rnn.ts";
import { full } from "../tensor/create.ts";
import { crossEntropy } from "../tensor/functional/losses.ts";
import { cat } from "../tensor/indexing.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkFields, type PretrainedConfig } from "./configuration.ts";
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
  const kinds = {
    vocabSize: "whole",
    embeddingSize: "whole",
    hiddenSize: "whole",
    numLayers: "whole",
    rnnType: ["lstm", "gru"],
    bidirectional: "boolean",
    attention: ["dot", "additive"],
    dropout: "share",
    tieWordEmbeddings: "boolean",
    tieOutputEmbeddings: "boolean",
  } as const;
  checkFields(config, kinds, file);
  if (config.bidirectional && config.hiddenSize % 2 !== 0) {
    throw new ShapeError(`${file}: a bidirectional encoder halves the hidden size, and ${config.hiddenSize} is odd.`, { hiddenSize: config.hiddenSize });
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

/** Previous ids `[B, T]`, memory and state to outputs before the vocabulary, `[B, T, E]`. */
export class Decoder extends Module<[ids: Tensor, memory: Tensor, mask: Tensor, state: RnnState], [output: Tensor, state: RnnState]> {
  readonly embedding: Embedding;
  readonly rnn: LSTM | GRU;
  readonly attention: DotAttention | AdditiveAttention;
  readonly combine: Linear;
  readonly output: Linear;
  readonly dropout: Dropout;

  constructor(config: RnnSeq2SeqConfig) {
    super();
    const { vocabSize, embeddingSize, hiddenSize, padTokenId } = config;
    this.embedding = new Embedding(vocabSize, embeddingSize, { paddingIdx: padTokenId });
    this.rnn = makeRnn(config, hiddenSize, false);
    this.attention = config.attention === "dot" ? new DotAttention(hiddenSize) : new AdditiveAttention(hiddenSize);
    this.combine = new Linear(2 * hiddenSize, embeddingSize);
    this.output = new Linear(embeddingSize, vocabSize);
    this.dropout = new Dropout(config.dropout);
  }

  forward(ids: Tensor, memory: Tensor, mask: Tensor, state: RnnState): [Tensor, RnnState] {
    const x = this.dropout(this.embedding(ids)); //            [B, T, E]
    const [q, last] = runRnn(this.rnn, x, state); //           [B, T, H]
    const context = this.attention(q, memory, mask); //        [B, T, H]
    const o = this.combine(cat([context, q], -1)).tanh(); //   [B, T, E]
    return [this.dropout(o), last];
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
  readonly memory: Tensor;
  readonly mask: Tensor;
  readonly state: RnnState;
}

/** The summarizer. `model({ inputIds, labels }).loss`; `generate(model, …)` decodes. */
export class Seq2SeqRnn extends PreTrainedModel<RnnSeq2SeqConfig, [batch: Seq2SeqBatch], Seq2SeqOutput> {
  static readonly modelType = "rnn_seq2seq";
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
    if (decoderIds === undefined) throw new DataError("Seq2SeqRnn: a batch needs labels or decoderInputIds; generate() needs neither.", {});
    const { memory, mask, state } = this.encode(inputIds, batch.attentionMask);
    const [output] = this.decoder(decoderIds, memory, mask, state); // [B, T, E]
    if (labels === undefined) return { logits: this.decoder.output(output) };
    const [B, T, E] = output.dims(3, "Seq2SeqRnn") as [number, number, number]; // three sizes, as checked
    const flat = labels.reshape(B * T);
    const labelSmoothing = batch.labelSmoothing ?? 0;
    if (this.training) {
      const learnt = flat.ne(-100).nonzero().squeeze(1); // [N]
      const rows = output.reshape(B * T, E).indexSelect(0, learnt); // [N, E]
      return { loss: crossEntropy(this.decoder.output(rows), flat.indexSelect(0, learnt), { labelSmoothing }) };
    }
    const logits = this.decoder.output(output); // [B, T, V]
    return { loss: crossEntropy(logits.reshape(B * T, -1), flat, { labelSmoothing }), logits };
  }

  /** The labels as the decoder sees them: after the start token, without the last, padding for −100. */
  shiftRight(labels: Tensor): Tensor {
    const [B, T] = labels.dims(2, "shiftRight") as [number, number]; // two sizes, as checked
    const start = full([B, 1], this.config.decoderStartTokenId, { dtype: "int32" });
    const shifted = cat([start, labels.narrow(1, 0, T - 1)], 1);
    return shifted.maskedFill(shifted.eq(-100), this.config.padTokenId);
  }

  // ── decoding, token by token (see generation/) ──────────────────────────────────────────────────────────────────

  encode(inputIds: Tensor, attentionMask?: Tensor): DecodingState {
    const mask = attentionMask === undefined ? inputIds.ne(this.config.padTokenId) : attentionMask.bool(); // [B, S]
    const lengths = mask.sum({ dim: 1 }).int(); // [B]
    const [memory, state] = this.encoder(inputIds, lengths);
    return { memory, mask, state };
  }
  /** The logits `[B, V]` after the last ids `[B]`, and the state to go on from. */
  decodeStep(lastIds: Tensor, carried: DecodingState): { readonly logits: Tensor; readonly state: DecodingState } {
    const { memory, mask } = carried;
    const [output, state] = this.decoder(lastIds.unsqueeze(1), memory, mask, carried.state); // [B, 1, E]
    return { logits: this.decoder.output(output.squeeze(1)), state: { memory, mask, state } };
  }
  /** The state with each row `times` times in a row. */
  repeat({ memory, mask, state }: DecodingState, times: number): DecodingState {
    return {
      memory: memory.repeatInterleave(times, 0),
      mask: mask.repeatInterleave(times, 0),
      state: state.map((s) => s.repeatInterleave(times, 1)),
    };
  }
  /** The state for other rows: each continues the one that `rows` (int32) names, of the same text. */
  reorder(carried: DecodingState, rows: Tensor): DecodingState {
    return { ...carried, state: carried.state.map((s) => s.indexSelect(1, rows)) };
  }
}

/** The untrained model of a `config.json`. */
export function fromConfig(config: PretrainedConfig, file: string): Seq2SeqRnn {
  const whole = { ...defaultConfig, ...config } as RnnSeq2SeqConfig; // checked in the next line
  checkConfig(whole, file);
  return new Seq2SeqRnn(whole);
}
