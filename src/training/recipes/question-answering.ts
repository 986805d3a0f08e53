// Questions whose answer is a part of a text: windows of long texts with the places of the answer, and from the logits of all windows back to
// answers. As in Hugging Face's run_qa. https://arxiv.org/abs/1606.05250
//
//   const rows = questionRows(JSON.parse(squad));
//   const trainDataset = prepareQuestionAnswering(rows, tokenizer, { maxLength: 384, docStride: 128 });
//   new Trainer({ …, trainDataset, dataCollator: questionCollator(tokenizer) })
//   answersOfLogits(rows, features, predictions)

import { ArgumentError, DataError } from "../../base/errors.ts";
import { DataCollatorWithPadding } from "../../data/collators.ts";
import type { PreTrainedTokenizer } from "../../text/pretrained-tokenizer.ts";
import type { Batch } from "../step.ts";

export interface QuestionRow {
  readonly id: string;
  readonly question: string;
  readonly context: string;
  /** What people answered, and where it begins in the context, in UTF-16 units; none where the context does not say. */
  readonly answers: { readonly text: readonly string[]; readonly answerStart: readonly number[] };
}

/**
 * Rows out of SQuAD's JSON (`{ data: [{ paragraphs: … }] }`) or of objects with "question", "context" and "answers": `{ text, answer_start }`, a list
 * of texts or one, found in the context, none where it does not tell. `answer_start` counts code points, as SQuAD's files do, or UTF-16 units. Throws DataError with the row for what does not fit; `file` is for the message.
 */
export function questionRows(json: unknown, file = "questionRows"): QuestionRow[] {
  const flat = Array.isArray(json) ? json : squadRows(json);
  if (flat.length === 0) throw new DataError(`${file}: it holds no questions.`, { file });
  return flat.map((row, i) => questionRow(row, `${file}, row ${i}`, i));
}

function squadRows(json: unknown): unknown[] {
  const listOf = (value: unknown, name: string): Fields[] => {
    const list = (value as Fields | null)?.[name]; // read by name
    return Array.isArray(list) ? list : [];
  };
  return listOf(json, "data").flatMap((article) =>
    listOf(article, "paragraphs").flatMap((paragraph) =>
      listOf(paragraph, "qas").map((qa) => ({ ...qa, context: paragraph["context"] })),
    ),
  );
}

type Fields = Readonly<Record<string, unknown>>;

function questionRow(row: unknown, place: string, i: number): QuestionRow {
  const fields = (row ?? {}) as Fields; // checked next
  const { id = String(i), question, context, answers } = fields;
  const text = (value: unknown, name: string): string => {
    if (typeof value === "string" && value.trim() !== "") return value;
    throw new DataError(
      `${place}: "${name}" is ${value === undefined ? "missing" : JSON.stringify(value)}; wants a text.`,
      {
        name,
      },
    );
  };
  const whole = text(context, "context");
  if (answers === undefined && fields["is_impossible"] !== true)
    throw new DataError(`${place}: "answers" is missing; an empty list says that the context does not tell.`, {
      place,
    });
  const given = answersOf(answers).filter(([answer]) => answer !== "");
  const found = given.map(([answer, start]): [string, number] => {
    if (typeof answer !== "string")
      throw new DataError(`${place}: an answer is ${JSON.stringify(answer)}; wants a text.`, {});
    const at = placeOf(answer, start, whole);
    if (at !== undefined) return [answer, at];
    const where = start === undefined ? "in the context" : `at character ${start} of the context`;
    throw new DataError(`${place}: the answer "${answer}" does not stand ${where}.`, { answer, start });
  });
  return {
    id: String(id),
    question: text(question, "question"),
    context: whole,
    answers: { text: found.map(([answer]) => answer), answerStart: found.map(([, start]) => start) },
  };
}

/** Where the answer begins, in UTF-16 units. Files count code points, as Python does; programs may count units: either is right if the answer is there. */
function placeOf(answer: string, start: unknown, context: string): number | undefined {
  const stands = (at: number): boolean => at >= 0 && context.startsWith(answer, at);
  if (start === undefined) return [context.indexOf(answer)].find(stands);
  if (typeof start !== "number" || !Number.isInteger(start) || start < 0) return undefined;
  return [unitsBefore(context, start), start].find(stands);
}

/** UTF-16 units of the first `points` code points. */
function unitsBefore(text: string, points: number): number {
  let at = 0;
  for (let i = 0; i < points && at < text.length; i++) at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  return at;
}

/** Texts with their places, where they are told. */
function answersOf(answers: unknown): (readonly [text: unknown, start: unknown])[] {
  if (answers === null || answers === undefined) return [];
  if (typeof answers === "string") return [[answers, undefined]];
  if (Array.isArray(answers))
    return answers.map((answer) =>
      typeof answer === "object" && answer !== null
        ? [(answer as Fields)["text"], (answer as Fields)["answer_start"]]
        : [answer, undefined],
    );
  const { text, answer_start: starts, answerStart = starts } = answers as Fields; // an object, read by name
  const [texts, places] = [text, answerStart].map((value) => (Array.isArray(value) ? value : [value])) as [
    unknown[],
    unknown[],
  ]; // two in, two out
  return texts[0] === undefined ? [] : texts.map((answer, i) => [answer, places[i]]);
}

