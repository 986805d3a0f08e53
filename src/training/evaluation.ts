// Measuring a model on rows it does not learn from: the loss per label, and on request what it predicts.

import { type Decodable, generate } from "../generation/generate.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { stack } from "../tensor/indexing.ts";
import { forEachTensor, tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";
import { breathe } from "./breathe.ts";
import { type Batch, countLabels, ignoreIndex, labelColumns, type ModelOutput } from "./step.ts";

/** Numbers of one row, as deep as its prediction has dimensions. */
export type RowValues = number | boolean | readonly RowValues[];

export interface Evaluation {
  /** The mean over all labels; undefined if the rows have none. */
  readonly loss: number | undefined;
  /** For each row: with generation the ids that were made, otherwise its logits (or what `preprocessLogits` made of them). */
  readonly predictions: readonly RowValues[];
  /** For each row its labels, as they stood in the batch; of several columns a list of them. */
  readonly labelIds: readonly RowValues[];
  /** If asked for: the ids of each row, padded as in its batch, and the mean loss of its batch. */
  readonly inputs?: readonly RowValues[];
  readonly losses?: readonly number[];
}

export interface EvaluationOptions<Row> {
  readonly batchSize: number;
  readonly collate: (rows: readonly Row[]) => Batch;
  readonly forward: (batch: Batch) => ModelOutput;
  /** How long a row is; rows of like length share a batch. */
  readonly lengthOf: (row: Row) => number;
  /** Whether predictions are kept. */
  readonly collect: boolean;
  /** Generates instead of taking the logits. */
  readonly generation?:
    | { readonly model: Decodable<unknown>; readonly maxNewTokens: number; readonly numBeams: number }
    | undefined;
  readonly preprocessLogits?: ((logits: Tensor, labels: Tensor | undefined) => Tensor) | undefined;
  /** The columns that are labels, if they have other names than usual. */
  readonly labelNames?: readonly string[];
  /** What is kept beside predictions and labels. */
  readonly include?: readonly ("inputs" | "loss")[];
  /** Ends the evaluation between two batches; the promise is rejected with its reason. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Visits every row once, the longest first; what is returned stands in the rows' order. */
export async function evaluateRows<Row>(rows: readonly Row[], options: EvaluationOptions<Row>): Promise<Evaluation> {
  const { batchSize, collate, forward, collect, generation, signal, onProgress, labelNames, include = [] } = options;
  const lengths = rows.map(options.lengthOf);
  const order = rows.map((_, i) => i).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  const predictions = new Array<RowValues>(collect ? rows.length : 0);
  const labelIds = new Array<RowValues>(collect ? rows.length : 0);
  const inputs = new Array<RowValues>(include.includes("inputs") ? rows.length : 0);
  const losses = new Array<number>(include.includes("loss") ? rows.length : 0);
  let [lossSum, labels] = [0, 0];
  for (let at = 0; at < order.length; at += batchSize) {
    const chosen = order.slice(at, at + batchSize);
    const batch = collate(chosen.map((i) => rows[i]!));
    try {
      const measured = noGrad(() =>
        tidy(() => measure(batch, forward, collect && generation === undefined ? options : undefined, labelNames)),
      );
      if (measured.loss !== undefined) {
        lossSum += measured.loss * measured.count;
        labels += measured.count;
      }
      const made =
        collect && generation !== undefined ? await generateRows(batch, generation, signal) : measured.predictions;
      const wanted = collect ? labelsOf(batch, labelNames) : [];
      const given = include.includes("inputs") && batch["inputIds"] instanceof Tensor ? listsOf(batch["inputIds"]) : [];
      chosen.forEach((row, i) => {
        if (made[i] !== undefined) predictions[row] = made[i];
        if (wanted[i] !== undefined) labelIds[row] = wanted[i];
        if (given[i] !== undefined) inputs[row] = given[i];
        if (include.includes("loss")) losses[row] = measured.loss ?? Number.NaN;
      });
    } finally {
      forEachTensor(batch, (t) => t.dispose("the end of its evaluation"));
    }
    onProgress?.(Math.min(at + batchSize, order.length), order.length);
    await breathe();
    signal?.throwIfAborted();
  }
  return {
    ...{ loss: labels === 0 ? undefined : lossSum / labels, predictions, labelIds },
    ...(include.includes("inputs") && { inputs }),
    ...(include.includes("loss") && { losses }),
  };
}

interface Measured {
  readonly loss: number | undefined;
  readonly count: number;
  readonly predictions: readonly RowValues[];
}

function measure<Row>(
  batch: Batch,
  forward: (batch: Batch) => ModelOutput,
  logitsFor: EvaluationOptions<Row> | undefined,
  labelNames: readonly string[] | undefined,
): Measured {
  const count = countLabels(batch, labelNames);
  const output = forward(batch);
  const { loss } = output;
  const logits = logitsOf(output);
  const [labels] = labelColumns(batch, labelNames);
  const kept =
    logits === undefined || logitsFor === undefined
      ? undefined
      : (logitsFor.preprocessLogits?.(logits, labels) ?? logits);
  return { loss: count === 0 ? undefined : loss?.item(), count, predictions: kept === undefined ? [] : listsOf(kept) };
}

/** What is predicted: of answers, where they begin and end, `[B, 2, T]`. */
function logitsOf({ logits, startLogits, endLogits }: ModelOutput): Tensor | undefined {
  if (logits !== undefined || startLogits === undefined || endLogits === undefined) return logits;
  return stack([startLogits, endLogits], 1);
}

/** Of each row; of several columns, as the places of both ends of an answer, a list of theirs. */
function labelsOf(batch: Batch, names?: readonly string[]): RowValues[] {
  const columns = labelColumns(batch, names).map(listsOf);
  if (columns.length <= 1) return columns[0] ?? [];
  return columns[0]!.map((_, i) => columns.map((column) => column[i]!));
}

function listsOf(tensor: Tensor): RowValues[] {
  return tensor.tolist() as RowValues[]; // the first dimension is the rows
}

async function generateRows(
  batch: Batch,
  generation: NonNullable<EvaluationOptions<never>["generation"]>,
  signal: AbortSignal | undefined,
): Promise<number[][]> {
  const { model, maxNewTokens, numBeams } = generation;
  const { inputIds, attentionMask } = batch as { readonly inputIds: Tensor; readonly attentionMask?: Tensor }; // a text's batch
  const inputs = attentionMask === undefined ? { inputIds } : { inputIds, attentionMask };
  return generate(model, inputs, { maxNewTokens, numBeams, ...(signal !== undefined && { signal }) });
}

/** The ids of each row without what stands for no label. */
export function withoutIgnored(labelIds: readonly RowValues[]): number[][] {
  return labelIds.map((row) => (Array.isArray(row) ? (row as number[]).filter((id) => id !== ignoreIndex) : [])); // ids of a text
}
