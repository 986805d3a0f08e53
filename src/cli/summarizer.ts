// From rows of text and summary to what a Trainer takes: the tokenizer, the encoded rows, the model.

import { ArgumentError } from "../base/errors.ts";
import { type RnnSeq2SeqConfig, Seq2SeqRnn } from "../models/rnn-seq2seq.ts";
import { PreTrainedTokenizer } from "../text/pretrained-tokenizer.ts";
import { trainBpe } from "../text/train-bpe.ts";

export interface TextSummary {
  readonly text: string;
  readonly summary: string;
}

/** A row as the model reads it; both lists end with the end token. */
export interface EncodedRow {
  readonly inputIds: readonly number[];
  readonly labels: readonly number[];
}

const specialTokens = ["<pad>", "<s>", "</s>", "<unk>"] as const;

/** A byte-level BPE tokenizer of the rows' own words. Every text it encodes ends with `</s>`. */
export function trainTokenizer(rows: readonly TextSummary[], vocabSize: number, maxTokens: number): PreTrainedTokenizer {
  const least = 256 + specialTokens.length;
  if (vocabSize < least) {
    throw new ArgumentError(`--vocab-size ${vocabSize}: a byte-level vocabulary has at least ${least} entries.`, { vocabSize });
  }
  const texts = rows.flatMap((row) => [row.text, row.summary]);
  const trained = trainBpe(texts, { vocabSize, specialTokens: [...specialTokens] });
  trained.postProcessor = {
    type: "TemplateProcessing",
    single: [{ Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: "</s>", type_id: 0 } }],
    pair: [
      { Sequence: { id: "A", type_id: 0 } },
      { SpecialToken: { id: "</s>", type_id: 0 } },
      { Sequence: { id: "B", type_id: 1 } },
      { SpecialToken: { id: "</s>", type_id: 1 } },
    ],
    special_tokens: { "</s>": { id: "</s>", ids: [2], tokens: ["</s>"] } },
  };
  return new PreTrainedTokenizer(trained, {
    padToken: "<pad>",
    bosToken: "<s>",
    eosToken: "</s>",
    unkToken: "<unk>",
    modelMaxLength: maxTokens,
  });
}

/** Encodes the rows: texts cut to the tokenizer's length, summaries to `maxTargetTokens`. */
export function encodeRows(rows: readonly TextSummary[], tokenizer: PreTrainedTokenizer, maxTargetTokens: number): EncodedRow[] {
  return rows.map(({ text, summary }) => ({
    inputIds: tokenizer(text, { truncation: true }).inputIds,
    labels: tokenizer(summary, { truncation: true, maxLength: maxTargetTokens }).inputIds,
  }));
}

/** An untrained summarizer for a tokenizer. */
export function makeModel(tokenizer: PreTrainedTokenizer, config: Partial<RnnSeq2SeqConfig>): Seq2SeqRnn {
  return new Seq2SeqRnn({ ...config, vocabSize: tokenizer.vocabSize });
}