export interface QuestionFeature {
  /** Which row it is a window of. */
  readonly row: number;
  readonly inputIds: readonly number[];
  readonly attentionMask: readonly number[];
  readonly tokenTypeIds?: readonly number[];
  /** The token that stands for no answer: `[CLS]`, or `<s>` where there is none. */
  readonly noAnswer: number;
  /** The first and the last token of the answer; `noAnswer` where the window does not hold it. */
  readonly startPositions: number;
  readonly endPositions: number;
  /** Characters of the context that each token covers; null for tokens that are not of it. */
  readonly offsets: readonly (readonly [start: number, end: number] | null)[];
}

export interface QuestionFeatureOptions {
  /** Tokens of question and context together; default 384, or the tokenizer's own limit if that is less. */
  readonly maxLength?: number | undefined;
  /** Tokens that neighbouring windows share; default 128, at most half of `maxLength`. */
  readonly docStride?: number | undefined;
}

/** The windows of all rows, with the places of each one's first answer. Throws ArgumentError where a question leaves no place for the context. */
export function prepareQuestionAnswering(
  rows: readonly QuestionRow[],
  tokenizer: PreTrainedTokenizer,
  options: QuestionFeatureOptions = {},
): QuestionFeature[] {
  const { maxLength = Math.min(tokenizer.modelMaxLength, 384) } = options;
  const { docStride = Math.min(128, Math.floor(maxLength / 2)) } = options;
  const contextFirst = tokenizer.paddingSide === "left";
  const context = contextFirst ? 0 : 1;
  return rows.flatMap((row, i) => {
    const asked = row.question.trimStart(); // spaces would take the context's place
    const [text, pair] = contextFirst ? [row.context, asked] : [asked, row.context];
    const question = tokenizer.backend.encode(asked, { padding: null, truncation: null }).length;
    if (question + docStride + 2 > maxLength)
      throw new ArgumentError(
        `row ${i}: the question has ${question} tokens, which with a docStride of ${docStride} leaves no place for the context in ${maxLength} tokens. ` +
          "Raise maxLength, or lower docStride.",
        { row: i, question, docStride, maxLength },
      );
    const strategy = contextFirst ? "onlyFirst" : "onlySecond";
    const truncation = { maxLength, stride: docStride, strategy, side: "right" } as const;
    const whole = tokenizer.backend.encode(text, { pair, padding: null, truncation });
    return [whole, ...whole.overflowing].map((encoding) => {
      const classToken = tokenizer.clsTokenId ?? tokenizer.bosTokenId;
      const noAnswer = Math.max(0, encoding.ids.indexOf(classToken ?? -1));
      const offsets = encoding.offsets.map((offset, t) => (encoding.sequenceIds[t] === context ? offset : null));
      return {
        row: i,
        inputIds: encoding.ids,
        attentionMask: encoding.attentionMask,
        ...(tokenizer.modelInputNames.includes("token_type_ids") && { tokenTypeIds: encoding.typeIds }),
        noAnswer,
        ...positions(row, offsets, noAnswer),
        offsets,
      };
    });
  });
}

/** The tokens of the first answer, or twice the one that says that it is not here. */
function positions(
  { answers }: QuestionRow,
  offsets: QuestionFeature["offsets"],
  none: number,
): Pick<QuestionFeature, "startPositions" | "endPositions"> {
  const [text, from] = [answers.text[0], answers.answerStart[0]];
  const absent = { startPositions: none, endPositions: none };
  if (text === undefined || from === undefined) return absent;
  const to = from + text.length;
  const first = offsets.findIndex((offset) => offset !== null);
  const last = offsets.findLastIndex((offset) => offset !== null);
  if (first < 0 || offsets[first]![0] > from || offsets[last]![1] < to) return absent;
  return {
    startPositions: offsets.findLastIndex((offset) => offset !== null && offset[0] <= from),
    endPositions: offsets.findIndex((offset) => offset !== null && offset[1] >= to),
  };
}

/** Batches of windows; on the left, positions move by the padding. */
export function questionCollator(tokenizer: PreTrainedTokenizer): (rows: readonly QuestionFeature[]) => Batch {
  const pad = DataCollatorWithPadding({ tokenizer });
  const isLeft = tokenizer.paddingSide === "left";
  return (rows) => {
    const width = Math.max(...rows.map(({ inputIds }) => inputIds.length));
    return pad(
      rows.map(({ row: _, offsets: __, noAnswer: ___, startPositions, endPositions, ...kept }) => {
        const moved = isLeft ? width - kept.inputIds.length : 0;
        return { ...kept, startPositions: startPositions + moved, endPositions: endPositions + moved };
      }),
    );
  };
}
